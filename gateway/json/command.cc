#include <string>
#include <utility>
#include <vector>

#include "gateway/json/codec.h"
#include "gateway/json/document.h"
#include "gateway/json/envelope.h"
#include "gateway/json/parse_error.h"
#include "gateway/json/text.h"
#include "google/protobuf/descriptor.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/event_type.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;

constexpr std::string_view kMembers[] = {"type", "id", "timestamp", "data"};

// A member that must be a string; null is an absent one.
absl::Status ReadString(const RawMember& member, std::string* out) {
  if (member.value == "null") return absl::OkStatus();
  if (member.value.front() != '"') return BadValue(member.key, "a string");
  auto text = Unescape(member.value.substr(1, member.value.size() - 2));
  if (!text) return MalformedJson("a string has a bad escape", member.offset);
  *out = *std::move(text);
  return absl::OkStatus();
}

absl::Status UnknownMember(std::string_view key) {
  const auto nearest = Nearest(key, kMembers);
  return UnknownName(key, nearest.value_or(""));
}

struct Envelope {
  std::string type;
  std::string id;
  const RawMember* data = nullptr;
};

// Goes through all members even after an error, so that the id is found.
absl::Status ReadEnvelope(const std::vector<RawMember>& members, Envelope* out) {
  absl::Status status;
  for (const RawMember& member : members) {
    std::string timestamp;
    if (member.key == "type") {
      status.Update(ReadString(member, &out->type));
    } else if (member.key == "id") {
      status.Update(ReadString(member, &out->id));
    } else if (member.key == "timestamp") {
      status.Update(ReadString(member, &timestamp));
    } else if (member.key == "data") {
      out->data = &member;
    } else {
      status.Update(UnknownMember(member.key));
    }
  }
  return status;
}

// The command with this wire_type; null when there is none.
const FieldDescriptor* FindCommand(std::string_view type) {
  const auto* descriptor = v1::SessionRequest::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->real_containing_oneof() != nullptr && WireTypeOf(field) == type) {
      return field;
    }
  }
  return nullptr;
}

absl::Status UnknownCommand(std::string_view type) {
  std::vector<std::string_view> types;
  const auto* descriptor = v1::SessionRequest::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->real_containing_oneof() != nullptr) {
      types.push_back(WireTypeOf(field));
    }
  }
  return UnknownType(type, Nearest(type, types).value_or(""));
}

absl::Status ReadCommand(const Envelope& envelope, v1::SessionRequest* out) {
  const FieldDescriptor* field = envelope.type.empty() ? nullptr : FindCommand(envelope.type);
  if (field == nullptr) return UnknownCommand(envelope.type);
  google::protobuf::Message* request = out->GetReflection()->MutableMessage(out, field);
  if (envelope.data == nullptr || envelope.data->value == "null") return absl::OkStatus();
  if (envelope.data->value.front() != '{') return BadValue("data", "an object");
  return ParseJsonAt(envelope.data->value, envelope.data->offset, JsonOptions(), request);
}

}  // namespace

ParsedCommand ParseCommand(std::string_view text) {
  ParsedCommand out;
  std::vector<RawMember> members;
  Envelope envelope;
  out.status = SplitObject(text, &members);
  out.status.Update(ReadEnvelope(members, &envelope));
  out.id = std::move(envelope.id);
  if (!out.status.ok()) return out;
  out.request.set_id(out.id);
  out.status = ReadCommand(envelope, &out.request);
  return out;
}

}  // namespace heim
