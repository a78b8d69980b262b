#include <utility>

#include "gateway/http/calls.h"
#include "gateway/http/handlers.h"
#include "gateway/ws/session.h"
#include "gateway/ws/upgrade.h"
#include "server/base/log.h"
#include "server/model/errors.h"
#include "server/model/limits.h"

namespace heim {
namespace {

HttpResponse Refusal(const Exchange& exchange, const absl::Status& error) {
  HttpResponse response = ErrorResponse(error, exchange.request_id());
  const bool upgrade = exchange.head().HasToken("Upgrade", "websocket");
  if (ReasonOf(error) == v1::ERROR_REASON_INVALID_HTTP) {
    // What would be taken instead.
    if (!upgrade || IsOtherVersion(exchange.head())) response.status = 426;
    response.Add("Upgrade", "websocket");
    response.Add("Sec-WebSocket-Version", "13");
  }
  return response;
}

}  // namespace

Task<void> ServeSocket(std::shared_ptr<Exchange> exchange, const MethodInfo* method) {
  Front& front = exchange->front();
  const RequestHead& head = exchange->head();
  absl::StatusOr<Upgrade> upgrade =
      ReadUpgrade(head, {&front.origins, front.options.websocket_query_token});
  if (!upgrade.ok()) {
    HttpResponse response = Refusal(*exchange, upgrade.status());
    co_return co_await exchange->Respond(std::move(response));
  }
  PreparedCall call;
  call.timeout = kDeadlineDefault;
  call.context = MakeContext(
      head, {exchange->connection()->address(), &front.proxies, front.options.tls_in_front});
  call.context->request_id = exchange->request_id();
  call.context->bearer = upgrade->credentials.bearer;
  call.context->bearer_from_cookie = upgrade->credentials.from_cookie;
  call.context->allow_ticket = true;
  call.context->resume_cursor = upgrade->cursor;
  if (!upgrade->workspace.empty()) call.context->workspace_selector = upgrade->workspace;
  const std::shared_ptr<CallContext> context = call.context;
  OpenedStream opened = co_await OpenMethod(exchange, method, std::move(call), nullptr);
  if (!opened.ok()) {
    HttpResponse refused = CallErrorResponse(*exchange, opened.status(), *context);
    co_return co_await exchange->Respond(std::move(refused));
  }
  exchange->LogUpgrade();
  SocketSession::Options options;
  options.connection = exchange->connection();
  options.stream = *std::move(opened);
  options.method = method;
  options.binary = upgrade->binary;
  options.request_id = exchange->request_id();
  const auto session = std::make_shared<SocketSession>(std::move(options));
  co_await session->Run(head, *std::move(upgrade));
  LogInfo("socket closed", {{"close_code", session->close_code()},
                            {"bytes", session->bytes_out()},
                            {"request_id", exchange->request_id()}});
}

}  // namespace heim
