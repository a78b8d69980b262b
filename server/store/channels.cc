#include "server/store/channels.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_CHANNEL_COLUMNS                                                             \
  "c.id, c.workspace_id, c.name, c.type, c.topic, c.purpose, c.archived, c.created_by, " \
  "c.created_at, c.updated_at, c.last_seq, c.member_count, c.revision, "                 \
  "c.history_visibility "
constexpr int kMeColumn = 14;
#define HEIM_ME_COLUMNS                                               \
  ", m.role, m.joined_at, m.last_read_at, m.last_read_seq, m.muted, " \
  "m.revision, m.history_from_seq, " HEIM_ACTOR_REF_COLUMNS " "
#define HEIM_ME_JOIN                                                        \
  "LEFT JOIN channel_members m ON m.channel_id = c.id AND m.actor_id = $2 " \
  "LEFT JOIN actors a ON a.id = m.actor_id "

constexpr char kInsert[] =
    "INSERT INTO channels (id, workspace_id, name, type, topic, purpose, archived, created_by, "
    "created_at, updated_at, last_seq, member_count, revision, dm_key, "
    "history_visibility) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14)";
constexpr char kGet[] = "SELECT " HEIM_CHANNEL_COLUMNS "FROM channels c WHERE c.id = $1";
constexpr char kGetFor[] = "SELECT " HEIM_CHANNEL_COLUMNS HEIM_ME_COLUMNS
                           "FROM channels c " HEIM_ME_JOIN "WHERE c.id = $1";
constexpr char kFindByName[] =
    "SELECT " HEIM_CHANNEL_COLUMNS
    "FROM channels c WHERE c.workspace_id = $1 AND lower(c.name) = $2 AND c.name <> ''";
constexpr char kFindByDmKey[] =
    "SELECT " HEIM_CHANNEL_COLUMNS "FROM channels c WHERE c.workspace_id = $1 AND c.dm_key = $2";
constexpr char kUpdate[] =
    "UPDATE channels SET name = $2, type = $3, topic = $4, purpose = $5, archived = $6, "
    "updated_at = $7, revision = $8, history_visibility = $9 WHERE id = $1";
constexpr char kOpenFrom[] = "SELECT open_from_seq, open_from_position FROM channels WHERE id = $1";
constexpr char kSetOpenFrom[] =
    "UPDATE channels SET open_from_seq = $2, open_from_position = $3 WHERE id = $1";
constexpr char kKeepName[] =
    "INSERT INTO channel_names (workspace_id, name, channel_id) VALUES ($1, $2, $3) "
    "ON CONFLICT (workspace_id, name) DO UPDATE SET channel_id = excluded.channel_id";
constexpr char kFormerlyNamed[] =
    "SELECT channel_id FROM channel_names WHERE workspace_id = $1 AND name = $2";
constexpr char kList[] =
    "SELECT " HEIM_CHANNEL_COLUMNS HEIM_ME_COLUMNS "FROM channels c " HEIM_ME_JOIN
    "WHERE c.workspace_id = $1 AND (c.name, c.id) > ($3, $4) "
    "AND (m.actor_id IS NOT NULL OR ($5 = 0 AND c.type = 1)) AND ($6 = 0 OR c.type = $6) "
    "AND ($7 = 1 OR c.archived = 0) AND ($8 = '' OR lower(c.name) = $8) "
    "ORDER BY c.name, c.id LIMIT $9";
constexpr char kNextSeq[] =
    "UPDATE channels SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq";

