// Goal: no address that somebody writes leads inside, whatever form it has. Method: tables of what
// is refused and of what is not, against a resolver that the test fills.
#include "server/net/egress_guard.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "server/base/strings.h"

namespace heim {
namespace {

// Answers with what it was told, in turn; the last answer stays.
class ToldResolver final : public Resolver {
 public:
  void Tell(const std::string& host, std::vector<std::string> addresses) {
    answers_[host] = std::move(addresses);
  }
  absl::StatusOr<std::vector<IpAddress>> Resolve(const std::string& host,
                                                 absl::Duration /*deadline*/) override {
    ++asked;
    const auto found = answers_.find(host);
    if (found == answers_.end()) return absl::UnavailableError("nobody has that name");
    std::vector<IpAddress> addresses;
    for (const std::string& text : found->second) addresses.push_back(*ParseIpAddress(text));
    return addresses;
  }
  int asked = 0;

 private:
  std::map<std::string, std::vector<std::string>> answers_;
};

// Goes nowhere, and is refused without a look at a name server unless it is a name.
constexpr const char* kHostile[] = {
    // Loopback, as each library reads it.
    "http://127.0.0.1/",
    "http://127.0.0.1:80/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7F.1/",
    "http://0177.0.0.1/",
    "http://0177.1/",
    "http://017700000001/",
    "http://2130706433/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://127.00.0.1/",
    "http://127.0.0.0x1/",
    "http://127.0.0.1%00.example.com/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://a.localhost/",
    "http://localhost.localdomain./",
    // Version 6, whole and wrapping version 4.
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000::0001]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:7f00:0001]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:db8::1]/",
    "http://[2001:20::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
    "http://[5f00::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[::1",
    "http://[::1]x/",
    "http://[1.2.3.4]/",
    "http://[v1.x]/",
    // Private, shared, special.
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://0xc0a80001/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.43518/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://0251.0376.0251.0376/",
    "http://169.254.170.2/",
    "http://192.0.0.192/",
    "http://168.63.129.16/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://router.local/",
    "http://nas.home.arpa/",
    // What is no address, or hides one.
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com:80@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http:\\\\127.0.0.1\\",
    "http://example.com\\.evil.example/",
    "http:///127.0.0.1/",
    "http:127.0.0.1/",
    "//127.0.0.1/",
    "http://",
    "http://:80/",
    "http://example.com:22/",
    "http://example.com:6379/",
    "http://example.com:0/",
    "http://example.com:65616/",
    "http://example.com:-80/",
    "http://example.com:80:80/",
    "http://example.com:/",
    "https://example.com:8443/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://exa mple.com/",
    "http://example.com/\r\nHost: inner",
    "http://example.com\t/",
    "http://exam\nple.com/",
    " http://127.0.0.1/",
    "http://.example.com/",
    "http://example..com/",
    "http://-example.com/",
    "http://example.com./",
    "http://münchen.example/",
    "http://exаmple.com/",  // a Cyrillic letter
    "http://*.example.com/",
};

class EgressGuardTest : public ::testing::Test {
 protected:
  EgressGuardTest() {
    resolver_.Tell("example.com", {"93.184.216.34", "2606:2800:220:1::1"});
    resolver_.Tell("localhost.localdomain", {"127.0.0.1"});
  }

  absl::StatusOr<std::vector<IpAddress>> Check(const std::string& text) {
    const EgressGuard guard(rules_, resolver_);
    const auto url = ParseForeignUrl(text);
    if (!url.ok()) return url.status();
    return guard.Check(*url, absl::InfiniteDuration());
  }

  ToldResolver resolver_;
  EgressRules rules_;
};

TEST_F(EgressGuardTest, HostileAddressesAreRefusedAndNoNameServerHearsOfThem) {
  for (const char* text : kHostile) {
    const auto checked = Check(text);
    EXPECT_TRUE(absl::IsInvalidArgument(checked.status()) ||
                absl::IsPermissionDenied(checked.status()))
        << text << " " << checked.status();
  }
  EXPECT_GE(std::size(kHostile), 60u);
  EXPECT_EQ(resolver_.asked, 0);
}

TEST_F(EgressGuardTest, NulAndWhatIsVeryLongAreRefused) {
  using std::string_literals::operator""s;
  EXPECT_FALSE(Check("http://example.com\0.evil/"s).ok());
  EXPECT_FALSE(Check("http://example.com/\0"s).ok());
  EXPECT_FALSE(Check("http://example.com/" + std::string(kForeignUrlMaxBytes, 'a')).ok());
  EXPECT_FALSE(Check("http://" + std::string(64, 'a') + ".com/").ok());
  std::string name;
  for (int i = 0; i < 80; ++i) name += "abc.";
  EXPECT_FALSE(Check("http://" + name + "com/").ok());
}

