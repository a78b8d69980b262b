// TestCluster is a PostgreSQL server for tests, made for this program and gone with it: a child
// process (tests/support/postgres_cluster.py) starts it and watches over it. For tests only, run
// from the root of the source tree; one thread. Every call blocks.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

class TestCluster {
 public:
  // The one of this process, started by the first call. Ends the process, with the reason, when
  // there is no PostgreSQL to be had.
  static TestCluster& Shared();
  ~TestCluster();

  // The URL of an empty schema of that name.
  std::string UrlOf(std::string_view schema);
  // A name that no other schema has.
  std::string NewSchema();

  void Start() { Command("start"); }
  // "fast" as a restart does it, "immediate" as a crash does.
  void Stop(std::string_view mode) { Command("stop", mode); }

 private:
  TestCluster();
  std::string Answer();
  void Command(std::string_view command, std::string_view argument = "");

  int child_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
  std::string url_;
  int schemas_ = 0;
};

}  // namespace heim