v1::Channel ReadChannel(const SqlRow& row) {
  v1::Channel channel;
  channel.set_id(TextOf(row, 0));
  channel.set_workspace_id(TextOf(row, 1));
  channel.set_name(TextOf(row, 2));
  channel.set_type(static_cast<v1::ChannelType>(row.Int(3)));
  channel.set_topic(TextOf(row, 4));
  channel.set_purpose(TextOf(row, 5));
  channel.set_archived(row.Int(6) != 0);
  channel.set_created_by(TextOf(row, 7));
  *channel.mutable_created_at() = TimestampOfMillis(row.Int(8));
  if (!row.IsNull(9)) *channel.mutable_updated_at() = TimestampOfMillis(row.Int(9));
  channel.set_last_seq(UintOf(row, 10));
  channel.set_member_count(static_cast<uint32_t>(row.Int(11)));
  channel.set_revision(static_cast<uint32_t>(row.Int(12)));
  channel.set_history_visibility(static_cast<v1::HistoryVisibility>(row.Int(13)));
  return channel;
}

v1::Channel ReadChannelAndMe(const SqlRow& row) {
  v1::Channel channel = ReadChannel(row);
  if (row.IsNull(kMeColumn)) return channel;
  v1::Member& me = *channel.mutable_me();
  me.set_channel_id(channel.id());
  me.set_role(static_cast<v1::ChannelRole>(row.Int(kMeColumn)));
  *me.mutable_joined_at() = TimestampOfMillis(row.Int(kMeColumn + 1));
  if (!row.IsNull(kMeColumn + 2)) {
    *me.mutable_last_read_at() = TimestampOfMillis(row.Int(kMeColumn + 2));
  }
  me.set_last_read_seq(UintOf(row, kMeColumn + 3));
  me.set_muted(row.Int(kMeColumn + 4) != 0);
  me.set_revision(static_cast<uint32_t>(row.Int(kMeColumn + 5)));
  me.set_history_from_seq(UintOf(row, kMeColumn + 6));
  ReadActorRef(row, kMeColumn + 7, me.mutable_actor());
  return channel;
}

absl::StatusOr<v1::Channel> GetChannel(SqlSession& session, std::string_view sql,
                                       absl::Span<const SqlValue> parameters) {
  v1::Channel channel;
  HEIM_RETURN_IF_ERROR(QueryOne(session, sql, parameters, ChannelNotFound, [&](const SqlRow& row) {
    channel = ReadChannel(row);
    return absl::OkStatus();
  }));
  return channel;
}

v1::HistoryVisibility VisibilityOf(const v1::Channel& channel) {
  return channel.history_visibility() == v1::HISTORY_VISIBILITY_UNSPECIFIED
             ? v1::HISTORY_VISIBILITY_ALL
             : channel.history_visibility();
}

absl::Status NameTaken(const absl::Status& status) {
  if (IsTaken(status, "dm_key")) {
    return MakeError(v1::ERROR_REASON_ALREADY_MEMBER, "This conversation exists already");
  }
  if (IsTaken(status, "name")) {
    return MakeError(v1::ERROR_REASON_CHANNEL_NAME_TAKEN,
                     "A channel of the workspace has this name");
  }
  return status;
}

}  // namespace

absl::Status Channels::Insert(const v1::Channel& channel, std::string_view dm_key) {
  return NameTaken(
      session_
          ->Execute(kInsert,
                    {SqlText(channel.id()), SqlText(channel.workspace_id()),
                     SqlText(channel.name()), SqlEnum(channel.type()), SqlText(channel.topic()),
                     SqlText(channel.purpose()), SqlBool(channel.archived()),
                     SqlText(channel.created_by()), SqlTime(channel.created_at()),
                     SqlTimeOrNull(channel.has_updated_at(), channel.updated_at()),
                     SqlInt(channel.last_seq()), SqlInt(channel.revision()), SqlTextOrNull(dm_key),
                     SqlEnum(VisibilityOf(channel))})
          .status());
}

absl::StatusOr<v1::Channel> Channels::Get(const ChannelId& id) {
  return GetChannel(*session_, kGet, {SqlId(id)});
}

