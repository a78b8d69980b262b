// What is shown does not rest on the index: one that offers every message there ever was, whoever
// asks and whatever for, changes nothing. So a removal, an edit and a deletion count at once, the
// index being behind or wrong. The services are real.
#include "server/service/search_service.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/types/span.h"
#include "server/base/strings.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

// Offers all messages that it was told of, newest first, and heeds nothing that it is asked.
class LyingIndex final : public MessageIndex {
 public:
  void Add(const std::string& id) { ids_.push_back(id); }

  absl::StatusOr<IndexState> Load() override { return IndexState(); }
  absl::Status Health() const override { return absl::OkStatus(); }
  absl::Status Reset() override { return absl::OkStatus(); }
  absl::Status Begin(absl::Span<const IndexPlace>) override { return absl::OkStatus(); }
  absl::Status Apply(const IndexBatch&) override { return absl::OkStatus(); }
  absl::StatusOr<bool> EraseSome(const ChannelId&) override { return false; }
  bool HasRemains() const override { return false; }
  absl::StatusOr<bool> Scrub() override { return true; }
  absl::StatusOr<IndexAnswer> Find(const IndexSearch& search) override {
    IndexAnswer answer;
    auto before = static_cast<int64_t>(ids_.size()) + 1;
    if (search.after.has_value()) before = search.after->place;
    answer.newest = static_cast<int64_t>(ids_.size());
    for (int64_t place = before - 1; place > 0; --place) {
      if (answer.hits.size() == search.limit) break;
      answer.hits.push_back({MessageId(ids_[static_cast<size_t>(place - 1)]), 0, place});
    }
    return answer;
  }

 private:
  std::vector<std::string> ids_;
};

class SearchServiceTest : public ChatFixture {
 protected:
  void SetUp() override {
    ChatFixture::SetUp();
    search_ = std::make_unique<SearchService>(
        SearchService::Dependencies{*store_, index_, progress_, *executor_});
  }
  void TearDown() override {
    search_.reset();
    ChatFixture::TearDown();
  }

  std::string Say(const Caller& caller, const std::string& channel, const std::string& text) {
    const auto sent = Send(caller, channel, text);
    EXPECT_TRUE(sent.ok()) << sent.status();
    if (!sent.ok()) return {};
    index_.Add(sent->id());
    return sent->id();
  }
  absl::StatusOr<v1::SearchMessagesResponse> Ask(const Caller& caller,
                                                 const v1::SearchMessagesRequest& request) {
    return Call(caller, &SearchService::SearchMessages, search_, request);
  }
  // All hits, page by page, with what the pages say of each other.
  std::vector<std::string> Find(const Caller& caller, const std::string& q, uint32_t limit = 3) {
    std::vector<std::string> ids;
    v1::SearchMessagesRequest request;
    request.set_q(q);
    request.set_limit(limit);
    while (true) {
      const auto answer = Ask(caller, request);
      EXPECT_TRUE(answer.ok()) << answer.status();
      if (!answer.ok()) return ids;
      for (const v1::SearchHit& hit : answer->hits()) ids.push_back(hit.message().id());
      EXPECT_EQ(answer->has_more(), !answer->next_cursor().empty());
      if (!answer->has_more()) return ids;
      EXPECT_EQ(answer->hits_size(), static_cast<int>(limit)) << "a page that hides something";
      request.set_cursor(answer->next_cursor());
    }
  }
  using Ids = std::vector<std::string>;

  LyingIndex index_;
  SearchProgress progress_{timers_};
  std::unique_ptr<SearchService> search_;
};

