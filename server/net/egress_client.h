// EgressClient sends HTTP requests to addresses that somebody else than the operator gave: link
// previews, webhooks, OIDC, MCP, files of an import. Every hop goes through the EgressGuard and
// connects to the checked address; TLS is verified for the name. No cookies, no Referer, no
// connection kept. Owned by app. Thread-safe. Send blocks, on an Executor or a thread for it, never
// longer than the request's timeout.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/net/egress_guard.h"
#include "server/net/http_client.h"

namespace heim {

inline constexpr int kEgressRedirectsMax = 5;

struct EgressRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;
  // Sent to the URL's own origin: from the first redirect to another one on only Accept is left, so
  // that an Authorization goes nowhere else.
  HttpHeaders headers;
  std::string_view body;                              // Outlives the call.
  absl::Duration connect_timeout = absl::Seconds(5);  // of each hop, the name's look-up included
  absl::Duration timeout = absl::Seconds(15);  // of everything: the wait for a turn, all hops
  size_t max_response_bytes = 512u << 10;
  // A longer body is cut there (HttpResponse::cut) instead of being RESOURCE_EXHAUSTED.
  bool cut_body = false;
  // GET and HEAD follow redirects, at most kEgressRedirectsMax and never from https to http; 0, or
  // another method: a redirect is the answer.
  int max_redirects = kEgressRedirectsMax;
  bool https_only = false;
  // Sees status and headers of the last answer before its body; an error ends the request with it.
  std::function<absl::Status(const HttpResponse& head)> on_head;
  // Takes the body of a 2xx answer piece by piece instead of HttpResponse::body; an error ends the
  // request with it. Called by the thread of Send.
  std::function<absl::Status(std::string_view)> on_body;
};

struct EgressResponse {
  HttpResponse http;
  std::string url;  // where the answer came from, after redirects
};

class HttpConnection;

class EgressClient {
 public:
  struct Options {
    std::string ca_file;  // as of HttpClient
    size_t max_concurrent = 16;
    std::string user_agent = "Heim";  // unless a header says another
  };

  // `guard` and `clock` outlive the client. FAILED_PRECONDITION when the certificates cannot be
  // read.
  static absl::StatusOr<std::unique_ptr<EgressClient>> Create(Options options,
                                                              const EgressGuard& guard,
                                                              Clock& clock);
  ~EgressClient();

  // Any status is an answer, also 4xx and 5xx. INVALID_ARGUMENT for an address that is none,
  // PERMISSION_DENIED for one that is refused (also by a redirect), DEADLINE_EXCEEDED,
  // RESOURCE_EXHAUSTED for an answer that is too large, UNAVAILABLE for anything else that goes
  // wrong with the other side, CANCELLED after Stop. Messages name no address of the inside.
  absl::StatusOr<EgressResponse> Send(const EgressRequest& request);

  // Ends what is under way, and refuses everything from now on. Does not wait.
  void Stop();

 private:
  struct Tls;
  struct Hop;
  class Opened;
  EgressClient(Options options, const EgressGuard& guard, Clock& clock, std::unique_ptr<Tls> tls);

  absl::StatusOr<EgressResponse> SendOrThrow(const EgressRequest& request);
  absl::StatusOr<EgressResponse> Follow(const EgressRequest& request, absl::Duration deadline);
  // One request and its answer; `hop` learns where a redirect leads, and the answer is none then.
  absl::StatusOr<HttpResponse> SendHop(const EgressRequest& request, absl::Duration deadline,
                                       Hop* hop);
  HttpRequest RequestOf(const EgressRequest& request, Hop* hop) const;
  absl::Status TakeTurn(absl::Duration deadline);
  void GiveTurnBack();

  const Options options_;
  const EgressGuard& guard_;
  Clock& clock_;
  const std::unique_ptr<Tls> tls_;
  absl::Mutex mutex_;
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<HttpConnection*> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
