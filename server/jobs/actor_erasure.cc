#include "server/jobs/actor_erasure.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "server/base/status_macros.h"
#include "server/service/erasing.h"

namespace heim {
namespace {

// Between looks at whether the blob store is done: at first, and when it stays undone.
constexpr absl::Duration kLookAgain = absl::Milliseconds(200);
constexpr absl::Duration kLookAgainMax = absl::Minutes(1);

struct Due {
  std::optional<absl::Time> at;
  bool waits_for_bytes = false;
};

absl::StatusOr<Due> FindDue(Store& store, absl::Time now) {
  Due due;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::optional<ErasureRow> row, tx.erasures.Next());
    if (!row.has_value()) return absl::OkStatus();
    due.at = now;
    if (row->stage != ErasureRow::Stage::kBytes) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(due.waits_for_bytes, BytesAreLeft(tx));
    return absl::OkStatus();
  }));
  return due;
}

}  // namespace

DueWork ActorErasure(Store& store, const Clock& clock, std::function<void()> sweep) {
  DueWork work;
  work.name = "erasure of actors";
  work.next_due = [&store, &clock, sweep = std::move(sweep),
                   wait = std::make_shared<absl::Duration>(
                       kLookAgain)]() -> absl::StatusOr<std::optional<absl::Time>> {
    HEIM_ASSIGN_OR_RETURN(Due due, FindDue(store, clock.Now()));
    if (due.waits_for_bytes) {
      sweep();
      due.at = clock.Now() + *wait;
      *wait = std::min(*wait * 2, kLookAgainMax);
    } else {
      *wait = kLookAgain;
    }
    return due.at;
  };
  work.run = [&store](absl::Time now, DueWork::Done done) {
    Draft draft;
    draft.apply = [now](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(std::optional<ErasureRow> row, tx.erasures.Next());
      return row.has_value() ? StepErasure(tx, *std::move(row), now) : absl::OkStatus();
    };
    store.Commit(std::move(draft),
                 [done = std::move(done)](const absl::StatusOr<Committed>& committed) mutable {
                   if (!committed.ok()) return done(committed.status());
                   done(1);
                 });
  };
  return work;
}

}  // namespace heim
