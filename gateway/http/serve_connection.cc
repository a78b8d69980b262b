#include <fcntl.h>

#include <boost/asio/write.hpp>
#include <utility>

#include "gateway/http/handlers.h"
#include "gateway/http/http_limits.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using Timer = Connection::Timer;

constexpr std::string_view kHttp2Preface = "PRI ";
constexpr char kTlsHandshake = 0x16;
// Alert: fatal, protocol_version.
constexpr char kTlsAlert[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46};

enum class Protocol { kNone, kHttp1, kHttp2, kTls };

// Reads until it is clear what is spoken; what was read stays in unread().
Task<Protocol> Sniff(std::shared_ptr<Connection> connection) {
  std::string& unread = connection->unread();
  connection->Arm(Timer::kRead, kSniffTimeout);
  while (true) {
    if (!unread.empty()) {
      if (unread.front() == kTlsHandshake) co_return Protocol::kTls;
      if (StartsWith(unread, kHttp2Preface)) co_return Protocol::kHttp2;
      if (!StartsWith(kHttp2Preface, unread)) co_return Protocol::kHttp1;
    }
    const size_t before = unread.size();
    unread.resize(before + kReadBufferBytes);
    const auto [error, count] = co_await connection->socket().async_read_some(
        asio::buffer(unread.data() + before, kReadBufferBytes), kAwait);
    unread.resize(before + count);
    if (error) co_return Protocol::kNone;
  }
}

void HandOver(const Front& front, Connection& connection) {
  if (front.options.adopt_http2 == nullptr) return connection.Close();
  std::string read_so_far = std::move(connection.unread());
  const int fd = connection.Release();
  if (fd < 0) return;
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  front.options.adopt_http2(fd, std::move(read_so_far));
}

// Ends our side and reads what still comes, so that the client sees the answer and no reset.
Task<void> Linger(std::shared_ptr<Connection> connection) {
  if (connection->closed()) co_return;
  IoError ignored;
  connection->socket().shutdown(Tcp::socket::shutdown_send, ignored);
  connection->Arm(Timer::kRead, kLingerTimeout);
  std::string scratch(kBodyChunkBytes, '\0');
  size_t total = 0;
  while (total < kLingerMaxBytes && !connection->closed()) {
    const auto [error, count] =
        co_await connection->socket().async_read_some(asio::buffer(scratch), kAwait);
    if (error) break;
    total += count;
  }
  connection->Close();
}

}  // namespace

Task<void> ServeConnection(Front* front, std::shared_ptr<Connection> connection) {
  const Protocol protocol = co_await Sniff(connection);
  connection->Disarm(Timer::kRead);
  if (protocol == Protocol::kNone || connection->closed()) {
    connection->Close();
    co_return;
  }
  if (protocol == Protocol::kHttp2) {
    HandOver(*front, *connection);
    co_return;
  }
  if (protocol == Protocol::kTls) {
    connection->Arm(Timer::kWrite, kWriteTimeout);
    co_await asio::async_write(connection->socket(), asio::buffer(kTlsAlert), kAwait);
    co_return co_await Linger(connection);
  }
  bool more = true;
  while (more) {
    auto exchange = std::make_shared<Exchange>(*front, connection);
    more = co_await exchange->ReadHead();
    if (more) {
      co_await ServeRequest(exchange);
      more = exchange->keep_alive();
    }
  }
  co_await Linger(connection);
}

}  // namespace heim
