// HttpConnection is one connection to one host, plain or TLS, with one request on it at a time.
// Owned by its client or by one call of it; used by one thread at a time, but Cancel is for any.
// Blocks up to the deadline it is given.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "server/net/http_client.h"
#include "server/net/ip_address.h"
#include "server/net/url.h"

namespace heim {

class HttpConnection {
 public:
  // `tls` outlives the connection; null for plain HTTP.
  HttpConnection(boost::asio::ssl::context* tls, Clock& clock);

  absl::Status Connect(const Url& url, absl::Duration deadline);
  // To one of these addresses, and to nothing else that the URL's name may mean; TLS is verified
  // for the name.
  absl::Status ConnectTo(const Url& url, const std::vector<IpAddress>& addresses,
                         absl::Duration deadline);

  // `deadline` is on the monotonic clock.
  absl::StatusOr<HttpResponse> Exchange(const Url& url, const HttpRequest& request,
                                        absl::Duration deadline);

  // Ends the step under way and every later one with an error. Does not wait.
  void Cancel();

  // Whether another request may follow.
  bool reusable() const { return reusable_; }
  // Whether a byte of an answer came: without one, the request may not have been seen.
  bool answered() const { return answered_; }

 private:
  using Plain = boost::beast::tcp_stream;
  using Secure = boost::beast::ssl_stream<boost::beast::tcp_stream>;

  Plain& lowest() { return secure_.has_value() ? secure_->next_layer() : *plain_; }

  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

  absl::Status Reach(const Url& url, const Endpoints& endpoints, absl::Duration deadline);
  template <typename Start>
  boost::beast::error_code Wait(absl::Duration deadline, Start start);
  template <typename Stream>
  absl::Status Write(Stream& stream, const Url& url, const HttpRequest& request,
                     absl::Duration deadline);
  template <typename Stream>
  absl::StatusOr<HttpResponse> Read(Stream& stream, const HttpRequest& request,
                                    absl::Duration deadline);

  Clock& clock_;
  // Of this connection alone, run by whoever waits.
  boost::asio::io_context io_{1};
  std::optional<Plain> plain_;
  std::optional<Secure> secure_;
  boost::beast::flat_buffer buffer_;
  bool reusable_ = false;
  bool answered_ = false;
  std::atomic<bool> cancelled_{false};
};

}  // namespace heim
