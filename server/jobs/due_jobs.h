// DueJobs does work at the time it is due: it asks for the earliest due time, waits for it by a
// timer, has the work done in batches, and asks again. What fell due while the server was down is
// done at the start. Owned by app, one for each kind of work; the Executor, the Timers and whatever
// the two functions use outlive it. Thread-safe. Wake never blocks; Stop blocks until the batch
// under way is done.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/timers.h"

namespace heim {

struct DueWork {
  // Called once, from any thread, when the batch is durable: with the number of items that are no
  // longer due. An error, or 0 although something was due, is tried again after a growing delay.
  using Done = absl::AnyInvocable<void(absl::StatusOr<int>)>;

  std::string name;  // for the log
  // Earliest due time of what waits, nullopt when nothing does. On the Executor; may block for a
  // bounded read.
  std::function<absl::StatusOr<std::optional<absl::Time>>()> next_due;
  // Does what is due at `now`, a bounded batch of it, the rest comes in the next call. An item that
  // fails for good is for the work to mark as such, so that it is not due for ever. On the
  // Executor, never two at a time; may block for bounded reads and commits with a continuation.
  std::function<void(absl::Time now, Done done)> run;
};

class DueJobs {
 public:
  struct Dependencies {
    Clock& clock;
    Timers& timers;
    Executor& executor;
  };

  DueJobs(Dependencies dependencies, DueWork work);
  ~DueJobs();

  DueJobs(const DueJobs&) = delete;
  DueJobs& operator=(const DueJobs&) = delete;

  // Looks for what is due already, then waits. Once.
  void Start();

  // Something due at `when` was committed, or moved there: for continuations of commits. What is
  // due later than what is waited for changes nothing. Before Start and after Stop: nothing.
  void Wake(absl::Time when);

  // Begins nothing more and waits for the batch under way; not from a callback of the work. The
  // Executor and the store still run meanwhile.
  void Stop();

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

}  // namespace heim
