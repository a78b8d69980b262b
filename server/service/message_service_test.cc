// Messages through the handlers: order, threads, edits, what deletion leaves, reactions, repeats,
// pages.
#include "server/service/message_service.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MessageServiceTest : public ChatFixture {};

std::vector<std::string> ContentsOf(const v1::ListMessagesResponse& page) {
  std::vector<std::string> contents;
  for (const v1::Message& message : page.messages()) contents.push_back(message.content());
  return contents;
}

TEST_F(MessageServiceTest, AMessageIsStoredAnnouncedAndAnsweredAlike) {
  const auto sent = Send(ann_, general_, "hello @bob");
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_EQ(sent->seq(), 1u);
  EXPECT_EQ(sent->revision(), 1u);
  EXPECT_EQ(sent->state(), v1::MESSAGE_STATE_FINAL);
  ASSERT_EQ(sent->mentions_size(), 1);
  EXPECT_EQ(sent->mentions(0).actor_id(), bob_.actor_id.str());
  const auto read = Get(bob_, sent->id());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->SerializeAsString(), sent->SerializeAsString());
  EXPECT_EQ(tape_.events().back().message_new().message().SerializeAsString(),
            sent->SerializeAsString());
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kMessageNew));
}

TEST_F(MessageServiceTest, WhatIsEmptyOrTooLongIsRefusedAndTakesNoSeq) {
  EXPECT_EQ(ReasonOf(Send(ann_, general_, "").status()), v1::ERROR_REASON_CONTENT_EMPTY);
  EXPECT_EQ(ReasonOf(Send(ann_, general_, std::string(kMessageContentMaxBytes + 1, 'x')).status()),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
  EXPECT_THAT(tape_.TakeKinds(), IsEmpty());
  EXPECT_EQ(Send(ann_, general_, "x")->seq(), 1u);
}

TEST_F(MessageServiceTest, RepliesHangOnTheRootAndAreCounted) {
  const std::string root = Send(ann_, general_, "root")->id();
  const auto first = Send(bob_, general_, "one", root);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Send(olga_, general_, "two", first->id());
  EXPECT_EQ(second->thread_id(), root);
  // Whoever begins to follow is told so: the root's author and the first to reply, then the second.
  EXPECT_THAT(
      tape_.TakeKinds(),
      ElementsAre(v1::Event::kMessageNew, v1::Event::kMessageNew, v1::Event::kMessageUpdated,
                  v1::Event::kThreadUpdated, v1::Event::kThreadUpdated, v1::Event::kMessageNew,
                  v1::Event::kMessageUpdated, v1::Event::kThreadUpdated));
  const v1::ThreadSummary summary = Get(ann_, root)->thread();
  EXPECT_EQ(summary.reply_count(), 2u);
  EXPECT_EQ(summary.last_reply_seq(), second->seq());
  EXPECT_THAT(summary.participant_ids(), ElementsAre(bob_.actor_id.str(), olga_.actor_id.str()));

  ASSERT_TRUE(Delete(olga_, second->id()).ok());
  EXPECT_EQ(Get(ann_, root)->thread().reply_count(), 1u);
  EXPECT_EQ(Get(ann_, root)->thread().last_reply_seq(), first->seq());
  ASSERT_TRUE(Delete(bob_, first->id()).ok());
  EXPECT_FALSE(Get(ann_, root)->has_thread());

  v1::ListMessagesRequest list;
  list.set_channel_id(general_);
  EXPECT_THAT(ContentsOf(*List(ann_, list)), ElementsAre("root"));
  list.set_include_replies(true);
  EXPECT_EQ(List(ann_, list)->messages_size(), 3);
}

TEST_F(MessageServiceTest, AThreadDoesNotCrossChannels) {
  const std::string root = Send(ann_, general_, "root")->id();
  const std::string other = CreateChannel(ann_, "other")->id();
  EXPECT_EQ(ReasonOf(Send(ann_, other, "reply", root).status()),
            v1::ERROR_REASON_MESSAGE_NOT_FOUND);
}

TEST_F(MessageServiceTest, RepliesStayUnderARootThatWasDeleted) {
  const std::string root = Send(ann_, general_, "root")->id();
  ASSERT_TRUE(Send(bob_, general_, "reply", root).ok());
  ASSERT_TRUE(Delete(ann_, root).ok());
  v1::ListThreadRequest request;
  request.set_message_id(root);
  const auto thread = Call(bob_, &MessageService::ListThread, messages_, request);
  ASSERT_TRUE(thread.ok()) << thread.status();
  EXPECT_TRUE(thread->root().has_deleted_at());
  EXPECT_EQ(thread->root().thread().reply_count(), 1u);
  ASSERT_EQ(thread->messages_size(), 1);
  EXPECT_EQ(thread->messages(0).content(), "reply");
}

TEST_F(MessageServiceTest, EditsCountRevisionsAndRefuseAStaleOne) {
  const std::string id = Send(ann_, general_, "one")->id();
  v1::UpdateMessageRequest request;
  request.set_message_id(id);
  request.mutable_message()->set_content("two @bob");
  request.set_expected_revision(1);
  const auto edited = Call(ann_, &MessageService::UpdateMessage, messages_, request);
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->message().revision(), 2u);
  EXPECT_TRUE(edited->message().has_edited_at());
  EXPECT_EQ(edited->message().mentions_size(), 1);
  EXPECT_EQ(edited->message().seq(), 1u);

  request.mutable_message()->set_content("three");
  const auto stale = Call(ann_, &MessageService::UpdateMessage, messages_, request).status();
  EXPECT_EQ(ReasonOf(stale), v1::ERROR_REASON_REVISION_CONFLICT);
  EXPECT_EQ(ToError(stale, "").details().fields().at("revision").number_value(), 2);
  EXPECT_EQ(Get(ann_, id)->content(), "two @bob");

  EXPECT_EQ(ReasonOf(Edit(olga_, id, "not mine").status()), v1::ERROR_REASON_PERMISSION_DENIED);
  request.clear_expected_revision();
  request.mutable_message()->clear_content();
  request.mutable_update_mask()->add_paths("content");
  EXPECT_EQ(ReasonOf(Call(ann_, &MessageService::UpdateMessage, messages_, request).status()),
            v1::ERROR_REASON_CONTENT_EMPTY);
  request.mutable_update_mask()->add_paths("seq");
  EXPECT_EQ(ReasonOf(Call(ann_, &MessageService::UpdateMessage, messages_, request).status()),
            v1::ERROR_REASON_INVALID_MASK);
}

