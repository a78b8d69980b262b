// Rules on web pages, credentials, addresses and names, as tables; no sockets.
#include <gtest/gtest.h>

#include "gateway/http/call_setup.h"
#include "gateway/http/client_address.h"
#include "gateway/http/disposition.h"
#include "gateway/http/origin.h"
#include "gateway/http/raw_body.h"
#include "server/model/errors.h"

namespace heim {
namespace {

RequestHead HeadOf(std::string method, std::vector<HeaderField> fields) {
  RequestHead head;
  head.method = std::move(method);
  head.path = "/";
  head.fields = std::move(fields);
  head.fields.push_back({"Host", "chat.example:3000"});
  return head;
}

TEST(OriginPolicyTest, KnowsItsOwnPages) {
  const OriginPolicy plain({});
  EXPECT_TRUE(plain.IsSameOrigin("http://chat.example:3000", "chat.example:3000"));
  EXPECT_TRUE(plain.IsSameOrigin("http://CHAT.example", "chat.example:80"));
  EXPECT_TRUE(plain.IsSameOrigin("https://chat.example", "chat.example:443"));
  EXPECT_FALSE(plain.IsSameOrigin("http://chat.example", "chat.example:3000"));
  EXPECT_FALSE(plain.IsSameOrigin("http://evil.example:3000", "chat.example:3000"));
  EXPECT_FALSE(plain.IsSameOrigin("null", "chat.example:3000"));
  EXPECT_FALSE(plain.IsSameOrigin("", "chat.example:3000"));
  EXPECT_FALSE(plain.IsSameOrigin("http://", ""));
  const OriginPolicy tls({{}, true});
  EXPECT_TRUE(tls.IsSameOrigin("https://chat.example", "chat.example"));
  EXPECT_FALSE(tls.IsSameOrigin("http://chat.example", "chat.example"));
}

TEST(OriginPolicyTest, ChangesByCookieNeedOurPageAndTheHeader) {
  const OriginPolicy policy({{"*", "https://app.example"}, false});
  const HeaderField ours = {"Origin", "http://chat.example:3000"};
  const HeaderField csrf = {"X-Heim-CSRF", "1"};
  struct Case {
    std::string method;
    std::vector<HeaderField> fields;
    bool good;
  };
  const std::vector<Case> cases = {
      {"GET", {}, true},
      {"HEAD", {}, true},
      {"POST", {}, false},
      {"POST", {csrf}, false},
      {"POST", {ours}, false},
      {"POST", {ours, csrf}, true},
      {"DELETE", {ours, csrf}, true},
      {"PATCH", {{"Origin", "null"}, csrf}, false},
      {"POST", {{"Origin", "https://evil.example"}, csrf}, false},
      {"POST", {{"Origin", "https://app.example"}, csrf}, false},
      {"POST", {{"Sec-Fetch-Site", "same-origin"}, csrf}, true},
      {"POST", {{"Sec-Fetch-Site", "same-site"}, csrf}, false},
      {"POST", {{"Sec-Fetch-Site", "none"}, csrf}, false},
      {"POST", {ours, {"Sec-Fetch-Site", "cross-site"}, csrf}, false},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const absl::Status status = policy.CheckCookieCall(HeadOf(cases[i].method, cases[i].fields));
    EXPECT_EQ(status.ok(), cases[i].good) << i;
    if (!cases[i].good) {
      EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_CSRF_FAILED);
    }
  }
}

TEST(OriginPolicyTest, SocketsByCookieNeedAnAllowedPage) {
  const OriginPolicy policy({{"*", "https://app.example"}, false});
  EXPECT_TRUE(
      policy.CheckCookieSocket(HeadOf("GET", {{"Origin", "http://chat.example:3000"}})).ok());
  EXPECT_TRUE(policy.CheckCookieSocket(HeadOf("GET", {{"Origin", "https://app.example"}})).ok());
  EXPECT_FALSE(policy.CheckCookieSocket(HeadOf("GET", {{"Origin", "https://evil.example"}})).ok());
  EXPECT_FALSE(policy.CheckCookieSocket(HeadOf("GET", {})).ok());
}

std::string Find(const HttpResponse& response, std::string_view name) {
  for (const HeaderField& field : response.headers) {
    if (field.name == name) return field.value;
  }
  return "";
}

TEST(OriginPolicyTest, CorsNeverGivesCredentialsToEverybody) {
  const RequestHead listed = HeadOf("GET", {{"Origin", "https://app.example"}});
  const RequestHead other = HeadOf("GET", {{"Origin", "https://other.example"}});
  struct Case {
    std::vector<std::string> allowed;
    const RequestHead* head;
    std::string origin, credentials;
  };
  const std::vector<Case> cases = {
      {{}, &listed, "", ""},
      {{"*"}, &other, "*", ""},
      {{"https://app.example/"}, &listed, "https://app.example", "true"},
      {{"https://app.example"}, &other, "", ""},
      {{"*", "https://app.example"}, &other, "*", ""},
      {{"*", "https://app.example"}, &listed, "https://app.example", "true"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    HttpResponse response;
    OriginPolicy({cases[i].allowed, false}).AddCors(*cases[i].head, &response);
    EXPECT_EQ(Find(response, "Access-Control-Allow-Origin"), cases[i].origin) << i;
    EXPECT_EQ(Find(response, "Access-Control-Allow-Credentials"), cases[i].credentials) << i;
    EXPECT_EQ(Find(response, "Vary"), cases[i].allowed.empty() ? "" : "Origin") << i;
  }
}

TEST(CredentialsTest, ComeFromTheHeaderThenTheCookie) {
  const HeaderField cookie = {"Cookie", "a=b; heim_session=jwt; c=d"};
  auto found = FindCredentials(HeadOf("GET", {cookie}));
  EXPECT_EQ(found->bearer, "jwt");
  EXPECT_TRUE(found->from_cookie);
  found = FindCredentials(HeadOf("GET", {cookie, {"Authorization", "bearer key"}}));
  EXPECT_EQ(found->bearer, "key");
  EXPECT_FALSE(found->from_cookie);
  EXPECT_TRUE(FindCredentials(HeadOf("GET", {}))->bearer.empty());
  EXPECT_TRUE(FindCredentials(HeadOf("GET", {{"Cookie", "xheim_session=1"}}))->bearer.empty());
  for (const char* value : {"Basic abc", "Bearer", "Bearer ", "key"}) {
    EXPECT_FALSE(FindCredentials(HeadOf("GET", {{"Authorization", value}})).ok()) << value;
  }
}

TEST(CredentialsTest, DoNotBelongInAQuery) {
  EXPECT_TRUE(CheckNoTokenInQuery("a=b&tokens=1").ok());
  EXPECT_FALSE(CheckNoTokenInQuery("a=b&token=1").ok());
  EXPECT_FALSE(CheckNoTokenInQuery("tok%65n=1").ok());
  EXPECT_FALSE(CheckNoTokenInQuery("access_token=").ok());
}

TEST(CallSetupTest, ReadsTimesRevisionsAndTypes) {
  EXPECT_EQ(*RequestTimeout(HeadOf("GET", {})), absl::Seconds(30));
  EXPECT_EQ(*RequestTimeout(HeadOf("GET", {{"X-Request-Timeout", "5"}})), absl::Seconds(5));
  EXPECT_EQ(*RequestTimeout(HeadOf("GET", {{"X-Request-Timeout", "250ms"}})),
            absl::Milliseconds(250));
  EXPECT_EQ(*RequestTimeout(HeadOf("GET", {{"X-Request-Timeout", "9999s"}})), absl::Seconds(120));
  EXPECT_FALSE(RequestTimeout(HeadOf("GET", {{"X-Request-Timeout", "soon"}})).ok());
  EXPECT_EQ(**RevisionOf(HeadOf("PATCH", {{"If-Match", "\"3\""}})), 3u);
  EXPECT_FALSE(RevisionOf(HeadOf("PATCH", {{"If-Match", "*"}}))->has_value());
  EXPECT_FALSE(RevisionOf(HeadOf("PATCH", {{"If-Match", "3"}})).ok());
  EXPECT_FALSE(RevisionOf(HeadOf("PATCH", {{"If-Match", "\"x\""}})).ok());
  for (const char* type : {"application/json", "Application/JSON; charset=UTF-8"}) {
    EXPECT_TRUE(CheckJsonBody(HeadOf("POST", {{"Content-Type", type}})).ok()) << type;
  }
  for (const char* type : {"text/plain", "application/json; charset=utf-16", "", "application/x"}) {
    EXPECT_FALSE(CheckJsonBody(HeadOf("POST", {{"Content-Type", type}})).ok()) << type;
  }
  EXPECT_EQ(RequestIdOf(HeadOf("GET", {{"X-Request-Id", "a-B.9_"}})), "a-B.9_");
  EXPECT_EQ(RequestIdOf(HeadOf("GET", {{"X-Request-Id", "a b"}})), "");
}

TEST(ClientAddressTest, TrustsOnlyNamedProxies) {
  const auto trusted = *AddressBlocks::Parse({"10.0.0.0/8", "192.168.1.7", "fd00::/8"});
  EXPECT_EQ(ClientAddress("1.2.3.4", "9.9.9.9", trusted), "1.2.3.4");
  EXPECT_EQ(ClientAddress("10.1.1.1", "9.9.9.9", trusted), "9.9.9.9");
  EXPECT_EQ(ClientAddress("10.1.1.1", "6.6.6.6, 9.9.9.9, 192.168.1.7", trusted), "9.9.9.9");
  EXPECT_EQ(ClientAddress("10.1.1.1", "6.6.6.6, garbage", trusted), "10.1.1.1");
  EXPECT_EQ(ClientAddress("fd00::1", "2001:db8::5", trusted), "2001:db8::5");
  EXPECT_EQ(ClientAddress("10.1.1.1", "", trusted), "10.1.1.1");
  EXPECT_EQ(ClientAddress("10.1.1.1", "9.9.9.9:4711, 10.2.2.2:80", trusted), "9.9.9.9");
  EXPECT_EQ(ClientAddress("10.1.1.1", "[2001:db8::5]:4711", trusted), "2001:db8::5");
  EXPECT_EQ(ClientAddress("10.1.1.1", "[2001:db8::5]", trusted), "2001:db8::5");
  // Whatever a client writes to the left of what a proxy wrote is not believed.
  EXPECT_EQ(ClientAddress("10.1.1.1", "10.3.3.3, 10.4.4.4, 9.9.9.9", trusted), "9.9.9.9");
  EXPECT_EQ(CanonicalAddress("::ffff:10.2.3.4"), "10.2.3.4");
  EXPECT_TRUE(trusted.Contains("::ffff:10.2.3.4"));
  EXPECT_FALSE(trusted.Contains("11.0.0.1"));
  EXPECT_TRUE(IsLoopback("127.8.8.8"));
  EXPECT_TRUE(IsLoopback("::1"));
  for (const char* bad : {"10.0.0.0/33", "x", "10.0.0.0/", "::/129", "1.2.3"}) {
    EXPECT_FALSE(AddressBlocks::Parse({bad}).ok()) << bad;
  }
}

TEST(DispositionTest, ReadsNamesAsBrowsersSendThem) {
  EXPECT_EQ(ParseDisposition("form-data; name=\"f\"; filename=\"a \\\"b\\\".txt\"").filename,
            "a \"b\".txt");
  EXPECT_EQ(ParseDisposition("attachment; filename=plain.txt").filename, "plain.txt");
  EXPECT_EQ(ParseDisposition("attachment; filename=\"C:\\dir\\x.txt\"").filename, "x.txt");
  EXPECT_EQ(ParseDisposition("attachment; filename=\"../../etc/passwd\"").filename, "passwd");
  EXPECT_EQ(
      ParseDisposition("attachment; filename*=UTF-8''na%C3%AFve.txt; filename=\"x\"").filename,
      "naïve.txt");
  EXPECT_EQ(ParseDisposition("attachment; filename*=latin1''x; filename=y").filename, "y");
  EXPECT_FALSE(ParseDisposition("form-data; name=x").filename.has_value());
  EXPECT_EQ(FormatDisposition("attachment", "ü\".txt"),
            "attachment; filename=\"___.txt\"; filename*=UTF-8''%C3%BC%22.txt");
}

constexpr std::string_view kForm =
    "preamble\r\n--B0\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nskip me\r\n"
    "--B0  \r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\n"
    "Content-Type: image/png\r\n\r\nfirst\r\n--B\r\n-B0 not yet\r\n\r\n--B0\r\n"
    "Content-Disposition: form-data; name=\"file\"; filename=\"y\"\r\n\r\nsecond\r\n--B0--\r\n";

TEST(MultipartReaderTest, TakesTheFirstFileWhereverTheBytesAreCut) {
  for (size_t step = 1; step < kForm.size(); step += step < 8 ? 1 : 7) {
    MultipartReader reader("B0");
    std::string data;
    for (size_t at = 0; at < kForm.size(); at += step) {
      ASSERT_TRUE(reader.Feed(kForm.substr(at, step), &data).ok()) << step;
    }
    ASSERT_TRUE(reader.finished()) << step;
    EXPECT_EQ(reader.part()->filename, "x.bin");
    EXPECT_EQ(reader.part()->content_type, "image/png");
    EXPECT_EQ(data, "first\r\n--B\r\n-B0 not yet\r\n") << step;
  }
}

TEST(MultipartReaderTest, TakesAnEmptyFileAndSeesAMissingOne) {
  MultipartReader empty("B");
  std::string data;
  ASSERT_TRUE(
      empty.Feed("--B\r\nContent-Disposition: form-data; filename=\"e\"\r\n\r\n\r\n--B--", &data)
          .ok());
  EXPECT_TRUE(empty.finished());
  EXPECT_EQ(data, "");
  MultipartReader none("B");
  ASSERT_TRUE(
      none.Feed("--B\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--B--", &data).ok());
  EXPECT_TRUE(none.done());
  EXPECT_FALSE(none.finished());
  MultipartReader cut("B");
  ASSERT_TRUE(cut.Feed("--B\r\nContent-Disposition: x; filename=a\r\n\r\nhalf", &data).ok());
  EXPECT_FALSE(cut.finished());
  MultipartReader broken("B");
  EXPECT_FALSE(broken.Feed("--Bx\r\n\r\n", &data).ok());
  MultipartReader endless("B");
  EXPECT_FALSE(endless.Feed("--B\r\n" + std::string(20000, 'a'), &data).ok());
}

TEST(RangeTest, TakesOneRange) {
  EXPECT_EQ(ParseRange("bytes=0-99")->length, 100);
  EXPECT_EQ(ParseRange("bytes=256-511")->offset, 256);
  EXPECT_EQ(ParseRange("bytes=5-")->length, 0);
  EXPECT_EQ(ParseRange("bytes=-5")->offset, -5);
  for (const char* none : {"", "bytes=", "bytes=5-3", "bytes=1-2,4-5", "items=1-2", "bytes=-0",
                           "bytes=a-b", "bytes=--5"}) {
    EXPECT_FALSE(ParseRange(none).has_value()) << none;
  }
  EXPECT_TRUE(MatchesTag("\"x\", W/\"abc\"", "\"abc\""));
  EXPECT_TRUE(MatchesTag("*", "\"abc\""));
  EXPECT_FALSE(MatchesTag("\"x\"", "\"abc\""));
}

}  // namespace
}  // namespace heim
