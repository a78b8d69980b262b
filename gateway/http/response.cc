#include "gateway/http/response.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>

#include "gateway/json/codec.h"
#include "gateway/json/text.h"
#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {
namespace {

void AddErrorHeaders(const v1::Error& error, HttpResponse* response) {
  if (error.has_retry_after_ms()) {
    response->Add("Retry-After", StrCat((error.retry_after_ms() + 999) / 1000));
  }
  if (response->status == 401) response->Add("WWW-Authenticate", "Bearer");
}

// Connect's names of the canonical codes are the names in lower case, but for one letter.
std::string ConnectCode(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kCancelled) return "canceled";
  return AsciiLower(absl::StatusCodeToString(status.code()));
}

int ConnectHttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    default:
      return 500;
  }
}

}  // namespace

void HttpResponse::Add(std::string_view name, std::string_view value) {
  if (HasControl(value)) return;
  headers.push_back({std::string(name), std::string(value)});
}

void HttpResponse::Set(std::string_view name, std::string_view value) {
  headers.erase(std::remove_if(headers.begin(), headers.end(),
                               [name](const HeaderField& field) {
                                 return EqualsIgnoreCase(field.name, name);
                               }),
                headers.end());
  Add(name, value);
}

HttpResponse JsonResponse(int status, std::string body) {
  HttpResponse response{status, {}, std::move(body)};
  response.Add("Content-Type", "application/json");
  response.Add("Cache-Control", "no-store");
  return response;
}

HttpResponse TextResponse(int status, std::string body) {
  HttpResponse response{status, {}, std::move(body)};
  response.Add("Content-Type", "text/plain; charset=utf-8");
  response.Add("Cache-Control", "no-store");
  return response;
}

HttpResponse ErrorResponse(const absl::Status& status, std::string_view request_id) {
  const v1::Error error = ToError(status, request_id);
  std::string body = "{\"error\":";
  AppendJson(error, Dialect::kHeim, &body);
  body += "}";
  HttpResponse response = JsonResponse(HttpStatusOf(status), std::move(body));
  AddErrorHeaders(error, &response);
  return response;
}

HttpResponse ConnectErrorResponse(const absl::Status& status, std::string_view request_id) {
  const v1::Error error = ToError(status, request_id);
  std::string body = "{\"code\":";
  AppendQuoted(ConnectCode(status), &body);
  body += ",\"message\":";
  AppendQuoted(error.message(), &body);
  body += ",\"details\":[";
  const google::rpc::Status rpc = ToRpcStatus(status, request_id);
  for (const google::protobuf::Any& detail : rpc.details()) {
    const std::string_view url = detail.type_url();
    body += body.back() == '[' ? "{\"type\":" : ",{\"type\":";
    AppendQuoted(url.substr(url.rfind('/') + 1), &body);
    body += ",\"value\":";
    std::string value = Base64Encode(detail.value());
    value.resize(value.find_last_not_of('=') + 1);
    AppendQuoted(value, &body);
    body += "}";
  }
  body += "]}";
  HttpResponse response = JsonResponse(ConnectHttpStatus(status.code()), std::move(body));
  AddErrorHeaders(error, &response);
  return response;
}

std::string_view ReasonPhrase(int status) {
  const auto phrase =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {phrase.data(), phrase.size()};
}

std::string SerializeHead(const HttpResponse& response, std::optional<uint64_t> length) {
  std::string out;
  out.reserve(512);
  StrAppend(&out, "HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status), "\r\n");
  for (const HeaderField& field : response.headers) {
    StrAppend(&out, field.name, ": ", field.value, "\r\n");
  }
  if (length.has_value()) StrAppend(&out, "Content-Length: ", *length, "\r\n");
  out += "\r\n";
  return out;
}

}  // namespace heim
