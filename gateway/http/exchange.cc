#include "gateway/http/exchange.h"

#include <algorithm>
#include <array>
#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "gateway/http/call_setup.h"
#include "gateway/http/http_error.h"
#include "gateway/http/http_limits.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

namespace http = boost::beast::http;

std::string HttpDate(absl::Time now) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", now, absl::UTCTimeZone());
}

absl::Status Gone() { return absl::CancelledError("the client went away"); }

}  // namespace

class BodyParser : public http::request_parser<http::buffer_body> {};

Exchange::Exchange(Front& front, std::shared_ptr<Connection> connection)
    : front_(front), connection_(std::move(connection)) {}

Exchange::~Exchange() { Detach(); }

void Exchange::Detach() {
  if (std::exchange(counted_, false)) front_.requests.fetch_sub(1);
}

Task<size_t> Exchange::ReadMore(size_t at_most) {
  std::string& unread = connection_->unread();
  const size_t before = unread.size();
  unread.resize(before + at_most);
  const auto [error, count] = co_await connection_->socket().async_read_some(
      asio::buffer(unread.data() + before, at_most), kAwait);
  unread.resize(before + count);
  co_return error ? 0 : count;
}

Task<bool> Exchange::ReadHead() {
  std::string& unread = connection_->unread();
  size_t scanned = 0;
  bool started = false;
  connection_->Arm(Connection::Timer::kRead, kIdleTimeout);
  while (true) {
    // A stray empty line before a request is passed over.
    while (StartsWith(unread, "\r\n")) {
      unread.erase(0, 2);
      scanned = 0;
    }
    if (!unread.empty() && !std::exchange(started, true)) {
      connection_->Arm(Connection::Timer::kRead, kHeadTimeout);
      started_ = front_.clock.Monotonic();
    }
    const HeadScan scan = ScanHead(unread, scanned);
    scanned = unread.size();
    if (scan.state == HeadScan::State::kComplete) co_return co_await TakeHead(scan.size);
    if (scan.state == HeadScan::State::kBad) {
      keep_alive_ = false;
      co_await RespondError(InvalidHttp(scan.why));
      co_return false;
    }
    if (scan.state == HeadScan::State::kTooLarge) {
      keep_alive_ = false;
      co_await RespondError(MakeError(v1::ERROR_REASON_HEADER_TOO_LARGE));
      co_return false;
    }
    connection_->idle = unread.empty();
    // Most connections wait here for most of their lives.
    if (connection_->idle && unread.capacity() > kReadBufferBytes) std::string().swap(unread);
    if (connection_->idle && front_.draining) co_return false;
    const size_t count = co_await ReadMore(kReadBufferBytes);
    connection_->idle = false;
    if (count == 0) co_return false;
  }
}

// Reads the head that stands complete in front of what was read.
Task<bool> Exchange::TakeHead(size_t size) {
  std::string& unread = connection_->unread();
  connection_->Disarm(Connection::Timer::kRead);
  counted_ = true;
  front_.requests.fetch_add(1);
  parser_ = std::make_unique<BodyParser>();
  parser_->header_limit(kHeadMaxBytes + 1);
  parser_->body_limit(boost::none);
  IoError error;
  parser_->put(asio::buffer(unread.data(), size), error);
  unread.erase(0, size);
  if (error || !parser_->is_header_done()) {
    keep_alive_ = false;
    co_await RespondError(InvalidHttp("The request line or a header field is malformed"));
    co_return false;
  }
  const auto& message = parser_->get();
  const auto method = message.method_string();
  const auto target = message.target();
  head_.method.assign(method.data(), method.size());
  head_.target.assign(target.data(), target.size());
  head_.minor_version = static_cast<int>(message.version() % 10);
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    head_.fields.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  }
  head_.chunked = parser_->chunked();
  if (const auto length = parser_->content_length()) head_.content_length = *length;
  SplitTarget(&head_);
  request_id_ = RequestIdOf(head_);
  if (request_id_.empty()) request_id_ = front_.invoker.NewRequestId();
  keep_alive_ = head_.keep_alive();
  absl::Status good = CheckFraming(head_);
  if (good.ok() && message.version() != 10 && message.version() != 11) {
    good = InvalidHttp("Only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  if (good.ok() && head_.Has("Expect") && !EqualsIgnoreCase(head_.Get("Expect"), "100-continue")) {
    good = InvalidHttp("The only expectation known is 100-continue");
  }
  if (!good.ok()) {
    keep_alive_ = false;
    co_await RespondError(std::move(good));
    co_return false;
  }
  co_return true;
}

Task<absl::StatusOr<std::string>> Exchange::ReadPiece(uint64_t max_bytes) {
  if (head_.content_length.value_or(0) > max_bytes) {
    keep_alive_ = false;
    co_return MakeError(v1::ERROR_REASON_PAYLOAD_TOO_LARGE);
  }
  std::string& unread = connection_->unread();
  if (!std::exchange(continued_, true) && head_.Has("Expect") && head_.has_body() &&
      unread.empty()) {
    if (!co_await WriteRaw("HTTP/1.1 100 Continue\r\n\r\n")) co_return Gone();
  }
  std::string piece;
  while (!parser_->is_done()) {
    if (unread.empty()) {
      const size_t count = co_await ReadMore(kBodyChunkBytes);
      if (count == 0) {
        keep_alive_ = false;
        co_return Gone();
      }
    }
    piece.resize(kBodyChunkBytes);
    auto& body = parser_->get().body();
    body.data = piece.data();
    body.size = piece.size();
    IoError error;
    const size_t used = parser_->put(asio::buffer(unread.data(), unread.size()), error);
    unread.erase(0, used);
    piece.resize(piece.size() - body.size);
    if (error && error != http::error::need_more && error != http::error::need_buffer) {
      keep_alive_ = false;
      co_return InvalidHttp("The body's framing is malformed");
    }
    body_read_ += piece.size();
    if (body_read_ > max_bytes) {
      keep_alive_ = false;
      co_return MakeError(v1::ERROR_REASON_PAYLOAD_TOO_LARGE);
    }
    if (!piece.empty()) co_return piece;
    if (used == 0 && !parser_->is_done()) {
      // A line of the chunked coding is not there as a whole.
      const bool endless = unread.size() > kHeadMaxBytes;
      const size_t count = endless ? 0 : co_await ReadMore(kReadBufferBytes);
      if (count == 0) {
        keep_alive_ = false;
        co_return endless ? InvalidHttp("The body's framing is malformed") : Gone();
      }
    }
  }
  co_return std::string();
}

