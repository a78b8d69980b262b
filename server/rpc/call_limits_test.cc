// Goal: limits hold to the figure of model/limits.h, for whom they are meant and for nobody else;
// and no ordinary person or agent meets one. Method: a clock that is moved by hand.
#include "server/rpc/call_limits.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/model/errors.h"

namespace heim {
namespace {

class CallLimitsTest : public ::testing::Test {
 protected:
  static Caller Person(const std::string& name, const std::string& credential = "") {
    Caller caller;
    caller.actor_id = ActorId(name);
    caller.actor.set_type(v1::ACTOR_TYPE_HUMAN);
    caller.credential_id = credential.empty() ? name + "-key" : credential;
    return caller;
  }
  static Caller Agent(const std::string& name) {
    Caller caller = Person(name);
    caller.actor.set_type(v1::ACTOR_TYPE_AGENT);
    return caller;
  }
  static absl::Status Call(CallLimits& limits, v1::RateClass rate_class, const Caller& caller,
                           const std::string& address = "192.0.2.1",
                           std::optional<RateLimitState>* left = nullptr) {
    CallContext context;
    context.caller = caller;
    context.address = address;
    absl::Status status = limits.TakeForCall(rate_class, context);
    if (left != nullptr) *left = context.rate_limit;
    return status;
  }
  // Calls that go through before the first that does not.
  static int Allowed(CallLimits& limits, v1::RateClass rate_class, const Caller& caller,
                     int at_most) {
    int allowed = 0;
    while (allowed < at_most && Call(limits, rate_class, caller).ok()) ++allowed;
    return allowed;
  }
  static std::vector<v1::RateClass> Classes() {
    std::vector<v1::RateClass> classes;
    for (int i = v1::RateClass_MIN + 1; i <= v1::RateClass_MAX; ++i) {
      classes.push_back(static_cast<v1::RateClass>(i));
    }
    return classes;
  }
  static std::string LimitOf(const absl::Status& status) {
    const v1::Error error = ToError(status, "r");
    const auto found = error.details().fields().find("limit_of");
    return found == error.details().fields().end() ? "" : found->second.string_value();
  }

