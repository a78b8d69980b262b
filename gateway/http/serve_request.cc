#include <utility>

#include "gateway/http/handlers.h"
#include "gateway/http/http_error.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::string_view kConnectPrefix = "/heim.v1.";

Task<void> RespondNotAllowed(std::shared_ptr<Exchange> exchange, std::string allow) {
  HttpResponse response =
      ErrorResponse(MethodNotAllowed(exchange->head().method, allow), exchange->request_id());
  response.Add("Allow", allow);
  co_await exchange->Respond(std::move(response));
}

// A method of the contract by its binding.
Task<void> ServeBinding(std::shared_ptr<Exchange> exchange, RouteMatch match) {
  const MethodInfo* method = exchange->front().methods.at(match.binding->rpc);
  exchange->set_route(match.binding->path);
  if (method->policy.has_raw_body() && method->client_streaming()) {
    co_await ServeUpload(exchange, method, std::move(match));
  } else if (method->policy.has_raw_body() && method->server_streaming()) {
    co_await ServeDownload(exchange, method, std::move(match));
  } else if (method->client_streaming()) {
    absl::Status error =
        MakeError(v1::ERROR_REASON_UNIMPLEMENTED, "The method has no form in HTTP");
    co_await exchange->RespondError(std::move(error));
  } else if (method->server_streaming()) {
    co_await ServeEvents(exchange, method, std::move(match));
  } else {
    co_await ServeUnary(exchange, method, std::move(match));
  }
}

Task<void> ServeOptions(std::shared_ptr<Exchange> exchange) {
  const RequestHead& head = exchange->head();
  HttpResponse fixed;
  std::string allow;
  if (head.path == "*" || FindFixed(*exchange, &fixed)) {
    allow = "GET, HEAD, OPTIONS";
  } else if (StartsWith(head.path, kConnectPrefix)) {
    allow = "POST, OPTIONS";
  } else {
    const RouteMatch match = exchange->front().routes->Match("OPTIONS", head.path);
    if (match.allow.empty()) {
      absl::Status error = match.status.ok() ? RouteNotFound() : match.status;
      co_return co_await exchange->RespondError(std::move(error));
    }
    allow = StrCat(match.allow, ", OPTIONS");
  }
  HttpResponse response = exchange->front().origins.Preflight(head, allow);
  co_await exchange->Respond(std::move(response));
}

}  // namespace

Task<void> ServeRequest(std::shared_ptr<Exchange> exchange) {
  const RequestHead& head = exchange->head();
  Front& front = exchange->front();
  if (head.method == "OPTIONS") co_return co_await ServeOptions(exchange);
  HttpResponse fixed;
  if (FindFixed(*exchange, &fixed)) {
    if (head.method != "GET" && head.method != "HEAD") {
      co_return co_await RespondNotAllowed(exchange, "GET, HEAD, OPTIONS");
    }
    co_return co_await exchange->Respond(std::move(fixed));
  }
  const auto socket = front.sockets.find(head.path);
  if (socket != front.sockets.end()) {
    if (head.method != "GET") co_return co_await RespondNotAllowed(exchange, "GET");
    co_return co_await ServeSocket(exchange, socket->second);
  }
  if (StartsWith(head.path, kConnectPrefix)) {
    const MethodInfo* method = front.invoker.methods().Find(head.path);
    if (method == nullptr) co_return co_await exchange->RespondError(RouteNotFound());
    if (head.method != "POST") co_return co_await RespondNotAllowed(exchange, "POST, OPTIONS");
    co_return co_await ServeConnect(exchange, method);
  }
  RouteMatch match = front.routes->Match(head.method, head.path);
  if (match.status.ok()) co_return co_await ServeBinding(exchange, std::move(match));
  if (ReasonOf(match.status) == v1::ERROR_REASON_METHOD_NOT_ALLOWED) {
    co_return co_await RespondNotAllowed(exchange, StrCat(match.allow, ", OPTIONS"));
  }
  co_await exchange->RespondError(match.status);
}

}  // namespace heim
