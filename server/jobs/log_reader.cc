#include "server/jobs/log_reader.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/synchronization/notification.h"
#include "server/base/check.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

// Nothing is wrong with the event: the database, or the server as it stops.
bool IsPassing(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

}  // namespace

LogReader::LogReader(LogReaderOptions options, Store& store, Timers& timers, LogJob& job)
    : options_(options), store_(store), timers_(timers), job_(job) {}

LogReader::~LogReader() { Stop(); }

void LogReader::Start() {
  HEIM_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void LogReader::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void LogReader::OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) {
  absl::MutexLock lock(&mutex_);
  for (const std::shared_ptr<const CommittedEvent>& event : events) {
    Place& place = places_[event->workspace_id.str()];
    place.head = std::max(place.head, event->position);
    Note(event->workspace_id.str());
  }
}

bool LogReader::WaitCaughtUp(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(this, &LogReader::IsCaughtUp), timeout);
}

void LogReader::Note(const std::string& workspace) {
  const Place& place = places_[workspace];
  if (place.done < place.head) {
    behind_.insert(workspace);
  } else {
    behind_.erase(workspace);
  }
}

bool LogReader::IsStopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

void LogReader::Run() {
  constexpr size_t kThreadNameMax = 15;
  const std::string name = StrCat("log-", job_.name());
  pthread_setname_np(pthread_self(), name.substr(0, kThreadNameMax).c_str());
  Follow();
  StoreCursors();
}

void LogReader::StoreCursors() {
  absl::flat_hash_map<std::string, Place> places;
  {
    absl::MutexLock lock(&mutex_);
    if (!loaded_) return;
    places = places_;
  }
  for (const auto& [workspace, place] : places) {
    if (place.done == place.stored) continue;
    Draft draft;
    draft.apply = [this, id = WorkspaceId(workspace), from = place.stored, to = place.done](
                      WriteTx& tx) { return tx.jobs.Move(job_.name(), id, from, to).status(); };
    const absl::Status status = CommitAndWait(std::move(draft));
    if (!status.ok()) LogWarn("a cursor was not stored", {{"job", job_.name()}, {"error", status}});
  }
}

void LogReader::Follow() {
  absl::Status status = Load();
  while (!IsStopping()) {
    if (!status.ok()) {
      LogWarn("a reader of the log has to wait", {{"job", job_.name()}, {"error", status}});
      Rest();
    }
    bool loaded = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &LogReader::HasWork));
      if (stopping_) return;
      loaded = loaded_;
    }
    status = loaded ? ReadOn(Next()) : Load();
  }
}

// Until the delay has passed, by a timer: the thread itself looks at no clock.
void LogReader::Rest() {
  absl::MutexLock lock(&mutex_);
  rested_ = false;
  const Timers::Id timer = timers_.After(options_.retry_delay, [this] {
    absl::MutexLock woken(&mutex_);
    rested_ = true;
  });
  mutex_.Await(absl::Condition(this, &LogReader::IsRested));
  // A timer that can no longer be cancelled runs, or has run: wait for it, it refers to this
  // object.
  if (!rested_ && !timers_.Cancel(timer)) {
    mutex_.Await(absl::Condition(&rested_));
  }
}

absl::Status LogReader::Load() {
  std::vector<JobCursor> cursors;
  HEIM_RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(cursors, tx.jobs.List(job_.name()));
    return absl::OkStatus();
  }));
  absl::MutexLock lock(&mutex_);
  for (const JobCursor& cursor : cursors) {
    Place& place = places_[cursor.workspace_id.str()];
    place.stored = place.done = cursor.position;
    place.head = std::max(place.head, cursor.head);
    Note(cursor.workspace_id.str());
  }
  loaded_ = true;
  return absl::OkStatus();
}

WorkspaceId LogReader::Next() {
  absl::MutexLock lock(&mutex_);
  if (behind_.empty()) return WorkspaceId();
  const auto next = behind_.upper_bound(last_);
  last_ = next == behind_.end() ? *behind_.begin() : *next;
  return WorkspaceId(last_);
}

LogReader::Place LogReader::PlaceOf(const WorkspaceId& workspace) const {
  absl::MutexLock lock(&mutex_);
  const auto found = places_.find(workspace.str());
  return found == places_.end() ? Place() : found->second;
}

void LogReader::SetPlace(const WorkspaceId& workspace, uint64_t stored, uint64_t done) {
  absl::MutexLock lock(&mutex_);
  Place& place = places_[workspace.str()];
  place.stored = stored;
  place.done = done;
  Note(workspace.str());
}

bool LogReader::IsLeftOut(const WorkspaceId& workspace, uint64_t position) const {
  return fault_position_ == position && fault_workspace_ == workspace && faults_ >= options_.tries;
}

absl::Status LogReader::OnFault(const WorkspaceId& workspace, uint64_t position,
                                const absl::Status& fault) {
  if (fault_position_ != position || fault_workspace_ != workspace) faults_ = 0;
  fault_workspace_ = workspace;
  fault_position_ = position;
  ++faults_;
  if (faults_ < options_.tries) return fault;
  LogError("an event is left out by a job", {{"job", job_.name()},
                                             {"workspace", workspace.str()},
                                             {"position", position},
                                             {"error", fault}});
  return absl::OkStatus();
}

