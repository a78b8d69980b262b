#include "server/store/erasures.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/erased_actor.h"
#include "server/model/errors.h"
#include "server/store/avatars.h"
#include "server/store/files.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

// What one step looks at, and does, at most.
constexpr uint32_t kMessagesLookedAt = 2000;
constexpr size_t kMessagesAtOnce = 50;
constexpr uint32_t kBookmarksLookedAt = 500;

#define HEIM_ERASURE_SELECT "SELECT workspace_id, stage, place, email, record FROM erasures "
constexpr char kInsert[] =
    "INSERT INTO erasures (id, actor_id, workspace_id, state, stage, place, email, record) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
constexpr char kGet[] = HEIM_ERASURE_SELECT "WHERE id = $1";
constexpr char kOfActor[] = HEIM_ERASURE_SELECT "WHERE actor_id = $1 ORDER BY id DESC LIMIT 1";
// What waits for the blob store holds up nobody else. 1 is running.
constexpr char kNext[] = HEIM_ERASURE_SELECT "WHERE state = 1 ORDER BY stage, id LIMIT 1";
constexpr char kUpdate[] =
    "UPDATE erasures SET state = $2, stage = $3, place = $4, email = $5, record = $6 "
    "WHERE id = $1";

constexpr char kEmail[] = "SELECT email FROM actors WHERE id = $1";
constexpr char kForgetEmail[] = "UPDATE actors SET email = NULL WHERE id = $1";
constexpr char kForgetNames[] = "DELETE FROM former_usernames WHERE actor_id = $1";
constexpr char kForgetResets[] =
    "DELETE FROM password_resets WHERE actor_id = $1 OR created_by = $1";
constexpr char kForgetSessions[] = "DELETE FROM sessions WHERE actor_id = $1";
constexpr char kForgetKeys[] = "DELETE FROM credentials WHERE actor_id = $1";

// The window is bounded by what it looks at, not by what it finds.
constexpr char kLookAt[] =
    "SELECT id, actor_id, body, deleted FROM messages WHERE id > $1 ORDER BY id LIMIT $2";
constexpr char kReactedIn[] =
    "SELECT message_id, emoji FROM reactions "
    "WHERE message_id > $2 AND message_id <= $3 AND actor_id = $1 ORDER BY message_id, emoji";
// How the author's programs called its messages, tombstones too.
constexpr char kForgetClientIds[] =
    "UPDATE messages SET client_id = NULL, request_hash = NULL "
    "WHERE id > $2 AND id <= $3 AND actor_id = $1";
constexpr char kVersions[] = "SELECT revision, body FROM message_versions WHERE message_id = $1";
constexpr char kSetVersion[] =
    "UPDATE message_versions SET body = $3 WHERE message_id = $1 AND revision = $2";
constexpr char kEraseVersions[] = "DELETE FROM message_versions WHERE message_id = $1";
constexpr char kBookmarks[] =
    "SELECT id, channel_id, body FROM bookmarks WHERE id > $1 ORDER BY id LIMIT $2";

absl::StatusOr<std::optional<ErasureRow>> ReadRow(SqlSession& session, std::string_view sql,
                                                  absl::Span<const SqlValue> parameters) {
  std::optional<ErasureRow> found;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    ErasureRow& read = found.emplace();
    read.workspace_id = WorkspaceId(row.Text(0));
    read.stage = static_cast<ErasureRow::Stage>(row.Int(1));
    read.cursor = TextOf(row, 2);
    read.email = TextOf(row, 3);
    return ParseColumn(row, 4, &read.erasure);
  }));
  return found;
}

bool Holds(std::string_view bytes, const std::string& id) {
  return bytes.find(id) != std::string_view::npos;
}

}  // namespace

void ErasureRow::Advance() {
  stage = static_cast<Stage>(static_cast<int>(stage) + 1);
  cursor.clear();
}

void ErasureRow::Count(std::string_view kind, uint64_t count) {
  if (count == 0) return;
  for (v1::ErasedKind& known : *erasure.mutable_erased()) {
    if (known.kind() != kind) continue;
    known.set_count(known.count() + count);
    return;
  }
  v1::ErasedKind& added = *erasure.add_erased();
  added.set_kind(std::string(kind));
  added.set_count(count);
}

absl::Status Erasures::Insert(const ErasureRow& row) {
  const std::string record = row.erasure.SerializeAsString();
  return session_
      ->Execute(kInsert, {SqlText(row.erasure.id()), SqlText(row.erasure.actor_id()),
                          SqlId(row.workspace_id), SqlEnum(row.erasure.state()),
                          SqlEnum(static_cast<int>(row.stage)), SqlText(row.cursor),
                          SqlText(row.email), SqlBlob(record)})
      .status();
}

absl::StatusOr<ErasureRow> Erasures::Get(std::string_view id) {
  HEIM_ASSIGN_OR_RETURN(std::optional<ErasureRow> row, ReadRow(*session_, kGet, {SqlText(id)}));
  if (!row.has_value()) return ActorNotFound();
  return *std::move(row);
}

absl::StatusOr<std::optional<ErasureRow>> Erasures::OfActor(const ActorId& actor) {
  return ReadRow(*session_, kOfActor, {SqlId(actor)});
}

absl::StatusOr<std::optional<ErasureRow>> Erasures::Next() { return ReadRow(*session_, kNext, {}); }

