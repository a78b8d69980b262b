// The search index by itself: what it finds and in which order, whose channels it looks into, that
// it survives being closed, killed, damaged, and that what is erased is in no byte of its files.
#include "server/store/sqlite/search_index.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_join.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/search_text.h"

namespace heim {
namespace {

constexpr int64_t kDayMs = 86'400'000;

class SearchIndexTest : public testing::Test {
 protected:
  SearchIndexTest() {
    std::string pattern = testing::TempDir() + "heim_search_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    Open();
    EXPECT_TRUE(index_->Begin({}).ok());
  }
  ~SearchIndexTest() override {
    index_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::string path() const { return directory_ + "/search.sqlite"; }
  void Open() {
    index_.reset();
    SqliteSearchIndex::Options options;
    options.path = path();
    auto opened = SqliteSearchIndex::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    index_ = *std::move(opened);
    ASSERT_TRUE(index_->Load().ok());
  }

  static IndexedMessage Message(const std::string& id, const std::string& text,
                                const std::string& channel = "c", const std::string& actor = "a") {
    IndexedMessage message;
    message.id = MessageId(id);
    message.workspace_id = WorkspaceId("w");
    message.channel_id = ChannelId(channel);
    message.actor_id = ActorId(actor);
    message.seq = 5;
    message.revision = 1;
    message.created_at_ms = 10 * kDayMs;
    for (const SearchToken& token : SearchTokens(text)) message.words.push_back(token.text);
    return message;
  }
  void Put(std::vector<IndexedMessage> messages) {
    IndexBatch batch;
    batch.messages = std::move(messages);
    const absl::Status status = index_->Apply(batch);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Erase(const std::string& id) {
    IndexBatch batch;
    batch.erased.emplace_back(id);
    ASSERT_TRUE(index_->Apply(batch).ok());
  }
  void ScrubAll() {
    for (int i = 0; i < 10'000 && index_->HasRemains(); ++i) ASSERT_TRUE(index_->Scrub().ok());
    ASSERT_FALSE(index_->HasRemains());
  }

  IndexAnswer Ask(std::string_view text, v1::SearchOrder order = v1::SEARCH_ORDER_NEWEST,
                  uint32_t limit = 100, const IndexHit* after = nullptr, int64_t newest = 0) {
    const auto query = ParseSearchQuery(text);
    EXPECT_TRUE(query.ok()) << query.status();
    IndexSearch search{.workspace_id = WorkspaceId("w"),
                       .query = *query,
                       .channels = channels_,
                       .order = order,
                       .after = std::nullopt,
                       .newest = newest,
                       .limit = limit};
    if (after != nullptr) search.after = *after;
    const auto answer = index_->Find(search);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(IndexAnswer());
  }
  std::string Find(std::string_view text, v1::SearchOrder order = v1::SEARCH_ORDER_NEWEST) {
    std::vector<std::string> ids;
    for (const IndexHit& hit : Ask(text, order).hits) ids.push_back(hit.id.str());
    return absl::StrJoin(ids, " ");
  }

  // Whether any file of the index holds the bytes.
  bool Holds(const std::string& bytes) const {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      std::ifstream file(entry.path(), std::ios::binary);
      std::stringstream all;
      all << file.rdbuf();
      if (all.str().find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  std::string directory_;
  std::unique_ptr<SqliteSearchIndex> index_;
  std::vector<IndexChannel> channels_ = {{ChannelId("c"), 0}};
};

TEST_F(SearchIndexTest, WordsPhrasesPrefixesAndNegationsAreFound) {
  Put({Message("1", "the deploy has failed"), Message("2", "failed to deploy"),
       Message("3", "我们今天开会")});
  EXPECT_EQ(Find("deploy"), "2 1");
  EXPECT_EQ(Find("\"has failed\""), "1");
  EXPECT_EQ(Find("dep*"), "2 1");
  EXPECT_EQ(Find("\"to dep\"*"), "2");
  EXPECT_EQ(Find("deploy -has"), "2");
  EXPECT_EQ(Find("-deploy"), "3");
  EXPECT_EQ(Find("开会"), "3");
  EXPECT_EQ(Find("开今"), "");
  EXPECT_EQ(Find("nothing"), "");
}

TEST_F(SearchIndexTest, TheSyntaxOfTheIndexCannotBeTyped) {
  Put({Message("1", "keys c1 w1 words near")});
  for (const std::string_view text :
       {"keys:c1", "words:near", "NEAR(a b)", "a OR near", "{words}:x", "^x", "x' OR 1=1 --",
        "\"\" near missing", "(near", "near)", "a+b", "missing*", "\\", "%", "_"}) {
    const auto query = ParseSearchQuery(text);
    if (!query.ok() || query->empty()) continue;
    Ask(text);
    Ask(text, v1::SEARCH_ORDER_RELEVANCE);
  }
  EXPECT_EQ(Find("keys:c1"), "1") << "the phrase";
  EXPECT_EQ(Find("keys:w1"), "");
}

TEST_F(SearchIndexTest, NothingIsFoundOutsideOfTheChannelsGivenOrBeforeTheirBeginning) {
  IndexedMessage early = Message("early", "word", "d");
  early.seq = 2;
  Put({Message("1", "word", "c"), Message("2", "word", "d"), Message("3", "word", "e"), early});
  EXPECT_EQ(Find("word"), "1");
  channels_ = {{ChannelId("d"), 3}, {ChannelId("e"), 0}, {ChannelId("none"), 0}};
  EXPECT_EQ(Find("word"), "3 2");
  EXPECT_EQ(Find("in:d word"), "2");
  EXPECT_EQ(Find("-in:d word"), "3");
  EXPECT_EQ(Find("in:c word"), "");
  channels_.clear();
  EXPECT_EQ(Find("word"), "");
  channels_ = {{ChannelId("d"), 0}};
  EXPECT_EQ(Find("word"), "early 2");
}

TEST_F(SearchIndexTest, ManyChannelsAreCheckedRowByRow) {
  channels_.clear();
  std::vector<IndexedMessage> messages;
  for (int i = 0; i < 40; ++i) {
    messages.push_back(Message(StrCat("m", i), "word", StrCat("c", i)));
    if (i % 2 == 0) channels_.push_back({ChannelId(StrCat("c", i)), i == 38 ? 6u : 0u});
  }
  Put(messages);
  const IndexAnswer answer = Ask("word");
  EXPECT_EQ(answer.hits.size(), 19u);
  for (const IndexHit& hit : answer.hits) EXPECT_EQ((hit.id.str().back() - '0') % 2, 0);
}

TEST_F(SearchIndexTest, FiltersNarrow) {
  IndexedMessage agent = Message("1", "word", "c", "bot");
  agent.flags = kByAgent | kHasLink;
  IndexedMessage human = Message("2", "word", "c", "ada");
  human.flags = kByHuman | kInThread;
  human.thread_id = "root";
  human.created_at_ms = 12 * kDayMs;
  Put({agent, human});
  EXPECT_EQ(Find("word from:bot"), "1");
  EXPECT_EQ(Find("word -from:bot"), "2");
  EXPECT_EQ(Find("from:bot from:ada"), "2 1");
  EXPECT_EQ(Find("from:nobody"), "");
  EXPECT_EQ(Find("-from:nobody word"), "2 1");
  EXPECT_EQ(Find("type:agent"), "1");
  EXPECT_EQ(Find("-has:link"), "2");
  EXPECT_EQ(Find("thread:root"), "2");
  EXPECT_EQ(Find("thread:1"), "");
  EXPECT_EQ(Find("before:1970-01-12"), "1");
  EXPECT_EQ(Find("after:1970-01-12"), "2");
  EXPECT_EQ(Find("on:1970-01-11"), "1");
}

TEST_F(SearchIndexTest, ThePageAfterAHitGoesOnBehindIt) {
  std::vector<IndexedMessage> messages;
  for (int i = 0; i < 30; ++i) {
    std::string text = "word";
    for (int more = 0; more < i % 5; ++more) text += " word filler";
    messages.push_back(Message(StrCat("m", i), text));
  }
  Put(messages);
  for (const v1::SearchOrder order : {v1::SEARCH_ORDER_NEWEST, v1::SEARCH_ORDER_RELEVANCE}) {
    const std::string whole = Find("word", order);
    std::vector<std::string> paged;
    IndexAnswer page = Ask("word", order, 7);
    const int64_t newest = page.newest;
    // What comes meanwhile does not move the pages.
    Put({Message(StrCat("late", order), "word word word word")});
    while (!page.hits.empty()) {
      for (const IndexHit& hit : page.hits) paged.push_back(hit.id.str());
      const IndexHit last = page.hits.back();
      page = Ask("word", order, 7, &last, newest);
    }
    EXPECT_EQ(absl::StrJoin(paged, " "), whole);
    EXPECT_GE(paged.size(), 30u);
  }
}

TEST_F(SearchIndexTest, WhatHoldsTheWordMoreDenselyComesFirst) {
  Put({Message("dense", "word word"),
       Message("thin", "one word among many others that say something else entirely and long"),
       Message("short", "word")});
  EXPECT_EQ(Find("word", v1::SEARCH_ORDER_RELEVANCE), "dense short thin");
  EXPECT_EQ(Find("word"), "short thin dense");
}

TEST_F(SearchIndexTest, AnEditReplacesAndARepeatChangesNothing) {
  Put({Message("1", "before")});
  Put({Message("1", "before")});
  EXPECT_FALSE(index_->HasRemains());
  EXPECT_EQ(Find("before"), "1");
  IndexedMessage edited = Message("1", "after");
  edited.revision = 2;
  Put({edited});
  EXPECT_EQ(Find("before"), "");
  EXPECT_EQ(Find("after"), "1");
  EXPECT_TRUE(index_->HasRemains());
  IndexedMessage reacted = edited;
  reacted.flags = kHasReaction;
  Put({reacted});
  EXPECT_EQ(Find("has:reaction after"), "1");
  EXPECT_EQ(Find("-has:reaction after"), "");
}

TEST_F(SearchIndexTest, WhatIsErasedIsInNoByteOfTheFiles) {
  std::vector<IndexedMessage> messages;
  for (int i = 0; i < 3000; ++i) {
    messages.push_back(Message(StrCat("m", i), StrCat("common text number", i, " rare", i % 700)));
  }
  Put(messages);
  Put({Message("secret", "the needleword4711 of all"), Message("edited", "oldword4712 here")});
  Put({Message("gone", "gone", "d")});
  ASSERT_TRUE(Holds("needleword4711"));
  Erase("secret");
  Put({Message("edited", "newword here")});
  EXPECT_EQ(Find("needleword4711"), "");
  ScrubAll();
  EXPECT_FALSE(Holds("needleword4711"));
  EXPECT_FALSE(Holds("oldword4712"));
  EXPECT_EQ(Find("number42"), "m42");
  EXPECT_EQ(Find("newword"), "edited");
  // Again, with little new between: there may be one piece only.
  Erase("m42");
  ScrubAll();
  EXPECT_FALSE(Holds("number42 ")) << "as a text";
  EXPECT_EQ(Find("number42"), "");
}

TEST_F(SearchIndexTest, ScrubbingComesToItsEndHoweverMuchComesInMeanwhile) {
  Put({Message("first", "needleword4713"), Message("second", "needleword4714")});
  for (int i = 0; i < 30'000;) {
    std::vector<IndexedMessage> messages;
    for (int end = i + 500; i < end; ++i) {
      messages.push_back(Message(StrCat("m", i), StrCat("text number", i, " rare", i % 7000)));
    }
    Put(std::move(messages));
  }
  Erase("first");
  bool done = false;
  int steps = 0;
  for (; !done && steps < 500; ++steps) {
    Put({Message(StrCat("late", steps), StrCat("late ", steps))});
    if (steps == 1) Erase("second");
    const auto step = index_->Scrub();
    ASSERT_TRUE(step.ok()) << step.status();
    done = *step;
  }
  EXPECT_TRUE(done);
  EXPECT_GT(steps, 2) << "too little to do to show anything";
  EXPECT_FALSE(Holds("needleword4713"));
  EXPECT_TRUE(index_->HasRemains()) << "of what was erased meanwhile";
  ScrubAll();
  EXPECT_FALSE(Holds("needleword4714"));
  EXPECT_EQ(Find("number4711"), "m4711");
}

TEST_F(SearchIndexTest, AChannelIsErasedInSteps) {
  std::vector<IndexedMessage> messages;
  for (int i = 0; i < 1200; ++i) messages.push_back(Message(StrCat("m", i), "word", "d"));
  messages.push_back(Message("kept", "word"));
  Put(messages);
  int steps = 0;
  bool some = true;
  while (some) {
    const auto step = index_->EraseSome(ChannelId("d"));
    ASSERT_TRUE(step.ok()) << step.status();
    some = *step;
    ++steps;
  }
  EXPECT_EQ(steps, 4);
  channels_.push_back({ChannelId("d"), 0});
  EXPECT_EQ(Find("word"), "kept");
  EXPECT_FALSE(*index_->EraseSome(ChannelId("never")));
}

TEST_F(SearchIndexTest, PlaceAndRowsSurviveTogether) {
  IndexBatch batch;
  batch.messages = {Message("1", "word")};
  batch.place = IndexPlace{WorkspaceId("w"), "epoch", 7};
  batch.backfill_before = "m9";
  ASSERT_TRUE(index_->Apply(batch).ok());
  Erase("none");
  Open();
  const auto state = index_->Load();
  ASSERT_TRUE(state.ok());
  EXPECT_FALSE(state->fresh);
  ASSERT_EQ(state->places.size(), 1u);
  EXPECT_EQ(state->places[0].position, 7u);
  EXPECT_EQ(state->places[0].epoch, "epoch");
  EXPECT_EQ(state->backfill_before, "m9");
  EXPECT_EQ(Find("word"), "1");
  ASSERT_TRUE(index_->Reset().ok());
  EXPECT_EQ(Find("word"), "");
  EXPECT_TRUE(index_->Load()->fresh);
}

TEST_F(SearchIndexTest, AFileThatIsNoneOfOursIsReplaced) {
  Put({Message("1", "word")});
  index_.reset();
  std::ofstream(path(), std::ios::binary | std::ios::trunc) << std::string(8192, 'x');
  Open();
  EXPECT_TRUE(index_->Load()->fresh);
  Put({Message("2", "word")});
  EXPECT_EQ(Find("word"), "2");
  index_.reset();
  {
    auto file = SqliteConnection::Open(path(), SqliteConnection::Mode::kWriter);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Execute("UPDATE meta SET value = 'old' WHERE key = 'version'", {}).ok());
  }
  Open();
  EXPECT_EQ(Find("word"), "");
}

TEST_F(SearchIndexTest, ASearchThatMeetsDamageSaysSoAndTheIndexCanBeMadeAnew) {
  std::vector<IndexedMessage> messages;
  for (int i = 0; i < 500; ++i) messages.push_back(Message(StrCat("m", i), StrCat("word", i)));
  Put(messages);
  {
    auto file = SqliteConnection::Open(path(), SqliteConnection::Mode::kWriter);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Execute("UPDATE found_data SET block = x'00' WHERE id > 10", {}).ok());
  }
  const auto query = ParseSearchQuery("word42");
  const auto answer = index_->Find({.workspace_id = WorkspaceId("w"),
                                    .query = *query,
                                    .channels = channels_,
                                    .order = v1::SEARCH_ORDER_NEWEST,
                                    .after = std::nullopt,
                                    .newest = 0,
                                    .limit = 10});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::IsInternal(index_->Health()));
  ASSERT_TRUE(index_->Reset().ok());
  EXPECT_TRUE(index_->Health().ok());
  EXPECT_EQ(Find("word42"), "");
}

TEST_F(SearchIndexTest, ASecondServerIsKeptOut) {
  SqliteSearchIndex::Options options;
  options.path = path();
  EXPECT_EQ(SqliteSearchIndex::Open(options).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace heim
