// The part of FanOutHub that serves readers behind the live edge: tasks on the Executor that read
// one page after the other, from the ring, else from the log. Each page is judged by facts read in
// the same snapshot as the page, so that a membership lost meanwhile counts at once.
#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/hub/control_frames.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"
#include "server/model/page.h"

namespace heim {

struct FanOutHub::PageRead {
  LogHead head;
  ReaderFacts facts;
  std::vector<HubEventPtr> events;  // after the reader's position, gapless
  bool lost_access = false;
};

void FanOutHub::StartCatchUp(SubscriptionPtr subscription) {
  if (PostTask([this, subscription] { CatchUp(subscription); })) return;
  deps_.timers.After(kRetryDelay,
                     Gate::Guard(gate_, [this, subscription = std::move(subscription)] {
                       StartCatchUp(subscription);
                     }));
}

void FanOutHub::CatchUp(const SubscriptionPtr& subscription) {
  for (int page = 0; page < kCatchUpPagesPerTask; ++page) {
    if (!CatchUpPage(subscription)) {
      subscription->outbox().Wake();
      return;
    }
  }
  subscription->outbox().Wake();
  StartCatchUp(subscription);
}

bool FanOutHub::CatchUpPage(const SubscriptionPtr& subscription) {
  Outbox& outbox = subscription->outbox();
  if (outbox.closed() || !outbox.RoomOrArm()) return false;
  PageRead page;
  const absl::Status status = deps_.store.Read(
      [&](ReadTx& tx) -> absl::Status { return ReadPage(tx, *subscription, &page); });
  if (!status.ok()) {
    LogWarn("A page of the log could not be read", {{"status", status}});
    deps_.timers.After(kRetryDelay,
                       Gate::Guard(gate_, [this, subscription] { StartCatchUp(subscription); }));
    return false;
  }
  if (page.lost_access) {
    EndOne(subscription, "lost_access",
           MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "no longer a member of the workspace"));
    return false;
  }
  HubSubscription::Reader& reader = subscription->reader;
  reader.view = Visibility(subscription->actor(), std::move(page.facts), reader.filter.named());
  PushPage(*subscription, page);
  if (reader.position < page.head.position) {
    SayLagging(*subscription, page.head.position);
    return true;
  }
  Post([this, subscription] { Join(subscription); });
  return false;
}

absl::Status FanOutHub::ReadPage(ReadTx& tx, HubSubscription& subscription, PageRead* page) {
  const WorkspaceId& workspace = subscription.workspace();
  HEIM_ASSIGN_OR_RETURN(page->head, tx.log.Head(workspace));
  const absl::StatusOr<v1::WorkspaceMember> member =
      tx.workspaces.GetMember(workspace, subscription.options().caller.actor_id);
  if (!member.ok()) {
    if (!absl::IsNotFound(member.status())) return member.status();
    page->lost_access = true;
    return absl::OkStatus();
  }
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor,
                        tx.actors.Get(subscription.options().caller.actor_id));
  page->lost_access = actor.has_deleted_at();
  page->facts.guest = member->role() == v1::WORKSPACE_ROLE_GUEST;
  page->facts.position = page->head.position;

  ApplyChanges(subscription, page->head);
  HubSubscription::Reader& reader = subscription.reader;
  if (reader.position + 1 < page->head.oldest) {
    const std::string reason = reader.demoted ? "too_far_behind" : "cursor_expired";
    const std::string cursor = LogCursor{page->head.epoch, page->head.position}.Format();
    subscription.outbox().PushAnyway(ResetFrame(reason, cursor), Outbox::Item::kSticky);
    reader.position = page->head.position;
  }
  HEIM_RETURN_IF_ERROR(ReadEvents(tx, subscription, page));
  return ReadFacts(tx, subscription, page);
}

absl::Status FanOutHub::ReadEvents(ReadTx& tx, HubSubscription& subscription, PageRead* page) {
  const uint64_t after = subscription.reader.position;
  if (after >= page->head.position) return absl::OkStatus();
  auto kept = ring_.Read(subscription.workspace(),
                         {after, page->head.position, kCatchUpPageEvents, kCatchUpPageBytes});
  if (kept.has_value()) {
    page->events = *std::move(kept);
    return absl::OkStatus();
  }
  HEIM_ASSIGN_OR_RETURN(
      std::vector<LogEntry> entries,
      tx.log.Read(subscription.workspace(), after, kCatchUpPageEvents, kCatchUpPageBytes));
  for (const LogEntry& entry : entries) {
    v1::Event parsed;
    if (!parsed.ParseFromString(entry.bytes)) {
      LogError("An event of the log does not parse", {{"position", entry.position}});
    }
    auto event = std::make_shared<HubEvent>();
    event->facts = FactsOf(parsed);
    event->facts.position = entry.position;
    event->frame = MakeEventFrameFromBytes(
        entry.bytes, LogCursor{page->head.epoch, entry.position}.Format(), entry.position);
    page->events.push_back(std::move(event));
  }
  if (entries.empty()) return absl::DataLossError("the log has a hole");
  return absl::OkStatus();
}

