// Pins, saved items and forwards against deletion and changes of who may read: through the services
// over a real store.
#include <set>
#include <string>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

using Kind = v1::Event;

class KeepsakesTest : public ChatFixture {
 protected:
  void SetUp() override {
    ChatFixture::SetUp();
    room_ = CreateChannel(ann_, "room", v1::CHANNEL_TYPE_PRIVATE)->id();
    ASSERT_TRUE(AddMember(ann_, room_, bob_).ok());
    message_ = Send(ann_, room_, "hello")->id();
    tape_.TakeKinds();
  }

  std::string room_;
  std::string message_;
};

TEST_F(KeepsakesTest, ASecondPinAndASecondUnpinSayNothing) {
  EXPECT_TRUE(Pin(bob_, room_, message_).ok());
  EXPECT_TRUE(Pin(ann_, room_, message_).ok());
  EXPECT_TRUE(Unpin(ann_, room_, message_).ok());
  EXPECT_TRUE(Unpin(ann_, room_, message_).ok());
  Settle();
  EXPECT_EQ(tape_.TakeKinds(),
            (std::vector<Kind::PayloadCase>{Kind::kPinAdded, Kind::kPinRemoved}));
}

TEST_F(KeepsakesTest, ADeletionTakesPinAndSavedItemsAndSaysSo) {
  ASSERT_TRUE(Pin(bob_, room_, message_).ok());
  ASSERT_TRUE(Save(bob_, message_, "later").ok());
  ASSERT_TRUE(Save(ann_, message_, "").ok());
  tape_.TakeKinds();
  ASSERT_TRUE(Delete(ann_, message_).ok());
  Settle();
  EXPECT_EQ(tape_.TakeKinds(),
            (std::vector<Kind::PayloadCase>{Kind::kPinRemoved, Kind::kMessageDeleted}));
  EXPECT_TRUE(Pinned(bob_, room_).empty());
  EXPECT_TRUE(Saved(bob_).empty());
  EXPECT_TRUE(Saved(ann_).empty());
  EXPECT_EQ(ReasonOf(Pin(bob_, room_, message_)), v1::ERROR_REASON_MESSAGE_DELETED);
  EXPECT_EQ(ReasonOf(Save(bob_, message_, "").status()), v1::ERROR_REASON_MESSAGE_DELETED);
}

TEST_F(KeepsakesTest, EventsOfSavedItemsAreForTheirOwnerAlone) {
  ASSERT_TRUE(Save(bob_, message_, "later").ok());
  ASSERT_TRUE(Save(bob_, message_, "later").ok()) << "no change";
  ASSERT_TRUE(Unsave(bob_, message_).ok());
  ASSERT_TRUE(Unsave(ann_, message_).ok()) << "she saved nothing";
  Settle();
  int own = 0;
  for (const v1::Event& event : tape_.events()) {
    if (!event.has_saved_updated() && !event.has_saved_removed()) continue;
    EXPECT_EQ(event.to_actor_id(), bob_.actor_id.str());
    EXPECT_EQ(event.channel_id(), "");
    ++own;
  }
  EXPECT_EQ(own, 2);
}

TEST_F(KeepsakesTest, ANoteThatIsReplacedOrGoesIsNotReadInTheLog) {
  const auto logged = [&](std::string_view note) {
    for (const v1::Event& event : ReadLog()) {
      if (event.saved_updated().item().note() == note) return true;
    }
    return false;
  };
  ASSERT_TRUE(Save(bob_, message_, "first").ok());
  ASSERT_TRUE(Save(ann_, message_, "hers").ok());
  EXPECT_TRUE(logged("first"));
  ASSERT_TRUE(Save(bob_, message_, "second").ok());
  EXPECT_FALSE(logged("first"));
  EXPECT_TRUE(logged("second"));
  ASSERT_TRUE(Unsave(bob_, message_).ok());
  EXPECT_FALSE(logged("second"));
  EXPECT_TRUE(logged("hers"));
  ASSERT_TRUE(Delete(ann_, message_).ok());
  EXPECT_FALSE(logged("hers"));
}

TEST_F(KeepsakesTest, ASavedItemOfAnotherWorkspaceIsNotTouchedFromHere) {
  ASSERT_TRUE(Save(bob_, message_, "later").ok());
  Caller elsewhere = bob_;
  elsewhere.workspace_id = WorkspaceId(ids_.NewId());
  EXPECT_FALSE(Unsave(elsewhere, message_).ok());
  EXPECT_EQ(Saved(bob_).size(), 1u);
}

TEST_F(KeepsakesTest, CopiesBeyondOneCommitAreErasedInTheFollowing) {
  const size_t copies = kForwardsErasedAtOnce * 2 + 7;
  std::set<std::string> made;
  for (size_t i = 0; i < copies; ++i) {
    const auto copy = Forward(bob_, message_, general_, "");
    ASSERT_TRUE(copy.ok()) << copy.status();
    made.insert(copy->id());
  }
  ASSERT_TRUE(Delete(ann_, message_).ok());
  for (int i = 0; i < 3; ++i) Settle();
  for (const std::string& id : made) {
    const auto copy = Get(bob_, id);
    ASSERT_TRUE(copy.ok());
    EXPECT_TRUE(copy->forward().has_deleted_at());
    EXPECT_EQ(copy->forward().content(), "");
  }
  for (const v1::Event& event : ReadLog()) {
    EXPECT_EQ(event.SerializeAsString().find("hello"), std::string::npos);
  }
}

TEST_F(KeepsakesTest, CopiesThatAStopLeftAreErasedAtTheNextStart) {
  const auto copy = Forward(bob_, message_, general_, "");
  ASSERT_TRUE(copy.ok());
  // The original goes as an older commit would have left it: with the copy still there.
  absl::Notification done;
  Draft draft;
  draft.apply = [&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(v1::Message original, tx.messages.Get(MessageId(message_)));
    original.clear_content();
    *original.mutable_deleted_at() = original.created_at();
    return tx.messages.Update(original, 0);
  };
  store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>&) { done.Notify(); });
  done.WaitForNotification();
  EXPECT_FALSE(Get(bob_, copy->id())->forward().has_deleted_at());
  Restart();
  Settle();
  EXPECT_TRUE(Get(bob_, copy->id())->forward().has_deleted_at());
}

TEST_F(KeepsakesTest, ADeletedCopyLeavesTheOriginalAndTheOtherCopies) {
  const auto first = Forward(bob_, message_, general_, "one");
  const auto second = Forward(bob_, first->id(), general_, "two");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->forward().message_id(), message_);
  ASSERT_TRUE(Delete(bob_, first->id()).ok());
  Settle();
  EXPECT_EQ(Get(bob_, message_)->content(), "hello");
  EXPECT_EQ(Get(bob_, second->id())->forward().content(), "hello");
  EXPECT_FALSE(Get(bob_, first->id())->has_forward());
}

}  // namespace
}  // namespace heim