TEST_F(MessageServiceTest, AnEditOfNothingChangesNothing) {
  const std::string id = Send(ann_, general_, "one")->id();
  tape_.TakeKinds();
  v1::UpdateMessageRequest request;
  request.set_message_id(id);
  const auto same = Call(ann_, &MessageService::UpdateMessage, messages_, request);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->message().revision(), 1u);
  EXPECT_THAT(tape_.TakeKinds(), IsEmpty());
}

TEST_F(MessageServiceTest, ATombstoneKeepsItsPlaceAndNothingElse) {
  const std::string secret = "ZXCVB-secret-text";
  const v1::File file = *Upload(ann_, "note.txt", secret);
  v1::SendMessageRequest request;
  request.set_channel_id(general_);
  request.set_content(secret);
  request.add_parts()->mutable_text()->set_text(secret);
  request.add_attachments()->set_file_id(file.id());
  (*request.mutable_metadata()->mutable_fields())["note"].set_string_value(secret);
  const auto sent = Call(ann_, &MessageService::SendMessage, messages_, request);
  ASSERT_TRUE(sent.ok()) << sent.status();
  const std::string id = sent->message().id();
  ASSERT_TRUE(Edit(ann_, id, secret + " again").ok());
  ASSERT_TRUE(React(bob_, id, "tada").ok());
  v1::GetFileMetaRequest meta;
  meta.set_file_id(file.id());
  EXPECT_TRUE(Call(bob_, &FileService::GetFileMeta, files_, meta).ok());

  clock_.Advance(absl::Seconds(1));
  const auto gone = Delete(ada_, id);
  ASSERT_TRUE(gone.ok()) << gone.status();
  EXPECT_TRUE(gone->has_deleted_at());
  EXPECT_EQ(gone->seq(), 1u);
  EXPECT_EQ(gone->actor().id(), ann_.actor_id.str());
  EXPECT_EQ(Get(bob_, id)->SerializeAsString(), gone->SerializeAsString());
  EXPECT_EQ(gone->reactions_size(), 0);
  for (const v1::Event& event : ReadLog()) {
    EXPECT_EQ(event.SerializeAsString().find(secret), std::string::npos) << event.position();
  }
  EXPECT_EQ(ReasonOf(Call(bob_, &FileService::GetFileMeta, files_, meta).status()),
            v1::ERROR_REASON_FILE_NOT_FOUND);

  // A second time nothing happens, and nothing is done to a tombstone.
  tape_.TakeKinds();
  EXPECT_EQ(Delete(ann_, id)->SerializeAsString(), gone->SerializeAsString());
  EXPECT_EQ(ReasonOf(Edit(ann_, id, "back").status()), v1::ERROR_REASON_MESSAGE_DELETED);
  EXPECT_EQ(ReasonOf(React(bob_, id, "tada").status()), v1::ERROR_REASON_MESSAGE_DELETED);
  EXPECT_TRUE(Unreact(bob_, id, "tada").ok());
  EXPECT_THAT(tape_.TakeKinds(), IsEmpty());
}

