#include "server/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace heim {

void CheckFailed(const char* file, int line, std::string_view what) {
  std::fprintf(stderr, "heim: fatal: %s:%d: %.*s\n", file, line, static_cast<int>(what.size()),
               what.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace heim
