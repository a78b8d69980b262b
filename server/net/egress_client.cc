#include "server/net/egress_client.h"

#include <algorithm>
#include <boost/asio/ssl/context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/net/http_connection.h"
#include "server/net/tls_context.h"

namespace heim {
namespace {

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool Follows(const EgressRequest& request) {
  return request.max_redirects > 0 &&
         (request.method == HttpMethod::kGet || request.method == HttpMethod::kHead);
}

absl::Status Stopped() { return absl::CancelledError("the server stops"); }

// Nothing but identity was offered: a coded body is a bomb or a mistake.
absl::Status CheckCoding(const HttpResponse& head) {
  const std::string_view coding = head.Header("content-encoding");
  if (coding.empty() || EqualsIgnoreCase(coding, "identity")) return absl::OkStatus();
  return absl::UnavailableError("receive: a content coding that was not asked for");
}

}  // namespace

struct EgressClient::Tls {
  boost::asio::ssl::context context{boost::asio::ssl::context::tls_client};
};

struct EgressClient::Hop {
  Url url;
  bool own_origin = true;             // all hops until here were of the first URL's origin
  std::optional<std::string> onward;  // the Location that is to be followed
};

// A connection that Stop can reach for as long as this lives.
class EgressClient::Opened {
 public:
  Opened(EgressClient& client, HttpConnection& connection)
      : client_(client), connection_(connection) {
    absl::MutexLock lock(&client_.mutex_);
    client_.open_.insert(&connection_);
    if (client_.stopped_) connection_.Cancel();
  }
  ~Opened() {
    absl::MutexLock lock(&client_.mutex_);
    client_.open_.erase(&connection_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  EgressClient& client_;
  HttpConnection& connection_;
};

absl::StatusOr<std::unique_ptr<EgressClient>> EgressClient::Create(Options options,
                                                                   const EgressGuard& guard,
                                                                   Clock& clock) {
  try {
    auto tls = std::make_unique<Tls>();
    HEIM_RETURN_IF_ERROR(PrepareTls(options.ca_file, &tls->context));
    return std::unique_ptr<EgressClient>(
        new EgressClient(std::move(options), guard, clock, std::move(tls)));
  } catch (const std::exception& error) {
    return absl::InternalError(StrCat("TLS cannot be set up: ", error.what()));
  }
}

EgressClient::EgressClient(Options options, const EgressGuard& guard, Clock& clock,
                           std::unique_ptr<Tls> tls)
    : options_(std::move(options)), guard_(guard), clock_(clock), tls_(std::move(tls)) {}

EgressClient::~EgressClient() = default;

absl::StatusOr<EgressResponse> EgressClient::Send(const EgressRequest& request) {
  try {
    return SendOrThrow(request);
  } catch (const std::exception& error) {
    return absl::InternalError(StrCat("HTTP: ", error.what()));
  }
}

void EgressClient::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  for (HttpConnection* connection : open_) connection->Cancel();
}

absl::Status EgressClient::TakeTurn(absl::Duration deadline) {
  const auto free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || running_ < options_.max_concurrent;
  };
  absl::MutexLock lock(&mutex_);
  if (!mutex_.AwaitWithTimeout(absl::Condition(&free), deadline - clock_.Monotonic())) {
    return absl::DeadlineExceededError("too many requests are under way");
  }
  if (stopped_) return Stopped();
  ++running_;
  return absl::OkStatus();
}

void EgressClient::GiveTurnBack() {
  absl::MutexLock lock(&mutex_);
  --running_;
}

absl::StatusOr<EgressResponse> EgressClient::SendOrThrow(const EgressRequest& request) {
  const absl::Duration deadline = clock_.Monotonic() + request.timeout;
  HEIM_RETURN_IF_ERROR(TakeTurn(deadline));
  struct Turn {
    EgressClient* client;
    ~Turn() { client->GiveTurnBack(); }
  } const turn{this};
  auto response = Follow(request, deadline);
  absl::MutexLock lock(&mutex_);
  if (stopped_ && !response.ok()) return Stopped();
  return response;
}

absl::StatusOr<EgressResponse> EgressClient::Follow(const EgressRequest& request,
                                                    absl::Duration deadline) {
  Hop hop;
  HEIM_ASSIGN_OR_RETURN(hop.url, ParseForeignUrl(request.url));
  if (request.https_only && !hop.url.tls) {
    return absl::PermissionDeniedError("the address is refused: it is not https");
  }
  for (int left = std::min(request.max_redirects, kEgressRedirectsMax); true; --left) {
    auto response = SendHop(request, deadline, &hop);
    if (!hop.onward.has_value()) {
      HEIM_RETURN_IF_ERROR(response.status());
      return EgressResponse{*std::move(response), UrlText(hop.url)};
    }
    if (left == 0) return absl::UnavailableError("too many redirects");
    HEIM_ASSIGN_OR_RETURN(Url next, ResolveLocation(hop.url, *hop.onward));
    if (hop.url.tls && !next.tls) {
      return absl::PermissionDeniedError("a redirect from https to http is refused");
    }
    hop.own_origin = hop.own_origin && SameOrigin(hop.url, next);
    hop.url = std::move(next);
    hop.onward.reset();
  }
}

HttpRequest EgressClient::RequestOf(const EgressRequest& request, Hop* hop) const {
  HttpRequest sent;
  sent.method = request.method;
  sent.body = request.body;
  sent.max_response_bytes = request.max_response_bytes;
  sent.cut_body = request.cut_body;
  sent.headers = {{"User-Agent", options_.user_agent}, {"Accept-Encoding", "identity"}};
  for (const auto& header : request.headers) {
    if (hop->own_origin || EqualsIgnoreCase(header.first, "accept")) sent.headers.push_back(header);
  }
  sent.headers.emplace_back("Connection", "close");
  sent.on_head = [&request, hop](const HttpResponse& head) -> absl::Status {
    if (Follows(request) && IsRedirect(head.status) && !head.Header("location").empty()) {
      // Its body is nobody's.
      hop->onward = std::string(head.Header("location"));
      return absl::CancelledError("a redirect");
    }
    HEIM_RETURN_IF_ERROR(CheckCoding(head));
    return request.on_head != nullptr ? request.on_head(head) : absl::OkStatus();
  };
  sent.on_body = request.on_body;
  return sent;
}

absl::StatusOr<HttpResponse> EgressClient::SendHop(const EgressRequest& request,
                                                   absl::Duration deadline, Hop* hop) {
  const absl::Duration connected = std::min(deadline, clock_.Monotonic() + request.connect_timeout);
  HEIM_ASSIGN_OR_RETURN(const std::vector<IpAddress> addresses, guard_.Check(hop->url, connected));
  HttpConnection connection(hop->url.tls ? &tls_->context : nullptr, clock_);
  const Opened opened(*this, connection);
  HEIM_RETURN_IF_ERROR(connection.ConnectTo(hop->url, addresses, connected));
  return connection.Exchange(hop->url, RequestOf(request, hop), deadline);
}

}  // namespace heim
