// Exchange is one HTTP/1.1 request and its answer on a connection. Owned by the coroutine that
// serves the connection; on its strand only; never blocks. All coroutines end early when the
// connection closes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/http/connection.h"
#include "gateway/http/front.h"
#include "gateway/http/net.h"
#include "gateway/http/request_head.h"
#include "gateway/http/response.h"

namespace heim {

class BodyParser;

class Exchange {
 public:
  Exchange(Front& front, std::shared_ptr<Connection> connection);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Front& front() { return front_; }
  const std::shared_ptr<Connection>& connection() { return connection_; }
  const RequestHead& head() const { return head_; }
  const std::string& request_id() const { return request_id_; }

  // What the access log shows as the path; the route's template hides ids and secrets.
  void set_route(std::string_view route) { route_ = std::string(route); }

  // Waits for a request. False when none came, or a bad one, which was answered: close.
  Task<bool> ReadHead();

  // The next piece of the body, empty at its end. PAYLOAD_TOO_LARGE beyond `max_bytes` in all (not
  // read at all when that was announced), INVALID_HTTP, CANCELLED when the client went away.
  Task<absl::StatusOr<std::string>> ReadPiece(uint64_t max_bytes);
  Task<absl::StatusOr<std::string>> ReadBody(uint64_t max_bytes);

  // Answers in one piece.
  Task<void> Respond(HttpResponse response);
  Task<void> RespondError(absl::Status error);

  // Answers in pieces, with Content-Length when the length is known. False: the client went away.
  Task<bool> Begin(HttpResponse response, std::optional<uint64_t> length);
  Task<bool> Write(std::string piece);
  Task<bool> End();

  // Bytes that belong to no answer: 100 Continue, a TLS alert.
  Task<bool> WriteRaw(std::string bytes);

  // The connection serves something long now: it no longer counts as a request under way.
  void Detach();

  // No other request follows.
  void set_last() { keep_alive_ = false; }
  // Whether another request may follow.
  bool keep_alive() const { return keep_alive_ && !connection_->closed(); }
  bool responded() const { return status_ != 0; }
  bool head_only() const { return head_.method == "HEAD"; }

  // Writes the line of the access log; once.
  void Log();
  // The same for a connection that becomes a WebSocket: it is the last request.
  void LogUpgrade();

 private:
  Task<size_t> ReadMore(size_t at_most);
  Task<bool> TakeHead(size_t size);
  void Finish(HttpResponse* response, std::optional<uint64_t> length);

  Front& front_;
  const std::shared_ptr<Connection> connection_;
  std::unique_ptr<BodyParser> parser_;
  RequestHead head_;
  std::string request_id_;
  std::string route_;
  absl::Duration started_;
  uint64_t body_read_ = 0;
  uint64_t bytes_out_ = 0;
  int status_ = 0;
  bool counted_ = false;
  bool continued_ = false;
  bool chunked_out_ = false;
  bool keep_alive_ = true;
  bool logged_ = false;
};

}  // namespace heim
