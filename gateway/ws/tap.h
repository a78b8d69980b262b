// Tap is the stream that Beast reads a WebSocket from. Reading goes to the socket; what Beast
// writes by itself (the opening's answer, pongs, close frames) goes to a queue instead, so that
// there is one writer on the socket and no two frames mix. Owned by the session; on its strand.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "gateway/http/connection.h"
#include "gateway/http/net.h"

namespace heim {

class Tap {
 public:
  using executor_type = asio::any_io_executor;
  using Sink = std::function<void(std::string bytes)>;

  Tap(Connection* connection, Sink sink) : connection_(connection), sink_(std::move(sink)) {}

  executor_type get_executor() { return connection_->socket().get_executor(); }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(IoError, size_t)>(
        [connection = connection_](auto handler, const Buffers& into) {
          std::string& unread = connection->unread();
          if (unread.empty()) {
            connection->socket().async_read_some(into, std::move(handler));
            return;
          }
          const size_t count = asio::buffer_copy(into, asio::buffer(unread));
          unread.erase(0, count);
          asio::post(connection->socket().get_executor(),
                     boost::beast::bind_front_handler(std::move(handler), IoError(), count));
        },
        token, buffers);
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(IoError, size_t)>(
        [this](auto handler, const Buffers& from) {
          std::string bytes(asio::buffer_size(from), '\0');
          const size_t count = asio::buffer_copy(asio::buffer(bytes), from);
          sink_(std::move(bytes));
          asio::post(connection_->socket().get_executor(),
                     boost::beast::bind_front_handler(std::move(handler), IoError(), count));
        },
        token, buffers);
  }

 private:
  Connection* const connection_;
  const Sink sink_;
};

// The session ends the connection itself, after its queue is written.
template <typename Handler>
void async_teardown(boost::beast::role_type, Tap& tap, Handler&& handler) {
  asio::post(tap.get_executor(),
             boost::beast::bind_front_handler(std::forward<Handler>(handler), IoError()));
}
inline void teardown(boost::beast::role_type, Tap&, IoError& error) { error = {}; }
inline void beast_close_socket(Tap&) {}

}  // namespace heim
