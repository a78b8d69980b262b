#include "server/service/event_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/service/access.h"

namespace heim {
namespace {

// One page of the log, gathered from a subscription: what is there at once, else the first batch
// that comes within the wait. Kept alive by its callbacks until it has answered.
class Poll : public std::enable_shared_from_this<Poll> {
 public:
  Poll(std::shared_ptr<Subscription> source, Executor& executor, Timers& timers, uint32_t limit,
       absl::Duration wait, Reply<v1::ListEventsResponse> reply)
      : source_(std::move(source)),
        executor_(executor),
        timers_(timers),
        limit_(limit),
        wait_(wait),
        reply_(std::move(reply)) {}

  void Start() {
    source_->SetReady([poll = shared_from_this()] { poll->Schedule(); });
    Schedule();
  }

 private:
  // At most one Gather is queued; what comes meanwhile is gathered by it.
  void Schedule() {
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(scheduled_, true)) return;
    }
    if (!executor_.TryPost([poll = shared_from_this()] { poll->Gather(); })) {
      Answer(MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
    }
  }

  void Gather() {
    {
      absl::MutexLock lock(&mutex_);
      scheduled_ = false;
    }
    absl::MutexLock lock(&gather_mutex_);
    if (answered()) return;
    FrameSource::State state = FrameSource::State::kMore;
    while (state == FrameSource::State::kMore && !full()) {
      std::vector<FramePtr> frames;
      state = source_->Pull(kBatchMaxBytes, &frames);
      for (const FramePtr& frame : frames) {
        if (full()) break;
        Take(*frame);
      }
    }
    if (state == FrameSource::State::kEnded) {
      const absl::Status status = source_->status();
      return Answer(status.ok()
                        ? MakeError(v1::ERROR_REASON_DRAINING, "The server is shutting down")
                        : status);
    }
    if (full()) response_.set_has_more(true);
    if (full() || (caught_up_ && (response_.events_size() > 0 || response_.has_reset()))) {
      return Answer(absl::OkStatus());
    }
    if (caught_up_ && !waiting_) Wait();
  }

  bool full() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(gather_mutex_) {
    return static_cast<uint32_t>(response_.events_size()) >= limit_;
  }

  void Take(const Frame& frame) ABSL_EXCLUSIVE_LOCKS_REQUIRED(gather_mutex_) {
    switch (frame.kind()) {
      case Frame::Kind::kEvent:
        if (frame.position() != 0) *response_.add_events() = frame.event();
        break;
      case Frame::Kind::kControl:
        if (frame.control().has_reset()) *response_.mutable_reset() = frame.control().reset();
        if (frame.control().has_caught_up()) caught_up_ = true;
        break;
      default:
        break;
    }
    if (!frame.cursor().empty()) response_.set_cursor(frame.cursor());
  }

  void Wait() ABSL_EXCLUSIVE_LOCKS_REQUIRED(gather_mutex_) {
    waiting_ = true;
    if (wait_ <= absl::ZeroDuration()) return Answer(absl::OkStatus());
    timers_.After(wait_, [poll = shared_from_this()] {
      absl::MutexLock lock(&poll->gather_mutex_);
      poll->Answer(absl::OkStatus());
    });
  }

  bool answered() {
    absl::MutexLock lock(&mutex_);
    return !reply_.has_value();
  }

  void Answer(const absl::Status& status) {
    std::optional<Reply<v1::ListEventsResponse>> reply;
    {
      absl::MutexLock lock(&mutex_);
      reply.swap(reply_);
    }
    if (!reply.has_value()) return;
    source_->Cancel();
    if (!status.ok()) return (*reply)(status);
    (*reply)(std::move(response_));
  }

  const std::shared_ptr<Subscription> source_;
  Executor& executor_;
  Timers& timers_;
  const uint32_t limit_;
  const absl::Duration wait_;

  absl::Mutex mutex_;
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Reply<v1::ListEventsResponse>> reply_ ABSL_GUARDED_BY(mutex_);

  absl::Mutex gather_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  v1::ListEventsResponse response_;
  bool caught_up_ ABSL_GUARDED_BY(gather_mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(gather_mutex_) = false;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Subscription>> EventService::Open(const CallContext& context,
                                                                 v1::SubscribeRequest request) {
  const std::vector<std::string> channels(request.channel_ids().begin(),
                                          request.channel_ids().end());
  if (!channels.empty()) {
    HEIM_RETURN_IF_ERROR(CheckChannelsReadable(deps_.store, context.caller, channels));
  }
  SubscribeOptions options;
  options.caller = context.caller;
  options.request = std::move(request);
  options.session_id = deps_.ids.NewId();
  return deps_.hub.Subscribe(std::move(options));
}

void EventService::Subscribe(CallContext& context, const v1::SubscribeRequest& request,
                             Reply<std::shared_ptr<FrameSource>> reply) {
  auto subscription = Open(context, request);
  if (!subscription.ok()) return reply(subscription.status());
  reply(std::shared_ptr<FrameSource>(*std::move(subscription)));
}

void EventService::ListEvents(CallContext& context, const v1::ListEventsRequest& request,
                              Reply<v1::ListEventsResponse> reply) {
  const auto limit = PageLimit(request.limit());
  if (!limit.ok()) return reply(limit.status());
  v1::SubscribeRequest subscribe;
  subscribe.set_cursor(request.cursor());
  *subscribe.mutable_channel_ids() = request.channel_ids();
  *subscribe.mutable_types() = request.types();
  subscribe.set_durable_only(true);
  auto subscription = Open(context, std::move(subscribe));
  if (!subscription.ok()) return reply(subscription.status());
  const auto poll =
      std::make_shared<Poll>(*std::move(subscription), deps_.executor, deps_.timers, *limit,
                             absl::Milliseconds(request.wait_ms()), std::move(reply));
  poll->Start();
}

}  // namespace heim
