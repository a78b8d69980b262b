#include "server/jobs/channel_erasure.h"

#include <memory>
#include <optional>
#include <utility>

#include "server/base/status_macros.h"

namespace heim {
namespace {

absl::StatusOr<std::optional<absl::Time>> NextDue(Store& store, const Clock& clock) {
  std::optional<absl::Time> due;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::optional<ChannelPurge> purge, tx.purges.Next());
    if (purge.has_value()) due = clock.Now();
    return absl::OkStatus();
  }));
  return due;
}

}  // namespace

DueWork ChannelErasure(Store& store, const Clock& clock, std::function<void()> erased) {
  DueWork work;
  work.name = "erasure of purged channels";
  work.next_due = [&store, &clock] { return NextDue(store, clock); };
  work.run = [&store, erased = std::move(erased)](absl::Time, DueWork::Done done) {
    auto last = std::make_shared<bool>(false);
    Draft draft;
    draft.apply = [last](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const std::optional<ChannelPurge> purge, tx.purges.Next());
      if (!purge.has_value()) return absl::OkStatus();
      *last = purge->stage == ChannelPurge::Stage::kRest;
      return tx.purges.Step(*purge);
    };
    store.Commit(std::move(draft), [last, erased, done = std::move(done)](
                                       const absl::StatusOr<Committed>& committed) mutable {
      if (!committed.ok()) return done(committed.status());
      if (*last) erased();
      done(1);
    });
  };
  return work;
}

}  // namespace heim
