#include "server/jobs/scheduled_posts.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/service/scheduled_sending.h"

namespace heim {
namespace {

constexpr uint32_t kBatch = 50;

// Whether the same message may be sent later without anybody's doing.
bool IsPassing(const absl::Status& status) {
  switch (ShownReasonOf(status)) {
    case v1::ERROR_REASON_STORE_UNAVAILABLE:
    case v1::ERROR_REASON_DRAINING:
    case v1::ERROR_REASON_OVERLOADED:
    case v1::ERROR_REASON_CANCELLED:
      return true;
    default:
      return false;
  }
}

}  // namespace

// Counts what becomes of the messages of one run; the last one to end answers for all.
class ScheduledPosts::Batch : public std::enable_shared_from_this<Batch> {
 public:
  Batch(Store& store, const PresenceBook& presence, absl::Time now, size_t size, DueWork::Done done)
      : store_(store), presence_(presence), now_(now), open_(size), done_(std::move(done)) {}

  void Send(const std::string& id, const std::string& message_id) {
    Draft draft;
    draft.apply = [id, sending = SendingNow{now_, message_id, &presence_, nullptr}](WriteTx& tx) {
      return SendDue(tx, id, sending);
    };
    store_.Commit(std::move(draft),
                  [self = shared_from_this(), id](absl::StatusOr<Committed> committed) {
                    self->Sent(id, committed.status());
                  });
  }

 private:
  void Sent(const std::string& id, const absl::Status& status) {
    if (status.ok() || IsPassing(status)) return Ended(status);
    LogInfo("a scheduled message could not be sent",
            {{"scheduled_message_id", id}, {"code", ReasonCode(ShownReasonOf(status))}});
    Draft draft;
    draft.apply = [id, now = now_, code = ReasonCode(ShownReasonOf(status))](WriteTx& tx) {
      return FailDue(tx, id, now, code);
    };
    store_.Commit(std::move(draft), [self = shared_from_this()](absl::StatusOr<Committed> marked) {
      self->Ended(marked.status());
    });
  }

  void Ended(const absl::Status& status) {
    DueWork::Done done;
    absl::StatusOr<int> outcome;
    {
      absl::MutexLock lock(&mutex_);
      if (status.ok()) ++handled_;
      if (!status.ok()) failed_ = status;
      if (--open_ > 0) return;
      done = std::move(done_);
      outcome = handled_;
      if (handled_ == 0 && !failed_.ok()) outcome = failed_;
    }
    done(std::move(outcome));
  }

  Store& store_;
  const PresenceBook& presence_;
  const absl::Time now_;
  absl::Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_);
  int handled_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);
  DueWork::Done done_ ABSL_GUARDED_BY(mutex_);
};

ScheduledPosts::ScheduledPosts(Store& store, Ids& ids, const PresenceBook& presence,
                               DueJobs::Dependencies dependencies)
    : store_(store), ids_(ids), presence_(presence), jobs_(dependencies, Work()) {}

DueWork ScheduledPosts::Work() {
  DueWork work;
  work.name = "scheduled messages";
  work.next_due = [this]() -> absl::StatusOr<std::optional<absl::Time>> {
    std::optional<absl::Time> due;
    HEIM_RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(due, tx.scheduled_messages.NextDue());
      return absl::OkStatus();
    }));
    return due;
  };
  work.run = [this](absl::Time now, DueWork::Done done) { Run(now, std::move(done)); };
  return work;
}

void ScheduledPosts::Run(absl::Time now, DueWork::Done done) {
  std::vector<std::string> due;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(due, tx.scheduled_messages.Due(now, kBatch));
    return absl::OkStatus();
  });
  if (!status.ok()) return done(status);
  if (due.empty()) return done(0);
  const auto batch = std::make_shared<Batch>(store_, presence_, now, due.size(), std::move(done));
  for (const std::string& id : due) batch->Send(id, ids_.NewId());
}

}  // namespace heim
