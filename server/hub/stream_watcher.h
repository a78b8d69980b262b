// StreamWatcher is a reader of one stream: its text so far, chunks, stream_end, the final message,
// then the end. Shared by its front and the hub. The fan-out thread alone feeds it. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/hub/event_ring.h"
#include "server/hub/outbox.h"
#include "server/model/caller.h"

namespace heim {

class FanOutHub;

class StreamWatcher final : public FrameSource, public std::enable_shared_from_this<StreamWatcher> {
 public:
  enum class Standing { kMember, kFollower };

  StreamWatcher(FanOutHub& hub, Caller caller, StreamId stream, std::string channel_id,
                Standing standing);

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override;
  absl::Status status() const override { return outbox_.status(); }
  void SetReady(std::function<void()> on_ready) override;
  void Cancel() override;

  const Caller& caller() const { return caller_; }
  const StreamId& stream() const { return stream_; }
  const std::string& channel_id() const { return channel_id_; }
  // Whether it watches without being a member of the channel.
  bool follows() const { return standing_ == Standing::kFollower; }
  Outbox& outbox() { return outbox_; }

  // Fan-out thread only. The index that the next chunk must have; unset: a snapshot is due.
  std::optional<uint32_t> next_index;
  bool touched = false;

  // A durable event of the stream; true when it was the last one.
  bool TakeDurable(const HubEvent& event);
  // A chunk or snapshot; false when a snapshot has to be brought instead.
  bool TakeEphemeral(const HubEvent& event);

 private:
  FanOutHub& hub_;
  const Caller caller_;
  const StreamId stream_;
  const std::string channel_id_;
  const Standing standing_;
  Outbox outbox_;
};

}  // namespace heim
