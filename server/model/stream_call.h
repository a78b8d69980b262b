// Streaming calls as fronts see them. A front pulls: nothing is queued for a reader beyond what its
// source bounds, so a slow client costs no memory. The handler side never blocks in any of these.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "server/model/frame.h"

namespace heim {

using FramePtr = std::shared_ptr<const Frame>;

// FrameSource is the answering side of a stream. Made by a handler, owned by the front (shared with
// whoever feeds it).
class FrameSource {
 public:
  enum class State {
    kMore,   // call Pull again at once when the transport has taken these
    kIdle,   // nothing more now; `on_ready` will be called once there is
    kEnded,  // no more frames; status() says how it ended
  };

  virtual ~FrameSource() = default;

  // Appends frames, at most about `max_bytes` of proto bytes (at least one when there is one).
  // Called by one thread at a time. Frames of kinds other than kMessage may be concatenated into
  // one response message.
  virtual State Pull(size_t max_bytes, std::vector<FramePtr>* out) = 0;

  // Valid once Pull answered kEnded.
  virtual absl::Status status() const = 0;

  // Set once by the front before the first Pull. Called from any thread, possibly often, after a
  // Pull that answered kIdle; must not block and must not call Pull.
  virtual void SetReady(std::function<void()> on_ready) = 0;

  // The reader went away. No further call of `on_ready` begins after it returns. Any thread;
  // idempotent.
  virtual void Cancel() = 0;
};

// StreamCall is a call whose client streams too (or a server stream, whose only message was given
// when it was opened).
class StreamCall : public FrameSource {
 public:
  // Takes the next message of the client; `next` is called once the following one is wanted
  // (back-pressure). Called by one thread at a time. After the stream ended messages are dropped
  // and `next` is called at once.
  virtual void Feed(std::unique_ptr<google::protobuf::Message> message,
                    absl::AnyInvocable<void()> next) = 0;

  // The client sends no more. Comes once, after the last Feed's `next`.
  virtual void FeedDone() = 0;
};

}  // namespace heim
