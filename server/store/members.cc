#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/channels.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kInsert[] =
    "INSERT INTO channel_members (channel_id, actor_id, role, joined_at, joined_position, "
    "last_read_seq, last_read_at, muted, revision, history_from_seq) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
constexpr char kCountMembers[] =
    "UPDATE channels SET member_count = member_count + $2 WHERE id = $1";
constexpr char kOpenInterval[] =
    "INSERT INTO membership_intervals (actor_id, workspace_id, channel_id, from_position, "
    "to_position, joined_at) SELECT $2, c.workspace_id, c.id, $3, 0, $4 FROM channels c "
    "WHERE c.id = $1";
constexpr char kCloseInterval[] =
    "UPDATE membership_intervals SET to_position = $3 WHERE actor_id = $2 AND channel_id = $1 "
    "AND workspace_id = (SELECT c.workspace_id FROM channels c WHERE c.id = $1) "
    "AND to_position = 0";
constexpr char kGet[] =
    "SELECT m.role, m.joined_at, m.revision, m.history_from_seq, " HEIM_ACTOR_REF_COLUMNS
    ", m.last_read_at, m.last_read_seq, m.muted FROM channel_members m "
    "JOIN actors a ON a.id = m.actor_id WHERE m.channel_id = $1 AND m.actor_id = $2";
constexpr char kHas[] =
    "SELECT COUNT(*) FROM channel_members WHERE channel_id = $1 AND actor_id = $2";
// The interval outlives the membership, so that a page goes on after a member that has left since.
constexpr char kList[] =
    "SELECT m.role, m.joined_at, m.revision, m.history_from_seq, " HEIM_ACTOR_REF_COLUMNS
    " FROM channel_members m JOIN actors a ON a.id = m.actor_id WHERE m.channel_id = $1 "
    "AND ($2 = '' OR (m.joined_at, m.actor_id) > (SELECT i.joined_at, i.actor_id "
    "FROM membership_intervals i WHERE i.actor_id = $2 AND i.channel_id = $1 "
    "ORDER BY i.from_position DESC LIMIT 1)) ORDER BY m.joined_at, m.actor_id LIMIT $3";
constexpr char kUpdate[] =
    "UPDATE channel_members SET role = $3, muted = $4, revision = $5 "
    "WHERE channel_id = $1 AND actor_id = $2";
constexpr char kDelete[] = "DELETE FROM channel_members WHERE channel_id = $1 AND actor_id = $2";
constexpr char kForgetThreads[] =
    "DELETE FROM thread_reads WHERE actor_id = $2 AND channel_id = $1";
constexpr char kCountOwners[] =
    "SELECT COUNT(*) FROM channel_members WHERE channel_id = $1 AND role = 1";
// Admins first, then members, then guests; viewers (4) cannot write.
constexpr char kSuccessor[] =
    "SELECT m.actor_id FROM channel_members m JOIN actors a ON a.id = m.actor_id "
    "WHERE m.channel_id = $1 AND m.actor_id <> $2 AND m.role <> 4 AND a.deleted_at IS NULL "
    "ORDER BY m.role, m.joined_at, m.actor_id LIMIT 1";
constexpr char kChannelsOf[] =
    "SELECT m.channel_id FROM channel_members m JOIN channels c ON c.id = m.channel_id "
    "WHERE m.actor_id = $2 AND c.workspace_id = $1 ORDER BY m.channel_id";
constexpr char kPeers[] =
    "SELECT y.actor_id, COUNT(*) FROM channel_members x "
    "JOIN channels c ON c.id = x.channel_id AND c.workspace_id = $1 "
    "JOIN channel_members y ON y.channel_id = x.channel_id AND y.actor_id <> $2 "
    "WHERE x.actor_id = $2 GROUP BY y.actor_id";
constexpr char kIntervals[] =
    "SELECT channel_id, from_position, to_position FROM membership_intervals "
    "WHERE actor_id = $2 AND workspace_id = $1 ORDER BY channel_id, from_position";
