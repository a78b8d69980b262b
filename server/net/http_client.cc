#include "server/net/http_client.h"

#include <algorithm>
#include <boost/asio/ssl/context.hpp>
#include <exception>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/net/http_connection.h"
#include "server/net/tls_context.h"
#include "server/net/url.h"

namespace heim {
struct HttpClient::Tls {
  boost::asio::ssl::context context{boost::asio::ssl::context::tls_client};
};

std::string_view HttpMethodName(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return "GET";
    case HttpMethod::kHead:
      return "HEAD";
    case HttpMethod::kPut:
      return "PUT";
    case HttpMethod::kPost:
      return "POST";
    case HttpMethod::kDelete:
      return "DELETE";
  }
  return "";
}

std::string_view HttpResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(Options options, Clock& clock) {
  try {
    auto tls = std::make_unique<Tls>();
    HEIM_RETURN_IF_ERROR(PrepareTls(options.ca_file, &tls->context));
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(options), clock, std::move(tls)));
  } catch (const std::exception& error) {
    return absl::InternalError(StrCat("TLS cannot be set up: ", error.what()));
  }
}

HttpClient::HttpClient(Options options, Clock& clock, std::unique_ptr<Tls> tls)
    : options_(std::move(options)), clock_(clock), tls_(std::move(tls)) {}

HttpClient::~HttpClient() = default;

absl::StatusOr<HttpResponse> HttpClient::Send(const HttpRequest& request) {
  try {
    return SendOrThrow(request);
  } catch (const std::exception& error) {
    return absl::InternalError(StrCat("HTTP: ", error.what()));
  }
}

absl::StatusOr<HttpResponse> HttpClient::SendOrThrow(const HttpRequest& request) {
  HEIM_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
  const absl::Duration deadline = clock_.Monotonic() + request.timeout;
  const std::string host = StrCat(url.tls ? "https://" : "http://", url.Authority());
  if (request.method != HttpMethod::kPost) {
    if (auto idle = TakeIdle(host); idle != nullptr) {
      auto response = idle->Exchange(url, request, deadline);
      if (response.ok() && idle->reusable()) KeepIdle(host, std::move(idle));
      if (response.ok() || idle->answered() || !absl::IsUnavailable(response.status())) {
        return response;
      }
    }
  }
  auto connection = std::make_unique<HttpConnection>(url.tls ? &tls_->context : nullptr, clock_);
  HEIM_RETURN_IF_ERROR(
      connection->Connect(url, std::min(deadline, clock_.Monotonic() + request.connect_timeout)));
  auto response = connection->Exchange(url, request, deadline);
  if (response.ok() && connection->reusable()) KeepIdle(host, std::move(connection));
  return response;
}

std::unique_ptr<HttpConnection> HttpClient::TakeIdle(const std::string& host) {
  std::vector<Idle> old;  // Closed without the lock.
  absl::MutexLock lock(&mutex_);
  const auto found = idle_.find(host);
  if (found == idle_.end()) return nullptr;
  std::vector<Idle>& idle = found->second;
  // The youngest is last.
  if (!idle.empty() && clock_.Monotonic() - idle.back().since > options_.idle_for) idle.swap(old);
  if (idle.empty()) {
    idle_.erase(found);
    return nullptr;
  }
  auto connection = std::move(idle.back().connection);
  idle.pop_back();
  return connection;
}

void HttpClient::KeepIdle(const std::string& host, std::unique_ptr<HttpConnection> connection) {
  std::unique_ptr<HttpConnection> dropped;
  absl::MutexLock lock(&mutex_);
  std::vector<Idle>& idle = idle_[host];
  if (idle.size() >= options_.idle_per_host) {
    dropped = std::move(idle.front().connection);
    idle.erase(idle.begin());
  }
  idle.push_back({std::move(connection), clock_.Monotonic()});
}

}  // namespace heim
