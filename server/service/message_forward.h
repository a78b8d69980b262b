// Forwarded copies, and what becomes of them when their original is deleted: the first copies are
// erased in the commit that deletes it, the others in commits that follow, also after a restart.
// Any thread; ErasesOf is a function over a transaction, on its thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "heim/v1/message.pb.h"
#include "server/base/clock.h"
#include "server/model/ids.h"
#include "server/service/blob_sweeper.h"
#include "server/store/store.h"

namespace heim {

// Erases up to kForwardsErasedAtOnce copies of the deleted message and emits message.updated for
// each. How many it took.
absl::StatusOr<uint32_t> EraseCopies(WriteTx& tx, const MessageId& original, absl::Time now);

// Erases what is left of copies of deleted messages, commit by commit. Returns at once; all of it
// outlives the store's last commit.
void EraseLeftCopies(Store& store, Clock& clock, BlobSweeper& sweeper);

}  // namespace heim
