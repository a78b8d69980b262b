// BlobSweeper deletes the bytes of files that are gone from the rows: a commit puts their keys into
// the store, a task on the Executor takes them out of the blob store. What a stop or a fault leaves
// undone is done at the next sweep, and there is one at every start.
// Owned by app. Thread-safe; Sweep never blocks.
#pragma once

#include <string>
#include <vector>

#include "server/base/executor.h"
#include "server/blob/blob.h"
#include "server/store/store.h"

namespace heim {

class BlobSweeper {
 public:
  // All of it outlives the Executor's last task and the store's last commit.
  BlobSweeper(Store& store, BlobStore& blobs, Executor& executor)
      : store_(store), blobs_(blobs), executor_(executor) {}

  void Sweep();

 private:
  void SweepSome();
  void Forget(std::vector<std::string> keys);

  Store& store_;
  BlobStore& blobs_;
  Executor& executor_;
};

}  // namespace heim
