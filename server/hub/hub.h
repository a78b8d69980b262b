// Hub fans committed events out to live subscribers of this node, and carries ephemeral ones
// (typing, presence, chunks). Owned by app. Thread-safe. Never blocks its callers: a full outbox
// makes its subscriber a reader of the log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/event.pb.h"
#include "heim/v1/event_service.pb.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/model/stream_call.h"
#include "server/store/store.h"

namespace heim {

// Subscription is one reader of a workspace: hello, replay, caught_up, then live, with heartbeats.
// As a FrameSource it yields kEvent, kCursor and kControl frames.
class Subscription : public FrameSource {
 public:
  // Applies a session's `subscribe` to a running subscription: the first one with channel_ids
  // replaces the set "all of the actor's channels", later ones add; a cursor starts a replay. The
  // access of named channels was checked by the caller.
  virtual absl::Status Subscribe(const v1::SubscribeRequest& request) = 0;
  // Empty: hear nothing.
  virtual void Unsubscribe(const std::vector<ChannelId>& channels) = 0;
  // Ends the stream with a goodbye frame; status() is OK for draining, UNAUTHENTICATED for a lost
  // credential.
  virtual void End(std::string_view goodbye_reason, absl::Status status) = 0;
};

// What is subscribed, by whom.
struct SubscribeOptions {
  Caller caller;                 // its workspace is the stream's
  v1::SubscribeRequest request;  // channels checked: exist and readable by the caller
  bool only_presence = false;    // WatchPresence
  std::string session_id;        // named in hello
};

class Hub : public CommitListener {
 public:
  // Starts a subscription. Reads the caller's memberships and the log's head from the store
  // (blocks: call it on the Executor). WORKSPACE_NOT_FOUND, STORE_UNAVAILABLE.
  virtual absl::StatusOr<std::shared_ptr<Subscription>> Subscribe(SubscribeOptions options) = 0;

  // A stream's reader: snapshot, chunks, stream_end and the final message, then the end. Access was
  // checked. STREAM_NOT_FOUND when it is not active (then the caller answers from the store).
  virtual absl::StatusOr<std::shared_ptr<FrameSource>> WatchStream(const Caller& caller,
                                                                   const StreamId& stream) = 0;

  // Fans an ephemeral event out to whoever may see it now: to its channel's subscribers, or the
  // workspace's when channel_id is empty. Never to `event.actor_id`'s own connections for typing.
  // Sets the timestamp. Dropped first under load.
  virtual void PublishEphemeral(const WorkspaceId& workspace, v1::Event event) = 0;

  // Closes what a credential or an actor holds open: goodbye, then the end, within a second.
  virtual void EndCredential(std::string_view credential_id, std::string_view goodbye_reason) = 0;
  virtual void EndActor(const ActorId& actor, std::string_view goodbye_reason) = 0;

  // Says goodbye{draining} to everyone and ends all subscriptions.
  virtual void Drain() = 0;

  // Open subscriptions on this node.
  virtual size_t subscription_count() const = 0;
};

}  // namespace heim
