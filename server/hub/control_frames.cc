#include "server/hub/control_frames.h"

#include "heim/v1/event.pb.h"
#include "server/hub/hub_limits.h"

namespace heim {

FramePtr HelloFrame(const HelloOptions& options, const std::string& cursor) {
  v1::Control control;
  v1::Hello* hello = control.mutable_hello();
  hello->set_session_id(options.session_id);
  *hello->mutable_actor() = options.actor;
  hello->set_resumed(options.resumed);
  hello->set_heartbeat_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(kHeartbeatAfter)));
  hello->set_workspace_id(options.workspace.str());
  return MakeControlFrame(control, cursor);
}

FramePtr HeartbeatFrame(const std::string& cursor) {
  v1::Control control;
  control.mutable_heartbeat();
  return MakeControlFrame(control, cursor);
}

FramePtr ResetFrame(const std::string& reason, const std::string& cursor) {
  v1::Control control;
  control.mutable_reset()->set_reason(reason);
  return MakeControlFrame(control, cursor);
}

FramePtr CaughtUpFrame(const std::string& cursor) {
  v1::Control control;
  control.mutable_caught_up();
  return MakeControlFrame(control, cursor);
}

FramePtr LaggingFrame(uint64_t events_behind) {
  v1::Control control;
  control.mutable_lagging()->set_events_behind(events_behind);
  return MakeControlFrame(control, "");
}

FramePtr GoodbyeFrame(std::string_view reason, int reconnect_after_ms) {
  v1::Control control;
  v1::Goodbye* goodbye = control.mutable_goodbye();
  goodbye->set_reason(std::string(reason));
  if (reconnect_after_ms >= 0) {
    goodbye->set_reconnect_after_ms(static_cast<uint32_t>(reconnect_after_ms));
  }
  return MakeControlFrame(control, "");
}

}  // namespace heim
