// Messages, reactions and threads: what is written is read, in pages and with everything that
// belongs to it. Through the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

std::vector<uint64_t> SeqsOf(const std::vector<v1::Message>& messages) {
  std::vector<uint64_t> seqs;
  for (const v1::Message& message : messages) seqs.push_back(message.seq());
  return seqs;
}

TEST_P(StoreSuite, AMessageIsReadAsItWasWritten) {
  v1::Message message = NewMessage(ann_, "hello @bob");
  message.set_client_id("c1");
  message.add_parts()->mutable_text()->set_text("hello @bob");
  (*message.mutable_metadata()->mutable_fields())["model"].set_string_value("m");
  v1::Mention& mention = *message.add_mentions();
  mention.set_type(v1::MENTION_TYPE_ACTOR);
  mention.set_actor_id(bob_.str());
  message = MustPost(message);
  const v1::Message found = MustGet(message.id());
  EXPECT_EQ(found.SerializeAsString(), message.SerializeAsString());
  EXPECT_EQ(found.actor().username(), "ann");
  EXPECT_EQ(found.client_id(), "c1");
  EXPECT_EQ(found.channel_id(), general_.str());
  EXPECT_EQ(found.seq(), 1u);
  EXPECT_EQ(found.metadata().fields().at("model").string_value(), "m");
}

