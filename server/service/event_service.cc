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
    absl::Status status;
    const Next next = GatherMore(&status);
    if (next == Next::kAnswer) Answer(status);
    if (next == Next::kWait) Wait();
  }

  enum class Next { kNothing, kWait, kAnswer };

  // Takes what is there and says what follows from it.
  Next GatherMore(absl::Status* status) ABSL_LOCKS_EXCLUDED(mutex_, gather_mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      scheduled_ = false;
      if (!reply_.has_value()) return Next::kNothing;
    }
    absl::MutexLock lock(&gather_mutex_);
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
      *status = source_->status();
      if (status->ok()) *status = MakeError(v1::ERROR_REASON_DRAINING, "The server is stopping");
      return Next::kAnswer;
    }
    if (full()) response_.set_has_more(true);
    const bool something = response_.events_size() > 0 || response_.has_reset();
    if (full() || (caught_up_ && something)) return Next::kAnswer;
    return caught_up_ && !std::exchange(waiting_, true) ? Next::kWait : Next::kNothing;
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

  // Until something comes, or the wait runs out.
  void Wait() ABSL_LOCKS_EXCLUDED(mutex_) {
    if (wait_ <= absl::ZeroDuration()) return Answer(absl::OkStatus());
    const Timers::Id timer =
        timers_.After(wait_, [poll = shared_from_this()] { poll->Answer(absl::OkStatus()); });
    {
      absl::MutexLock lock(&mutex_);
      timer_ = timer;
      if (reply_.has_value()) return;
    }
    timers_.Cancel(timer);
  }

  void Answer(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_, gather_mutex_) {
    std::optional<Reply<v1::ListEventsResponse>> reply;
    Timers::Id timer = 0;
    {
      absl::MutexLock lock(&mutex_);
      reply.swap(reply_);
      timer = timer_;
    }
    if (!reply.has_value()) return;
    if (timer != 0) timers_.Cancel(timer);
    source_->Cancel();
    if (!status.ok()) return (*reply)(status);
    v1::ListEventsResponse response;
    {
      absl::MutexLock lock(&gather_mutex_);  // waits for who still gathers
      response.Swap(&response_);
    }
    (*reply)(std::move(response));
  }

  const std::shared_ptr<Subscription> source_;
  Executor& executor_;
  Timers& timers_;
  const uint32_t limit_;
  const absl::Duration wait_;

  absl::Mutex mutex_;
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Reply<v1::ListEventsResponse>> reply_ ABSL_GUARDED_BY(mutex_);
  Timers::Id timer_ ABSL_GUARDED_BY(mutex_) = 0;

  absl::Mutex gather_mutex_;
  v1::ListEventsResponse response_ ABSL_GUARDED_BY(gather_mutex_);
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