TEST_F(SearchServiceTest, WhatTheIndexOffersIsReadAgainWithTheCallersRights) {
  const std::string room = CreateChannel(ann_, "room", v1::CHANNEL_TYPE_PRIVATE)->id();
  ASSERT_TRUE(AddMember(ann_, room, bob_).ok());
  const std::string one = Say(ann_, room, "the word");
  const std::string other = Say(ann_, general_, "another word");
  const std::string plain = Say(ann_, general_, "nothing");
  EXPECT_EQ(Find(bob_, "word"), (Ids{other, one}));
  EXPECT_EQ(Find(ada_, "word"), Ids{other}) << "an admin who is not in the room";
  EXPECT_EQ(Find(gus_, "word"), Ids());
  EXPECT_EQ(Find(gus_, "in:#room word"), Ids());
  EXPECT_EQ(Find(ada_, StrCat("word thread:", one)), Ids());
  EXPECT_EQ(Find(bob_, "word in:#room"), Ids{one});
  EXPECT_EQ(Find(bob_, "-word"), Ids{plain});

  ASSERT_TRUE(RemoveMember(ann_, room, bob_).ok());
  EXPECT_EQ(Find(bob_, "word"), Ids{other});
  ASSERT_TRUE(Edit(ann_, one, "said differently").ok());
  EXPECT_EQ(Find(ann_, "word"), Ids{other});
  EXPECT_EQ(Find(ann_, "differently"), Ids{one});
  ASSERT_TRUE(Delete(ann_, other).ok());
  EXPECT_EQ(Find(ann_, "word"), Ids());
  const auto outside = Ask(eve_, [] {
    v1::SearchMessagesRequest request;
    request.set_q("word");
    return request;
  }());
  EXPECT_EQ(ReasonOf(outside.status()), v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(SearchServiceTest, RandomWorldsShowExactlyWhatMayBeReadAndSaidNow) {
  const auto below = [this](size_t n) {
    uint8_t byte = 0;
    entropy_.Fill(absl::MakeSpan(&byte, 1));
    return static_cast<size_t>(byte) % n;
  };
  const std::vector<std::string> words = {"alpha", "beta", "gamma"};
  const std::vector<Caller> callers = {ann_, bob_, bot_, gus_};
  struct Room {
    std::string id;
    bool is_public;
    std::set<size_t> members;
  };
  std::vector<Room> rooms;
  for (size_t i = 0; i < 4; ++i) {
    const bool is_public = i % 2 == 0;
    const auto type = is_public ? v1::CHANNEL_TYPE_PUBLIC : v1::CHANNEL_TYPE_PRIVATE;
    rooms.push_back({CreateChannel(olga_, StrCat("room", i), type)->id(), is_public, {}});
  }
  struct Said {
    size_t room;
    std::string id;
    std::string text;  // empty: deleted
  };
  std::vector<Said> said;
  for (int step = 0; step < 250; ++step) {
    Room& room = rooms[below(rooms.size())];
    const size_t who = below(callers.size());
    const std::string text = words[below(3)] + " " + words[below(3)];
    switch (below(10)) {
      case 0:
      case 1:
        if (room.members.insert(who).second) {
          ASSERT_TRUE(AddMember(olga_, room.id, callers[who]).ok());
        } else {
          ASSERT_TRUE(RemoveMember(olga_, room.id, callers[who]).ok());
          room.members.erase(who);
        }
        break;
      case 2:
        if (!said.empty()) {
          Said& one = said[below(said.size())];
          if (one.text.empty()) break;
          ASSERT_TRUE(Delete(olga_, one.id).ok());
          one.text.clear();
        }
        break;
      case 3:
        if (!said.empty()) {
          Said& one = said[below(said.size())];
          if (one.text.empty()) break;
          ASSERT_TRUE(Edit(olga_, one.id, text).ok());
          one.text = text;
        }
        break;
      default:
        said.push_back(
            {static_cast<size_t>(&room - rooms.data()), Say(olga_, room.id, text), text});
    }
    const std::string word = words[below(3)];
    Ids wanted;
    for (auto one = said.rbegin(); one != said.rend(); ++one) {
      const Room& in = rooms[one->room];
      const bool guest = callers[who].actor_id == gus_.actor_id;
      const bool may = in.members.count(who) != 0 || (in.is_public && !guest);
      if (may && one->text.find(word) != std::string::npos) wanted.push_back(one->id);
    }
    ASSERT_EQ(Find(callers[who], word), wanted) << "step " << step;
  }
}

TEST_F(SearchServiceTest, AnAnswerWaitsForThePositionAndNotForEver) {
  Say(ann_, general_, "word");
  v1::SearchMessagesRequest request;
  request.set_q("word");
  request.set_min_position(100);
  CallContext context;
  context.caller = ann_;
  {
    Waiter<v1::SearchMessagesResponse> waiter;
    search_->SearchMessages(context, request, waiter.MakeReply());
    EXPECT_FALSE(waiter.done());
    progress_.Reached(workspace_, 100);
    const auto answer = waiter.Take();
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->indexed_position(), 100u);
    EXPECT_EQ(answer->hits_size(), 1);
  }
  request.set_min_position(200);
  Waiter<v1::SearchMessagesResponse> waiter;
  search_->SearchMessages(context, request, waiter.MakeReply());
  EXPECT_FALSE(waiter.done());
  clock_.Advance(absl::Seconds(2));
  const auto answer = waiter.Take();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->indexed_position(), 100u);
}

}  // namespace
}  // namespace heim
