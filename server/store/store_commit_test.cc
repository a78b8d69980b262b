// Commits: what a caller and a listener may rely on. Through the Store interface, for every driver.
#include <atomic>
#include <thread>

#include "absl/synchronization/blocking_counter.h"
#include "heim/v1/message_service.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

IdempotencyKey KeyOf(const ActorId& actor, std::string hash) {
  return {actor, "heim.v1.MessageService.SendMessage", "key-1", std::move(hash)};
}

TEST_P(StoreSuite, CommitAnswersThePositionOfItsLastEvent) {
  const uint64_t before = MustCommit([&](WriteTx& tx) {
                            return tx.Emit(workspace_, SomeEvent(general_)).status();
                          }).position;
  const Committed committed = MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, SomeEvent(general_)));
    return tx.Emit(workspace_, SomeEvent(general_)).status();
  });
  EXPECT_EQ(committed.position, before + 2);
  EXPECT_FALSE(committed.replayed);
}

TEST_P(StoreSuite, CommitWithoutEventHasNoPosition) {
  const Committed committed =
      MustCommit([&](WriteTx& tx) { return tx.meta.Set("colour", "blue"); });
  EXPECT_EQ(committed.position, 0u);
}

TEST_P(StoreSuite, PeekIsThePositionOfTheNextEventAndMayBeRepeated) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint64_t first, tx.PeekPosition(workspace_));
    HEIM_ASSIGN_OR_RETURN(const uint64_t again, tx.PeekPosition(workspace_));
    HEIM_ASSIGN_OR_RETURN(const uint64_t emitted, tx.Emit(workspace_, SomeEvent(general_)));
    HEIM_ASSIGN_OR_RETURN(const uint64_t next, tx.PeekPosition(workspace_));
    EXPECT_EQ(first, again);
    EXPECT_EQ(first, emitted);
    EXPECT_EQ(next, emitted + 1);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, FailedDraftUndoesItselfAndNothingIsAnnounced) {
  const size_t announced = listener_.events().size();
  const auto failed = Commit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.meta.Set("colour", "red"));
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, SomeEvent(general_)));
    return ChannelNotFound();
  });
  EXPECT_EQ(ReasonOf(failed.status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  EXPECT_EQ(listener_.events().size(), announced);
  MustRead([](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto colour, tx.meta.Get("colour"));
    EXPECT_FALSE(colour.has_value());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, FailedDraftLeavesNoGapInThePositions) {
  uint64_t peeked = 0;
  EXPECT_FALSE(Commit([&](WriteTx& tx) -> absl::Status {
                 HEIM_ASSIGN_OR_RETURN(peeked, tx.Emit(workspace_, SomeEvent(general_)));
                 return ChannelNotFound();
               }).ok());
  const Committed committed =
      MustCommit([&](WriteTx& tx) { return tx.Emit(workspace_, SomeEvent(general_)).status(); });
  EXPECT_EQ(committed.position, peeked);
}

TEST_P(StoreSuite, AFailingDraftBetweenOthersHarmsNone) {
  constexpr int kDrafts = 60;
  absl::BlockingCounter done(kDrafts);
  std::atomic<int> ok{0};
  for (int i = 0; i < kDrafts; ++i) {
    Draft draft;
    draft.apply = [this, i](WriteTx& tx) -> absl::Status {
      HEIM_RETURN_IF_ERROR(tx.meta.Set(StrCat("draft", i), "x"));
      HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, SomeEvent(general_)));
      return i % 3 == 0 ? MessageNotFound() : absl::OkStatus();
    };
    store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> outcome) {
      if (outcome.ok()) ++ok;
      done.DecrementCount();
    });
  }
  done.Wait();
  EXPECT_EQ(ok.load(), 40);
  MustRead([](ReadTx& tx) -> absl::Status {
    for (int i = 0; i < kDrafts; ++i) {
      HEIM_ASSIGN_OR_RETURN(const auto value, tx.meta.Get(StrCat("draft", i)));
      EXPECT_EQ(value.has_value(), i % 3 != 0) << i;
    }
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, RepeatedIdempotencyKeyReplaysTheStoredAnswer) {
  int runs = 0;
  const auto apply = [&](WriteTx& tx) -> absl::Status {
    ++runs;
    v1::ActorRef answer;
    answer.set_id("first");
    tx.SetResponse(answer, 200);
    return tx.Emit(workspace_, SomeEvent(general_)).status();
  };
  const auto first = Commit(apply, KeyOf(ann_, "hash"));
  const auto second = Commit(apply, KeyOf(ann_, "hash"));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_FALSE(first->replayed);
  EXPECT_TRUE(second->replayed);
  EXPECT_EQ(runs, 1);
  v1::ActorRef answer;
  ASSERT_TRUE(answer.ParseFromString(second->stored_response));
  EXPECT_EQ(answer.id(), "first");
  EXPECT_EQ(second->http_status, 200);
}

TEST_P(StoreSuite, AKeptAnswerDoesNotOutliveTheTextOfItsMessage) {
  IdempotencyKey key = KeyOf(ann_, "hash");
  IdempotencyKey other = key;
  other.key = "other";
  v1::SendMessageResponse answer;
  answer.mutable_message()->set_content("secret");
  const auto keep = [&](const std::string& id) {
    return [&answer, id](WriteTx& tx) {
      answer.mutable_message()->set_id(id);
      tx.SetResponse(answer, 0);
      return absl::OkStatus();
    };
  };
  ASSERT_TRUE(Commit(keep("gone"), key).ok());
  ASSERT_TRUE(Commit(keep("stays"), other).ok());
  ASSERT_TRUE(Commit([](WriteTx& tx) {
                v1::Message tombstone;
                tombstone.set_id("gone");
                tombstone.set_revision(2);
                return tx.answers.ScrubMessage(tombstone);
              }).ok());
  const auto kept = [&](const IdempotencyKey& which) {
    const auto again = Commit([](WriteTx&) { return absl::InternalError("ran"); }, which);
    v1::SendMessageResponse parsed;
    EXPECT_TRUE(again.ok() && parsed.ParseFromString(again->stored_response));
    return parsed.message();
  };
  EXPECT_EQ(kept(key).content(), "");
  EXPECT_EQ(kept(key).revision(), 2u);
  EXPECT_EQ(kept(other).content(), "secret");
}

TEST_P(StoreSuite, IdempotencyKeyWithAnotherRequestConflicts) {
  const auto apply = [&](WriteTx&) { return absl::OkStatus(); };
  ASSERT_TRUE(Commit(apply, KeyOf(ann_, "hash")).ok());
  EXPECT_EQ(ReasonOf(Commit(apply, KeyOf(ann_, "other")).status()),
            v1::ERROR_REASON_IDEMPOTENCY_CONFLICT);
  EXPECT_FALSE(Commit(apply, KeyOf(bob_, "other"))->replayed) << "keys belong to an actor";
}

TEST_P(StoreSuite, IdempotencyKeyIsForgottenAfterADay) {
  const auto apply = [&](WriteTx&) { return absl::OkStatus(); };
  ASSERT_TRUE(Commit(apply, KeyOf(ann_, "hash")).ok());
  clock_.Advance(absl::Hours(24) - absl::Minutes(1));
  EXPECT_TRUE(Commit(apply, KeyOf(ann_, "hash"))->replayed);
  clock_.Advance(absl::Minutes(2));
  const auto later = Commit(apply, KeyOf(ann_, "other"));
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_FALSE(later->replayed);
}

TEST_P(StoreSuite, FailedDraftDoesNotUseUpItsKey) {
  EXPECT_FALSE(Commit([](WriteTx&) { return MessageNotFound(); }, KeyOf(ann_, "hash")).ok());
  const auto again = Commit([](WriteTx&) { return absl::OkStatus(); }, KeyOf(ann_, "hash"));
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->replayed);
}

