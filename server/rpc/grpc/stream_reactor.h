// StreamReactor carries one streaming call of any kind. On the wire the three kinds are alike, so a
// server stream is a call that reads one message first, and a client stream one that writes one.
// Owns itself until OnDone; the pump and a source that is ready hold it meanwhile. gRPC calls the
// reactions from any thread. Never blocks.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/model/stream_call.h"
#include "server/rpc/grpc/front.h"
#include "server/rpc/invoker.h"
#include "server/rpc/method_table.h"

namespace heim {

class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public Pumped,
                            public std::enable_shared_from_this<StreamReactor> {
 public:
  static StreamReactor* Start(const GrpcFront& front, const MethodInfo& method,
                              grpc::CallbackServerContext* grpc_context);

  StreamReactor(const GrpcFront& front, const MethodInfo& method,
                grpc::CallbackServerContext* grpc_context)
      : front_(front), method_(method), grpc_context_(grpc_context) {}

  void Pump() override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum class How { kOrderly, kNow };

  void Begin();
  void Open(std::unique_ptr<google::protobuf::Message> first);
  void Opened(absl::StatusOr<std::shared_ptr<StreamCall>> call);
  void Schedule();
  // Puts what Pull gave in line; false when there is nothing to write now and nothing to pull.
  bool PullMore(StreamCall& call);
  void StartReadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True when a watch over the write has to be set up.
  bool StartWriteLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends the stream when a write is still under way after kWriteBlockedMax (or up to twice that:
  // one timer looks after all writes). Finish alone never ends a stream whose reader is stuck.
  void WatchWrite(uint64_t number);
  void ReadsEnded();
  // The only caller of Finish, which it calls once.
  void Close(const absl::Status& status, How how = How::kOrderly);
  std::shared_ptr<StreamCall> call();

  const GrpcFront& front_;
  const MethodInfo& method_;
  grpc::CallbackServerContext* const grpc_context_;  // until OnDone
  const std::shared_ptr<CallContext> context_ = std::make_shared<CallContext>();

  // Held over StartRead, StartWrite and Finish, so that none comes after Finish; never over a call
  // of `call_`, the Invoker or the pump.
  absl::Mutex mutex_;
  std::shared_ptr<StreamReactor> self_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<StreamCall> call_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = true;  // Finish was not called
  // The opening was answered: before that somebody may still write what the limits say.
  bool settled_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool pump_again_ ABSL_GUARDED_BY(mutex_) = false;   // when the write is done
  bool reads_ended_ ABSL_GUARDED_BY(mutex_) = false;  // FeedDone is due
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;        // the source has no more
  bool watched_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t writes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<FramePtr> pending_ ABSL_GUARDED_BY(mutex_);  // pulled, to be written
  grpc::ByteBuffer in_;                                   // while reading_
  grpc::ByteBuffer out_;                                  // while writing_
};

}  // namespace heim
