#include "gateway/ws/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <exception>
#include <utility>

#include "gateway/http/http_limits.h"
#include "gateway/json/envelope.h"
#include "gateway/ws/frame_text.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using Timer = Connection::Timer;

constexpr uint16_t kGoingAway = 1001;
constexpr uint16_t kUnsupported = 1003;
constexpr uint16_t kPolicy = 1008;
constexpr uint16_t kInternal = 1011;
constexpr uint16_t kCredential = 4401;
constexpr uint16_t kIdle = 4408;
constexpr uint16_t kReplaced = 4409;
constexpr uint16_t kRate = 4429;

constexpr char kCloseByte = '\x88';

uint16_t CodeOfGoodbye(std::string_view reason) {
  if (reason == "credential_revoked" || reason == "actor_deactivated") return kCredential;
  if (reason == "replaced") return kReplaced;
  if (reason == "lost_access") return kPolicy;
  return kGoingAway;
}

uint16_t CodeOfStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
      return kGoingAway;
    case absl::StatusCode::kUnauthenticated:
      return kCredential;
    case absl::StatusCode::kResourceExhausted:
      return kRate;
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return kInternal;
    default:
      return kPolicy;
  }
}

}  // namespace

SocketSession::SocketSession(Options options)
    : options_(std::move(options)),
      connection_(*options_.connection),
      ws_(Tap(&connection_, [this](std::string bytes) { Queue(std::move(bytes)); })) {}

void SocketSession::SetCallbacks() {
  connection_.on_expired = [this](Timer timer) { OnExpired(timer); };
  connection_.on_drain = [this] { RequestClose(kGoingAway, "the server is shutting down"); };
  connection_.on_close = [this] { fed_.Notify(); };
  ws_.control_callback([this](websocket::frame_type, boost::beast::string_view) { Touch(); });
}

void SocketSession::ClearCallbacks() {
  connection_.on_expired = nullptr;
  connection_.on_drain = nullptr;
  connection_.on_close = nullptr;
}

Task<void> SocketSession::Run(RequestHead head, Upgrade upgrade) {
  const std::shared_ptr<SocketSession> self = shared_from_this();
  SetCallbacks();
  Touch();
  if (connection_.unread().empty()) std::string().swap(connection_.unread());
  const bool accepted = co_await Accept(std::move(head), std::move(upgrade));
  if (accepted) {
    const std::shared_ptr<Connection> connection = options_.connection;
    options_.stream->SetReady(
        [connection] { connection->Post([connection] { connection->wakeup().Notify(); }); });
    asio::co_spawn(connection_.socket().get_executor(), Read(), [self](std::exception_ptr failure) {
      self->reading_ = false;
      if (failure != nullptr) self->connection_.Close();
      self->connection_.wakeup().Notify();
    });
    co_await Write();
    if (last_written_) connection_.Arm(Timer::kRead, kSocketCloseTimeout);
    while (last_written_ && reading_ && !connection_.closed()) {
      co_await connection_.wakeup().Wait();
    }
  }
  options_.stream->Cancel();
  ClearCallbacks();
  connection_.Disarm(Timer::kCall);
  // A reader that is left stops here.
  if (!accepted || reading_) connection_.Close();
  fed_.Notify();
}

Task<bool> SocketSession::Accept(RequestHead head, Upgrade upgrade) {
  http::request<http::empty_body> request(http::verb::get, head.target, 11);
  for (const HeaderField& field : head.fields) request.insert(field.name, field.value);
  ws_.set_option(websocket::stream_base::decorator(
      [protocol = upgrade.subprotocol, id = options_.request_id](websocket::response_type& answer) {
        answer.set(http::field::server, "Heim");
        answer.set("X-Request-Id", id);
        if (!protocol.empty()) answer.set(http::field::sec_websocket_protocol, protocol);
      }));
  ws_.read_message_max(kFrameMaxBytes);
  const auto [error] = co_await ws_.async_accept(request, kAwait);
  co_return !error;
}

Task<void> SocketSession::Read() {
  const std::shared_ptr<SocketSession> self = shared_from_this();
  boost::beast::flat_buffer buffer;
  while (true) {
    Touch();
    const auto [error, count] = co_await ws_.async_read(buffer, kAwait);
    if (error || connection_.closed()) break;
    if (close_code_ != 0) {
      buffer.consume(buffer.size());
      continue;
    }
    const auto bytes = buffer.cdata();
    std::unique_ptr<google::protobuf::Message> message =
        ParseMessage({static_cast<const char*>(bytes.data()), bytes.size()});
    buffer.consume(buffer.size());
    if (buffer.capacity() > kBodyChunkBytes) buffer.shrink_to_fit();
    if (message != nullptr) co_await Feed(std::move(message));
    // Errors wait for a client that does not read them: it gets no more of them.
    if (own_.size() > kSocketOwnFramesMax) {
      RequestClose(kPolicy, "too many errors");
    }
  }
}

std::unique_ptr<google::protobuf::Message> SocketSession::ParseMessage(std::string_view payload) {
  if (ws_.got_text() == options_.binary) {
    RequestClose(kUnsupported, options_.binary ? "binary messages only" : "text messages only");
    return nullptr;
  }
  if (options_.binary) {
    std::unique_ptr<google::protobuf::Message> message(options_.method->request_prototype->New());
    if (message->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return message;
    QueueError(MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, "The message is no SessionRequest"),
               "");
    return nullptr;
  }
  ParsedCommand command = ParseCommand(payload);
  if (!command.status.ok()) {
    QueueError(command.status, command.id);
    return nullptr;
  }
  return std::make_unique<v1::SessionRequest>(std::move(command.request));
}

