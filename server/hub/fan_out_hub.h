// FanOutHub is the hub of a node: one fan-out thread releases committed events strictly by
// position, decides who may see each, and puts shared frames into outboxes. Owned by app, which
// sets it as the store's CommitListener and destroys it after the fronts. Thread-safe. Subscribe
// and WatchStream block for a read; nothing else does.
//
// Threads: all that has no lock below belongs to the fan-out thread. Others hand it work through
// the inbox. Tasks on the Executor read pages for readers that catch up, and fill gaps from the
// log.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/bus/bus.h"
#include "server/hub/event_ring.h"
#include "server/hub/gate.h"
#include "server/hub/hub.h"
#include "server/hub/hub_subscription.h"
#include "server/hub/live_streams.h"
#include "server/hub/presence.h"
#include "server/hub/stream_watcher.h"
#include "server/store/store.h"

namespace heim {

class FanOutHub final : public Hub, public BusHandler {
 public:
  struct Deps {
    Store& store;
    Clock& clock;
    Timers& timers;
    Executor& executor;
    Ids& ids;
    Bus& bus;
    LiveStreams& streams;
    PresenceBook& presence;
  };
  // kManual: no thread; the test or simulation calls Step.
  enum class Mode { kThread, kManual };

  FanOutHub(Deps deps, Mode mode);
  ~FanOutHub() override;

  absl::StatusOr<std::shared_ptr<Subscription>> Subscribe(SubscribeOptions options) override;
  absl::StatusOr<std::shared_ptr<FrameSource>> WatchStream(const Caller& caller,
                                                           const StreamId& stream) override;
  void PublishEphemeral(const WorkspaceId& workspace, v1::Event event) override;
  void EndCredential(std::string_view credential_id, std::string_view goodbye_reason) override;
  void EndActor(const ActorId& actor, std::string_view goodbye_reason) override;
  void Drain() override;

  // The workspace's log has another epoch: its readers are told to come again, and begin anew.
  void Restart(const WorkspaceId& workspace);
  size_t subscription_count() const override { return subscriptions_open_; }

  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override;
  void OnWakeUp(const WorkspaceId& workspace, uint64_t position) override;
  void OnEphemeral(const WorkspaceId& workspace, std::shared_ptr<const v1::Event> event) override;

  // kManual: does what is in the inbox; false when there was nothing.
  bool Step();

  // For subscriptions and watchers.
  Clock& clock() { return deps_.clock; }
  void StartCatchUp(std::shared_ptr<HubSubscription> subscription);
  void Release(std::shared_ptr<HubSubscription> subscription);
  void Release(std::shared_ptr<StreamWatcher> watcher);
  void Reconsider(std::shared_ptr<HubSubscription> subscription);
  void EndOne(std::shared_ptr<HubSubscription> subscription, std::string_view reason,
              absl::Status status);

 private:
  using SubscriptionPtr = std::shared_ptr<HubSubscription>;
  using WatcherPtr = std::shared_ptr<StreamWatcher>;
  using CommittedPtr = std::shared_ptr<const CommittedEvent>;
  using Readers = absl::flat_hash_set<HubSubscription*>;
  using Command = absl::AnyInvocable<void()>;

  struct Ephemeral {
    WorkspaceId workspace;
    std::shared_ptr<const v1::Event> event;
  };
  using Item = std::variant<std::vector<CommittedPtr>, Ephemeral, Command>;

  // A workspace that somebody has subscribed to.
  struct Fan {
    WorkspaceId workspace;
    std::string epoch;       // empty until the log's head was read
    uint64_t released = 0;   // events up to here went to readers
    uint64_t announced = 0;  // the log reaches this, as another node says
    std::map<uint64_t, CommittedPtr> pending;
    bool filling = false;
    Readers live;
    Readers guests;  // of `live`: every coming and going may change whom they know
    absl::flat_hash_map<std::string, Readers> by_channel;
    absl::flat_hash_map<std::string, Readers> by_actor;
    absl::flat_hash_map<std::string, std::vector<WatcherPtr>> watchers;  // by stream
    FramePtr cursor;  // of `released`, made once a batch
  };

  // What the catch-up task found out in one read.
  struct PageRead;

  // fan_out_hub.cc: the inbox and the public face.
  void Post(Command command);
  void Run();
  bool TakeInbox(std::vector<Item>* items, absl::flat_hash_map<std::string, uint64_t>* announced)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !inbox_.empty() || !announced_.empty();
  }
  void Process(std::vector<Item>* items,
               const absl::flat_hash_map<std::string, uint64_t>& announced);
  void Handle(Item* item);
  void FinishBatch();
  void Tick();
  void ArmTick();
  void TickOne(const SubscriptionPtr& subscription);
  bool PostTask(absl::AnyInvocable<void()> work);
  // Hands the command to the fan-out thread after the delay.
  void PostAfter(absl::Duration delay, Command command);
  std::string CursorOf(const Fan& fan) const;
  Fan& FanOf(const WorkspaceId& workspace);
  Fan* FindFan(const WorkspaceId& workspace);
  void EndWhere(std::function<bool(const Caller&)> matches, std::string reason,
                absl::Status status);
  void Finish(const SubscriptionPtr& subscription, std::string_view reason, absl::Status status);
  void Forget(const SubscriptionPtr& subscription);
  void Register(const SubscriptionPtr& subscription);
  void RemoveWatcher(const WatcherPtr& watcher);

