#include "server/rpc/guarded_stream.h"

#include <utility>

#include "server/model/errors.h"
#include "server/model/validate.h"

namespace heim {

GuardedStream::GuardedStream(std::shared_ptr<StreamCall> call, Check check, Ended ended)
    : call_(std::move(call)), source_(call_), check_(check), ended_(std::move(ended)) {}

GuardedStream::GuardedStream(std::shared_ptr<FrameSource> source, Ended ended)
    : source_(std::move(source)), check_(Check::kNone), ended_(std::move(ended)) {}

GuardedStream::~GuardedStream() { End(absl::CancelledError("the front let go of the stream")); }

absl::Status GuardedStream::refused() const {
  absl::MutexLock lock(&mutex_);
  return refused_;
}

FrameSource::State GuardedStream::Pull(size_t max_bytes, std::vector<FramePtr>* out) {
  State state = State::kEnded;
  if (refused().ok()) state = source_->Pull(max_bytes, out);
  if (state == State::kEnded) End(status());
  return state;
}

absl::Status GuardedStream::status() const {
  const absl::Status bad = refused();
  return bad.ok() ? source_->status() : bad;
}

void GuardedStream::SetReady(std::function<void()> on_ready) {
  ready_->Set(std::move(on_ready));
  source_->SetReady([ready = ready_] { ready->Notify(); });
}

void GuardedStream::Cancel() {
  ready_->Cancel();
  source_->Cancel();
  End(absl::CancelledError("the reader went away"));
}

void GuardedStream::Feed(std::unique_ptr<google::protobuf::Message> message,
                         absl::AnyInvocable<void()> next) {
  if (call_ == nullptr || !refused().ok()) return next();
  if (check_ == Check::kEachMessage) {
    const absl::Status status = Validate(*message);
    if (!status.ok()) {
      Refuse(status);
      return next();
    }
  }
  const absl::Duration wait = pace_.take == nullptr ? absl::ZeroDuration() : pace_.take();
  if (wait <= absl::ZeroDuration()) return call_->Feed(std::move(message), std::move(next));
  pace_.timers->After(wait, [weak = weak_from_this(), message = std::move(message),
                             next = std::move(next)]() mutable {
    if (const auto self = weak.lock()) self->Feed(std::move(message), std::move(next));
  });
}

void GuardedStream::Refuse(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    if (!refused_.ok()) return;
    refused_ = status;
  }
  source_->Cancel();
  ready_->Notify();
}

void GuardedStream::FeedDone() {
  if (call_ != nullptr && refused().ok()) call_->FeedDone();
}

void GuardedStream::End(const absl::Status& status) {
  Ended ended;
  {
    absl::MutexLock lock(&mutex_);
    ended = std::exchange(ended_, nullptr);
  }
  if (ended != nullptr) ended(status);
}

}  // namespace heim
