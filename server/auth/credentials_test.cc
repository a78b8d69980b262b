// The small parts: passwords, the set-up token, secrets of keys, tickets, the cache of callers.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/auth/caller_cache.h"
#include "server/auth/key_secret.h"
#include "server/auth/passwords.h"
#include "server/auth/session_scopes.h"
#include "server/auth/setup_token.h"
#include "server/auth/tickets.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/scopes.h"

namespace heim {
namespace {

constexpr PasswordCost kCheap{.passes = 1, .memory_bytes = 8192};

Caller CallerOf(const std::string& actor, const std::string& credential) {
  Caller caller;
  caller.actor_id = ActorId(actor);
  caller.credential_id = credential;
  return caller;
}

TEST(PasswordsTest, OnlyTheRightPasswordMatches) {
  SeededEntropy entropy(1);
  Passwords passwords({.cost = kCheap}, entropy);
  const auto hash = passwords.Hash("correct horse");
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(passwords.Verify(*hash, "correct horse")->matches);
  EXPECT_FALSE(passwords.Verify(*hash, "correct horse ")->matches);
  EXPECT_FALSE(passwords.Verify("", "correct horse")->matches);
  EXPECT_FALSE(passwords.Verify("not a hash", "correct horse")->matches);
}

TEST(PasswordsTest, LongPasswordsAreNotCut) {
  SeededEntropy entropy(1);
  Passwords passwords({.cost = kCheap}, entropy);
  const std::string longest(1024, 'x');
  const auto hash = passwords.Hash(longest);
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(passwords.Verify(*hash, longest)->matches);
  EXPECT_FALSE(passwords.Verify(*hash, longest.substr(0, 1023))->matches);
}

TEST(PasswordsTest, HashesOfAnotherCostAreToBeRenewed) {
  SeededEntropy entropy(1);
  Passwords old({.cost = kCheap}, entropy);
  Passwords dearer({.cost = {.passes = 2, .memory_bytes = 16384}}, entropy);
  const auto hash = old.Hash("correct horse");
  EXPECT_FALSE(old.Verify(*hash, "correct horse")->needs_rehash);
  EXPECT_TRUE(dearer.Verify(*hash, "correct horse")->needs_rehash);
  EXPECT_FALSE(dearer.Verify(*hash, "wrong")->needs_rehash);
}

TEST(PasswordsTest, ManyAtOnceWaitOrAreRefusedAndNoneIsLost) {
  SeededEntropy entropy(1);
  Passwords passwords({.cost = kCheap, .concurrent_max = 1, .waiting_max = 2}, entropy);
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) {
        const auto hash = passwords.Hash("correct horse");
        if (!hash.ok()) {
          EXPECT_EQ(ReasonOf(hash.status()), v1::ERROR_REASON_OVERLOADED);
        }
        ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 160);
}

TEST(SetupTokenTest, IsGoodUntilItIsSpent) {
  SeededEntropy entropy(1);
  SetupToken token("", entropy);
  const std::string value = token.value();
  EXPECT_EQ(value.size(), 32u);
  EXPECT_TRUE(token.Matches(value));
  EXPECT_FALSE(token.Matches(""));
  EXPECT_FALSE(token.Matches(value.substr(1)));
  token.Spend();
  EXPECT_FALSE(token.Matches(value));
  EXPECT_FALSE(token.Matches(""));
  EXPECT_EQ(token.value(), "");
}

TEST(SetupTokenTest, CanBeGiven) {
  SeededEntropy entropy(1);
  EXPECT_TRUE(SetupToken("given", entropy).Matches("given"));
}

TEST(KeySecretTest, HasTheFormOfItsKind) {
  SystemEntropy entropy;
  std::set<std::string> seen;
  for (const auto type : {v1::CREDENTIAL_TYPE_API_KEY, v1::CREDENTIAL_TYPE_PAT}) {
    const std::string_view prefix = type == v1::CREDENTIAL_TYPE_PAT ? "heim_pat_" : "heim_agent_";
    for (int i = 0; i < 100; ++i) {
      const KeySecret key = MakeKeySecret(type, entropy);
      EXPECT_TRUE(StartsWith(key.secret, prefix));
      EXPECT_EQ(key.secret.size(), prefix.size() + 32);
      EXPECT_EQ(key.secret.substr(prefix.size())
                    .find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "abcdefghijklmnopqrstuvwxyz"),
                std::string::npos);
      EXPECT_EQ(key.hash, HashKeySecret(key.secret));
      EXPECT_EQ(key.shown, key.secret.substr(0, prefix.size() + 4));
      EXPECT_EQ(KeyTypeOf(key.secret), type);
      EXPECT_TRUE(seen.insert(key.secret).second);
    }
  }
  EXPECT_EQ(KeyTypeOf("heim_ticket_x"), v1::CREDENTIAL_TYPE_UNSPECIFIED);
}

