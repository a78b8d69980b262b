#include "server/store/private_events.h"

#include <string>

#include "heim/v1/event.pb.h"
#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kPayloadAt[] =
    "SELECT payload FROM event_log WHERE workspace_id = $1 AND position = $2";
constexpr char kSetPayload[] =
    "UPDATE event_log SET payload = $3 WHERE workspace_id = $1 AND position = $2";

bool ClearText(v1::Event* event) {
  if (event->has_draft_updated()) {
    v1::Draft& draft = *event->mutable_draft_updated()->mutable_draft();
    draft.clear_content();
    draft.clear_attachments();
    return true;
  }
  if (event->has_saved_updated()) {
    event->mutable_saved_updated()->mutable_item()->clear_note();
    return true;
  }
  if (!event->has_scheduled_message_updated()) return false;
  v1::ScheduledMessage& message =
      *event->mutable_scheduled_message_updated()->mutable_scheduled_message();
  message.clear_content();
  message.clear_parts();
  message.clear_attachments();
  message.clear_metadata();
  return true;
}

}  // namespace

absl::Status ScrubPrivateText(SqlSession& session, const WorkspaceId& workspace,
                              uint64_t position) {
  if (position == 0) return absl::OkStatus();
  v1::Event event;
  bool found = false;
  HEIM_RETURN_IF_ERROR(
      session.Query(kPayloadAt, {SqlId(workspace), SqlInt(position)}, [&](const SqlRow& row) {
        found = true;
        return ParseColumn(row, 0, &event);
      }));
  if (!found || !ClearText(&event)) return absl::OkStatus();
  const std::string bytes = event.SerializeAsString();
  return session.Execute(kSetPayload, {SqlId(workspace), SqlInt(position), SqlBlob(bytes)})
      .status();
}

}  // namespace heim
