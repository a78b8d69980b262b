// Workspaces, their members and roles, presence and server info.
#include "server/service/workspace_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/service/account_fixture.h"
#include "server/service/joining.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WorkspaceServiceTest : public AccountFixture {
 protected:
  void SetUp() override {
    AccountFixture::SetUp();
    ann_ = SetUpServer();
    adam_ = AddPerson(ann_, "adam", v1::WORKSPACE_ROLE_ADMIN);
    mia_ = AddPerson(ann_, "mia", v1::WORKSPACE_ROLE_MEMBER);
    hub_.TakeEvents();
  }

  absl::StatusOr<v1::UpdateWorkspaceMemberResponse> SetRole(const std::string& token,
                                                            const std::string& actor,
                                                            v1::WorkspaceRole role) {
    v1::UpdateWorkspaceMemberRequest request;
    request.set_workspace_id(workspace_.str());
    request.set_actor_id(actor);
    request.set_role(role);
    return As(token, &WorkspaceService::UpdateWorkspaceMember, *workspaces_, request);
  }
  absl::StatusOr<v1::RemoveWorkspaceMemberResponse> Remove(const std::string& token,
                                                           const std::string& actor) {
    v1::RemoveWorkspaceMemberRequest request;
    request.set_workspace_id(workspace_.str());
    request.set_actor_id(actor);
    return As(token, &WorkspaceService::RemoveWorkspaceMember, *workspaces_, request);
  }
  v1::Workspace Stored() {
    v1::Workspace workspace;
    Read([&](ReadTx& tx) -> absl::Status {
      workspace = *tx.workspaces.Get(workspace_);
      return absl::OkStatus();
    });
    return workspace;
  }

  std::string ann_;
  std::string adam_;
  std::string mia_;
};