TEST(SessionScopesTest, OnlyAdminsAndOwnersAdminister) {
  for (const auto role :
       {v1::WORKSPACE_ROLE_OWNER, v1::WORKSPACE_ROLE_ADMIN, v1::WORKSPACE_ROLE_MEMBER,
        v1::WORKSPACE_ROLE_GUEST, v1::WORKSPACE_ROLE_UNSPECIFIED}) {
    const bool admin = role == v1::WORKSPACE_ROLE_OWNER || role == v1::WORKSPACE_ROLE_ADMIN;
    EXPECT_EQ(HasScope(SessionScopes(role), kScopeAdmin), admin);
    EXPECT_TRUE(HasScope(SessionScopes(role), kScopeMessagesWrite));
    const std::vector<std::string> granted = {"admin:*", "messages:read"};
    EXPECT_EQ(AllowedScopes(granted, role).size(), admin ? 2u : 1u);
  }
}

TEST(TicketsTest, AreGoodOnceForAMinute) {
  SeededEntropy entropy(1);
  Tickets tickets({}, entropy);
  const absl::Duration now = absl::Seconds(5);
  const auto ticket = tickets.Make(CallerOf("ann", "key"), now);
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(tickets.Take(*ticket, now)->credential_id, "key");
  EXPECT_FALSE(tickets.Take(*ticket, now).has_value());
  const auto late = tickets.Make(CallerOf("ann", "key"), now);
  EXPECT_FALSE(tickets.Take(*late, now + absl::Seconds(60)).has_value());
}

TEST(TicketsTest, DieWithTheirCredentialAndActorAndAreBounded) {
  SeededEntropy entropy(1);
  Tickets tickets({.tickets_max = 2}, entropy);
  const auto first = tickets.Make(CallerOf("ann", "key"), absl::ZeroDuration());
  const auto second = tickets.Make(CallerOf("bob", "other"), absl::ZeroDuration());
  EXPECT_EQ(ReasonOf(tickets.Make(CallerOf("ann", "key"), absl::ZeroDuration()).status()),
            v1::ERROR_REASON_OVERLOADED);
  EXPECT_TRUE(tickets.Make(CallerOf("ann", "key"), absl::Seconds(61)).ok());
  tickets.DropCredential("key");
  tickets.DropActor(ActorId("bob"));
  EXPECT_FALSE(tickets.Take(*first, absl::ZeroDuration()).has_value());
  EXPECT_FALSE(tickets.Take(*second, absl::ZeroDuration()).has_value());
}

TEST(CallerCacheTest, ForgetsAfterAMinuteAndWhenTold) {
  CallerCache cache({});
  const absl::Duration now = absl::Seconds(5);
  cache.Put("a", CallerOf("ann", "key"), cache.generation(), now);
  EXPECT_TRUE(cache.Find("a", now + absl::Seconds(59)).has_value());
  EXPECT_FALSE(cache.Find("a", now + absl::Seconds(60)).has_value());
  cache.Put("a", CallerOf("ann", "key"), cache.generation(), now);
  cache.DropCredential("other");
  EXPECT_TRUE(cache.Find("a", now).has_value());
  cache.DropCredential("key");
  EXPECT_FALSE(cache.Find("a", now).has_value());
  cache.Put("a", CallerOf("ann", "key"), cache.generation(), now);
  cache.DropActor(ActorId("ann"));
  EXPECT_FALSE(cache.Find("a", now).has_value());
}

TEST(CallerCacheTest, LookUpThatBeganBeforeADropIsNotKept) {
  CallerCache cache({});
  const uint64_t before = cache.generation();
  cache.DropCredential("key");
  cache.Put("a", CallerOf("ann", "key"), before, absl::ZeroDuration());
  EXPECT_FALSE(cache.Find("a", absl::ZeroDuration()).has_value());
}

TEST(CallerCacheTest, StaysBounded) {
  CallerCache cache({.entries_max = 10});
  for (int i = 0; i < 1000; ++i) {
    cache.Put(StrCat(i), CallerOf("ann", "key"), cache.generation(), absl::ZeroDuration());
  }
  int found = 0;
  for (int i = 0; i < 1000; ++i) {
    if (cache.Find(StrCat(i), absl::ZeroDuration()).has_value()) ++found;
  }
  EXPECT_GT(found, 0);
  EXPECT_LE(found, 10);
}

}  // namespace
}  // namespace heim
