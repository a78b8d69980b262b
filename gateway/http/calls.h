// Calls of the Invoker from coroutines of a connection. Free functions, on the connection's strand;
// none blocks. All return early when the connection closes.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/exchange.h"
#include "gateway/http/net.h"
#include "server/rpc/invoker.h"

namespace heim {

struct PreparedCall {
  std::shared_ptr<CallContext> context;
  absl::Duration timeout;
};

// The context of a call by the exchange's head: credentials, CSRF, If-Match, deadline. Errors:
// UNAUTHENTICATED, CSRF_FAILED, INVALID_ARGUMENT.
absl::StatusOr<PreparedCall> PrepareCall(Exchange& exchange, const MethodInfo& method);

using Answer = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;
using OpenedStream = absl::StatusOr<std::shared_ptr<StreamCall>>;

// TIMEOUT when there is no answer in time; the call is cancelled then.
Task<Answer> CallMethod(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                        PreparedCall call, std::unique_ptr<google::protobuf::Message> request);
Task<OpenedStream> OpenMethod(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                              PreparedCall call, std::unique_ptr<google::protobuf::Message> first);

// Feeds one message and waits until the next one is wanted.
Task<void> FeedStream(std::shared_ptr<Connection> connection, std::shared_ptr<StreamCall> stream,
                      std::unique_ptr<google::protobuf::Message> message);

// Makes the source wake the connection.
void WakeOnReady(const std::shared_ptr<Connection>& connection, FrameSource& source);

// The next frame of a source that WakeOnReady was called for; null at its end. Pulls one batch at
// most into `batch`, which is kept from call to call. TIMEOUT.
struct FrameBatch {
  std::vector<FramePtr> frames;
  size_t next = 0;
  bool ended = false;
};
Task<absl::StatusOr<FramePtr>> NextFrame(std::shared_ptr<Connection> connection,
                                         std::shared_ptr<FrameSource> source,
                                         std::shared_ptr<FrameBatch> batch, absl::Duration timeout);

// Closes the connection when the client goes away while only we write.
void CloseWithClient(const std::shared_ptr<Connection>& connection);

}  // namespace heim
