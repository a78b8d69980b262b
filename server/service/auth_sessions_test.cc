// The caller's sessions and password, each through the token that a client would hold: what is
// listed, what ends, what must not outlive a change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "server/service/account_fixture.h"
#include "server/service/auth_service.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class AuthSessionsTest : public AccountFixture {
 protected:
  std::vector<v1::Session> Sessions(const std::string& token) {
    const auto page = As(token, &AuthService::ListSessions, *auth_, {});
    EXPECT_TRUE(page.ok()) << page.status();
    return {page->sessions().begin(), page->sessions().end()};
  }
  std::string SessionIdOf(const std::string& token) {
    return ContextOf(token)->caller.credential_id;
  }
  absl::StatusOr<v1::RevokeSessionResponse> Revoke(const std::string& token,
                                                   const std::string& session) {
    v1::RevokeSessionRequest request;
    request.set_session_id(session);
    return As(token, &AuthService::RevokeSession, *auth_, request);
  }
  absl::StatusOr<v1::ChangePasswordResponse> Change(const std::string& token,
                                                    std::string_view current,
                                                    std::string_view wanted) {
    v1::ChangePasswordRequest request;
    request.set_current_password(std::string(current));
    request.set_new_password(std::string(wanted));
    return As(token, &AuthService::ChangePassword, *auth_, request);
  }
};

TEST_F(AuthSessionsTest, ListsWhereTheCallerIsLoggedInNewestFirst) {
  const std::string owner = SetUpServer();
  AddPerson(owner, "bob", v1::WORKSPACE_ROLE_MEMBER);
  const auto context = ContextOf("");
  context->user_agent = "Browser 1.0";
  v1::LoginRequest login;
  login.set_username("ann");
  login.set_password(std::string(kPassword));
  const std::string second = Call(&AuthService::Login, *auth_, *context, login)->token();
  const std::vector<v1::Session> sessions = Sessions(owner);
  ASSERT_THAT(sessions, SizeIs(2));
  EXPECT_EQ(sessions[0].id(), SessionIdOf(second));
  EXPECT_EQ(sessions[0].user_agent(), "Browser 1.0");
  EXPECT_EQ(sessions[0].address(), "203.0.113.7");
  EXPECT_FALSE(sessions[0].current());
  EXPECT_TRUE(sessions[1].current());
  EXPECT_TRUE(sessions[1].has_created_at() && sessions[1].has_last_seen_at() &&
              sessions[1].has_expires_at());
  EXPECT_FALSE(sessions[1].has_revoked_at());

  v1::ListSessionsRequest request;
  request.set_limit(1);
  const auto first = As(owner, &AuthService::ListSessions, *auth_, request);
  ASSERT_TRUE(first->has_more());
  request.set_cursor(first->next_cursor());
  const auto rest = As(owner, &AuthService::ListSessions, *auth_, request);
  EXPECT_FALSE(rest->has_more());
  EXPECT_EQ(rest->sessions(0).id(), sessions[1].id());
}

TEST_F(AuthSessionsTest, WhatEndedIsNotListed) {
  const std::string owner = SetUpServer();
  const std::string second = Login("ann", kPassword)->token();
  ASSERT_TRUE(As(second, &AuthService::Logout, *auth_, {}).ok());
  EXPECT_THAT(Sessions(owner), SizeIs(1));
  clock_.Advance(kCookieLifetime);
  const std::string third = Login("ann", kPassword)->token();
  EXPECT_THAT(Sessions(third), SizeIs(1));
}

TEST_F(AuthSessionsTest, ARevokedSessionEndsAtOnceAndNoOther) {
  const std::string owner = SetUpServer();
  const std::string other = Login("ann", kPassword)->token();
  const std::string id = SessionIdOf(other);
  const auto revoked = Revoke(owner, id);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_TRUE(revoked->session().has_revoked_at());
  EXPECT_EQ(ReasonFor(other), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_EQ(ReasonFor(owner), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_THAT(hub_.ended, ElementsAre("credential_revoked " + id));
  const auto again = Revoke(owner, id);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->session().SerializeAsString(), revoked->session().SerializeAsString());
}

TEST_F(AuthSessionsTest, ASessionOfSomebodyElseIsNotThere) {
  const std::string owner = SetUpServer();
  const std::string bob = AddPerson(owner, "bob", v1::WORKSPACE_ROLE_ADMIN);
  const absl::Status foreign = Revoke(bob, SessionIdOf(owner)).status();
  EXPECT_EQ(ReasonOf(foreign), v1::ERROR_REASON_SESSION_NOT_FOUND);
  EXPECT_EQ(foreign, Revoke(bob, ids_.NewId()).status());
  EXPECT_EQ(foreign, Revoke(bob, "no uuid").status());
  EXPECT_EQ(ReasonFor(owner), v1::ERROR_REASON_UNSPECIFIED);
}

TEST_F(AuthSessionsTest, TheOthersEndTogether) {
  const std::string owner = SetUpServer();
  const std::string second = Login("ann", kPassword)->token();
  const std::string third = Login("ann", kPassword)->token();
  const std::string bob = AddPerson(owner, "bob", v1::WORKSPACE_ROLE_MEMBER);
  const auto revoked = As(second, &AuthService::RevokeOtherSessions, *auth_, {});
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->revoked_count(), 2u);
  EXPECT_THAT(hub_.ended, SizeIs(2));
  for (const std::string& token : {owner, third}) {
    EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_TOKEN_REVOKED);
  }
  for (const std::string& token : {second, bob}) {
    EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_UNSPECIFIED);
  }
  EXPECT_EQ(As(second, &AuthService::RevokeOtherSessions, *auth_, {})->revoked_count(), 0u);
}

