// How every driver runs a draft inside its transaction: idempotency, the log, the answer. Used by
// the drivers' writer threads only; blocks on the database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/store/sql.h"
#include "server/store/store.h"
#include "server/store/tx.h"

namespace heim {

// The WriteTx of all drivers: numbers events in the database, so that a savepoint undoes positions
// with everything else, and keeps them for the listener until the commit.
class LogWriteTx final : public WriteTx {
 public:
  LogWriteTx(SqlSession& session, const Clock& clock)
      : WriteTx(session), session_(session), clock_(clock) {}

  absl::Time now() const override { return clock_.Now(); }
  absl::StatusOr<uint64_t> PeekPosition(const WorkspaceId& workspace) override;
  absl::StatusOr<uint64_t> Emit(const WorkspaceId& workspace, v1::Event event) override;
  void SetResponse(const google::protobuf::Message& response, int http_status) override;

  std::vector<std::shared_ptr<const CommittedEvent>> TakeEvents() { return std::move(events_); }
  const KeptAnswer& answer() const { return answer_; }
  uint64_t last_position() const { return last_position_; }

 private:
  SqlSession& session_;
  const Clock& clock_;
  std::vector<std::shared_ptr<const CommittedEvent>> events_;
  KeptAnswer answer_;
  uint64_t last_position_ = 0;
};

struct AppliedDraft {
  Committed committed;
  std::vector<std::shared_ptr<const CommittedEvent>> events;
};

// Runs the draft in the session's transaction, or finds what its idempotency key stored. On an
// error the caller undoes what it did (a savepoint). IDEMPOTENCY_CONFLICT; errors of the draft;
// STORE_UNAVAILABLE and INTERNAL for failures of the database, which are logged.
absl::StatusOr<AppliedDraft> ApplyDraft(SqlSession& session, const Clock& clock, Draft& draft);

// What callers of the store see of a driver's error: errors with a reason pass, the rest is logged
// and becomes STORE_UNAVAILABLE or INTERNAL.
absl::Status StoreError(const absl::Status& status);

}  // namespace heim
