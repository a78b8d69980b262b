#include "server/model/search_query.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/search_text.h"

namespace heim {
namespace {

constexpr std::array<std::string_view, 9> kFilters = {"from", "in",   "before", "after", "on",
                                                      "has",  "type", "is",     "thread"};

struct Named {
  std::string_view name;
  uint32_t flag;
};
constexpr Named kHas[] = {{"file", kHasFile},
                          {"image", kHasImage},
                          {"link", kHasLink},
                          {"code", kHasCode},
                          {"reaction", kHasReaction}};
constexpr Named kTypes[] = {{"agent", kByAgent}, {"human", kByHuman}};
constexpr Named kIs[] = {{"thread", kInThread}};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int64_t StartOf(absl::CivilDay day) {
  return absl::ToUnixMillis(absl::FromCivil(day, absl::UTCTimeZone()));
}

// One word, phrase or filter of the query after the other.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<SearchQuery> Parse() {
    size_t count = 0;
    while (SkipSpace()) {
      if (++count > kSearchTermsMax) {
        return Wrong(StrCat("At most ", kSearchTermsMax, " words and filters are looked for"));
      }
      HEIM_RETURN_IF_ERROR(TakeOne());
    }
    return std::move(query_);
  }

 private:
  // Place in characters, from 1.
  absl::Status Wrong(std::string_view what) const {
    return InvalidQuery(StrCat(what, ", at character ", Utf8Length(text_.substr(0, began_)) + 1));
  }

