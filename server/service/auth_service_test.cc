// Set-up, sign-up, log-in, sessions, personal tokens and tickets, each through the token that a
// client would hold: what must work, what must not, and what must end.
#include "server/service/auth_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "server/model/scopes.h"
#include "server/service/account_fixture.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

class AuthServiceTest : public AccountFixture {};

TEST_F(AuthServiceTest, SetUpMakesOwnerWorkspaceAndDefaultChannelInOneCommit) {
  v1::RegisterRequest request;
  request.set_username("ann");
  request.set_password(std::string(kPassword));
  request.set_workspace_name("Acme Corp.");
  request.set_setup_token(std::string(kSetupToken));
  const auto context = ContextOf("");
  const auto answer = Call(&AuthService::Register, *auth_, *context, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->workspace().slug(), "acme-corp");
  EXPECT_EQ(answer->workspace().owner_id(), answer->actor().id());
  EXPECT_EQ(answer->actor().display_name(), "ann");
  ASSERT_TRUE(context->cookie.has_value());
  EXPECT_EQ(context->cookie->max_age, kCookieLifetime);

  const std::vector<v1::Event> events = hub_.TakeEvents();
  EXPECT_THAT(KindsOf(events), ElementsAre(v1::Event::kActorCreated, v1::Event::kChannelCreated,
                                           v1::Event::kMemberAdded));
  const v1::Channel& general = events[2].member_added().channel();
  EXPECT_EQ(general.name(), "general");
  EXPECT_EQ(general.member_count(), 1u);
  EXPECT_EQ(DefaultChannelOf(answer->workspace()).str(), general.id());

  const auto caller = Authenticate(answer->token());
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->workspace_role, v1::WORKSPACE_ROLE_OWNER);
  EXPECT_EQ(caller->workspace_id.str(), answer->workspace().id());
  EXPECT_TRUE(HasScope(caller->scopes, kScopeAdmin));
  EXPECT_EQ(IdOf(context->cookie->token), answer->actor().id());
}

TEST_F(AuthServiceTest, SetUpWorksOnce) {
  EXPECT_EQ(ReasonOf(Register("ann", "a guess").status()), v1::ERROR_REASON_SETUP_TOKEN_INVALID);
  SetUpServer();
  EXPECT_EQ(ReasonOf(Register("eve", kSetupToken).status()), v1::ERROR_REASON_SETUP_TOKEN_INVALID);
}

TEST_F(AuthServiceTest, AConfiguredTokenIsOfNoUseAfterARestart) {
  SetUpServer();
  SetupToken again(std::string(kSetupToken), entropy_);
  AuthService restarted({}, *store_, clock_, ids_, entropy_, timers_,
                        {tokens_, passwords_, throttle_, again, *authenticator_}, hub_);
  v1::RegisterRequest request;
  request.set_username("eve");
  request.set_password(std::string(kPassword));
  request.set_setup_token(std::string(kSetupToken));
  EXPECT_EQ(ReasonOf(As("", &AuthService::Register, restarted, request).status()),
            v1::ERROR_REASON_SETUP_TOKEN_INVALID);
  Read([](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(*tx.actors.CountHumans(), 1);
    return absl::OkStatus();
  });
}

TEST_F(AuthServiceTest, OfManyAtOnceOneSetsUp) {
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i, &made] {
      if (Register(StrCat("person", i), kSetupToken).ok()) ++made;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
}

TEST_F(AuthServiceTest, SignUpIsClosedUnlessOpened) {
  SetUpServer();
  EXPECT_EQ(ReasonOf(Register("bob", "").status()), v1::ERROR_REASON_REGISTRATION_DISABLED);
  MakeServices(/*open_registration=*/true);
  hub_.TakeEvents();
  const auto bob = Register("bob", "");
  ASSERT_TRUE(bob.ok()) << bob.status();
  EXPECT_EQ(bob->workspace().id(), workspace_.str());
  const std::vector<v1::Event> events = hub_.TakeEvents();
  EXPECT_THAT(KindsOf(events), ElementsAre(v1::Event::kActorCreated, v1::Event::kMemberAdded));
  EXPECT_EQ(events[1].member_added().member().actor().username(), "bob");
  EXPECT_EQ(Authenticate(bob->token())->workspace_role, v1::WORKSPACE_ROLE_MEMBER);
  EXPECT_EQ(ReasonOf(Register("bob", "").status()), v1::ERROR_REASON_USERNAME_TAKEN);
  EXPECT_EQ(ReasonOf(Register("everyone", "").status()), v1::ERROR_REASON_USERNAME_TAKEN);
}