TEST_P(StoreSuite, PositionsAreDenseAndAnnouncedInOrderUnderEightProducers) {
  constexpr int kProducers = 8;
  constexpr int kEach = 50;
  const size_t before = listener_.events().size();
  const uint64_t last = listener_.events().back()->position;
  absl::BlockingCounter done(kProducers * kEach);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        Draft draft;
        auto message = std::make_shared<v1::Message>(NewMessage(ann_, "hello"));
        draft.apply = [this, message](WriteTx& tx) { return Post(tx, *message); };
        store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> outcome) {
          EXPECT_TRUE(outcome.ok()) << outcome.status();
          done.DecrementCount();
        });
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  done.Wait();
  const auto events = listener_.events();
  ASSERT_EQ(events.size(), before + kProducers * kEach);
  for (size_t i = before; i < events.size(); ++i) {
    EXPECT_EQ(events[i]->position, last + 1 + (i - before));
    EXPECT_EQ(events[i]->event->position(), events[i]->position);
    EXPECT_EQ(events[i]->event->message_new().message().seq(), i - before + 1);
  }
}

TEST_P(StoreSuite, ListenerHearsBeforeTheContinuation) {
  uint64_t heard = 0;
  absl::Notification done;
  Draft draft;
  draft.apply = [&](WriteTx& tx) { return tx.Emit(workspace_, SomeEvent(general_)).status(); };
  store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> outcome) {
    EXPECT_TRUE(outcome.ok());
    heard = listener_.events().back()->position;
    EXPECT_EQ(heard, outcome->position);
    done.Notify();
  });
  done.WaitForNotification();
}

TEST_P(StoreSuite, StopFinishesWhatIsQueuedAndRefusesTheRest) {
  constexpr int kDrafts = 200;
  std::atomic<int> ok{0};
  for (int i = 0; i < kDrafts; ++i) {
    Draft draft;
    draft.apply = [&](WriteTx& tx) { return tx.Emit(workspace_, SomeEvent(general_)).status(); };
    store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> outcome) {
      if (outcome.ok()) ++ok;
    });
  }
  store_->Stop();
  EXPECT_EQ(ok.load(), kDrafts);
  EXPECT_EQ(ReasonOf(Commit([](WriteTx&) { return absl::OkStatus(); }).status()),
            v1::ERROR_REASON_DRAINING);
}

TEST_P(LastingStoreSuite, ReopeningKeepsEverything) {
  const v1::Message message = MustPost(NewMessage(ann_, "hello"));
  Reopen();
  EXPECT_EQ(MustGet(message.id()).SerializeAsString(), message.SerializeAsString());
  const v1::Message next = MustPost(NewMessage(ann_, "again"));
  EXPECT_EQ(next.seq(), message.seq() + 1);
}

TEST_P(StoreSuite, AReadSeesOneSnapshot) {
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const LogHead before, tx.log.Head(workspace_));
    MustPost(NewMessage(ann_, "meanwhile"));
    HEIM_ASSIGN_OR_RETURN(const LogHead after, tx.log.Head(workspace_));
    EXPECT_EQ(before.position, after.position);
    HEIM_ASSIGN_OR_RETURN(const auto page, tx.messages.List(general_, {}));
    EXPECT_TRUE(page.empty());
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
