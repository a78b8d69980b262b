// Erasing an actor step by step: state and log agree in the end, nothing of it is in either, and
// whoever read along came to the same.
#include "server/service/erasing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/status_macros.h"
#include "server/model/erased_actor.h"
#include "server/service/chat_fixture.h"
#include "server/service/profile_change.h"
#include "server/service/state_law.h"

namespace heim {
namespace {

constexpr char kId[] = "01890000-0000-7000-8000-0123456789ab";

class ErasingTest : public ChatFixture, public ::testing::WithParamInterface<v1::ErasedMessages> {
 protected:
  void Do(const std::function<absl::Status(WriteTx&)>& apply) {
    absl::Notification done;
    Draft draft;
    draft.apply = apply;
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      done.Notify();
    });
    done.WaitForNotification();
  }

  void Begin(const Caller& whom) {
    Do([&](WriteTx& tx) -> absl::Status {
      ErasureRow row;
      row.erasure.set_id(kId);
      row.erasure.set_actor_id(whom.actor_id.str());
      row.erasure.set_requested_by(olga_.actor_id.str());
      row.erasure.set_messages(GetParam());
      row.erasure.set_state(v1::ERASURE_STATE_RUNNING);
      row.workspace_id = workspace_;
      HEIM_ASSIGN_OR_RETURN(const v1::Actor before, tx.actors.Get(whom.actor_id));
      v1::Actor erased = ErasedActor(before, kId, clock_.Now());
      HEIM_RETURN_IF_ERROR(SaveActor(tx, {olga_.actor_id, clock_.Now()}, &erased));
      HEIM_RETURN_IF_ERROR(tx.erasures.EraseIdentity(&row));
      return tx.erasures.Insert(row);
    });
  }

  // How many steps it took.
  int RunToEnd() {
    int steps = 0;
    bool more = true;
    while (more && steps < 1000) {
      Do([&](WriteTx& tx) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const auto row, tx.erasures.Next());
        more = row.has_value();
        if (!more) return absl::OkStatus();
        ++steps;
        return StepErasure(tx, *row, clock_.Now());
      });
      // Bytes go behind, as in the program.
      sweeper_->Sweep();
      Settle();
    }
    return steps;
  }

  void ExpectLawHolds() {
    LogModel model;
    for (const v1::Event& event : ReadLog()) model.Apply(event);
    Read([&](ReadTx& tx) -> absl::Status {
      EXPECT_THAT(model.Differences(tx, workspace_), ::testing::IsEmpty());
      return absl::OkStatus();
    });
  }
};

TEST_P(ErasingTest, StateAndLogAgreeAndHoldNothingOfIt) {
  const std::string name = bob_.actor.username();
  const std::string root = Send(ann_, general_, "a question for @" + name)->id();
  const std::string said = Send(bob_, general_, "an answer", root)->id();
  ASSERT_TRUE(Edit(bob_, said, "a better answer").ok());
  ASSERT_TRUE(React(bob_, root, "👍").ok());
  ASSERT_TRUE(React(ann_, said, "👍").ok());
  ASSERT_TRUE(Forward(ann_, said, general_, "look").ok());
  ASSERT_TRUE(AddBookmark(bob_, general_, "of bob").ok());
  ASSERT_TRUE(Save(bob_, root, "a note of bob").ok());
  ASSERT_TRUE(Save(ann_, said, "a note of ann").ok());
  ASSERT_TRUE(Pin(bob_, general_, root).ok());
  const auto direct = OpenDirect(bob_, {&ann_});
  ASSERT_TRUE(direct.ok());
  ASSERT_TRUE(Send(bob_, direct->id(), "between us").ok());
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(Send(bob_, general_, "and on").ok());

  Begin(bob_);
  EXPECT_GT(RunToEnd(), 8);
  ExpectLawHolds();
  for (const v1::Event& event : ReadLog()) {
    EXPECT_EQ(event.SerializeAsString().find("@" + name), std::string::npos)
        << event.ShortDebugString();
    EXPECT_EQ(event.SerializeAsString().find("a note of bob"), std::string::npos);
  }
  const bool deleted = GetParam() == v1::ERASED_MESSAGES_DELETE;
  const auto left = Get(ann_, said);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->has_deleted_at(), deleted);
  EXPECT_EQ(left->actor().display_name(),
            bob_.actor.type() == v1::ACTOR_TYPE_AGENT ? "Deleted agent" : "Deleted user");
  const auto asked = Get(ann_, root);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked->content(), "a question for @deleted-80000123456789ab");
  EXPECT_EQ(asked->reactions_size(), deleted ? 0 : 1);
  Read([&](ReadTx& tx) -> absl::Status {
    EXPECT_TRUE(tx.actors.WorkspacesOf(bob_.actor_id)->empty());
    EXPECT_TRUE(tx.members.ChannelsOf(workspace_, bob_.actor_id)->empty());
    HEIM_ASSIGN_OR_RETURN(const ErasureRow row, tx.erasures.Get(kId));
    EXPECT_EQ(row.erasure.state(), v1::ERASURE_STATE_DONE);
    return absl::OkStatus();
  });
}

TEST_P(ErasingTest, AStepThatRunsAgainDoesNothingTwice) {
  ASSERT_TRUE(Send(bob_, general_, "once").ok());
  Begin(bob_);
  // A batch that failed is run again: the same row, a second time, from where it stood.
  Do([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(auto row, tx.erasures.Next());
    row->stage = ErasureRow::Stage::kMessages;
    HEIM_RETURN_IF_ERROR(StepErasure(tx, *row, clock_.Now()));
    row->cursor.clear();
    return StepErasure(tx, *row, clock_.Now());
  });
  RunToEnd();
  ExpectLawHolds();
}

INSTANTIATE_TEST_SUITE_P(Ways, ErasingTest,
                         ::testing::Values(v1::ERASED_MESSAGES_DELETE,
                                           v1::ERASED_MESSAGES_ANONYMISE),
                         [](const auto& way) {
                           return way.param == v1::ERASED_MESSAGES_DELETE ? "Delete" : "Anonymise";
                         });

}  // namespace
}  // namespace heim
