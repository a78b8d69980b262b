#include "server/jobs/file_upkeep.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/people_limits.h"
#include "server/service/file_links.h"

namespace heim {
namespace {

constexpr absl::Duration kLookEvery = absl::Hours(24);
constexpr uint32_t kSweptAtOnce = 100;

absl::StatusOr<std::optional<absl::Time>> NextDue(Store& store, const Clock& clock) {
  std::optional<absl::Time> due = clock.Now() + kLookEvery;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::vector<Files::Link> stale, tx.files.StaleLinks(FileId(), 1));
    if (!stale.empty()) {
      due = clock.Now();
      return absl::OkStatus();
    }
    HEIM_ASSIGN_OR_RETURN(const std::optional<absl::Time> sweep, tx.files.NextSweep());
    if (sweep.has_value()) due = std::min(*due, *sweep);
    return absl::OkStatus();
  }));
  return due;
}

}  // namespace

DueWork FileUpkeep(Store& store, const Clock& clock, absl::Duration kept,
                   std::function<void()> swept) {
  DueWork work;
  work.name = "upkeep of files";
  work.next_due = [&store, &clock] { return NextDue(store, clock); };
  work.run = [&store, kept, swept = std::move(swept)](absl::Time now, DueWork::Done done) {
    Draft draft;
    draft.apply = [now, kept](WriteTx& tx) -> absl::Status {
      HEIM_RETURN_IF_ERROR(RefreshAttachments(tx, FileId(), now, kFileLinksAtOnce).status());
      return tx.files.SweepUnlinked(now, now + kept, kSweptAtOnce).status();
    };
    store.Commit(std::move(draft), [swept, done = std::move(done)](
                                       const absl::StatusOr<Committed>& committed) mutable {
      if (!committed.ok()) return done(committed.status());
      swept();
      done(1);
    });
  };
  return work;
}

}  // namespace heim