TEST_F(AuthServiceTest, NobodySignsUpBeforeTheSetUp) {
  MakeServices(/*open_registration=*/true);
  EXPECT_EQ(ReasonOf(Register("bob", "").status()), v1::ERROR_REASON_REGISTRATION_DISABLED);
}

TEST_F(AuthServiceTest, UnknownAccountAndWrongPasswordLookTheSame) {
  SetUpServer();
  const absl::Status unknown = Login("nobody", kPassword).status();
  const absl::Status wrong = Login("ann", "wrong").status();
  EXPECT_EQ(ReasonOf(wrong), v1::ERROR_REASON_INVALID_CREDENTIALS);
  EXPECT_EQ(ToError(unknown, "").SerializeAsString(), ToError(wrong, "").SerializeAsString());
  const auto good = Login("ANN", kPassword);
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->actor().username(), "ann");
  EXPECT_EQ(IdOf(good->token()), owner_.str());
}

TEST_F(AuthServiceTest, LoginByEmailAndOnlyOneName) {
  const std::string owner = SetUpServer();
  v1::CreateActorRequest create;
  create.set_type(v1::ACTOR_TYPE_HUMAN);
  create.set_username("bob");
  create.set_password(std::string(kPassword));
  create.set_email("Bob@Example.org");
  ASSERT_TRUE(As(owner, &ActorService::CreateActor, *actors_, create).ok());
  v1::LoginRequest login;
  login.set_email("bob@EXAMPLE.org");
  login.set_password(std::string(kPassword));
  EXPECT_TRUE(As("", &AuthService::Login, *auth_, login).ok());
  login.set_username("bob");
  EXPECT_EQ(ReasonOf(As("", &AuthService::Login, *auth_, login).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  create.set_username("bob2");
  create.set_email("bob@example.org");
  EXPECT_EQ(ReasonOf(As(owner, &ActorService::CreateActor, *actors_, create).status()),
            v1::ERROR_REASON_EMAIL_TAKEN);
}

TEST_F(AuthServiceTest, GuessingIsStoppedEvenWithTheRightPassword) {
  SetUpServer();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ReasonOf(Login("ann", "wrong").status()), v1::ERROR_REASON_INVALID_CREDENTIALS);
  }
  EXPECT_EQ(ReasonOf(Login("ann", kPassword).status()), v1::ERROR_REASON_RATE_LIMITED);
  clock_.Advance(absl::Minutes(15));
  EXPECT_TRUE(Login("ann", kPassword).ok());
}

