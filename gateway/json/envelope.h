// Frames of the realtime protocol in JSON: {"type","id"?,"timestamp"?,"cursor"?,"data"?}. Type
// names are the wire_type options of the contract. Free functions; any thread; never block.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "heim/v1/error.pb.h"
#include "heim/v1/event.pb.h"
#include "heim/v1/event_service.pb.h"
#include "server/model/frame.h"

namespace heim {

// Empty strings and null pointers are left out.
struct EnvelopeHeader {
  std::string_view type;
  std::string_view id;
  const google::protobuf::Timestamp* timestamp = nullptr;
  std::string_view cursor;
};

void AppendEnvelope(const EnvelopeHeader& header, const google::protobuf::Message& data,
                    std::string* out);

// An event with its timestamp; `cursor` is left out for ephemeral ones (position 0). An event whose
// payload this program does not know has the type "unknown" and empty data.
void AppendEvent(const v1::Event& event, std::string_view cursor, std::string* out);

// A control frame. `cursor` stands on hello, caught_up, heartbeat and reset when it is not empty.
void AppendControl(const v1::Control& control, std::string_view cursor,
                   const google::protobuf::Timestamp* timestamp, std::string* out);

// ack, error, pong or result. A pong has no data; the data of an error is the Error itself.
void AppendReply(const v1::Reply& reply, const google::protobuf::Timestamp* timestamp,
                 std::string* out);

// A frame of a stream as one text: event, control or reply by the functions above, without a
// timestamp of its own; any other message as Heim JSON. Empty for a cursor frame, which has no text
// of its own. Always the same for the same frame, so it may be given to Frame::Rendered.
std::string RenderFrame(const Frame& frame);

// An `error` frame; `id` may be empty.
void AppendErrorFrame(std::string_view id, const v1::Error& error,
                      const google::protobuf::Timestamp* timestamp, std::string* out);

// One frame from a client. `id` is set whenever it could be read, also beside an error, so that the
// error frame can carry it.
struct ParsedCommand {
  absl::Status status;
  std::string id;
  v1::SessionRequest request;
};

// Reads {"type","id"?,"timestamp"?,"data"?}: `type` chooses the command, `data` is its request,
// strictly. Reasons: INVALID_JSON (not an object), UNKNOWN_TYPE (missing or not known; names the
// nearest), and those of ParseJson, with field paths as in the request.
ParsedCommand ParseCommand(std::string_view text);

}  // namespace heim
