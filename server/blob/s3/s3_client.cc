#include "server/blob/s3/s3_client.h"

#include <algorithm>

#include "absl/synchronization/notification.h"
#include "server/base/crypto.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr int kAttempts = 3;
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr size_t kCodeMaxBytes = 64;

// S3's own word for what went wrong, as far as it is a word.
std::string CodeOf(const HttpResponse& response) {
  const std::string code = S3Element(response.body, "Code");
  const bool word =
      code.size() <= kCodeMaxBytes && std::all_of(code.begin(), code.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      });
  return word && !code.empty() ? StrCat(" ", code) : "";
}

absl::Status ErrorOf(HttpMethod method, const HttpResponse& response) {
  const std::string text =
      StrCat("S3 answered ", response.status, CodeOf(response), " to ", HttpMethodName(method));
  switch (response.status) {
    case 401:
    case 403:
      return absl::PermissionDeniedError(text);
    case 404:
      return absl::NotFoundError(text);
    case 412:
      return absl::FailedPreconditionError(text);
    case 416:
      return absl::OutOfRangeError(text);
    default:
      return absl::UnavailableError(text);
  }
}

bool WorthAnotherTry(const absl::StatusOr<HttpResponse>& response) {
  if (response.ok()) return response->status >= 500 || response->status == 429;
  return absl::IsUnavailable(response.status()) || absl::IsDeadlineExceeded(response.status());
}

}  // namespace

std::string S3Element(std::string_view xml, std::string_view name) {
  const std::string open = StrCat("<", name, ">");
  const size_t begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const size_t end = xml.find("</", begin);
  if (end == std::string_view::npos) return {};
  return std::string(xml.substr(begin + open.size(), end - begin - open.size()));
}

absl::StatusOr<HttpResponse> S3Client::SendOnce(const S3Request& request) {
  const std::string authority = options_.endpoint.Authority();
  const std::string host =
      options_.path_style ? authority : StrCat(options_.bucket, ".", authority);
  std::string path = options_.path_style ? StrCat("/", S3Encode(options_.bucket)) : "";
  if (!request.object.empty() || path.empty()) {
    StrAppend(&path, "/", S3Encode(request.object, /*keep_slash=*/true));
  }
  const std::string hash = HexEncode(Sha256(request.body));
  const std::string date = S3Date(clock_.Now());
  S3Pairs headers = request.headers;
  headers.emplace_back("x-amz-content-sha256", hash);
  headers.emplace_back("x-amz-date", date);
  S3Signable signable = {HttpMethodName(request.method), path, request.query, headers, hash};
  signable.headers.emplace_back("host", host);

  HttpRequest http;
  http.method = request.method;
  const std::string query = S3Query(request.query);
  http.url = StrCat(options_.endpoint.tls ? "https://" : "http://", host, path,
                    query.empty() ? "" : "?", query);
  http.headers = std::move(headers);
  http.headers.emplace_back("authorization", S3Authorization(options_.credentials, signable, date));
  http.body = request.body;
  http.timeout = request.timeout;
  http.max_response_bytes = request.max_response_bytes;
  return http_.Send(http);
}

absl::StatusOr<HttpResponse> S3Client::Send(const S3Request& request) {
  absl::Duration backoff = kFirstBackoff;
  for (int attempt = 1;; ++attempt) {
    auto response = SendOnce(request);
    if (!request.repeatable || attempt == kAttempts || !WorthAnotherTry(response)) {
      if (!response.ok())
        return absl::UnavailableError(StrCat("S3: ", response.status().message()));
      if (response->status / 100 != 2) return ErrorOf(request.method, *response);
      return response;
    }
    const auto jitter = absl::Milliseconds(RandomBelow(entropy_, 100));
    absl::Notification().WaitForNotificationWithTimeout(backoff + jitter);
    backoff *= 4;
  }
}

}  // namespace heim
