// Actors and agents: who may make, see, change and end whom, with a token for each role; and that
// events carry exactly what the store then holds.
#include "server/service/actor_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/model/scopes.h"
#include "server/service/account_fixture.h"

namespace heim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

class ActorServiceTest : public AccountFixture {
 protected:
  void SetUp() override {
    AccountFixture::SetUp();
    ann_ = SetUpServer();
    adam_ = AddPerson(ann_, "adam", v1::WORKSPACE_ROLE_ADMIN);
    mia_ = AddPerson(ann_, "mia", v1::WORKSPACE_ROLE_MEMBER);
    gus_ = AddPerson(ann_, "gus", v1::WORKSPACE_ROLE_GUEST);
    hub_.TakeEvents();
  }

  absl::StatusOr<v1::CreateActorResponse> Create(const std::string& token, v1::ActorType type,
                                                 const std::string& username,
                                                 v1::WorkspaceRole role = {}) {
    v1::CreateActorRequest request;
    request.set_type(type);
    request.set_username(username);
    request.set_role(role);
    return As(token, &ActorService::CreateActor, *actors_, request);
  }
  absl::StatusOr<v1::GetActorResponse> Get(const std::string& token, const std::string& id) {
    v1::GetActorRequest request;
    request.set_actor_id(id);
    return As(token, &ActorService::GetActor, *actors_, request);
  }
  absl::StatusOr<v1::UpdateActorResponse> Update(const std::string& token, const std::string& id,
                                                 const v1::Actor& actor,
                                                 const std::vector<std::string>& mask = {}) {
    v1::UpdateActorRequest request;
    request.set_actor_id(id);
    *request.mutable_actor() = actor;
    for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
    return As(token, &ActorService::UpdateActor, *actors_, request);
  }
  absl::StatusOr<v1::DeactivateActorResponse> Deactivate(const std::string& token,
                                                         const std::string& id) {
    v1::DeactivateActorRequest request;
    request.set_actor_id(id);
    return As(token, &ActorService::DeactivateActor, *actors_, request);
  }
  static v1::Actor Named(const std::string& display_name) {
    v1::Actor actor;
    actor.set_display_name(display_name);
    return actor;
  }
  v1::Actor Stored(const std::string& id) {
    v1::Actor actor;
    Read([&](ReadTx& tx) -> absl::Status {
      actor = *tx.actors.Get(ActorId(id));
      return absl::OkStatus();
    });
    return actor;
  }
  bool Rests(const std::string& id) {
    bool rests = false;
    Read([&](ReadTx& tx) -> absl::Status {
      rests = *tx.actors.IsPaused(ActorId(id));
      return absl::OkStatus();
    });
    return rests;
  }
  void Share(const std::string& channel_name, const std::string& owner,
             const std::vector<std::string>& others) {
    Draft draft;
    const Acting acting{ActorId(IdOf(owner)), clock_.Now()};
    const ChannelId id(ids_.NewId());
    draft.apply = [&](WriteTx& tx) -> absl::Status {
      v1::Channel channel;
      channel.set_id(id.str());
      channel.set_workspace_id(workspace_.str());
      channel.set_name(channel_name);
      channel.set_type(v1::CHANNEL_TYPE_PRIVATE);
      *channel.mutable_created_at() = ToTimestamp(acting.at);
      channel.set_created_by(acting.by.str());
      channel.set_revision(1);
      absl::Status status = tx.channels.Insert(channel, "");
      for (const std::string& token : others) {
        status.Update(
            AddToChannel(tx, acting, id, ActorId(IdOf(token)), v1::CHANNEL_ROLE_MEMBER).status());
      }
      return status;
    };
    absl::Notification done;
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      done.Notify();
    });
    done.WaitForNotification();
  }

  std::string ann_;
  std::string adam_;
  std::string mia_;
  std::string gus_;
};

