#include "server/net/http_connection.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <limits>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr size_t kReadBytes = 64u << 10;
constexpr uint32_t kHeadMaxBytes = 32u << 10;

absl::Status Failed(std::string_view step, const error_code& error) {
  if (error == beast::error::timeout) {
    return absl::DeadlineExceededError(StrCat(step, ": timed out"));
  }
  if (error == http::error::body_limit || error == http::error::header_limit) {
    return absl::ResourceExhaustedError(StrCat(step, ": the answer is too large"));
  }
  return absl::UnavailableError(StrCat(step, ": ", error.message()));
}

http::verb VerbOf(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return http::verb::get;
    case HttpMethod::kHead:
      return http::verb::head;
    case HttpMethod::kPut:
      return http::verb::put;
    case HttpMethod::kPost:
      return http::verb::post;
    case HttpMethod::kDelete:
      return http::verb::delete_;
  }
  return http::verb::get;
}

std::chrono::nanoseconds Left(absl::Duration deadline, const Clock& clock) {
  const absl::Duration left = deadline - clock.Monotonic();
  return absl::ToChronoNanoseconds(std::max(left, absl::Milliseconds(1)));
}

}  // namespace

HttpConnection::HttpConnection(asio::ssl::context* tls, Clock& clock) : clock_(clock) {
  if (tls != nullptr) {
    secure_.emplace(io_, *tls);
  } else {
    plain_.emplace(io_);
  }
}

template <typename Start>
error_code HttpConnection::Wait(absl::Duration deadline, Start start) {
  error_code result = asio::error::operation_aborted;
  if (clock_.Monotonic() >= deadline) return beast::error::timeout;
  lowest().expires_after(Left(deadline, clock_));
  start([&result](const error_code& error, const auto&...) { result = error; });
  io_.restart();
  // Set before the context is stopped: seen here, or run returns at once.
  if (!cancelled_.load()) io_.run();
  return cancelled_.load() ? error_code(asio::error::operation_aborted) : result;
}

void HttpConnection::Cancel() {
  cancelled_.store(true);
  io_.stop();
}

absl::Status HttpConnection::Connect(const Url& url, absl::Duration deadline) {
  struct Found {
    error_code error = beast::error::timeout;
    tcp::resolver::results_type addresses;
  };
  const auto found = std::make_shared<Found>();
  tcp::resolver resolver(io_);
  resolver.async_resolve(url.host, StrCat(url.port),
                         [found](const error_code& error, tcp::resolver::results_type addresses) {
                           found->error = error;
                           found->addresses = std::move(addresses);
                         });
  io_.run_for(Left(deadline, clock_));
  if (found->error) return Failed(StrCat("resolve ", url.Authority()), found->error);
  Endpoints endpoints;
  for (const auto& entry : found->addresses) endpoints.push_back(entry.endpoint());
  return Reach(url, endpoints, deadline);
}

absl::Status HttpConnection::ConnectTo(const Url& url, const std::vector<IpAddress>& addresses,
                                       absl::Duration deadline) {
  Endpoints endpoints;
  for (const IpAddress& address : addresses) {
    asio::ip::address_v6::bytes_type six{};
    asio::ip::address_v4::bytes_type four{};
    std::copy_n(address.bytes.begin(), six.size(), six.begin());
    std::copy_n(address.bytes.begin(), four.size(), four.begin());
    const asio::ip::address to = address.ipv6 ? asio::ip::address(asio::ip::address_v6(six))
                                              : asio::ip::address(asio::ip::address_v4(four));
    endpoints.emplace_back(to, url.port);
  }
  return Reach(url, endpoints, deadline);
}

