#include "server/store/avatars.h"

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kSet[] =
    "INSERT INTO avatars (actor_id, blob_key, size_bytes, sha256, small_blob_key, "
    "small_size_bytes, small_sha256) VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT (actor_id) DO UPDATE SET blob_key = excluded.blob_key, "
    "size_bytes = excluded.size_bytes, sha256 = excluded.sha256, "
    "small_blob_key = excluded.small_blob_key, small_size_bytes = excluded.small_size_bytes, "
    "small_sha256 = excluded.small_sha256";
constexpr char kGet[] =
    "SELECT blob_key, size_bytes, sha256, small_blob_key, small_size_bytes, small_sha256 "
    "FROM avatars WHERE actor_id = $1";
constexpr char kDelete[] = "DELETE FROM avatars WHERE actor_id = $1";

StoredPicture ReadPicture(const SqlRow& row, int first) {
  return {TextOf(row, first), row.Int(first + 1), TextOf(row, first + 2)};
}

}  // namespace

absl::Status Avatars::Set(const AvatarRow& row) {
  return session_
      ->Execute(kSet,
                {SqlId(row.actor_id), SqlText(row.large.blob_key), SqlValue(row.large.size_bytes),
                 SqlText(row.large.sha256), SqlText(row.small.blob_key),
                 SqlValue(row.small.size_bytes), SqlText(row.small.sha256)})
      .status();
}

absl::StatusOr<std::optional<AvatarRow>> Avatars::Get(const ActorId& actor) {
  std::optional<AvatarRow> found;
  HEIM_RETURN_IF_ERROR(session_->Query(kGet, {SqlId(actor)}, [&](const SqlRow& row) {
    found = AvatarRow{actor, ReadPicture(row, 0), ReadPicture(row, 3)};
    return absl::OkStatus();
  }));
  return found;
}

absl::Status Avatars::Delete(const ActorId& actor) {
  return session_->Execute(kDelete, {SqlId(actor)}).status();
}

}  // namespace heim