absl::StatusOr<v1::Channel> Channels::GetFor(const ChannelId& id, const ActorId& actor) {
  v1::Channel channel;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGetFor, {SqlId(id), SqlId(actor)}, ChannelNotFound,
                                [&](const SqlRow& row) {
                                  channel = ReadChannelAndMe(row);
                                  return absl::OkStatus();
                                }));
  return channel;
}

absl::StatusOr<v1::Channel> Channels::FindByName(const WorkspaceId& workspace,
                                                 std::string_view name) {
  const std::string folded = AsciiLower(name);
  return GetChannel(*session_, kFindByName, {SqlId(workspace), SqlText(folded)});
}

absl::StatusOr<v1::Channel> Channels::FindByDmKey(const WorkspaceId& workspace,
                                                  std::string_view dm_key) {
  return GetChannel(*session_, kFindByDmKey, {SqlId(workspace), SqlText(dm_key)});
}

absl::Status Channels::Update(const v1::Channel& channel) {
  const absl::StatusOr<int64_t> changed = session_->Execute(
      kUpdate, {SqlText(channel.id()), SqlText(channel.name()), SqlEnum(channel.type()),
                SqlText(channel.topic()), SqlText(channel.purpose()), SqlBool(channel.archived()),
                SqlTimeOrNull(channel.has_updated_at(), channel.updated_at()),
                SqlInt(channel.revision()), SqlEnum(VisibilityOf(channel))});
  if (!changed.ok()) return NameTaken(changed.status());
  return *changed == 0 ? ChannelNotFound() : absl::OkStatus();
}

absl::StatusOr<HistoryStart> Channels::OpenFrom(const ChannelId& id) {
  HistoryStart start;
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kOpenFrom, {SqlId(id)}, ChannelNotFound, [&](const SqlRow& row) {
        start = {UintOf(row, 0), UintOf(row, 1)};
        return absl::OkStatus();
      }));
  return start;
}

absl::Status Channels::SetOpenFrom(const ChannelId& id, const HistoryStart& start) {
  return session_->Execute(kSetOpenFrom, {SqlId(id), SqlInt(start.seq), SqlInt(start.position)})
      .status();
}

absl::Status Channels::KeepName(const WorkspaceId& workspace, const ChannelId& id,
                                std::string_view name) {
  const std::string folded = AsciiLower(name);
  return session_->Execute(kKeepName, {SqlId(workspace), SqlText(folded), SqlId(id)}).status();
}

absl::StatusOr<ChannelId> Channels::FormerlyNamed(const WorkspaceId& workspace,
                                                  std::string_view name) {
  const std::string folded = AsciiLower(name);
  ChannelId id;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kFormerlyNamed, {SqlId(workspace), SqlText(folded)},
                                ChannelNotFound, [&](const SqlRow& row) {
                                  id = ChannelId(row.Text(0));
                                  return absl::OkStatus();
                                }));
  return id;
}

absl::StatusOr<std::vector<v1::Channel>> Channels::List(const WorkspaceId& workspace,
                                                        const ActorId& actor,
                                                        const ChannelFilter& filter) {
  std::vector<v1::Channel> channels;
  const std::string name = AsciiLower(filter.name);
  HEIM_RETURN_IF_ERROR(
      session_->Query(kList,
                      {SqlId(workspace), SqlId(actor), SqlText(filter.after_name),
                       SqlText(filter.after_id), SqlBool(filter.joined_only), SqlEnum(filter.type),
                       SqlBool(filter.include_archived), SqlText(name), SqlInt(filter.limit)},
                      [&](const SqlRow& row) {
                        channels.push_back(ReadChannelAndMe(row));
                        return absl::OkStatus();
                      }));
  return channels;
}

absl::StatusOr<uint64_t> Channels::NextSeq(const ChannelId& id) {
  uint64_t seq = 0;
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kNextSeq, {SqlId(id)}, ChannelNotFound, [&](const SqlRow& row) {
        seq = UintOf(row, 0);
        return absl::OkStatus();
      }));
  return seq;
}

}  // namespace heim
