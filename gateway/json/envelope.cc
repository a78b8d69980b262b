#include "gateway/json/envelope.h"

#include "gateway/json/codec.h"
#include "gateway/json/text.h"
#include "google/protobuf/descriptor.h"
#include "server/model/event_type.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The field that is set in the oneof; null when none is.
const FieldDescriptor* SetField(const Message& message, std::string_view oneof) {
  const auto* descriptor = message.GetDescriptor()->FindOneofByName(std::string(oneof));
  if (descriptor == nullptr) return nullptr;
  return message.GetReflection()->GetOneofFieldDescriptor(message, descriptor);
}

void AppendHeader(const EnvelopeHeader& header, std::string* out) {
  out->append("{\"type\":");
  AppendQuoted(header.type, out);
  if (!header.id.empty()) {
    out->append(",\"id\":");
    AppendQuoted(header.id, out);
  }
  if (header.timestamp != nullptr) {
    out->append(",\"timestamp\":\"");
    AppendTime(*header.timestamp, Decimals::kHeim, out);
    out->push_back('"');
  }
  if (!header.cursor.empty()) {
    out->append(",\"cursor\":");
    AppendQuoted(header.cursor, out);
  }
}

bool CarriesCursor(const v1::Control& control) {
  switch (control.control_case()) {
    case v1::Control::kHello:
    case v1::Control::kHeartbeat:
    case v1::Control::kReset:
    case v1::Control::kCaughtUp:
      return true;
    default:
      return false;
  }
}

const Message& PayloadOf(const Message& message, const FieldDescriptor* field) {
  return message.GetReflection()->GetMessage(message, field);
}

}  // namespace

void AppendEnvelope(const EnvelopeHeader& header, const Message& data, std::string* out) {
  AppendHeader(header, out);
  out->append(",\"data\":");
  AppendJson(data, Dialect::kHeim, out);
  out->push_back('}');
}

void AppendEvent(const v1::Event& event, std::string_view cursor, std::string* out) {
  EnvelopeHeader header;
  if (event.has_timestamp()) header.timestamp = &event.timestamp();
  if (event.position() > 0) header.cursor = cursor;
  const FieldDescriptor* field = SetField(event, "payload");
  if (field == nullptr) {
    header.type = "unknown";
    AppendHeader(header, out);
    out->append(",\"data\":{}}");
    return;
  }
  header.type = WireTypeOf(field);
  AppendEnvelope(header, PayloadOf(event, field), out);
}

void AppendControl(const v1::Control& control, std::string_view cursor,
                   const google::protobuf::Timestamp* timestamp, std::string* out) {
  const FieldDescriptor* field = SetField(control, "control");
  if (field == nullptr) return;
  EnvelopeHeader header;
  header.type = WireTypeOf(field);
  header.timestamp = timestamp;
  if (CarriesCursor(control)) header.cursor = cursor;
  AppendEnvelope(header, PayloadOf(control, field), out);
}

void AppendReply(const v1::Reply& reply, const google::protobuf::Timestamp* timestamp,
                 std::string* out) {
  const FieldDescriptor* field = SetField(reply, "result");
  if (field == nullptr) return;
  EnvelopeHeader header;
  header.type = WireTypeOf(field);
  header.id = reply.id();
  header.timestamp = timestamp;
  if (reply.result_case() == v1::Reply::kPong) {
    AppendHeader(header, out);
    out->push_back('}');
    return;
  }
  AppendEnvelope(header, PayloadOf(reply, field), out);
}

void AppendErrorFrame(std::string_view id, const v1::Error& error,
                      const google::protobuf::Timestamp* timestamp, std::string* out) {
  EnvelopeHeader header;
  header.type = "error";
  header.id = id;
  header.timestamp = timestamp;
  AppendEnvelope(header, error, out);
}

std::string RenderFrame(const Frame& frame) {
  std::string out;
  switch (frame.kind()) {
    case Frame::Kind::kEvent:
      AppendEvent(frame.event(), frame.cursor(), &out);
      break;
    case Frame::Kind::kControl:
      AppendControl(frame.control(), frame.cursor(), nullptr, &out);
      break;
    case Frame::Kind::kReply:
      AppendReply(frame.reply(), nullptr, &out);
      break;
    case Frame::Kind::kMessage:
      AppendJson(frame.message(), Dialect::kHeim, &out);
      break;
    case Frame::Kind::kCursor:
      break;
  }
  return out;
}

}  // namespace heim