  ManualClock clock_;
};

TEST_F(CallLimitsTest, EveryClassHoldsToTheFigureInEveryTier) {
  for (const RateTier tier : {RateTier::kFree, RateTier::kPro, RateTier::kEnterprise}) {
    for (const v1::RateClass rate_class : Classes()) {
      CallLimits limits({.tier = tier}, clock_);
      const double factor = rate_class == v1::RATE_CLASS_AUTH ? 1 : RateFactorOf(tier);
      const BucketRule rule = Widened(BucketOf(rate_class), factor);
      const Caller ann = Person("ann");
      const int burst = static_cast<int>(rule.burst);
      ASSERT_EQ(Allowed(limits, rate_class, ann, 10'000), burst) << rate_class;
      const absl::Status refused = Call(limits, rate_class, ann);
      EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_RATE_LIMITED);
      EXPECT_EQ(LimitOf(refused), "caller");
      // A minute gives exactly what the refill promises, however greedily it is asked for.
      const absl::Duration step = absl::Seconds(1) / rule.refill_per_second;
      int granted = 0;
      for (int i = 0; i < 60; ++i) {
        clock_.Advance(step);
        granted += Allowed(limits, rate_class, ann, 100);
      }
      EXPECT_EQ(granted, 60) << rate_class;
    }
  }
}

TEST_F(CallLimitsTest, WhatIsLeftIsTold) {
  CallLimits limits({}, clock_);
  std::optional<RateLimitState> left;
  ASSERT_TRUE(Call(limits, v1::RATE_CLASS_SEND, Person("ann"), "192.0.2.1", &left).ok());
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->limit, 50u);
  EXPECT_EQ(left->remaining, 49u);
  EXPECT_EQ(left->reset, absl::Milliseconds(100));
  Allowed(limits, v1::RATE_CLASS_SEND, Person("ann"), 1000);
  const absl::Status refused = Call(limits, v1::RATE_CLASS_SEND, Person("ann"), "192.0.2.1", &left);
  EXPECT_EQ(ToError(refused, "r").retry_after_ms(), 100);
  EXPECT_EQ(left->remaining, 0u);
  EXPECT_EQ(left->reset, absl::Seconds(5));
}

TEST_F(CallLimitsTest, CallersAndClassesHaveTheirOwnBuckets) {
  CallLimits limits({}, clock_);
  EXPECT_EQ(Allowed(limits, v1::RATE_CLASS_ADMIN, Person("ann"), 1000), 20);
  EXPECT_EQ(Allowed(limits, v1::RATE_CLASS_ADMIN, Person("bob"), 1000), 20);
  EXPECT_EQ(Allowed(limits, v1::RATE_CLASS_READ, Person("ann"), 1000), 200);
}

TEST_F(CallLimitsTest, ManyKeysAreNotManyTimesTheRights) {
  CallLimits limits({}, clock_);
  int allowed = 0;
  for (int key = 0; key < 10; ++key) {
    allowed += Allowed(limits, v1::RATE_CLASS_SEND, Person("ann", absl::StrCat("key", key)), 1000);
  }
  EXPECT_EQ(allowed, 4 * 50);
  EXPECT_EQ(Allowed(limits, v1::RATE_CLASS_SEND, Person("bob"), 1000), 50);
  // A key that is refused by itself takes nothing from the others.
  CallLimits fresh({}, clock_);
  Allowed(fresh, v1::RATE_CLASS_SEND, Person("ann", "greedy"), 50);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(Call(fresh, v1::RATE_CLASS_SEND, Person("ann", "greedy")).ok());
  }
  EXPECT_EQ(Allowed(fresh, v1::RATE_CLASS_SEND, Person("ann", "other"), 1000), 50);
}

TEST_F(CallLimitsTest, AStrangersAddressStandsForIt) {
  CallLimits limits({}, clock_);
  const Caller nobody;
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(Call(limits, v1::RATE_CLASS_READ, nobody, "2001:db8::1").ok());
  }
  const absl::Status refused = Call(limits, v1::RATE_CLASS_READ, nobody, "2001:db8::2");
  EXPECT_EQ(LimitOf(refused), "address") << "the same network";
  EXPECT_TRUE(Call(limits, v1::RATE_CLASS_READ, nobody, "192.0.2.9").ok());
  std::optional<RateLimitState> left;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(Call(limits, v1::RATE_CLASS_READ, nobody, "127.0.0.1", &left).ok());
  }
  EXPECT_FALSE(left.has_value());
}

TEST_F(CallLimitsTest, AnAddressHasAGenerousCapButLoopbackNone) {
  CallLimits limits({}, clock_);
  for (int i = 0; i < static_cast<int>(kRateOfAddress.burst); ++i) {
    ASSERT_TRUE(limits.TakeForAddress("192.0.2.1").ok()) << i;
  }
  EXPECT_EQ(LimitOf(limits.TakeForAddress("192.0.2.1")), "address");
  EXPECT_TRUE(limits.TakeForAddress("192.0.2.2").ok());
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(limits.TakeForAddress("127.0.0.1").ok());
    ASSERT_TRUE(limits.TakeForAddress("").ok());
  }
}

TEST_F(CallLimitsTest, RunawayAgentsCannotFloodAChannel) {
  CallLimits limits({}, clock_);
  const ChannelId room("room");
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {
    if (limits.TakeForChannel(room, Agent(absl::StrCat("agent", i % 20))).ok()) ++taken;
  }
  EXPECT_EQ(taken, static_cast<int>(kRateOfChannel.burst));
  EXPECT_EQ(LimitOf(limits.TakeForChannel(room, Agent("agent1"))), "channel");
  // People go on talking there, and agents elsewhere.
  EXPECT_TRUE(limits.TakeForChannel(room, Person("ann")).ok());
  EXPECT_TRUE(limits.TakeForChannel(ChannelId("other"), Agent("agent1")).ok());
  clock_.Advance(absl::Seconds(1));
  int refilled = 0;
  while (refilled < 1000 && limits.TakeForChannel(room, Agent("agent1")).ok()) ++refilled;
  EXPECT_EQ(refilled, 50);
}