  // release.cc: position order, gaps.
  void TakeCommits(const std::vector<CommittedPtr>& events);
  void TakeAnnounced(const absl::flat_hash_map<std::string, uint64_t>& announced);
  void AddPending(Fan* fan, CommittedPtr event);
  void ReleaseReady(Fan* fan);
  void FillGap(Fan* fan);
  void ReadGap(const WorkspaceId& workspace, uint64_t after);
  void TakeGap(const WorkspaceId& workspace, std::vector<CommittedPtr> events, bool failed);
  void SetHead(const WorkspaceId& workspace, const LogHead& head);

  // deliver.cc: who gets what.
  void Deliver(Fan* fan, const std::vector<HubEventPtr>& events);
  void DeliverRun(Fan* fan, absl::Span<const HubEventPtr> run);
  void DeliverSpecial(Fan* fan, const HubEventPtr& event);
  void DeliverTo(Fan* fan, HubSubscription* reader, const HubEventPtr& event);
  void DeliverToWatchers(Fan* fan, const HubEventPtr& event);
  void EndWatchersOf(Fan* fan, const EventFacts& facts);
  void PushRun(Fan* fan, HubSubscription* reader, absl::Span<const HubEventPtr> run);
  void NoteStream(HubSubscription* reader, const EventFacts& facts);
  void Demote(Fan* fan, HubSubscription* reader, uint64_t considered);
  void Touch(HubSubscription* reader);
  void Join(const SubscriptionPtr& subscription);
  // kWaits: it has no room (the next page follows by itself), or has ended.
  enum class Bridged { kLive, kTooFar, kWaits };
  Bridged Bridge(Fan* fan, HubSubscription* reader);
  void Index(Fan* fan, HubSubscription* reader);
  void Unindex(Fan* fan, HubSubscription* reader);
  void Reindex(Fan* fan, HubSubscription* reader, const EventFacts& facts);

  // ephemeral.cc: typing, presence, streams.
  void DeliverEphemeral(const Ephemeral& ephemeral);
  bool TypingIsNews(const EventFacts& facts);
  void OfferEphemeral(HubSubscription* reader, const HubEvent& event);
  void OfferChunk(HubSubscription* reader, const HubEvent& event);
  void OfferSnapshot(HubSubscription* reader, const HubEvent& event);
  void OfferActiveStreams(Fan* fan, HubSubscription* reader);
  HubEventPtr SnapshotOf(const std::string& stream_id, uint32_t at_least);
  void AddWatcher(const WatcherPtr& watcher);
  void NoteEnded(const EventFacts& facts);

  // catch_up.cc: tasks on the Executor.
  void CatchUp(const SubscriptionPtr& subscription);
  // True: there is a further page to read at once.
  bool CatchUpPage(const SubscriptionPtr& subscription);
  absl::Status ReadPage(ReadTx& tx, HubSubscription& subscription, PageRead* page);
  absl::Status ReadEvents(ReadTx& tx, HubSubscription& subscription, PageRead* page);
  absl::Status ReadFacts(ReadTx& tx, HubSubscription& subscription, PageRead* page);
  // Takes the cursor's position; else answers the reason why not, and takes the head's.
  std::string Rewind(const std::string& cursor, const LogHead& head, uint64_t* position) const;
  void ApplyChanges(HubSubscription& subscription, const LogHead& head);
  void PushPage(HubSubscription& subscription, const PageRead& page);
  void SayLagging(HubSubscription& subscription, uint64_t head);

  const Deps deps_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  EventRing ring_;
  std::atomic<size_t> subscriptions_open_{0};

  // The fan-out thread's.
  absl::flat_hash_map<std::string, std::unique_ptr<Fan>> fans_;
  absl::flat_hash_map<HubSubscription*, SubscriptionPtr> subscriptions_;
  std::vector<SubscriptionPtr> touched_;
  std::vector<WatcherPtr> touched_watchers_;
  absl::flat_hash_map<std::string, HubEventPtr> snapshots_;             // of this batch
  absl::flat_hash_map<std::string, std::vector<HubEventPtr>> actives_;  // of this batch
  absl::flat_hash_map<std::string, absl::Duration> typing_;
  absl::flat_hash_map<std::string, uint64_t> ended_streams_;  // -> position of the end
  std::deque<std::string> ended_order_;
  uint64_t visit_ = 0;
  bool draining_ = false;

  absl::Mutex mutex_;
  std::vector<Item> inbox_ ABSL_GUARDED_BY(mutex_);
  size_t inbox_events_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t inbox_ephemeral_ ABSL_GUARDED_BY(mutex_) = 0;
  // Highest position of each workspace that went through the inbox.
  absl::flat_hash_map<std::string, uint64_t> highest_ ABSL_GUARDED_BY(mutex_);
  // Positions that are to be read from the log: of other nodes, or too much for the inbox.
  absl::flat_hash_map<std::string, uint64_t> announced_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace heim
