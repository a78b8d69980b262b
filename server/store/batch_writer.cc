#include "server/store/batch_writer.h"

#include <utility>

#include "server/base/log.h"
#include "server/model/errors.h"

namespace heim {
namespace {

absl::Status Unavailable() {
  return MakeError(v1::ERROR_REASON_STORE_UNAVAILABLE,
                   "The database did not take the change; nothing was stored");
}

}  // namespace

BatchWriter::BatchWriter(Options options, Run run, absl::AnyInvocable<void()> after)
    : options_(options),
      run_(std::move(run)),
      after_(std::move(after)),
      queue_(options_.max_queue),
      thread_([this] { Write(); }) {}

void BatchWriter::Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) {
  Pending pending{std::move(draft), std::move(done)};
  if (queue_.TryPush(std::move(pending))) return;
  if (queue_.closed()) {
    pending.done(MakeError(v1::ERROR_REASON_DRAINING, "The server is shutting down"));
  } else {
    pending.done(Unavailable());
  }
}

void BatchWriter::Stop() {
  absl::MutexLock lock(&stop_mutex_);
  if (stopped_) return;
  stopped_ = true;
  queue_.Close();
  thread_.join();
  completions_.Stop();
}

void BatchWriter::Write() {
  while (true) {
    std::vector<Pending> pending = queue_.PopBatch(options_.max_batch, absl::InfiniteDuration());
    if (pending.empty()) return;
    CommitBatch(std::move(pending));
    if (after_) after_();
  }
}

void BatchWriter::CommitBatch(std::vector<Pending> pending) {
  std::vector<Draft*> drafts;
  drafts.reserve(pending.size());
  for (Pending& each : pending) drafts.push_back(&each.draft);
  absl::StatusOr<Batch> batch = run_(drafts);
  if (!batch.ok()) {
    LogError("A commit failed", {{"drafts", pending.size()}, {"error", batch.status()}});
    const bool explained = ReasonOf(batch.status()) != v1::ERROR_REASON_UNSPECIFIED;
    const absl::Status outcome = explained ? batch.status() : Unavailable();
    batch = Batch();
    batch->outcomes.assign(pending.size(), outcome);
  } else if (listener_ != nullptr && !batch->events.empty()) {
    listener_->OnCommitted(batch->events);
  }
  std::vector<Completion> completions;
  completions.reserve(pending.size());
  for (size_t i = 0; i < pending.size(); ++i) {
    completions.push_back({std::move(pending[i].done), std::move(batch->outcomes[i])});
  }
  completions_.Add(std::move(completions));
}

}  // namespace heim
