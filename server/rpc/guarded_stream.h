// GuardedStream stands between a front and a handler's stream: it validates what the client feeds,
// keeps it to its rate, and tells once how the stream ended. Owned by the front. Thread-safe as a
// StreamCall is. Never blocks, but see ReadySignal::Cancel.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/timers.h"
#include "server/model/stream_call.h"
#include "server/rpc/ready_signal.h"

namespace heim {

class GuardedStream final : public StreamCall, public std::enable_shared_from_this<GuardedStream> {
 public:
  using Ended = absl::AnyInvocable<void(const absl::Status&)>;
  enum class Check { kEachMessage, kNone };
  // How fast messages are taken: `take` says how long the next one waits (zero: it was counted).
  struct Pace {
    std::function<absl::Duration()> take;
    Timers* timers = nullptr;
  };

  // A stream that the client feeds.
  GuardedStream(std::shared_ptr<StreamCall> call, Check check, Ended ended);
  // The answering side of a server stream.
  GuardedStream(std::shared_ptr<FrameSource> source, Ended ended);
  ~GuardedStream() override;

  // Before the first Feed.
  void SetPace(Pace pace) { pace_ = std::move(pace); }

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override;
  absl::Status status() const override;
  void SetReady(std::function<void()> on_ready) override;
  void Cancel() override;
  void Feed(std::unique_ptr<google::protobuf::Message> message,
            absl::AnyInvocable<void()> next) override;
  void FeedDone() override;

  // Ends the stream with an error, unless it has one.
  void Refuse(const absl::Status& status);

 private:
  absl::Status refused() const;
  void End(const absl::Status& status);

  const std::shared_ptr<StreamCall> call_;  // null for a server stream
  const std::shared_ptr<FrameSource> source_;
  const Check check_;
  Pace pace_;
  const std::shared_ptr<ReadySignal> ready_ = std::make_shared<ReadySignal>();

  mutable absl::Mutex mutex_;
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);  // why it ends, whatever the handler says
  Ended ended_ ABSL_GUARDED_BY(mutex_);           // null once told
};

}  // namespace heim
