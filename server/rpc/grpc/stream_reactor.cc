#include "server/rpc/grpc/stream_reactor.h"

#include <utility>

#include "server/base/log.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/model/limits.h"
#include "server/rpc/grpc/messages.h"
#include "server/rpc/method_plan.h"

namespace heim {

StreamReactor* StreamReactor::Start(const GrpcFront& front, const MethodInfo& method,
                                    grpc::CallbackServerContext* grpc_context) {
  auto reactor = std::make_shared<StreamReactor>(front, method, grpc_context);
  {
    absl::MutexLock lock(&reactor->mutex_);
    reactor->self_ = reactor;
  }
  reactor->Begin();
  return reactor.get();  // alive: OnDone comes after gRPC has been given the reactor
}

void StreamReactor::Begin() {
  const absl::Status status = ReadMetadata(*grpc_context_, front_.client_address, context_.get());
  if (!IsRequestId(context_->request_id)) context_->request_id = front_.invoker.NewRequestId();
  if (!status.ok()) return Close(status);
  if (method_.client_streaming()) return Open(nullptr);
  absl::MutexLock lock(&mutex_);
  StartReadLocked();
}

void StreamReactor::Open(std::unique_ptr<google::protobuf::Message> first) {
  front_.invoker.Open(
      method_, context_, std::move(first),
      [self = shared_from_this()](absl::StatusOr<std::shared_ptr<StreamCall>> call) {
        self->Opened(std::move(call));
      });
}

void StreamReactor::Opened(absl::StatusOr<std::shared_ptr<StreamCall>> call) {
  if (!call.ok()) {
    {
      absl::MutexLock lock(&mutex_);
      settled_ = ReasonOf(call.status()) != v1::ERROR_REASON_TIMEOUT;
    }
    return Close(call.status());
  }
  bool open = false;
  {
    absl::MutexLock lock(&mutex_);
    open = open_;
    settled_ = true;
    if (open) call_ = *call;
  }
  if (!open) return (*call)->Cancel();
  (*call)->SetReady([weak = weak_from_this()] {
    if (const std::shared_ptr<StreamReactor> self = weak.lock()) self->Schedule();
  });
  {
    absl::MutexLock lock(&mutex_);
    if (!open_) return;
    // Clients see at once that the stream is open.
    grpc_context_->AddInitialMetadata("x-request-id", context_->request_id);
    StartSendInitialMetadata();
    if (method_.client_streaming()) StartReadLocked();
  }
  Schedule();
}

void StreamReactor::Schedule() { front_.pump.Schedule(shared_from_this()); }

std::shared_ptr<StreamCall> StreamReactor::call() {
  absl::MutexLock lock(&mutex_);
  return open_ ? call_ : nullptr;
}

void StreamReactor::Pump() {
  const std::shared_ptr<StreamCall> source = call();
  if (source == nullptr) return;
  ReadsEnded();
  while (true) {
    bool watch = false;
    uint64_t number = 0;
    bool ended = false;
    {
      absl::MutexLock lock(&mutex_);
      if (!open_) return;
      if (writing_) {
        pump_again_ = true;
        return;
      }
      if (!pending_.empty()) {
        // The source may have called because of what is not pulled yet.
        pump_again_ = true;
        watch = StartWriteLocked();
        number = writes_;
      } else {
        ended = ended_;
      }
    }
    if (ended) return Close(source->status());
    if (watch) WatchWrite(number);
    if (number != 0) return;
    if (!PullMore(*source)) return;
  }
}

bool StreamReactor::PullMore(StreamCall& source) {
  std::vector<FramePtr> frames;
  const FrameSource::State state = source.Pull(kBatchMaxBytes, &frames);
  absl::MutexLock lock(&mutex_);
  for (FramePtr& frame : frames) pending_.push_back(std::move(frame));
  ended_ = state == FrameSource::State::kEnded;
  // After kIdle the source says when there is more.
  pump_again_ = state != FrameSource::State::kIdle;
  return pump_again_ || !pending_.empty();
}

bool StreamReactor::StartWriteLocked() {
  std::vector<FramePtr> run;
  while (!pending_.empty() && run.size() < kBatchMaxEvents) {
    const Frame::Kind kind = pending_.front()->kind();
    const bool whole = kind == Frame::Kind::kMessage;
    if (whole && !run.empty()) break;
    run.push_back(std::move(pending_.front()));
    pending_.pop_front();
    // A response has room for one control, which comes after its events.
    if (whole || kind == Frame::Kind::kControl) break;
  }
  out_ = JoinFrames(run);
  writing_ = true;
  ++writes_;
  StartWrite(&out_, grpc::WriteOptions().set_no_compression());
  return !std::exchange(watched_, true);
}

void StreamReactor::WatchWrite(uint64_t number) {
  front_.timers.After(kWriteBlockedMax, [weak = weak_from_this(), number] {
    const std::shared_ptr<StreamReactor> self = weak.lock();
    if (self == nullptr) return;
    uint64_t next = 0;
    {
      absl::MutexLock lock(&self->mutex_);
      self->watched_ = self->open_ && self->writing_ && self->writes_ != number;
      if (self->watched_) next = self->writes_;
      if (!self->open_ || !self->writing_) return;
    }
    if (next != 0) return self->WatchWrite(next);
    self->Close(MakeError(v1::ERROR_REASON_OVERLOADED, "The reader is stuck"), How::kNow);
  });
}

void StreamReactor::OnWriteDone(bool ok) {
  const auto self = shared_from_this();
  bool again = false;
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    again = pump_again_ || !pending_.empty();
  }
  if (!ok) return Close(MakeError(v1::ERROR_REASON_CANCELLED));
  if (again) Schedule();
}

