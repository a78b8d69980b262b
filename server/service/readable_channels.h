// ReadableChannels are the channels in which a caller may find something, and from where on: the
// same answer as AccessChannel gives for each. Blocks on one read of the transaction.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/model/caller.h"
#include "server/store/search_rows.h"
#include "server/store/store.h"

namespace heim {

struct ReadableChannel {
  StandingRow channel;
  uint64_t from_seq = 0;  // of the oldest message that the caller may read
};

// What Check answers for the right to search.
absl::StatusOr<std::vector<ReadableChannel>> ReadableChannels(ReadTx& tx, const Caller& caller);

}  // namespace heim
