// Reset links: for whom an admin may make one, what it does once, and when it is worth nothing.
#include "server/service/password_reset_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/service/account_fixture.h"

namespace heim {
namespace {

class PasswordResetServiceTest : public AccountFixture {
 protected:
  void SetUp() override {
    AccountFixture::SetUp();
    owner_token_ = SetUpServer();
    bob_ = AddPerson(owner_token_, "bob", v1::WORKSPACE_ROLE_MEMBER);
  }
  absl::StatusOr<v1::CreatePasswordResetResponse> Make(const std::string& token,
                                                       const std::string& actor) {
    v1::CreatePasswordResetRequest request;
    request.set_actor_id(actor);
    return As(token, &PasswordResetService::CreatePasswordReset, *resets_, request);
  }
  std::string TokenFor(const std::string& actor) {
    const auto made = Make(owner_token_, actor);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? made->reset_token() : "";
  }
  absl::Status Reset(const std::string& reset_token, std::string_view password) {
    v1::ResetPasswordRequest request;
    request.set_token(reset_token);
    request.set_new_password(std::string(password));
    return As("", &PasswordResetService::ResetPassword, *resets_, request).status();
  }
  void SetRole(const std::string& token, v1::WorkspaceRole role) {
    v1::UpdateWorkspaceMemberRequest request;
    request.set_workspace_id(workspace_.str());
    request.set_actor_id(IdOf(token));
    request.set_role(role);
    const auto done =
        As(owner_token_, &WorkspaceService::UpdateWorkspaceMember, *workspaces_, request);
    ASSERT_TRUE(done.ok()) << done.status();
  }

  std::string owner_token_;
  std::string bob_;
};

TEST_F(PasswordResetServiceTest, ALinkSetsThePasswordOnceAndEndsAllSessions) {
  const auto made = Make(owner_token_, IdOf(bob_));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->reset_url(), "https://heim.example/reset?token=" + made->reset_token());
  EXPECT_EQ(FromTimestamp(made->expires_at()), clock_.Now() + absl::Hours(24));
  EXPECT_EQ(ReasonFor(bob_), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_TRUE(Reset(made->reset_token(), "a new password").ok());
  EXPECT_EQ(ReasonFor(bob_), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_EQ(hub_.ended.size(), 1u);
  EXPECT_EQ(ReasonOf(Login("bob", kPassword).status()), v1::ERROR_REASON_INVALID_CREDENTIALS);
  EXPECT_TRUE(Login("bob", "a new password").ok());
  EXPECT_EQ(ReasonOf(Reset(made->reset_token(), "another password")),
            v1::ERROR_REASON_RESET_TOKEN_INVALID);
}

TEST_F(PasswordResetServiceTest, WrongUsedReplacedAndOldLinksLookTheSame) {
  const std::string replaced = TokenFor(IdOf(bob_));
  const std::string used = TokenFor(IdOf(bob_));
  const absl::Status wrong = Reset("x", "a new password");
  EXPECT_EQ(ReasonOf(wrong), v1::ERROR_REASON_RESET_TOKEN_INVALID);
  EXPECT_EQ(Reset(replaced, "a new password"), wrong);
  EXPECT_TRUE(Reset(used, "a new password").ok());
  EXPECT_EQ(Reset(used, "a new password"), wrong);
  const std::string old = TokenFor(IdOf(Login("bob", "a new password")->token()));
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(Reset(old, "a new password"), wrong);
}

TEST_F(PasswordResetServiceTest, AdminsMakeLinksForWhomTheyStandAbove) {
  const std::string eve = AddPerson(owner_token_, "eve", v1::WORKSPACE_ROLE_ADMIN);
  const std::string adam = AddPerson(owner_token_, "adam", v1::WORKSPACE_ROLE_ADMIN);
  EXPECT_TRUE(Make(eve, IdOf(bob_)).ok());
  EXPECT_TRUE(Make(eve, IdOf(adam)).ok());
  EXPECT_EQ(ReasonOf(Make(eve, owner_.str()).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Make(bob_, IdOf(eve)).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Make(eve, IdOf(eve)).status()), v1::ERROR_REASON_PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(Make(eve, "me").status()), v1::ERROR_REASON_PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(Make(eve, ids_.NewId()).status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
  const auto agent = AddAgent(owner_token_, "bot");
  EXPECT_EQ(ReasonOf(Make(owner_token_, agent->agent().id()).status()),
            v1::ERROR_REASON_PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(Make(agent->api_key(), IdOf(bob_)).status()),
            v1::ERROR_REASON_PERMISSION_DENIED);
}

TEST_F(PasswordResetServiceTest, NobodyGetsIntoAnotherWorkspaceByResettingItsMembers) {
  const std::string eve = AddPerson(owner_token_, "eve", v1::WORKSPACE_ROLE_ADMIN);
  v1::CreateWorkspaceRequest create;
  create.set_name("Second");
  const auto second = As(owner_token_, &WorkspaceService::CreateWorkspace, *workspaces_, create);
  v1::CreateInviteRequest invite;
  invite.set_workspace_id(second->workspace().id());
  const auto code = As(owner_token_, &InviteService::CreateInvite, *invites_, invite);
  v1::AcceptInviteRequest accept;
  accept.set_code(code->code());
  ASSERT_TRUE(As(bob_, &InviteService::AcceptInvite, *invites_, accept).ok());
  EXPECT_EQ(ReasonOf(Make(eve, IdOf(bob_)).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_TRUE(Make(owner_token_, IdOf(bob_)).ok());
}

TEST_F(PasswordResetServiceTest, ALinkIsWorthWhatItsMakerMayDo) {
  const std::string eve = AddPerson(owner_token_, "eve", v1::WORKSPACE_ROLE_ADMIN);
  const std::string token = Make(eve, IdOf(bob_))->reset_token();
  SetRole(bob_, v1::WORKSPACE_ROLE_OWNER);
  EXPECT_EQ(ReasonOf(Reset(token, "a new password")), v1::ERROR_REASON_RESET_TOKEN_INVALID);
  SetRole(bob_, v1::WORKSPACE_ROLE_MEMBER);
  SetRole(eve, v1::WORKSPACE_ROLE_MEMBER);
  EXPECT_EQ(ReasonOf(Reset(token, "a new password")), v1::ERROR_REASON_RESET_TOKEN_INVALID);
  SetRole(eve, v1::WORKSPACE_ROLE_ADMIN);
  EXPECT_TRUE(Reset(token, "a new password").ok());
}

TEST_F(PasswordResetServiceTest, APasswordChangeAndADeactivationEndTheLink) {
  const std::string before = TokenFor(IdOf(bob_));
  v1::ChangePasswordRequest change;
  change.set_current_password(std::string(kPassword));
  change.set_new_password("a new password");
  ASSERT_TRUE(As(bob_, &AuthService::ChangePassword, *auth_, change).ok());
  EXPECT_EQ(ReasonOf(Reset(before, "another password")), v1::ERROR_REASON_RESET_TOKEN_INVALID);
  const std::string id = IdOf(bob_);
  const std::string after = TokenFor(id);
  v1::DeactivateActorRequest deactivate;
  deactivate.set_actor_id(id);
  ASSERT_TRUE(As(owner_token_, &ActorService::DeactivateActor, *actors_, deactivate).ok());
  EXPECT_EQ(ReasonOf(Reset(after, "another password")), v1::ERROR_REASON_RESET_TOKEN_INVALID);
  EXPECT_EQ(ReasonOf(Make(owner_token_, id).status()), v1::ERROR_REASON_ACTOR_DEACTIVATED);
}

}  // namespace
}  // namespace heim
