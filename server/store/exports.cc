#include "server/store/exports.h"

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_MEMBER_SELECT                                                    \
  "SELECT w.actor_id, w.role, w.joined_at, a.email FROM workspace_members w " \
  "JOIN actors a ON a.id = w.actor_id WHERE w.workspace_id = $1 "

constexpr char kMembers[] = HEIM_MEMBER_SELECT "AND w.actor_id > $2 ORDER BY w.actor_id LIMIT $3";
constexpr char kMemberOf[] = HEIM_MEMBER_SELECT "AND w.actor_id = $2";
constexpr char kEmailOf[] = "SELECT email FROM actors WHERE id = $1";
constexpr char kGroups[] =
    "SELECT id FROM user_groups WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
constexpr char kChannels[] =
    "SELECT id, dm_key FROM channels WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
constexpr char kAuthoredIn[] =
    "SELECT id FROM messages WHERE channel_id = $1 AND seq > $2 AND seq <= $3 AND actor_id = $4 "
    "ORDER BY seq";
constexpr char kFilesOf[] =
    "SELECT id FROM files WHERE workspace_id = $1 AND actor_id = $2 AND deleted_at = 0 "
    "AND hidden = 0 AND id > $3 ORDER BY id LIMIT $4";

ExportedMember ReadMember(const SqlRow& row) {
  ExportedMember member;
  member.actor = ActorId(row.Text(0));
  member.role = static_cast<v1::WorkspaceRole>(row.Int(1));
  member.joined_at = TimeOfMillis(row.Int(2));
  if (!row.IsNull(3)) member.email = TextOf(row, 3);
  return member;
}

}  // namespace

absl::StatusOr<std::vector<ExportedMember>> Exports::Members(const WorkspaceId& workspace,
                                                             std::string_view after_id,
                                                             uint32_t limit) {
  std::vector<ExportedMember> members;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kMembers, {SqlId(workspace), SqlText(after_id), SqlInt(limit)}, [&](const SqlRow& row) {
        members.push_back(ReadMember(row));
        return absl::OkStatus();
      }));
  return members;
}

absl::StatusOr<std::optional<ExportedMember>> Exports::MemberOf(const WorkspaceId& workspace,
                                                                const ActorId& actor) {
  std::optional<ExportedMember> member;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kMemberOf, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        member = ReadMember(row);
        return absl::OkStatus();
      }));
  return member;
}

absl::StatusOr<std::string> Exports::EmailOf(const ActorId& actor) {
  std::string email;
  HEIM_RETURN_IF_ERROR(session_->Query(kEmailOf, {SqlId(actor)}, [&](const SqlRow& row) {
    if (!row.IsNull(0)) email = TextOf(row, 0);
    return absl::OkStatus();
  }));
  return email;
}

absl::StatusOr<std::vector<std::string>> Exports::Groups(const WorkspaceId& workspace,
                                                         std::string_view after_id,
                                                         uint32_t limit) {
  std::vector<std::string> ids;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kGroups, {SqlId(workspace), SqlText(after_id), SqlInt(limit)}, [&](const SqlRow& row) {
        ids.push_back(TextOf(row, 0));
        return absl::OkStatus();
      }));
  return ids;
}

absl::StatusOr<std::vector<ExportedChannel>> Exports::Channels(const WorkspaceId& workspace,
                                                               std::string_view after_id,
                                                               uint32_t limit) {
  std::vector<ExportedChannel> channels;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kChannels, {SqlId(workspace), SqlText(after_id), SqlInt(limit)}, [&](const SqlRow& row) {
        channels.push_back({ChannelId(row.Text(0)), row.IsNull(1) ? "" : TextOf(row, 1)});
        return absl::OkStatus();
      }));
  return channels;
}

absl::StatusOr<std::vector<MessageId>> Exports::AuthoredIn(const ChannelId& channel,
                                                           const ActorId& actor,
                                                           const SeqRange& range) {
  std::vector<MessageId> ids;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kAuthoredIn, {SqlId(channel), SqlInt(range.after), SqlInt(range.to), SqlId(actor)},
      [&](const SqlRow& row) {
        ids.emplace_back(row.Text(0));
        return absl::OkStatus();
      }));
  return ids;
}

absl::StatusOr<std::vector<FileId>> Exports::FilesOf(const WorkspaceId& workspace,
                                                     const ActorId& actor,
                                                     std::string_view after_id, uint32_t limit) {
  std::vector<FileId> ids;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kFilesOf, {SqlId(workspace), SqlId(actor), SqlText(after_id), SqlInt(limit)},
                      [&](const SqlRow& row) {
                        ids.emplace_back(row.Text(0));
                        return absl::OkStatus();
                      }));
  return ids;
}

}  // namespace heim
