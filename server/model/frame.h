// Frame is one piece of a realtime stream, made once and shared by all its readers. Immutable and
// thread-safe; what is derived from it (parsed message, rendered text) is made at the first use and
// kept. Nothing blocks but on another reader making the same.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/call_once.h"
#include "absl/functional/function_ref.h"
#include "google/protobuf/message.h"
#include "heim/v1/event.pb.h"
#include "heim/v1/event_service.pb.h"

namespace heim {

class Frame {
 public:
  enum class Kind {
    kEvent,    // field 1 of SubscribeResponse, SessionResponse, Watch…Response
    kCursor,   // field 2
    kControl,  // field 3, after field 2 when it carries a cursor
    kReply,    // field 4, of SessionResponse only
    kMessage,  // a whole response of another stream: not to be joined with anything
  };
  static constexpr int kDialects = 4;

  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  Kind kind() const { return kind_; }

  // Serialised as a piece of the response. Frames of all kinds but kMessage, joined in any number,
  // are one valid response message; a control frame must be the last of it, since a response holds
  // one.
  std::string_view proto() const { return proto_; }

  // Of the kind in question only.
  const v1::Event& event() const;
  const v1::Control& control() const;
  const v1::Reply& reply() const;
  const google::protobuf::Message& message() const;

  // Where a client that has handled this frame resumes. Durable events, cursor frames and control
  // frames made with one; else empty.
  const std::string& cursor() const { return cursor_; }

  // Of a durable event; else 0.
  uint64_t position() const { return position_; }

  // The text of this frame in a dialect (0 <= dialect < kDialects; what it means is up to the
  // fronts), made by `render` for the first caller. `render` must always make the same text.
  const std::string& Rendered(int dialect,
                              absl::FunctionRef<std::string(const Frame&)> render) const;

 private:
  friend class FrameMaker;

  struct Text {
    absl::once_flag once;
    std::string text;
  };

  explicit Frame(Kind kind) : kind_(kind) {}

  const google::protobuf::Message& Content() const;

  const Kind kind_;
  std::string proto_;
  std::string cursor_;
  uint64_t position_ = 0;
  // Parsed from proto_ when it was made from bytes.
  mutable absl::once_flag parse_once_;
  mutable std::unique_ptr<const google::protobuf::Message> content_;
  mutable std::array<Text, kDialects> rendered_;
};

// `cursor` is left out of ephemeral events (position 0).
std::shared_ptr<const Frame> MakeEventFrame(v1::Event event, std::string cursor);
// From a serialised Event as the log holds it.
std::shared_ptr<const Frame> MakeEventFrameFromBytes(std::string_view event, std::string cursor,
                                                     uint64_t position);
std::shared_ptr<const Frame> MakeControlFrame(v1::Control control, std::string cursor);
std::shared_ptr<const Frame> MakeCursorFrame(std::string cursor);
std::shared_ptr<const Frame> MakeReplyFrame(v1::Reply reply);
std::shared_ptr<const Frame> MakeMessageFrame(std::unique_ptr<google::protobuf::Message> message);

}  // namespace heim
