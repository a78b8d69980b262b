#include "server/store/channel_purges.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "heim/v1/event.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/files.h"
#include "server/store/private_events.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

// What one step does at most.
constexpr uint64_t kMessagesAtOnce = 500;
constexpr uint64_t kPositionsAtOnce = 5000;

constexpr char kCloseIntervals[] =
    "UPDATE membership_intervals SET to_position = $3 WHERE channel_id = $1 AND workspace_id = $2 "
    "AND to_position = 0 AND actor_id IN (SELECT m.actor_id FROM channel_members m "
    "WHERE m.channel_id = $1)";
constexpr char kDeleteMembers[] = "DELETE FROM channel_members WHERE channel_id = $1";
constexpr char kDeleteNames[] = "DELETE FROM channel_names WHERE channel_id = $1";
// 1 is active: what is written now ends with the channel.
constexpr char kDeleteActiveStreams[] = "DELETE FROM streams WHERE channel_id = $1 AND state = 1";
constexpr char kDeleteChannel[] = "DELETE FROM channels WHERE id = $1";
constexpr char kRemember[] =
    "INSERT INTO channel_purges (channel_id, workspace_id, deleted_position, stage, scrubbed) "
    "VALUES ($1, $2, $3, 0, 0)";
constexpr char kNext[] =
    "SELECT channel_id, workspace_id, deleted_position, stage, scrubbed FROM channel_purges "
    "ORDER BY channel_id LIMIT 1";
constexpr char kSetStage[] =
    "UPDATE channel_purges SET stage = $2, scrubbed = $3 WHERE channel_id = $1";
constexpr char kForget[] = "DELETE FROM channel_purges WHERE channel_id = $1";

constexpr char kBound[] =
    "SELECT seq FROM messages WHERE channel_id = $1 ORDER BY seq LIMIT 1 OFFSET $2";
#define HEIM_SOME_MESSAGES "(SELECT x.id FROM messages x WHERE x.channel_id = $1 AND x.seq <= $2)"
constexpr char kFilesOfSome[] =
    "SELECT DISTINCT file_id FROM file_links WHERE message_id IN " HEIM_SOME_MESSAGES;
constexpr char kNotesOnSome[] =
    "SELECT position FROM saved_items WHERE message_id IN " HEIM_SOME_MESSAGES;
// What hangs on messages; the messages themselves come last.
constexpr std::string_view kEraseSome[] = {
    "DELETE FROM file_links WHERE message_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM message_versions WHERE message_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM reactions WHERE message_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM idempotency WHERE message_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM threads WHERE root_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM thread_reads WHERE root_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM pins WHERE message_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM saved_items WHERE message_id IN " HEIM_SOME_MESSAGES,
    // What was forwarded from here is found by `original_id` and erased as after a deletion.
    "DELETE FROM message_forwards WHERE message_id IN " HEIM_SOME_MESSAGES,
    // Pages that no message of elsewhere links to, then the links.
    "DELETE FROM preview_pages WHERE EXISTS (SELECT 1 FROM preview_links l "
    "WHERE l.workspace_id = preview_pages.workspace_id AND l.page_key = preview_pages.page_key "
    "AND l.message_id IN " HEIM_SOME_MESSAGES
    ") AND NOT EXISTS (SELECT 1 FROM preview_links o "
    "WHERE o.workspace_id = preview_pages.workspace_id AND o.page_key = preview_pages.page_key "
    "AND o.message_id NOT IN " HEIM_SOME_MESSAGES ")",
    "DELETE FROM preview_links WHERE message_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM preview_jobs WHERE message_id IN " HEIM_SOME_MESSAGES,
    "DELETE FROM group_calls WHERE channel_id = $1 AND seq <= $2",
    "DELETE FROM message_mentions WHERE channel_id = $1 AND seq <= $2",
    "DELETE FROM messages WHERE channel_id = $1 AND seq <= $2",
};
// At most a few for each member.
constexpr char kScheduled[] = "SELECT position FROM scheduled_messages WHERE channel_id = $1";
constexpr std::string_view kEraseRest[] = {
    "DELETE FROM inbox WHERE channel_id = $1",
    "DELETE FROM bookmarks WHERE channel_id = $1",
    "DELETE FROM channel_notifications WHERE channel_id = $1",
    "DELETE FROM message_drafts WHERE channel_id = $1",
    "DELETE FROM scheduled_messages WHERE channel_id = $1",
    "DELETE FROM streams WHERE channel_id = $1",
    "DELETE FROM idempotency WHERE channel_id = $1",
};

constexpr char kOldest[] =
    "SELECT COALESCE(MIN(position), 1) FROM event_log WHERE workspace_id = $1";
// Who left is told so even now, and everybody of the end: these two say nothing but ids.
constexpr char kLogged[] =
    "SELECT position FROM event_log WHERE workspace_id = $1 AND position > $2 AND position <= $3 "
    "AND channel_id = $4 AND kind NOT IN ($5, $6)";
constexpr char kScrub[] =
    "UPDATE event_log SET payload = $3, message_id = NULL "
    "WHERE workspace_id = $1 AND position = $2";

// Events about these rows are their owner's and not the channel's: the log of the channel does not
// lead to them.
absl::Status ScrubPrivateTexts(SqlSession& session, const ChannelPurge& purge, std::string_view sql,
                               absl::Span<const SqlValue> parameters) {
  std::vector<uint64_t> positions;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    positions.push_back(UintOf(row, 0));
    return absl::OkStatus();
  }));
  for (const uint64_t position : positions) {
    HEIM_RETURN_IF_ERROR(ScrubPrivateText(session, purge.workspace_id, position));
  }
  return absl::OkStatus();
}

}  // namespace

