// ProblemBook gathers what an archive's reader left out or changed: the first of each kind with
// their places, and the number of each at the end. Owned by a reader; one thread; never blocks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/transfer/record_source.h"

namespace heim {

class ProblemBook {
 public:
  // `what` is a sentence of its own kind, `detail` what is special about this one.
  void Note(const std::string& what, std::string_view place, std::string_view detail = {});
  // Only to be counted.
  void Count(const std::string& what, uint64_t n = 1);
  // Adds the numbers; once, at the end.
  void Close();

  std::vector<SourceProblem> Take();

 private:
  struct Kind {
    uint64_t count = 0;
    bool shown = false;
  };
  // So that each kind finds room among the problems that an import keeps.
  static constexpr uint64_t kShownOfKind = 5;
  static constexpr size_t kKindsMax = 200;

  Kind& KindOf(const std::string& what);

  std::map<std::string, Kind> kinds_;
  Kind others_;
  std::vector<SourceProblem> waiting_;
};

}  // namespace heim
