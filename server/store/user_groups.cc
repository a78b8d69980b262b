#include "server/store/user_groups.h"

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kInsert[] =
    "INSERT INTO user_groups (id, workspace_id, handle, name, description, search, created_by, "
    "created_at, updated_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
#define HEIM_GROUP_SELECT                                                        \
  "SELECT g.id, g.workspace_id, g.handle, g.name, g.description, g.created_by, " \
  "g.created_at, g.updated_at, g.revision, "                                     \
  "(SELECT COUNT(*) FROM user_group_members n WHERE n.group_id = g.id) FROM user_groups g "
constexpr char kGet[] = HEIM_GROUP_SELECT "WHERE g.id = $1 AND g.workspace_id = $2";
constexpr char kMemberIds[] =
    "SELECT actor_id FROM user_group_members WHERE group_id = $1 ORDER BY place, actor_id";
constexpr char kUpdate[] =
    "UPDATE user_groups SET handle = $2, name = $3, description = $4, search = $5, "
    "updated_at = $6, revision = $7 WHERE id = $1";
constexpr char kDeleteMembers[] = "DELETE FROM user_group_members WHERE group_id = $1";
constexpr char kDelete[] = "DELETE FROM user_groups WHERE id = $1";
constexpr char kList[] = HEIM_GROUP_SELECT
    "WHERE g.workspace_id = $1 AND g.search LIKE $2 ESCAPE '\\' AND g.handle > $3 "
    "ORDER BY g.handle LIMIT $4";
constexpr char kCount[] = "SELECT COUNT(*) FROM user_groups WHERE workspace_id = $1";
constexpr char kResolve[] =
    "SELECT handle, id FROM user_groups WHERE workspace_id = $1 AND handle IN ({list})";
constexpr char kAddMember[] =
    "INSERT INTO user_group_members (group_id, actor_id, place) "
    "SELECT $1, $2, COALESCE(MAX(n.place), 0) + 1 FROM user_group_members n "
    "WHERE n.group_id = $1 ON CONFLICT (group_id, actor_id) DO NOTHING";
constexpr char kRemoveMember[] =
    "DELETE FROM user_group_members WHERE group_id = $1 AND actor_id = $2";
constexpr char kListMembers[] = "SELECT n.place, " HEIM_ACTOR_REF_COLUMNS
                                " FROM user_group_members n JOIN actors a ON a.id = n.actor_id "
                                "WHERE n.group_id = $1 AND n.place > $2 ORDER BY n.place LIMIT $3";
constexpr char kGroupsOf[] =
    "SELECT n.group_id FROM user_group_members n JOIN user_groups g ON g.id = n.group_id "
    "WHERE n.actor_id = $2 AND g.workspace_id = $1 ORDER BY n.group_id";

constexpr char kCallGroup[] =
    "INSERT INTO group_calls (channel_id, seq, called_as, actor_id) "
    "SELECT m.channel_id, x.seq, n.group_id, n.actor_id FROM user_group_members n "
    "JOIN channel_members m ON m.actor_id = n.actor_id AND m.channel_id = $1 "
    "JOIN messages x ON x.channel_id = m.channel_id AND x.seq = $2 AND x.actor_id <> n.actor_id "
    "WHERE n.group_id = $3 ON CONFLICT (channel_id, seq, called_as, actor_id) DO NOTHING";
constexpr char kCallOne[] =
    "INSERT INTO group_calls (channel_id, seq, called_as, actor_id) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (channel_id, seq, called_as, actor_id) DO NOTHING";
constexpr char kMention[] =
    "INSERT INTO message_mentions (channel_id, actor_id, seq) "
    "SELECT channel_id, actor_id, seq FROM group_calls "
    "WHERE channel_id = $1 AND seq = $2 AND called_as = $3 "
    "ON CONFLICT (channel_id, actor_id, seq) DO NOTHING";
constexpr char kMembersOf[] =
    "SELECT actor_id FROM channel_members WHERE channel_id = $1 ORDER BY actor_id";
constexpr char kCalledAs[] =
    "SELECT actor_id FROM group_calls WHERE channel_id = $1 AND seq = $2 AND called_as = $3 "
    "ORDER BY actor_id";

v1::UserGroup ReadGroup(const SqlRow& row) {
  v1::UserGroup group;
  group.set_id(TextOf(row, 0));
  group.set_workspace_id(TextOf(row, 1));
  group.set_handle(TextOf(row, 2));
  group.set_name(TextOf(row, 3));
  group.set_description(TextOf(row, 4));
  group.set_created_by(TextOf(row, 5));
  *group.mutable_created_at() = TimestampOfMillis(row.Int(6));
  *group.mutable_updated_at() = TimestampOfMillis(row.Int(7));
  group.set_revision(static_cast<uint32_t>(row.Int(8)));
  group.set_member_count(static_cast<uint32_t>(row.Int(9)));
  return group;
}

std::string SearchText(const v1::UserGroup& group) {
  return StrCat(group.handle(), "\n", AsciiLower(group.name()));
}

absl::Status TakenOr(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kAlreadyExists) return status;
  return MakeError(v1::ERROR_REASON_GROUP_HANDLE_TAKEN, "Another group has the handle");
}

absl::StatusOr<std::vector<ActorId>> ReadActors(SqlSession& session, std::string_view sql,
                                                absl::Span<const SqlValue> parameters) {
  std::vector<ActorId> actors;
  const auto add = [&](const SqlRow& row) {
    actors.emplace_back(row.Text(0));
    return absl::OkStatus();
  };
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, add));
  return actors;
}

}  // namespace

