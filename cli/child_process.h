// ChildProcess runs a program with its stdin and stdout on pipes; stderr stays the caller's.
// WriteLine may be called by one thread and Read by another; both block.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heim {

class ChildProcess {
 public:
  // An empty command stands for this terminal: lines go to our stdout, replies come from our stdin.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& command);
  // Closes the pipes and waits for the program's end.
  ~ChildProcess();

  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Adds the newline. UNAVAILABLE when the program no longer reads.
  absl::Status WriteLine(std::string_view line);

  // What the program printed next, at most 16 KiB; empty at its end.
  std::string Read();

 private:
  ChildProcess(pid_t pid, int in, int out) : pid_(pid), in_(in), out_(out) {}

  const pid_t pid_;  // 0: this terminal
  const int in_;
  const int out_;
};

}  // namespace heim