  bool SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    began_ = at_;
    return at_ < text_.size();
  }

  bool Takes(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::Status TakeOne() {
    const bool negated = Takes('-');
    if (at_ < text_.size() && text_[at_] == '"') {
      HEIM_ASSIGN_OR_RETURN(const std::string_view phrase, TakeQuoted());
      return AddTerm(phrase, negated);
    }
    const std::string_view filter = TakeFilterName();
    if (!filter.empty()) return TakeFilter(filter, negated);
    const size_t begin = at_;
    while (at_ < text_.size() && !IsSpace(text_[at_]) && text_[at_] != '"') ++at_;
    return AddTerm(text_.substr(begin, at_ - begin), negated);
  }

  absl::StatusOr<std::string_view> TakeQuoted() {
    const size_t begin = ++at_;
    const size_t end = text_.find('"', begin);
    if (end == std::string_view::npos) return Wrong("A quotation mark is not closed");
    at_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  std::string_view TakeFilterName() {
    for (const std::string_view name : kFilters) {
      const std::string_view rest = text_.substr(at_);
      if (!StartsWithIgnoreCase(rest, name) || rest.size() <= name.size()) continue;
      if (rest[name.size()] != ':') continue;
      at_ += name.size() + 1;
      return name;
    }
    return {};
  }

  absl::Status TakeFilter(std::string_view name, bool negated) {
    std::string_view value;
    if (at_ < text_.size() && text_[at_] == '"') {
      HEIM_ASSIGN_OR_RETURN(value, TakeQuoted());
    } else {
      const size_t begin = at_;
      while (at_ < text_.size() && !IsSpace(text_[at_])) ++at_;
      value = text_.substr(begin, at_ - begin);
    }
    if (value.empty()) return Wrong(StrCat(name, ": needs a value"));
    if (name == "from") return AddName(value, '@', negated ? &query_.not_from : &query_.from);
    if (name == "in") return AddName(value, '#', negated ? &query_.not_in : &query_.in);
    if (name == "has") return AddFlag(name, value, kHas, negated);
    if (name == "type") return AddFlag(name, value, kTypes, negated);
    if (name == "is") return AddFlag(name, value, kIs, negated);
    if (negated) return Wrong(StrCat(name, ": cannot be turned round"));
    if (name == "thread") {
      query_.thread = std::string(value);
      return absl::OkStatus();
    }
    return AddDay(name, value);
  }

  static absl::Status AddName(std::string_view value, char mark, std::vector<std::string>* names) {
    if (value.front() == mark) value.remove_prefix(1);
    names->emplace_back(value);
    return absl::OkStatus();
  }

  template <size_t kSize>
  absl::Status AddFlag(std::string_view name, std::string_view value, const Named (&known)[kSize],
                       bool negated) {
    std::string names;
    for (const Named& one : known) {
      if (EqualsIgnoreCase(value, one.name)) {
        (negated ? query_.not_flags : query_.flags) |= one.flag;
        return absl::OkStatus();
      }
      StrAppend(&names, names.empty() ? "" : ", ", one.name);
    }
    return Wrong(StrCat(name, ": is one of ", names));
  }

  absl::Status AddDay(std::string_view name, std::string_view value) {
    absl::CivilDay day;
    const bool right = value.size() == 10 && absl::ParseCivilTime(ToAbsl(value), &day) &&
                       day.year() >= 1970 && day.year() <= 9998;
    if (!right) return Wrong(StrCat(name, ": needs a day, such as 2026-01-31"));
    if (name != "before") {
      const int64_t from = StartOf(name == "on" ? day : day + 1);
      query_.after_ms = std::max(query_.after_ms.value_or(from), from);
    }
    if (name != "after") {
      const int64_t to = StartOf(name == "on" ? day + 1 : day);
      query_.before_ms = std::min(query_.before_ms.value_or(to), to);
    }
    return absl::OkStatus();
  }

  absl::Status AddTerm(std::string_view text, bool negated) {
    SearchTerm term;
    term.negated = negated;
    if (EndsWith(text, "*")) {
      text.remove_suffix(1);
      term.prefix = true;
    } else {
      // A star behind the quotation mark means the phrase's last word.
      term.prefix = at_ > 0 && at_ <= text_.size() && text_[at_ - 1] == '"' && Takes('*');
    }
    for (SearchToken& token : SearchTokens(text)) term.words.push_back(std::move(token.text));
    if (term.words.empty()) {
      if (!term.prefix) return absl::OkStatus();  // only punctuation: stands in no index
      return Wrong("A * follows the beginning of a word");
    }
    const bool alone = static_cast<unsigned char>(term.words.back().front()) >= 0x80;
    if (term.prefix && !alone && term.words.back().size() < kSearchPrefixMinLength) {
      return Wrong(StrCat("A * follows at least ", kSearchPrefixMinLength, " letters"));
    }
    query_.terms.push_back(std::move(term));
    return absl::OkStatus();
  }

  const std::string_view text_;
  size_t at_ = 0;
  size_t began_ = 0;  // of what is being read
  SearchQuery query_;
};

}  // namespace

bool SearchQuery::has_words() const {
  return std::any_of(terms.begin(), terms.end(),
                     [](const SearchTerm& term) { return !term.negated; });
}

bool SearchQuery::empty() const {
  return terms.empty() && from.empty() && also_from.empty() && in.empty() && also_in.empty() &&
         not_from.empty() && not_in.empty() && !after_ms.has_value() && !before_ms.has_value() &&
         flags == 0 && not_flags == 0 && !thread.has_value();
}

absl::StatusOr<SearchQuery> ParseSearchQuery(std::string_view text) { return Parser(text).Parse(); }

absl::Status InvalidQuery(std::string_view what) {
  return ErrorBuilder(v1::ERROR_REASON_INVALID_QUERY, what).Field("q", what).Build();
}

uint32_t FlagOf(v1::SearchHas has) {
  switch (has) {
    case v1::SEARCH_HAS_FILE:
      return kHasFile;
    case v1::SEARCH_HAS_IMAGE:
      return kHasImage;
    case v1::SEARCH_HAS_LINK:
      return kHasLink;
    case v1::SEARCH_HAS_CODE:
      return kHasCode;
    case v1::SEARCH_HAS_REACTION:
      return kHasReaction;
    default:
      return 0;
  }
}

}  // namespace heim
