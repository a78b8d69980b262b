// Goal: the client connects only to what the guard checked, on every hop, and whatever the other
// side does ends within the bounds. Method: servers of a few lines on addresses of the loopback
// net: 127.0.0.2 is allowed and plays the internet, 127.0.0.1 is not and must hear nothing.
#include "server/net/egress_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <map>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/strings.h"

namespace heim {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr char kHello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

std::string RedirectTo(const std::string& location) {
  return StrCat("HTTP/1.1 302 Found\r\nLocation: ", location, "\r\nContent-Length: 0\r\n\r\n");
}

// Answers each connection's request by the text for its target; "endless" goes on for ever,
// "silent" says nothing.
class Site {
 public:
  explicit Site(const char* address, uint16_t port = 0)
      : acceptor_(io_, tcp::endpoint(asio::ip::make_address(address), port)),
        thread_([this] { Serve(); }) {}
  ~Site() {
    stopping_ = true;
    tcp::socket poke(io_);
    boost::system::error_code error;
    poke.connect(acceptor_.local_endpoint(), error);
    thread_.join();
  }

  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void Page(const std::string& target, std::string answer) {
    absl::MutexLock lock(&mutex_);
    pages_[target] = std::move(answer);
  }
  int heard() const { return heard_; }
  std::vector<std::string> requests() const {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  void Serve() {
    while (true) {
      tcp::socket socket(io_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      if (stopping_) return;
      ++heard_;
      std::string request;
      asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", error);
      const size_t at = request.find(' ') + 1;
      const std::string target = request.substr(at, request.find(' ', at) - at);
      std::string answer;
      {
        absl::MutexLock lock(&mutex_);
        requests_.push_back(request);
        answer = pages_[target];
      }
      Answer(socket, answer);
    }
  }

  static void Answer(tcp::socket& socket, const std::string& answer) {
    boost::system::error_code error;
    char byte = 0;
    if (answer == "silent") {
      socket.read_some(asio::buffer(&byte, 1), error);
    } else if (answer == "endless") {
      asio::write(socket, asio::buffer(std::string("HTTP/1.1 200 OK\r\n\r\n")), error);
      const std::string piece(4096, 'x');
      while (!error) asio::write(socket, asio::buffer(piece), error);
    } else {
      asio::write(socket, asio::buffer(answer), error);
    }
  }

  mutable absl::Mutex mutex_;
  std::map<std::string, std::string> pages_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> heard_{0};
  std::atomic<bool> stopping_{false};
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

// A name server that changes its mind: each answer is taken once, the last one stays.
class FickleResolver final : public Resolver {
 public:
  absl::StatusOr<std::vector<IpAddress>> Resolve(const std::string& host,
                                                 absl::Duration /*deadline*/) override {
    auto& answers = told[host];
    if (answers.empty()) return absl::UnavailableError("nobody has that name");
    const std::string answer = answers.front();
    if (answers.size() > 1) answers.pop_front();
    return std::vector<IpAddress>{*ParseIpAddress(answer)};
  }
  std::map<std::string, std::deque<std::string>> told;
};

class EgressClientTest : public ::testing::Test {
 protected:
  EgressClientTest() {
    resolver_.told["site.example"] = {"127.0.0.2"};
    resolver_.told["inner.example"] = {"127.0.0.1"};
    resolver_.told["rebound.example"] = {"127.0.0.2", "127.0.0.1"};
    rules_.networks = {*ParseIpNetwork("127.0.0.2/31")};
    rules_.networks[0].address = *ParseIpAddress("127.0.0.2");
    rules_.ports = {site_.port()};
    guard_ = std::make_unique<EgressGuard>(rules_, resolver_);
    client_ = *EgressClient::Create({}, *guard_, clock_);
  }

  std::string Url(const std::string& host, const std::string& target) const {
    return StrCat("http://", host, ":", site_.port(), target);
  }
  absl::StatusOr<EgressResponse> Get(const std::string& url) {
    request_.url = url;
    return client_->Send(request_);
  }

  SystemClock clock_;
  Site site_{"127.0.0.2"};
  Site inner_{"127.0.0.1", site_.port()};
  FickleResolver resolver_;
  EgressRules rules_;
  std::unique_ptr<EgressGuard> guard_;
  std::unique_ptr<EgressClient> client_;
  EgressRequest request_;
};

TEST_F(EgressClientTest, APageIsFetchedByItsNameAndWithNothingOfOurs) {
  site_.Page("/a", kHello);
  const auto response = Get(Url("site.example", "/a#top"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->http.body, "hello");
  EXPECT_EQ(response->url, Url("site.example", "/a"));
  const std::string request = site_.requests().at(0);
  EXPECT_NE(request.find(StrCat("Host: site.example:", site_.port())), std::string::npos);
  EXPECT_NE(request.find("User-Agent: Heim\r\n"), std::string::npos);
  EXPECT_NE(request.find("Accept-Encoding: identity"), std::string::npos);
  EXPECT_EQ(request.find("Cookie"), std::string::npos);
  EXPECT_EQ(request.find("Referer"), std::string::npos);
}

TEST_F(EgressClientTest, ANameThatIsReboundBetweenCheckAndConnectionLeadsToTheCheckedAddress) {
  site_.Page("/a", kHello);
  const auto response = Get(Url("rebound.example", "/a"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(site_.heard(), 1);
  // From now on the name is of the inside, and is refused.
  EXPECT_TRUE(absl::IsPermissionDenied(Get(Url("rebound.example", "/a")).status()));
  EXPECT_EQ(inner_.heard(), 0);
}

TEST_F(EgressClientTest, EveryRedirectIsCheckedAnew) {
  const std::string inside = Url("127.0.0.1", "/secret");
  for (const std::string& to :
       {inside, Url("inner.example", "/"), Url("localhost", "/"), Url("[::1]", "/"),
        Url("2130706433", "/"), Url("u@127.0.0.1", "/"), std::string("http://169.254.169.254/"),
        std::string("file:///etc/passwd"), StrCat("//127.0.0.1:", site_.port(), "/")}) {
    site_.Page("/r", RedirectTo(to));
    const auto response = Get(Url("site.example", "/r"));
    EXPECT_TRUE(absl::IsPermissionDenied(response.status()) ||
                absl::IsInvalidArgument(response.status()))
        << to << response.status();
  }
  // The very name that led outside a moment ago.
  site_.Page("/r", RedirectTo("/again"));
  EXPECT_TRUE(absl::IsPermissionDenied(Get(Url("rebound.example", "/r")).status()));
  EXPECT_EQ(inner_.heard(), 0);
}

TEST_F(EgressClientTest, RedirectsAreFollowedFiveTimes) {
  for (int i = 0; i < 9; ++i) site_.Page(StrCat("/", i), RedirectTo(StrCat(i + 1)));
  site_.Page("/9", kHello);
  EXPECT_EQ(Get(Url("site.example", "/4"))->url, Url("site.example", "/9"));
  EXPECT_TRUE(absl::IsUnavailable(Get(Url("site.example", "/3")).status()));
  request_.max_redirects = 0;
  EXPECT_EQ(Get(Url("site.example", "/3"))->http.status, 302);
  request_.max_redirects = 5;
  request_.method = HttpMethod::kPost;
  EXPECT_EQ(Get(Url("site.example", "/3"))->http.status, 302);
}

TEST_F(EgressClientTest, ACredentialGoesToItsOwnOriginOnly) {
  resolver_.told["other.example"] = {"127.0.0.2"};
  site_.Page("/a", RedirectTo("/b"));
  site_.Page("/b", RedirectTo(Url("other.example", "/c")));
  site_.Page("/c", RedirectTo(Url("site.example", "/d")));
  site_.Page("/d", kHello);
  request_.headers = {{"Authorization", "Bearer x"}, {"X-Token", "x"}, {"Accept", "text/html"}};
  ASSERT_TRUE(Get(Url("site.example", "/a")).ok());
  ASSERT_EQ(site_.requests().size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const std::string request = site_.requests()[i];
    EXPECT_EQ(request.find("Bearer x") != std::string::npos, i < 2) << request;
    EXPECT_EQ(request.find("X-Token") != std::string::npos, i < 2) << request;
    EXPECT_NE(request.find("Accept: text/html"), std::string::npos);
  }
}

TEST_F(EgressClientTest, HttpWhereHttpsIsWantedIsRefused) {
  request_.https_only = true;
  EXPECT_TRUE(absl::IsPermissionDenied(Get(Url("site.example", "/a")).status()));
  EXPECT_EQ(site_.heard(), 0);
}

TEST_F(EgressClientTest, AnEndlessBodyIsRefusedOrCut) {
  site_.Page("/e", "endless");
  EXPECT_TRUE(absl::IsResourceExhausted(Get(Url("site.example", "/e")).status()));
  request_.cut_body = true;
  request_.max_response_bytes = 10'000;
  const auto cut = Get(Url("site.example", "/e"));
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_TRUE(cut->http.cut);
  EXPECT_EQ(cut->http.body.size(), 10'000u);
  site_.Page("/a", kHello);
  request_.max_response_bytes = 5;
  EXPECT_FALSE(Get(Url("site.example", "/a"))->http.cut);
}

TEST_F(EgressClientTest, ASilentServerIsLeftInTime) {
  site_.Page("/s", "silent");
  request_.timeout = absl::Milliseconds(50);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Get(Url("site.example", "/s")).status()));
}

TEST_F(EgressClientTest, ABodyThatIsCodedIsRefused) {
  site_.Page("/z", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx");
  EXPECT_TRUE(absl::IsUnavailable(Get(Url("site.example", "/z")).status()));
}

TEST_F(EgressClientTest, ABodyComesInPiecesAndTheHeadBeforeIt) {
  site_.Page("/a", kHello);
  std::string all;
  request_.on_head = [&](const HttpResponse& head) {
    all = StrCat(head.status, ":");
    return absl::OkStatus();
  };
  request_.on_body = [&](std::string_view piece) {
    all.append(piece);
    return absl::OkStatus();
  };
  ASSERT_TRUE(Get(Url("site.example", "/a")).ok());
  EXPECT_EQ(all, "200:hello");
  request_.on_head = [](const HttpResponse&) { return absl::AbortedError("not this"); };
  EXPECT_EQ(Get(Url("site.example", "/a")).status().code(), absl::StatusCode::kAborted);
}

TEST_F(EgressClientTest, StopEndsWhatIsUnderWay) {
  site_.Page("/s", "silent");
  request_.timeout = absl::Seconds(60);
  std::thread stopper([&] {
    while (site_.heard() == 0) std::this_thread::yield();
    client_->Stop();
  });
  EXPECT_TRUE(absl::IsCancelled(Get(Url("site.example", "/s")).status()));
  stopper.join();
  EXPECT_TRUE(absl::IsCancelled(Get(Url("site.example", "/s")).status()));
}

TEST_F(EgressClientTest, NoMoreThanTheLimitAreUnderWay) {
  EgressClient::Options one;
  one.max_concurrent = 0;
  client_ = *EgressClient::Create(one, *guard_, clock_);
  request_.timeout = absl::Milliseconds(20);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Get(Url("site.example", "/a")).status()));
  EXPECT_EQ(site_.heard(), 0);
}

}  // namespace
}  // namespace heim
