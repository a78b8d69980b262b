// No value can forge a line, break JSON or carry a secret; levels and request ids work.
#include "server/base/log.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>

#include "server/base/text.h"

namespace heim {
namespace {

const absl::Time kTime = absl::FromUnixMillis(1767225600123);

std::string Text(std::string_view value) {
  return FormatLogLine(LogFormat::kText, LogLevel::kInfo, kTime, "Sentence", {{"key", value}});
}
std::string Json(std::string_view value) {
  return FormatLogLine(LogFormat::kJson, LogLevel::kInfo, kTime, "Sentence", {{"key", value}});
}
std::string TextLine(std::string_view rest) {
  return "2026-01-01T00:00:00.123Z info  Sentence key=" + std::string(rest);
}
std::string JsonLine(std::string_view rest) {
  return R"({"time":"2026-01-01T00:00:00.123Z","level":"info","message":"Sentence","key":)" +
         std::string(rest) + "}";
}

TEST(LogLineTest, ValuesAreEscapedInText) {
  const struct {
    std::string_view value;
    std::string_view printed;
  } kCases[] = {
      {"plain", "plain"},
      {"", "\"\""},
      {"two words", "\"two words\""},
      {"a=b", "\"a=b\""},
      {"say \"hi\"", R"("say \"hi\"")"},
      {"back\\slash", R"("back\\slash")"},
      {"x\r\n2026-01-01 error forged", R"("x\r\n2026-01-01 error forged")"},
      {"\x1b[2Jgone", R"("\u{1b}[2Jgone")"},
      {"\xc2\x9b"
       "31m",
       R"("\u{9b}31m")"},
      {"\xe2\x80\xae"
       "evil",
       R"("\u{202e}evil")"},
      {"\xe2\x80\xa8", R"("\u{2028}")"},
      {"bad\xff"
       "byte",
       R"("bad\xffbyte")"},
      {"Zoë 日本", "\"Zoë 日本\""},
  };
  for (const auto& test : kCases) EXPECT_EQ(Text(test.value), TextLine(test.printed));
  EXPECT_EQ(Text(std::string_view("\0", 1)), TextLine(R"("\u{0}")"));
}

TEST(LogLineTest, ValuesAreEscapedInJson) {
  const struct {
    std::string_view value;
    std::string_view printed;
  } kCases[] = {
      {"plain", R"("plain")"},
      {"", R"("")"},
      {"x\r\n\t", R"("x\r\n\t")"},
      {"\"},{\"level\":\"error", R"("\"},{\"level\":\"error")"},
      {"\x1b[2J", R"("\u001b[2J")"},
      {"\xe2\x80\xae", R"("\u202e")"},
      {"\xf3\xa0\x81\xa1", R"("\udb40\udc61")"},
      {"bad\xff", R"("bad\\xff")"},
      {"Zoë 😀", R"("Zoë 😀")"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Json(test.value), JsonLine(test.printed));
}

TEST(LogLineTest, EveryByteValueStaysOnOneCleanLine) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value = std::string("a") + static_cast<char>(byte) + "b";
    for (const std::string& line : {Text(value), Json(value)}) {
      EXPECT_FALSE(HasControl(line)) << byte;
      EXPECT_TRUE(IsValidUtf8(line)) << byte;
    }
  }
}

TEST(LogLineTest, KindsOfValuesPrintAsWhatTheyAre) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, LogLevel::kError, kTime, "S",
                          {{"int", -3},
                           {"size", size_t{7}},
                           {"max", std::numeric_limits<uint64_t>::max()},
                           {"yes", true},
                           {"share", 0.5},
                           {"nan", std::numeric_limits<double>::quiet_NaN()},
                           {"took", absl::Milliseconds(1500)},
                           {"view", std::string_view("v")},
                           {"text", std::string("s")},
                           {"error", absl::NotFoundError("gone")}}),
            R"({"time":"2026-01-01T00:00:00.123Z","level":"error","message":"S","int":-3,"size":7,)"
            R"("max":18446744073709551615,"yes":true,"share":0.5,"nan":"nan","took":"1.5s",)"
            R"("view":"v","text":"s","error":"NOT_FOUND: gone"})");
}

TEST(LogLineTest, LongValuesAreCutAtACodePoint) {
  std::string value;
  for (int i = 0; i < 100000; ++i) value += "ü";
  const std::string line = Text(value);
  EXPECT_LT(line.size(), 2200u);
  EXPECT_TRUE(IsValidUtf8(line));
  EXPECT_EQ(line.substr(line.size() - 3), "...");
}

TEST(LogLineTest, StrangeKeysCannotBreakTheLine) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, LogLevel::kWarn, kTime, "S\n", {{"k e\ny=", "v"}}),
            "2026-01-01T00:00:00.123Z warn  S\\n k_e_y_=v");
}

