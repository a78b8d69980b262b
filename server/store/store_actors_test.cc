// The directory and its filters, usernames that were given up, and keys that get an end. Through
// the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/people_limits.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

using Names = std::vector<std::string>;

TEST_P(StoreSuite, FiltersOfTheDirectoryAddUp) {
  // By owner, framework and capability: each combination once.
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 0; i < 8; ++i) {
      v1::Actor agent = NewActor(StrCat("agent", i));
      agent.set_type(v1::ACTOR_TYPE_AGENT);
      v1::AgentProfile& profile = *agent.mutable_agent();
      profile.set_owner_id((i & 1) != 0 ? ann_.str() : bob_.str());
      profile.set_framework((i & 2) != 0 ? "langgraph" : "autogen");
      if ((i & 4) != 0) profile.add_capabilities("search");
      profile.add_capabilities("talk");
      HEIM_RETURN_IF_ERROR(tx.actors.Insert(agent, ""));
      if (i == 3) HEIM_RETURN_IF_ERROR(tx.actors.SetPaused(ActorId(agent.id()), true));
      HEIM_RETURN_IF_ERROR(tx.workspaces.InsertMember(workspace_, ActorId(agent.id()),
                                                      v1::WORKSPACE_ROLE_MEMBER, clock_.Now()));
    }
    return absl::OkStatus();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    for (int i = 0; i < 8; ++i) {
      for (int used = 0; used < 8; ++used) {
        ActorFilter filter;
        if ((used & 1) != 0) filter.owner = (i & 1) != 0 ? ann_ : bob_;
        if ((used & 2) != 0) filter.framework = (i & 2) != 0 ? "langgraph" : "autogen";
        if ((used & 4) != 0) filter.capability = (i & 4) != 0 ? "search" : "talk";
        Names expected;
        for (int other = 0; other < 8; ++other) {
          // "talk" is what they all can do.
          const int same = (i & 4) != 0 ? used : used & ~4;
          if (used != 0 && (other & same) == (i & same)) expected.push_back(StrCat("agent", other));
        }
        if (used == 0) continue;
        HEIM_ASSIGN_OR_RETURN(const auto found, tx.actors.List(workspace_, filter));
        Names names;
        for (const v1::Actor& actor : found) names.push_back(actor.username());
        EXPECT_EQ(names, expected) << i << " " << used;
      }
    }
    ActorFilter paused;
    paused.only_paused = true;
    HEIM_ASSIGN_OR_RETURN(auto resting, tx.actors.List(workspace_, paused));
    EXPECT_EQ(resting.size(), 1u);
    paused.owner = bob_;
    paused.q = "agent";
    HEIM_ASSIGN_OR_RETURN(resting, tx.actors.List(workspace_, paused));
    EXPECT_EQ(resting.size(), 0u);
    return absl::OkStatus();
  });
  // A profile that changes is found by what it is now.
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(v1::Actor agent, tx.actors.GetByUsername("agent3"));
    EXPECT_TRUE(*tx.actors.IsPaused(ActorId(agent.id())));
    EXPECT_FALSE(*tx.actors.IsPaused(bob_));
    agent.mutable_agent()->set_framework("crewai");
    agent.mutable_agent()->set_owner_id(bob_.str());
    HEIM_RETURN_IF_ERROR(tx.actors.Update(agent));
    EXPECT_TRUE(*tx.actors.IsPaused(ActorId(agent.id())));
    return tx.actors.SetPaused(ActorId(agent.id()), false);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    ActorFilter filter;
    filter.framework = "crewai";
    filter.owner = bob_;
    HEIM_ASSIGN_OR_RETURN(const auto found, tx.actors.List(workspace_, filter));
    EXPECT_EQ(found.size(), 1u);
    ActorFilter paused;
    paused.only_paused = true;
    HEIM_ASSIGN_OR_RETURN(const auto resting, tx.actors.List(workspace_, paused));
    EXPECT_EQ(resting.size(), 0u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AUsernameThatWasGivenUpIsKeptForAWhile) {
  const auto rename = [&](const ActorId& id, const std::string& name) {
    return ReasonOf(Commit([&](WriteTx& tx) -> absl::Status {
                      HEIM_ASSIGN_OR_RETURN(v1::Actor actor, tx.actors.Get(id));
                      actor.set_username(name);
                      *actor.mutable_updated_at() = ToTimestamp(clock_.Now());
                      return tx.actors.Update(actor);
                    }).status());
  };
  const auto insert = [&](const std::string& name) {
    return ReasonOf(
        Commit([&](WriteTx& tx) { return tx.actors.Insert(NewActor(name), ""); }).status());
  };
  ASSERT_EQ(rename(bob_, "rob"), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(insert("bob"), v1::ERROR_REASON_USERNAME_TAKEN);
  EXPECT_EQ(rename(ann_, "bob"), v1::ERROR_REASON_USERNAME_TAKEN);
  // It is still one's own.
  EXPECT_EQ(rename(bob_, "bob"), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(insert("rob"), v1::ERROR_REASON_USERNAME_TAKEN);
  clock_.Advance(kFormerUsernameKept);
  EXPECT_EQ(insert("rob"), v1::ERROR_REASON_UNSPECIFIED);
  // Nobody keeps more than a few.
  for (int i = 0; i <= kFormerUsernamesMax; ++i) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_EQ(rename(ann_, StrCat("ann", i)), v1::ERROR_REASON_UNSPECIFIED);
  }
  EXPECT_EQ(insert("ann"), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(insert("ann0"), v1::ERROR_REASON_USERNAME_TAKEN);
}

TEST_P(StoreSuite, AKeyMayGetAnEnd) {
  CredentialRow row;
  row.type = v1::CREDENTIAL_TYPE_API_KEY;
  row.workspace_id = workspace_;
  row.secret_hash = "hash";
  row.record.set_id(ids_.NewId());
  row.record.set_actor_id(ann_.str());
  *row.record.mutable_created_at() = ToTimestamp(clock_.Now());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.credentials.Insert(row));
    HEIM_RETURN_IF_ERROR(tx.credentials.TouchLastUsed(KeyId(row.record.id()), clock_.Now()));
    v1::ApiKey changed = row.record;
    *changed.mutable_expires_at() = ToTimestamp(clock_.Now() + absl::Hours(1));
    HEIM_RETURN_IF_ERROR(tx.credentials.SetRecord(changed));
    HEIM_ASSIGN_OR_RETURN(const CredentialRow found, tx.credentials.FindByHash("hash"));
    EXPECT_TRUE(found.record.has_last_used_at());
    EXPECT_EQ(FromTimestamp(found.record.expires_at()), clock_.Now() + absl::Hours(1));
    changed.set_id(ids_.NewId());
    EXPECT_EQ(ReasonOf(tx.credentials.SetRecord(changed)), v1::ERROR_REASON_KEY_NOT_FOUND);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
