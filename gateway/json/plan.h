// The field plan of a message type: what reader and writer need to know of its descriptor, worked
// out once. Plans are made at first use, under a lock, and never change or go away; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace heim {

// How a message type looks in JSON.
enum class MessageKind {
  kPlain,
  kTimestamp,
  kDuration,
  kFieldMask,
  kStruct,
  kValue,
  kListValue,
  kEvent,  // plain, but the envelope of a socket when written in Heim JSON
};

enum class FieldKind {
  kBool,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kFloat,
  kDouble,
  kEnum,
  kString,
  kBytes,
  kMessage,
};

struct EnumPlan {
  struct Value {
    std::string short_text;  // quoted: "\"human\""
    std::string full_text;   // quoted: "\"ACTOR_TYPE_HUMAN\""
  };
  std::unordered_map<int, Value> by_number;
  std::unordered_map<std::string, int> by_short;
  std::unordered_map<std::string, int> by_full;
  bool has_unspecified = false;  // the value 0 is named ..._UNSPECIFIED
  std::string expected;          // "one of human, agent, system"
};

struct MessagePlan;

struct FieldPlan {
  const google::protobuf::FieldDescriptor* field = nullptr;
  std::string_view name;      // the proto name
  std::string heim_key;       // ",\"channel_id\":"
  std::string canonical_key;  // the same with the JSON name
  FieldKind kind = FieldKind::kString;
  bool repeated = false;  // maps are not
  bool map = false;
  bool has_presence = false;
  int oneof = -1;                        // index of its real oneof
  const EnumPlan* enums = nullptr;       // kEnum
  const MessagePlan* message = nullptr;  // kMessage and maps (the plan of the entry)
};

struct MessagePlan {
  const google::protobuf::Descriptor* descriptor = nullptr;
  MessageKind kind = MessageKind::kPlain;
  std::vector<FieldPlan> fields;  // in the order of the contract
  // Proto names and JSON names, to an index of `fields`.
  std::unordered_map<std::string_view, size_t> by_name;
  // Set when the message lists events beside a `cursor`: the events' cursors share its epoch.
  const google::protobuf::FieldDescriptor* event_cursor = nullptr;

  // Null when no field has this name; `hint` is where to look first.
  const FieldPlan* Find(std::string_view name, size_t hint) const;
};

const MessagePlan& PlanFor(const google::protobuf::Descriptor* descriptor);

// "ActorType" -> "ACTOR_TYPE_".
std::string EnumPrefix(std::string_view type_name);

}  // namespace heim
