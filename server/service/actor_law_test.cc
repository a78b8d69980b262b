// Random people do random things to people and agents; then the events, applied to nothing, must
// give what reads return: as the log holds them and as they were announced live. Seeds are fixed; a
// failure prints its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "google/protobuf/util/message_differencer.h"
#include "server/base/strings.h"
#include "server/service/account_fixture.h"

namespace heim {
namespace {

// A client that knows of actors nothing but their events.
class ActorModel {
 public:
  void Apply(const v1::Event& event) {
    if (event.position() != position_ + 1) ADD_FAILURE() << "a gap before " << event.position();
    position_ = event.position();
    if (event.has_actor_created()) {
      const v1::Actor& actor = event.actor_created().actor();
      if (!actors_.emplace(actor.id(), actor).second) ADD_FAILURE() << "made twice";
    } else if (event.has_actor_updated()) {
      const v1::Actor& actor = event.actor_updated().actor();
      v1::Actor& known = actors_[actor.id()];
      if (actor.revision() != known.revision() + 1) ADD_FAILURE() << "a revision is left out";
      known = actor;
    }
  }
  const std::map<std::string, v1::Actor>& actors() const { return actors_; }

 private:
  uint64_t position_ = 0;
  std::map<std::string, v1::Actor> actors_;
};

class ActorLawTest : public AccountFixture, public ::testing::WithParamInterface<uint64_t> {
 protected:
  uint64_t Below(uint64_t bound) { return RandomBelow(dice_, bound); }
  const std::string& One(const std::vector<std::string>& of) { return of[Below(of.size())]; }

  void DoSomething() {
    const std::string who = One(tokens_);
    if (!Authenticate(who).ok()) return;
    const std::string whom = One(ids_of_all_);
    switch (Below(8)) {
      case 0:
      case 1: {
        v1::UpdateActorRequest request;
        request.set_actor_id(whom);
        request.mutable_actor()->set_display_name(StrCat("Name ", Below(9)));
        if (IsAgent(whom) && Below(2) == 0) {
          request.mutable_actor()->set_username(StrCat("name", Below(9)));
        }
        if (Below(3) == 0) request.mutable_actor()->set_status(StrCat("status ", Below(3)));
        return (void)As(who, &ActorService::UpdateActor, *actors_, request);
      }
      case 2: {
        v1::DeactivateActorRequest request;
        request.set_actor_id(whom);
        return (void)As(who, &ActorService::DeactivateActor, *actors_, request);
      }
      case 3:
      case 4: {
        v1::ReactivateActorRequest request;
        request.set_actor_id(whom);
        return (void)As(who, &ActorService::ReactivateActor, *actors_, request);
      }
      case 5: {
        v1::UpdateAgentRequest request;
        request.set_agent_id(whom);
        request.mutable_agent()->mutable_agent()->set_owner_id(One(ids_of_all_));
        return (void)As(who, &AgentService::UpdateAgent, *agents_, request);
      }
      case 6: {
        if (ids_of_all_.size() > 14) return;
        const auto made = AddAgent(who, StrCat("agent", ids_of_all_.size()));
        if (!made.ok()) return;
        ids_of_all_.push_back(made->agent().id());
        tokens_.push_back(made->api_key());
        return;
      }
      default:
        clock_.Advance(absl::Minutes(Below(300)));
        return;
    }
  }

  // Whether each agent rests exactly when somebody above it is deactivated.
  void ExpectRestIsRight(const std::map<std::string, v1::Actor>& actors) {
    for (const auto& [id, shown] : actors) {
      const v1::Actor& actor = shown;
      if (!actor.has_agent() || actor.has_deleted_at()) continue;
      bool rests = false;
      std::string above = actor.agent().owner_id();
      for (int i = 0; i < 32 && !above.empty(); ++i) {
        const v1::Actor& owner = actors.at(above);
        rests = rests || owner.has_deleted_at();
        above = owner.agent().owner_id();
      }
      Read([&, &key = id](ReadTx& tx) -> absl::Status {
        EXPECT_EQ(*tx.actors.IsPaused(ActorId(key)), rests) << actor.DebugString();
        return absl::OkStatus();
      });
    }
  }

  void ExpectLawHolds(const std::vector<v1::Event>& events) {
    ActorModel model;
    for (const v1::Event& event : events) model.Apply(event);
    EXPECT_EQ(model.actors().size(), ids_of_all_.size());
    for (const auto& [id, by_events] : model.actors()) {
      v1::Actor stored;
      Read([&, &key = id](ReadTx& tx) -> absl::Status {
        stored = *tx.actors.Get(ActorId(key));
        return absl::OkStatus();
      });
      EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(by_events, stored))
          << by_events.DebugString() << stored.DebugString();
    }
    ExpectRestIsRight(model.actors());
  }

  bool IsAgent(const std::string& id) const {
    return std::find(ids_of_all_.begin() + kPeople, ids_of_all_.end(), id) != ids_of_all_.end();
  }

  static constexpr size_t kPeople = 5;
  SeededEntropy dice_{GetParam()};
  std::vector<std::string> tokens_;  // the people's first
  std::vector<std::string> ids_of_all_;
};

TEST_P(ActorLawTest, EventsOnNothingGiveWhatReadsReturn) {
  SCOPED_TRACE(StrCat("seed ", GetParam()));
  const std::string ann = SetUpServer();
  const std::vector<std::string> names = {"ann", "olga", "adam", "mia", "gus"};
  tokens_ = {ann, AddPerson(ann, "olga", v1::WORKSPACE_ROLE_OWNER),
             AddPerson(ann, "adam", v1::WORKSPACE_ROLE_ADMIN),
             AddPerson(ann, "mia", v1::WORKSPACE_ROLE_MEMBER),
             AddPerson(ann, "gus", v1::WORKSPACE_ROLE_GUEST)};
  for (const std::string& token : tokens_) ids_of_all_.push_back(IdOf(token));
  std::vector<v1::Event> live = hub_.TakeEvents();
  const size_t before = live.size();
  for (int i = 0; i < 300; ++i) {
    DoSomething();
    const size_t person = Below(kPeople);
    if (Authenticate(tokens_[person]).ok()) continue;
    const auto login = Login(names[person], kPassword);
    if (login.ok()) tokens_[person] = login->token();
  }
  const std::vector<v1::Event> more = hub_.TakeEvents();
  live.insert(live.end(), more.begin(), more.end());
  EXPECT_GT(live.size(), before + 20) << "little happened";
  ExpectLawHolds(live);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ActorLawTest, ::testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace heim