absl::Status LogReader::PlanInto(ReadTx& tx, const WorkspaceId& workspace, const LogEntry& entry,
                                 Batch* batch) {
  if (!job_.Wants(entry.type) || IsLeftOut(workspace, entry.position)) return absl::OkStatus();
  v1::Event event;
  if (!event.ParseFromString(entry.bytes)) return absl::InternalError("an event does not parse");
  HEIM_ASSIGN_OR_RETURN(std::vector<LogJob::Step> steps, job_.Plan(tx, workspace, event));
  if (!steps.empty()) batch->events.push_back({entry.position, std::move(steps)});
  return absl::OkStatus();
}

absl::StatusOr<LogReader::Batch> LogReader::ReadBatch(const WorkspaceId& workspace,
                                                      uint64_t after) {
  Batch batch;
  HEIM_RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    batch = Batch();
    batch.until = after;
    HEIM_ASSIGN_OR_RETURN(
        const std::vector<LogEntry> entries,
        tx.log.Read(workspace, after, options_.batch_events, options_.batch_bytes));
    // What is not in the log any more cannot be followed.
    if (entries.empty()) {
      HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace));
      batch.until = head.position;
    }
    size_t steps = 0;
    for (const LogEntry& entry : entries) {
      const absl::Status status = PlanInto(tx, workspace, entry, &batch);
      if (!status.ok()) {
        batch.failed_at = entry.position;
        batch.failure = status;
        break;
      }
      batch.until = entry.position;
      if (!batch.events.empty() && batch.events.back().position == entry.position) {
        steps += batch.events.back().steps.size();
      }
      if (steps >= options_.batch_steps) break;
    }
    return absl::OkStatus();
  }));
  return batch;
}

std::vector<LogReader::Share> LogReader::SharesOf(Batch batch, uint64_t from) const {
  std::vector<Share> shares;
  Share share;
  share.until = from;
  // An event that failed before is tried alone, so that it is known to be the one.
  const size_t events_max = fault_position_ > from ? 1 : batch.events.size();
  for (size_t i = 0; i < batch.events.size(); ++i) {
    Planned& event = batch.events[i];
    // Up to this event there is nothing more to do.
    share.until = std::max(share.until, event.position - 1);
    if (events_max == 1 && !share.steps.empty()) {
      shares.push_back(std::exchange(share, Share{.steps = {}, .until = event.position - 1}));
    }
    for (LogJob::Step& step : event.steps) {
      if (share.steps.size() == options_.draft_steps) {
        shares.push_back(std::exchange(share, Share{.steps = {}, .until = share.until}));
      }
      if (share.steps.empty()) share.position = event.position;
      share.one_event = share.position == event.position;
      share.steps.push_back(std::move(step));
    }
    share.until = event.position;
  }
  share.until = batch.until;
  shares.push_back(std::move(share));
  return shares;
}

absl::Status LogReader::ReadOn(const WorkspaceId& workspace) {
  const Place place = PlaceOf(workspace);
  HEIM_ASSIGN_OR_RETURN(Batch batch, ReadBatch(workspace, place.done));
  const uint64_t failed_at = batch.failed_at;
  const absl::Status failure = batch.failure;
  for (Share& share : SharesOf(std::move(batch), place.done)) {
    if (IsStopping()) return absl::OkStatus();
    const uint64_t position = share.position;
    const bool one_event = share.one_event;
    const absl::Status status = Do(workspace, std::move(share));
    if (status.ok()) continue;
    if (IsPassing(status)) return status;
    // Next time each event by itself, then it shows which one it is.
    if (!one_event) {
      fault_workspace_ = workspace;
      fault_position_ = std::max(position, PlaceOf(workspace).head);
      faults_ = 0;
      return absl::OkStatus();
    }
    return OnFault(workspace, position, status);
  }
  if (failed_at == 0) return absl::OkStatus();
  return IsPassing(failure) ? failure : OnFault(workspace, failed_at, failure);
}

// Steps and cursor in one transaction. Without steps the cursor is stored now and then only.
absl::Status LogReader::Do(const WorkspaceId& workspace, Share share) {
  const Place place = PlaceOf(workspace);
  if (share.steps.empty() && share.until < place.stored + options_.cursor_lag) {
    SetPlace(workspace, place.stored, share.until);
    return absl::OkStatus();
  }
  auto steps = std::make_shared<std::vector<LogJob::Step>>(std::move(share.steps));
  Draft draft;
  const bool has_steps = !steps->empty();
  draft.apply = [this, workspace, steps, from = place.stored,
                 to = share.until](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const bool moved, tx.jobs.Move(job_.name(), workspace, from, to));
    if (!moved) return absl::AbortedError("another reader moved the cursor");
    for (const LogJob::Step& step : *steps) HEIM_RETURN_IF_ERROR(step(tx));
    return absl::OkStatus();
  };
  const absl::Status status = CommitAndWait(std::move(draft));
  if (absl::IsAborted(status)) {
    absl::MutexLock lock(&mutex_);
    loaded_ = false;
    return MakeError(v1::ERROR_REASON_STORE_UNAVAILABLE, "another reader moved the cursor");
  }
  HEIM_RETURN_IF_ERROR(status);
  if (has_steps) job_.Committed();
  SetPlace(workspace, share.until, share.until);
  return absl::OkStatus();
}

absl::Status LogReader::CommitAndWait(Draft draft) {
  absl::Notification done;
  absl::Status status;
  store_.Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
    status = committed.status();
    done.Notify();
  });
  done.WaitForNotification();
  return status;
}

}  // namespace heim
