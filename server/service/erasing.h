// One bounded step of an erasure: what others see go is erased with events, the rest in silence.
// A function over a WriteTx, run by the job of erasures; same thread as the transaction.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/store/store.h"

namespace heim {

// Goes on where the row stands and writes it. The last stage ends the erasure only when no bytes of
// files and no forwarded copies are left anywhere: BytesAreLeft says whether it has to wait.
absl::Status StepErasure(WriteTx& tx, ErasureRow row, absl::Time now);

absl::StatusOr<bool> BytesAreLeft(ReadTx& tx);

}  // namespace heim