constexpr char kHistories[] =
    "SELECT m.channel_id, m.history_from_seq FROM channel_members m "
    "JOIN channels c ON c.id = m.channel_id "
    "WHERE m.actor_id = $2 AND c.workspace_id = $1 AND m.history_from_seq > 0";
constexpr char kFacts[] =
    "SELECT c.id, c.type, m.actor_id, c.history_visibility, c.open_from_seq, c.open_from_position "
    "FROM channels c "
    "LEFT JOIN channel_members m ON m.channel_id = c.id AND m.actor_id = $2 "
    "WHERE c.workspace_id = $1 AND c.id IN ({list})";

v1::Member ReadMember(const SqlRow& row, const ChannelId& channel) {
  v1::Member member;
  member.set_channel_id(channel.str());
  member.set_role(static_cast<v1::ChannelRole>(row.Int(0)));
  *member.mutable_joined_at() = TimestampOfMillis(row.Int(1));
  member.set_revision(static_cast<uint32_t>(row.Int(2)));
  member.set_history_from_seq(UintOf(row, 3));
  ReadActorRef(row, 4, member.mutable_actor());
  return member;
}

}  // namespace

absl::Status Members::Insert(const v1::Member& member, uint64_t position) {
  const SqlValue channel = SqlText(member.channel_id());
  const SqlValue actor = SqlText(member.actor().id());
  const absl::Status status =
      session_
          ->Execute(kInsert, {channel, actor, SqlEnum(member.role()), SqlTime(member.joined_at()),
                              SqlInt(position), SqlInt(member.last_read_seq()),
                              SqlTimeOrNull(member.has_last_read_at(), member.last_read_at()),
                              SqlBool(member.muted()), SqlInt(member.revision()),
                              SqlInt(member.history_from_seq())})
          .status();
  if (status.code() == absl::StatusCode::kAlreadyExists) {
    return MakeError(v1::ERROR_REASON_ALREADY_MEMBER, "The actor is in the channel already");
  }
  HEIM_RETURN_IF_ERROR(status);
  HEIM_RETURN_IF_ERROR(session_->Execute(kCountMembers, {channel, SqlValue(int64_t{1})}));
  return session_
      ->Execute(kOpenInterval, {channel, actor, SqlInt(position), SqlTime(member.joined_at())})
      .status();
}

absl::StatusOr<v1::Member> Members::Get(const ChannelId& channel, const ActorId& actor) {
  v1::Member member;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGet, {SqlId(channel), SqlId(actor)}, MemberNotFound,
                                [&](const SqlRow& row) {
                                  member = ReadMember(row, channel);
                                  if (!row.IsNull(9)) {
                                    *member.mutable_last_read_at() = TimestampOfMillis(row.Int(9));
                                  }
                                  member.set_last_read_seq(UintOf(row, 10));
                                  member.set_muted(row.Int(11) != 0);
                                  return absl::OkStatus();
                                }));
  return member;
}

absl::StatusOr<bool> Members::Has(const ChannelId& channel, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t count,
                        QueryInt(*session_, kHas, {SqlId(channel), SqlId(actor)}));
  return count != 0;
}

absl::StatusOr<std::vector<v1::Member>> Members::List(const ChannelId& channel,
                                                      std::string_view after_actor_id,
                                                      uint32_t limit) {
  std::vector<v1::Member> members;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kList, {SqlId(channel), SqlText(after_actor_id), SqlInt(limit)}, [&](const SqlRow& row) {
        members.push_back(ReadMember(row, channel));
        return absl::OkStatus();
      }));
  return members;
}

absl::Status Members::Update(const v1::Member& member) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(
          kUpdate, {SqlText(member.channel_id()), SqlText(member.actor().id()),
                    SqlEnum(member.role()), SqlBool(member.muted()), SqlInt(member.revision())}));
  return changed == 0 ? MemberNotFound() : absl::OkStatus();
}

