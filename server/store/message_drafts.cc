#include "server/store/message_drafts.h"

#include <limits>
#include <string_view>
#include <utility>

#include "heim/v1/channel.pb.h"
#include "server/base/status_macros.h"
#include "server/store/file_refs.h"
#include "server/store/private_events.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kFind[] =
    "SELECT channel_id, thread_id, updated_at, revision, body, workspace_id, position "
    "FROM message_drafts WHERE actor_id = $1 AND channel_id = $2 AND thread_id = $3";
constexpr char kPut[] =
    "INSERT INTO message_drafts (actor_id, channel_id, thread_id, workspace_id, updated_at, "
    "revision, position, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
    "ON CONFLICT (actor_id, channel_id, thread_id) DO UPDATE SET updated_at = excluded.updated_at, "
    "revision = excluded.revision, position = excluded.position, body = excluded.body";
constexpr char kDelete[] =
    "DELETE FROM message_drafts WHERE actor_id = $1 AND channel_id = $2 AND thread_id = $3";
constexpr char kCount[] =
    "SELECT COUNT(*) FROM message_drafts WHERE actor_id = $1 AND workspace_id = $2";
constexpr char kList[] =
    "SELECT d.channel_id, d.thread_id, d.updated_at, d.revision, d.body FROM message_drafts d "
    "JOIN channels c ON c.id = d.channel_id "
    "LEFT JOIN channel_members m ON m.channel_id = d.channel_id AND m.actor_id = d.actor_id "
    "WHERE d.actor_id = $1 AND d.workspace_id = $2 "
    "AND (m.actor_id IS NOT NULL OR (c.type = $3 AND CAST($4 AS BIGINT) = 0)) "
    "AND (d.updated_at, d.channel_id, d.thread_id) < ($5, $6, $7) "
    "ORDER BY d.updated_at DESC, d.channel_id DESC, d.thread_id DESC LIMIT $8";
constexpr char kAllOf[] =
    "SELECT channel_id, thread_id, updated_at, revision, body, position FROM message_drafts "
    "WHERE actor_id = $1 AND workspace_id = $2 ORDER BY channel_id, thread_id";
constexpr char kPlacesOf[] =
    "SELECT workspace_id, position FROM message_drafts WHERE actor_id = $1";
constexpr char kPlacesIn[] =
    "SELECT workspace_id, position FROM message_drafts WHERE channel_id = $1";
constexpr char kDeleteOf[] = "DELETE FROM message_drafts WHERE actor_id = $1";
constexpr char kDeleteIn[] = "DELETE FROM message_drafts WHERE channel_id = $1";

std::string BodyOf(v1::Draft draft) {
  draft.clear_channel_id();
  draft.clear_thread_id();
  draft.clear_updated_at();
  draft.clear_revision();
  return draft.SerializeAsString();
}

// From the first five columns.
absl::Status ReadDraft(const SqlRow& row, v1::Draft* draft) {
  HEIM_RETURN_IF_ERROR(ParseColumn(row, 4, draft));
  draft->set_channel_id(TextOf(row, 0));
  if (!row.Text(1).empty()) draft->set_thread_id(TextOf(row, 1));
  *draft->mutable_updated_at() = TimestampOfMillis(row.Int(2));
  draft->set_revision(static_cast<uint32_t>(row.Int(3)));
  return absl::OkStatus();
}

absl::Status ScrubAll(SqlSession& session, std::string_view places, std::string_view key) {
  std::vector<std::pair<WorkspaceId, uint64_t>> found;
  HEIM_RETURN_IF_ERROR(session.Query(places, {SqlText(key)}, [&](const SqlRow& row) {
    found.emplace_back(WorkspaceId(row.Text(0)), UintOf(row, 1));
    return absl::OkStatus();
  }));
  for (const auto& [workspace, position] : found) {
    HEIM_RETURN_IF_ERROR(ScrubPrivateText(session, workspace, position));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<DraftRow>> MessageDrafts::Find(const DraftPlace& place) {
  std::optional<DraftRow> found;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kFind, {SqlId(place.actor), SqlId(place.channel), SqlId(place.thread)},
                      [&](const SqlRow& row) {
                        found.emplace();
                        found->workspace = WorkspaceId(row.Text(5));
                        found->position = UintOf(row, 6);
                        return ReadDraft(row, &found->draft);
                      }));
  return found;
}

