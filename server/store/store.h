// Store keeps everything durable and numbers it: one transaction per change, state rows and events
// together, one dense `position` per workspace in commit order. Nobody hears of a change before its
// commit. Owned by app. Thread-safe. Commit never blocks; Read blocks for a bounded time on a read
// connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/event.pb.h"
#include "server/model/ids.h"
#include "server/store/tx.h"

namespace heim {

// Draft is a change to be committed.
struct Draft {
  std::optional<IdempotencyKey> idempotency;
  // Reads, checks and writes inside the transaction, on the writer's thread: bounded, no I/O of its
  // own. Its error undoes this draft alone. It may run more than once (a batch that failed is tried
  // item by item), so it must not keep state from an earlier run.
  absl::AnyInvocable<absl::Status(WriteTx&)> apply;
};

// Committed tells how a draft went in.
struct Committed {
  bool replayed = false;        // an idempotency key was found: nothing was changed
  std::string stored_response;  // what WriteTx::SetResponse gave the first time, when replayed
  int http_status = 0;          // and with it, when replayed
  uint64_t position = 0;        // last position that the draft was given; 0 when it emitted nothing
};

// CommittedEvent is a row of the log as listeners see it.
struct CommittedEvent {
  WorkspaceId workspace_id;
  uint64_t position = 0;
  std::string bytes;                       // the serialised Event
  std::shared_ptr<const v1::Event> event;  // the same, parsed
};

// CommitListener hears of committed events after the COMMIT and before any continuation of the
// batch.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  // In position order within a batch; batches of one workspace may arrive out of order. Must not
  // block.
  virtual void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Queues a draft. `done` is called exactly once, from the completion thread (or, when the queue
  // is full or the store is stopping, at once from the caller's thread with STORE_UNAVAILABLE).
  // After OK the change is committed and synced. Errors of `apply` are handed through; database
  // failures are STORE_UNAVAILABLE.
  virtual void Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) = 0;

  // Runs `read` on one snapshot. Errors: those of `read`; STORE_UNAVAILABLE.
  virtual absl::Status Read(absl::FunctionRef<absl::Status(ReadTx&)> read) = 0;

  // Set once, before the first Commit. The listener outlives the store's threads.
  virtual void SetCommitListener(CommitListener* listener) = 0;

  // Finishes what is queued, then stops the writer. Later commits fail with DRAINING. Blocks.
  virtual void Stop() = 0;
};

}  // namespace heim
