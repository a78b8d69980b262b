// Outbox is what waits for one reader: a short list of shared frames. It never blocks a writer and
// never grows beyond its bounds: Push refuses, and its owner then goes on by position. Owned by a
// subscription or a stream's watcher. Thread-safe; it calls on_ready and on_drained with no lock
// held.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/model/stream_call.h"

namespace heim {

class Outbox {
 public:
  struct Limits {
    size_t frames;
    size_t bytes;
  };
  // What a frame is to the outbox.
  enum class Item { kDurable, kEphemeral, kCursor, kCaughtUp, kSign, kSticky };

  // `on_drained` is called from Pull once the reader has taken what RoomOrArm or IdleOrArm waited
  // for.
  Outbox(Clock& clock, Limits limits, std::function<void()> on_drained);

  // Writers.

  // Takes all of them, or none when they do not fit: false.
  bool PushDurable(absl::Span<const FramePtr> frames);
  // False when half of the room is taken: ephemeral frames go first.
  bool PushEphemeral(FramePtr frame);
  // Takes it in any case: control frames and what RoomOrArm made room for.
  void PushAnyway(FramePtr frame, Item item);
  // Takes the place of a cursor that stands last.
  void PushCursor(FramePtr frame);

  struct Thrown {
    std::optional<uint64_t> first;  // position of the first durable frame that was not pulled
    bool caught_up = false;         // a caught_up was among them
  };
  // Empties the outbox but for sticky frames.
  Thrown ThrowAway();

  // True when half of the room is free; else false, and on_drained follows.
  bool RoomOrArm();
  // True when the reader waits for more; else false, and on_drained follows with its next Pull.
  bool IdleOrArm();

  // Lets the reader know that there is something.
  void Wake();
  // No more frames after this one (may be null). Wakes the reader.
  void Close(FramePtr last, absl::Status status);

  bool closed() const;
  // Monotonic time of the last frame put in.
  absl::Duration last_push() const;
  // How long the reader has not pulled although frames or a page wait for it; zero when it is well.
  absl::Duration StuckFor() const;

  // The reader's side; see FrameSource.
  FrameSource::State Pull(size_t max_bytes, std::vector<FramePtr>* out);
  absl::Status status() const;
  void SetReady(std::function<void()> on_ready);
  // Waits for an on_ready that runs in another thread: call it with no lock that on_ready takes.
  void Cancel();

 private:
  struct Slot {
    FramePtr frame;
    Item item;
  };

  void Put(FramePtr frame, Item item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HalfFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CallReady(bool even_when_busy);

  Clock& clock_;
  const Limits limits_;
  const std::function<void()> on_drained_;

  mutable absl::Mutex mutex_;
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool idle_ ABSL_GUARDED_BY(mutex_) = false;   // the last Pull answered kIdle
  bool armed_ ABSL_GUARDED_BY(mutex_) = false;  // on_drained is owed
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_push_ ABSL_GUARDED_BY(mutex_);
  absl::Duration seen_ ABSL_GUARDED_BY(mutex_);  // the reader last pulled, or was last woken
  std::function<void()> on_ready_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread::id> wakers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
