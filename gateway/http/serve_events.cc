#include <utility>

#include "gateway/http/calls.h"
#include "gateway/http/handlers.h"
#include "gateway/http/http_limits.h"
#include "gateway/json/codec.h"
#include "gateway/ws/frame_text.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using Timer = Connection::Timer;

// A reader that reconnects says where it was by Last-Event-ID, whatever its URL says.
void SetCursor(std::string_view last_event_id, google::protobuf::Message* request) {
  const auto* field = request->GetDescriptor()->FindFieldByName("cursor");
  if (last_event_id.empty() || field == nullptr || field->is_repeated() ||
      field->type() != google::protobuf::FieldDescriptor::TYPE_STRING) {
    return;
  }
  request->GetReflection()->SetString(request, field, std::string(last_event_id));
}

// Writes what the source has until it ends or the client goes away.
Task<void> Pump(std::shared_ptr<Exchange> exchange, std::shared_ptr<StreamCall> stream,
                std::shared_ptr<bool> draining) {
  const std::shared_ptr<Connection> connection = exchange->connection();
  std::vector<FramePtr> frames;
  bool placed = false;  // a cursor was given: the client can resume
  while (!connection->closed()) {
    frames.clear();
    const FrameSource::State state = stream->Pull(kPullBytes, &frames);
    std::string text;
    for (const FramePtr& frame : frames) {
      if (!placed && !frame->cursor().empty()) {
        placed = true;
        StrAppend(&text, "id: ", frame->cursor(), "\n\n");
      }
      text += EventStreamText(*frame);
    }
    if (!text.empty()) {
      if (!co_await exchange->Write(std::move(text))) co_return;
      connection->Arm(Timer::kCall, kCommentInterval);
    }
    if (state == FrameSource::State::kEnded || *draining) co_return;
    if (state != FrameSource::State::kIdle) continue;
    co_await connection->wakeup().Wait();
    if (!connection->expired(Timer::kCall)) continue;
    connection->ClearExpired(Timer::kCall);
    if (!co_await exchange->Write(":\n\n")) co_return;
    connection->Arm(Timer::kCall, kCommentInterval);
  }
}

}  // namespace

Task<void> ServeEvents(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                       RouteMatch match) {
  absl::StatusOr<PreparedCall> call = PrepareCall(*exchange, *method);
  if (!call.ok()) co_return co_await exchange->RespondError(call.status());
  auto request = RequestFromUrl(*exchange, *method, match);
  if (!request.ok()) co_return co_await exchange->RespondError(request.status());
  SetCursor(exchange->head().Get("Last-Event-ID"), request->get());
  const std::shared_ptr<CallContext> context = call->context;
  OpenedStream opened =
      co_await OpenMethod(exchange, method, *std::move(call), *std::move(request));
  if (!opened.ok()) {
    HttpResponse refused = CallErrorResponse(*exchange, opened.status(), *context);
    co_return co_await exchange->Respond(std::move(refused));
  }
  const std::shared_ptr<StreamCall> stream = *std::move(opened);
  const std::shared_ptr<Connection> connection = exchange->connection();
  exchange->Detach();
  exchange->set_last();
  HttpResponse response;
  response.Add("Content-Type", "text/event-stream");
  response.Add("Cache-Control", "no-store");
  response.Add("X-Accel-Buffering", "no");
  AddContextHeaders(exchange->front(), *context, &response);
  bool good = co_await exchange->Begin(std::move(response), std::nullopt);
  good = good && !exchange->head_only() && co_await exchange->Write("retry: 2000\n\n");
  if (good) {
    auto draining = std::make_shared<bool>(false);
    connection->on_drain = [draining, connection = connection.get()] {
      *draining = true;
      connection->wakeup().Notify();
    };
    CloseWithClient(connection);
    WakeOnReady(connection, *stream);
    connection->ClearExpired(Timer::kCall);
    connection->Arm(Timer::kCall, kCommentInterval);
    co_await Pump(exchange, stream, draining);
    connection->Disarm(Timer::kCall);
    connection->on_drain = nullptr;
    absl::Status status;
    if (!connection->closed() && !*draining) status = stream->status();
    if (!status.ok()) {
      std::string text = "event: error\ndata: ";
      AppendJson(ToError(status, exchange->request_id()), Dialect::kHeim, &text);
      text += "\n\n";
      co_await exchange->Write(std::move(text));
    }
  }
  stream->Cancel();
  co_await exchange->End();
}

}  // namespace heim
