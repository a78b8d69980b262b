// Framing of requests: what ScanHead and CheckFraming refuse, as tables; no sockets.
#include "gateway/http/request_head.h"

#include <gtest/gtest.h>

#include "gateway/http/http_limits.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using State = HeadScan::State;

TEST(ScanHeadTest, FindsTheEndOfTheHead) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(ScanHead(head + "body").state, State::kComplete);
  EXPECT_EQ(ScanHead(head + "body").size, head.size());
  EXPECT_EQ(ScanHead(head + " \n").size, head.size());
  for (size_t i = 0; i < head.size(); ++i) {
    EXPECT_EQ(ScanHead(head.substr(0, i)).state, State::kMore) << i;
  }
}

TEST(ScanHeadTest, GivesTheSameAnswerByteByByte) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  size_t scanned = 0;
  for (size_t i = 1; i <= head.size(); ++i) {
    const HeadScan scan = ScanHead(head.substr(0, i), scanned);
    scanned = i;
    EXPECT_EQ(scan.state, i == head.size() ? State::kComplete : State::kMore) << i;
  }
}

TEST(ScanHeadTest, RefusesWhatCanBeReadInTwoWays) {
  const std::string_view bad[] = {
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n",
      "\n\n",
  };
  for (const std::string_view head : bad) EXPECT_EQ(ScanHead(head).state, State::kBad) << head;
  EXPECT_EQ(ScanHead(std::string_view("GET /\0 HTTP/1.1\r\n", 17)).state, State::kBad);
  // Folding shows only with the next byte.
  const std::string folded = "GET / HTTP/1.1\r\nA: b\r\n ";
  EXPECT_EQ(ScanHead(folded.substr(0, folded.size() - 1)).state, State::kMore);
  EXPECT_EQ(ScanHead(folded, folded.size() - 1).state, State::kBad);
}

TEST(ScanHeadTest, RefusesAHeadWithoutEnd) {
  EXPECT_EQ(ScanHead(std::string(kHeadMaxBytes, 'a')).state, State::kTooLarge);
  EXPECT_EQ(ScanHead(std::string(kHeadMaxBytes - 1, 'a')).state, State::kMore);
}

RequestHead HeadWith(std::vector<HeaderField> fields) {
  RequestHead head;
  head.method = "POST";
  head.target = head.path = "/x";
  head.fields = std::move(fields);
  return head;
}

TEST(CheckFramingTest, TakesAnHonestRequest) {
  EXPECT_TRUE(CheckFraming(HeadWith({{"Host", "a:3000"}})).ok());
  EXPECT_TRUE(CheckFraming(HeadWith({{"Host", "[::1]:80"}, {"Content-Length", "3"}})).ok());
  EXPECT_TRUE(CheckFraming(HeadWith({{"host", "a"}, {"Transfer-Encoding", "Chunked"}})).ok());
}

TEST(CheckFramingTest, RefusesAmbiguousFraming) {
  const std::vector<std::vector<HeaderField>> bad = {
      {},
      {{"Host", "a"}, {"Host", "a"}},
      {{"Host", "a"}, {"hOsT", "b"}},
      {{"Host", ""}},
      {{"Host", "a/b"}},
      {{"Host", "a b"}},
      {{"Host", "a@b"}},
      {{"Host", "a:99999999"}},
      {{"Host", "a:x"}},
      {{"Host", "[::1"}},
      {{"Host", "a"}, {"Transfer-Encoding", "xchunked"}},
      {{"Host", "a"}, {"Transfer-Encoding", "cow"}},
      {{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}},
      {{"Host", "a"}, {"Transfer-Encoding", "chunked, identity"}},
      {{"Host", "a"}, {"Transfer-Encoding", "identity"}},
      {{"Host", "a"}, {"Transfer-Encoding", "\"chunked\""}},
      {{"Host", "a"}, {"Transfer-Encoding", ""}},
      {{"Host", "a"}, {"Transfer-Encoding", "chunked, chunked"}},
      {{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
      {{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "3"}},
      {{"Host", "a"}, {"Content-Length", "3"}, {"Content-Length", "3"}},
      {{"Host", "a"}, {"Content-Length", "5, 5"}},
  };
  for (const auto& fields : bad) {
    const absl::Status status = CheckFraming(HeadWith(fields));
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_HTTP)
        << (fields.empty() ? "no fields" : fields.back().name + ": " + fields.back().value);
  }
}

TEST(CheckFramingTest, OldRequestsNeedNoHostAndHaveNoChunks) {
  RequestHead old = HeadWith({});
  old.minor_version = 0;
  EXPECT_TRUE(CheckFraming(old).ok());
  old.fields.push_back({"Transfer-Encoding", "chunked"});
  EXPECT_FALSE(CheckFraming(old).ok());
}

TEST(SplitTargetTest, TakesPathsAndAbsoluteTargets) {
  struct Case {
    std::string_view target, path, query;
  };
  const Case cases[] = {{"/a/b?c=d?e", "/a/b", "c=d?e"},
                        {"/", "/", ""},
                        {"http://host:80/a?b", "/a", "b"},
                        {"HTTP://host", "/", ""},
                        {"https://host?x", "/", "x"}};
  for (const Case& c : cases) {
    RequestHead head;
    head.method = "GET";
    head.target = std::string(c.target);
    EXPECT_TRUE(SplitTarget(&head)) << c.target;
    EXPECT_EQ(head.path, c.path);
    EXPECT_EQ(head.query, c.query);
  }
  for (const std::string_view target : {"", "a", "*", "/a#b", "ftp://x/", "http:///x", "host:80"}) {
    RequestHead head;
    head.method = "GET";
    head.target = std::string(target);
    EXPECT_FALSE(SplitTarget(&head)) << target;
  }
}

TEST(RequestHeadTest, KeepsAliveByVersionAndConnection) {
  RequestHead head;
  EXPECT_TRUE(head.keep_alive());
  head.fields = {{"Connection", "foo, Close"}};
  EXPECT_FALSE(head.keep_alive());
  head.minor_version = 0;
  head.fields = {};
  EXPECT_FALSE(head.keep_alive());
  head.fields = {{"Connection", "keep-alive"}};
  EXPECT_TRUE(head.keep_alive());
}

}  // namespace
}  // namespace heim