TEST_F(AuthServiceTest, LogoutEndsTheSessionAtOnceAndNoOther) {
  const std::string first = SetUpServer();
  const std::string second = Login("ann", kPassword)->token();
  EXPECT_EQ(ReasonFor(first), v1::ERROR_REASON_UNSPECIFIED);
  const auto context = ContextOf(first);
  ASSERT_TRUE(Call(&AuthService::Logout, *auth_, *context, {}).ok());
  EXPECT_EQ(ReasonFor(first), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_EQ(ReasonFor(second), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(context->cookie->token, "");
  EXPECT_THAT(hub_.ended,
              ElementsAre(StrCat("credential_revoked ", context->caller.credential_id)));
}

TEST_F(AuthServiceTest, RefreshSlidesTheSession) {
  const std::string token = SetUpServer();
  clock_.Advance(absl::Hours(11));
  const auto context = ContextOf(token);
  const auto renewed = Call(&AuthService::Refresh, *auth_, *context, {});
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  const std::string cookie = context->cookie->token;
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_TOKEN_EXPIRED);
  EXPECT_EQ(ReasonFor(renewed->token()), v1::ERROR_REASON_UNSPECIFIED);
  clock_.Advance(kCookieLifetime - absl::Hours(3));
  EXPECT_EQ(ReasonFor(cookie), v1::ERROR_REASON_UNSPECIFIED);
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(ReasonFor(cookie), v1::ERROR_REASON_TOKEN_EXPIRED);
}

TEST_F(AuthServiceTest, KeysHaveNoSessionToRefreshOrEnd) {
  const std::string key = AddAgent(SetUpServer(), "bot")->api_key();
  EXPECT_EQ(ReasonOf(As(key, &AuthService::Refresh, *auth_, {}).status()),
            v1::ERROR_REASON_PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(As(key, &AuthService::Logout, *auth_, {}).status()),
            v1::ERROR_REASON_PERMISSION_DENIED);
}

TEST_F(AuthServiceTest, SessionTellsWhoAndWhere) {
  const std::string token = SetUpServer();
  const auto session = As(token, &AuthService::GetSession, *auth_, {});
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->actor().username(), "ann");
  EXPECT_EQ(session->workspace().id(), workspace_.str());
  EXPECT_EQ(session->role(), v1::WORKSPACE_ROLE_OWNER);
  EXPECT_EQ(session->credential_type(), v1::CREDENTIAL_TYPE_PASSWORD);
  EXPECT_TRUE(session->has_expires_at());
}

TEST_F(AuthServiceTest, PersonalTokensHoldNoMoreThanWasGrantedAndDieWhenRevoked) {
  const std::string owner = SetUpServer();
  v1::CreatePersonalTokenRequest request;
  const auto all = As(owner, &AuthService::CreatePersonalToken, *auth_, request);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(all->key().scopes(), UnorderedElementsAreArray(DefaultScopes()));
  request.add_scopes("messages:read");
  const auto narrow = As(owner, &AuthService::CreatePersonalToken, *auth_, request);
  ASSERT_TRUE(narrow.ok());
  EXPECT_EQ(narrow->key().prefix(), narrow->api_key().substr(0, 13));
  request.add_scopes("admin:*");
  EXPECT_EQ(
      ReasonOf(As(all->api_key(), &AuthService::CreatePersonalToken, *auth_, request).status()),
      v1::ERROR_REASON_MISSING_SCOPE);
  request.add_scopes("root");
  EXPECT_EQ(ReasonOf(As(owner, &AuthService::CreatePersonalToken, *auth_, request).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);

  v1::ListPersonalTokensRequest list;
  list.set_limit(1);
  const auto page = As(owner, &AuthService::ListPersonalTokens, *auth_, list);
  ASSERT_TRUE(page.ok());
  ASSERT_TRUE(page->has_more());
  EXPECT_EQ(page->keys(0).id(), narrow->key().id());
  list.set_cursor(page->next_cursor());
  const auto rest = As(owner, &AuthService::ListPersonalTokens, *auth_, list);
  EXPECT_EQ(rest->keys(0).id(), all->key().id());
  EXPECT_FALSE(rest->has_more());

  EXPECT_EQ(ReasonFor(narrow->api_key()), v1::ERROR_REASON_UNSPECIFIED);
  v1::RevokePersonalTokenRequest revoke;
  revoke.set_key_id(narrow->key().id());
  const std::string eve = AddPerson(owner, "eve", v1::WORKSPACE_ROLE_ADMIN);
  EXPECT_EQ(ReasonOf(As(eve, &AuthService::RevokePersonalToken, *auth_, revoke).status()),
            v1::ERROR_REASON_KEY_NOT_FOUND);
  EXPECT_TRUE(As(owner, &AuthService::RevokePersonalToken, *auth_, revoke)->key().has_revoked_at());
  EXPECT_EQ(ReasonFor(narrow->api_key()), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_TRUE(As(owner, &AuthService::RevokePersonalToken, *auth_, revoke).ok());
  revoke.set_key_id("no uuid");
  EXPECT_EQ(ReasonOf(As(owner, &AuthService::RevokePersonalToken, *auth_, revoke).status()),
            v1::ERROR_REASON_KEY_NOT_FOUND);
}

TEST_F(AuthServiceTest, PersonalTokenExpires) {
  const std::string owner = SetUpServer();
  v1::CreatePersonalTokenRequest request;
  *request.mutable_expires_at() = ToTimestamp(clock_.Now() + absl::Minutes(1));
  const std::string token =
      As(owner, &AuthService::CreatePersonalToken, *auth_, request)->api_key();
  EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_UNSPECIFIED);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_TOKEN_EXPIRED);
  EXPECT_EQ(ReasonOf(As(owner, &AuthService::CreatePersonalToken, *auth_, request).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
}

TEST_F(AuthServiceTest, RepeatWithAnIdempotencyKeyShowsNoSecretAgain) {
  const auto context = ContextOf(SetUpServer());
  context->method = "heim.v1.AuthService.CreatePersonalToken";
  context->idempotency_key = "once";
  context->request_hash = "hash";
  const auto first = Call(&AuthService::CreatePersonalToken, *auth_, *context, {});
  const auto second = Call(&AuthService::CreatePersonalToken, *auth_, *context, {});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->api_key(), "");
  EXPECT_EQ(second->api_key(), "");
  EXPECT_EQ(first->key().SerializeAsString(), second->key().SerializeAsString());
  context->request_hash = "another";
  EXPECT_EQ(ReasonOf(Call(&AuthService::CreatePersonalToken, *auth_, *context, {}).status()),
            v1::ERROR_REASON_IDEMPOTENCY_CONFLICT);
}

TEST_F(AuthServiceTest, TicketOpensOneSocketAsItsMaker) {
  const std::string owner = SetUpServer();
  const auto ticket = As(owner, &AuthService::CreateTicket, *auth_, {});
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(ReasonFor(ticket->ticket()), v1::ERROR_REASON_UNAUTHENTICATED);
  const auto caller = OpenSocket(ticket->ticket());
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->actor_id, owner_);
  EXPECT_EQ(caller->workspace_id, workspace_);
  EXPECT_EQ(caller->credential_id, ContextOf(owner)->caller.credential_id);
  EXPECT_EQ(ReasonOf(OpenSocket(ticket->ticket()).status()), v1::ERROR_REASON_UNAUTHENTICATED);
}

