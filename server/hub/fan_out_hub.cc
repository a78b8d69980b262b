#include "server/hub/fan_out_hub.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/hub/control_frames.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/time.h"

namespace heim {

FanOutHub::FanOutHub(Deps deps, Mode mode)
    : deps_(deps), ring_({kEventsInMemory, kEventsInMemoryBytes}) {
  deps_.bus.SetHandler(this);
  ArmTick();
  if (mode == Mode::kThread) thread_ = std::thread([this] { Run(); });
}

FanOutHub::~FanOutHub() {
  deps_.bus.SetHandler(nullptr);
  gate_->Close();
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void FanOutHub::Post(Command command) {
  absl::MutexLock lock(&mutex_);
  inbox_.emplace_back(std::move(command));
}

bool FanOutHub::TakeInbox(std::vector<Item>* items,
                          absl::flat_hash_map<std::string, uint64_t>* announced) {
  items->swap(inbox_);
  announced->swap(announced_);
  inbox_events_ = 0;
  inbox_ephemeral_ = 0;
  return !items->empty() || !announced->empty();
}

void FanOutHub::Run() {
  pthread_setname_np(pthread_self(), "fan-out");
  while (true) {
    std::vector<Item> items;
    absl::flat_hash_map<std::string, uint64_t> announced;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &FanOutHub::HasWork));
      if (stopping_) return;
      TakeInbox(&items, &announced);
    }
    Process(&items, announced);
  }
}

bool FanOutHub::Step() {
  std::vector<Item> items;
  absl::flat_hash_map<std::string, uint64_t> announced;
  {
    absl::MutexLock lock(&mutex_);
    if (!TakeInbox(&items, &announced)) return false;
  }
  Process(&items, announced);
  return true;
}

void FanOutHub::Process(std::vector<Item>* items,
                        const absl::flat_hash_map<std::string, uint64_t>& announced) {
  for (Item& item : *items) Handle(&item);
  TakeAnnounced(announced);
  FinishBatch();
}

void FanOutHub::Handle(Item* item) {
  if (auto* commits = std::get_if<std::vector<CommittedPtr>>(item)) {
    TakeCommits(*commits);
  } else if (auto* ephemeral = std::get_if<Ephemeral>(item)) {
    DeliverEphemeral(*ephemeral);
  } else {
    std::get<Command> (*item)();
  }
}

// One cursor and one wake-up for each reader of the batch.
void FanOutHub::FinishBatch() {
  for (const SubscriptionPtr& subscription : touched_) {
    HubSubscription::Membership& membership = subscription->membership;
    membership.touched = false;
    if (std::exchange(membership.wants_cursor, false) && membership.live) {
      Fan& fan = FanOf(subscription->workspace());
      if (fan.cursor == nullptr) fan.cursor = MakeCursorFrame(CursorOf(fan));
      subscription->outbox().PushCursor(fan.cursor);
    }
    subscription->outbox().Wake();
  }
  for (const WatcherPtr& watcher : touched_watchers_) {
    watcher->touched = false;
    watcher->outbox().Wake();
  }
  touched_.clear();
  touched_watchers_.clear();
  snapshots_.clear();
  actives_.clear();
}

bool FanOutHub::PostTask(absl::AnyInvocable<void()> work) {
  return deps_.executor.TryPost(Gate::Guard(gate_, std::move(work)));
}

void FanOutHub::PostAfter(absl::Duration delay, Command command) {
  deps_.timers.After(delay, Gate::Guard(gate_, [this, command = std::move(command)]() mutable {
                       Post(std::move(command));
                     }));
}

std::string FanOutHub::CursorOf(const Fan& fan) const {
  return LogCursor{fan.epoch, fan.released}.Format();
}

FanOutHub::Fan* FanOutHub::FindFan(const WorkspaceId& workspace) {
  const auto found = fans_.find(workspace.str());
  return found == fans_.end() ? nullptr : found->second.get();
}

FanOutHub::Fan& FanOutHub::FanOf(const WorkspaceId& workspace) {
  std::unique_ptr<Fan>& slot = fans_[workspace.str()];
  if (slot == nullptr) {
    slot = std::make_unique<Fan>();
    slot->workspace = workspace;
  }
  return *slot;
}

