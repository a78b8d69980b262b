// Invites: who may make which, what they open, how often, for whom and until when.
#include "server/service/invite_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "server/base/status_macros.h"
#include "server/service/account_fixture.h"
#include "server/service/joining.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class InviteServiceTest : public AccountFixture {
 protected:
  void SetUp() override {
    AccountFixture::SetUp();
    owner_token_ = SetUpServer();
  }

  v1::CreateInviteRequest Wanted(v1::WorkspaceRole role = v1::WORKSPACE_ROLE_UNSPECIFIED) {
    v1::CreateInviteRequest request;
    request.set_workspace_id(workspace_.str());
    request.set_role(role);
    return request;
  }
  absl::StatusOr<v1::CreateInviteResponse> Invite(const std::string& token,
                                                  const v1::CreateInviteRequest& request) {
    return As(token, &InviteService::CreateInvite, *invites_, request);
  }
  std::string CodeOf(const v1::CreateInviteRequest& request) {
    const auto made = Invite(owner_token_, request);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? made->code() : "";
  }
  absl::StatusOr<v1::RegisterResponse> SignUp(const std::string& username, const std::string& code,
                                              const std::string& email = "") {
    v1::RegisterRequest request;
    request.set_username(username);
    request.set_password(std::string(kPassword));
    request.set_invite_code(code);
    request.set_email(email);
    return As("", &AuthService::Register, *auth_, request);
  }
  absl::StatusOr<v1::AcceptInviteResponse> Accept(const std::string& token,
                                                  const std::string& code) {
    v1::AcceptInviteRequest request;
    request.set_code(code);
    return As(token, &InviteService::AcceptInvite, *invites_, request);
  }
  absl::StatusOr<v1::GetInviteResponse> Preview(const std::string& code) {
    v1::GetInviteRequest request;
    request.set_code(code);
    return As("", &InviteService::GetInvite, *invites_, request);
  }
  absl::StatusOr<v1::RevokeInviteResponse> Revoke(const std::string& token, const std::string& id) {
    v1::RevokeInviteRequest request;
    request.set_workspace_id(workspace_.str());
    request.set_invite_id(id);
    return As(token, &InviteService::RevokeInvite, *invites_, request);
  }
  std::vector<v1::Invite> List(const std::string& token, bool include_ended = false) {
    v1::ListInvitesRequest request;
    request.set_workspace_id(workspace_.str());
    request.set_include_ended(include_ended);
    const auto page = As(token, &InviteService::ListInvites, *invites_, request);
    EXPECT_TRUE(page.ok()) << page.status();
    return {page->invites().begin(), page->invites().end()};
  }
  std::string NewChannel(std::string_view name, v1::ChannelType type) {
    v1::Channel channel;
    channel.set_id(ids_.NewId());
    channel.set_workspace_id(workspace_.str());
    channel.set_name(std::string(name));
    channel.set_type(type);
    channel.set_created_by(owner_.str());
    channel.set_revision(1);
    Commit([&](WriteTx& tx) -> absl::Status {
      HEIM_RETURN_IF_ERROR(tx.channels.Insert(channel, ""));
      return AddToChannel(tx, {owner_, clock_.Now()}, ChannelId(channel.id()), owner_,
                          v1::CHANNEL_ROLE_OWNER)
          .status();
    });
    return channel.id();
  }
  void Commit(std::function<absl::Status(WriteTx&)> apply) {
    absl::Notification done;
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      done.Notify();
    });
    done.WaitForNotification();
  }
  std::vector<std::string> ChannelsOf(const std::string& actor) {
    std::vector<std::string> found;
    Read([&](ReadTx& tx) -> absl::Status {
      const auto channels = tx.members.ChannelsOf(workspace_, ActorId(actor));
      for (const ChannelId& id : *channels) {
        found.push_back(tx.channels.Get(id)->name());
      }
      std::sort(found.begin(), found.end());
      return absl::OkStatus();
    });
    return found;
  }
  // A workspace of its own for somebody who is in no other.
  std::string AddStranger(const std::string& username) {
    v1::CreateWorkspaceRequest request;
    request.set_name("Elsewhere");
    const auto made = As(owner_token_, &WorkspaceService::CreateWorkspace, *workspaces_, request);
    v1::CreateInviteRequest invite = Wanted();
    invite.set_workspace_id(made->workspace().id());
    return SignUp(username, CodeOf(invite))->token();
  }

  std::string owner_token_;
};

