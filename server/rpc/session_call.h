// SessionCall is one open session: a subscription of the hub, and commands that run through the
// Invoker. Commands run one after the other, so that what one client sends keeps its order; a
// `call` does not wait for them. Shared by its front and by commands under way, which go on when
// the client leaves. Thread-safe as a StreamCall is. Never blocks, but see Subscription::Cancel.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "heim/v1/event_service.pb.h"
#include "server/rpc/ready_signal.h"
#include "server/rpc/session.h"

namespace heim {

class SessionCall final : public StreamCall, public std::enable_shared_from_this<SessionCall> {
 public:
  SessionCall(const SessionService::Dependencies& deps, std::shared_ptr<CallContext> context,
              std::shared_ptr<Subscription> subscription);

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override;
  absl::Status status() const override { return subscription_->status(); }
  void SetReady(std::function<void()> on_ready) override;
  void Cancel() override;
  void Feed(std::unique_ptr<google::protobuf::Message> message,
            absl::AnyInvocable<void()> next) override;
  // The client goes on hearing.
  void FeedDone() override {}

 private:
  using RequestPtr = std::unique_ptr<v1::SessionRequest>;
  // What comes of a command: a reply, or null for none.
  using Done = absl::AnyInvocable<void(std::optional<v1::Reply>)>;

  void Take(RequestPtr request);
  void Enqueue(RequestPtr request);
  void RunNext();
  void Run(RequestPtr request, Done done);
  // Commands that are methods.
  void RunMethod(RequestPtr request, Done done);
  void RunCall(RequestPtr request);
  // The session's own.
  void RunSubscribe(RequestPtr request, Done done);
  absl::Status Subscribe(const v1::SubscribeRequest& request);
  absl::Status Unsubscribe(const v1::UnsubscribeRequest& request);

  std::shared_ptr<CallContext> ContextOfCommand();
  // A command is through.
  void Finished(std::optional<v1::Reply> reply);
  // Takes replies into `out`; answers their bytes.
  size_t TakeReplies(size_t max_bytes, std::vector<FramePtr>* out);
  State EndState();

  const SessionService::Dependencies& deps_;
  const std::shared_ptr<CallContext> context_;
  const std::shared_ptr<Subscription> subscription_;
  const std::shared_ptr<ReadySignal> ready_ = std::make_shared<ReadySignal>();

  // Of the thread that pulls.
  bool said_hello_ = false;
  bool source_ended_ = false;

  absl::Mutex mutex_;
  std::deque<RequestPtr> queue_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // one of the queue's
  // Commands that were taken and whose reply was not pulled: the bound of both lists.
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<FramePtr> replies_ ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> next_ ABSL_GUARDED_BY(mutex_);  // held back while full
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t commands_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace heim