TEST_F(ActorServiceTest, RolesDecideWhoMakesWhom) {
  const struct {
    const std::string* maker;
    v1::ActorType type;
    v1::WorkspaceRole role;
    v1::ErrorReason reason;
  } kCases[] = {
      {&ann_, v1::ACTOR_TYPE_HUMAN, v1::WORKSPACE_ROLE_OWNER, v1::ERROR_REASON_UNSPECIFIED},
      {&adam_, v1::ACTOR_TYPE_HUMAN, v1::WORKSPACE_ROLE_ADMIN, v1::ERROR_REASON_UNSPECIFIED},
      {&adam_, v1::ACTOR_TYPE_HUMAN, v1::WORKSPACE_ROLE_OWNER,
       v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {&mia_, v1::ACTOR_TYPE_HUMAN, v1::WORKSPACE_ROLE_MEMBER,
       v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {&mia_, v1::ACTOR_TYPE_AGENT, v1::WORKSPACE_ROLE_MEMBER, v1::ERROR_REASON_UNSPECIFIED},
      {&mia_, v1::ACTOR_TYPE_AGENT, v1::WORKSPACE_ROLE_ADMIN,
       v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {&gus_, v1::ACTOR_TYPE_AGENT, v1::WORKSPACE_ROLE_GUEST,
       v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {&ann_, v1::ACTOR_TYPE_SYSTEM, v1::WORKSPACE_ROLE_MEMBER, v1::ERROR_REASON_INVALID_ARGUMENT},
      {&ann_, v1::ACTOR_TYPE_UNSPECIFIED, v1::WORKSPACE_ROLE_MEMBER,
       v1::ERROR_REASON_INVALID_ARGUMENT},
  };
  int n = 0;
  for (const auto& test : kCases) {
    const auto made = Create(*test.maker, test.type, StrCat("new", ++n), test.role);
    EXPECT_EQ(ReasonOf(made.status()), test.reason) << n << made.status();
  }
}

TEST_F(ActorServiceTest, NewActorsAreAnnouncedAsStored) {
  const auto made = Create(mia_, v1::ACTOR_TYPE_AGENT, "bot");
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->actor().agent().owner_id(), IdOf(mia_));
  const std::vector<v1::Event> events = hub_.TakeEvents();
  EXPECT_THAT(KindsOf(events), ElementsAre(v1::Event::kActorCreated, v1::Event::kMemberAdded));
  EXPECT_EQ(events[0].actor_created().actor().SerializeAsString(),
            Stored(made->actor().id()).SerializeAsString());
  EXPECT_EQ(events[0].actor_id(), IdOf(mia_));
}

TEST_F(ActorServiceTest, GuestsDoNotEnterTheDefaultChannel) {
  ASSERT_TRUE(Create(ann_, v1::ACTOR_TYPE_HUMAN, "gil", v1::WORKSPACE_ROLE_GUEST).ok());
  EXPECT_THAT(KindsOf(hub_.TakeEvents()), ElementsAre(v1::Event::kActorCreated));
}

TEST_F(ActorServiceTest, StrangersSignUpOnlyWhereItIsOpenAndOnlyAsMembers) {
  v1::CreateActorRequest request;
  request.set_type(v1::ACTOR_TYPE_HUMAN);
  request.set_username("eve");
  request.set_password(std::string(kPassword));
  const auto create = [&] {
    return As("", &ActorService::CreateActor, *actors_, request).status();
  };
  EXPECT_EQ(ReasonOf(create()), v1::ERROR_REASON_REGISTRATION_DISABLED);
  MakeServices(/*open_registration=*/true);
  request.set_role(v1::WORKSPACE_ROLE_ADMIN);
  EXPECT_EQ(ReasonOf(create()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  request.clear_role();
  request.set_password("short");
  EXPECT_EQ(ReasonOf(create()), v1::ERROR_REASON_INVALID_ARGUMENT);
  request.set_type(v1::ACTOR_TYPE_AGENT);
  EXPECT_EQ(ReasonOf(create()), v1::ERROR_REASON_INVALID_ARGUMENT);
  request.set_type(v1::ACTOR_TYPE_HUMAN);
  request.set_password(std::string(kPassword));
  EXPECT_TRUE(create().ok());
  EXPECT_TRUE(Login("eve", kPassword).ok());
}

TEST_F(ActorServiceTest, GuestsSeeOnlyThoseTheyShareAChannelWith) {
  EXPECT_EQ(ReasonOf(Get(gus_, IdOf(mia_)).status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
  EXPECT_EQ(Get(gus_, "me")->actor().username(), "gus");
  Share("secret", ann_, {mia_, gus_});
  EXPECT_TRUE(Get(gus_, IdOf(mia_)).ok());
  EXPECT_EQ(ReasonOf(Get(gus_, IdOf(ann_)).status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
  const auto list = As(gus_, &ActorService::ListActors, *actors_, {});
  ASSERT_TRUE(list.ok()) << list.status();
  std::vector<std::string> names;
  for (const v1::Actor& actor : list->actors()) names.push_back(actor.username());
  EXPECT_THAT(names, ElementsAre("gus", "mia"));
}

TEST_F(ActorServiceTest, HiddenMissingAndMalformedAreTheSame) {
  const std::string hidden = ToError(Get(gus_, IdOf(mia_)).status(), "").SerializeAsString();
  EXPECT_EQ(ToError(Get(gus_, ids_.NewId()).status(), "").SerializeAsString(), hidden);
  EXPECT_EQ(ToError(Get(gus_, "no uuid").status(), "").SerializeAsString(), hidden);
}

TEST_F(ActorServiceTest, ListsPageByUsername) {
  v1::ListActorsRequest request;
  request.set_limit(3);
  const auto first = As(mia_, &ActorService::ListActors, *actors_, request);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(first->has_more());
  request.set_cursor(first->next_cursor());
  const auto second = As(mia_, &ActorService::ListActors, *actors_, request);
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->has_more());
  EXPECT_EQ(second->actors(0).username(), "mia");
  request.set_q("other filter");
  EXPECT_EQ(ReasonOf(As(mia_, &ActorService::ListActors, *actors_, request).status()),
            v1::ERROR_REASON_INVALID_CURSOR);
}

TEST_F(ActorServiceTest, RightsOverProfiles) {
  const std::string bot = AddAgent(mia_, "bot")->agent().id();
  const struct {
    const std::string* who;
    std::string whom;
    v1::ErrorReason reason;
  } kCases[] = {
      {&mia_, "me", v1::ERROR_REASON_UNSPECIFIED},
      {&gus_, IdOf(gus_), v1::ERROR_REASON_UNSPECIFIED},
      {&mia_, bot, v1::ERROR_REASON_UNSPECIFIED},
      {&adam_, bot, v1::ERROR_REASON_UNSPECIFIED},
      {&adam_, IdOf(mia_), v1::ERROR_REASON_UNSPECIFIED},
      {&ann_, IdOf(adam_), v1::ERROR_REASON_UNSPECIFIED},
      {&adam_, IdOf(ann_), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {&mia_, IdOf(adam_), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {&gus_, bot, v1::ERROR_REASON_ACTOR_NOT_FOUND},
  };
  int n = 0;
  for (const auto& test : kCases) {
    const auto updated = Update(*test.who, test.whom, Named(StrCat("Name ", ++n)));
    EXPECT_EQ(ReasonOf(updated.status()), test.reason) << n << updated.status();
  }
}

TEST_F(ActorServiceTest, UpdateIsAnnouncedAsStoredAndCountsRevisions) {
  v1::Actor wanted = Named("Mia \xE2\x80\xAE Ω");
  wanted.set_status("busy");
  const auto updated = Update(mia_, "me", wanted);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->actor().display_name(), "Mia  Ω");
  EXPECT_EQ(updated->actor().revision(), 2u);
  const std::vector<v1::Event> events = hub_.TakeEvents();
  ASSERT_THAT(KindsOf(events), ElementsAre(v1::Event::kActorUpdated));
  EXPECT_EQ(events[0].actor_updated().actor().SerializeAsString(),
            Stored(IdOf(mia_)).SerializeAsString());
  EXPECT_EQ(presence_.Get(ActorId(IdOf(mia_)), std::nullopt).status(), "busy");

  EXPECT_EQ(Update(mia_, "me", wanted)->actor().revision(), 2u);
  EXPECT_THAT(hub_.TakeEvents(), IsEmpty());
  v1::UpdateActorRequest stale;
  stale.set_actor_id("me");
  *stale.mutable_actor() = Named("Other");
  stale.set_expected_revision(1);
  EXPECT_EQ(ReasonOf(As(mia_, &ActorService::UpdateActor, *actors_, stale).status()),
            v1::ERROR_REASON_REVISION_CONFLICT);
}

TEST_F(ActorServiceTest, WhatIsNotTheClientsToSetIsRefused) {
  v1::Actor actor;
  for (const std::string path : {"id", "type", "created_at", "deleted_at", "revision", "presence",
                                 "avatar_url", "agent.owner_id"}) {
    EXPECT_EQ(ReasonOf(Update(mia_, "me", actor, {path}).status()), v1::ERROR_REASON_INVALID_MASK)
        << path;
  }
  actor.mutable_agent()->set_model("m");
  EXPECT_EQ(ReasonOf(Update(mia_, "me", actor, {"agent.model"}).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  actor.set_username("adam");
  EXPECT_EQ(ReasonOf(Update(mia_, "me", actor, {"username"}).status()),
            v1::ERROR_REASON_USERNAME_TAKEN);
  actor.set_username("everyone");
  EXPECT_EQ(ReasonOf(Update(mia_, "me", actor, {"username"}).status()),
            v1::ERROR_REASON_USERNAME_TAKEN);
  EXPECT_EQ(Stored(IdOf(mia_)).type(), v1::ACTOR_TYPE_HUMAN);
}

TEST_F(ActorServiceTest, DeactivationEndsEverythingAtOnce) {
  const auto bot = AddAgent(mia_, "bot");
  const std::string id = bot->agent().id();
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_UNSPECIFIED);
  hub_.TakeEvents();
  const auto gone = Deactivate(mia_, id);
  ASSERT_TRUE(gone.ok()) << gone.status();
  EXPECT_TRUE(gone->actor().has_deleted_at());
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_THAT(hub_.ended, Contains(StrCat("actor_deactivated ", id)));
  EXPECT_THAT(stopper_.stopped, ElementsAre(id));
  const std::vector<v1::Event> events = hub_.TakeEvents();
  ASSERT_THAT(KindsOf(events), ElementsAre(v1::Event::kActorUpdated));
  EXPECT_EQ(events[0].actor_updated().actor().SerializeAsString(), Stored(id).SerializeAsString());
  EXPECT_TRUE(Deactivate(mia_, id).ok());
  EXPECT_THAT(hub_.TakeEvents(), IsEmpty());
  EXPECT_EQ(ReasonOf(Create(mia_, v1::ACTOR_TYPE_AGENT, "bot").status()),
            v1::ERROR_REASON_USERNAME_TAKEN);
  EXPECT_EQ(ReasonOf(Update(mia_, id, Named("x")).status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
}

TEST_F(ActorServiceTest, DeactivatedPeopleCannotComeBackIn) {
  EXPECT_EQ(ReasonOf(Deactivate(mia_, IdOf(adam_)).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  const std::string adam_id = IdOf(adam_);
  ASSERT_TRUE(Deactivate(ann_, adam_id).ok());
  EXPECT_EQ(ReasonFor(adam_), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_EQ(ReasonOf(Login("adam", kPassword).status()), v1::ERROR_REASON_INVALID_CREDENTIALS);
}

TEST_F(ActorServiceTest, LastOwnerStays) {
  EXPECT_EQ(ReasonOf(Deactivate(ann_, "me").status()), v1::ERROR_REASON_LAST_OWNER);
  EXPECT_EQ(ReasonFor(ann_), v1::ERROR_REASON_UNSPECIFIED);
  const std::string olga = AddPerson(ann_, "olga", v1::WORKSPACE_ROLE_OWNER);
  EXPECT_TRUE(Deactivate(ann_, "me").ok());
  EXPECT_EQ(ReasonOf(Deactivate(olga, "me").status()), v1::ERROR_REASON_LAST_OWNER);
}

TEST_F(ActorServiceTest, WhoComesBackHasItsNameAndNothingElse) {
  const auto reactivate = [&](const std::string& token, const std::string& id) {
    v1::ReactivateActorRequest request;
    request.set_actor_id(id);
    return As(token, &ActorService::ReactivateActor, *actors_, request);
  };
  const std::string mia = IdOf(mia_);
  const auto bot = AddAgent(mia_, "bot");
  const std::string bot_id = bot->agent().id();
  ASSERT_TRUE(Deactivate(adam_, mia).ok());
  EXPECT_TRUE(Rests(bot_id));
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_TOKEN_REVOKED);
  hub_.TakeEvents();
  EXPECT_EQ(ReasonOf(reactivate(gus_, mia).status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
  const auto back = reactivate(adam_, mia);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_FALSE(back->actor().has_deleted_at());
  EXPECT_EQ(back->actor().username(), "mia");
  const std::vector<v1::Event> events = hub_.TakeEvents();
  ASSERT_THAT(KindsOf(events), ElementsAre(v1::Event::kActorUpdated));
  EXPECT_EQ(events[0].actor_updated().actor().SerializeAsString(), Stored(mia).SerializeAsString());
  // Sessions do not come back, the agent does: its key was never revoked.
  EXPECT_EQ(ReasonFor(mia_), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_TRUE(Login("mia", kPassword).ok());
  EXPECT_FALSE(Rests(bot_id));
  EXPECT_TRUE(Authenticate(bot->api_key()).ok());
  ASSERT_TRUE(reactivate(adam_, mia).ok());
  EXPECT_THAT(hub_.TakeEvents(), IsEmpty());
  // A deactivated agent's keys stay dead.
  ASSERT_TRUE(Deactivate(adam_, bot_id).ok());
  ASSERT_TRUE(reactivate(adam_, bot_id).ok());
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_TOKEN_REVOKED);
}

TEST_F(ActorServiceTest, AgentsRestAndWakeWithWhomeverTheyBelongTo) {
  const auto set = [&](const std::string& id, bool active) {
    if (!active) return Deactivate(ann_, id).status();
    v1::ReactivateActorRequest request;
    request.set_actor_id(id);
    return As(ann_, &ActorService::ReactivateActor, *actors_, request).status();
  };
  const std::string mia = IdOf(mia_);
  const auto upper = AddAgent(mia_, "upper");
  const std::string upper_id = upper->agent().id();
  const std::string lower_id = AddAgent(upper->api_key(), "lower")->agent().id();
  // Who is deactivated and reactivated, and whether the lower agent then rests.
  const struct {
    std::string id;
    bool active;
    bool upper_rests;
    bool lower_rests;
  } kSteps[] = {{mia, false, true, true},       {upper_id, false, true, true},
                {mia, true, true, true},        {upper_id, true, false, false},
                {upper_id, false, false, true}, {mia, false, false, true},
                {upper_id, true, true, true},   {mia, true, false, false}};
  int n = 0;
  for (const auto& step : kSteps) {
    ASSERT_TRUE(set(step.id, step.active).ok()) << ++n;
    // What is deactivated is looked at again when it comes back.
    if (!Stored(upper_id).has_deleted_at()) {
      EXPECT_EQ(Rests(upper_id), step.upper_rests) << n;
    }
    EXPECT_EQ(Rests(lower_id), step.lower_rests) << n;
  }
}

TEST_F(ActorServiceTest, NamesAreCleanedUp) {
  const struct {
    std::string given;
    std::string kept;
  } kCases[] = {{"e\xCC\x81mile", "\xC3\xA9mile"},
                {"  M \xE2\x80\xAEia\xE2\x80\x8B ", "M ia"},
                {"\xE2\x80\x8B  \xE2\x81\xA6", "mia"},
                {"\xF0\x9F\x8E\x89", "\xF0\x9F\x8E\x89"}};
  for (const auto& test : kCases) {
    const auto updated = Update(mia_, "me", Named(test.given));
    ASSERT_TRUE(updated.ok()) << updated.status();
    EXPECT_EQ(updated->actor().display_name(), test.kept);
  }
}

TEST_F(ActorServiceTest, TheDirectoryFiltersAndPagesAlike) {
  for (int i = 0; i < 5; ++i) {
    v1::RegisterAgentRequest request;
    request.set_username(StrCat("bot", i));
    request.set_framework(i < 4 ? "langgraph" : "autogen");
    request.add_capabilities("search");
    ASSERT_TRUE(As(i < 3 ? mia_ : ann_, &AgentService::RegisterAgent, *agents_, request).ok());
  }
  v1::ListActorsRequest request;
  request.set_framework("langgraph");
  request.set_capability("search");
  request.set_owner_id("me");
  request.set_limit(2);
  const auto first = As(mia_, &ActorService::ListActors, *actors_, request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->actors_size(), 2);
  request.set_cursor(first->next_cursor());
  const auto second = As(mia_, &ActorService::ListActors, *actors_, request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->actors(0).username(), "bot2");
  EXPECT_FALSE(second->has_more());
  // A cursor belongs to its filters.
  request.set_framework("lang");
  EXPECT_EQ(ReasonOf(As(mia_, &ActorService::ListActors, *actors_, request).status()),
            v1::ERROR_REASON_INVALID_CURSOR);
  v1::ListAgentsRequest agents;
  agents.set_q("OT4");
  agents.set_owner_id(IdOf(ann_));
  const auto found = As(mia_, &AgentService::ListAgents, *agents_, agents);
  ASSERT_EQ(found->agents_size(), 1);
  EXPECT_EQ(found->agents(0).username(), "bot4");
  EXPECT_EQ(As(gus_, &AgentService::ListAgents, *agents_, agents)->agents_size(), 0);
}

TEST_F(ActorServiceTest, KeysNeedTheScope) {
  const auto bot = AddAgent(mia_, "bot");
  v1::CreateAgentKeyRequest request;
  request.set_agent_id(bot->agent().id());
  request.add_scopes("messages:read");
  const std::string key = As(mia_, &AgentService::CreateAgentKey, *agents_, request)->api_key();
  EXPECT_EQ(ReasonOf(Get(key, IdOf(mia_)).status()), v1::ERROR_REASON_MISSING_SCOPE);
  EXPECT_TRUE(Get(key, "me").ok());
  EXPECT_EQ(ReasonOf(Update(key, "me", Named("x")).status()), v1::ERROR_REASON_MISSING_SCOPE);
}

class AgentServiceTest : public ActorServiceTest {
 protected:
  absl::StatusOr<v1::CreateAgentKeyResponse> AddKey(const std::string& token,
                                                    const std::string& agent) {
    v1::CreateAgentKeyRequest request;
    request.set_agent_id(agent);
    return As(token, &AgentService::CreateAgentKey, *agents_, request);
  }
  absl::StatusOr<v1::RevokeAgentKeyResponse> Revoke(const std::string& token,
                                                    const std::string& agent,
                                                    const std::string& key) {
    v1::RevokeAgentKeyRequest request;
    request.set_agent_id(agent);
    request.set_key_id(key);
    return As(token, &AgentService::RevokeAgentKey, *agents_, request);
  }
};

TEST_F(AgentServiceTest, RegistersInOneCommitWithAWorkingKey) {
  v1::RegisterAgentRequest request;
  request.set_username("bot");
  request.add_capabilities("search");
  request.set_webhook_url("https://example.org/hook");
  const auto made = As(mia_, &AgentService::RegisterAgent, *agents_, request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_THAT(KindsOf(hub_.TakeEvents()),
              ElementsAre(v1::Event::kActorCreated, v1::Event::kMemberAdded));
  EXPECT_THAT(made->key().scopes(), UnorderedElementsAreArray(DefaultScopes()));
  const auto caller = Authenticate(made->api_key());
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->actor.username(), "bot");
  EXPECT_EQ(caller->workspace_id, workspace_);
  EXPECT_EQ(caller->credential_type, v1::CREDENTIAL_TYPE_API_KEY);
  v1::ListAgentsRequest list;
  list.set_capability("search");
  EXPECT_EQ(As(mia_, &AgentService::ListAgents, *agents_, list)->agents_size(), 1);
  list.set_capability("dance");
  EXPECT_EQ(As(mia_, &AgentService::ListAgents, *agents_, list)->agents_size(), 0);
}

TEST_F(AgentServiceTest, NothingIsMadeWhenTheNameIsTaken) {
  EXPECT_EQ(ReasonOf(AddAgent(mia_, "adam").status()), v1::ERROR_REASON_USERNAME_TAKEN);
  EXPECT_EQ(ReasonOf(AddAgent(mia_, "everyone").status()), v1::ERROR_REASON_USERNAME_TAKEN);
  EXPECT_EQ(ReasonOf(AddAgent(gus_, "bot").status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_THAT(hub_.TakeEvents(), IsEmpty());
}

TEST_F(AgentServiceTest, ScopesAreASubsetOfTheGranters) {
  v1::RegisterAgentRequest request;
  request.set_username("bot");
  request.add_scopes("admin:*");
  EXPECT_EQ(ReasonOf(As(mia_, &AgentService::RegisterAgent, *agents_, request).status()),
            v1::ERROR_REASON_MISSING_SCOPE);
  // A member's key does not administer, whoever granted it.
  const auto bot = As(ann_, &AgentService::RegisterAgent, *agents_, request);
  ASSERT_TRUE(bot.ok());
  EXPECT_THAT(Authenticate(bot->api_key())->scopes, IsEmpty());
}

TEST_F(AgentServiceTest, RepeatShowsNoSecret) {
  const auto context = ContextOf(mia_);
  context->method = "heim.v1.AgentService.RegisterAgent";
  context->idempotency_key = "once";
  context->request_hash = "hash";
  v1::RegisterAgentRequest request;
  request.set_username("bot");
  const auto first = Call(&AgentService::RegisterAgent, *agents_, *context, request);
  const auto second = Call(&AgentService::RegisterAgent, *agents_, *context, request);
  ASSERT_TRUE(first.ok() && second.ok()) << second.status();
  EXPECT_NE(first->api_key(), "");
  EXPECT_EQ(second->api_key(), "");
  EXPECT_EQ(second->agent().id(), first->agent().id());
}

TEST_F(AgentServiceTest, KeysAreTheOwnersAndTheAdminsBusiness) {
  const auto bot = AddAgent(mia_, "bot");
  const std::string id = bot->agent().id();
  const std::string max = AddPerson(ann_, "max", v1::WORKSPACE_ROLE_MEMBER);
  const struct {
    const std::string& who;
    v1::ErrorReason reason;
  } kCases[] = {{mia_, v1::ERROR_REASON_UNSPECIFIED},
                {adam_, v1::ERROR_REASON_UNSPECIFIED},
                {max, v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
                {bot->api_key(), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
                {gus_, v1::ERROR_REASON_AGENT_NOT_FOUND}};
  for (const auto& test : kCases) {
    EXPECT_EQ(ReasonOf(AddKey(test.who, id).status()), test.reason) << IdOf(test.who);
    EXPECT_EQ(
        ReasonOf(Revoke(test.who, id, ids_.NewId()).status()),
        test.reason == v1::ERROR_REASON_UNSPECIFIED ? v1::ERROR_REASON_KEY_NOT_FOUND : test.reason);
  }
  EXPECT_EQ(ReasonOf(AddKey(ann_, IdOf(mia_)).status()), v1::ERROR_REASON_AGENT_NOT_FOUND);
  v1::ListAgentKeysRequest list;
  list.set_agent_id("me");
  EXPECT_EQ(As(bot->api_key(), &AgentService::ListAgentKeys, *agents_, list)->keys_size(), 3);
}

TEST_F(AgentServiceTest, RevokedKeyIsDeadAtOnceAndOthersLive) {
  const auto bot = AddAgent(mia_, "bot");
  const std::string id = bot->agent().id();
  const auto other = AddKey(mia_, id);
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_UNSPECIFIED);
  ASSERT_TRUE(Revoke(mia_, id, bot->key().id()).ok());
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_EQ(ReasonFor(other->api_key()), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_THAT(hub_.ended, ElementsAre(StrCat("credential_revoked ", bot->key().id())));
  EXPECT_THAT(stopper_.stopped, IsEmpty());
  EXPECT_EQ(
      ReasonOf(Revoke(mia_, AddAgent(mia_, "bot2")->agent().id(), other->key().id()).status()),
      v1::ERROR_REASON_KEY_NOT_FOUND);
  ASSERT_TRUE(Revoke(mia_, id, other->key().id()).ok());
  EXPECT_THAT(stopper_.stopped, ElementsAre(id));
}

TEST_F(AgentServiceTest, UseOfAKeyIsNotedToTheMinute) {
  const auto bot = AddAgent(mia_, "bot");
  const auto last_used = [&] {
    v1::ListAgentKeysRequest list;
    list.set_agent_id(bot->agent().id());
    const auto keys = As(mia_, &AgentService::ListAgentKeys, *agents_, list);
    return FromTimestamp(keys->keys(0).last_used_at());
  };
  const absl::Time first = clock_.Now();
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_UNSPECIFIED);
  ASSERT_TRUE(Update(mia_, "me", Named("queued behind the note")).ok());
  EXPECT_EQ(last_used(), first);
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_UNSPECIFIED);
  ASSERT_TRUE(Update(mia_, "me", Named("again")).ok());
  EXPECT_EQ(last_used(), first);
  clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_UNSPECIFIED);
  ASSERT_TRUE(Update(mia_, "me", Named("and again")).ok());
  EXPECT_EQ(last_used(), first + absl::Seconds(61));
}

TEST_F(AgentServiceTest, ARotatedKeyGoesOnForItsOverlap) {
  v1::RegisterAgentRequest registration;
  registration.set_username("bot");
  registration.add_scopes("messages:read");
  const auto bot = As(mia_, &AgentService::RegisterAgent, *agents_, registration);
  ASSERT_TRUE(bot.ok());
  EXPECT_TRUE(Authenticate(bot->api_key()).ok());
  hub_.ended.clear();
  v1::RotateAgentKeyRequest request;
  request.set_agent_id(bot->agent().id());
  request.set_key_id(bot->key().id());
  const absl::Time at = clock_.Now();
  const auto rotated = As(mia_, &AgentService::RotateAgentKey, *agents_, request);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_THAT(rotated->key().scopes(), ElementsAre("messages:read"));
  EXPECT_EQ(rotated->key().label(), bot->key().label());
  EXPECT_FALSE(rotated->key().has_expires_at());
  EXPECT_EQ(FromTimestamp(rotated->old_key().expires_at()), at + absl::Hours(1));
  EXPECT_TRUE(Authenticate(bot->api_key()).ok());
  EXPECT_TRUE(Authenticate(rotated->api_key()).ok());
  EXPECT_THAT(hub_.ended, IsEmpty());
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(ReasonFor(bot->api_key()), v1::ERROR_REASON_TOKEN_EXPIRED);
  EXPECT_TRUE(Authenticate(rotated->api_key()).ok());
  EXPECT_THAT(hub_.ended, ElementsAre(StrCat("credential_revoked ", bot->key().id())));
  // What works no more is not rotated.
  EXPECT_EQ(ReasonOf(As(mia_, &AgentService::RotateAgentKey, *agents_, request).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  // Without an overlap the old key ends at once.
  request.set_key_id(rotated->key().id());
  request.mutable_overlap();
  const auto last = As(mia_, &AgentService::RotateAgentKey, *agents_, request);
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_TRUE(last->old_key().has_revoked_at());
  EXPECT_EQ(ReasonFor(rotated->api_key()), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_TRUE(Authenticate(last->api_key()).ok());
  for (const int64_t seconds : {int64_t{-1}, int64_t{7 * 24 * 3600 + 1}}) {
    request.set_key_id(last->key().id());
    request.mutable_overlap()->set_seconds(seconds);
    EXPECT_EQ(ReasonOf(As(mia_, &AgentService::RotateAgentKey, *agents_, request).status()),
              v1::ERROR_REASON_INVALID_ARGUMENT);
  }
}

TEST_F(AgentServiceTest, ARotatedKeyLivesAsLongAsTheOldOneWasToLive) {
  const auto bot = AddAgent(mia_, "bot");
  v1::CreateAgentKeyRequest create;
  create.set_agent_id(bot->agent().id());
  *create.mutable_expires_at() = ToTimestamp(clock_.Now() + absl::Hours(10));
  const auto key = As(mia_, &AgentService::CreateAgentKey, *agents_, create);
  clock_.Advance(absl::Hours(9) + absl::Minutes(30));
  v1::RotateAgentKeyRequest request;
  request.set_agent_id(bot->agent().id());
  request.set_key_id(key->key().id());
  const auto rotated = As(mia_, &AgentService::RotateAgentKey, *agents_, request);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_EQ(FromTimestamp(rotated->key().expires_at()), clock_.Now() + absl::Hours(10));
  // The overlap does not lengthen the life of the old one.
  EXPECT_EQ(FromTimestamp(rotated->old_key().expires_at()), clock_.Now() + absl::Minutes(30));
}

TEST_F(AgentServiceTest, RotationGrantsNothingThatTheCallerHasNot) {
  const auto bot = AddAgent(mia_, "bot");
  const std::string id = bot->agent().id();
  v1::RotateAgentKeyRequest request;
  request.set_agent_id(id);
  request.set_key_id(bot->key().id());
  EXPECT_EQ(ReasonOf(As(bot->api_key(), &AgentService::RotateAgentKey, *agents_, request).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(As(gus_, &AgentService::RotateAgentKey, *agents_, request).status()),
            v1::ERROR_REASON_AGENT_NOT_FOUND);
  v1::CreatePersonalTokenRequest narrow;
  narrow.add_scopes("actors:write");
  const auto token = As(mia_, &AuthService::CreatePersonalToken, *auth_, narrow);
  EXPECT_EQ(
      ReasonOf(As(token->api_key(), &AgentService::RotateAgentKey, *agents_, request).status()),
      v1::ERROR_REASON_MISSING_SCOPE);
  request.set_key_id(ids_.NewId());
  EXPECT_EQ(ReasonOf(As(mia_, &AgentService::RotateAgentKey, *agents_, request).status()),
            v1::ERROR_REASON_KEY_NOT_FOUND);
}

TEST_F(AgentServiceTest, AnAgentHoldsNothingThatItsOwnerCannotHold) {
  const auto bot = AddAgent(mia_, "bot");
  v1::CreateAgentKeyRequest request;
  request.set_agent_id(bot->agent().id());
  request.add_scopes("admin:*");
  // adam holds it; mia, whose agent it is, does not.
  EXPECT_EQ(ReasonOf(As(adam_, &AgentService::CreateAgentKey, *agents_, request).status()),
            v1::ERROR_REASON_MISSING_SCOPE);
}

TEST_F(AgentServiceTest, AdminsHandAgentsOver) {
  const std::string max = AddPerson(ann_, "max", v1::WORKSPACE_ROLE_MEMBER);
  const auto bot = AddAgent(mia_, "bot");
  const auto boss = AddAgent(ann_, "boss");
  const std::string id = bot->agent().id();
  const auto hand = [&](const std::string& token, const std::string& agent,
                        const std::string& owner) {
    v1::UpdateAgentRequest request;
    request.set_agent_id(agent);
    request.mutable_agent()->mutable_agent()->set_owner_id(owner);
    return As(token, &AgentService::UpdateAgent, *agents_, request);
  };
  EXPECT_EQ(ReasonOf(hand(mia_, id, IdOf(max)).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(hand(bot->api_key(), id, IdOf(max)).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  for (const std::string& unfit : {IdOf(gus_), boss->agent().id(), ids_.NewId(), id}) {
    EXPECT_EQ(ReasonOf(hand(adam_, id, unfit).status()), v1::ERROR_REASON_INVALID_ARGUMENT);
  }
  const std::string mia = IdOf(mia_);
  ASSERT_TRUE(Deactivate(ann_, mia).ok());
  v1::ListAgentsRequest resting;
  resting.set_paused(true);
  ASSERT_EQ(As(adam_, &AgentService::ListAgents, *agents_, resting)->agents_size(), 1);
  hub_.TakeEvents();
  EXPECT_EQ(ReasonOf(hand(adam_, id, mia).status()), v1::ERROR_REASON_UNSPECIFIED) << "no change";
  EXPECT_THAT(hub_.TakeEvents(), IsEmpty());
  const auto handed = hand(adam_, id, IdOf(max));
  ASSERT_TRUE(handed.ok()) << handed.status();
  EXPECT_EQ(handed->agent().agent().owner_id(), IdOf(max));
  EXPECT_FALSE(Rests(id));
  EXPECT_THAT(KindsOf(hub_.TakeEvents()), ElementsAre(v1::Event::kActorUpdated));
  EXPECT_TRUE(Authenticate(bot->api_key()).ok());
  EXPECT_EQ(As(adam_, &AgentService::ListAgents, *agents_, resting)->agents_size(), 0);
  // It is max's to manage now, and no more mia's.
  EXPECT_EQ(ReasonOf(AddKey(max, id).status()), v1::ERROR_REASON_UNSPECIFIED);
  // People are no agents.
  EXPECT_EQ(ReasonOf(hand(adam_, IdOf(max), IdOf(adam_)).status()),
            v1::ERROR_REASON_AGENT_NOT_FOUND);
}

}  // namespace
}  // namespace heim
