// What the search index adds to SQLite's functions on a connection: heim_may(channel, seq), the
// caller's rights inside the query, and heim_score(index, words), how densely a message holds what
// is looked for. Used by the thread that uses the connection.
#pragma once

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

struct sqlite3;

namespace heim {

// Numbers of channels, each with the oldest seq that may be read.
using SearchRights = absl::flat_hash_map<int64_t, uint64_t>;

// `rights` outlives the connection and may change between queries.
absl::Status AddSearchFunctions(sqlite3* db, const SearchRights& rights);

}  // namespace heim