TEST_F(EgressGuardTest, TheInternetIsReached) {
  const auto found = Check("https://Example.com/a?b=c#d");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].ToString(), "93.184.216.34");
  for (const char* text :
       {"http://8.8.8.8/", "https://1.1.1.1:443/", "http://172.32.0.1/", "http://100.128.0.1/",
        "http://192.0.1.1/", "http://223.255.255.255/", "http://[2606:4700::1111]/",
        "http://example.com?x", "http://example.com:80/"}) {
    EXPECT_TRUE(Check(text).ok()) << text << Check(text).status();
  }
}

TEST_F(EgressGuardTest, OnePrivateAddressAmongPublicOnesIsEnoughToRefuse) {
  resolver_.Tell("mixed.example", {"93.184.216.34", "10.0.0.1"});
  EXPECT_TRUE(absl::IsPermissionDenied(Check("http://mixed.example/").status()));
  resolver_.Tell("mixed.example", {"93.184.216.34", "::ffff:10.0.0.1"});
  EXPECT_TRUE(absl::IsPermissionDenied(Check("http://mixed.example/").status()));
  resolver_.Tell("mixed.example", {});
  EXPECT_TRUE(absl::IsUnavailable(Check("http://mixed.example/").status()));
  resolver_.Tell("mixed.example", std::vector<std::string>(65, "93.184.216.34"));
  EXPECT_TRUE(absl::IsPermissionDenied(Check("http://mixed.example/").status()));
}

TEST_F(EgressGuardTest, TheNameIsResolvedOnce) {
  ASSERT_TRUE(Check("http://example.com/").ok());
  EXPECT_EQ(resolver_.asked, 1);
}

TEST_F(EgressGuardTest, WhatTheOperatorAllowsIsReached) {
  ASSERT_TRUE(AddEgressAllow(" Intranet.example, 10.1.0.0/16 ,fd00::/8,127.0.0.2", &rules_).ok());
  resolver_.Tell("intranet.example", {"192.168.0.7"});
  resolver_.Tell("a.intranet.example", {"192.168.0.7"});
  EXPECT_TRUE(Check("http://intranet.example/").ok());
  EXPECT_TRUE(Check("http://10.1.2.3/").ok());
  EXPECT_TRUE(Check("http://[fd00::7]/").ok());
  EXPECT_TRUE(Check("http://127.0.0.2/").ok());
  EXPECT_FALSE(Check("http://a.intranet.example/").ok());
  EXPECT_FALSE(Check("http://10.2.0.1/").ok());
  EXPECT_FALSE(Check("http://127.0.0.1/").ok());
  EXPECT_FALSE(Check("http://127.0.0.2:8080/").ok());
  rules_.ports.push_back(8080);
  EXPECT_TRUE(Check("http://127.0.0.2:8080/").ok());
  for (const char* bad : {"10.0.0.0/33", "10.0.0/8", "*", "http://x", "a b", "127.1"}) {
    EXPECT_FALSE(AddEgressAllow(bad, &rules_).ok()) << bad;
  }
}

TEST(ForeignUrlTest, WhatPeopleWriteInAPathIsEscaped) {
  EXPECT_EQ(UrlText(*ParseForeignUrl("https://H.example/München?q=<a>#top")),
            "https://h.example/M%C3%BCnchen?q=%3Ca%3E");
}

TEST(ForeignUrlTest, LocationsAreReadAsBrowsersDo) {
  const Url base = *ParseForeignUrl("https://h.example:443/a/b?c=d");
  const std::map<std::string, std::string> leads = {
      {"http://o.example/x", "http://o.example/x"},
      {"//o.example/x?y", "https://o.example/x?y"},
      {"/x#z", "https://h.example/x"},
      {"x", "https://h.example/a/x"},
      {"../x", "https://h.example/x"},
      {"../../../x/./y/..", "https://h.example/x/"},
      {"?q=//..", "https://h.example/a/b?q=//.."},
      {"", "https://h.example/a/b?c=d"},
      {"#f", "https://h.example/a/b?c=d"},
      {"./", "https://h.example/a/"},
      {"x?y:z", "https://h.example/a/x?y:z"},
  };
  for (const auto& [location, to] : leads) {
    const auto url = ResolveLocation(base, location);
    ASSERT_TRUE(url.ok()) << location << url.status();
    EXPECT_EQ(UrlText(*url), to) << location;
  }
  for (const char* text : {"file:///etc/passwd", "javascript:1", "//127.1/", "http://u@h/", "\\\\h",
                           "/a b", "//h.example:443:1/", "/\n"}) {
    EXPECT_FALSE(ResolveLocation(base, text).ok()) << text;
  }
}

}  // namespace
}  // namespace heim
