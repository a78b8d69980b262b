#include <utility>

#include "gateway/http/call_setup.h"
#include "gateway/http/calls.h"
#include "gateway/http/handlers.h"
#include "gateway/http/http_limits.h"
#include "gateway/http/transcode.h"
#include "gateway/json/codec.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using google::protobuf::Message;

JsonOptions OptionsOf(const RequestHead& head) {
  JsonOptions options;
  options.ignore_unknown = head.HasToken("Prefer", "handling=lenient");
  return options;
}

absl::StatusOr<std::unique_ptr<Message>> BuildFromParts(const Exchange& exchange,
                                                        const MethodInfo& method,
                                                        const RouteMatch& match,
                                                        std::string_view body) {
  const RequestHead& head = exchange.head();
  HEIM_ASSIGN_OR_RETURN(const std::vector<QueryParameter> query, ParseQuery(head.query));
  HEIM_ASSIGN_OR_RETURN(const std::optional<uint32_t> revision, RevisionOf(head));
  HttpParts parts;
  parts.variables = match.variables;
  parts.query = query;
  parts.body = body;
  parts.expected_revision = revision;
  std::unique_ptr<Message> request(method.request_prototype->New());
  HEIM_RETURN_IF_ERROR(BuildRequest(*match.binding, parts, OptionsOf(head), request.get()));
  return request;
}

// A poll's wait comes on top of the time that any call has.
absl::Duration WaitOf(const Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("wait_ms");
  if (field == nullptr || field->is_repeated() ||
      field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_UINT32) {
    return absl::ZeroDuration();
  }
  return std::min(absl::Milliseconds(request.GetReflection()->GetUInt32(request, field)),
                  kPollWaitMax);
}

// Whether the handler has left the context alone: after a timeout it may still run.
bool IsSettled(const absl::Status& status) {
  if (status.ok()) return true;
  const v1::ErrorReason reason = ShownReasonOf(status);
  return reason != v1::ERROR_REASON_TIMEOUT && reason != v1::ERROR_REASON_CANCELLED;
}

int StatusOf(const CallContext& context, const MethodInfo& method) {
  if (context.http_status != 0) return context.http_status;
  return method.policy.http_status() != 0 ? static_cast<int>(method.policy.http_status()) : 200;
}

}  // namespace

void AddContextHeaders(const Front& front, const CallContext& context, HttpResponse* response) {
  if (context.cookie.has_value()) {
    const bool secure = front.options.tls_in_front || StartsWith(context.base_url, "https:");
    response->Add("Set-Cookie", FormatCookie(*context.cookie, secure));
  }
  if (context.rate_limit.has_value()) {
    const RateLimitState& state = *context.rate_limit;
    response->Add("RateLimit-Limit", StrCat(state.limit));
    response->Add("RateLimit-Remaining", StrCat(state.remaining));
    const int64_t reset = absl::ToInt64Seconds(absl::Ceil(state.reset, absl::Seconds(1)));
    response->Add("RateLimit-Reset", StrCat(reset));
  }
}

HttpResponse CallErrorResponse(Exchange& exchange, const absl::Status& error,
                               const CallContext& context) {
  HttpResponse response = ErrorResponse(error, exchange.request_id());
  if (IsSettled(error)) AddContextHeaders(exchange.front(), context, &response);
  return response;
}

absl::StatusOr<std::unique_ptr<Message>> RequestFromUrl(const Exchange& exchange,
                                                        const MethodInfo& method,
                                                        const RouteMatch& match) {
  return BuildFromParts(exchange, method, match, "");
}

