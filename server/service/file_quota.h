// FileQuota is how many bytes of files an actor and its workspace keep, as one transaction sees it,
// against what they may keep. A value; Of blocks on the database, same thread as the transaction.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/file_service.pb.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

// In bytes; 0: none.
struct FileQuotas {
  int64_t actor_bytes = 0;      // HEIM_FILE_QUOTA_ACTOR, of each actor in each workspace
  int64_t workspace_bytes = 0;  // HEIM_FILE_QUOTA_WORKSPACE, of each workspace
};

class FileQuota {
 public:
  static absl::StatusOr<FileQuota> Of(ReadTx& tx, const FileQuotas& quotas,
                                      const WorkspaceId& workspace, const ActorId& actor);

  // Whether as many bytes more may be kept. QUOTA_EXCEEDED, with what is used and how much may be.
  absl::Status CheckMore(int64_t bytes) const;
  // The same when those bytes are counted already.
  absl::Status CheckCounted(int64_t bytes) const;

  const v1::FileUsage& actor() const { return actor_; }
  const v1::FileUsage& workspace() const { return workspace_; }

 private:
  v1::FileUsage actor_;
  v1::FileUsage workspace_;
};

}  // namespace heim