TEST(LogLineTest, SecretsAreRedactedInValuesSentencesAndRequestIds) {
  const ScopedRequestId id("heim_pat_0123456789");
  const std::string line =
      FormatLogLine(LogFormat::kText, LogLevel::kInfo, kTime, "Got heim_agent_abc123",
                    {{"url", "/ws?token=heim_agent_abc123&x=1"}, {"key", "heim_pat_secret"}});
  EXPECT_EQ(line,
            "2026-01-01T00:00:00.123Z info  Got [redacted] request_id=\"[redacted]\" "
            "url=\"/ws?token=[redacted]&x=1\" key=\"[redacted]\"");
}

TEST(RedactSecretsTest, Table) {
  const struct {
    std::string_view text;
    std::string_view redacted;
  } kCases[] = {
      {"", ""},
      {"nothing here", "nothing here"},
      {"heim_agent_abc123", "[redacted]"},
      {"a heim_pat_Zz09, then", "a [redacted], then"},
      {"HEIM_AGENT_ABC123", "[redacted]"},
      {"heim_setup_0123456789abcdefXYZ", "[redacted]"},
      {"heim_agent_", "heim_agent_"},
      {"heim_data_dir", "heim_data_dir"},
      {"heim-x", "heim-x"},
      {"/ws?token=abc&after=7", "/ws?token=[redacted]&after=7"},
      {"/ws?a=1&access_token=abc#f", "/ws?a=1&access_token=[redacted]#f"},
      {"TOKEN=abc def", "TOKEN=[redacted] def"},
      {"next=%2Fws%3Ftoken%3Dabc&x", "next=%2Fws%3Ftoken%3D[redacted]&x"},
      {"ticket=t1;x", "ticket=[redacted];x"},
      {R"({"token":"abc","n":1})", R"({"token":"[redacted]","n":1})"},
      {R"({\"client_secret\": \"abc\"})", R"({\"client_secret\": \"[redacted]"})"},
      {"password=hunter2", "password=[redacted]"},
      {"token= is missing", "token= is missing"},
      {"token expired", "token expired"},
      {"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_9 end", "jwt [redacted] end"},
      {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi", "[redacted]"},
      {"eyJ", "eyJ"},
      {"Authorization: Basic dXNlcjpwYXNz", "Authorization: [redacted]"},
      {"authorization: Bearer x\r\nHost: y", "authorization: [redacted]\r\nHost: y"},
      {"Bearer abcdefghijklmnopqrst.x next", "Bearer [redacted] next"},
      {"bearer token required", "bearer token required"},
      {"postgres://heim:s3cret@db/heim", "postgres://heim:[redacted]@db/heim"},
      {"http://host:3000/a@b", "http://host:3000/a@b"},
      {"tokentoken=x", "tokentoken=[redacted]"},
  };
  for (const auto& test : kCases) EXPECT_EQ(RedactSecrets(test.text), test.redacted);
}

TEST(RedactSecretsTest, HostileTextTakesLinearTime) {
  // Each of these would take minutes if a pattern were tried anew over the rest at each byte.
  for (const std::string_view piece :
       {"://", "heim_", "token", "bearer ", "eyJ", "authorization"}) {
    std::string text;
    while (text.size() < 400000) text += piece;
    EXPECT_GT(RedactSecrets(text).size(), 0u);
  }
}

TEST(ScopedRequestIdTest, NestsAndIsPerThread) {
  EXPECT_EQ(CurrentRequestId(), "");
  {
    const ScopedRequestId outer("r1");
    {
      const ScopedRequestId inner("r2");
      EXPECT_NE(Text("v").find(" request_id=r2 key=v"), std::string::npos);
    }
    EXPECT_EQ(CurrentRequestId(), "r1");
    std::thread other([] { EXPECT_EQ(CurrentRequestId(), ""); });
    other.join();
    EXPECT_NE(Json("v").find(R"("request_id":"r1","key":"v")"), std::string::npos);
  }
  EXPECT_EQ(CurrentRequestId(), "");
}

TEST(LogTest, WritesOneLineToStderrAtAndAboveTheLevel) {
  InitLog({.level = LogLevel::kWarn, .format = LogFormat::kText});
  testing::internal::CaptureStderr();
  LogInfo("Hidden");
  LogWarn("Shown {} %s", {{"key", "x{}"}});
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(out.find("Hidden"), std::string::npos);
  EXPECT_NE(out.find("Z warn  Shown {} %s key=x{}\n"), std::string::npos) << out;
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
}

TEST(LogTest, LevelIsSetByNameAndAnUnknownNameChangesNothing) {
  InitLog({.level = LogLevel::kError, .format = LogFormat::kJson});
  EXPECT_TRUE(SetLogLevel("Debug"));
  EXPECT_FALSE(SetLogLevel("loud"));
  testing::internal::CaptureStderr();
  LogDebug("Seen");
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(out.front(), '{');
  EXPECT_NE(out.find(R"("level":"debug","message":"Seen"})"), std::string::npos) << out;
  EXPECT_EQ(ParseLogLevel("WARNING"), LogLevel::kWarn);
  EXPECT_EQ(ParseLogLevel(""), std::nullopt);
  EXPECT_EQ(ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat("xml"), std::nullopt);
  InitLog({});
}

}  // namespace
}  // namespace heim