absl::StatusOr<std::shared_ptr<Subscription>> FanOutHub::Subscribe(SubscribeOptions options) {
  const Caller caller = options.caller;
  const WorkspaceId workspace = caller.workspace_id;
  const std::string cursor = options.request.cursor();
  if (workspace.empty()) {
    return WorkspaceNotFound();
  }
  ReadFilter filter = ReadFilter::OnlyPresence();
  if (!options.only_presence) {
    HEIM_ASSIGN_OR_RETURN(filter, ReadFilter::From(options.request));
  }
  // Before the read: a commit that the read does not see is then kept for this workspace.
  Post([this, workspace] { FanOf(workspace); });
  LogHead head;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(head, tx.log.Head(workspace));
    return absl::OkStatus();
  }));
  Post([this, workspace, head] { SetHead(workspace, head); });

  if (options.session_id.empty()) options.session_id = deps_.ids.NewId();
  HelloOptions hello{options.session_id, caller.actor, workspace, false};
  auto subscription =
      std::make_shared<HubSubscription>(*this, std::move(options), std::move(filter));
  HubSubscription::Reader& reader = subscription->reader;
  reader.position = head.position;
  std::string now = LogCursor{head.epoch, head.position}.Format();
  std::string refused;
  if (!cursor.empty()) refused = Rewind(cursor, head, &reader.position);
  hello.resumed = !cursor.empty() && refused.empty();
  if (subscription->options().only_presence) now.clear();
  Outbox& outbox = subscription->outbox();
  outbox.PushAnyway(HelloFrame(hello, hello.resumed ? cursor : now), Outbox::Item::kSticky);
  if (!refused.empty()) outbox.PushAnyway(ResetFrame(refused, now), Outbox::Item::kSticky);

  ++subscriptions_open_;
  if (!subscription->options().only_presence) deps_.presence.Connected(workspace, caller.actor_id);
  Post([this, subscription] { Register(subscription); });
  CatchUp(subscription);
  return std::shared_ptr<Subscription>(std::move(subscription));
}

void FanOutHub::Register(const SubscriptionPtr& subscription) {
  subscriptions_.emplace(subscription.get(), subscription);
  if (draining_) Finish(subscription, "draining", absl::OkStatus());
}

absl::StatusOr<std::shared_ptr<FrameSource>> FanOutHub::WatchStream(const Caller& caller,
                                                                    const StreamId& stream) {
  const WorkspaceId workspace = caller.workspace_id;
  Post([this, workspace] { FanOf(workspace); });
  const std::optional<v1::Stream> snapshot = deps_.streams.Snapshot(stream);
  if (!snapshot.has_value()) {
    return MakeError(v1::ERROR_REASON_STREAM_NOT_FOUND, "the stream is not active");
  }
  LogHead head;
  bool member = false;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(head, tx.log.Head(workspace));
    HEIM_ASSIGN_OR_RETURN(member,
                          tx.members.Has(ChannelId(snapshot->channel_id()), caller.actor_id));
    return absl::OkStatus();
  }));
  Post([this, workspace, head] { SetHead(workspace, head); });
  auto watcher = std::make_shared<StreamWatcher>(
      *this, caller, stream, snapshot->channel_id(),
      member ? StreamWatcher::Standing::kMember : StreamWatcher::Standing::kFollower);
  Post([this, watcher] { AddWatcher(watcher); });
  return std::shared_ptr<FrameSource>(std::move(watcher));
}

void FanOutHub::PublishEphemeral(const WorkspaceId& workspace, v1::Event event) {
  *event.mutable_timestamp() = ToTimestamp(deps_.clock.Now());
  deps_.bus.PublishEphemeral(workspace, std::make_shared<const v1::Event>(std::move(event)));
}

void FanOutHub::OnEphemeral(const WorkspaceId& workspace, std::shared_ptr<const v1::Event> event) {
  absl::MutexLock lock(&mutex_);
  if (inbox_ephemeral_ >= kInboxMaxEphemeral) return;
  ++inbox_ephemeral_;
  inbox_.emplace_back(Ephemeral{workspace, std::move(event)});
}

void FanOutHub::OnCommitted(const std::vector<CommittedPtr>& events) {
  if (events.empty()) return;
  absl::flat_hash_map<std::string, uint64_t> reached;
  for (const CommittedPtr& event : events) {
    uint64_t& position = reached[event->workspace_id.str()];
    position = std::max(position, event->position);
  }
  {
    absl::MutexLock lock(&mutex_);
    const bool room = inbox_events_ + events.size() <= kInboxMaxEvents;
    for (const auto& [workspace, position] : reached) {
      uint64_t& highest = highest_[workspace];
      highest = std::max(highest, position);
      if (!room) announced_[workspace] = highest;
    }
    if (room) {
      inbox_events_ += events.size();
      inbox_.emplace_back(events);
    }
  }
  for (const auto& [workspace, position] : reached) {
    deps_.bus.PublishWakeUp(WorkspaceId(workspace), position);
  }
}

void FanOutHub::OnWakeUp(const WorkspaceId& workspace, uint64_t position) {
  absl::MutexLock lock(&mutex_);
  uint64_t& highest = highest_[workspace.str()];
  if (position <= highest) return;
  highest = position;
  announced_[workspace.str()] = position;
}

}  // namespace heim
