// The one place where tests of services name a driver.
#include <utility>

#include "server/base/status_macros.h"
#include "server/service/account_fixture.h"
#include "server/store/rehearsing_store.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {

absl::StatusOr<std::unique_ptr<Store>> OpenStoreInMemory(const Clock& clock) {
  SqliteStore::Options options;
  options.path = ":memory:";
  HEIM_ASSIGN_OR_RETURN(auto store, SqliteStore::Create(std::move(options), clock));
  return std::make_unique<RehearsingStore>(std::move(store));
}

}  // namespace heim