Task<void> ServeUnary(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                      RouteMatch match) {
  absl::StatusOr<PreparedCall> call = PrepareCall(*exchange, *method);
  if (!call.ok()) co_return co_await exchange->RespondError(call.status());
  std::string body;
  if (exchange->head().has_body()) {
    const absl::Status good = CheckJsonBody(exchange->head());
    if (!good.ok()) co_return co_await exchange->RespondError(good);
    absl::StatusOr<std::string> read = co_await exchange->ReadBody(kJsonBodyMaxBytes);
    if (!read.ok()) co_return co_await exchange->RespondError(read.status());
    body = *std::move(read);
  }
  absl::StatusOr<std::unique_ptr<Message>> request =
      BuildFromParts(*exchange, *method, match, body);
  if (!request.ok()) co_return co_await exchange->RespondError(request.status());
  const absl::Duration wait = WaitOf(**request);
  call->timeout += wait;
  call->context->deadline += wait;
  const std::shared_ptr<CallContext> context = call->context;
  Answer answer = co_await CallMethod(exchange, method, *std::move(call), *std::move(request));
  HttpResponse response;
  if (answer.ok()) {
    std::string json;
    AppendResponse(*match.binding, **answer, Dialect::kHeim, &json);
    response = JsonResponse(StatusOf(*context, *method), std::move(json));
    AddContextHeaders(exchange->front(), *context, &response);
  } else {
    response = CallErrorResponse(*exchange, answer.status(), *context);
  }
  co_await exchange->Respond(std::move(response));
}

namespace {

// The request of a Connect call; its body is JSON or protobuf bytes.
absl::StatusOr<std::unique_ptr<Message>> ParseConnect(const MethodInfo& method, bool json,
                                                      std::string_view body) {
  std::unique_ptr<Message> request(method.request_prototype->New());
  if (json) {
    JsonOptions options;
    options.dialect = Dialect::kCanonical;
    HEIM_RETURN_IF_ERROR(ParseJson(body.empty() ? "{}" : body, options, request.get()));
  } else if (!request->ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, "The body is no message of this method");
  }
  return request;
}

HttpResponse ConnectResponse(const Message& message, bool json) {
  std::string body;
  if (json) {
    AppendJson(message, Dialect::kCanonical, &body);
  } else {
    message.AppendToString(&body);
  }
  HttpResponse response = JsonResponse(200, std::move(body));
  if (!json) response.Set("Content-Type", "application/proto");
  return response;
}

}  // namespace

Task<void> ServeConnect(std::shared_ptr<Exchange> exchange, const MethodInfo* method) {
  const std::string type = MediaType(exchange->head().Get("Content-Type"));
  const bool json = type == "application/json";
  absl::Status failed;
  if (!json && type != "application/proto") {
    failed = MakeError(v1::ERROR_REASON_UNSUPPORTED_MEDIA_TYPE,
                       "The body must be application/json or application/proto");
  } else if (method->unary == nullptr &&
             (method->client_streaming() || method->server_streaming())) {
    failed = MakeError(v1::ERROR_REASON_UNIMPLEMENTED, "Streams are not served on this path");
  } else if (json) {
    failed = CheckJsonBody(exchange->head());
  }
  absl::StatusOr<PreparedCall> call = PrepareCall(*exchange, *method);
  if (failed.ok() && !call.ok()) failed = call.status();
  absl::StatusOr<std::string> body;
  if (failed.ok()) {
    body = co_await exchange->ReadBody(kJsonBodyMaxBytes);
    failed = body.status();
  }
  absl::StatusOr<std::unique_ptr<Message>> request;
  if (failed.ok()) {
    request = ParseConnect(*method, json, *body);
    failed = request.status();
  }
  HttpResponse response;
  if (failed.ok()) {
    const std::shared_ptr<CallContext> context = call->context;
    Answer answer = co_await CallMethod(exchange, method, *std::move(call), *std::move(request));
    if (answer.ok()) {
      response = ConnectResponse(**answer, json);
    } else {
      response = ConnectErrorResponse(answer.status(), exchange->request_id());
    }
    if (IsSettled(answer.status())) AddContextHeaders(exchange->front(), *context, &response);
  } else {
    response = ConnectErrorResponse(failed, exchange->request_id());
    if (HttpStatusOf(failed) == 415) response.status = 415;
  }
  co_await exchange->Respond(std::move(response));
}

}  // namespace heim