TEST_F(MessageServiceTest, OnlyAuthorsAndThoseInChargeDelete) {
  const std::string id = Send(ann_, general_, "mine")->id();
  EXPECT_EQ(ReasonOf(Delete(bob_, id).status()), v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Delete(gus_, id).status()), v1::ERROR_REASON_MESSAGE_NOT_FOUND);
  EXPECT_TRUE(Delete(ada_, id).ok());
}

TEST_F(MessageServiceTest, ReactionsAreOneForEachPersonAndEmoji) {
  const std::string id = Send(ann_, general_, "react")->id();
  tape_.TakeKinds();
  ASSERT_TRUE(React(bob_, id, ":tada:").ok());
  ASSERT_TRUE(React(bob_, id, "tada").ok());
  ASSERT_TRUE(React(ann_, id, "👍").ok());
  const auto message = React(ann_, id, "tada");
  ASSERT_EQ(message->reactions_size(), 2);
  EXPECT_EQ(message->reactions(0).emoji(), "tada");
  EXPECT_EQ(message->reactions(0).count(), 2u);
  EXPECT_THAT(message->reactions(0).actor_ids(),
              ElementsAre(bob_.actor_id.str(), ann_.actor_id.str()));
  ASSERT_TRUE(Unreact(bob_, id, "tada").ok());
  ASSERT_TRUE(Unreact(bob_, id, "tada").ok());
  EXPECT_THAT(tape_.TakeKinds(),
              ElementsAre(v1::Event::kReactionAdded, v1::Event::kReactionAdded,
                          v1::Event::kReactionAdded, v1::Event::kReactionRemoved));
  EXPECT_EQ(tape_.events().back().reaction_removed().count(), 1u);
  EXPECT_EQ(ReasonOf(React(ann_, id, "no emoji!").status()), v1::ERROR_REASON_INVALID_EMOJI);
}

// One of the 64 faces from U+1F600 on.
std::string FaceNumber(uint32_t number) {
  return StrCat("\xF0\x9F\x98", std::string(1, static_cast<char>(0x80 + number)));
}

TEST_F(MessageServiceTest, The51stKindOfReactionIsRefused) {
  const std::string id = Send(ann_, general_, "react")->id();
  for (uint32_t i = 0; i < kReactionKindsMax; ++i) {
    ASSERT_TRUE(React(ann_, id, FaceNumber(i)).ok());
  }
  EXPECT_EQ(ReasonOf(React(ann_, id, "tada").status()), v1::ERROR_REASON_TOO_MANY_REACTIONS);
  EXPECT_TRUE(React(bob_, id, FaceNumber(7)).ok());
}

TEST_F(MessageServiceTest, ParallelRepeatsUnderOneClientIdAreOneMessage) {
  v1::SendMessageRequest request;
  request.set_channel_id(general_);
  request.set_content("once");
  request.set_client_id("c-1");
  v1::SendMessageRequest other = request;
  other.set_content("another body");
  constexpr int kCalls = 50;
  std::vector<CallContext> contexts(kCalls);
  std::vector<Waiter<v1::SendMessageResponse>> waiters(kCalls);
  std::vector<std::thread> threads;
  for (int t = 0; t < 5; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < kCalls; i += 5) {
        contexts[static_cast<size_t>(i)].caller = ann_;
        messages_->SendMessage(contexts[static_cast<size_t>(i)], request,
                               waiters[static_cast<size_t>(i)].MakeReply());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> ids;
  for (auto& waiter : waiters) {
    const auto answer = waiter.Take();
    ASSERT_TRUE(answer.ok()) << answer.status();
    ids.insert(answer->message().id());
  }
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kMessageNew));
  EXPECT_EQ(ReasonOf(Call(ann_, &MessageService::SendMessage, messages_, other).status()),
            v1::ERROR_REASON_IDEMPOTENCY_CONFLICT);
  EXPECT_TRUE(Call(bob_, &MessageService::SendMessage, messages_, other).ok())
      << "client ids are the author's own";
}

