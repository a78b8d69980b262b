#include "server/store/postgres/test_cluster.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "server/base/check.h"
#include "server/base/strings.h"
#include "server/store/postgres/connection.h"
#include "server/store/postgres/libpq.h"

extern char** environ;

namespace heim {
namespace {

[[noreturn]] void GiveUp(std::string_view why) {
  std::cerr << "no PostgreSQL for the tests: " << why << std::endl;
  std::_Exit(1);
}

}  // namespace

TestCluster& TestCluster::Shared() {
  static TestCluster cluster;
  return cluster;
}

TestCluster::TestCluster() {
  int to[2];
  int from[2];
  HEIM_CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  std::string words[] = {"python3", "tests/support/postgres_cluster.py"};
  char* const arguments[] = {words[0].data(), words[1].data(), nullptr};
  const int error = posix_spawnp(&child_, "python3", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(to[0]);
  close(from[1]);
  if (error != 0) GiveUp("python3 cannot be started");
  to_ = fdopen(to[1], "w");
  from_ = fdopen(from[0], "r");
  const std::string answer = Answer();
  if (!StartsWith(answer, "ready ")) GiveUp(answer);
  url_ = answer.substr(6);
  if (const absl::Status loaded = LoadLibpq(); !loaded.ok()) GiveUp(ToStd(loaded.message()));
}

// Its end of the pipe tells the child to end the cluster.
TestCluster::~TestCluster() {
  fclose(to_);
  fclose(from_);
  waitpid(child_, nullptr, 0);
}

std::string TestCluster::Answer() {
  std::string line;
  for (int c = fgetc(from_); c != EOF && c != '\n'; c = fgetc(from_)) line += static_cast<char>(c);
  return line;
}

void TestCluster::Command(std::string_view command, std::string_view argument) {
  const std::string line = StrCat(command, " ", argument, "\n");
  HEIM_CHECK(fputs(line.c_str(), to_) >= 0 && fflush(to_) == 0);
  const std::string answer = Answer();
  if (!StartsWith(answer, "ok")) GiveUp(answer);
}

std::string TestCluster::NewSchema() {
  const std::string name = StrCat("heim", ++schemas_);
  const auto address = ParsePostgresUrl(url_);
  const auto connection = PostgresConnection::Open(*address);
  if (!connection.ok()) GiveUp(ToStd(connection.status().message()));
  HEIM_CHECK((*connection)->Run(StrCat("CREATE SCHEMA ", name)).ok());
  return name;
}

std::string TestCluster::UrlOf(std::string_view schema) {
  return StrCat(url_, "&options=-csearch_path%3D", schema);
}

}  // namespace heim