absl::Status Erasures::Update(const ErasureRow& row) {
  const std::string record = row.erasure.SerializeAsString();
  return session_
      ->Execute(kUpdate, {SqlText(row.erasure.id()), SqlEnum(row.erasure.state()),
                          SqlEnum(static_cast<int>(row.stage)), SqlText(row.cursor),
                          SqlText(row.email), SqlBlob(record)})
      .status();
}

absl::StatusOr<std::string> Erasures::TakeEmail(const ActorId& actor) {
  std::string email;
  HEIM_RETURN_IF_ERROR(session_->Query(kEmail, {SqlId(actor)}, [&](const SqlRow& row) {
    if (!row.IsNull(0)) email = TextOf(row, 0);
    return absl::OkStatus();
  }));
  HEIM_RETURN_IF_ERROR(session_->Execute(kForgetEmail, {SqlId(actor)}).status());
  return email;
}

absl::Status Erasures::EraseIdentity(ErasureRow* row) {
  const ActorId actor = row->actor_id();
  Avatars avatars(*session_);
  HEIM_ASSIGN_OR_RETURN(const std::optional<AvatarRow> picture, avatars.Get(actor));
  if (picture.has_value()) {
    Files files(*session_);
    HEIM_RETURN_IF_ERROR(files.AddDeadBlob(picture->large.blob_key));
    HEIM_RETURN_IF_ERROR(files.AddDeadBlob(picture->small.blob_key));
    HEIM_RETURN_IF_ERROR(avatars.Delete(actor));
    row->Count("pictures", 1);
  }
  HEIM_RETURN_IF_ERROR(session_->Execute(kForgetNames, {SqlId(actor)}).status());
  HEIM_RETURN_IF_ERROR(session_->Execute(kForgetResets, {SqlId(actor)}).status());
  HEIM_ASSIGN_OR_RETURN(const int64_t sessions, session_->Execute(kForgetSessions, {SqlId(actor)}));
  row->Count("sessions", static_cast<uint64_t>(sessions));
  HEIM_ASSIGN_OR_RETURN(const int64_t keys, session_->Execute(kForgetKeys, {SqlId(actor)}));
  row->Count("credentials", static_cast<uint64_t>(keys));
  return absl::OkStatus();
}

absl::StatusOr<Erasures::Window> Erasures::NextMessages(ErasureRow* row) {
  Window window;
  const std::string id = row->actor_id().str();
  const std::string from = row->cursor;
  uint32_t looked_at = 0;
  const absl::Status status = session_->Query(
      kLookAt, {SqlText(from), SqlInt(kMessagesLookedAt)}, [&](const SqlRow& message) {
        if (window.messages.size() == kMessagesAtOnce) return absl::OutOfRangeError("enough");
        ++looked_at;
        row->cursor = TextOf(message, 0);
        const bool own = message.Text(1) == id;
        const bool left = own ? message.Int(3) == 0 : Holds(message.Blob(2), id);
        if (left) window.messages.push_back({MessageId(row->cursor), own});
        return absl::OkStatus();
      });
  const bool full = window.messages.size() == kMessagesAtOnce;
  if (!status.ok() && !(full && absl::IsOutOfRange(status))) return status;
  const std::string to = row->cursor;
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kForgetClientIds, {SqlText(id), SqlText(from), SqlText(to)}).status());
  HEIM_RETURN_IF_ERROR(session_->Query(
      kReactedIn, {SqlText(id), SqlText(from), SqlText(to)}, [&](const SqlRow& reaction) {
        window.reactions.push_back({MessageId(reaction.Text(0)), TextOf(reaction, 1)});
        return absl::OkStatus();
      }));
  if (looked_at < kMessagesLookedAt && !full) row->cursor.clear();
  return window;
}

absl::Status Erasures::AnonymiseMessage(const MessageId& message) {
  return session_->Execute(kEraseVersions, {SqlId(message)}).status();
}

absl::Status Erasures::RedactVersions(const MessageId& message, const v1::Actor& erased) {
  std::vector<std::pair<int64_t, std::string>> changed;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kVersions, {SqlId(message)}, [&](const SqlRow& row) -> absl::Status {
        v1::Message said;
        HEIM_RETURN_IF_ERROR(ParseColumn(row, 1, &said));
        if (RedactMentions(erased, &said)) {
          changed.emplace_back(row.Int(0), said.SerializeAsString());
        }
        return absl::OkStatus();
      }));
  for (const auto& [revision, body] : changed) {
    HEIM_RETURN_IF_ERROR(
        session_->Execute(kSetVersion, {SqlId(message), SqlValue(revision), SqlBlob(body)})
            .status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::pair<std::string, ChannelId>>> Erasures::NextBookmarks(
    ErasureRow* row) {
  std::vector<std::pair<std::string, ChannelId>> found;
  uint32_t looked_at = 0;
  const std::string from = row->cursor;
  HEIM_RETURN_IF_ERROR(session_->Query(kBookmarks, {SqlText(from), SqlInt(kBookmarksLookedAt)},
                                       [&](const SqlRow& bookmark) -> absl::Status {
                                         ++looked_at;
                                         row->cursor = TextOf(bookmark, 0);
                                         if (!Holds(bookmark.Blob(2), row->actor_id().str()))
                                           return absl::OkStatus();
                                         found.emplace_back(row->cursor,
                                                            ChannelId(bookmark.Text(1)));
                                         return absl::OkStatus();
                                       }));
  if (looked_at < kBookmarksLookedAt) row->cursor.clear();
  return found;
}

}  // namespace heim
