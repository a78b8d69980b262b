// Tokens that must not pass, each made from a good one: other algorithms, keys, audiences, times,
// forms. The forger knows everything but the key, or, where it says so, even that.
#include "server/auth/session_tokens.h"

#include <gtest/gtest.h>

#include <string>

#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kHs256 = R"({"alg":"HS256","typ":"JWT"})";
const ActorId kActor("018f0000-0000-7000-8000-000000000001");
const SessionId kSession("018f0000-0000-7000-8000-000000000002");

// With the server's own signing key: only what stands in the token can be wrong.
std::string Forge(std::string_view header, std::string_view payload,
                  std::string_view secret = kSecret) {
  const std::string key = HmacSha256(secret, "heim session token v1");
  const std::string text = StrCat(Base64UrlEncode(header), ".", Base64UrlEncode(payload));
  return StrCat(text, ".", Base64UrlEncode(HmacSha256(key, text)));
}

class SessionTokensTest : public ::testing::Test {
 protected:
  std::string Good() {
    return tokens_.Sign({kActor, kSession, clock_.Now(), clock_.Now() + absl::Hours(12)});
  }
  std::string Payload(std::string_view aud, std::string_view sub, std::string_view sid,
                      int64_t iat_after, int64_t exp_after) {
    const int64_t now = absl::ToUnixSeconds(clock_.Now());
    return StrCat(R"({"aud":")", aud, R"(","sub":")", sub, R"(","sid":")", sid, R"(","iat":)",
                  now + iat_after, R"(,"exp":)", now + exp_after, "}");
  }
  v1::ErrorReason ReasonFor(std::string_view token) {
    return ReasonOf(tokens_.Verify(token).status());
  }

  ManualClock clock_;
  SessionTokens tokens_{kSecret, clock_};
};

TEST_F(SessionTokensTest, WhatWasSignedIsReadBack) {
  const auto claims = tokens_.Verify(Good());
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(claims->actor_id, kActor);
  EXPECT_EQ(claims->session_id, kSession);
  EXPECT_EQ(claims->issued_at, clock_.Now());
  EXPECT_EQ(claims->expires_at, clock_.Now() + absl::Hours(12));
}

TEST_F(SessionTokensTest, ExpiresToTheSecond) {
  const std::string token = Good();
  clock_.Advance(absl::Hours(12) - absl::Seconds(1));
  EXPECT_TRUE(tokens_.Verify(token).ok());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(ReasonFor(token), v1::ERROR_REASON_TOKEN_EXPIRED);
}

TEST_F(SessionTokensTest, SurvivesAClockThatStepsBack) {
  const std::string token = Good();
  clock_.Set(clock_.Now() - absl::Hours(1));
  EXPECT_TRUE(tokens_.Verify(token).ok());
}

TEST_F(SessionTokensTest, ForgedTokensAreUnknown) {
  const std::string actor = kActor.str();
  const std::string session = kSession.str();
  const std::string payload = Payload("heim", actor, session, 0, 60);
  ASSERT_TRUE(tokens_.Verify(Forge(kHs256, payload)).ok());
  const std::string signed_part =
      StrCat(Base64UrlEncode(R"({"alg":"none","typ":"JWT"})"), ".", Base64UrlEncode(payload));
  const std::string good = Good();
  const struct {
    const char* what;
    std::string token;
  } kCases[] = {
      {"empty", ""},
      {"one part", "eyJ"},
      {"two parts", signed_part},
      {"alg none without signature", StrCat(signed_part, ".")},
      {"alg none, signed", Forge(R"({"alg":"none","typ":"JWT"})", payload)},
      {"alg None", Forge(R"({"alg":"None","typ":"JWT"})", payload)},
      {"alg RS256", Forge(R"({"alg":"RS256","typ":"JWT"})", payload)},
      {"alg HS512", Forge(R"({"alg":"HS512","typ":"JWT"})", payload)},
      {"other order of the header", Forge(R"({"typ":"JWT","alg":"HS256"})", payload)},
      {"a key id", Forge(R"({"alg":"HS256","typ":"JWT","kid":"../../dev/null"})", payload)},
      {"wrong key", Forge(kHs256, payload, "another secret of thirty-two chars")},
      {"wrong audience", Forge(kHs256, Payload("other", actor, session, 0, 60))},
      {"no audience", Forge(kHs256, Payload("", actor, session, 0, 60))},
      {"issued in the future", Forge(kHs256, Payload("heim", actor, session, 86400, 90000))},
      {"expires before it was issued", Forge(kHs256, Payload("heim", actor, session, 60, 30))},
      {"no uuid as subject", Forge(kHs256, Payload("heim", "root", session, 0, 60))},
      {"no session", Forge(kHs256, Payload("heim", actor, "", 0, 60))},
      {"times as text", Forge(kHs256, StrCat(R"({"aud":"heim","sub":")", actor, R"(","sid":")",
                                             session, R"(","iat":"1","exp":"99999999999"})"))},
      {"no expiry", Forge(kHs256, StrCat(R"({"aud":"heim","sub":")", actor, R"(","sid":")", session,
                                         R"(","iat":1})"))},
      {"negative expiry", Forge(kHs256, StrCat(R"({"aud":"heim","sub":")", actor, R"(","sid":")",
                                               session, R"(","iat":1,"exp":-1})"))},
      {"endless expiry",
       Forge(kHs256, StrCat(R"({"aud":"heim","sub":")", actor, R"(","sid":")", session,
                            R"(","iat":1,"exp":99999999999999999999})"))},
      {"a claim twice",
       Forge(kHs256, StrCat(payload.substr(0, payload.size() - 1), R"(,"exp":99999999999})"))},
      {"an array", Forge(kHs256, "[]")},
      {"not JSON", Forge(kHs256, "{")},
      {"text after the object", Forge(kHs256, StrCat(payload, "x"))},
      {"signature cut", good.substr(0, good.size() - 1)},
      {"signature longer", StrCat(good, "A")},
      {"padding", StrCat(good, "=")},
      {"a space", StrCat(good, " ")},
      {"a fourth part", StrCat(good, ".", "AAAA")},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(ReasonFor(test.token), v1::ERROR_REASON_UNAUTHENTICATED) << test.what;
  }
}

TEST_F(SessionTokensTest, EachChangedCharacterIsNoticed) {
  const std::string good = Good();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(tokens_.Verify(bad).ok()) << i;
  }
}

}  // namespace
}  // namespace heim
