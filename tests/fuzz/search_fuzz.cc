// Search queries and searched texts: a query is understood or refused with a reason; its words are
// bare of everything that an index could take for syntax; highlights lie in their snippet, and a
// text is found by its own words.
#include <string>

#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/search_query.h"
#include "server/model/search_text.h"
#include "tests/fuzz/fuzz.h"

namespace {

void CheckWord(const std::string& word) {
  FUZZ_CHECK(!word.empty());
  for (const char c : word) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    FUZZ_CHECK(plain || static_cast<unsigned char>(c) >= 0x80);
  }
}

void CheckExcerpt(const heim::SearchExcerpt& excerpt) {
  const size_t length = heim::Utf8Length(excerpt.snippet);
  FUZZ_CHECK(length <= heim::kSearchSnippetMaxLength + 2);
  uint64_t end = 0;
  for (const heim::v1::Highlight& one : excerpt.highlights) {
    FUZZ_CHECK(one.length() > 0 && one.start() >= end);
    end = uint64_t{one.start()} + one.length();
    FUZZ_CHECK(end <= length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = heim::FuzzText(data, size);
  const auto tokens = heim::SearchTokens(text);
  uint64_t end = 0;
  for (const heim::SearchToken& token : tokens) {
    CheckWord(token.text);
    FUZZ_CHECK(token.length > 0 && token.start >= end);
    end = uint64_t{token.start} + token.length;
  }
  // The text up to the first newline is the query, all of it what is looked into.
  heim::v1::Message message;
  message.set_content(std::string(text));
  message.set_state(heim::v1::MESSAGE_STATE_FINAL);
  const auto query = heim::ParseSearchQuery(text.substr(0, text.find('\n')));
  if (!query.ok()) {
    FUZZ_CHECK(heim::ReasonOf(query.status()) == heim::v1::ERROR_REASON_INVALID_QUERY);
  } else {
    FUZZ_CHECK(query->terms.size() <= heim::kSearchTermsMax);
    for (const heim::SearchTerm& term : query->terms) {
      FUZZ_CHECK(!term.words.empty());
      for (const std::string& word : term.words) CheckWord(word);
    }
    const auto excerpt = heim::MatchMessage(*query, message);
    if (excerpt.has_value()) CheckExcerpt(*excerpt);
  }
  heim::SearchQuery own;
  for (const heim::SearchToken& token : heim::SearchTokens(text.substr(0, 64))) {
    own.terms.push_back({{token.text}, false, false});
  }
  // A cut through a character or a mark may change the last word.
  if (!own.terms.empty()) own.terms.pop_back();
  if (size <= heim::kSearchTextMaxBytes) {
    const auto excerpt = heim::MatchMessage(own, message);
    FUZZ_CHECK(excerpt.has_value());
    CheckExcerpt(*excerpt);
  }
  return 0;
}