TEST_P(StoreSuite, AnAuthorUsesAClientIdOnce) {
  v1::Message first = NewMessage(ann_, "one");
  first.set_client_id("c1");
  MustPost(first);
  v1::Message second = NewMessage(ann_, "two");
  second.set_client_id("c1");
  const auto outcome = Commit([&](WriteTx& tx) { return Post(tx, second); });
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kAlreadyExists);
  v1::Message other = NewMessage(bob_, "three");
  other.set_client_id("c1");
  EXPECT_EQ(MustPost(other).seq(), 2u) << "the failed one took no seq";
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto found, tx.messages.FindByClientId(ann_, "c1"));
    EXPECT_TRUE(found.has_value() && found->content() == "one");
    HEIM_ASSIGN_OR_RETURN(const auto none, tx.messages.FindByClientId(ann_, "c2"));
    EXPECT_FALSE(none.has_value());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, RequestHashIsKeptBesideTheMessage) {
  const v1::Message message = MustPost(NewMessage(ann_, "one"));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::string none,
                          tx.messages.RequestHashOf(MessageId(message.id())));
    EXPECT_EQ(none, "");
    HEIM_RETURN_IF_ERROR(tx.messages.SetRequestHash(MessageId(message.id()), "hash"));
    HEIM_ASSIGN_OR_RETURN(const std::string hash,
                          tx.messages.RequestHashOf(MessageId(message.id())));
    EXPECT_EQ(hash, "hash");
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AMessageGoesOnlyIntoAChannelOfItsWorkspace) {
  const auto outcome = Commit([&](WriteTx& tx) {
    return tx.messages.Insert(NewMessage(ann_, "x"), WorkspaceId(ids_.NewId()), 1);
  });
  EXPECT_EQ(ReasonOf(outcome.status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
}

TEST_P(StoreSuite, PagesGoInBothDirectionsAndLeaveRepliesOutUnlessAsked) {
  std::vector<v1::Message> posted;
  for (int i = 1; i <= 6; ++i) {
    v1::Message message = NewMessage(i % 2 == 0 ? bob_ : ann_, StrCat("m", i));
    if (i == 3) message.set_thread_id(posted.front().id());
    posted.push_back(MustPost(message));
  }
  MustRead([&](ReadTx& tx) -> absl::Status {
    const auto page = [&](MessagePage wanted) {
      auto messages = tx.messages.List(general_, wanted);
      EXPECT_TRUE(messages.ok()) << messages.status();
      return SeqsOf(messages.value_or(std::vector<v1::Message>()));
    };
    using Seqs = std::vector<uint64_t>;
    EXPECT_EQ(page({.limit = 3}), Seqs({6, 5, 4}));
    EXPECT_EQ(page({.before_seq = 4, .limit = 3}), Seqs({2, 1}));
    EXPECT_EQ(page({.before_seq = 4, .include_replies = true, .limit = 3}), Seqs({3, 2, 1}));
    EXPECT_EQ(page({.ascending = true, .after_seq = 1, .limit = 3}), Seqs({2, 4, 5}));
    EXPECT_EQ(page({.ascending = true, .after_seq = 1, .include_replies = true, .limit = 2}),
              Seqs({2, 3}));
    EXPECT_EQ(page({.ascending = true, .after_seq = 6, .limit = 3}), Seqs());
    HEIM_ASSIGN_OR_RETURN(const auto thread,
                          tx.messages.ListThread(MessageId(posted[0].id()), 0, 10));
    EXPECT_EQ(SeqsOf(thread), Seqs({3}));
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AnEditKeepsTheIdentityAndADeletionLeavesATombstone) {
  v1::Message message = MustPost(NewMessage(ann_, "before"));
  message.set_content("after");
  message.set_revision(2);
  *message.mutable_edited_at() = ToTimestamp(clock_.Now());
  MustCommit([&](WriteTx& tx) { return tx.messages.Update(message, 7); });
  EXPECT_EQ(MustGet(message.id()).SerializeAsString(), message.SerializeAsString());

  message.clear_content();
  message.set_revision(3);
  *message.mutable_deleted_at() = ToTimestamp(clock_.Now());
  MustCommit([&](WriteTx& tx) { return tx.messages.Update(message, 8); });
  const v1::Message tombstone = MustGet(message.id());
  EXPECT_TRUE(tombstone.has_deleted_at());
  EXPECT_EQ(tombstone.content(), "");
  EXPECT_EQ(tombstone.seq(), message.seq());
}

TEST_P(StoreSuite, UpdatingWhatIsNotThereIsMessageNotFound) {
  const auto outcome =
      Commit([&](WriteTx& tx) { return tx.messages.Update(NewMessage(ann_, "x"), 1); });
  EXPECT_EQ(ReasonOf(outcome.status()), v1::ERROR_REASON_MESSAGE_NOT_FOUND);
}

TEST_P(StoreSuite, ReactionsAreGroupedOldestEmojiFirst) {
  const v1::Message message = MustPost(NewMessage(ann_, "x"));
  const MessageId id(message.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    const auto add = [&](const ActorId& actor, const char* emoji) {
      return *tx.reactions.Add(id, actor, emoji, clock_.Now());
    };
    EXPECT_TRUE(add(bob_, "zap"));
    EXPECT_TRUE(add(bob_, "+1"));
    EXPECT_TRUE(add(ann_, "zap"));
    EXPECT_FALSE(add(ann_, "zap")) << "it is there already";
    EXPECT_EQ(*tx.reactions.Count(id, "zap"), 2u);
    EXPECT_EQ(*tx.reactions.Kinds(id), 2u);
    return absl::OkStatus();
  });
  v1::Message found = MustGet(message.id());
  ASSERT_EQ(found.reactions_size(), 2);
  EXPECT_EQ(found.reactions(0).emoji(), "zap");
  EXPECT_EQ(found.reactions(0).count(), 2u);
  EXPECT_EQ(found.reactions(0).actor_ids(0), bob_.str());
  EXPECT_EQ(found.reactions(0).actor_ids(1), ann_.str());
  EXPECT_EQ(found.reactions(1).emoji(), "+1");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    EXPECT_TRUE(*tx.reactions.Remove(id, bob_, "+1"));
    EXPECT_FALSE(*tx.reactions.Remove(id, bob_, "+1"));
    return absl::OkStatus();
  });
  EXPECT_EQ(MustGet(message.id()).reactions_size(), 1);
}

TEST_P(StoreSuite, AReactionGroupShowsFiftyActorsAndCountsAll) {
  const v1::Message message = MustPost(NewMessage(ann_, "x"));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 0; i < 60; ++i) {
      HEIM_RETURN_IF_ERROR(tx.reactions.Add(MessageId(message.id()), ActorId(StrCat("actor", i)),
                                            "+1", clock_.Now()));
    }
    return absl::OkStatus();
  });
  const v1::Message found = MustGet(message.id());
  ASSERT_EQ(found.reactions_size(), 1);
  EXPECT_EQ(found.reactions(0).count(), 60u);
  EXPECT_EQ(found.reactions(0).actor_ids_size(), 50);
  EXPECT_EQ(found.reactions(0).actor_ids(49), "actor49");
}