bool ChannelPurges::Erases(std::string_view table) {
  const std::string begin = StrCat("DELETE FROM ", table, " ");
  const auto deletes = [&](std::string_view sql) { return StartsWith(sql, begin); };
  return std::any_of(std::begin(kEraseSome), std::end(kEraseSome), deletes) ||
         std::any_of(std::begin(kEraseRest), std::end(kEraseRest), deletes) ||
         deletes(kDeleteMembers) || deletes(kDeleteNames);
}

absl::Status ChannelPurges::Begin(const v1::Channel& channel, uint64_t position) {
  const SqlValue id = SqlText(channel.id());
  const SqlValue workspace = SqlText(channel.workspace_id());
  HEIM_RETURN_IF_ERROR(session_->Execute(kCloseIntervals, {id, workspace, SqlInt(position)}));
  for (const std::string_view sql :
       {kDeleteMembers, kDeleteNames, kDeleteActiveStreams, kDeleteChannel}) {
    HEIM_RETURN_IF_ERROR(session_->Execute(sql, {id}));
  }
  return session_->Execute(kRemember, {id, workspace, SqlInt(position)}).status();
}

absl::StatusOr<std::optional<ChannelPurge>> ChannelPurges::Next() {
  std::optional<ChannelPurge> purge;
  HEIM_RETURN_IF_ERROR(session_->Query(kNext, {}, [&](const SqlRow& row) {
    purge.emplace();
    purge->channel_id = ChannelId(row.Text(0));
    purge->workspace_id = WorkspaceId(row.Text(1));
    purge->deleted_position = UintOf(row, 2);
    purge->stage = static_cast<ChannelPurge::Stage>(row.Int(3));
    purge->scrubbed = UintOf(row, 4);
    return absl::OkStatus();
  }));
  return purge;
}

absl::Status ChannelPurges::Step(ChannelPurge purge) {
  switch (purge.stage) {
    case ChannelPurge::Stage::kMessages:
      HEIM_RETURN_IF_ERROR(EraseMessages(&purge));
      break;
    case ChannelPurge::Stage::kLog:
      HEIM_RETURN_IF_ERROR(ScrubLog(&purge));
      break;
    case ChannelPurge::Stage::kRest:
      return EraseRest(purge);
  }
  return session_
      ->Execute(kSetStage, {SqlId(purge.channel_id), SqlEnum(static_cast<int>(purge.stage)),
                            SqlInt(purge.scrubbed)})
      .status();
}

absl::Status ChannelPurges::EraseMessages(ChannelPurge* purge) {
  uint64_t bound = std::numeric_limits<int64_t>::max();
  bool more = false;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kBound, {SqlId(purge->channel_id), SqlInt(kMessagesAtOnce - 1)}, [&](const SqlRow& row) {
        bound = UintOf(row, 0);
        more = true;
        return absl::OkStatus();
      }));
  std::vector<std::string> files;
  HEIM_RETURN_IF_ERROR(session_->Query(kFilesOfSome, {SqlId(purge->channel_id), SqlInt(bound)},
                                       [&](const SqlRow& row) {
                                         files.push_back(TextOf(row, 0));
                                         return absl::OkStatus();
                                       }));
  HEIM_RETURN_IF_ERROR(ScrubPrivateTexts(*session_, *purge, kNotesOnSome,
                                         {SqlId(purge->channel_id), SqlInt(bound)}));
  for (const std::string_view sql : kEraseSome) {
    HEIM_RETURN_IF_ERROR(session_->Execute(sql, {SqlId(purge->channel_id), SqlInt(bound)}));
  }
  for (const std::string& file : files) {
    HEIM_RETURN_IF_ERROR(Files(*session_).DropUnlinked(file));
  }
  if (!more) purge->stage = ChannelPurge::Stage::kLog;
  return absl::OkStatus();
}

absl::Status ChannelPurges::ScrubLog(ChannelPurge* purge) {
  if (purge->scrubbed == 0) {
    HEIM_ASSIGN_OR_RETURN(const int64_t oldest,
                          QueryInt(*session_, kOldest, {SqlId(purge->workspace_id)}));
    purge->scrubbed = static_cast<uint64_t>(oldest) - 1;
  }
  const uint64_t end = purge->scrubbed + kPositionsAtOnce;
  std::vector<uint64_t> positions;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kLogged,
      {SqlId(purge->workspace_id), SqlInt(purge->scrubbed), SqlInt(end), SqlId(purge->channel_id),
       SqlEnum(v1::Event::kMemberRemoved), SqlEnum(v1::Event::kChannelDeleted)},
      [&](const SqlRow& row) {
        positions.push_back(UintOf(row, 0));
        return absl::OkStatus();
      }));
  for (const uint64_t position : positions) {
    v1::Event bare;
    bare.set_position(position);
    bare.set_channel_id(purge->channel_id.str());
    const std::string bytes = bare.SerializeAsString();
    HEIM_RETURN_IF_ERROR(
        session_->Execute(kScrub, {SqlId(purge->workspace_id), SqlInt(position), SqlBlob(bytes)}));
  }
  purge->scrubbed = end;
  if (end >= purge->deleted_position) purge->stage = ChannelPurge::Stage::kRest;
  return absl::OkStatus();
}

absl::Status ChannelPurges::EraseRest(const ChannelPurge& purge) {
  HEIM_RETURN_IF_ERROR(ScrubPrivateTexts(*session_, purge, kScheduled, {SqlId(purge.channel_id)}));
  for (const std::string_view sql : kEraseRest) {
    HEIM_RETURN_IF_ERROR(session_->Execute(sql, {SqlId(purge.channel_id)}));
  }
  return session_->Execute(kForget, {SqlId(purge.channel_id)}).status();
}

}  // namespace heim
