// SocketSession is one WebSocket: commands in, frames out. Shared by its two coroutines, which end
// with the connection; on the connection's strand; never blocks. Reading is Beast's; writing
// gathers shared, ready-made frames, one write in flight.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/connection.h"
#include "gateway/http/net.h"
#include "gateway/http/wakeup.h"
#include "gateway/ws/tap.h"
#include "gateway/ws/upgrade.h"
#include "server/rpc/invoker.h"

namespace heim {

class SocketSession : public std::enable_shared_from_this<SocketSession> {
 public:
  struct Options {
    std::shared_ptr<Connection> connection;
    std::shared_ptr<StreamCall> stream;
    const MethodInfo* method;
    bool binary;
    std::string request_id;
  };
  explicit SocketSession(Options options);

  // Answers the opening with 101, then serves until the end. `head` and `upgrade` are those of the
  // opening.
  Task<void> Run(RequestHead head, Upgrade upgrade);

  uint64_t bytes_out() const { return bytes_out_; }
  // What this side closed with; 0 when the client went away or closed first.
  uint16_t close_code() const { return close_code_; }

 private:
  using Stream = boost::beast::websocket::stream<Tap, false>;

  // A frame of this session alone: an error, a pong, a close.
  struct OwnFrame {
    std::string bytes;
    bool last = false;
  };

  void SetCallbacks();
  void ClearCallbacks();
  Task<bool> Accept(RequestHead head, Upgrade upgrade);
  Task<void> Read();
  // The command in a message; null when there is none, which was answered.
  std::unique_ptr<google::protobuf::Message> ParseMessage(std::string_view payload);
  Task<void> Feed(std::unique_ptr<google::protobuf::Message> message);
  Task<void> Write();
  // What goes out next, at most kSocketGatherFrames; empty when there is nothing.
  std::vector<asio::const_buffer> Gather();
  void PullFrames();
  // Queues the close frame when it is time for it.
  bool QueueClose();

  void Queue(std::string bytes);
  void QueueError(const absl::Status& error, std::string_view id);
  // Sends what is ready, then a close frame; the connection ends when the client has answered.
  void RequestClose(uint16_t code, std::string_view reason);
  void OnExpired(Connection::Timer timer);
  void Touch();

  const Options options_;
  Connection& connection_;
  Stream ws_;
  Wakeup fed_;

  std::deque<OwnFrame> own_;         // goes out before frames_
  std::vector<OwnFrame> own_taken_;  // in the write under way, like taken_
  std::vector<FramePtr> frames_;
  size_t next_frame_ = 0;
  std::vector<FramePtr> taken_;
  FrameSource::State state_ = FrameSource::State::kMore;

  uint16_t close_code_ = 0;  // asked for
  std::string close_reason_;
  uint16_t goodbye_code_ = 0;  // what the last goodbye means
  bool last_queued_ = false;   // a close frame is in own_ or gone: nothing follows it
  bool last_written_ = false;
  bool reading_ = true;
  uint64_t bytes_out_ = 0;
};

}  // namespace heim
