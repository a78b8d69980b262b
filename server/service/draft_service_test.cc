// Goal: drafts are their author's alone, the same on all devices, and gone without a trace when
// they are thrown away. Method: handlers over a real store; events as they were announced.
#include "server/service/draft_service.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

class DraftServiceTest : public ChatFixture {
 protected:
  void SetUp() override {
    ChatFixture::SetUp();
    drafts_ = std::make_unique<DraftService>(*store_, clock_);
  }
  void TearDown() override {
    drafts_.reset();
    ChatFixture::TearDown();
  }

  absl::StatusOr<v1::Draft> Save(const Caller& caller, const std::string& channel,
                                 const std::string& text, const std::string& thread = {},
                                 int expected = -1) {
    v1::SaveDraftRequest request;
    request.set_channel_id(channel);
    if (!thread.empty()) request.set_thread_id(thread);
    request.set_content(text);
    if (expected >= 0) request.set_expected_revision(static_cast<uint32_t>(expected));
    const auto response = Call(caller, &DraftService::SaveDraft, drafts_, request);
    if (!response.ok()) return response.status();
    return response->draft();
  }
  absl::StatusOr<v1::Draft> Fetch(const Caller& caller, const std::string& channel,
                                  const std::string& thread = {}) {
    v1::GetDraftRequest request;
    request.set_channel_id(channel);
    if (!thread.empty()) request.set_thread_id(thread);
    const auto response = Call(caller, &DraftService::GetDraft, drafts_, request);
    if (!response.ok()) return response.status();
    return response->draft();
  }
  absl::StatusOr<v1::Draft> Drop(const Caller& caller, const std::string& channel,
                                 const std::string& thread = {}) {
    v1::DeleteDraftRequest request;
    request.set_channel_id(channel);
    if (!thread.empty()) request.set_thread_id(thread);
    const auto response = Call(caller, &DraftService::DeleteDraft, drafts_, request);
    if (!response.ok()) return response.status();
    return response->draft();
  }
  std::vector<std::string> Listed(const Caller& caller) {
    const auto response = Call(caller, &DraftService::ListDrafts, drafts_, v1::ListDraftsRequest());
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> texts;
    for (const v1::Draft& draft : response->drafts()) texts.push_back(draft.content());
    return texts;
  }
  // Events of drafts: "updated text" or "deleted".
  std::vector<std::string> Told(const std::vector<v1::Event>& events) {
    std::vector<std::string> told;
    for (const v1::Event& event : events) {
      if (event.has_draft_updated()) {
        told.push_back(StrCat("updated ", event.draft_updated().draft().content()));
      } else if (event.has_draft_deleted()) {
        told.push_back("deleted");
      } else {
        continue;
      }
      EXPECT_EQ(event.to_actor_id(), ann_.actor_id.str());
    }
    return told;
  }

  std::unique_ptr<DraftService> drafts_;
};

using Texts = std::vector<std::string>;

TEST_F(DraftServiceTest, ADraftIsKeptChangedAndThrownAway) {
  const auto first = Save(ann_, general_, "Hello\r\nyou");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->content(), "Hello\nyou");
  EXPECT_EQ(first->content_type(), v1::CONTENT_TYPE_MARKDOWN);
  EXPECT_EQ(first->revision(), 1u);
  EXPECT_EQ(Save(ann_, general_, "Hello\nyou")->revision(), 1u) << "the same again";
  EXPECT_EQ(Save(ann_, general_, "Hello all")->revision(), 2u);
  EXPECT_EQ(Fetch(ann_, general_)->content(), "Hello all");
  for (const char* nothing : {"", " \n"}) {
    ASSERT_TRUE(Save(ann_, general_, "again").ok());
    const auto emptied = Save(ann_, general_, nothing);
    ASSERT_TRUE(emptied.ok()) << emptied.status();
    EXPECT_EQ(emptied->content(), "");
    EXPECT_EQ(emptied->channel_id(), general_);
    EXPECT_EQ(ReasonOf(Fetch(ann_, general_).status()), v1::ERROR_REASON_DRAFT_NOT_FOUND);
  }
  EXPECT_TRUE(Drop(ann_, general_).ok()) << "a second time changes nothing";
  Settle();
  EXPECT_EQ(Told(tape_.events()), Texts({"updated Hello\nyou", "updated Hello all", "updated again",
                                         "deleted", "updated again", "deleted"}));
  // No text is left in the log.
  EXPECT_EQ(Told(ReadLog()),
            Texts({"updated ", "updated ", "updated ", "deleted", "updated ", "deleted"}));
}