absl::Status FanOutHub::ReadFacts(ReadTx& tx, HubSubscription& subscription, PageRead* page) {
  const WorkspaceId& workspace = subscription.workspace();
  const ActorId& actor = subscription.options().caller.actor_id;
  ReaderFacts& facts = page->facts;
  HEIM_ASSIGN_OR_RETURN(const std::vector<ChannelId> channels,
                        tx.members.ChannelsOf(workspace, actor));
  for (const ChannelId& channel : channels) facts.member_of.insert(channel.str());
  HEIM_ASSIGN_OR_RETURN(const std::vector<MembershipInterval> intervals,
                        tx.members.Intervals(workspace, actor));
  HEIM_ASSIGN_OR_RETURN(const std::vector<MemberHistory> histories,
                        tx.members.Histories(workspace, actor));
  for (const MemberHistory& history : histories) {
    facts.history_from[history.channel_id.str()] = history.from_seq;
  }
  if (facts.guest) {
    HEIM_ASSIGN_OR_RETURN(facts.peers, tx.members.Peers(workspace, actor));
  }

  // Channels whose type matters: named ones, those left, those that were announced to all.
  absl::flat_hash_set<std::string> asked = subscription.reader.filter.named();
  for (const MembershipInterval& interval : intervals) {
    facts.intervals[interval.channel_id.str()].push_back(interval);
    if (!facts.member_of.contains(interval.channel_id.str())) {
      asked.insert(interval.channel_id.str());
    }
  }
  for (const HubEventPtr& event : page->events) {
    const bool announced = event->facts.channel_type == v1::CHANNEL_TYPE_PUBLIC;
    if (announced && !facts.member_of.contains(event->facts.channel_id)) {
      asked.insert(event->facts.channel_id);
    }
  }
  std::vector<ChannelId> ids;
  ids.reserve(asked.size());
  for (const std::string& id : asked) ids.emplace_back(id);
  HEIM_ASSIGN_OR_RETURN(const std::vector<ChannelFacts> found,
                        tx.members.Facts(workspace, actor, ids));
  for (const ChannelFacts& channel : found) {
    const std::string& id = channel.channel_id.str();
    if (channel.type == v1::CHANNEL_TYPE_PUBLIC) facts.public_channels.insert(id);
    if (channel.open) facts.open[id] = {channel.open_from.seq, channel.open_from.position};
  }
  return absl::OkStatus();
}

std::string FanOutHub::Rewind(const std::string& cursor, const LogHead& head,
                              uint64_t* position) const {
  *position = head.position;
  const auto parsed = LogCursor::Parse(cursor);
  if (!parsed.ok()) return "invalid_cursor";
  if (parsed->epoch != head.epoch) return "epoch_changed";
  if (parsed->position > head.position) return "cursor_in_future";
  if (parsed->position + 1 < head.oldest) return "cursor_expired";
  *position = parsed->position;
  return "";
}

void FanOutHub::ApplyChanges(HubSubscription& subscription, const LogHead& head) {
  HubSubscription::Reader& reader = subscription.reader;
  for (const HubSubscription::Change& change : subscription.TakeChanges()) {
    if (const auto* removed = std::get_if<std::vector<ChannelId>>(&change)) {
      reader.filter.Remove(*removed);
      continue;
    }
    const auto& request = std::get<v1::SubscribeRequest>(change);
    const absl::Status added = reader.filter.Add(request);
    if (!added.ok()) LogWarn("A checked subscription was refused", {{"status", added}});
    if (request.cursor().empty()) continue;
    const std::string refused = Rewind(request.cursor(), head, &reader.position);
    reader.says_caught_up = true;
    reader.demoted = false;
    if (refused.empty()) continue;
    const std::string cursor = LogCursor{head.epoch, head.position}.Format();
    subscription.outbox().PushAnyway(ResetFrame(refused, cursor), Outbox::Item::kSticky);
  }
}

void FanOutHub::PushPage(HubSubscription& subscription, const PageRead& page) {
  HubSubscription::Reader& reader = subscription.reader;
  bool any = false;
  for (const HubEventPtr& event : page.events) {
    reader.position = event->facts.position;
    if (!reader.view.Replays(event->facts) || !reader.filter.Wants(event->facts)) continue;
    subscription.outbox().PushAnyway(event->frame, Outbox::Item::kDurable);
    any = true;
  }
  if (!any) return;
  subscription.outbox().PushCursor(
      MakeCursorFrame(LogCursor{page.head.epoch, reader.position}.Format()));
}

void FanOutHub::SayLagging(HubSubscription& subscription, uint64_t head) {
  HubSubscription::Reader& reader = subscription.reader;
  if (!reader.demoted) return;
  const absl::Duration now = deps_.clock.Monotonic();
  const uint64_t behind = head - reader.position;
  if (behind <= kLaggingEvents && now - reader.demoted_at <= kLaggingAfter) return;
  const bool said_lately = reader.lagging_said_at != absl::ZeroDuration() &&
                           now - reader.lagging_said_at < kLaggingAfter;
  if (said_lately) return;
  reader.lagging_said_at = now;
  subscription.outbox().PushAnyway(LaggingFrame(behind), Outbox::Item::kSign);
}

}  // namespace heim
