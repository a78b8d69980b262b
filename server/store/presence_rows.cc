#include "server/store/presence_rows.h"

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kSetChoice[] =
    "INSERT INTO presence_choices (actor_id, presence) VALUES ($1, $2) "
    "ON CONFLICT (actor_id) DO UPDATE SET presence = excluded.presence";
constexpr char kTakeChoiceBack[] = "DELETE FROM presence_choices WHERE actor_id = $1";
constexpr char kChoices[] = "SELECT actor_id, presence FROM presence_choices ORDER BY actor_id";
constexpr char kSetConnected[] =
    "INSERT INTO presence_connected (actor_id, workspace_id) VALUES ($1, $2) "
    "ON CONFLICT (actor_id, workspace_id) DO NOTHING";
constexpr char kSetGone[] = "DELETE FROM presence_connected WHERE actor_id = $1";
constexpr char kConnected[] =
    "SELECT actor_id, workspace_id FROM presence_connected ORDER BY actor_id, workspace_id";

}  // namespace

absl::Status PresenceRows::SetChoice(const ActorId& actor, v1::Presence presence) {
  const bool kept = presence == v1::PRESENCE_AWAY || presence == v1::PRESENCE_DND ||
                    presence == v1::PRESENCE_OFFLINE;
  if (!kept) return session_->Execute(kTakeChoiceBack, {SqlId(actor)}).status();
  return session_->Execute(kSetChoice, {SqlId(actor), SqlEnum(presence)}).status();
}

absl::StatusOr<std::vector<std::pair<ActorId, v1::Presence>>> PresenceRows::Choices() {
  std::vector<std::pair<ActorId, v1::Presence>> choices;
  HEIM_RETURN_IF_ERROR(session_->Query(kChoices, {}, [&](const SqlRow& row) {
    choices.emplace_back(ActorId(row.Text(0)), static_cast<v1::Presence>(row.Int(1)));
    return absl::OkStatus();
  }));
  return choices;
}

absl::Status PresenceRows::SetConnected(const WorkspaceId& workspace, const ActorId& actor) {
  return session_->Execute(kSetConnected, {SqlId(actor), SqlId(workspace)}).status();
}

absl::Status PresenceRows::SetGone(const ActorId& actor) {
  return session_->Execute(kSetGone, {SqlId(actor)}).status();
}

absl::StatusOr<std::vector<std::pair<ActorId, WorkspaceId>>> PresenceRows::Connected() {
  std::vector<std::pair<ActorId, WorkspaceId>> connected;
  HEIM_RETURN_IF_ERROR(session_->Query(kConnected, {}, [&](const SqlRow& row) {
    connected.emplace_back(ActorId(row.Text(0)), WorkspaceId(row.Text(1)));
    return absl::OkStatus();
  }));
  return connected;
}

}  // namespace heim
