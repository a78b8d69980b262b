#include "server/service/blob_sweeper.h"

#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"

namespace heim {
namespace {

constexpr uint32_t kKeysPerTask = 100;

}  // namespace

void BlobSweeper::Sweep() {
  if (!executor_.TryPost([this] { SweepSome(); })) {
    LogWarn("Bytes of deleted files are left until the next sweep: the server has too much to do",
            {});
  }
}

void BlobSweeper::SweepSome() {
  std::vector<std::string> keys;
  const absl::Status read = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(keys, tx.files.DeadBlobs(kKeysPerTask));
    return absl::OkStatus();
  });
  if (!read.ok()) LogWarn("Bytes of deleted files could not be listed", {{"error", read}});
  std::vector<std::string> gone;
  for (std::string& key : keys) {
    const absl::Status deleted = blobs_.Delete(key);
    if (!deleted.ok()) {
      LogWarn("Bytes of a deleted file could not be deleted", {{"error", deleted}});
      continue;
    }
    gone.push_back(std::move(key));
  }
  if (!gone.empty()) Forget(std::move(gone));
}

void BlobSweeper::Forget(std::vector<std::string> keys) {
  const bool more = keys.size() == kKeysPerTask;
  Draft draft;
  draft.apply = [keys = std::move(keys)](WriteTx& tx) -> absl::Status {
    for (const std::string& key : keys) HEIM_RETURN_IF_ERROR(tx.files.ForgetDeadBlob(key));
    return absl::OkStatus();
  };
  store_.Commit(std::move(draft), [this, more](const absl::StatusOr<Committed>& committed) {
    if (!committed.ok()) {
      LogWarn("Deleted bytes could not be noted", {{"error", committed.status()}});
    } else if (more) {
      Sweep();
    }
  });
}

}  // namespace heim