TEST_F(CallLimitsTest, SwitchedOffNothingIsLimited) {
  CallLimits limits({.enabled = false}, clock_);
  std::optional<RateLimitState> left;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(limits.TakeForAddress("192.0.2.1").ok());
    ASSERT_TRUE(Call(limits, v1::RATE_CLASS_ADMIN, Person("ann"), "192.0.2.1", &left).ok());
    ASSERT_TRUE(limits.TakeForChannel(ChannelId("room"), Agent("bot")).ok());
  }
  EXPECT_FALSE(left.has_value());
  EXPECT_EQ(limits.size(), 0u);
}

TEST_F(CallLimitsTest, MemoryIsBoundedWhateverIsAsked) {
  CallLimits limits({.buckets_max = 1600}, clock_);
  for (int i = 0; i < 20'000; ++i) {
    Call(limits, v1::RATE_CLASS_READ, Person(absl::StrCat("actor", i))).IgnoreError();
    limits.TakeForAddress(absl::StrCat("10.0.", i / 256, ".", i % 256)).IgnoreError();
  }
  EXPECT_LE(limits.size(), 1600u);
}

// --- Nobody ordinary meets a limit

class Ordinary : public CallLimitsTest {
 protected:
  void Do(v1::RateClass rate_class, const Caller& caller, const char* what) {
    ASSERT_TRUE(limits_.TakeForAddress("192.0.2.1").ok()) << what;
    ASSERT_TRUE(Call(limits_, rate_class, caller).ok()) << what;
    if (rate_class != v1::RATE_CLASS_SEND) return;
    ASSERT_TRUE(limits_.TakeForChannel(ChannelId("general"), caller).ok()) << what;
  }

  CallLimits limits_{{}, clock_};
};

TEST_F(Ordinary, APersonInABusyHourMeetsNoLimit) {
  const Caller ann = Person("ann");
  // The page opens: a flood of reads, then commands as fast as the socket takes them.
  for (int i = 0; i < 80; ++i) Do(v1::RATE_CLASS_READ, ann, "opening");
  for (int i = 0; i < 100; ++i) Do(v1::RATE_CLASS_READ, ann, "commands");
  for (int i = 0; i < 20; ++i) Do(v1::RATE_CLASS_WRITE, ann, "catching up");
  // Twenty seconds of five messages each, with typing, read marks, reactions and pages of history.
  for (int tick = 0; tick < 200; ++tick) {
    clock_.Advance(absl::Milliseconds(100));
    if (tick % 2 == 0) Do(v1::RATE_CLASS_SEND, ann, "message");
    if (tick % 10 == 0) Do(v1::RATE_CLASS_WRITE, ann, "typing");
    if (tick % 5 == 0) Do(v1::RATE_CLASS_WRITE, ann, "mark read");
    if (tick % 10 == 5) Do(v1::RATE_CLASS_WRITE, ann, "reaction");
    if (tick % 3 == 0) Do(v1::RATE_CLASS_READ, ann, "history");
    if (tick % 10 == 0) Do(v1::RATE_CLASS_SEARCH, ann, "search as one types");
  }
  for (int i = 0; i < 20; ++i) Do(v1::RATE_CLASS_UPLOAD, ann, "a message full of files");
}

TEST_F(Ordinary, AnAgentAtWorkMeetsNoLimit) {
  const Caller bot = Agent("bot");
  for (int tick = 0; tick < 2000; ++tick) {
    clock_.Advance(absl::Milliseconds(10));
    Do(v1::RATE_CLASS_STREAM, bot, "a token each 10 ms");
    if (tick % 20 == 0) Do(v1::RATE_CLASS_SEND, bot, "message");
    if (tick % 10 == 0) Do(v1::RATE_CLASS_READ, bot, "context");
    if (tick % 50 == 0) Do(v1::RATE_CLASS_WRITE, bot, "status");
  }
}

TEST_F(Ordinary, AnOfficeBehindOneAddressMeetsNoLimit) {
  for (int second = 0; second < 20; ++second) {
    clock_.Advance(absl::Seconds(1));
    for (int person = 0; person < 300; ++person) {
      const Caller caller = Person(absl::StrCat("person", person));
      for (int i = 0; i < 3; ++i) Do(v1::RATE_CLASS_READ, caller, "read");
      Do(v1::RATE_CLASS_WRITE, caller, "write");
    }
  }
}

}  // namespace
}  // namespace heim