TEST_F(InviteServiceTest, ACodeIsShownOnceAndLongEnough) {
  v1::CreateInviteRequest request = Wanted();
  request.set_note("for the \xE2\x80\xAEteam");
  const auto made = Invite(owner_token_, request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->code().size(), 26u);
  EXPECT_EQ(made->url(), "https://heim.example/invite/" + made->code());
  EXPECT_EQ(made->invite().role(), v1::WORKSPACE_ROLE_MEMBER);
  EXPECT_EQ(made->invite().note(), "for the team");
  EXPECT_EQ(FromTimestamp(made->invite().expires_at()), clock_.Now() + kInviteLifetimeDefault);
  const std::vector<v1::Invite> listed = List(owner_token_);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].SerializeAsString(), made->invite().SerializeAsString());
  EXPECT_EQ(listed[0].code_prefix(), made->code().substr(0, 4));
  EXPECT_EQ(listed[0].ShortDebugString().find(made->code()), std::string::npos);
  Read([&](ReadTx& tx) -> absl::Status {
    EXPECT_FALSE(tx.invites.FindByHash(made->code()).ok());
    return absl::OkStatus();
  });
}

TEST_F(InviteServiceTest, ANewcomerGetsTheRoleAndTheChannels) {
  const std::string open = NewChannel("open", v1::CHANNEL_TYPE_PUBLIC);
  const std::string closed = NewChannel("closed", v1::CHANNEL_TYPE_PRIVATE);
  v1::CreateInviteRequest request = Wanted(v1::WORKSPACE_ROLE_ADMIN);
  for (const std::string& id : {open, closed, open}) request.add_channel_ids(id);
  const std::string code = CodeOf(request);
  const auto preview = Preview(code);
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_EQ(preview->workspace_name(), "Heim");
  EXPECT_EQ(preview->role(), v1::WORKSPACE_ROLE_ADMIN);
  hub_.TakeEvents();
  const auto bob = SignUp("bob", code);
  ASSERT_TRUE(bob.ok()) << bob.status();
  EXPECT_EQ(bob->workspace().id(), workspace_.str());
  EXPECT_EQ(Authenticate(bob->token())->workspace_role, v1::WORKSPACE_ROLE_ADMIN);
  EXPECT_THAT(ChannelsOf(bob->actor().id()), ElementsAre("closed", "general", "open"));
  EXPECT_THAT(KindsOf(hub_.TakeEvents()),
              ElementsAre(v1::Event::kActorCreated, v1::Event::kMemberAdded,
                          v1::Event::kMemberAdded, v1::Event::kMemberAdded));
  EXPECT_EQ(List(owner_token_)[0].use_count(), 1u);
}

TEST_F(InviteServiceTest, AGuestIsInTheNamedChannelsOnly) {
  v1::CreateInviteRequest request = Wanted(v1::WORKSPACE_ROLE_GUEST);
  EXPECT_EQ(ReasonOf(Invite(owner_token_, request).status()), v1::ERROR_REASON_INVALID_ARGUMENT);
  request.add_channel_ids(NewChannel("project", v1::CHANNEL_TYPE_PRIVATE));
  const auto guest = SignUp("guest", CodeOf(request));
  ASSERT_TRUE(guest.ok()) << guest.status();
  EXPECT_EQ(Authenticate(guest->token())->workspace_role, v1::WORKSPACE_ROLE_GUEST);
  EXPECT_THAT(ChannelsOf(guest->actor().id()), ElementsAre("project"));
}

