#include "server/jobs/inbox_sweep.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/limits.h"
#include "server/service/inbox_marks.h"

namespace heim {
namespace {

constexpr absl::Duration kLookEvery = absl::Hours(24);
// Items that one transaction looks for.
constexpr uint32_t kItemsAtOnce = 200;

absl::StatusOr<int> SweepIn(WriteTx& tx, absl::Time now) {
  int removed = 0;
  HEIM_ASSIGN_OR_RETURN(const std::vector<InboxOwner> owners,
                        tx.inbox.OwnersBefore(now - kInboxKept, kItemsAtOnce));
  for (const InboxOwner& owner : owners) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<RemovedItem> items,
                          tx.inbox.RemoveBefore(owner, now - kInboxKept));
    std::vector<std::string> ids;
    for (const RemovedItem& item : items) ids.push_back(item.id);
    HEIM_RETURN_IF_ERROR(EmitInboxSeen(tx, {owner.actor_id, now}, owner, ids));
    removed += static_cast<int>(items.size());
  }
  return removed;
}

}  // namespace

DueWork InboxSweep(Store& store, Clock& clock) {
  DueWork work;
  work.name = "inbox_sweep";
  work.next_due = [&store, &clock]() -> absl::StatusOr<std::optional<absl::Time>> {
    std::optional<absl::Time> oldest;
    HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(oldest, tx.inbox.OldestItem());
      return absl::OkStatus();
    }));
    const absl::Time tomorrow = clock.Now() + kLookEvery;
    if (!oldest.has_value()) return std::optional<absl::Time>(tomorrow);
    // A millisecond later it is older than that.
    return std::optional<absl::Time>(
        std::min(tomorrow, *oldest + kInboxKept + absl::Milliseconds(1)));
  };
  work.run = [&store](absl::Time now, DueWork::Done done) {
    auto removed = std::make_shared<int>(0);
    Draft draft;
    draft.apply = [removed, now](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(*removed, SweepIn(tx, now));
      return absl::OkStatus();
    };
    store.Commit(std::move(draft), [removed, done = std::move(done)](
                                       const absl::StatusOr<Committed>& committed) mutable {
      if (!committed.ok()) return done(committed.status());
      done(*removed);
    });
  };
  return work;
}

}  // namespace heim
