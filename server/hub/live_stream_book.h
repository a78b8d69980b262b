// LiveStreamBook keeps the text of the streams that are written on this node. Chunks go out through
// the bus, merged for 25 ms; text goes to disk each second or 4 KiB through Store::Commit. Owned by
// app; outlived by its dependencies. Thread-safe. Never blocks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/base/timers.h"
#include "server/bus/bus.h"
#include "server/hub/gate.h"
#include "server/hub/live_streams.h"
#include "server/hub/stream_text.h"
#include "server/store/store.h"

namespace heim {

class LiveStreamBook final : public LiveStreams {
 public:
  LiveStreamBook(Store& store, Clock& clock, Timers& timers, Bus& bus);
  ~LiveStreamBook() override;

  void Open(const WorkspaceId& workspace, const v1::Stream& stream) override;
  absl::StatusOr<v1::AppendStreamResponse> Append(const ActorId& author,
                                                  const v1::AppendStreamRequest& request) override;
  std::optional<v1::Stream> Snapshot(const StreamId& stream) override;
  std::optional<Place> PlaceOf(const StreamId& stream) override;
  absl::StatusOr<v1::Stream> Close(const StreamId& stream, v1::StreamState as) override;
  void Reopen(const StreamId& stream) override;
  void Forget(const StreamId& stream) override;
  std::vector<v1::Stream> ActiveIn(const WorkspaceId& workspace) override;
  std::vector<StreamId> ActiveBy(const ActorId& author) override;
  std::vector<StreamId> ActiveInChannel(const ChannelId& channel) override;
  void SetOnIdle(std::function<void(StreamId)> on_idle) override;

 private:
  // What was added since the last chunk went out.
  struct Pending {
    bool any = false;
    bool rewritten = false;
    uint32_t index = 0;
    size_t bytes = 0;
    std::string delta;
    std::vector<v1::StreamDelta> deltas;
  };

  struct Live {
    WorkspaceId workspace;
    v1::Stream head;  // all but content and parts
    StreamText text;
    Pending pending;
    bool merge_armed = false;
    absl::Duration alive_at;  // monotonic: the last append
    absl::Duration idle_timeout;
    size_t unsaved_bytes = 0;
    bool saving = false;
    bool save_armed = false;
    // Events on their way to the bus; one thread at a time hands them over, in order.
    std::deque<std::shared_ptr<const v1::Event>> out;
    bool publishing = false;
  };
  using LivePtr = std::shared_ptr<Live>;

  LivePtr Find(const StreamId& stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<v1::AppendStreamResponse> AppendLocked(const ActorId& author,
                                                        const v1::AppendStreamRequest& request,
                                                        LivePtr* found)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddPending(const StreamText::Applied& applied, Live* live)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves what is pending into `out` as one event.
  void Cut(Live* live) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::Stream StateOf(const Live& live) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(const LivePtr& live) ABSL_LOCKS_EXCLUDED(mutex_);

  void OnMergeTimer(const LivePtr& live) ABSL_LOCKS_EXCLUDED(mutex_);
  void ArmIdle(const LivePtr& live, absl::Duration delay) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnIdleTimer(const LivePtr& live) ABSL_LOCKS_EXCLUDED(mutex_);
  // Arms what the last append calls for, and publishes and saves what is due.
  void Settle(const LivePtr& live) ABSL_LOCKS_EXCLUDED(mutex_);
  void Save(const LivePtr& live) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnSaved(const LivePtr& live, uint32_t index, size_t bytes, bool ok)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs `callback(live)` after the delay unless the stream or the book is gone by then.
  void After(absl::Duration delay, const LivePtr& live,
             std::function<void(const LivePtr&)> callback);

  Store& store_;
  Clock& clock_;
  Timers& timers_;
  Bus& bus_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, LivePtr> streams_ ABSL_GUARDED_BY(mutex_);
  std::function<void(StreamId)> on_idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