absl::Status HttpConnection::Reach(const Url& url, const Endpoints& endpoints,
                                   absl::Duration deadline) {
  const std::string where = url.Authority();
  error_code error =
      Wait(deadline, [&](auto done) { lowest().async_connect(endpoints, std::move(done)); });
  if (error) return Failed(StrCat("connect to ", where), error);
  lowest().socket().set_option(tcp::no_delay(true), error);
  if (!secure_.has_value()) return absl::OkStatus();

  asio::ip::make_address(url.host, error);
  const bool named = static_cast<bool>(error);
  if (named && SSL_set_tlsext_host_name(secure_->native_handle(), url.host.c_str()) != 1) {
    return absl::InternalError("the host's name cannot be sent");
  }
  secure_->set_verify_callback(asio::ssl::host_name_verification(url.host), error);
  if (error) return Failed(StrCat("verify ", where), error);
  error = Wait(deadline, [&](auto done) {
    secure_->async_handshake(asio::ssl::stream_base::client, std::move(done));
  });
  return error ? Failed(StrCat("TLS with ", where), error) : absl::OkStatus();
}

template <typename Stream>
absl::Status HttpConnection::Write(Stream& stream, const Url& url, const HttpRequest& request,
                                   absl::Duration deadline) {
  http::request<http::span_body<const char>> message;
  message.method(VerbOf(request.method));
  message.target(boost::beast::string_view(url.target.data(), url.target.size()));
  message.version(11);
  message.set(http::field::host, url.Authority());
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = {request.body.data(), request.body.size()};
  message.prepare_payload();
  const error_code error =
      Wait(deadline, [&](auto done) { http::async_write(stream, message, std::move(done)); });
  return error ? Failed("send", error) : absl::OkStatus();
}

template <typename Stream>
absl::StatusOr<HttpResponse> HttpConnection::Read(Stream& stream, const HttpRequest& request,
                                                  absl::Duration deadline) {
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(kHeadMaxBytes);
  parser.body_limit(request.cut_body ? std::numeric_limits<uint64_t>::max()
                                     : uint64_t{request.max_response_bytes});
  parser.skip(request.method == HttpMethod::kHead);
  error_code error = Wait(deadline, [&](auto done) {
    http::async_read_header(stream, buffer_, parser, std::move(done));
  });
  answered_ = parser.got_some();
  if (error) return Failed("receive", error);
  const auto& head = parser.get();
  // Beast takes any other coding as no body at all: what follows would be read as an answer.
  if (head.count(http::field::transfer_encoding) != 0 && !parser.chunked()) {
    return absl::UnavailableError("receive: an unknown transfer coding");
  }
  HttpResponse response;
  response.status = static_cast<int>(head.result_int());
  for (const auto& field : head) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  if (request.on_head != nullptr) HEIM_RETURN_IF_ERROR(request.on_head(response));
  const bool streamed = request.on_body != nullptr && response.status / 100 == 2;
  std::string piece(kReadBytes, '\0');
  size_t left = request.max_response_bytes;
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    error = Wait(deadline, [&](auto done) {
      http::async_read_some(stream, buffer_, parser, std::move(done));
    });
    if (error == http::error::need_buffer) error = {};
    if (error) return Failed("receive", error);
    std::string_view got(piece.data(), piece.size() - parser.get().body().size);
    response.cut = got.size() > left;
    got = got.substr(0, left);
    left -= got.size();
    if (streamed) {
      HEIM_RETURN_IF_ERROR(request.on_body(got));
    } else {
      response.body.append(got);
    }
    if (response.cut) return response;
  }
  reusable_ = parser.keep_alive() && buffer_.size() == 0;
  return response;
}

absl::StatusOr<HttpResponse> HttpConnection::Exchange(const Url& url, const HttpRequest& request,
                                                      absl::Duration deadline) {
  reusable_ = false;
  answered_ = false;
  if (secure_.has_value()) {
    HEIM_RETURN_IF_ERROR(Write(*secure_, url, request, deadline));
    return Read(*secure_, request, deadline);
  }
  HEIM_RETURN_IF_ERROR(Write(*plain_, url, request, deadline));
  return Read(*plain_, request, deadline);
}

}  // namespace heim