TEST_F(AuthServiceTest, TicketDiesWithItsSession) {
  const std::string owner = SetUpServer();
  const auto ticket = As(owner, &AuthService::CreateTicket, *auth_, {});
  ASSERT_TRUE(As(owner, &AuthService::Logout, *auth_, {}).ok());
  EXPECT_FALSE(OpenSocket(ticket->ticket()).ok());
}

TEST_F(AuthServiceTest, WorkspaceOfACallIsNamedOrTheLastUsed) {
  const std::string token = SetUpServer();
  v1::CreateWorkspaceRequest request;
  request.set_name("Second");
  const auto second = As(token, &WorkspaceService::CreateWorkspace, *workspaces_, request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(ContextOf(token)->caller.workspace_id, workspace_);
  for (const std::string& selector : {second->workspace().id(), second->workspace().slug()}) {
    const auto caller = Authenticate(token, selector);
    ASSERT_TRUE(caller.ok());
    EXPECT_EQ(caller->workspace_id.str(), second->workspace().id());
    EXPECT_EQ(caller->workspace_role, v1::WORKSPACE_ROLE_OWNER);
  }
  EXPECT_EQ(ReasonOf(Authenticate(token, "elsewhere").status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  const std::string bob = AddPerson(token, "bob", v1::WORKSPACE_ROLE_MEMBER);
  EXPECT_EQ(ReasonOf(Authenticate(bob, second->workspace().slug()).status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(AuthServiceTest, UnknownKeysOfEveryKindAreUnknown) {
  SetUpServer();
  for (const std::string& token :
       {std::string("heim_agent_"), StrCat("heim_agent_", std::string(32, 'A')),
        StrCat("heim_pat_", std::string(32, 'A')), std::string("heim_ticket_x"), std::string("x"),
        std::string(100'000, 'x'), std::string("a\0b", 3)}) {
    EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_UNAUTHENTICATED) << token.size();
  }
  EXPECT_FALSE(Authenticate("")->authenticated());
}

}  // namespace
}  // namespace heim