absl::Status MessageDrafts::Put(const ActorId& actor, const DraftRow& row) {
  const DraftPlace place{actor, ChannelId(row.draft.channel_id()),
                         MessageId(row.draft.thread_id())};
  HEIM_ASSIGN_OR_RETURN(const std::optional<DraftRow> before, Find(place));
  if (before.has_value()) {
    HEIM_RETURN_IF_ERROR(ScrubPrivateText(*session_, before->workspace, before->position));
  }
  const std::string body = BodyOf(row.draft);
  return session_
      ->Execute(kPut,
                {SqlId(actor), SqlText(row.draft.channel_id()), SqlText(row.draft.thread_id()),
                 SqlId(row.workspace), SqlTime(row.draft.updated_at()),
                 SqlInt(row.draft.revision()), SqlInt(row.position), SqlBlob(body)})
      .status();
}

absl::StatusOr<bool> MessageDrafts::Delete(const DraftPlace& place) {
  HEIM_ASSIGN_OR_RETURN(const std::optional<DraftRow> before, Find(place));
  if (!before.has_value()) return false;
  HEIM_RETURN_IF_ERROR(ScrubPrivateText(*session_, before->workspace, before->position));
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kDelete, {SqlId(place.actor), SqlId(place.channel), SqlId(place.thread)})
          .status());
  return true;
}

absl::StatusOr<int64_t> MessageDrafts::Count(const WorkspaceId& workspace, const ActorId& actor) {
  return QueryInt(*session_, kCount, {SqlId(actor), SqlId(workspace)});
}

absl::StatusOr<std::vector<v1::Draft>> MessageDrafts::List(const DraftPage& page) {
  const int64_t before = page.before_ms == 0 ? std::numeric_limits<int64_t>::max() : page.before_ms;
  std::vector<v1::Draft> drafts;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kList,
                      {SqlId(page.actor), SqlId(page.workspace), SqlEnum(v1::CHANNEL_TYPE_PUBLIC),
                       SqlBool(page.member_only), SqlValue(before), SqlText(page.before_channel),
                       SqlText(page.before_thread), SqlInt(page.limit)},
                      [&](const SqlRow& row) { return ReadDraft(row, &drafts.emplace_back()); }));
  return drafts;
}

absl::StatusOr<std::vector<DraftRow>> MessageDrafts::WithFile(const WorkspaceId& workspace,
                                                              const ActorId& actor,
                                                              const FileId& file) {
  std::vector<DraftRow> found;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kAllOf, {SqlId(actor), SqlId(workspace)}, [&](const SqlRow& row) {
        DraftRow draft{{}, workspace, UintOf(row, 5)};
        HEIM_RETURN_IF_ERROR(ReadDraft(row, &draft.draft));
        if (HasFile(draft.draft.attachments(), file)) found.push_back(std::move(draft));
        return absl::OkStatus();
      }));
  return found;
}

absl::Status MessageDrafts::EraseOf(const ActorId& actor) {
  HEIM_RETURN_IF_ERROR(ScrubAll(*session_, kPlacesOf, actor.str()));
  return session_->Execute(kDeleteOf, {SqlId(actor)}).status();
}

absl::Status MessageDrafts::EraseIn(const ChannelId& channel) {
  HEIM_RETURN_IF_ERROR(ScrubAll(*session_, kPlacesIn, channel.str()));
  return session_->Execute(kDeleteIn, {SqlId(channel)}).status();
}

}  // namespace heim
