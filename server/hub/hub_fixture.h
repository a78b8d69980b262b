// HubFixture is a hub over a real store in memory, with readers that collect what they get, for
// tests only. One workspace, people ann and bob, a guest gus. One test thread; the hub, the store
// and the executor have their own.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/base/timers.h"
#include "server/bus/local/local_bus.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/live_stream_book.h"
#include "server/hub/presence_table.h"
#include "server/model/page.h"
#include "server/model/time.h"

namespace heim {

inline constexpr absl::Duration kPatience = absl::Seconds(20);

// Hands commits on, or loses them, as a node does that hears only of its own.
class LossyListener final : public CommitListener {
 public:
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    CommitListener* to = target;
    if (to == nullptr) return;
    if (!losing) return to->OnCommitted(events);
  }
  std::atomic<CommitListener*> target{nullptr};
  std::atomic<bool> losing{false};
};

// A front that reads when told to.
class TestReader {
 public:
  explicit TestReader(std::shared_ptr<FrameSource> from) : source(std::move(from)) {
    source->SetReady([this] {
      absl::MutexLock lock(&mutex_);
      ready_ = true;
    });
  }
  ~TestReader() { source->Cancel(); }

  // Pulls until `done`, the end, or patience runs out; whether `done`.
  bool ReadUntil(const std::function<bool()>& done) {
    while (!done()) {
      if (state != FrameSource::State::kIdle || TakeReady(kPatience)) {
        if (state == FrameSource::State::kEnded) return false;
        Pull();
        continue;
      }
      return false;
    }
    return true;
  }
  // Takes what is there now.
  void Pull() {
    std::vector<FramePtr> pulled;
    state = source->Pull(64u << 10, &pulled);
    frames.insert(frames.end(), pulled.begin(), pulled.end());
  }
  bool ReadToPosition(uint64_t position) {
    return ReadUntil([&] { return reached() >= position; });
  }
  bool ReadToEnd() {
    ReadUntil([] { return false; });
    return state == FrameSource::State::kEnded;
  }
  bool ReadToControl(v1::Control::ControlCase which) {
    return ReadUntil([&] { return Controls(which) > 0; });
  }

  // Highest position that a cursor or event speaks of.
  uint64_t reached() const {
    uint64_t highest = 0;
    for (const FramePtr& frame : frames) {
      if (frame->cursor().empty()) continue;
      highest = std::max(highest, LogCursor::Parse(frame->cursor())->position);
    }
    return highest;
  }
  std::string last_cursor() const {
    std::string cursor;
    for (const FramePtr& frame : frames) {
      if (!frame->cursor().empty()) cursor = frame->cursor();
    }
    return cursor;
  }
  std::vector<uint64_t> Positions() const {
    std::vector<uint64_t> positions;
    for (const FramePtr& frame : frames) {
      if (frame->kind() == Frame::Kind::kEvent && frame->position() > 0) {
        positions.push_back(frame->position());
      }
    }
    return positions;
  }
  std::vector<const v1::Event*> Events(v1::Event::PayloadCase payload) const {
    std::vector<const v1::Event*> events;
    for (const FramePtr& frame : frames) {
      if (frame->kind() != Frame::Kind::kEvent) continue;
      if (frame->event().payload_case() == payload) events.push_back(&frame->event());
    }
    return events;
  }
  size_t Controls(v1::Control::ControlCase which) const {
    size_t count = 0;
    for (const FramePtr& frame : frames) {
      if (frame->kind() == Frame::Kind::kControl && frame->control().control_case() == which) {
        ++count;
      }
    }
    return count;
  }
  const v1::Control* Last(v1::Control::ControlCase which) const {
    const v1::Control* last = nullptr;
    for (const FramePtr& frame : frames) {
      if (frame->kind() == Frame::Kind::kControl && frame->control().control_case() == which) {
        last = &frame->control();
      }
    }
    return last;
  }

  const std::shared_ptr<FrameSource> source;
  std::vector<FramePtr> frames;
  FrameSource::State state = FrameSource::State::kMore;

 private:
  bool TakeReady(absl::Duration patience) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&ready_), patience);
    return std::exchange(ready_, false);
  }

  absl::Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
};

class HubFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  using Apply = std::function<absl::Status(WriteTx&)>;
  // Commits and waits; the last position it was given.
  uint64_t MustCommit(Apply apply);

  ActorId AddPerson(const std::string& username, v1::WorkspaceRole role);
  // With member.added for each, in order; the first one makes it.
  ChannelId AddChannel(const std::string& name, v1::ChannelType type,
                       const std::vector<ActorId>& members);
  uint64_t AddMember(const ChannelId& channel, const ActorId& actor);
  uint64_t RemoveMember(const ChannelId& channel, const ActorId& actor);
  uint64_t Post(const ChannelId& channel, const ActorId& author, const std::string& text);
  uint64_t SendEvent(v1::Event event);
  v1::Stream StartStream(const ChannelId& channel, const ActorId& author);
  // Closes and commits the end, as the service does; the position of message.new.
  uint64_t FinishStream(const v1::Stream& stream);
  v1::AppendStreamResponse MustAppend(const v1::Stream& stream, const std::string& delta);

  Caller CallerOf(const ActorId& actor, v1::WorkspaceRole role = v1::WORKSPACE_ROLE_MEMBER);
  std::shared_ptr<Subscription> MustSubscribe(const ActorId& actor,
                                              v1::SubscribeRequest request = {});
  // Subscribes and reads to caught_up.
  std::unique_ptr<TestReader> Listen(const ActorId& actor, v1::SubscribeRequest request = {});
  std::string CursorAt(uint64_t position);

  ManualClock clock_;
  ManualTimers timers_{clock_};
  SeededEntropy entropy_{7};
  UuidV7Ids ids_{clock_, entropy_};
  LocalBus bus_;
  LossyListener listener_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ThreadPoolExecutor> executor_;
  std::unique_ptr<LiveStreamBook> streams_;
  std::unique_ptr<PresenceTable> presence_;
  std::unique_ptr<FanOutHub> hub_;
  WorkspaceId workspace_;
  ActorId ann_;
  ActorId bob_;
  ActorId gus_;
};

}  // namespace heim