void StreamReactor::StartReadLocked() {
  if (!open_ || reading_) return;
  reading_ = true;
  in_.Clear();
  StartRead(&in_);
}

void StreamReactor::OnReadDone(bool ok) {
  const auto self = shared_from_this();
  std::shared_ptr<StreamCall> fed;
  {
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    if (!open_) return;
    fed = call_;
    if (!ok && fed != nullptr) reads_ended_ = true;
  }
  if (!ok) {
    if (fed != nullptr) return Schedule();
    return Close(InvalidArgument("request", "is missing"));
  }
  auto message = ParseMessage(*method_.request_prototype, in_);
  if (!message.ok()) return Close(message.status());
  if (fed == nullptr) return Open(*std::move(message));
  fed->Feed(*std::move(message), [weak = weak_from_this()] {
    const std::shared_ptr<StreamReactor> reader = weak.lock();
    if (reader == nullptr) return;
    absl::MutexLock lock(&reader->mutex_);
    reader->StartReadLocked();
  });
}

// A client that went away also ends its reads, and that must not look as if it had said all: by way
// of the pump OnCancel has the time to come first.
void StreamReactor::ReadsEnded() {
  std::shared_ptr<StreamCall> fed;
  {
    absl::MutexLock lock(&mutex_);
    if (!std::exchange(reads_ended_, false) || !open_) return;
    if (grpc_context_->IsCancelled()) return;
    fed = call_;
  }
  fed->FeedDone();
}

void StreamReactor::OnCancel() {
  const auto self = shared_from_this();
  context_->cancelled.store(true, std::memory_order_relaxed);
  Close(MakeError(v1::ERROR_REASON_CANCELLED));
}

void StreamReactor::Close(const absl::Status& status, How how) {
  std::shared_ptr<StreamCall> left;
  {
    absl::MutexLock lock(&mutex_);
    if (!open_) return;
    open_ = false;
    pending_.clear();
    left = std::exchange(call_, nullptr);
    if (how == How::kNow) grpc_context_->TryCancel();
    WriteTrailers(*context_, settled_ ? RateTrailers::kWrite : RateTrailers::kOmit, grpc_context_);
    Finish(ToGrpcStatus(status, context_->request_id));
  }
  if (left != nullptr) left->Cancel();
}

void StreamReactor::OnDone() {
  std::shared_ptr<StreamReactor> last;  // dies after the lock
  absl::MutexLock lock(&mutex_);
  last.swap(self_);
}

}  // namespace heim
