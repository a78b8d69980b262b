#include "server/store/search_rows.h"

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kStandings[] =
    "SELECT c.id, c.name, c.type, c.history_visibility, c.open_from_seq, m.role, "
    "m.history_from_seq FROM channels c "
    "LEFT JOIN channel_members m ON m.channel_id = c.id AND m.actor_id = $2 "
    "WHERE c.workspace_id = $1 AND (c.type = 1 OR m.actor_id IS NOT NULL)";
constexpr char kMessagesBefore[] =
    "SELECT m.id, c.workspace_id FROM messages m LEFT JOIN channels c ON c.id = m.channel_id "
    "WHERE m.id < $1 ORDER BY m.id DESC LIMIT $2";

}  // namespace

absl::StatusOr<std::vector<StandingRow>> SearchRows::Standings(const WorkspaceId& workspace,
                                                               const ActorId& actor) {
  std::vector<StandingRow> rows;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kStandings, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        StandingRow& standing = rows.emplace_back();
        standing.id = ChannelId(row.Text(0));
        standing.name = TextOf(row, 1);
        standing.type = static_cast<v1::ChannelType>(row.Int(2));
        standing.history_visibility = static_cast<v1::HistoryVisibility>(row.Int(3));
        standing.open_from_seq = UintOf(row, 4);
        standing.is_member = !row.IsNull(5);
        if (!standing.is_member) return absl::OkStatus();
        standing.role = static_cast<v1::ChannelRole>(row.Int(5));
        standing.history_from_seq = UintOf(row, 6);
        return absl::OkStatus();
      }));
  return rows;
}

absl::StatusOr<std::vector<MessageOf>> SearchRows::MessagesBefore(std::string_view before,
                                                                  uint32_t limit) {
  std::vector<MessageOf> messages;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kMessagesBefore, {SqlText(before), SqlInt(limit)}, [&](const SqlRow& row) {
        messages.push_back({MessageId(row.Text(0)), WorkspaceId(row.Text(1))});
        return absl::OkStatus();
      }));
  return messages;
}

}  // namespace heim