Task<absl::StatusOr<std::string>> Exchange::ReadBody(uint64_t max_bytes) {
  std::string body;
  if (!head_.has_body()) co_return body;
  connection_->Arm(Connection::Timer::kRead, kBodyTimeout);
  while (true) {
    absl::StatusOr<std::string> piece = co_await ReadPiece(max_bytes);
    if (!piece.ok() || piece->empty()) {
      connection_->Disarm(Connection::Timer::kRead);
      if (!piece.ok()) co_return piece.status();
      co_return body;
    }
    if (body.empty()) {
      body = *std::move(piece);
    } else {
      body += *piece;
    }
  }
}

// The fields that every answer carries.
void Exchange::Finish(HttpResponse* response, std::optional<uint64_t> length) {
  if (request_id_.empty()) request_id_ = front_.invoker.NewRequestId();
  status_ = response->status;
  // What was not read of a body would be taken for the next request.
  if (head_.has_body() && !parser_->is_done()) keep_alive_ = false;
  chunked_out_ = !length.has_value() && head_.minor_version >= 1;
  if (!length.has_value() && !chunked_out_) keep_alive_ = false;
  if (front_.draining) keep_alive_ = false;
  response->Set("X-Request-Id", request_id_);
  response->Set("X-Content-Type-Options", "nosniff");
  response->Set("Date", HttpDate(front_.clock.Now()));
  if (!keep_alive_) {
    response->Set("Connection", "close");
  } else if (head_.minor_version == 0) {
    response->Set("Connection", "keep-alive");
  }
  front_.origins.AddCors(head_, response);
}

Task<void> Exchange::Respond(HttpResponse response) {
  const bool bodiless = response.status == 204 || response.status == 304;
  const uint64_t length = response.body.size();
  Finish(&response, length);
  std::string head = SerializeHead(response, bodiless ? std::nullopt : std::optional(length));
  std::string body = head_only() || bodiless ? std::string() : std::move(response.body);
  bytes_out_ += body.size();
  const size_t first = std::min(body.size(), kWritePieceBytes);
  std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body, first)};
  connection_->Arm(Connection::Timer::kWrite, kWriteTimeout);
  auto [error, count] = co_await asio::async_write(connection_->socket(), buffers, kAwait);
  for (size_t at = first; !error && at < body.size(); at += kWritePieceBytes) {
    connection_->Arm(Connection::Timer::kWrite, kWriteTimeout);
    const size_t size = std::min(kWritePieceBytes, body.size() - at);
    std::tie(error, count) = co_await asio::async_write(
        connection_->socket(), asio::buffer(body.data() + at, size), kAwait);
  }
  connection_->Disarm(Connection::Timer::kWrite);
  if (error) connection_->Close();
  Log();
}

Task<void> Exchange::RespondError(absl::Status error) {
  if (request_id_.empty()) request_id_ = front_.invoker.NewRequestId();
  HttpResponse response = ErrorResponse(error, request_id_);
  co_await Respond(std::move(response));
}

Task<bool> Exchange::Begin(HttpResponse response, std::optional<uint64_t> length) {
  Finish(&response, length);
  if (chunked_out_) response.Set("Transfer-Encoding", "chunked");
  co_return co_await WriteRaw(SerializeHead(response, length));
}

Task<bool> Exchange::Write(std::string piece) {
  if (piece.empty() || head_only()) co_return !connection_->closed();
  bytes_out_ += piece.size();
  if (chunked_out_) {
    piece.insert(0, absl::StrFormat("%x\r\n", piece.size()));
    piece += "\r\n";
  }
  co_return co_await WriteRaw(std::move(piece));
}

Task<bool> Exchange::End() {
  bool good = !connection_->closed();
  if (good && chunked_out_ && !head_only()) good = co_await WriteRaw("0\r\n\r\n");
  Log();
  co_return good;
}

Task<bool> Exchange::WriteRaw(std::string bytes) {
  if (connection_->closed()) co_return false;
  connection_->Arm(Connection::Timer::kWrite, kWriteTimeout);
  const auto [error, count] =
      co_await asio::async_write(connection_->socket(), asio::buffer(bytes), kAwait);
  connection_->Disarm(Connection::Timer::kWrite);
  if (error) connection_->Close();
  co_return !error;
}

void Exchange::Log() {
  if (std::exchange(logged_, true)) return;
  Detach();
  const std::string_view path = route_.empty() ? std::string_view(head_.path) : route_;
  LogInfo("request", {{"method", head_.method},
                      {"path", path.substr(0, 200)},
                      {"status", status_},
                      {"ms", absl::ToInt64Milliseconds(front_.clock.Monotonic() - started_)},
                      {"bytes", bytes_out_},
                      {"address", AddressOf(head_, connection_->address(), front_.proxies)},
                      {"request_id", request_id_}});
}

void Exchange::LogUpgrade() {
  status_ = 101;
  keep_alive_ = false;
  Log();
}

}  // namespace heim
