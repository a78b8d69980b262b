// The part of FanOutHub that lets readers go: goodbyes, heartbeats, stuck and expired ones.
#include <utility>

#include "server/base/log.h"
#include "server/hub/control_frames.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"
#include "server/model/page.h"

namespace heim {

void FanOutHub::ArmTick() {
  deps_.timers.After(kTickInterval, Gate::Guard(gate_, [this] {
                       Post([this] { Tick(); });
                       ArmTick();
                     }));
}

void FanOutHub::Tick() {
  std::vector<SubscriptionPtr> all;
  all.reserve(subscriptions_.size());
  for (const auto& [key, subscription] : subscriptions_) all.push_back(subscription);
  for (const SubscriptionPtr& subscription : all) TickOne(subscription);

  const absl::Duration now = deps_.clock.Monotonic();
  for (auto& [workspace, fan] : fans_) {
    for (auto& [stream, watchers] : fan->watchers) {
      for (const WatcherPtr& watcher : watchers) {
        if (now - watcher->outbox().last_push() < kHeartbeatAfter) continue;
        watcher->outbox().PushAnyway(HeartbeatFrame(""), Outbox::Item::kSign);
        watcher->outbox().Wake();
      }
    }
  }
  absl::erase_if(typing_, [&](const auto& said) { return now - said.second >= kTypingInterval; });
}

void FanOutHub::TickOne(const SubscriptionPtr& subscription) {
  Outbox& outbox = subscription->outbox();
  if (subscription->options().caller.expires_at <= deps_.clock.Now()) {
    return Finish(subscription, "credential_revoked",
                  MakeError(v1::ERROR_REASON_TOKEN_EXPIRED, "the credential has expired"));
  }
  if (outbox.StuckFor() >= kWriteBlockedMax) {
    LogInfo("A reader is stuck and is let go",
            {{"session_id", subscription->options().session_id}});
    outbox.ThrowAway();
    return Finish(subscription, "", MakeError(v1::ERROR_REASON_OVERLOADED, "the reader is stuck"));
  }
  if (deps_.clock.Monotonic() - outbox.last_push() < kHeartbeatAfter) return;
  std::string cursor;
  if (subscription->membership.live && !subscription->options().only_presence) {
    const Fan& fan = FanOf(subscription->workspace());
    cursor = LogCursor{fan.epoch, std::max(fan.released, subscription->reader.position)}.Format();
  }
  outbox.PushAnyway(HeartbeatFrame(cursor), Outbox::Item::kSign);
  outbox.Wake();
}

void FanOutHub::Finish(const SubscriptionPtr& subscription, std::string_view reason,
                       absl::Status status) {
  FramePtr goodbye;
  if (reason == "draining") {
    // Spread, so that they do not all come back at once.
    const uint64_t lot = StableHash(deps_.ids.NewId()) % (kReconnectSpreadMs + 1);
    goodbye = GoodbyeFrame(reason, static_cast<int>(lot));
  } else if (!reason.empty()) {
    goodbye = GoodbyeFrame(reason, -1);
  }
  Forget(subscription);
  subscription->outbox().Close(std::move(goodbye), std::move(status));
}

void FanOutHub::Forget(const SubscriptionPtr& subscription) {
  if (subscriptions_.erase(subscription.get()) == 0) return;
  if (subscription->membership.live) {
    Unindex(&FanOf(subscription->workspace()), subscription.get());
  }
  --subscriptions_open_;
  if (!subscription->options().only_presence) {
    deps_.presence.Disconnected(subscription->workspace(), subscription->options().caller.actor_id);
  }
}

void FanOutHub::Release(SubscriptionPtr subscription) {
  Post([this, subscription = std::move(subscription)] { Forget(subscription); });
}

void FanOutHub::Release(WatcherPtr watcher) {
  Post([this, watcher = std::move(watcher)] { RemoveWatcher(watcher); });
}

void FanOutHub::RemoveWatcher(const WatcherPtr& watcher) {
  Fan& fan = FanOf(watcher->caller().workspace_id);
  const auto found = fan.watchers.find(watcher->stream().str());
  if (found == fan.watchers.end()) return;
  std::vector<WatcherPtr>& watchers = found->second;
  watchers.erase(std::remove(watchers.begin(), watchers.end(), watcher), watchers.end());
  if (watchers.empty()) fan.watchers.erase(found);
}

void FanOutHub::Reconsider(SubscriptionPtr subscription) {
  Post([this, subscription = std::move(subscription)] {
    // Whoever else has it looks at the changes before it goes live.
    if (!subscription->membership.live) return;
    Fan& fan = FanOf(subscription->workspace());
    Unindex(&fan, subscription.get());
    subscription->reader.position = std::max(subscription->reader.position, fan.released);
    StartCatchUp(subscription);
  });
}

void FanOutHub::EndOne(SubscriptionPtr subscription, std::string_view reason, absl::Status status) {
  Post([this, subscription = std::move(subscription), reason = std::string(reason),
        status = std::move(status)] { Finish(subscription, reason, status); });
}

void FanOutHub::EndWhere(std::function<bool(const Caller&)> matches, std::string reason,
                         absl::Status status) {
  Post(
      [this, matches = std::move(matches), reason = std::move(reason), status = std::move(status)] {
        std::vector<SubscriptionPtr> ending;
        for (const auto& [key, subscription] : subscriptions_) {
          if (matches(subscription->options().caller)) ending.push_back(subscription);
        }
        for (const SubscriptionPtr& subscription : ending) Finish(subscription, reason, status);

        std::vector<WatcherPtr> watching;
        for (const auto& [workspace, fan] : fans_) {
          for (const auto& [stream, watchers] : fan->watchers) {
            for (const WatcherPtr& watcher : watchers) {
              if (matches(watcher->caller())) watching.push_back(watcher);
            }
          }
        }
        for (const WatcherPtr& watcher : watching) {
          RemoveWatcher(watcher);
          watcher->outbox().Close(GoodbyeFrame(reason, reason == "draining" ? 0 : -1), status);
        }
      });
}

void FanOutHub::EndCredential(std::string_view credential_id, std::string_view goodbye_reason) {
  EndWhere([id = std::string(credential_id)](
               const Caller& caller) { return caller.credential_id == id; },
           std::string(goodbye_reason),
           MakeError(v1::ERROR_REASON_TOKEN_REVOKED, "the credential was revoked"));
}

void FanOutHub::EndActor(const ActorId& actor, std::string_view goodbye_reason) {
  EndWhere([actor](const Caller& caller) { return caller.actor_id == actor; },
           std::string(goodbye_reason),
           MakeError(v1::ERROR_REASON_TOKEN_REVOKED, "the actor has lost its access"));
}

void FanOutHub::Restart(const WorkspaceId& workspace) {
  EndWhere([workspace](const Caller& caller) { return caller.workspace_id == workspace; },
           "draining", absl::OkStatus());
  Post([this, workspace] {
    Fan* fan = FindFan(workspace);
    if (fan == nullptr) return;
    // Read again with the next subscription.
    fan->epoch.clear();
    fan->pending.clear();
    fan->announced = 0;
    fan->cursor = nullptr;
  });
}

void FanOutHub::Drain() {
  Post([this] { draining_ = true; });
  EndWhere([](const Caller&) { return true; }, "draining", absl::OkStatus());
}

}  // namespace heim