absl::Status Members::Remove(const ChannelId& channel, const ActorId& actor, uint64_t position) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kDelete, {SqlId(channel), SqlId(actor)}));
  if (changed == 0) return MemberNotFound();
  HEIM_RETURN_IF_ERROR(session_->Execute(kForgetThreads, {SqlId(channel), SqlId(actor)}));
  HEIM_RETURN_IF_ERROR(session_->Execute(kCountMembers, {SqlId(channel), SqlValue(int64_t{-1})}));
  return session_->Execute(kCloseInterval, {SqlId(channel), SqlId(actor), SqlInt(position)})
      .status();
}

absl::StatusOr<int64_t> Members::CountOwners(const ChannelId& channel) {
  return QueryInt(*session_, kCountOwners, {SqlId(channel)});
}

absl::StatusOr<std::optional<ActorId>> Members::Successor(const ChannelId& channel,
                                                          const ActorId& leaving) {
  std::optional<ActorId> successor;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kSuccessor, {SqlId(channel), SqlId(leaving)}, [&](const SqlRow& row) {
        successor = ActorId(row.Text(0));
        return absl::OkStatus();
      }));
  return successor;
}

absl::StatusOr<std::vector<ChannelId>> Members::ChannelsOf(const WorkspaceId& workspace,
                                                           const ActorId& actor) {
  std::vector<ChannelId> channels;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kChannelsOf, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        channels.emplace_back(row.Text(0));
        return absl::OkStatus();
      }));
  return channels;
}

absl::StatusOr<absl::flat_hash_map<std::string, int>> Members::Peers(const WorkspaceId& workspace,
                                                                     const ActorId& actor) {
  absl::flat_hash_map<std::string, int> peers;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kPeers, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        peers[TextOf(row, 0)] = static_cast<int>(row.Int(1));
        return absl::OkStatus();
      }));
  return peers;
}

absl::StatusOr<std::vector<MembershipInterval>> Members::Intervals(const WorkspaceId& workspace,
                                                                   const ActorId& actor) {
  std::vector<MembershipInterval> intervals;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kIntervals, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        intervals.push_back({ChannelId(row.Text(0)), UintOf(row, 1), UintOf(row, 2)});
        return absl::OkStatus();
      }));
  return intervals;
}

absl::StatusOr<std::vector<MemberHistory>> Members::Histories(const WorkspaceId& workspace,
                                                              const ActorId& actor) {
  std::vector<MemberHistory> histories;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kHistories, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        histories.push_back({ChannelId(row.Text(0)), UintOf(row, 1)});
        return absl::OkStatus();
      }));
  return histories;
}

absl::StatusOr<std::vector<ChannelFacts>> Members::Facts(const WorkspaceId& workspace,
                                                         const ActorId& actor,
                                                         absl::Span<const ChannelId> channels) {
  std::vector<ChannelFacts> facts;
  std::vector<std::string_view> ids;
  ids.reserve(channels.size());
  for (const ChannelId& channel : channels) ids.push_back(channel.str());
  HEIM_RETURN_IF_ERROR(
      QueryList(*session_, kFacts, {SqlId(workspace), SqlId(actor)}, ids, [&](const SqlRow& row) {
        ChannelFacts channel;
        channel.channel_id = ChannelId(row.Text(0));
        channel.type = static_cast<v1::ChannelType>(row.Int(1));
        channel.is_member = !row.IsNull(2);
        channel.open = channel.type == v1::CHANNEL_TYPE_PUBLIC &&
                       row.Int(3) != v1::HISTORY_VISIBILITY_SINCE_JOINING;
        channel.open_from = {UintOf(row, 4), UintOf(row, 5)};
        facts.push_back(std::move(channel));
        return absl::OkStatus();
      }));
  return facts;
}

}  // namespace heim
