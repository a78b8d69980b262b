// What the tests of the gateway share: a fake Invoker whose methods are set by name, a stream that
// a test plays, a running gateway, and a client that speaks bytes. For tests only; each object
// belongs to its test, FakeStream and FakeInvoker are thread-safe. Clients block, with a deadline.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gateway/gateway.h"
#include "heim/v1/actor_service.pb.h"
#include "heim/v1/admin_service.pb.h"
#include "heim/v1/agent_service.pb.h"
#include "heim/v1/auth_service.pb.h"
#include "heim/v1/channel_service.pb.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/file_service.pb.h"
#include "heim/v1/message_service.pb.h"
#include "heim/v1/presence_service.pb.h"
#include "heim/v1/read_state_service.pb.h"
#include "heim/v1/stream_service.pb.h"
#include "heim/v1/workspace_service.pb.h"
#include "server/base/clock.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/rpc/invoker.h"

namespace heim::gateway_test {

inline constexpr int kDeadlineSeconds = 10;

// A stream that the test feeds with frames, and that remembers what it was fed.
class FakeStream : public StreamCall {
 public:
  State Pull(size_t, std::vector<FramePtr>* out) override {
    absl::MutexLock lock(&mutex_);
    for (FramePtr& frame : frames_) out->push_back(std::move(frame));
    frames_.clear();
    return ended_ ? State::kEnded : State::kIdle;
  }
  absl::Status status() const override {
    absl::MutexLock lock(&mutex_);
    return status_;
  }
  void SetReady(std::function<void()> on_ready) override {
    absl::MutexLock lock(&mutex_);
    on_ready_ = std::move(on_ready);
  }
  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    on_ready_ = nullptr;
  }
  void Feed(std::unique_ptr<google::protobuf::Message> message,
            absl::AnyInvocable<void()> next) override {
    if (on_feed != nullptr) on_feed(*message);
    {
      absl::MutexLock lock(&mutex_);
      fed_.push_back(std::move(message));
      if (hold_) {
        held_ = std::move(next);
        return;
      }
    }
    next();
  }
  void FeedDone() override {
    {
      absl::MutexLock lock(&mutex_);
      done_ = true;
    }
    if (on_done != nullptr) on_done();
  }

  void Push(FramePtr frame) {
    std::function<void()> ready;
    {
      absl::MutexLock lock(&mutex_);
      frames_.push_back(std::move(frame));
      ready = on_ready_;
    }
    if (ready != nullptr) ready();
  }
  void End(absl::Status status) {
    std::function<void()> ready;
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
      status_ = std::move(status);
      ready = on_ready_;
    }
    if (ready != nullptr) ready();
  }
  // Feeds wait for Release.
  void Hold() {
    absl::MutexLock lock(&mutex_);
    hold_ = true;
  }
  void Release() {
    absl::AnyInvocable<void()> next;
    {
      absl::MutexLock lock(&mutex_);
      hold_ = false;
      next = std::exchange(held_, nullptr);
    }
    if (next != nullptr) next();
  }
  bool WaitFed(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [this, count]() { return fed_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(kDeadlineSeconds));
  }
  bool WaitCancelled() {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&cancelled_), absl::Seconds(kDeadlineSeconds));
  }
  const google::protobuf::Message& fed(size_t index) {
    absl::MutexLock lock(&mutex_);
    return *fed_.at(index);
  }
  size_t fed_count() {
    absl::MutexLock lock(&mutex_);
    return fed_.size();
  }

  std::function<void(const google::protobuf::Message&)> on_feed;
  std::function<void()> on_done;

 private:
  mutable absl::Mutex mutex_;
  std::deque<FramePtr> frames_;
  std::vector<std::unique_ptr<google::protobuf::Message>> fed_;
  std::function<void()> on_ready_;
  absl::AnyInvocable<void()> held_;
  absl::Status status_;
  bool hold_ = false;
  bool ended_ = false;
  bool done_ = false;
  bool cancelled_ = false;
};

// The whole contract.
inline std::unique_ptr<MethodTable> MakeContractTable() {
  auto table = MethodTable::Create();
  EXPECT_TRUE(table.ok()) << table.status();
  return *std::move(table);
}

// Methods are functions by full name; others fail with UNIMPLEMENTED.
class FakeInvoker : public Invoker {
 public:
  using Unary = std::function<absl::Status(CallContext&, const google::protobuf::Message&,
                                           google::protobuf::Message*)>;
  using Opener = std::function<absl::StatusOr<std::shared_ptr<StreamCall>>(
      CallContext&, const google::protobuf::Message*)>;

  FakeInvoker() : table_(MakeContractTable()) {}