Task<void> SocketSession::Feed(std::unique_ptr<google::protobuf::Message> message) {
  auto wanted = std::make_shared<bool>(false);
  // While the server is the slow one, the client's silence is not its fault.
  connection_.Disarm(Timer::kRead);
  options_.stream->Feed(std::move(message), [self = shared_from_this(), wanted] {
    self->connection_.Post([self, wanted] {
      *wanted = true;
      self->fed_.Notify();
    });
  });
  while (!*wanted && !connection_.closed()) co_await fed_.Wait();
}

Task<void> SocketSession::Write() {
  while (!connection_.closed() && !last_written_) {
    PullFrames();
    const std::vector<asio::const_buffer> buffers = Gather();
    if (buffers.empty()) {
      const bool more = state_ == FrameSource::State::kMore && !last_queued_;
      if (QueueClose() || next_frame_ < frames_.size() || more) continue;
      if (!reading_) break;
      co_await connection_.wakeup().Wait();
      continue;
    }
    connection_.Arm(Timer::kWrite, kWriteTimeout);
    const auto [error, count] = co_await asio::async_write(connection_.socket(), buffers, kAwait);
    connection_.Disarm(Timer::kWrite);
    bytes_out_ += count;
    if (error) connection_.Close();
    if (!own_taken_.empty() && own_taken_.back().last) last_written_ = true;
    own_taken_.clear();
    taken_.clear();
  }
}

void SocketSession::PullFrames() {
  if (next_frame_ < frames_.size() || state_ == FrameSource::State::kEnded || last_queued_) return;
  frames_.clear();
  next_frame_ = 0;
  state_ = options_.stream->Pull(kPullBytes, &frames_);
}

std::vector<asio::const_buffer> SocketSession::Gather() {
  std::vector<asio::const_buffer> buffers;
  while (!own_.empty() && own_taken_.size() < kSocketGatherFrames) {
    own_taken_.push_back(std::move(own_.front()));
    own_.pop_front();
  }
  for (const OwnFrame& own : own_taken_) buffers.push_back(asio::buffer(own.bytes));
  if (last_queued_) return buffers;
  while (next_frame_ < frames_.size() && buffers.size() < kSocketGatherFrames) {
    FramePtr frame = std::move(frames_[next_frame_++]);
    if (frame->kind() == Frame::Kind::kControl && frame->control().has_goodbye()) {
      goodbye_code_ = CodeOfGoodbye(frame->control().goodbye().reason());
      close_reason_ = frame->control().goodbye().reason();
    }
    const std::string& bytes = options_.binary ? SocketBytes(*frame) : SocketText(*frame);
    if (bytes.empty()) continue;
    buffers.push_back(asio::buffer(bytes));
    taken_.push_back(std::move(frame));
  }
  return buffers;
}

bool SocketSession::QueueClose() {
  if (last_queued_ || next_frame_ < frames_.size()) return false;
  if (close_code_ == 0 && state_ == FrameSource::State::kEnded) {
    const absl::Status status = options_.stream->status();
    const uint16_t code = goodbye_code_ != 0 ? goodbye_code_ : CodeOfStatus(status);
    RequestClose(code, close_reason_.empty() ? ReasonCode(ShownReasonOf(status)) : close_reason_);
  }
  // What the stream still has goes out before the close frame.
  if (close_code_ == 0 || state_ == FrameSource::State::kMore) return false;
  Queue(CloseFrame(close_code_, close_reason_));
  return true;
}

void SocketSession::Queue(std::string bytes) {
  if (last_queued_ || bytes.empty()) return;
  last_queued_ = bytes.front() == kCloseByte;
  own_.push_back({std::move(bytes), last_queued_});
  connection_.wakeup().Notify();
}

void SocketSession::QueueError(const absl::Status& error, std::string_view id) {
  v1::Reply reply;
  reply.set_id(std::string(id));
  *reply.mutable_error() = ToError(error, options_.request_id);
  const FramePtr frame = MakeReplyFrame(std::move(reply));
  Queue(options_.binary ? SocketBytes(*frame) : SocketText(*frame));
}

void SocketSession::RequestClose(uint16_t code, std::string_view reason) {
  if (close_code_ != 0 || last_queued_) return;
  close_code_ = code;
  close_reason_ = std::string(reason);
  connection_.Arm(Timer::kRead, kSocketCloseTimeout);
  connection_.wakeup().Notify();
}

void SocketSession::OnExpired(Timer timer) {
  switch (timer) {
    case Timer::kRead:
      if (close_code_ != 0 || last_queued_) return connection_.Close();
      return RequestClose(kIdle, "nothing was heard for 90 seconds");
    case Timer::kWrite:
      return connection_.Close();
    case Timer::kCall:
      // A listener that says nothing answers this, by itself in browsers.
      Queue(WebSocketFrame(Opcode::kPing, ""));
      return connection_.Arm(Timer::kCall, kSocketPingInterval);
  }
}

// The client was heard.
void SocketSession::Touch() {
  if (close_code_ != 0 || last_queued_) return;
  connection_.Arm(Timer::kRead, kSocketIdleTimeout);
  connection_.Arm(Timer::kCall, kSocketPingInterval);
}

}  // namespace heim