TEST_F(AuthSessionsTest, KeysSeeAndEndNoSessions) {
  const std::string owner = SetUpServer();
  const std::string agent = AddAgent(owner, "bot")->api_key();
  const std::string token = As(owner, &AuthService::CreatePersonalToken, *auth_, {})->api_key();
  for (const std::string& key : {agent, token}) {
    for (const absl::Status& status :
         {As(key, &AuthService::ListSessions, *auth_, {}).status(),
          Revoke(key, SessionIdOf(owner)).status(),
          As(key, &AuthService::RevokeOtherSessions, *auth_, {}).status(),
          Change(key, kPassword, "another password").status()}) {
      EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_PERMISSION_DENIED);
    }
  }
}

TEST_F(AuthSessionsTest, ANewPasswordEndsTheOtherSessionsAndTheOldPassword) {
  const std::string owner = SetUpServer();
  const std::string other = Login("ann", kPassword)->token();
  const std::string token = As(owner, &AuthService::CreatePersonalToken, *auth_, {})->api_key();
  const auto changed = Change(owner, kPassword, "battery staple");
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->revoked_count(), 1u);
  EXPECT_EQ(ReasonFor(other), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_EQ(ReasonFor(owner), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonOf(Login("ann", kPassword).status()), v1::ERROR_REASON_INVALID_CREDENTIALS);
  EXPECT_TRUE(Login("ann", "battery staple").ok());
}

TEST_F(AuthSessionsTest, AWrongCurrentPasswordCountsAsAFailedLogin) {
  const std::string owner = SetUpServer();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ReasonOf(Change(owner, "wrong", "battery staple").status()),
              v1::ERROR_REASON_INVALID_CREDENTIALS);
  }
  EXPECT_EQ(ReasonOf(Change(owner, kPassword, "battery staple").status()),
            v1::ERROR_REASON_RATE_LIMITED);
  EXPECT_EQ(ReasonOf(Login("ann", kPassword).status()), v1::ERROR_REASON_RATE_LIMITED);
  clock_.Advance(absl::Minutes(15));
  EXPECT_TRUE(Change(owner, kPassword, "battery staple").ok());
}

TEST_F(AuthSessionsTest, PasswordsAreTakenWholeToTheLastByte) {
  const std::string owner = SetUpServer();
  const std::string with_nul = std::string(70, 'x') + '\0' + std::string(900, 'y');
  ASSERT_TRUE(Change(owner, kPassword, with_nul + "1").ok());
  EXPECT_FALSE(Login("ann", with_nul + "2").ok());
  EXPECT_FALSE(Login("ann", with_nul).ok());
  EXPECT_FALSE(Login("ann", std::string(70, 'x')).ok());
  EXPECT_TRUE(Login("ann", with_nul + "1").ok());
}

TEST_F(AuthSessionsTest, OfTwoChangesAtOnceOneIsMade) {
  const std::string owner = SetUpServer();
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, &owner, i, &made] {
      if (Change(owner, kPassword, StrCat("new password ", i)).ok()) ++made;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
}

TEST_F(AuthSessionsTest, ADearerCostIsTakenUpAtTheNextLoginAndThePasswordStays) {
  SetUpServer();
  const auto hash = [this] {
    std::string found;
    Read([&](ReadTx& tx) -> absl::Status {
      found = tx.credentials.PasswordOf(owner_)->hash;
      return absl::OkStatus();
    });
    return found;
  };
  const std::string before = hash();
  EXPECT_TRUE(Login("ann", kPassword).ok());
  EXPECT_EQ(hash(), before);
  Passwords dearer({.cost = {.passes = 2, .memory_bytes = 16384}}, entropy_);
  AuthService restarted({}, *store_, clock_, ids_, entropy_, timers_,
                        {tokens_, dearer, throttle_, setup_token_, *authenticator_}, hub_);
  v1::LoginRequest request;
  request.set_username("ann");
  request.set_password(std::string(kPassword));
  EXPECT_TRUE(As("", &AuthService::Login, restarted, request).ok());
  EXPECT_THAT(hash(), ::testing::StartsWith("$argon2id$v=19$m=16,t=2,"));
  EXPECT_TRUE(As("", &AuthService::Login, restarted, request).ok());
}

}  // namespace
}  // namespace heim