TEST_F(MessageServiceTest, ParallelSendsAreNumberedWithoutAGap) {
  constexpr size_t kCalls = 50;
  v1::SendMessageRequest request;
  request.set_channel_id(general_);
  request.set_content("x");
  std::vector<CallContext> contexts(kCalls);
  std::vector<Waiter<v1::SendMessageResponse>> waiters(kCalls);
  for (size_t i = 0; i < kCalls; ++i) {
    contexts[i].caller = i % 2 == 0 ? ann_ : bob_;
    messages_->SendMessage(contexts[i], request, waiters[i].MakeReply());
  }
  std::set<uint64_t> seqs;
  for (auto& waiter : waiters) seqs.insert(waiter.Take()->message().seq());
  EXPECT_EQ(seqs.size(), kCalls);
  EXPECT_EQ(*seqs.rbegin(), kCalls);
}

TEST_F(MessageServiceTest, AnIdempotencyKeyAnswersTheFirstMessageAndRefusesAnother) {
  v1::SendMessageRequest request;
  request.set_channel_id(general_);
  request.set_content("once");
  const auto first = Call(ann_, &MessageService::SendMessage, messages_, request, "key-1");
  const auto again = Call(ann_, &MessageService::SendMessage, messages_, request, "key-1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  request.set_content("other");
  EXPECT_EQ(
      ReasonOf(Call(ann_, &MessageService::SendMessage, messages_, request, "key-1").status()),
      v1::ERROR_REASON_IDEMPOTENCY_CONFLICT);
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kMessageNew));
}

TEST_F(MessageServiceTest, PagesGoBothWaysAndAroundAnAnchor) {
  std::vector<std::string> ids;
  for (int i = 1; i <= 7; ++i) ids.push_back(Send(ann_, general_, StrCat(i))->id());
  v1::ListMessagesRequest list;
  list.set_channel_id(general_);
  list.set_limit(3);
  auto page = List(ann_, list);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(ContentsOf(*page), ElementsAre("7", "6", "5"));
  EXPECT_TRUE(page->has_more());
  ASSERT_TRUE(LogCursor::Parse(page->log_cursor()).ok());
  ASSERT_TRUE(Send(bob_, general_, "8").ok()) << "pages stay as they are while rows are added";
  list.set_cursor(page->next_cursor());
  page = List(ann_, list);
  EXPECT_THAT(ContentsOf(*page), ElementsAre("4", "3", "2"));
  list.set_cursor(page->next_cursor());
  page = List(ann_, list);
  EXPECT_THAT(ContentsOf(*page), ElementsAre("1"));
  EXPECT_FALSE(page->has_more());
  EXPECT_TRUE(page->next_cursor().empty());

  list.clear_cursor();
  list.set_after(ids[1]);
  page = List(ann_, list);
  EXPECT_THAT(ContentsOf(*page), ElementsAre("3", "4", "5"));
  list.clear_after();
  list.set_cursor(page->next_cursor());
  EXPECT_THAT(ContentsOf(*List(ann_, list)), ElementsAre("6", "7", "8"));
  list.clear_cursor();
  list.set_before(ids[2]);
  EXPECT_THAT(ContentsOf(*List(ann_, list)), ElementsAre("2", "1"));
  list.clear_before();
  list.set_around(ids[3]);
  EXPECT_THAT(ContentsOf(*List(ann_, list)), ElementsAre("3", "4", "5"));

  list.set_before(ids[3]);
  EXPECT_EQ(ReasonOf(List(ann_, list).status()), v1::ERROR_REASON_INVALID_ARGUMENT);
  list.clear_before();
  list.clear_around();
  list.set_cursor("garbage");
  EXPECT_EQ(ReasonOf(List(ann_, list).status()), v1::ERROR_REASON_INVALID_CURSOR);
}

TEST_F(MessageServiceTest, OnlyOwnUploadsAreAttached) {
  const v1::File file = *Upload(bob_, "b.txt", "bob's");
  v1::SendMessageRequest request;
  request.set_channel_id(general_);
  request.add_attachments()->set_file_id(file.id());
  EXPECT_EQ(ReasonOf(Call(ann_, &MessageService::SendMessage, messages_, request).status()),
            v1::ERROR_REASON_FILE_NOT_FOUND);
  const auto sent = Call(bob_, &MessageService::SendMessage, messages_, request);
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_EQ(sent->message().attachments(0).filename(), "b.txt");
  EXPECT_EQ(sent->message().attachments(0).size_bytes(), 5);
}

}  // namespace
}  // namespace heim
