// HEIM_CHECK, HEIM_DCHECK and HEIM_FATAL: a bug of ours stops the process with file and line.
// Never for input, the network or the content of a row. Any thread; needs no set-up, so it also
// works before logging is there.
#pragma once

#include <string_view>

namespace heim {

// Writes one line to stderr and aborts. `what` must not carry secrets.
[[noreturn]] void CheckFailed(const char* file, int line, std::string_view what);

}  // namespace heim

#define HEIM_CHECK(...)                                                       \
  do {                                                                        \
    if (__builtin_expect(!(__VA_ARGS__), 0)) {                                \
      ::heim::CheckFailed(__FILE__, __LINE__, "check failed: " #__VA_ARGS__); \
    }                                                                         \
  } while (false)

#ifdef NDEBUG
#define HEIM_DCHECK(...)                                                 \
  do {                                                                   \
    if (false && static_cast<bool>(__VA_ARGS__)) { /* type-check only */ \
    }                                                                    \
  } while (false)
#else
#define HEIM_DCHECK(...) HEIM_CHECK(__VA_ARGS__)
#endif

#define HEIM_FATAL(text) ::heim::CheckFailed(__FILE__, __LINE__, text)
