#include "server/store/sqlite/faulty_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <new>
#include <string_view>

namespace heim {
namespace {

std::atomic<DiskFault> current_fault{DiskFault::kNone};

// A file of the default VFS behind one of ours; the real one follows in the same allocation.
struct File {
  sqlite3_file base;
  bool is_log;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Of(file).real(); }
sqlite3_vfs* RealVfs(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

int Close(sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); }
int Read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return Real(f)->pMethods->xRead(Real(f), to, n, at);
}
int Write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  if (Of(f).is_log && current_fault == DiskFault::kFull) return SQLITE_FULL;
  if (Of(f).is_log && current_fault == DiskFault::kWriteFails) return SQLITE_IOERR_WRITE;
  return Real(f)->pMethods->xWrite(Real(f), from, n, at);
}
int Truncate(sqlite3_file* f, sqlite3_int64 n) { return Real(f)->pMethods->xTruncate(Real(f), n); }
int Sync(sqlite3_file* f, int flags) {
  if (Of(f).is_log && current_fault == DiskFault::kSyncFails) return SQLITE_IOERR_FSYNC;
  return Real(f)->pMethods->xSync(Real(f), flags);
}
int FileSize(sqlite3_file* f, sqlite3_int64* n) { return Real(f)->pMethods->xFileSize(Real(f), n); }
int Lock(sqlite3_file* f, int how) { return Real(f)->pMethods->xLock(Real(f), how); }
int Unlock(sqlite3_file* f, int how) { return Real(f)->pMethods->xUnlock(Real(f), how); }
int CheckReserved(sqlite3_file* f, int* out) {
  return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
}
int Control(sqlite3_file* f, int op, void* arg) {
  return Real(f)->pMethods->xFileControl(Real(f), op, arg);
}
int SectorSize(sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); }
int Traits(sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); }
int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** to) {
  return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, to);
}
int ShmLock(sqlite3_file* f, int offset, int n, int flags) {
  return Real(f)->pMethods->xShmLock(Real(f), offset, n, flags);
}
void ShmBarrier(sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); }
int ShmUnmap(sqlite3_file* f, int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); }

const sqlite3_io_methods kMethods = {2,          Close,      Read,    Write,  Truncate,
                                     Sync,       FileSize,   Lock,    Unlock, CheckReserved,
                                     Control,    SectorSize, Traits,  ShmMap, ShmLock,
                                     ShmBarrier, ShmUnmap,   nullptr, nullptr};

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  File* const own = new (file) File{};
  own->is_log = (flags & SQLITE_OPEN_WAL) != 0;
  const int code = RealVfs(vfs)->xOpen(RealVfs(vfs), name, own->real(), flags, out_flags);
  own->base.pMethods = own->real()->pMethods == nullptr ? nullptr : &kMethods;
  return code;
}

// The rest goes to the default VFS as it is; its functions look at their own VFS for nothing but
// the size of files.
sqlite3_vfs* Register() {
  sqlite3_vfs* const real = sqlite3_vfs_find(nullptr);
  auto* const vfs = new sqlite3_vfs(*real);
  vfs->zName = "heim-faulty";
  vfs->pNext = nullptr;
  vfs->pAppData = real;
  vfs->szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  vfs->xOpen = Open;
  sqlite3_vfs_register(vfs, 0);
  return vfs;
}

}  // namespace

std::string FaultyVfs::Name() {
  static sqlite3_vfs* const vfs = Register();
  return vfs->zName;
}

void FaultyVfs::Set(DiskFault fault) { current_fault = fault; }

}  // namespace heim
