#include "server/model/event_type.h"

#include <algorithm>
#include <vector>

#include "heim/v1/options.pb.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;

std::vector<const FieldDescriptor*> Payloads() {
  const auto* oneof = v1::Event::descriptor()->FindOneofByName("payload");
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < oneof->field_count(); ++i) fields.push_back(oneof->field(i));
  std::sort(fields.begin(), fields.end(),
            [](const auto* a, const auto* b) { return a->number() < b->number(); });
  return fields;
}

const std::vector<const FieldDescriptor*>& SortedPayloads() {
  static const auto& fields = *new std::vector<const FieldDescriptor*>(Payloads());
  return fields;
}

}  // namespace

std::string_view WireType(const v1::Event& event) {
  if (event.payload_case() == v1::Event::PAYLOAD_NOT_SET) return "";
  return WireTypeOf(v1::Event::descriptor()->FindFieldByNumber(event.payload_case()));
}

std::string_view WireTypeOf(const FieldDescriptor* field) {
  return field->options().GetExtension(v1::wire_type);
}

bool IsEphemeral(v1::Event::PayloadCase payload) {
  return payload == v1::Event::kTyping || payload == v1::Event::kPresenceChanged ||
         payload == v1::Event::kMessageStreamChunk || payload == v1::Event::kMessageStreamSnapshot;
}

bool IsEphemeral(const v1::Event& event) { return IsEphemeral(event.payload_case()); }

absl::Span<const std::string_view> AllEventTypes() {
  static const auto& types = *[] {
    auto* names = new std::vector<std::string_view>;
    for (const FieldDescriptor* field : SortedPayloads()) names->push_back(WireTypeOf(field));
    return names;
  }();
  return types;
}

v1::Event::PayloadCase PayloadOfType(std::string_view wire_type) {
  for (const FieldDescriptor* field : SortedPayloads()) {
    if (WireTypeOf(field) == wire_type) {
      return static_cast<v1::Event::PayloadCase>(field->number());
    }
  }
  return v1::Event::PAYLOAD_NOT_SET;
}

}  // namespace heim
