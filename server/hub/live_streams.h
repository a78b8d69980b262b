// LiveStreams holds the text of streams while they are written: index rules, merged chunks, idle
// timers, snapshots to disk. Owned by app. Thread-safe, never blocks; what must be durable goes
// through Store::Commit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/stream.pb.h"
#include "heim/v1/stream_service.pb.h"
#include "server/model/ids.h"

namespace heim {

class LiveStreams {
 public:
  virtual ~LiveStreams() = default;

  // Takes up a stream that was just committed (or read back at start-up with a fresh idle timer).
  virtual void Open(const WorkspaceId& workspace, const v1::Stream& stream) = 0;

  // Applies an append by the author under the index rules; the chunk is fanned out merged with its
  // neighbours of 25 ms. STREAM_NOT_FOUND (not here, or another author), STREAM_INDEX_GAP
  // (details.next_index), STREAM_STOPPED, STREAM_FINISHED, CONTENT_TOO_LONG (the stream keeps what
  // it has), INVALID_ARGUMENT (a delta that does not fit its part).
  virtual absl::StatusOr<v1::AppendStreamResponse> Append(
      const ActorId& author, const v1::AppendStreamRequest& request) = 0;

  // The stream as it stands, with all text; nullopt when it is not active here.
  virtual std::optional<v1::Stream> Snapshot(const StreamId& stream) = 0;

  // Where it is and whose; nullopt when it is not active here. Cheap, unlike a snapshot.
  struct Place {
    WorkspaceId workspace;
    ChannelId channel;
    ActorId author;
  };
  virtual std::optional<Place> PlaceOf(const StreamId& stream) = 0;

  // Closes the stream for appends, flushes its last chunk to readers and answers the final state
  // for the commit that ends it. Exactly one caller wins; others get STREAM_FINISHED or
  // STREAM_STOPPED. `Reopen` undoes it when that commit fails.
  virtual absl::StatusOr<v1::Stream> Close(const StreamId& stream, v1::StreamState as) = 0;
  virtual void Reopen(const StreamId& stream) = 0;
  // The end was committed: forget it.
  virtual void Forget(const StreamId& stream) = 0;

  // Active streams of the channels, for snapshots to late readers.
  virtual std::vector<v1::Stream> ActiveIn(const WorkspaceId& workspace) = 0;
  // Active streams written by the actor, or in the channel: removal, archive and revocation stop
  // them.
  virtual std::vector<StreamId> ActiveBy(const ActorId& author) = 0;
  virtual std::vector<StreamId> ActiveInChannel(const ChannelId& channel) = 0;

  // Called when a stream's idle timer fires; the service then ends it durably. Set once at
  // start-up.
  virtual void SetOnIdle(std::function<void(StreamId)> on_idle) = 0;
};

}  // namespace heim
