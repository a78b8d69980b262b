#include "server/hub/hub_subscription.h"

#include <utility>

#include "server/hub/fan_out_hub.h"
#include "server/hub/hub_limits.h"

namespace heim {

HubSubscription::HubSubscription(FanOutHub& hub, SubscribeOptions options, ReadFilter filter)
    : hub_(hub),
      options_(std::move(options)),
      outbox_(hub.clock(), {kOutboxMaxFrames, kOutboxMaxBytes},
              [this] { hub_.StartCatchUp(shared_from_this()); }) {
  reader.filter = std::move(filter);
}

FrameSource::State HubSubscription::Pull(size_t max_bytes, std::vector<FramePtr>* out) {
  const State state = outbox_.Pull(max_bytes, out);
  if (state == State::kEnded) hub_.Release(shared_from_this());
  return state;
}

absl::Status HubSubscription::status() const { return outbox_.status(); }

void HubSubscription::SetReady(std::function<void()> on_ready) {
  outbox_.SetReady(std::move(on_ready));
}

void HubSubscription::Cancel() {
  outbox_.Cancel();
  hub_.Release(shared_from_this());
}

absl::Status HubSubscription::Subscribe(const v1::SubscribeRequest& request) {
  const absl::StatusOr<ReadFilter> checked = ReadFilter::From(request);
  if (!checked.ok()) return checked.status();
  {
    absl::MutexLock lock(&mutex_);
    changes_.emplace_back(request);
  }
  hub_.Reconsider(shared_from_this());
  return absl::OkStatus();
}

void HubSubscription::Unsubscribe(const std::vector<ChannelId>& channels) {
  {
    absl::MutexLock lock(&mutex_);
    changes_.emplace_back(channels);
  }
  hub_.Reconsider(shared_from_this());
}

void HubSubscription::End(std::string_view goodbye_reason, absl::Status status) {
  hub_.EndOne(shared_from_this(), goodbye_reason, std::move(status));
}

std::vector<HubSubscription::Change> HubSubscription::TakeChanges() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(changes_, {});
}

bool HubSubscription::HasChanges() const {
  absl::MutexLock lock(&mutex_);
  return !changes_.empty();
}

}  // namespace heim
