// The part of Messages that keeps what messages said before their edits.
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/limits.h"
#include "server/store/messages.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kKeep[] =
    "INSERT INTO message_versions (message_id, revision, body) VALUES ($1, $2, $3) "
    "ON CONFLICT (message_id, revision) DO NOTHING";
constexpr char kForgetOld[] =
    "DELETE FROM message_versions WHERE message_id = $1 AND revision <= $2";
constexpr char kErase[] = "DELETE FROM message_versions WHERE message_id = $1";
constexpr char kList[] =
    "SELECT revision, body FROM message_versions WHERE message_id = $1 AND revision < $2 "
    "ORDER BY revision DESC LIMIT $3";

}  // namespace

absl::Status Messages::KeepVersion(const MessageId& id, uint32_t revision, std::string_view body) {
  v1::Message whole;
  if (!whole.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return absl::InternalError("a stored message does not parse");
  }
  // Only what it said: a copy of another message, for one, is not to lie here too.
  v1::Message said;
  said.set_content(std::move(*whole.mutable_content()));
  said.set_content_type(whole.content_type());
  *said.mutable_parts() = std::move(*whole.mutable_parts());
  // Whom it called: an edit calls those anew whom no version did.
  *said.mutable_mentions() = std::move(*whole.mutable_mentions());
  if (whole.has_edited_at()) *said.mutable_edited_at() = whole.edited_at();
  const std::string bytes = said.SerializeAsString();
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kKeep, {SqlId(id), SqlInt(revision), SqlBlob(bytes)}).status());
  if (revision <= kMessageVersionsMax) return absl::OkStatus();
  return session_->Execute(kForgetOld, {SqlId(id), SqlInt(revision - kMessageVersionsMax)})
      .status();
}

absl::Status Messages::EraseVersions(const MessageId& id) {
  return session_->Execute(kErase, {SqlId(id)}).status();
}

absl::StatusOr<std::vector<v1::MessageVersion>> Messages::ListVersions(const v1::Message& message,
                                                                       uint32_t before_revision,
                                                                       uint32_t limit) {
  std::vector<v1::MessageVersion> versions;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kList, {SqlText(message.id()), SqlInt(before_revision), SqlInt(limit)},
                      [&](const SqlRow& row) -> absl::Status {
                        v1::Message said;
                        HEIM_RETURN_IF_ERROR(ParseColumn(row, 1, &said));
                        v1::MessageVersion& version = versions.emplace_back();
                        version.set_revision(static_cast<uint32_t>(row.Int(0)));
                        version.set_content(said.content());
                        version.set_content_type(said.content_type());
                        *version.mutable_parts() = said.parts();
                        *version.mutable_created_at() =
                            said.has_edited_at() ? said.edited_at() : message.created_at();
                        return absl::OkStatus();
                      }));
  return versions;
}

}  // namespace heim