TEST_F(InviteServiceTest, NobodyInvitesAboveItselfOrIntoWhatIsNotItsOwn) {
  const std::string closed = NewChannel("closed", v1::CHANNEL_TYPE_PRIVATE);
  const std::string open = NewChannel("open", v1::CHANNEL_TYPE_PUBLIC);
  const std::string bob = AddPerson(owner_token_, "bob", v1::WORKSPACE_ROLE_MEMBER);
  EXPECT_TRUE(Invite(bob, Wanted()).ok());
  for (const v1::WorkspaceRole role : {v1::WORKSPACE_ROLE_ADMIN, v1::WORKSPACE_ROLE_OWNER}) {
    EXPECT_EQ(ReasonOf(Invite(bob, Wanted(role)).status()),
              v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  }
  v1::CreateInviteRequest into = Wanted();
  into.add_channel_ids(closed);
  EXPECT_EQ(ReasonOf(Invite(bob, into).status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  into.set_channel_ids(0, open);  // where any member could go by itself
  EXPECT_TRUE(Invite(bob, into).ok());
  into.set_role(v1::WORKSPACE_ROLE_GUEST);  // a guest could not
  EXPECT_EQ(ReasonOf(Invite(bob, into).status()), v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED);

  const std::string agent = AddAgent(owner_token_, "bot")->api_key();
  EXPECT_EQ(ReasonOf(Invite(agent, Wanted()).status()), v1::ERROR_REASON_PERMISSION_DENIED);
  v1::CreateInviteRequest elsewhere = Wanted();
  elsewhere.set_workspace_id(ids_.NewId());
  EXPECT_EQ(ReasonOf(Invite(owner_token_, elsewhere).status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(InviteServiceTest, ASettingLeavesInvitesToAdmins) {
  const std::string bob = AddPerson(owner_token_, "bob", v1::WORKSPACE_ROLE_MEMBER);
  const std::string eve = AddPerson(owner_token_, "eve", v1::WORKSPACE_ROLE_ADMIN);
  const std::string by_bob = Invite(bob, Wanted())->code();
  v1::UpdateWorkspaceRequest update;
  update.set_workspace_id(workspace_.str());
  (*update.mutable_workspace()->mutable_settings()->mutable_fields())["members_create_invites"]
      .set_bool_value(false);
  ASSERT_TRUE(As(owner_token_, &WorkspaceService::UpdateWorkspace, *workspaces_, update).ok());
  EXPECT_EQ(ReasonOf(Invite(bob, Wanted()).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Preview(by_bob).status()), v1::ERROR_REASON_INVITE_INVALID);
  EXPECT_TRUE(Invite(eve, Wanted()).ok());
}

TEST_F(InviteServiceTest, WhatIsWrongWithACodeIsNotTold) {
  const std::string unknown = "abcdefghijklmnopqrstuvwxyz";
  const std::string old = CodeOf(Wanted());
  clock_.Advance(kInviteLifetimeDefault);
  const std::string owner = Login("ann", kPassword)->token();
  owner_token_ = owner;
  v1::CreateInviteRequest once = Wanted();
  once.set_max_uses(1);
  const std::string used = CodeOf(once);
  ASSERT_TRUE(SignUp("first", used).ok());
  const auto made = Invite(owner, Wanted());
  ASSERT_TRUE(Revoke(owner, made->invite().id())->invite().has_revoked_at());
  v1::CreateInviteRequest bound = Wanted();
  bound.set_email("Bob@example.org");
  const std::string others = CodeOf(bound);

  const absl::Status refused = SignUp("bob", unknown).status();
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_INVITE_INVALID);
  for (const std::string& code : {old, used, made->code(), others}) {
    EXPECT_EQ(SignUp("bob", code).status(), refused);
    if (code != others) {
      EXPECT_EQ(Preview(code).status(), refused);
    }
  }
  EXPECT_EQ(Preview(unknown).status(), refused);
  EXPECT_TRUE(SignUp("bob", others, "bob@EXAMPLE.org").ok());
}

TEST_F(InviteServiceTest, OfManyLastUsesAtOnceOneCounts) {
  v1::CreateInviteRequest request = Wanted();
  request.set_max_uses(2);
  const std::string code = CodeOf(request);
  std::atomic<int> joined = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([this, &code, i, &joined] {
      if (SignUp(StrCat("person", i), code).ok()) ++joined;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(joined, 2);
  EXPECT_EQ(List(owner_token_, true)[0].use_count(), 2u);
  EXPECT_THAT(List(owner_token_), IsEmpty());
}

TEST_F(InviteServiceTest, AcceptingTwiceIsOnceAndKeepsTheRole) {
  v1::CreateInviteRequest request = Wanted();
  request.set_max_uses(1);
  const std::string code = CodeOf(request);
  const auto before = Accept(owner_token_, code);
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_FALSE(before->joined());
  EXPECT_EQ(before->member().role(), v1::WORKSPACE_ROLE_OWNER);

  const std::string bob = AddStranger("bob");
  const auto joined = Accept(bob, code);
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_TRUE(joined->joined());
  EXPECT_EQ(joined->workspace().id(), workspace_.str());
  EXPECT_EQ(joined->member().role(), v1::WORKSPACE_ROLE_MEMBER);
  const auto again = Accept(bob, code);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->joined());
  EXPECT_EQ(ReasonOf(Accept(AddStranger("eve"), code).status()), v1::ERROR_REASON_INVITE_INVALID);
  EXPECT_TRUE(Authenticate(bob, workspace_.str()).ok());
}

TEST_F(InviteServiceTest, ABoundInviteIsForTheAccountOfThatAddress) {
  v1::CreateInviteRequest request = Wanted();
  request.set_email("ann@example.org");
  EXPECT_EQ(ReasonOf(Accept(AddStranger("bob"), CodeOf(request)).status()),
            v1::ERROR_REASON_INVITE_INVALID);
}

TEST_F(InviteServiceTest, KeysAcceptNothing) {
  const std::string code = CodeOf(Wanted());
  const std::string agent = AddAgent(owner_token_, "bot")->api_key();
  const std::string token =
      As(owner_token_, &AuthService::CreatePersonalToken, *auth_, {})->api_key();
  for (const std::string& key : {agent, token}) {
    EXPECT_EQ(ReasonOf(Accept(key, code).status()), v1::ERROR_REASON_PERMISSION_DENIED);
  }
}

TEST_F(InviteServiceTest, AnInviteIsWorthWhatItsMakerMayDo) {
  const std::string eve = AddPerson(owner_token_, "eve", v1::WORKSPACE_ROLE_ADMIN);
  const std::string admin_code = Invite(eve, Wanted(v1::WORKSPACE_ROLE_ADMIN))->code();
  const std::string member_code = Invite(eve, Wanted())->code();
  v1::UpdateWorkspaceMemberRequest demote;
  demote.set_workspace_id(workspace_.str());
  demote.set_actor_id(IdOf(eve));
  demote.set_role(v1::WORKSPACE_ROLE_MEMBER);
  ASSERT_TRUE(
      As(owner_token_, &WorkspaceService::UpdateWorkspaceMember, *workspaces_, demote).ok());
  EXPECT_EQ(ReasonOf(SignUp("bob", admin_code).status()), v1::ERROR_REASON_INVITE_INVALID);
  EXPECT_TRUE(SignUp("bob", member_code).ok());
  v1::DeactivateActorRequest deactivate;
  deactivate.set_actor_id(IdOf(eve));
  ASSERT_TRUE(As(owner_token_, &ActorService::DeactivateActor, *actors_, deactivate).ok());
  EXPECT_EQ(ReasonOf(SignUp("carl", member_code).status()), v1::ERROR_REASON_INVITE_INVALID);
}

TEST_F(InviteServiceTest, AChannelThatTheMakerHasLostIsLeftOut) {
  const std::string closed = NewChannel("closed", v1::CHANNEL_TYPE_PRIVATE);
  v1::CreateInviteRequest request = Wanted();
  request.add_channel_ids(closed);
  const std::string code = CodeOf(request);
  Commit([&](WriteTx& tx) {
    return RemoveFromChannel(tx, {owner_, clock_.Now()}, ChannelId(closed), owner_).status();
  });
  const auto bob = SignUp("bob", code);
  ASSERT_TRUE(bob.ok()) << bob.status();
  EXPECT_THAT(ChannelsOf(bob->actor().id()), ElementsAre("general"));
}

TEST_F(InviteServiceTest, AdminsSeeAndRevokeAllOthersTheirOwn) {
  const std::string bob = AddPerson(owner_token_, "bob", v1::WORKSPACE_ROLE_MEMBER);
  const std::string eve = AddPerson(owner_token_, "eve", v1::WORKSPACE_ROLE_ADMIN);
  const std::string guest = AddPerson(owner_token_, "guest", v1::WORKSPACE_ROLE_GUEST);
  const auto by_bob = Invite(bob, Wanted());
  const auto by_owner = Invite(owner_token_, Wanted());
  EXPECT_EQ(List(eve).size(), 2u);
  const std::vector<v1::Invite> own = List(bob);
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(own[0].id(), by_bob->invite().id());
  EXPECT_EQ(ReasonOf(Invite(guest, Wanted()).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);

  const absl::Status hidden = Revoke(bob, by_owner->invite().id()).status();
  EXPECT_EQ(ReasonOf(hidden), v1::ERROR_REASON_INVITE_NOT_FOUND);
  EXPECT_EQ(hidden, Revoke(bob, ids_.NewId()).status());
  EXPECT_EQ(hidden, Revoke(bob, "no uuid").status());
  EXPECT_TRUE(Revoke(bob, by_bob->invite().id()).ok());
  EXPECT_TRUE(Revoke(eve, by_owner->invite().id()).ok());
  EXPECT_TRUE(Revoke(eve, by_owner->invite().id()).ok());
  EXPECT_THAT(List(eve), IsEmpty());
  EXPECT_EQ(List(eve, true).size(), 2u);
}

TEST_F(InviteServiceTest, CreateActorTakesAnInviteFromAStrangerOnly) {
  v1::CreateInviteRequest once = Wanted(v1::WORKSPACE_ROLE_ADMIN);
  once.set_max_uses(1);
  v1::CreateActorRequest request;
  request.set_type(v1::ACTOR_TYPE_HUMAN);
  request.set_username("bob");
  request.set_password(std::string(kPassword));
  EXPECT_EQ(ReasonOf(As("", &ActorService::CreateActor, *actors_, request).status()),
            v1::ERROR_REASON_REGISTRATION_DISABLED);
  request.set_invite_code(CodeOf(once));
  request.set_role(v1::WORKSPACE_ROLE_OWNER);
  EXPECT_EQ(ReasonOf(As(owner_token_, &ActorService::CreateActor, *actors_, request).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  const auto bob = As("", &ActorService::CreateActor, *actors_, request);
  ASSERT_TRUE(bob.ok()) << bob.status();
  EXPECT_EQ(Authenticate(Login("bob", kPassword)->token())->workspace_role,
            v1::WORKSPACE_ROLE_ADMIN);
  request.set_username("carl");
  EXPECT_EQ(ReasonOf(As("", &ActorService::CreateActor, *actors_, request).status()),
            v1::ERROR_REASON_INVITE_INVALID);
}

TEST_F(InviteServiceTest, WhereNobodyMaySignUpAnInviteDoesNotHelp) {
  const std::string code = CodeOf(Wanted());
  AuthService closed(AuthOptions{.by_invite = false}, *store_, clock_, ids_, entropy_, timers_,
                     {tokens_, passwords_, throttle_, setup_token_, *authenticator_}, hub_);
  v1::RegisterRequest request;
  request.set_username("bob");
  request.set_password(std::string(kPassword));
  request.set_invite_code(code);
  EXPECT_EQ(ReasonOf(As("", &AuthService::Register, closed, request).status()),
            v1::ERROR_REASON_REGISTRATION_DISABLED);
}

TEST_F(InviteServiceTest, AnInviteEndsWithinAYear) {
  v1::CreateInviteRequest request = Wanted();
  for (const absl::Duration ahead : {absl::ZeroDuration(), kInviteLifetimeMax + absl::Hours(1)}) {
    *request.mutable_expires_at() = ToTimestamp(clock_.Now() + ahead);
    EXPECT_EQ(ReasonOf(Invite(owner_token_, request).status()), v1::ERROR_REASON_INVALID_ARGUMENT);
  }
  *request.mutable_expires_at() = ToTimestamp(clock_.Now() + kInviteLifetimeMax);
  EXPECT_TRUE(Invite(owner_token_, request).ok());
}

}  // namespace
}  // namespace heim