TEST_F(DraftServiceTest, SendingMayThrowItAway) {
  const std::string root = Send(bob_, general_, "root")->id();
  ASSERT_TRUE(Save(ann_, general_, "top").ok());
  ASSERT_TRUE(Save(ann_, general_, "inside", root).ok());
  v1::SendMessageRequest request;
  request.set_channel_id(general_);
  request.set_thread_id(root);
  request.set_content("inside, at last");
  request.set_client_id("c");
  request.set_clear_draft(true);
  ASSERT_TRUE(Call(ann_, &MessageService::SendMessage, messages_, request).ok());
  EXPECT_EQ(Listed(ann_), Texts({"top"}));
  // A repeat finds what was written since.
  ASSERT_TRUE(Save(ann_, general_, "next", root).ok());
  ASSERT_TRUE(Call(ann_, &MessageService::SendMessage, messages_, request).ok());
  EXPECT_EQ(Listed(ann_), Texts({"next", "top"}));
  // What is refused changes nothing.
  request.clear_client_id();
  request.set_content(" ");
  EXPECT_FALSE(Call(ann_, &MessageService::SendMessage, messages_, request).ok());
  EXPECT_EQ(Listed(ann_), Texts({"next", "top"}));
}

TEST_F(DraftServiceTest, EachThreadHasItsOwnAndAReplyStandsForItsRoot) {
  const std::string root = Send(bob_, general_, "root")->id();
  const std::string reply = Send(bob_, general_, "reply", root)->id();
  ASSERT_TRUE(Save(ann_, general_, "top").ok());
  const auto draft = Save(ann_, general_, "in the thread", reply);
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_EQ(draft->thread_id(), root);
  EXPECT_EQ(Fetch(ann_, general_, root)->content(), "in the thread");
  EXPECT_EQ(Fetch(ann_, general_)->content(), "top");
  EXPECT_TRUE(Drop(ann_, general_, reply).ok());
  EXPECT_EQ(ReasonOf(Fetch(ann_, general_, root).status()), v1::ERROR_REASON_DRAFT_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Save(ann_, general_, "x", ids_.NewId()).status()),
            v1::ERROR_REASON_MESSAGE_NOT_FOUND);
}

TEST_F(DraftServiceTest, ALostUpdateIsRefused) {
  EXPECT_EQ(ReasonOf(Save(ann_, general_, "x", "", 1).status()),
            v1::ERROR_REASON_REVISION_CONFLICT);
  EXPECT_TRUE(Save(ann_, general_, "x", "", 0).ok());
  EXPECT_EQ(ReasonOf(Save(ann_, general_, "y", "", 0).status()),
            v1::ERROR_REASON_REVISION_CONFLICT);
  EXPECT_EQ(ReasonOf(Save(ann_, general_, "", "", 7).status()), v1::ERROR_REASON_REVISION_CONFLICT);
  EXPECT_EQ(Fetch(ann_, general_)->content(), "x");
  v1::DeleteDraftRequest request;
  request.set_channel_id(general_);
  request.set_expected_revision(2);
  EXPECT_EQ(ReasonOf(Call(ann_, &DraftService::DeleteDraft, drafts_, request).status()),
            v1::ERROR_REASON_REVISION_CONFLICT);
}

TEST_F(DraftServiceTest, NobodyElseSeesADraft) {
  ASSERT_TRUE(Save(ann_, general_, "private").ok());
  EXPECT_EQ(ReasonOf(Fetch(bob_, general_).status()), v1::ERROR_REASON_DRAFT_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Fetch(olga_, general_).status()), v1::ERROR_REASON_DRAFT_NOT_FOUND);
  EXPECT_TRUE(Drop(olga_, general_).ok());
  EXPECT_EQ(Listed(olga_), Texts());
  EXPECT_EQ(Listed(ann_), Texts({"private"}));
}

