// FaultyVfs is SQLite's default VFS with a disk that fails on demand: writing or syncing the
// write-ahead log. For tests only. Thread-safe; lives as long as the process, because SQLite keeps
// what is registered.
#pragma once

#include <string>

namespace heim {

enum class DiskFault {
  kNone,
  kFull,        // no room for the log
  kSyncFails,   // the log cannot be made durable
  kWriteFails,  // the disk is broken
};

class FaultyVfs {
 public:
  // Registers it at the first call.
  static std::string Name();
  static void Set(DiskFault fault);
};

}  // namespace heim