TEST_P(StoreSuite, ALongPageHasTheReactionsOfEachMessage) {
  std::vector<v1::Message> posted;
  for (int i = 0; i < 23; ++i) {
    posted.push_back(MustPost(NewMessage(ann_, "x")));
    MustCommit([&](WriteTx& tx) {
      return tx.reactions.Add(MessageId(posted.back().id()), bob_, StrCat("e", i), clock_.Now())
          .status();
    });
  }
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto page,
                          tx.messages.List(general_, {.ascending = true, .limit = 200}));
    EXPECT_EQ(page.size(), posted.size());
    for (size_t i = 0; i < page.size(); ++i) {
      EXPECT_EQ(page[i].reactions_size(), 1);
      EXPECT_EQ(page[i].reactions(0).emoji(), StrCat("e", i));
    }
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ARootCountsItsReplies) {
  const v1::Message root = MustPost(NewMessage(ann_, "root"));
  std::vector<v1::Message> replies;
  for (const ActorId& author : {bob_, ann_, bob_}) {
    clock_.Advance(absl::Seconds(1));
    v1::Message reply = NewMessage(author, "reply");
    reply.set_thread_id(root.id());
    replies.push_back(MustPost(reply));
    MustCommit([&](WriteTx& tx) {
      return tx.messages.AddReply(MessageId(root.id()), replies.back(), replies.back().seq());
    });
  }
  v1::ThreadSummary thread = MustGet(root.id()).thread();
  EXPECT_EQ(thread.reply_count(), 3u);
  EXPECT_EQ(thread.last_reply_seq(), replies[2].seq());
  EXPECT_EQ(thread.last_reply_at().seconds(), replies[2].created_at().seconds());
  ASSERT_EQ(thread.participant_ids_size(), 2);
  EXPECT_EQ(thread.participant_ids(0), bob_.str());

  const auto remove = [&](v1::Message reply) {
    *reply.mutable_deleted_at() = ToTimestamp(clock_.Now());
    MustCommit([&](WriteTx& tx) -> absl::Status {
      HEIM_RETURN_IF_ERROR(tx.messages.Update(reply, 20));
      return tx.messages.RemoveReply(MessageId(root.id()), 21);
    });
  };
  remove(replies[2]);
  remove(replies[0]);
  thread = MustGet(root.id()).thread();
  EXPECT_EQ(thread.reply_count(), 1u);
  EXPECT_EQ(thread.last_reply_seq(), replies[1].seq());
  ASSERT_EQ(thread.participant_ids_size(), 1);
  EXPECT_EQ(thread.participant_ids(0), ann_.str());
  remove(replies[1]);
  EXPECT_FALSE(MustGet(root.id()).has_thread());
}

TEST_P(StoreSuite, DeletingScrubsTheLogAndLeavesOtherEventsAlone) {
  v1::Message message = MustPost(NewMessage(ann_, "secret one"));
  const v1::Message other = MustPost(NewMessage(ann_, "public"));
  const auto update = [&](const std::string& content) {
    message.set_content(content);
    message.set_revision(message.revision() + 1);
    MustCommit([&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
      HEIM_RETURN_IF_ERROR(tx.messages.Update(message, position));
      v1::Event event;
      event.set_channel_id(general_.str());
      *event.mutable_message_updated()->mutable_message() = message;
      return tx.Emit(workspace_, std::move(event)).status();
    });
  };
  update("secret two");
  update("secret three");
  message.clear_content();
  *message.mutable_deleted_at() = ToTimestamp(clock_.Now());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
    HEIM_RETURN_IF_ERROR(tx.messages.Update(message, position));
    HEIM_RETURN_IF_ERROR(tx.log.ScrubMessage(workspace_, message));
    v1::Event event;
    event.set_channel_id(general_.str());
    *event.mutable_message_deleted()->mutable_message() = message;
    return tx.Emit(workspace_, std::move(event)).status();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto entries, tx.log.Read(workspace_, 0, 1000, 1 << 20));
    int tombstones = 0;
    bool other_is_there = false;
    for (const LogEntry& entry : entries) {
      EXPECT_EQ(entry.bytes.find("secret"), std::string::npos) << entry.type;
      v1::Event event;
      EXPECT_TRUE(event.ParseFromString(entry.bytes));
      EXPECT_EQ(event.position(), entry.position);
      tombstones += event.message_new().message().has_deleted_at();
      tombstones += event.message_updated().message().has_deleted_at();
      other_is_there |= event.message_new().message().content() == other.content();
    }
    EXPECT_EQ(tombstones, 3);
    EXPECT_TRUE(other_is_there);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, TheLogIsReadInOrderAndInPieces) {
  MustPost(NewMessage(ann_, "hello"));
  MustCommit([&](WriteTx& tx) {
    v1::Event event = SomeEvent(ChannelId());
    event.set_to_actor_id(bob_.str());
    return tx.Emit(workspace_, std::move(event)).status();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace_));
    EXPECT_EQ(head.epoch, "epoch1");
    EXPECT_EQ(head.position, 4u);
    EXPECT_EQ(head.oldest, 1u);
    HEIM_ASSIGN_OR_RETURN(const auto tail, tx.log.Read(workspace_, 2, 10, 1 << 20));
    EXPECT_EQ(tail.size(), 2u);
    EXPECT_EQ(tail[0].position, 3u);
    EXPECT_EQ(tail[0].type, "message.new");
    EXPECT_EQ(tail[0].channel_id, general_.str());
    EXPECT_EQ(tail[1].to_actor_id, bob_.str());
    EXPECT_EQ(tail[1].channel_id, "");
    HEIM_ASSIGN_OR_RETURN(const auto two, tx.log.Read(workspace_, 0, 2, 1 << 20));
    EXPECT_EQ(two.size(), 2u);
    HEIM_ASSIGN_OR_RETURN(const auto one, tx.log.Read(workspace_, 0, 10, 1));
    EXPECT_EQ(one.size(), 1u) << "one at least, whatever its size";
    EXPECT_EQ(ReasonOf(tx.log.Head(WorkspaceId("none")).status()),
              v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
