// Goal: one request gives one answer or one clear error, whatever the other side does. Method: a
// server of a few lines on the loopback that plays a script, one text for each request.
#include "server/net/http_client.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "server/base/strings.h"
#include "server/net/url.h"

namespace heim {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// Each inner list is a connection: it answers one request by each text, then closes, or with "" as
// its last waits for the other side to close.
class ScriptedServer {
 public:
  ScriptedServer(std::initializer_list<std::vector<std::string>> script)
      : script_(script),
        acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        thread_([this] { Play(); }) {}
  ~ScriptedServer() { thread_.join(); }

  std::string url() const { return StrCat("http://127.0.0.1:", acceptor_.local_endpoint().port()); }

 private:
  void Play() {
    for (const auto& answers : script_) {
      tcp::socket socket(io_);
      acceptor_.accept(socket);
      boost::system::error_code error;
      for (const std::string& answer : answers) {
        std::string request;
        asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", error);
        if (answer.empty()) {
          char byte = 0;
          socket.read_some(asio::buffer(&byte, 1), error);
        } else {
          asio::write(socket, asio::buffer(answer), error);
        }
      }
    }
  }

  const std::vector<std::vector<std::string>> script_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

class HttpClientTest : public ::testing::Test {
 protected:
  absl::StatusOr<HttpResponse> Get(const std::string& url, size_t max_bytes = 1000) {
    HttpRequest request;
    request.url = url;
    request.max_response_bytes = max_bytes;
    request.timeout = timeout_;
    request.on_body = on_body_;
    return client_->Send(request);
  }

  SystemClock clock_;
  std::unique_ptr<HttpClient> client_ = *HttpClient::Create({}, clock_);
  absl::Duration timeout_ = absl::Seconds(20);
  std::function<absl::Status(std::string_view)> on_body_;
};

constexpr char kHello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello";

TEST_F(HttpClientTest, AnAnswerHasStatusHeadersAndBody) {
  ScriptedServer server{{kHello}};
  const auto response = Get(server.url());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->Header("x-a"), "b");
  EXPECT_EQ(response->Header("x-b"), "");
}

TEST_F(HttpClientTest, AConnectionIsUsedAgainAndReplacedWhenItWasClosed) {
  ScriptedServer server{{kHello, kHello}, {kHello}};
  for (int i = 0; i < 3; ++i) {
    const auto response = Get(server.url());
    ASSERT_TRUE(response.ok()) << i << response.status();
    EXPECT_EQ(response->body, "hello");
  }
}

TEST_F(HttpClientTest, ErrorsOfTheOtherSideAreAnswersAndRedirectsAreNotFollowed) {
  ScriptedServer server{
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
       "Content-Length: 0\r\n\r\n",
       "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"}};
  EXPECT_EQ(Get(server.url())->status, 302);
  EXPECT_EQ(Get(server.url())->status, 503);
}

TEST_F(HttpClientTest, ABodyIsHandedOutInPieces) {
  ScriptedServer server{
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"}};
  std::string all;
  on_body_ = [&](std::string_view piece) {
    all.append(piece);
    return absl::OkStatus();
  };
  const auto response = Get(server.url());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(all, "abcde");
  EXPECT_EQ(response->body, "");
}

TEST_F(HttpClientTest, WhatIsTooLargeCutOffOrNoHttpIsAnError) {
  ScriptedServer server{
      {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5DC\r\n" + std::string(1500, 'x')},
      {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx"},
      {"SMTP ready\r\n\r\n"}};
  EXPECT_EQ(Get(server.url()).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Get(server.url()).status().code(), absl::StatusCode::kResourceExhausted);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Get(server.url()).status().code(), absl::StatusCode::kUnavailable) << i;
  }
}

TEST_F(HttpClientTest, ASilentServerIsLeftAtTheDeadline) {
  ScriptedServer server{{""}};
  timeout_ = absl::Milliseconds(50);
  EXPECT_EQ(Get(server.url()).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(HttpClientTest, NobodyThereIsUnavailable) {
  EXPECT_EQ(Get("http://127.0.0.1:1").status().code(), absl::StatusCode::kUnavailable);
}

TEST(UrlTest, PartsAreRead) {
  const auto url = ParseUrl("HTTPS://S3.Example.com:9000/a?b=c");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->Authority(), "s3.example.com:9000");
  EXPECT_EQ(url->target, "/a?b=c");
  EXPECT_EQ(ParseUrl("https://h:443")->Authority(), "h");
  EXPECT_EQ(ParseUrl("http://[::1]:80?x")->Authority(), "[::1]");
  EXPECT_EQ(ParseUrl("http://h?x")->target, "/?x");
}

TEST(UrlTest, WhatIsNoAddressIsRefused) {
  for (const char* text :
       {"", "h", "ftp://h", "http://", "http://:80", "http://u@h", "http://u:p@h", "http://h:0",
        "http://h:65536", "http://h:x", "http://h:", "http://[::1", "http://[::1]x", "http://a b",
        "http://h/a b", "http://h/\r\nX: y", "http://h/#f", "http://h\\x"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
}

}  // namespace
}  // namespace heim
