// What is a word, what a query says, and what it finds in a message: as tables. Index, query and
// highlights share these rules.
#include "server/model/search_query.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/search_text.h"
#include "server/model/time.h"

namespace heim {
namespace {

std::string WordsOf(std::string_view text) {
  std::vector<std::string> words;
  for (const SearchToken& token : SearchTokens(text)) words.push_back(token.text);
  return absl::StrJoin(words, " ");
}

TEST(SearchTokensTest, WordsAreFoldedAndSeparatedByWhatIsNoLetter) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", ""},
      {" ... !?", ""},
      {"Hello, World", "hello world"},
      {"Straße CAFÉ naïve Ångström", "strasse cafe naive angstrom"},
      {"cafe\xCC\x81", "cafe"},            // the accent as a mark of its own
      {"Ελλάδα Привет", "ελλαδα привет"},  //
      {"ＦＵＬＬ ｗｉｄｔｈ ﬁne", "full width fine"},
      {"user_name foo.bar() v1.2", "user name foo bar v1 2"},
      {"don't e-mail", "don t e mail"},
      {"我们开会 OK", "我 们 开 会 ok"},
      {"東京tower", "東 京 tower"},
      {"ひらがな", "ひ ら が な"},
      {"한국어", "한 국 어"},
      {"soft\xC2\xADhyphen", "softhyphen"},
      {"bad \xFF\xFE bytes", "bad bytes"},
      {"👍 party 🎉", "party"},
  };
  for (const auto& [text, words] : rows) EXPECT_EQ(WordsOf(text), words) << text;
}

TEST(SearchTokensTest, PlacesAreCodePoints) {
  const auto tokens = SearchTokens("é ist 会 x");
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[1].start, 2u);
  EXPECT_EQ(tokens[1].length, 3u);
  EXPECT_EQ(tokens[2].start, 6u);
  EXPECT_EQ(tokens[3].start, 8u);
}

std::string Written(const SearchQuery& query) {
  std::string text;
  for (const SearchTerm& term : query.terms) {
    StrAppend(&text, term.negated ? "-" : "+", "[", absl::StrJoin(term.words, " "), "]",
              term.prefix ? "*" : "", " ");
  }
  const auto list = [&](std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) StrAppend(&text, name, "=", absl::StrJoin(values, ","), " ");
  };
  list("from", query.from);
  list("in", query.in);
  list("-from", query.not_from);
  list("-in", query.not_in);
  if (query.after_ms.has_value()) StrAppend(&text, "after=", *query.after_ms / 86'400'000, " ");
  if (query.before_ms.has_value()) StrAppend(&text, "before=", *query.before_ms / 86'400'000, " ");
  if (query.flags != 0) StrAppend(&text, "flags=", query.flags, " ");
  if (query.not_flags != 0) StrAppend(&text, "-flags=", query.not_flags, " ");
  if (query.thread.has_value()) StrAppend(&text, "thread=", *query.thread, " ");
  if (!text.empty()) text.pop_back();
  return text;
}

TEST(SearchQueryTest, WordsPhrasesAndFiltersAreTold) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", ""},
      {"  deploy   FAILED ", "+[deploy] +[failed]"},
      {"\"in this order\"", "+[in this order]"},
      {"dep*", "+[dep]*"},
      {"\"to dep\"*", "+[to dep]*"},
      {"会*", "+[会]*"},
      {"-word -\"two words\"", "-[word] -[two words]"},
      {"user_name", "+[user name]"},
      {"note:this http://x", "+[note this] +[http x]"},
      {"from:@ada from:bob", "from=ada,bob"},
      {"FROM:me -from:@bot", "from=me -from=bot"},
      {"in:#general -in:random", "in=general -in=random"},
      {"in:\"two words\"", "in=two words"},
      {"has:link has:image -has:code", "flags=6 -flags=8"},
      {"type:agent is:thread", "flags=160"},
      {"thread:0190-x", "thread=0190-x"},
      {"after:1970-01-02", "after=2"},
      {"before:1970-01-05", "before=4"},
      {"on:1970-01-03", "after=2 before=3"},
      {"a - b ... 👍", "+[a] +[b]"},
      {"NEAR(a b) OR c AND words:d ^e", "+[near a] +[b] +[or] +[c] +[and] +[words d] +[e]"},
      {"\"from:x\"", "+[from x]"},
      {"a\"b c\"", "+[a] +[b c]"},
  };
  for (const auto& [text, written] : rows) {
    const auto query = ParseSearchQuery(text);
    ASSERT_TRUE(query.ok()) << text << ": " << query.status();
    EXPECT_EQ(Written(*query), written) << text;
    EXPECT_EQ(query->empty(), written.empty()) << text;
  }
}

TEST(SearchQueryTest, WhatCannotBeUnderstoodIsNamedWithItsPlace) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"a \"b", "quotation mark is not closed, at character 3"},
      {"é has:cats", "has: is one of file, image, link, code, reaction, at character 3"},
      {"type:robot", "type: is one of agent, human"},
      {"from:", "from: needs a value"},
      {"from:\"\"", "from: needs a value"},
      {"before:yesterday", "before: needs a day"},
      {"on:2026-02-30", "on: needs a day"},
      {"on:0000-01-01", "on: needs a day"},
      {"-after:2026-01-01", "after: cannot be turned round"},
      {"ab*", "at least 3 letters"},
      {"*", "follows the beginning of a word"},
  };
  for (const auto& [text, told] : rows) {
    const absl::Status status = ParseSearchQuery(text).status();
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_QUERY) << text;
    EXPECT_NE(ToStd(status.message()).find(told), std::string_view::npos) << status;
  }
  std::string many;
  for (size_t i = 0; i < kSearchTermsMax; ++i) many += "w ";
  EXPECT_TRUE(ParseSearchQuery(many).ok());
  EXPECT_FALSE(ParseSearchQuery(many + "w").ok());
}

