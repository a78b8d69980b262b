#include "server/service/import_runner.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/service/file_upload.h"

namespace heim {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(5);
// Archives of dry runs go when nobody has called for so long.
constexpr absl::Duration kLookAfter = absl::Hours(1);
constexpr uint32_t kArchivesAtOnce = 50;

}  // namespace

void ImportRunner::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void ImportRunner::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void ImportRunner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void ImportRunner::Loop() {
  absl::Duration wait = kLookAfter;
  while (!stopping_) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &ImportRunner::Called), wait);
      woken_ = false;
    }
    if (stopping_) return;
    wait = RunAll() ? kLookAfter : kRetryAfter;
    if (!stopping_) DropArchives();
  }
}

bool ImportRunner::RunAll() {
  std::vector<std::string> ids;
  const absl::Status listed = tools_.pictures.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(ids, tx.imports.Running());
    return absl::OkStatus();
  });
  bool all = listed.ok();
  for (const std::string& id : ids) {
    if (stopping_) return true;
    ImportRow row;
    absl::Status status = tools_.pictures.store.Read([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(row, tx.imports.Get(id));
      return absl::OkStatus();
    });
    if (status.ok()) status = ImportRun(tools_, std::move(row), stopping_).Go();
    if (status.ok()) continue;
    if (stopping_) return true;
    LogWarn("An import was interrupted and is tried again", {{"id", id}, {"error", status}});
    all = false;
  }
  return all;
}

void ImportRunner::DropArchives() {
  std::vector<ImportRow> rows;
  const absl::Time now = tools_.pictures.clock.Now();
  const absl::Status listed = tools_.pictures.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(rows, tx.imports.Outlived(now, kArchivesAtOnce));
    return absl::OkStatus();
  });
  if (!listed.ok()) return;
  for (const ImportRow& row : rows) {
    if (!StorageFault(tools_.pictures.blobs.Delete(row.archive_key)).ok()) return;
    absl::Notification done;
    Draft draft;
    draft.apply = [&row](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(ImportRow stored, tx.imports.Get(row.import.id()));
      stored.archive_key.clear();
      return tx.imports.Update(stored);
    };
    tools_.pictures.store.Commit(std::move(draft),
                                 [&done](const absl::StatusOr<Committed>&) { done.Notify(); });
    done.WaitForNotification();
  }
}

}  // namespace heim
