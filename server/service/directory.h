// The directory of a workspace, page by page, the same for ListActors and ListAgents. A function;
// blocks on a read of the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "server/model/caller.h"
#include "server/store/store.h"

namespace heim {

struct DirectoryQuery {
  ActorFilter filter;  // what is asked for; the rest is filled in here
  uint32_t limit = 0;
  std::string cursor;
};

struct DirectoryPage {
  std::vector<v1::Actor> actors;
  std::string next_cursor;  // empty: the last page
};

// By username. Guests see those that they share a channel with. INVALID_CURSOR, also for a cursor
// of another query; INVALID_ARGUMENT for the limit; what Check answers.
absl::StatusOr<DirectoryPage> ListDirectory(Store& store, const Caller& caller,
                                            DirectoryQuery query);

}  // namespace heim
