// The streaming side of a session: frames out, back-pressure in. session_commands.cc runs commands.
#include "server/rpc/session_call.h"

#include <utility>

#include "server/base/check.h"
#include "server/model/frame.h"
#include "server/model/limits.h"

namespace heim {

SessionCall::SessionCall(const SessionService::Dependencies& deps,
                         std::shared_ptr<CallContext> context,
                         std::shared_ptr<Subscription> subscription)
    : deps_(deps), context_(std::move(context)), subscription_(std::move(subscription)) {}

void SessionCall::SetReady(std::function<void()> on_ready) {
  ready_->Set(std::move(on_ready));
  subscription_->SetReady([ready = ready_] { ready->Notify(); });
}

void SessionCall::Cancel() {
  absl::AnyInvocable<void()> dropped;
  {
    absl::MutexLock lock(&mutex_);
    over_ = true;
    replies_.clear();
    dropped = std::exchange(next_, nullptr);
  }
  ready_->Cancel();
  subscription_->Cancel();
}

// Replies come before events, so that no flood of events holds them up; hello comes first of all.
FrameSource::State SessionCall::Pull(size_t max_bytes, std::vector<FramePtr>* out) {
  const size_t before = out->size();
  size_t bytes = 0;
  if (said_hello_) bytes = TakeReplies(max_bytes, out);
  if (bytes >= max_bytes) return State::kMore;
  State state = State::kEnded;
  if (!source_ended_) {
    state = subscription_->Pull(max_bytes - bytes, out);
    if (out->size() > before) said_hello_ = true;
    source_ended_ = state == State::kEnded;
  }
  if (source_ended_) return EndState();
  absl::MutexLock lock(&mutex_);
  return said_hello_ && !replies_.empty() ? State::kMore : state;
}

// A session that was not refused anything ends when its commands have been answered.
FrameSource::State SessionCall::EndState() {
  said_hello_ = true;
  const bool orderly = subscription_->status().ok();
  absl::MutexLock lock(&mutex_);
  if (!replies_.empty()) return State::kMore;
  if (orderly && open_ > 0) return State::kIdle;
  over_ = true;
  return State::kEnded;
}

size_t SessionCall::TakeReplies(size_t max_bytes, std::vector<FramePtr>* out) {
  size_t bytes = 0;
  absl::AnyInvocable<void()> next;
  {
    absl::MutexLock lock(&mutex_);
    while (!replies_.empty() && bytes < max_bytes) {
      bytes += replies_.front()->proto().size();
      out->push_back(std::move(replies_.front()));
      replies_.pop_front();
      --open_;
    }
    if (next_ != nullptr && open_ < kCommandsInFlightMax) next = std::exchange(next_, nullptr);
  }
  if (next != nullptr) next();
  return bytes;
}

void SessionCall::Feed(std::unique_ptr<google::protobuf::Message> message,
                       absl::AnyInvocable<void()> next) {
  HEIM_CHECK(message->GetDescriptor() == v1::SessionRequest::descriptor());
  RequestPtr request(static_cast<v1::SessionRequest*>(message.release()));
  bool over = false;
  {
    absl::MutexLock lock(&mutex_);
    over = over_;
    if (!over && ++open_ >= kCommandsInFlightMax) next_ = std::exchange(next, nullptr);
  }
  if (!over) Take(std::move(request));
  if (next != nullptr) next();
}

void SessionCall::Finished(std::optional<v1::Reply> reply) {
  FramePtr frame = reply.has_value() ? MakeReplyFrame(*std::move(reply)) : nullptr;
  absl::AnyInvocable<void()> next;
  {
    absl::MutexLock lock(&mutex_);
    if (frame != nullptr && !over_) {
      replies_.push_back(std::move(frame));
    } else {
      --open_;
      if (next_ != nullptr && open_ < kCommandsInFlightMax) next = std::exchange(next_, nullptr);
    }
  }
  ready_->Notify();
  if (next != nullptr) next();
}

}  // namespace heim
