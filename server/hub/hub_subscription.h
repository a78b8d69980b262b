// HubSubscription is one reader of a workspace. It is either live (the fan-out thread pushes what
// it may hear) or catching up (tasks on the Executor read pages by position); who has it is the
// only one to touch `reader`. Shared by its front and the hub, which lets go of it when it was
// cancelled or has ended. Thread-safe. Never blocks, but see Cancel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/hub/hub.h"
#include "server/hub/outbox.h"
#include "server/hub/read_filter.h"
#include "server/hub/visibility.h"

namespace heim {

class FanOutHub;

class HubSubscription final : public Subscription,
                              public std::enable_shared_from_this<HubSubscription> {
 public:
  HubSubscription(FanOutHub& hub, SubscribeOptions options, ReadFilter filter);

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override;
  absl::Status status() const override;
  void SetReady(std::function<void()> on_ready) override;
  // Waits for an on_ready that is running in another thread, so it must not be called with a lock
  // that on_ready takes.
  void Cancel() override;
  absl::Status Subscribe(const v1::SubscribeRequest& request) override;
  void Unsubscribe(const std::vector<ChannelId>& channels) override;
  void End(std::string_view goodbye_reason, absl::Status status) override;

  const SubscribeOptions& options() const { return options_; }
  const WorkspaceId& workspace() const { return options_.caller.workspace_id; }
  const std::string& actor() const { return options_.caller.actor_id.str(); }
  Outbox& outbox() { return outbox_; }

  // What a session asked for since the last look, oldest first.
  using Change = std::variant<v1::SubscribeRequest, std::vector<ChannelId>>;
  std::vector<Change> TakeChanges();
  bool HasChanges() const;

  // The state of reading; its owner is the fan-out thread while the subscription is live, else the
  // catch-up task, and nobody while a page waits for the outbox to drain.
  struct Reader {
    ReadFilter filter;
    Visibility view;
    uint64_t position = 0;  // all up to here was considered
    // What replay still has to do.
    bool says_caught_up = true;
    bool demoted = false;            // fell behind while live
    absl::Duration demoted_at;       // monotonic
    absl::Duration lagging_said_at;  // monotonic; zero: not yet
    // Streams as the reader knows them: the index that its next chunk must have.
    absl::flat_hash_map<std::string, uint32_t> streams;
  };
  Reader reader;

  // The fan-out thread's own notes.
  struct Membership {
    bool live = false;
    bool touched = false;       // was given something in this batch
    bool wants_cursor = false;  // was given a durable event in this batch
    uint64_t visited = 0;
    std::vector<std::string> channels;  // it is indexed under
  };
  Membership membership;

 private:
  FanOutHub& hub_;
  const SubscribeOptions options_;
  Outbox outbox_;

  mutable absl::Mutex mutex_;
  std::vector<Change> changes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
