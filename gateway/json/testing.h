// Helpers of the gateway's tests: what an error says, and messages filled at random from a seed.
// Header only, so that no library carries it; used by one thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"
#include "heim/v1/error.pb.h"
#include "server/model/errors.h"

namespace heim {

// The first field that the error names, and what it says of it.
inline std::string FieldOf(const absl::Status& status) {
  const v1::Error error = ToError(status, "");
  return error.fields_size() == 0 ? std::string() : error.fields(0).field();
}
inline std::string DescriptionOf(const absl::Status& status) {
  const v1::Error error = ToError(status, "");
  return error.fields_size() == 0 ? std::string() : error.fields(0).description();
}

// The same numbers for the same seed, on every machine (splitmix64).
class TestNumbers {
 public:
  explicit TestNumbers(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  uint64_t Below(uint64_t limit) { return Next() % limit; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

inline std::string RandomText(TestNumbers& numbers) {
  static const char* const kPieces[] = {"a",
                                        "Z",
                                        " ",
                                        "\"",
                                        "\\",
                                        "/",
                                        "\n",
                                        "\t",
                                        "\x01",
                                        "\x7F",
                                        "é",
                                        "日",
                                        "🎉",
                                        "\xE2\x80\xA8",
                                        "\\u0041",
                                        "null",
                                        "1e5",
                                        "{}",
                                        "long enough to fill several words"};
  std::string out;
  for (uint64_t i = numbers.Below(6); i > 0; --i) {
    out += kPieces[numbers.Below(sizeof(kPieces) / sizeof(kPieces[0]))];
  }
  return out;
}

// Any bits at all, often near the edges of the type.
inline uint64_t RandomBits(TestNumbers& numbers) {
  return numbers.Next() >> numbers.Below(64) << (numbers.OneIn(4) ? numbers.Below(64) : 0);
}

inline void FillAtRandom(google::protobuf::Message* message, TestNumbers& numbers, int depth);

inline void FillValue(google::protobuf::Value* value, TestNumbers& numbers, int depth) {
  switch (numbers.Below(depth > 3 ? 4 : 6)) {
    case 0:
      value->set_null_value(google::protobuf::NULL_VALUE);
      return;
    case 1:
      value->set_bool_value(numbers.OneIn(2));
      return;
    case 2:
      value->set_number_value(static_cast<double>(static_cast<int64_t>(RandomBits(numbers))) /
                              (numbers.OneIn(2) ? 1 : 1000));
      return;
    case 3:
      value->set_string_value(RandomText(numbers));
      return;
    case 4:
      for (uint64_t i = numbers.Below(4); i > 0; --i) {
        FillValue(&(*value->mutable_struct_value()->mutable_fields())[RandomText(numbers)], numbers,
                  depth + 1);
      }
      value->mutable_struct_value();
      return;
    default:
      value->mutable_list_value();
      for (uint64_t i = numbers.Below(4); i > 0; --i) {
        FillValue(value->mutable_list_value()->add_values(), numbers, depth + 1);
      }
  }
}

inline void FillField(google::protobuf::Message* message,
                      const google::protobuf::FieldDescriptor* field, TestNumbers& numbers,
                      int depth) {
  using google::protobuf::FieldDescriptor;
  const auto* r = message->GetReflection();
  const bool many = field->is_repeated();
  const uint64_t bits = RandomBits(numbers);
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      many ? r->AddBool(message, field, bits & 1) : r->SetBool(message, field, bits & 1);
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      many ? r->AddInt32(message, field, static_cast<int32_t>(bits))
           : r->SetInt32(message, field, static_cast<int32_t>(bits));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      many ? r->AddUInt32(message, field, static_cast<uint32_t>(bits))
           : r->SetUInt32(message, field, static_cast<uint32_t>(bits));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      many ? r->AddInt64(message, field, static_cast<int64_t>(bits))
           : r->SetInt64(message, field, static_cast<int64_t>(bits));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      many ? r->AddUInt64(message, field, bits) : r->SetUInt64(message, field, bits);
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      many ? r->AddDouble(message, field, static_cast<double>(bits) / 7)
           : r->SetDouble(message, field, static_cast<double>(bits) / 7);
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
      many ? r->AddFloat(message, field, static_cast<float>(bits) / 7)
           : r->SetFloat(message, field, static_cast<float>(bits) / 7);
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* type = field->enum_type();
      const int i = static_cast<int>(bits % static_cast<uint64_t>(type->value_count()));
      many ? r->AddEnum(message, field, type->value(i))
           : r->SetEnum(message, field, type->value(i));
      return;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      many ? r->AddString(message, field, RandomText(numbers))
           : r->SetString(message, field, RandomText(numbers));
      return;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      FillAtRandom(many ? r->AddMessage(message, field) : r->MutableMessage(message, field),
                   numbers, depth + 1);
  }
}

inline void FillAtRandom(google::protobuf::Message* message, TestNumbers& numbers, int depth) {
  const auto* type = message->GetDescriptor();
  const auto* r = message->GetReflection();
  if (type->full_name() == "google.protobuf.Value") {
    return FillValue(static_cast<google::protobuf::Value*>(message), numbers, depth);
  }
  if (type->full_name() == "google.protobuf.Timestamp" ||
      type->full_name() == "google.protobuf.Duration") {
    const auto seconds = static_cast<int64_t>(numbers.Below(200000000000));
    r->SetInt64(message, type->FindFieldByNumber(1), seconds);
    r->SetInt32(message, type->FindFieldByNumber(2),
                static_cast<int32_t>(numbers.Below(1000)) * 1000000);
    return;
  }
  if (type->full_name() == "google.protobuf.FieldMask") {
    r->AddString(message, type->FindFieldByNumber(1), "display_name");
    r->AddString(message, type->FindFieldByNumber(1), "agent.webhook_url");
    return;
  }
  if (type->full_name() == "google.protobuf.Struct") {
    for (uint64_t i = numbers.Below(4); i > 0; --i) {
      FillValue(&(*static_cast<google::protobuf::Struct*>(message)
                       ->mutable_fields())[RandomText(numbers)],
                numbers, depth + 1);
    }
    return;
  }
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (numbers.OneIn(depth > 3 ? 8 : 2)) continue;
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE && depth > 5) {
      continue;
    }
    const uint64_t count = field->is_repeated() ? numbers.Below(4) : 1;
    for (uint64_t n = 0; n < count; ++n) FillField(message, field, numbers, depth);
  }
}

}  // namespace heim