v1::Message Saying(const std::string& text) {
  v1::Message message;
  message.set_id("m");
  message.set_channel_id("c");
  message.set_content(text);
  message.set_state(v1::MESSAGE_STATE_FINAL);
  message.mutable_actor()->set_id("ada");
  message.mutable_actor()->set_type(v1::ACTOR_TYPE_HUMAN);
  *message.mutable_created_at() = ToTimestamp(absl::FromUnixMillis(3 * 86'400'000));
  return message;
}

bool Finds(std::string_view query, const v1::Message& message) {
  const auto parsed = ParseSearchQuery(query);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return MatchMessage(*parsed, message).has_value();
}

TEST(MatchMessageTest, AllWordsMustStandAndNegatedOnesMustNot) {
  const v1::Message message = Saying("The deploy of user_name failed; 我们今天开会。");
  for (const std::string_view query :
       {"deploy", "FAILED deploy", "\"deploy of\"", "depl*", "-missing", "deploy -missing",
        "\"user name\"", "user_name", "开会", "今天开", "\"of user nam\"*", "on:1970-01-04"}) {
    EXPECT_TRUE(Finds(query, message)) << query;
  }
  for (const std::string_view query :
       {"deployed", "\"of deploy\"", "deploy missing", "deploy -failed", "-depl*", "开今",
        "\"deploy failed\"", "fail", "before:1970-01-04", "after:1970-01-04", "on:1970-01-05"}) {
    EXPECT_FALSE(Finds(query, message)) << query;
  }
}

TEST(MatchMessageTest, FiltersLookAtTheMessageAsItStands) {
  v1::Message message = Saying("see https://example.com and `x = 1`");
  EXPECT_TRUE(Finds("has:link has:code type:human -has:file", message));
  EXPECT_FALSE(Finds("has:reaction", message));
  EXPECT_FALSE(Finds("is:thread", message));
  message.add_reactions()->set_emoji("👍");
  v1::Attachment& file = *message.add_attachments();
  file.set_filename("Quarterly report.pdf");
  file.set_mime_type("application/pdf");
  EXPECT_TRUE(Finds("has:reaction has:file -has:image quarterly", message));
  EXPECT_FALSE(Finds("\"1 quarterly\"", message)) << "a phrase reaches into the name of a file";
  message.set_thread_id("root");
  EXPECT_TRUE(Finds("is:thread", message));
  EXPECT_TRUE(Finds("thread:root", message));
  EXPECT_FALSE(Finds("thread:other", message));
  *file.mutable_deleted_at() = ToTimestamp(absl::UnixEpoch());
  EXPECT_FALSE(Finds("quarterly", message));
  EXPECT_FALSE(Finds("has:file", message));
}

TEST(MatchMessageTest, WhatIsDeletedWrittenOrOfTheSystemIsNotFound) {
  v1::Message message = Saying("words");
  EXPECT_TRUE(Finds("words", message));
  message.set_state(v1::MESSAGE_STATE_STREAMING);
  EXPECT_FALSE(Finds("words", message));
  message.set_state(v1::MESSAGE_STATE_INTERRUPTED);
  EXPECT_TRUE(Finds("words", message));
  message.set_content_type(v1::CONTENT_TYPE_SYSTEM);
  EXPECT_FALSE(Finds("words", message));
  message = Saying("words");
  *message.mutable_deleted_at() = ToTimestamp(absl::UnixEpoch());
  EXPECT_FALSE(Finds("words", message));
}

std::string Highlighted(std::string_view query, const std::string& text) {
  const auto parsed = ParseSearchQuery(query);
  const auto excerpt = MatchMessage(*parsed, Saying(text));
  EXPECT_TRUE(excerpt.has_value());
  std::string shown;
  std::string_view left = excerpt->snippet;
  for (uint32_t at = 0; !left.empty(); ++at) {
    for (const v1::Highlight& one : excerpt->highlights) {
      if (one.start() == at) shown += "[";
      if (one.start() + one.length() == at) shown += "]";
    }
    const std::string_view rest = left;
    TakeCodePoint(left);
    shown += rest.substr(0, rest.size() - left.size());
  }
  for (const v1::Highlight& one : excerpt->highlights) {
    if (one.start() + one.length() == Utf8Length(excerpt->snippet)) shown += "]";
  }
  return shown;
}

TEST(MatchMessageTest, TheSnippetShowsWhereTheWordsStand) {
  EXPECT_EQ(Highlighted("failed deploy", "The Deploy has\nFAILED"), "The [Deploy] has [FAILED]");
  EXPECT_EQ(Highlighted("\"we meet\" cafe", "Où? We meet (café)"), "Où? [We meet] ([café])");
  EXPECT_EQ(Highlighted("开会", "今天开会"), "今天[开会]");
  EXPECT_EQ(Highlighted("-x", "nothing to show"), "nothing to show");
  std::string filler;
  for (int i = 0; i < 100; ++i) filler += "filler ";
  const std::string shown = Highlighted("needle", filler + "needle " + filler);
  EXPECT_TRUE(StartsWith(shown, "…filler")) << shown;
  EXPECT_TRUE(EndsWith(shown, "…")) << shown;
  EXPECT_NE(shown.find("[needle]"), std::string::npos) << shown;
  EXPECT_LE(Utf8Length(shown), kSearchSnippetMaxLength + 4);
}

}  // namespace
}  // namespace heim
