// ExportWalk goes through what an export holds, one bounded read after the other, and makes the
// bytes of its archive. Owned by the download; one thread at a time. Next blocks on the store and
// on the blob store: on the Executor for files only.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/blob/blob.h"
#include "server/model/caller.h"
#include "server/store/store.h"
#include "server/transfer/record_source.h"

namespace heim {

class ExportWalk {
 public:
  virtual ~ExportWalk() = default;
  // Appends the next bytes, perhaps none yet; false after the last.
  virtual absl::StatusOr<bool> Next(std::string* out) = 0;
};

// What exports stand on; outlives them.
struct ExportTools {
  Store& store;
  BlobStore& blobs;
  const RecordCodec& codec;
};

struct ExportOrder {
  Caller caller;  // its workspace is the one that is exported
  absl::Time at;
  std::string server_version;
};

// Everything of the workspace. The caller's right is read again with every page.
std::unique_ptr<ExportWalk> WalkWorkspace(const ExportTools& tools, ExportOrder order);

// What belongs to the caller in the workspace.
std::unique_ptr<ExportWalk> WalkActor(const ExportTools& tools, ExportOrder order);

}  // namespace heim
