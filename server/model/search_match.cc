// The part of search_query.h that compares a message with a query and shows where it matches.
#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/limits.h"
#include "server/model/search_query.h"
#include "server/model/search_text.h"
#include "server/model/time.h"

namespace heim {
namespace {

// Code points before the first highlight that a snippet shows.
constexpr uint32_t kContext = 60;

using Tokens = std::vector<SearchToken>;

bool StandsAt(const SearchTerm& term, const Tokens& tokens, size_t at) {
  for (size_t i = 0; i < term.words.size(); ++i) {
    const std::string& word = tokens[at + i].text;
    const bool last = i + 1 == term.words.size();
    if (last && term.prefix ? !StartsWith(word, term.words[i]) : word != term.words[i])
      return false;
  }
  return true;
}

// Calls `on_match` with the first token of each place; stops when it answers false.
template <typename OnMatch>
void ForEachMatch(const SearchTerm& term, const Tokens& tokens, OnMatch on_match) {
  for (size_t at = 0; at + term.words.size() <= tokens.size(); ++at) {
    if (StandsAt(term, tokens, at) && !on_match(at)) return;
  }
}

bool Stands(const SearchTerm& term, const Tokens& tokens) {
  bool found = false;
  ForEachMatch(term, tokens, [&](size_t) {
    found = true;
    return false;
  });
  return found;
}

bool MatchTokens(const SearchQuery& query, const Tokens& tokens) {
  return std::all_of(query.terms.begin(), query.terms.end(),
                     [&](const SearchTerm& term) { return Stands(term, tokens) != term.negated; });
}

bool Holds(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool MatchFilters(const SearchQuery& query, const v1::Message& message) {
  for (const std::vector<std::string>* from : {&query.from, &query.also_from}) {
    if (!from->empty() && !Holds(*from, message.actor().id())) return false;
  }
  for (const std::vector<std::string>* in : {&query.in, &query.also_in}) {
    if (!in->empty() && !Holds(*in, message.channel_id())) return false;
  }
  if (Holds(query.not_from, message.actor().id())) return false;
  if (Holds(query.not_in, message.channel_id())) return false;
  if (query.thread.has_value() && SearchThreadOf(message) != *query.thread) return false;
  const int64_t at = absl::ToUnixMillis(FromTimestamp(message.created_at()));
  if (query.after_ms.has_value() && at < *query.after_ms) return false;
  if (query.before_ms.has_value() && at >= *query.before_ms) return false;
  const uint32_t flags = SearchFlagsOf(message);
  return (flags & query.flags) == query.flags && (flags & query.not_flags) == 0;
}

struct Span {
  uint32_t start = 0;
  uint32_t end = 0;
};

// In order, without overlaps.
std::vector<Span> SpansOf(const SearchQuery& query, const Tokens& tokens) {
  std::vector<Span> spans;
  for (const SearchTerm& term : query.terms) {
    if (term.negated) continue;
    ForEachMatch(term, tokens, [&](size_t at) {
      const SearchToken& last = tokens[at + term.words.size() - 1];
      spans.push_back({tokens[at].start, last.start + last.length});
      return spans.size() < kSearchSnippetMaxLength;
    });
  }
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return a.start != b.start ? a.start < b.start : a.end > b.end;
  });
  std::vector<Span> apart;
  for (const Span& span : spans) {
    if (apart.empty() || span.start >= apart.back().end) apart.push_back(span);
  }
  return apart;
}

// Where a snippet begins: at a word, a little before the first highlight.
uint32_t BeginOf(const Tokens& tokens, const std::vector<Span>& spans) {
  if (spans.empty() || spans.front().start <= kContext) return 0;
  const uint32_t wanted = spans.front().start - kContext;
  const auto first = std::find_if(tokens.begin(), tokens.end(), [wanted](const SearchToken& token) {
    return token.start >= wanted;
  });
  return first == tokens.end() ? wanted : std::min(first->start, spans.front().start);
}

bool IsBreak(char32_t c) { return c == '\n' || c == '\r' || c == '\t' || c == 0x241E; }

SearchExcerpt ExcerptOf(std::string_view text, const Tokens& tokens,
                        const std::vector<Span>& spans) {
  SearchExcerpt excerpt;
  const uint32_t begin = BeginOf(tokens, spans);
  const auto length = static_cast<uint32_t>(kSearchSnippetMaxLength);
  const uint32_t moved = begin > 0 ? 1 : 0;  // by the sign of what is left out
  if (begin > 0) excerpt.snippet = "…";
  uint32_t at = 0;
  while (!text.empty() && at < begin + length) {
    const std::string_view rest = text;
    const std::optional<char32_t> c = TakeCodePoint(text);
    std::string_view bytes = rest.substr(0, rest.size() - text.size());
    if (!c.has_value()) bytes = "\xEF\xBF\xBD";  // stored text is valid: only to be sure
    if (at++ >= begin) StrAppend(&excerpt.snippet, IsBreak(c.value_or(0)) ? " " : bytes);
  }
  if (!text.empty()) excerpt.snippet += "…";
  for (const Span& span : spans) {
    if (span.start >= at) break;
    v1::Highlight& highlight = excerpt.highlights.emplace_back();
    highlight.set_start(span.start - begin + moved);
    highlight.set_length(std::min(span.end, at) - span.start);
  }
  return excerpt;
}

}  // namespace

bool MatchText(const SearchQuery& query, std::string_view text) {
  return MatchTokens(query, SearchTokens(text));
}

std::optional<SearchExcerpt> MatchMessage(const SearchQuery& query, const v1::Message& message) {
  if (!IsSearchable(message) || !MatchFilters(query, message)) return std::nullopt;
  const std::string text = SearchableText(message);
  const Tokens tokens = SearchTokens(text);
  if (!MatchTokens(query, tokens)) return std::nullopt;
  return ExcerptOf(text, tokens, SpansOf(query, tokens));
}

}  // namespace heim
