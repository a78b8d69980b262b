#include "gateway/ws/frame_text.h"

#include "gateway/json/envelope.h"
#include "heim/v1/options.pb.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

// Dialects of Frame::Rendered.
constexpr int kSocketText = 0;
constexpr int kSocketBytes = 1;
constexpr int kEventStream = 2;

constexpr size_t kCloseReasonMaxBytes = 123;

// The wire_type of the field that is set in the message's oneof.
std::string_view WireType(const google::protobuf::Message& message) {
  const auto* field = message.GetReflection()->GetOneofFieldDescriptor(
      message, message.GetDescriptor()->oneof_decl(0));
  if (field == nullptr) return "unknown";
  return field->options().GetExtension(v1::wire_type);
}

std::string_view TypeOf(const Frame& frame) {
  switch (frame.kind()) {
    case Frame::Kind::kEvent:
      return WireType(frame.event());
    case Frame::Kind::kControl:
      return WireType(frame.control());
    default:
      return "message";
  }
}

std::string MakeEventStream(const Frame& frame) {
  std::string out;
  if (!frame.cursor().empty()) StrAppend(&out, "id: ", frame.cursor(), "\n");
  const std::string envelope = RenderFrame(frame);
  if (!envelope.empty()) {
    StrAppend(&out, "event: ", TypeOf(frame), "\ndata: ", envelope, "\n");
  }
  if (!out.empty()) out += "\n";
  return out;
}

}  // namespace

std::string WebSocketFrame(Opcode opcode, std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + 10);
  out.push_back(static_cast<char>(0x80 | static_cast<uint8_t>(opcode)));
  const uint64_t size = payload.size();
  const auto put = [&out, size](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i)));
  };
  if (size < 126) {
    out.push_back(static_cast<char>(size));
  } else if (size <= 0xFFFF) {
    out.push_back(126);
    put(2);
  } else {
    out.push_back(127);
    put(8);
  }
  out += payload;
  return out;
}

std::string CloseFrame(uint16_t code, std::string_view reason) {
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8));
  payload.push_back(static_cast<char>(code));
  payload += Utf8Prefix(reason, kCloseReasonMaxBytes);
  return WebSocketFrame(Opcode::kClose, payload);
}

const std::string& SocketText(const Frame& frame) {
  return frame.Rendered(kSocketText, [](const Frame& given) {
    const std::string envelope = RenderFrame(given);
    return envelope.empty() ? std::string() : WebSocketFrame(Opcode::kText, envelope);
  });
}

const std::string& SocketBytes(const Frame& frame) {
  return frame.Rendered(kSocketBytes, [](const Frame& given) {
    return WebSocketFrame(Opcode::kBinary, given.proto());
  });
}

const std::string& EventStreamText(const Frame& frame) {
  return frame.Rendered(kEventStream, MakeEventStream);
}

}  // namespace heim