TEST_F(DraftServiceTest, WhoMayNotWriteThereKeepsNoDraftThere) {
  const std::string secret = CreateChannel(bob_, "secret", v1::CHANNEL_TYPE_PRIVATE)->id();
  EXPECT_EQ(ReasonOf(Save(ann_, secret, "x").status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  ASSERT_TRUE(AddMember(bob_, secret, ann_).ok());
  ASSERT_TRUE(Save(ann_, secret, "x").ok());
  // A viewer keeps what it wrote and writes no more.
  ASSERT_TRUE(SetRole(bob_, secret, ann_, v1::CHANNEL_ROLE_VIEWER).ok());
  EXPECT_EQ(ReasonOf(Save(ann_, secret, "y").status()), v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED);
  EXPECT_EQ(Fetch(ann_, secret)->content(), "x");
  // A channel that is lost takes its drafts along, until it is there again.
  ASSERT_TRUE(RemoveMember(bob_, secret, ann_).ok());
  EXPECT_EQ(ReasonOf(Fetch(ann_, secret).status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Drop(ann_, secret).status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  EXPECT_EQ(Listed(ann_), Texts());
  ASSERT_TRUE(AddMember(bob_, secret, ann_).ok());
  EXPECT_EQ(Listed(ann_), Texts({"x"}));
  ASSERT_TRUE(Archive(bob_, secret).ok());
  EXPECT_EQ(ReasonOf(Save(ann_, secret, "z").status()), v1::ERROR_REASON_CHANNEL_ARCHIVED);
  EXPECT_EQ(Listed(ann_), Texts({"x"})) << "what was written can still be copied";
  EXPECT_TRUE(Drop(ann_, secret).ok());
}

TEST_F(DraftServiceTest, FilesAreTheAuthorsOwn) {
  const std::string mine = Upload(ann_, "a.txt", "a")->id();
  const std::string theirs = Upload(bob_, "b.txt", "b")->id();
  v1::SaveDraftRequest request;
  request.set_channel_id(general_);
  request.add_attachments()->set_file_id(mine);
  const auto kept = Call(ann_, &DraftService::SaveDraft, drafts_, request);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->draft().attachments(0).filename(), "a.txt");
  request.mutable_attachments(0)->set_file_id(theirs);
  EXPECT_EQ(ReasonOf(Call(ann_, &DraftService::SaveDraft, drafts_, request).status()),
            v1::ERROR_REASON_FILE_NOT_FOUND);
}

TEST_F(DraftServiceTest, SizesAreBounded) {
  EXPECT_TRUE(Save(ann_, general_, std::string(kMessageContentMaxBytes, 'x')).ok());
  EXPECT_EQ(ReasonOf(Save(ann_, general_, std::string(kMessageContentMaxBytes + 1, 'x')).status()),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
}

TEST_F(DraftServiceTest, ThereAreSoManyAndNoMore) {
  const std::string thread = Send(ann_, general_, "one more")->id();
  ASSERT_TRUE(Save(ann_, general_, "mine").ok());
  absl::Status filled = absl::UnknownError("not run");
  v1::Draft draft;
  draft.set_channel_id(general_);
  draft.set_content("x");
  Draft change;
  change.apply = [&](WriteTx& tx) -> absl::Status {
    for (int64_t i = 1; i < kDraftsPerActorMax; ++i) {
      draft.set_thread_id(StrCat("t", i));
      const absl::Status put = tx.message_drafts.Put(ann_.actor_id, {draft, workspace_, 0});
      if (!put.ok()) return put;
    }
    return absl::OkStatus();
  };
  store_->Commit(std::move(change),
                 [&](absl::StatusOr<Committed> done) { filled = done.status(); });
  Settle();
  ASSERT_TRUE(filled.ok()) << filled;
  const auto over = Save(ann_, general_, "too many", thread);
  EXPECT_EQ(ReasonOf(over.status()), v1::ERROR_REASON_LIMIT_REACHED);
  EXPECT_NE(over.status().message().find("1000"), std::string::npos) << over.status();
  EXPECT_TRUE(Save(ann_, general_, "changed").ok()) << "one that is there may change";
  EXPECT_TRUE(Save(bob_, general_, "others too").ok());
}

}  // namespace
}  // namespace heim