TEST_F(WorkspaceServiceTest, NewWorkspaceHasItsOwnLogOwnerAndChannel) {
  v1::CreateWorkspaceRequest request;
  request.set_name("Heim");
  const auto made = As(adam_, &WorkspaceService::CreateWorkspace, *workspaces_, request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->workspace().slug(), "heim-2");
  const std::vector<v1::Event> events = hub_.TakeEvents();
  EXPECT_THAT(KindsOf(events), ElementsAre(v1::Event::kActorCreated, v1::Event::kChannelCreated,
                                           v1::Event::kMemberAdded));
  EXPECT_EQ(events[0].position(), 1u);
  EXPECT_EQ(Authenticate(adam_, "heim-2")->workspace_role, v1::WORKSPACE_ROLE_OWNER);
  request.set_slug("heim");
  EXPECT_EQ(ReasonOf(As(adam_, &WorkspaceService::CreateWorkspace, *workspaces_, request).status()),
            v1::ERROR_REASON_SLUG_TAKEN);
  EXPECT_EQ(ReasonOf(As(mia_, &WorkspaceService::CreateWorkspace, *workspaces_, request).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
}

TEST_F(WorkspaceServiceTest, WorkspacesOfOthersDoNotExist) {
  v1::CreateWorkspaceRequest create;
  create.set_name("Second");
  ASSERT_TRUE(As(ann_, &WorkspaceService::CreateWorkspace, *workspaces_, create).ok());
  v1::GetWorkspaceRequest get;
  get.set_workspace_id("second");
  EXPECT_EQ(As(ann_, &WorkspaceService::GetWorkspace, *workspaces_, get)->workspace().name(),
            "Second");
  const absl::Status hidden = As(mia_, &WorkspaceService::GetWorkspace, *workspaces_, get).status();
  get.set_workspace_id("nowhere");
  const absl::Status missing =
      As(mia_, &WorkspaceService::GetWorkspace, *workspaces_, get).status();
  EXPECT_EQ(ReasonOf(hidden), v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_EQ(ToError(hidden, "").SerializeAsString(), ToError(missing, "").SerializeAsString());
  EXPECT_EQ(As(ann_, &WorkspaceService::ListWorkspaces, *workspaces_, {})->workspaces_size(), 2);
  EXPECT_EQ(As(mia_, &WorkspaceService::ListWorkspaces, *workspaces_, {})->workspaces_size(), 1);
  const std::string key = AddAgent(ann_, "bot")->api_key();
  get.set_workspace_id("second");
  EXPECT_EQ(ReasonOf(As(key, &WorkspaceService::GetWorkspace, *workspaces_, get).status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_EQ(As(key, &WorkspaceService::ListWorkspaces, *workspaces_, {})->workspaces_size(), 1);
}

TEST_F(WorkspaceServiceTest, SettingsKeepTheDefaultChannel) {
  v1::UpdateWorkspaceRequest request;
  request.set_workspace_id(workspace_.str());
  request.mutable_workspace()->set_name("Renamed");
  (*request.mutable_workspace()->mutable_settings()->mutable_fields())["theme"].set_string_value(
      "dark");
  const ChannelId before = DefaultChannelOf(Stored());
  const auto updated = As(adam_, &WorkspaceService::UpdateWorkspace, *workspaces_, request);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(DefaultChannelOf(updated->workspace()), before);
  EXPECT_EQ(updated->workspace().revision(), 2u);
  const std::vector<v1::Event> events = hub_.TakeEvents();
  ASSERT_THAT(KindsOf(events), ElementsAre(v1::Event::kWorkspaceUpdated));
  EXPECT_EQ(events[0].workspace_updated().workspace().name(), Stored().name());
  (*request.mutable_workspace()->mutable_settings()->mutable_fields())["default_channel_id"]
      .set_string_value(ids_.NewId());
  EXPECT_EQ(ReasonOf(As(adam_, &WorkspaceService::UpdateWorkspace, *workspaces_, request).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(As(mia_, &WorkspaceService::UpdateWorkspace, *workspaces_, request).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
}

TEST_F(WorkspaceServiceTest, RolesAreGivenByThoseWhoHaveThem) {
  const std::string ann = IdOf(ann_);
  const std::string adam = IdOf(adam_);
  const std::string mia = IdOf(mia_);
  const struct {
    const std::string& who;
    const std::string& whom;
    v1::WorkspaceRole role;
    v1::ErrorReason reason;
  } kCases[] = {
      {mia_, mia, v1::WORKSPACE_ROLE_ADMIN, v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {adam_, mia, v1::WORKSPACE_ROLE_OWNER, v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {adam_, adam, v1::WORKSPACE_ROLE_OWNER, v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {adam_, ann, v1::WORKSPACE_ROLE_MEMBER, v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED},
      {ann_, ann, v1::WORKSPACE_ROLE_ADMIN, v1::ERROR_REASON_LAST_OWNER},
      {ann_, mia, v1::WORKSPACE_ROLE_UNSPECIFIED, v1::ERROR_REASON_INVALID_ARGUMENT},
      {adam_, mia, v1::WORKSPACE_ROLE_GUEST, v1::ERROR_REASON_UNSPECIFIED},
      {adam_, mia, v1::WORKSPACE_ROLE_ADMIN, v1::ERROR_REASON_UNSPECIFIED},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(ReasonOf(SetRole(test.who, test.whom, test.role).status()), test.reason);
  }
  EXPECT_EQ(ReasonOf(SetRole(ann_, ids_.NewId(), v1::WORKSPACE_ROLE_ADMIN).status()),
            v1::ERROR_REASON_MEMBER_NOT_FOUND);
}

TEST_F(WorkspaceServiceTest, NewRoleCountsAtOnce) {
  EXPECT_EQ(Authenticate(adam_)->workspace_role, v1::WORKSPACE_ROLE_ADMIN);
  ASSERT_TRUE(SetRole(ann_, IdOf(adam_), v1::WORKSPACE_ROLE_MEMBER).ok());
  EXPECT_EQ(Authenticate(adam_)->workspace_role, v1::WORKSPACE_ROLE_MEMBER);
  EXPECT_THAT(KindsOf(hub_.TakeEvents()), ElementsAre(v1::Event::kWorkspaceMemberUpdated));
  ASSERT_TRUE(SetRole(ann_, IdOf(adam_), v1::WORKSPACE_ROLE_MEMBER).ok());
  EXPECT_THAT(hub_.TakeEvents(), IsEmpty());
}

TEST_F(WorkspaceServiceTest, RoleIsReadInTheCommitNotFromTheToken) {
  const auto stale = ContextOf(adam_);
  ASSERT_TRUE(SetRole(ann_, IdOf(adam_), v1::WORKSPACE_ROLE_MEMBER).ok());
  v1::UpdateWorkspaceMemberRequest request;
  request.set_workspace_id(workspace_.str());
  request.set_actor_id(IdOf(mia_));
  request.set_role(v1::WORKSPACE_ROLE_GUEST);
  EXPECT_EQ(
      ReasonOf(
          Call(&WorkspaceService::UpdateWorkspaceMember, *workspaces_, *stale, request).status()),
      v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
}

TEST_F(WorkspaceServiceTest, OwnershipPassesWhenTheNamedOwnerSteps) {
  ASSERT_TRUE(SetRole(ann_, IdOf(adam_), v1::WORKSPACE_ROLE_OWNER).ok());
  hub_.TakeEvents();
  ASSERT_TRUE(SetRole(ann_, "me", v1::WORKSPACE_ROLE_MEMBER).ok());
  EXPECT_THAT(KindsOf(hub_.TakeEvents()),
              ElementsAre(v1::Event::kWorkspaceMemberUpdated, v1::Event::kWorkspaceUpdated));
  EXPECT_EQ(Stored().owner_id(), IdOf(adam_));
  EXPECT_EQ(ReasonOf(SetRole(adam_, "me", v1::WORKSPACE_ROLE_MEMBER).status()),
            v1::ERROR_REASON_LAST_OWNER);
}

TEST_F(WorkspaceServiceTest, RemovedMembersLoseTheirChannelsToo) {
  const std::string mia = IdOf(mia_);
  EXPECT_EQ(ReasonOf(Remove(mia_, IdOf(adam_)).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Remove(adam_, IdOf(ann_)).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Remove(ann_, "me").status()), v1::ERROR_REASON_LAST_OWNER);
  const auto removed = Remove(adam_, mia);
  ASSERT_TRUE(removed.ok()) << removed.status();
  const std::vector<v1::Event> events = hub_.TakeEvents();
  ASSERT_THAT(KindsOf(events),
              ElementsAre(v1::Event::kMemberRemoved, v1::Event::kWorkspaceMemberRemoved));
  EXPECT_EQ(events[1].workspace_member_removed().removed_by(), IdOf(adam_));
  EXPECT_THAT(stopper_.stopped, ElementsAre(mia));
  EXPECT_TRUE(Authenticate(mia_)->workspace_id.empty());
  v1::ListWorkspaceMembersRequest list;
  list.set_workspace_id(workspace_.str());
  EXPECT_EQ(
      ReasonOf(As(mia_, &WorkspaceService::ListWorkspaceMembers, *workspaces_, list).status()),
      v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_EQ(As(adam_, &WorkspaceService::ListWorkspaceMembers, *workspaces_, list)->members_size(),
            2);
}

TEST_F(WorkspaceServiceTest, MembersMayLeaveAndGuestsSeeNoDirectory) {
  EXPECT_TRUE(Remove(mia_, "me").ok());
  const std::string gus = AddPerson(ann_, "gus", v1::WORKSPACE_ROLE_GUEST);
  v1::ListWorkspaceMembersRequest list;
  list.set_workspace_id(workspace_.str());
  EXPECT_EQ(ReasonOf(As(gus, &WorkspaceService::ListWorkspaceMembers, *workspaces_, list).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
}

TEST(SlugTest, IsMadeOfTheName) {
  EXPECT_EQ(SlugOf("Acme Corp."), "acme-corp");
  EXPECT_EQ(SlugOf("  -- A  b"), "a-b");
  EXPECT_EQ(SlugOf("Ωμέγα"), "workspace");
  EXPECT_EQ(SlugOf(std::string(100, 'x')), std::string(40, 'x'));
}

class PresenceServiceTest : public WorkspaceServiceTest {};

TEST_F(PresenceServiceTest, EverybodySetsItsOwnAndItIsKept) {
  v1::UpdatePresenceRequest request;
  request.set_actor_id("me");
  request.set_presence(v1::PRESENCE_DND);
  request.set_status("lunch");
  const auto set = As(mia_, &PresenceService::UpdatePresence, *presences_, request);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->presence().actor_id(), IdOf(mia_));
  EXPECT_EQ(set->presence().presence(), v1::PRESENCE_DND);
  EXPECT_EQ(set->presence().status(), "lunch");
  Read([&](ReadTx& tx) -> absl::Status {
    const auto actor = tx.actors.Get(ActorId(IdOf(mia_)));
    EXPECT_EQ(actor->status(), "lunch");
    EXPECT_EQ(actor->presence(), v1::PRESENCE_DND);
    EXPECT_EQ(actor->revision(), 1u);
    return absl::OkStatus();
  });
  EXPECT_THAT(hub_.TakeEvents(), IsEmpty());
  request.set_actor_id(IdOf(mia_));
  EXPECT_EQ(ReasonOf(As(adam_, &PresenceService::UpdatePresence, *presences_, request).status()),
            v1::ERROR_REASON_PERMISSION_DENIED);
}

TEST_F(PresenceServiceTest, BatchLeavesOutWhomTheCallerCannotSee) {
  const std::string gus = AddPerson(ann_, "gus", v1::WORKSPACE_ROLE_GUEST);
  v1::BatchGetPresenceRequest request;
  request.add_actor_ids(IdOf(mia_));
  request.add_actor_ids(ids_.NewId());
  request.add_actor_ids(IdOf(gus));
  const auto member = As(mia_, &PresenceService::BatchGetPresence, *presences_, request);
  ASSERT_TRUE(member.ok());
  EXPECT_EQ(member->presences_size(), 2);
  EXPECT_EQ(As(gus, &PresenceService::BatchGetPresence, *presences_, request)->presences_size(), 1);
}

TEST_F(PresenceServiceTest, TypingNeedsAChannelOneMayWriteIn) {
  v1::SendTypingRequest request;
  request.set_channel_id(DefaultChannelOf(Stored()).str());
  ASSERT_TRUE(As(mia_, &PresenceService::SendTyping, *presences_, request).ok());
  ASSERT_EQ(hub_.ephemeral.size(), 1u);
  EXPECT_EQ(hub_.ephemeral[0].typing().actor().username(), "mia");
  const std::string gus = AddPerson(ann_, "gus", v1::WORKSPACE_ROLE_GUEST);
  EXPECT_EQ(ReasonOf(As(gus, &PresenceService::SendTyping, *presences_, request).status()),
            v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  request.set_channel_id("no uuid");
  EXPECT_EQ(ReasonOf(As(mia_, &PresenceService::SendTyping, *presences_, request).status()),
            v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  EXPECT_EQ(hub_.ephemeral.size(), 1u);
}

TEST_F(PresenceServiceTest, WatchingIsOfOnesOwnWorkspace) {
  v1::WatchPresenceRequest request;
  ASSERT_TRUE(As(mia_, &PresenceService::WatchPresence, *presences_, request).ok());
  ASSERT_EQ(hub_.subscribed.size(), 1u);
  EXPECT_TRUE(hub_.subscribed[0].only_presence);
  EXPECT_EQ(hub_.subscribed[0].caller.workspace_id, workspace_);
  request.set_workspace_id("elsewhere");
  EXPECT_EQ(ReasonOf(As(mia_, &PresenceService::WatchPresence, *presences_, request).status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(AccountFixture, ServerInfoTellsWhetherItIsSetUp) {
  const auto before = As("", &AdminService::GetServerInfo, *admin_, {});
  ASSERT_TRUE(before.ok());
  EXPECT_TRUE(before->setup_required());
  EXPECT_EQ(before->version(), "1.2.3");
  EXPECT_EQ(before->limits().page_max(), 200u);
  EXPECT_EQ(before->limits().rate_limits_size(), 8);
  SetUpServer();
  EXPECT_FALSE(As("", &AdminService::GetServerInfo, *admin_, {})->setup_required());
}

}  // namespace
}  // namespace heim
