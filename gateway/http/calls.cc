#include "gateway/http/calls.h"

#include <optional>
#include <utility>

#include "gateway/http/call_setup.h"
#include "gateway/http/http_limits.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using Timer = Connection::Timer;

// Runs `start` with a callback and waits for what it is called with; nullopt when the connection
// closed or the time is over.
template <typename T, typename Start>
Task<std::optional<T>> AwaitAnswer(std::shared_ptr<Connection> connection, absl::Duration timeout,
                                   Start start) {
  auto slot = std::make_shared<std::optional<T>>();
  connection->ClearExpired(Timer::kCall);
  connection->Arm(Timer::kCall, timeout);
  start([connection, slot](T answer) {
    connection->Post([connection, slot, answer = std::move(answer)]() mutable {
      slot->emplace(std::move(answer));
      connection->wakeup().Notify();
    });
  });
  while (!slot->has_value() && !connection->closed() && !connection->expired(Timer::kCall)) {
    co_await connection->wakeup().Wait();
  }
  connection->Disarm(Timer::kCall);
  co_return std::move(*slot);
}

absl::Status NoAnswer(const Connection& connection) {
  if (connection.closed()) return absl::CancelledError("the client went away");
  return MakeError(v1::ERROR_REASON_TIMEOUT);
}

}  // namespace

absl::StatusOr<PreparedCall> PrepareCall(Exchange& exchange, const MethodInfo& method) {
  Front& front = exchange.front();
  const RequestHead& head = exchange.head();
  HEIM_RETURN_IF_ERROR(CheckNoTokenInQuery(head.query));
  HEIM_ASSIGN_OR_RETURN(Credentials credentials, FindCredentials(head));
  if (credentials.from_cookie) {
    const absl::Status good = front.origins.CheckCookieCall(head);
    if (!good.ok() && !method.policy.public_()) return good;
    // A public method does without; a stale cookie must not keep anybody from logging in.
    if (!good.ok()) credentials = {};
  }
  PreparedCall call;
  HEIM_ASSIGN_OR_RETURN(call.timeout, RequestTimeout(head));
  call.context = MakeContext(
      head, {exchange.connection()->address(), &front.proxies, front.options.tls_in_front});
  HEIM_ASSIGN_OR_RETURN(call.context->if_match, RevisionOf(head));
  call.context->request_id = exchange.request_id();
  call.context->bearer = std::move(credentials.bearer);
  call.context->bearer_from_cookie = credentials.from_cookie;
  call.context->deadline = front.clock.Now() + call.timeout;
  return call;
}

Task<Answer> CallMethod(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                        PreparedCall call, std::unique_ptr<google::protobuf::Message> request) {
  const std::shared_ptr<Connection> connection = exchange->connection();
  Invoker* invoker = &exchange->front().invoker;
  auto start = [invoker, method, &call, &request](Invoker::Done done) {
    invoker->Call(*method, call.context, std::move(request), std::move(done));
  };
  // The Invoker keeps the deadline; this only makes sure.
  std::optional<Answer> answer =
      co_await AwaitAnswer<Answer>(connection, call.timeout + kAnswerGrace, std::move(start));
  if (answer.has_value()) co_return *std::move(answer);
  call.context->cancelled = true;
  co_return NoAnswer(*connection);
}

Task<OpenedStream> OpenMethod(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                              PreparedCall call, std::unique_ptr<google::protobuf::Message> first) {
  const std::shared_ptr<Connection> connection = exchange->connection();
  Invoker* invoker = &exchange->front().invoker;
  // A stream has no deadline of its own; opening it has.
  call.context->deadline = absl::InfiniteFuture();
  auto start = [invoker, method, &call, &first](Invoker::StreamOpened opened) {
    invoker->Open(
        *method, call.context, std::move(first),
        [opened = std::move(opened), context = call.context](OpenedStream stream) mutable {
          // Nobody waits for it any more.
          if (stream.ok() && context->cancelled) (*stream)->Cancel();
          opened(std::move(stream));
        });
  };
  std::optional<OpenedStream> answer =
      co_await AwaitAnswer<OpenedStream>(connection, call.timeout + kAnswerGrace, std::move(start));
  if (answer.has_value()) co_return *std::move(answer);
  call.context->cancelled = true;
  co_return NoAnswer(*connection);
}

Task<void> FeedStream(std::shared_ptr<Connection> connection, std::shared_ptr<StreamCall> stream,
                      std::unique_ptr<google::protobuf::Message> message) {
  auto wanted = std::make_shared<bool>(false);
  stream->Feed(std::move(message), [connection, wanted] {
    connection->Post([connection, wanted] {
      *wanted = true;
      connection->wakeup().Notify();
    });
  });
  while (!*wanted && !connection->closed()) co_await connection->wakeup().Wait();
}

void WakeOnReady(const std::shared_ptr<Connection>& connection, FrameSource& source) {
  source.SetReady(
      [connection] { connection->Post([connection] { connection->wakeup().Notify(); }); });
}

Task<absl::StatusOr<FramePtr>> NextFrame(std::shared_ptr<Connection> connection,
                                         std::shared_ptr<FrameSource> source,
                                         std::shared_ptr<FrameBatch> batch,
                                         absl::Duration timeout) {
  connection->ClearExpired(Timer::kCall);
  connection->Arm(Timer::kCall, timeout);
  while (true) {
    if (batch->next < batch->frames.size()) {
      connection->Disarm(Timer::kCall);
      co_return std::move(batch->frames[batch->next++]);
    }
    batch->frames.clear();
    batch->next = 0;
    if (batch->ended) {
      connection->Disarm(Timer::kCall);
      const absl::Status status = source->status();
      if (!status.ok()) co_return status;
      co_return FramePtr();
    }
    if (connection->closed() || connection->expired(Timer::kCall)) {
      co_return NoAnswer(*connection);
    }
    const FrameSource::State state = source->Pull(kPullBytes, &batch->frames);
    batch->ended = state == FrameSource::State::kEnded;
    if (state == FrameSource::State::kIdle && batch->frames.empty()) {
      co_await connection->wakeup().Wait();
    }
  }
}

void CloseWithClient(const std::shared_ptr<Connection>& connection) {
  connection->socket().async_wait(Tcp::socket::wait_read, [connection](IoError error) {
    if (error) return;
    IoError ignored;
    // Readable without bytes: the end. Bytes are left alone, a client may send ahead.
    if (connection->socket().available(ignored) == 0) connection->Close();
  });
}

}  // namespace heim
