// The forwarders are hidden, so that neither libpq itself nor anything else in the process binds to
// them.
#pragma GCC visibility push(hidden)
#include <postgresql/libpq-fe.h>

static PGresult* UnlessLost(PGconn* connection, PGresult* result);

#define HEIM_PQ(result, name, parameters, arguments) \
  static result(*loaded_##name) parameters;          \
  extern "C" result name parameters { return loaded_##name arguments; }
#define HEIM_PQ_RESULT(name, parameters, arguments) \
  static PGresult*(*loaded_##name)parameters;       \
  extern "C" PGresult* name parameters { return UnlessLost(a, loaded_##name arguments); }
#include "server/store/postgres/libpq_functions.inc"
#undef HEIM_PQ
#undef HEIM_PQ_RESULT

// libpqxx 6.4 asks for the encoding of the connection before it takes hold of a result: when the
// connection is lost it throws there, and the result, which only says the same, would leak.
static PGresult* UnlessLost(PGconn* connection, PGresult* result) {
  if (result == nullptr || loaded_PQstatus(connection) != CONNECTION_BAD) return result;
  loaded_PQclear(result);
  return nullptr;
}
#pragma GCC visibility pop

#include <dlfcn.h>

#include "server/base/strings.h"
#include "server/store/postgres/libpq.h"

namespace heim {
namespace {

struct Function {
  const char* name;
  void** loaded;
};

#define HEIM_PQ(result, name, parameters, arguments) \
  {#name, reinterpret_cast<void**>(&loaded_##name)},
#define HEIM_PQ_RESULT(name, parameters, arguments) HEIM_PQ(PGresult*, name, parameters, arguments)
const Function kFunctions[] = {
#include "server/store/postgres/libpq_functions.inc"
};
#undef HEIM_PQ
#undef HEIM_PQ_RESULT

}  // namespace

absl::Status internal::LoadLibpqFrom(const char* library) {
  void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return absl::FailedPreconditionError(StrCat("PostgreSQL needs the library ", library,
                                                ", which is not on this machine: install libpq5 (",
                                                dlerror(), ")"));
  }
  for (const Function& function : kFunctions) {
    *function.loaded = dlsym(handle, function.name);
    if (*function.loaded == nullptr) {
      return absl::FailedPreconditionError(
          StrCat("the library ", library, " has no ", function.name, ": install a newer libpq5"));
    }
  }
  return absl::OkStatus();
}

absl::Status LoadLibpq() {
  static const absl::Status loaded = internal::LoadLibpqFrom("libpq.so.5");
  return loaded;
}

}  // namespace heim