  const MethodTable& methods() const override { return *table_; }
  void Call(const MethodInfo& method, std::shared_ptr<CallContext> context,
            std::unique_ptr<google::protobuf::Message> request, Done done) override {
    if (hold) {
      absl::MutexLock lock(&mutex_);
      held_.push_back(std::move(done));
      contexts_.push_back(std::move(context));
      return;
    }
    const auto found = unary.find(method.descriptor->full_name());
    if (found == unary.end()) return done(MakeError(v1::ERROR_REASON_UNIMPLEMENTED));
    std::unique_ptr<google::protobuf::Message> response(method.response_prototype->New());
    const absl::Status status = found->second(*context, *request, response.get());
    if (!status.ok()) return done(status);
    done(std::move(response));
  }
  void Open(const MethodInfo& method, std::shared_ptr<CallContext> context,
            std::unique_ptr<google::protobuf::Message> first, StreamOpened opened) override {
    const auto found = streams.find(method.descriptor->full_name());
    if (found == streams.end()) return opened(MakeError(v1::ERROR_REASON_UNIMPLEMENTED));
    opened(found->second(*context, first.get()));
  }
  std::string NewRequestId() override { return StrCat("req-", ++last_id_); }
  size_t in_flight() const override { return 0; }
  void Drain() override {}

  // Waits for a call that is held.
  std::shared_ptr<CallContext> WaitHeld() {
    absl::MutexLock lock(&mutex_);
    const auto any = [this]() { return !held_.empty(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&any), absl::Seconds(kDeadlineSeconds))) {
      return nullptr;
    }
    return contexts_.front();
  }
  // Answers what is held, late.
  void Release() {
    std::vector<Done> held;
    {
      absl::MutexLock lock(&mutex_);
      held.swap(held_);
    }
    for (Done& done : held) done(absl::InternalError("late"));
  }

  std::atomic<bool> hold{false};  // calls are not answered
  std::map<std::string, Unary> unary;
  std::map<std::string, Opener> streams;

 private:
  std::unique_ptr<MethodTable> table_;
  std::atomic<int> last_id_{0};
  absl::Mutex mutex_;
  std::vector<Done> held_;
  std::vector<std::shared_ptr<CallContext>> contexts_;
};

// One TCP connection to the loopback.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval timeout = {kDeadlineSeconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }
  void EndSending() { shutdown(fd_, SHUT_WR); }

  // Reads until `marker` has come, or the end; returns what came up to and with it.
  std::string Until(std::string_view marker) {
    size_t at;
    while ((at = buffer_.find(marker)) == std::string::npos) {
      if (!Fill()) return std::exchange(buffer_, {});
    }
    std::string out = buffer_.substr(0, at + marker.size());
    buffer_.erase(0, at + marker.size());
    return out;
  }
  std::string Exactly(size_t count) {
    while (buffer_.size() < count && Fill()) {
    }
    std::string out = buffer_.substr(0, count);
    buffer_.erase(0, out.size());
    return out;
  }
  // Everything up to the end of the connection.
  std::string All() {
    while (Fill()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  bool Fill() {
    char chunk[16384];
    const ssize_t count = recv(fd_, chunk, sizeof chunk, 0);
    if (count <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(count));
    return true;
  }

  const int fd_;
  std::string buffer_;
};

// An answer, taken apart.
struct Got {
  int status = 0;
  std::string head;
  std::string body;

  // A field's value; empty when there is none.
  std::string Get(std::string_view name) const {
    std::string_view rest = head;
    while (!rest.empty()) {
      const size_t end = rest.find("\r\n");
      const std::string_view line = rest.substr(0, end);
      const size_t colon = line.find(": ");
      if (colon != std::string_view::npos && EqualsIgnoreCase(line.substr(0, colon), name)) {
        return std::string(line.substr(colon + 2));
      }
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 2);
    }
    return "";
  }
};

inline Got ReadAnswer(Client& client, bool head_only = false) {
  Got reply;
  reply.head = client.Until("\r\n\r\n");
  if (reply.head.size() > 12) reply.status = std::atoi(reply.head.c_str() + 9);
  const std::string length = reply.Get("Content-Length");
  if (!length.empty() && !head_only) reply.body = client.Exactly(std::stoul(length));
  return reply;
}

// A gateway on a free port of the loopback.
struct Running {
  explicit Running(GatewayOptions options = {}, bool start = true) : given(std::move(options)) {
    given.host = "127.0.0.1";
    given.port = 0;
    given.version = "test";
    if (start) Start();
  }
  void Start() {
    auto made = Gateway::Create(given, invoker, clock);
    ASSERT_TRUE(made.ok()) << made.status();
    gateway = *std::move(made);
  }

  // One request on a connection of its own. Adds Host, Connection: close and Content-Length.
  Got Ask(std::string_view method, std::string_view target,
          std::vector<std::pair<std::string, std::string>> headers = {},
          std::string_view body = "") {
    Client client(gateway->port());
    std::string bytes = StrCat(method, " ", target, " HTTP/1.1\r\nHost: heim.test\r\n");
    for (const auto& [name, value] : headers) StrAppend(&bytes, name, ": ", value, "\r\n");
    if (!body.empty()) StrAppend(&bytes, "Content-Length: ", body.size(), "\r\n");
    StrAppend(&bytes, "Connection: close\r\n\r\n", body);
    client.Send(bytes);
    return ReadAnswer(client, method == "HEAD");
  }

  GatewayOptions given;
  ManualClock clock;  // deadlines pass only when a test says so
  FakeInvoker invoker;
  std::unique_ptr<Gateway> gateway;
};

}  // namespace heim::gateway_test
