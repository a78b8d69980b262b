// The part of SqliteSearchIndex that answers: a query becomes an expression of FTS5 made of quoted
// words alone, with the caller's channels in it or checked row by row.
#include <algorithm>
#include <limits>

#include "absl/strings/str_join.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/store/sql_values.h"
#include "server/store/sqlite/search_index.h"

namespace heim {

struct SqliteSearchIndex::Scope {
  SearchRights rights;
  std::vector<int64_t> channels;  // numbers, of those that hold anything
  std::vector<int64_t> authors;
  int64_t workspace = 0;
  int64_t thread = 0;
  bool empty = false;  // nothing can be found
  // Whether the channels stand in the expression: looking at each hit would mean to look at many
  // that the caller may not read.
  bool narrow = false;
};

namespace {

// Below so many channels they always go into the expression; above the other bound never.
constexpr size_t kFewChannels = 8;
constexpr size_t kManyChannels = 512;
// And in between when they hold less than this part of all messages.
constexpr int64_t kSmallPart = 8;
// A hit whose row was moved by very many messages at the same moment.
constexpr int64_t kSlackMs = 1000;
constexpr int64_t kPlacesPerMs = 1024;

constexpr char kFindNewest[] =
    "SELECT m.id, m.place, 0.0 FROM found CROSS JOIN messages m ON m.place = found.rowid "
    "WHERE found MATCH $1 AND found.rowid >= $2 AND found.rowid < $3 "
    "AND heim_may(m.channel, m.seq) ORDER BY found.rowid DESC LIMIT $4";
constexpr char kFindRanked[] =
    "SELECT m.id, m.place, heim_score(found, m.words) "
    "FROM found CROSS JOIN messages m ON m.place = found.rowid "
    "WHERE found MATCH $1 AND found.rowid >= $2 AND found.rowid < $3 "
    "AND heim_may(m.channel, m.seq) ORDER BY found.rowid DESC LIMIT $4";

// A word has neither quotation marks nor spaces in it: SearchTokens makes none.
std::string Quoted(const SearchTerm& term) {
  return StrCat("words : \"", absl::StrJoin(term.words, " "), "\"", term.prefix ? " *" : "");
}

std::string Key(char kind, int64_t number) {
  return StrCat("keys : \"", std::string(1, kind), number, "\"");
}

std::string AnyKey(char kind, const std::vector<int64_t>& numbers) {
  std::vector<std::string> keys;
  keys.reserve(numbers.size());
  for (const int64_t number : numbers) {
    keys.push_back(StrCat("\"", std::string(1, kind), number, "\""));
  }
  return StrCat("keys : (", absl::StrJoin(keys, " OR "), ")");
}

void AddFlags(uint32_t flags, std::vector<std::string>* parts) {
  for (uint32_t flag = 1; flag != 0 && flag <= flags; flag <<= 1) {
    if ((flags & flag) != 0) parts->push_back(Key('f', flag));
  }
}

bool IsBetter(const IndexHit& a, const IndexHit& b) {
  return a.score != b.score ? a.score > b.score : a.place > b.place;
}

}  // namespace

SqliteSearchIndex::Scope SqliteSearchIndex::ScopeOf(const IndexSearch& search) const {
  const SearchQuery& query = search.query;
  const auto holds = [](const std::vector<std::string>& list, const std::string& id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  Scope scope;
  scope.workspace = KnownNumber('w', search.workspace_id.str());
  if (query.thread.has_value()) scope.thread = KnownNumber('t', *query.thread);
  const std::vector<std::string>& from = query.from.empty() ? query.also_from : query.from;
  for (const std::string& id : from) {
    const int64_t number = KnownNumber('a', id);
    const bool both = query.also_from.empty() || holds(query.also_from, id);
    if (number != 0 && both) scope.authors.push_back(number);
  }
  int64_t readable = 0;
  int64_t total = 0;
  {
    absl::MutexLock lock(&mutex_);
    total = numbers_.total;
    for (const IndexChannel& channel : search.channels) {
      const std::string& id = channel.id.str();
      const bool in = (query.in.empty() || holds(query.in, id)) &&
                      (query.also_in.empty() || holds(query.also_in, id));
      if (!in || holds(query.not_in, id)) continue;
      const auto number = numbers_.of.find(StrCat("c", id));
      if (number == numbers_.of.end()) continue;
      const auto messages = numbers_.messages.find(number->second);
      if (messages == numbers_.messages.end() || messages->second <= 0) continue;
      scope.rights[number->second] = channel.from_seq;
      scope.channels.push_back(number->second);
      readable += messages->second;
    }
  }
  scope.empty = scope.workspace == 0 || scope.channels.empty() ||
                (query.thread.has_value() && scope.thread == 0) ||
                (!from.empty() && scope.authors.empty());
  scope.narrow = scope.channels.size() <= kFewChannels ||
                 (scope.channels.size() <= kManyChannels && readable < total / kSmallPart);
  return scope;
}

std::string SqliteSearchIndex::ExpressionOf(const IndexSearch& search, const Scope& scope) const {
  const SearchQuery& query = search.query;
  std::vector<std::string> all;
  std::vector<std::string> none;
  for (const SearchTerm& term : query.terms) (term.negated ? none : all).push_back(Quoted(term));
  if (!scope.authors.empty()) all.push_back(AnyKey('a', scope.authors));
  if (scope.thread != 0) all.push_back(Key('t', scope.thread));
  AddFlags(query.flags, &all);
  if (scope.narrow) all.push_back(AnyKey('c', scope.channels));
  if (all.empty()) all.push_back(Key('w', scope.workspace));
  AddFlags(query.not_flags, &none);
  for (const std::string& id : query.not_from) {
    const int64_t number = KnownNumber('a', id);
    if (number != 0) none.push_back(Key('a', number));
  }
  const std::string found = StrCat("(", absl::StrJoin(all, ") AND ("), ")");
  if (none.empty()) return found;
  return StrCat("(", found, ") NOT ((", absl::StrJoin(none, ") OR ("), "))");
}

absl::StatusOr<IndexAnswer> SqliteSearchIndex::Find(const IndexSearch& search) {
  Scope scope = ScopeOf(search);
  IndexAnswer answer;
  if (scope.empty) return answer;
  const std::string expression = ExpressionOf(search, scope);
  const bool ranked = search.order == v1::SEARCH_ORDER_RELEVANCE;
  const SearchQuery& query = search.query;
  constexpr int64_t kNewest = std::numeric_limits<int64_t>::max();
  int64_t before = search.newest != 0 ? search.newest + 1 : kNewest;
  if (query.before_ms.has_value()) {
    before = std::min(before, (*query.before_ms + kSlackMs) * kPlacesPerMs);
  }
  if (!ranked && search.after.has_value()) before = std::min(before, search.after->place);
  const int64_t from = query.after_ms.has_value() ? *query.after_ms * kPlacesPerMs : 0;

  HEIM_ASSIGN_OR_RETURN(Readers::Loan loan, readers_->Take());
  Reader& reader = loan.connection();
  if (reader.connection == nullptr) return absl::UnavailableError("the index is being replaced");
  reader.rights = std::move(scope.rights);
  std::vector<IndexHit>& hits = answer.hits;
  const absl::Status status = reader.connection->Query(
      ranked ? kFindRanked : kFindNewest,
      {SqlText(expression), SqlValue(from), SqlValue(before),
       SqlInt(ranked ? kSearchRankedMax : search.limit)},
      [&](const SqlRow& row) {
        IndexHit hit{MessageId(row.Text(0)), row.Real(2), row.Int(1)};
        answer.newest = std::max(answer.newest, hit.place);
        // An earlier page ended here.
        if (!ranked || !search.after.has_value() || IsBetter(*search.after, hit)) {
          hits.push_back(std::move(hit));
        }
        return absl::OkStatus();
      });
  if (absl::IsInternal(status)) {
    LogError("The search index is damaged", {{"error", status}});
    damaged_ = true;
    return absl::UnavailableError("the search index is damaged");
  }
  HEIM_RETURN_IF_ERROR(status);
  if (!ranked) return answer;
  const size_t wanted = std::min<size_t>(search.limit, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(wanted), hits.end(),
                    IsBetter);
  hits.resize(wanted);
  return answer;
}

}  // namespace heim
