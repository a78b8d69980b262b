// What somebody looks for: a small language of words, phrases and filters, parsed here and nowhere
// else, so that nothing of what was typed is ever taken for the syntax of an index. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/message.pb.h"
#include "heim/v1/search.pb.h"

namespace heim {

// Words that stand next to each other, in this order.
struct SearchTerm {
  std::vector<std::string> words;  // as SearchTokens makes them; at least one
  bool prefix = false;             // the last one is the beginning of a word
  bool negated = false;
};

struct SearchQuery {
  std::vector<SearchTerm> terms;  // all of them
  // Of each list one; names as they were typed, without @ and #, until a service puts ids there.
  // An empty list filters nothing. Of two lists about the same both must hold.
  std::vector<std::string> from;
  std::vector<std::string> also_from;
  std::vector<std::string> in;
  std::vector<std::string> also_in;
  std::vector<std::string> not_from;
  std::vector<std::string> not_in;
  std::optional<int64_t> after_ms;   // then or later, UTC
  std::optional<int64_t> before_ms;  // earlier
  uint32_t flags = 0;                // all of these (SearchFlag)
  uint32_t not_flags = 0;            // none of these
  std::optional<std::string> thread;

  // Whether words are looked for, and not only left out.
  bool has_words() const;
  // Whether there is anything to look for.
  bool empty() const;
};

// INVALID_QUERY, with the place in characters, for what cannot be understood. Filters of unknown
// names are words: "note:this" is the phrase.
absl::StatusOr<SearchQuery> ParseSearchQuery(std::string_view text);

// INVALID_QUERY about the field `q`.
absl::Status InvalidQuery(std::string_view what);

uint32_t FlagOf(v1::SearchHas has);

// A match of a message with a query.
struct SearchExcerpt {
  std::string snippet;
  std::vector<v1::Highlight> highlights;
};

// Whether the message, as it stands, is what the query looks for; names in it are ids. The same
// answer as an index gives, so that a hit of an index that is behind is found out. nullopt: no.
std::optional<SearchExcerpt> MatchMessage(const SearchQuery& query, const v1::Message& message);

// Whether all words of the query, phrases and negations respected, stand in the text.
bool MatchText(const SearchQuery& query, std::string_view text);

}  // namespace heim
