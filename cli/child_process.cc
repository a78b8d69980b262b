#include "cli/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace heim {
namespace {

constexpr size_t kReadMaxBytes = 16 * 1024;

struct Pipe {
  int read = -1;
  int write = -1;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, "a pipe could not be made");
  }
  return Pipe{ends[0], ends[1]};
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& command) {
  if (command.empty()) {
    return std::unique_ptr<ChildProcess>(new ChildProcess(0, STDOUT_FILENO, STDIN_FILENO));
  }
  auto in = MakePipe();
  if (!in.ok()) return in.status();
  auto out = MakePipe();
  if (!out.ok()) return out.status();
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in->read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out->write, STDOUT_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in->read);
  close(out->write);
  if (error != 0) {
    close(in->write);
    close(out->read);
    return absl::NotFoundError(
        absl::StrCat("\"", command[0], "\" could not be run: ", std::strerror(error)));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, in->write, out->read));
}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  close(in_);
  close(out_);
  waitpid(pid_, nullptr, 0);
}

absl::Status ChildProcess::WriteLine(std::string_view line) {
  std::string text(line);
  text += '\n';
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = write(in_, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return absl::UnavailableError("the program no longer reads its input");
    done += static_cast<size_t>(wrote);
  }
  return absl::OkStatus();
}

std::string ChildProcess::Read() {
  std::string bytes(kReadMaxBytes, '\0');
  while (true) {
    const ssize_t got = read(out_, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
  }
}

}  // namespace heim