absl::Status UserGroups::Insert(const v1::UserGroup& group) {
  const std::string search = SearchText(group);
  return TakenOr(session_
                     ->Execute(kInsert, {SqlText(group.id()), SqlText(group.workspace_id()),
                                         SqlText(group.handle()), SqlText(group.name()),
                                         SqlText(group.description()), SqlText(search),
                                         SqlText(group.created_by()), SqlTime(group.created_at()),
                                         SqlTime(group.updated_at()), SqlInt(group.revision())})
                     .status());
}

absl::StatusOr<v1::UserGroup> UserGroups::Get(const WorkspaceId& workspace, const GroupId& id) {
  v1::UserGroup group;
  HEIM_RETURN_IF_ERROR(QueryOne(
      *session_, kGet, {SqlId(id), SqlId(workspace)},
      [] { return NotFound(v1::ERROR_REASON_GROUP_NOT_FOUND); },
      [&](const SqlRow& row) {
        group = ReadGroup(row);
        return absl::OkStatus();
      }));
  HEIM_RETURN_IF_ERROR(session_->Query(kMemberIds, {SqlId(id)}, [&](const SqlRow& row) {
    group.add_member_ids(TextOf(row, 0));
    return absl::OkStatus();
  }));
  return group;
}

absl::Status UserGroups::Update(const v1::UserGroup& group) {
  const std::string search = SearchText(group);
  return TakenOr(
      session_
          ->Execute(kUpdate, {SqlText(group.id()), SqlText(group.handle()), SqlText(group.name()),
                              SqlText(group.description()), SqlText(search),
                              SqlTime(group.updated_at()), SqlInt(group.revision())})
          .status());
}

absl::Status UserGroups::Delete(const GroupId& id) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kDeleteMembers, {SqlId(id)}));
  return session_->Execute(kDelete, {SqlId(id)}).status();
}

absl::StatusOr<std::vector<v1::UserGroup>> UserGroups::List(const WorkspaceId& workspace,
                                                            std::string_view q,
                                                            std::string_view after_handle,
                                                            uint32_t limit) {
  std::vector<v1::UserGroup> groups;
  const std::string pattern = LikePattern(AsciiLower(q));
  HEIM_RETURN_IF_ERROR(session_->Query(
      kList, {SqlId(workspace), SqlText(pattern), SqlText(after_handle), SqlInt(limit)},
      [&](const SqlRow& row) {
        groups.push_back(ReadGroup(row));
        return absl::OkStatus();
      }));
  return groups;
}

absl::StatusOr<int64_t> UserGroups::Count(const WorkspaceId& workspace) {
  return QueryInt(*session_, kCount, {SqlId(workspace)});
}

absl::StatusOr<std::vector<std::pair<std::string, GroupId>>> UserGroups::ResolveHandles(
    const WorkspaceId& workspace, absl::Span<const std::string> handles) {
  std::vector<std::pair<std::string, GroupId>> found;
  const std::vector<std::string_view> list(handles.begin(), handles.end());
  HEIM_RETURN_IF_ERROR(
      QueryList(*session_, kResolve, {SqlId(workspace)}, list, [&](const SqlRow& row) {
        found.emplace_back(TextOf(row, 0), GroupId(row.Text(1)));
        return absl::OkStatus();
      }));
  return found;
}

absl::StatusOr<bool> UserGroups::AddMember(const GroupId& id, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kAddMember, {SqlId(id), SqlId(actor)}));
  return changed != 0;
}

absl::StatusOr<bool> UserGroups::RemoveMember(const GroupId& id, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kRemoveMember, {SqlId(id), SqlId(actor)}));
  return changed != 0;
}

absl::StatusOr<std::vector<UserGroups::Listed>> UserGroups::ListMembers(const GroupId& id,
                                                                        uint64_t after_place,
                                                                        uint32_t limit) {
  std::vector<Listed> members;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kListMembers, {SqlId(id), SqlInt(after_place), SqlInt(limit)}, [&](const SqlRow& row) {
        Listed& member = members.emplace_back();
        member.place = UintOf(row, 0);
        ReadActorRef(row, 1, &member.actor);
        return absl::OkStatus();
      }));
  return members;
}

absl::StatusOr<std::vector<GroupId>> UserGroups::GroupsOf(const WorkspaceId& workspace,
                                                          const ActorId& actor) {
  std::vector<GroupId> groups;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kGroupsOf, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        groups.emplace_back(row.Text(0));
        return absl::OkStatus();
      }));
  return groups;
}

absl::Status GroupCalls::CallGroup(const ChannelId& channel, uint64_t seq, const GroupId& group) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kCallGroup, {SqlId(channel), SqlInt(seq), SqlId(group)}));
  return Mention(channel, seq, group.str());
}

absl::Status GroupCalls::CallPresent(const ChannelId& channel, uint64_t seq,
                                     absl::Span<const ActorId> actors) {
  for (const ActorId& actor : actors) {
    HEIM_RETURN_IF_ERROR(
        session_->Execute(kCallOne, {SqlId(channel), SqlInt(seq), SqlText(kHere), SqlId(actor)}));
  }
  return Mention(channel, seq, kHere);
}

absl::Status GroupCalls::Mention(const ChannelId& channel, uint64_t seq,
                                 std::string_view called_as) {
  return session_->Execute(kMention, {SqlId(channel), SqlInt(seq), SqlText(called_as)}).status();
}

absl::StatusOr<std::vector<ActorId>> GroupCalls::MembersOf(const ChannelId& channel) {
  return ReadActors(*session_, kMembersOf, {SqlId(channel)});
}

absl::StatusOr<std::vector<ActorId>> GroupCalls::CalledAs(const ChannelId& channel, uint64_t seq,
                                                          std::string_view called_as) {
  return ReadActors(*session_, kCalledAs, {SqlId(channel), SqlInt(seq), SqlText(called_as)});
}

}  // namespace heim
