// HttpClient sends HTTP/1.1 requests, over TLS for https, and keeps a few idle connections to each
// host. Owned by app. Thread-safe. Send blocks on the network, on an Executor only, and never for
// longer than its time-outs (but a resolver that hangs keeps it until the system gives it up).
//
// For addresses that the operator configured only. It goes wherever the URL says, the inside of the
// network included; an address from anybody else is for the EgressClient (egress_client.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"

namespace heim {

enum class HttpMethod { kGet, kHead, kPut, kPost, kDelete };
std::string_view HttpMethodName(HttpMethod method);

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  bool cut = false;  // the body went on, and the request wanted no more

  // The value of the first header of that name, in any case; empty when there is none.
  std::string_view Header(std::string_view name) const;
};

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;
  // Beside Host and Content-Length, which are made here.
  HttpHeaders headers;
  std::string_view body;  // Outlives the call.
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration timeout = absl::Seconds(30);  // From the call to the last byte of the answer.
  size_t max_response_bytes = 1u << 20;
  bool cut_body = false;  // a longer body is cut there instead of being an error
  // Sees status and headers before the body; an error ends the request with it.
  std::function<absl::Status(const HttpResponse& head)> on_head;
  // Takes the body of a 2xx answer piece by piece instead of HttpResponse::body; an error ends the
  // request with it.
  std::function<absl::Status(std::string_view)> on_body;
};

class HttpConnection;

class HttpClient {
 public:
  struct Options {
    // Certificates of the authorities to trust, PEM; empty: those of the system.
    std::string ca_file;
    size_t idle_per_host = 4;
    // Shorter than servers keep an idle connection.
    absl::Duration idle_for = absl::Seconds(15);
  };

  // FAILED_PRECONDITION when the certificates cannot be read.
  static absl::StatusOr<std::unique_ptr<HttpClient>> Create(Options options, Clock& clock);
  ~HttpClient();

  // Any status is an answer, also 4xx and 5xx; redirects are not followed. INVALID_ARGUMENT for a
  // URL that is none, DEADLINE_EXCEEDED, UNAVAILABLE when no answer could be had,
  // RESOURCE_EXHAUSTED for one beyond max_response_bytes. GET, HEAD, PUT and DELETE are sent again,
  // once, when an idle connection turns out to be closed; POST always takes a new connection.
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request);

 private:
  struct Tls;
  struct Idle {
    std::unique_ptr<HttpConnection> connection;
    absl::Duration since;
  };

  HttpClient(Options options, Clock& clock, std::unique_ptr<Tls> tls);

  absl::StatusOr<HttpResponse> SendOrThrow(const HttpRequest& request);
  std::unique_ptr<HttpConnection> TakeIdle(const std::string& host) ABSL_LOCKS_EXCLUDED(mutex_);
  void KeepIdle(const std::string& host, std::unique_ptr<HttpConnection> connection)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  Clock& clock_;
  const std::unique_ptr<Tls> tls_;
  absl::Mutex mutex_;
  std::map<std::string, std::vector<Idle>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
