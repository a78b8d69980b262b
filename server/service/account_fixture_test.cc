// The one place where tests of services name a driver.
#include <utility>

#include "server/service/account_fixture.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {

absl::StatusOr<std::unique_ptr<Store>> OpenStoreInMemory(const Clock& clock) {
  SqliteStore::Options options;
  options.path = ":memory:";
  return SqliteStore::Create(std::move(options), clock);
}

}  // namespace heim
