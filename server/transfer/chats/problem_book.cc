#include "server/transfer/chats/problem_book.h"

#include <utility>

#include "server/base/strings.h"

namespace heim {

ProblemBook::Kind& ProblemBook::KindOf(const std::string& what) {
  const auto at = kinds_.find(what);
  if (at != kinds_.end()) return at->second;
  return kinds_.size() == kKindsMax ? others_ : kinds_[what];
}

void ProblemBook::Note(const std::string& what, std::string_view place, std::string_view detail) {
  Kind& kind = KindOf(what);
  kind.shown = true;
  if (++kind.count > kShownOfKind || waiting_.size() == RecordSource::kProblemsHeld) return;
  waiting_.push_back({std::string(place), detail.empty() ? what : StrCat(what, ": ", detail)});
}

void ProblemBook::Count(const std::string& what, uint64_t n) { KindOf(what).count += n; }

void ProblemBook::Close() {
  for (const auto& [what, kind] : kinds_) {
    if (kind.count == 0 || (kind.shown && kind.count <= kShownOfKind)) continue;
    if (waiting_.size() == RecordSource::kProblemsHeld) break;
    waiting_.push_back({"archive", StrCat(what, " (", kind.count, " in all)")});
  }
}

std::vector<SourceProblem> ProblemBook::Take() { return std::exchange(waiting_, {}); }

}  // namespace heim
