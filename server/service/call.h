// The shape of every use case: void Handle(CallContext&, const Request&, Reply<Response>).
// A handler runs on the Executor and may block there for a bounded read; it never waits for its
// commit: the commit's continuation completes the Reply. Context and request live until the Reply
// is completed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/check.h"
#include "server/model/caller.h"
#include "server/service/channel_breaker.h"

namespace google::protobuf {
class Message;
}

namespace heim {

// Cookie that a handler asks the bridge to set. gRPC ignores it.
struct SessionCookie {
  std::string token;  // empty: clear the cookie
  absl::Duration max_age;
};

// What is left of the caller's tokens in the method's rate class, for RateLimit-* headers.
struct RateLimitState {
  uint32_t limit = 0;
  uint32_t remaining = 0;
  absl::Duration reset;  // until it is full again
};

// CallContext goes with one call from the front to the handler. Written by front and Invoker before
// the handler runs, by the handler until it completes its Reply; `cancelled` by the front at any
// time.
struct CallContext {
  // Set by the front.
  std::string request_id;
  std::string bearer;
  bool bearer_from_cookie = false;
  bool allow_ticket = false;
  std::string address;  // the client's, proxies resolved
  std::string user_agent;
  std::string client;              // `heim-client` header
  std::string workspace_selector;  // `heim-workspace` header
  std::string idempotency_key;
  std::optional<uint32_t> if_match;  // fills expected_revision where the request has one
  std::string resume_cursor;         // where a session starts, when the front was told: `?cursor=`
  absl::Time deadline = absl::InfiniteFuture();
  std::string base_url;  // "http://host:port" as the client sees it; may be empty
  // `caller` was authenticated before: a command of a session that a one-use ticket opened.
  bool caller_known = false;

  // Set by the Invoker.
  std::string method;        // full name, such as heim.v1.ChannelService.CreateChannel
  std::string request_hash;  // SHA-256 of the request, when there is an idempotency key
  Caller caller;
  // Of a method whose calls are kept in the audit log: as what, the request (null for a stream of
  // requests), and bytes that nobody can guess.
  std::string audit_action;
  const google::protobuf::Message* request = nullptr;
  std::string audit_salt;
  // Not to be read after a TIMEOUT: then the call may still be running.
  std::optional<RateLimitState> rate_limit;
  ChannelBreaker* channel_breaker = nullptr;  // null: channels are not limited

  // Set by the handler.
  int http_status = 0;  // 0: the method's own
  std::optional<SessionCookie> cookie;

  std::atomic<bool> cancelled{false};
};

// Counts a new message against its channel, once it is known that the caller may write there and
// that the call is no repeat. RATE_LIMITED.
inline absl::Status TakeForChannel(const CallContext& context, const ChannelId& channel) {
  if (context.channel_breaker == nullptr) return absl::OkStatus();
  return context.channel_breaker->TakeForChannel(channel, context.caller);
}

// Reply is the promise of one answer. Completed exactly once, from any thread; dropped without an
// answer it fails the call with INTERNAL, so that no caller waits for ever.
template <typename Response>
class Reply {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  explicit Reply(Done done) : done_(std::move(done)) {}
  Reply(Reply&& other) noexcept : done_(std::exchange(other.done_, nullptr)) {}
  Reply& operator=(Reply&& other) noexcept {
    Drop();
    done_ = std::exchange(other.done_, nullptr);
    return *this;
  }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() { Drop(); }

  void operator()(absl::StatusOr<Response> answer) {
    HEIM_CHECK(done_ != nullptr);
    std::exchange(done_, nullptr)(std::move(answer));
  }

 private:
  void Drop() {
    if (done_ != nullptr)
      std::exchange(done_, nullptr)(absl::InternalError("dropped without an answer"));
  }
  Done done_;
};

}  // namespace heim
