#include "server/store/sqlite/checkpointer.h"

#include <utility>

#include "absl/time/time.h"
#include "server/base/log.h"

namespace heim {
namespace {

constexpr int kFramesPerPass = 1000;  // 4 MiB
// The log goes on from its start only when all of it is in the file, which a busy writer never lets
// happen: at this length it waits for one pass.
constexpr int kMaxFrames = 16 * 1024;  // 64 MiB
constexpr absl::Duration kLongestWait = absl::Seconds(2);

}  // namespace

Checkpointer::Checkpointer(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)), thread_([this] { Run(); }) {}

Checkpointer::~Checkpointer() { Stop(); }

void Checkpointer::OnCommit(int wal_frames) {
  absl::MutexLock lock(&mutex_);
  frames_ = wal_frames;
  if (frames_ < seen_) seen_ = 0;  // the log began anew
  if (frames_ < kMaxFrames || stopping_) return;
  writer_waits_ = true;
  const auto served = [](Checkpointer* self) { return !self->writer_waits_; };
  mutex_.AwaitWithTimeout(absl::Condition(+served, this), kLongestWait);
  writer_waits_ = false;
}

void Checkpointer::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  thread_.join();
  // Readers may still hold it; then the log is read again at the next start.
  connection_->RunCheckpoint(/*truncate=*/true).IgnoreError();
}

bool Checkpointer::HasWorkOrStops() const {
  return stopping_ || writer_waits_ || frames_ - seen_ >= kFramesPerPass;
}

void Checkpointer::Run() {
  while (true) {
    bool served = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Checkpointer::HasWorkOrStops));
      if (stopping_) return;
      served = writer_waits_;
      seen_ = frames_;
    }
    const auto checkpoint = connection_->RunCheckpoint(/*truncate=*/false);
    if (!checkpoint.ok()) LogWarn("A checkpoint failed", {{"error", checkpoint.status()}});
    if (served) {
      absl::MutexLock lock(&mutex_);
      writer_waits_ = false;
    }
  }
}

}  // namespace heim
