// The reading half of the codec. Simdjson finds the structure and checks UTF-8; tokens, nesting,
// duplicate keys and types are checked here, because its on-demand reader leaves them to its user.

#include <simdjson.h>

#include <set>
#include <utility>

#include "absl/container/fixed_array.h"
#include "gateway/json/codec.h"
#include "gateway/json/document.h"
#include "gateway/json/parse_error.h"
#include "gateway/json/plan.h"
#include "gateway/json/scalar.h"
#include "gateway/json/token.h"
#include "gateway/json/value_reader.h"
#include "google/protobuf/struct.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

namespace ondemand = simdjson::ondemand;
using google::protobuf::Message;

// Whether the keys below an object are wanted for an update mask.
enum class Collect { kNo, kYes };

class Reader {
 public:
  Reader(const JsonOptions& options, ondemand::document& document, const char* base, size_t shift,
         std::vector<std::string>* keys)
      : document_(document),
        dialect_(options.dialect),
        ignore_unknown_(options.ignore_unknown || options.dialect == Dialect::kCanonical),
        values_(document, base, shift),
        keys_(keys) {}

  absl::Status ReadRoot(Message* out) {
    ondemand::object object;
    const simdjson::error_code error = document_.get_object().get(object);
    if (error == simdjson::INCORRECT_TYPE) return NotAnObject();
    if (error != simdjson::SUCCESS) return values_.Malformed(error);
    const MessagePlan& plan = PlanFor(out->GetDescriptor());
    const JsonPath root;
    if (plan.kind == MessageKind::kStruct) {
      HEIM_RETURN_IF_ERROR(
          values_.ReadStruct(object, static_cast<google::protobuf::Struct*>(out), root, 1));
    } else if (plan.kind == MessageKind::kPlain || plan.kind == MessageKind::kEvent) {
      const Collect collect = keys_ == nullptr ? Collect::kNo : Collect::kYes;
      HEIM_RETURN_IF_ERROR(ReadFields(object, plan, root, 1, collect, out));
    } else {
      return BadValue("", Expected(plan));
    }
    if (!AtEnd(document_)) return values_.MalformedHere("there is text after the object");
    return absl::OkStatus();
  }

 private:
  absl::Status NotAnObject() { return values_.MalformedHere("the text is no JSON object"); }

  absl::Status ReadFields(ondemand::object& object, const MessagePlan& plan, const JsonPath& path,
                          int depth, Collect collect, Message* out) {
    absl::FixedArray<bool, 64> seen(plan.fields.size(), false);
    std::set<std::string, std::less<>> unknown;
    size_t hint = 0;
    for (auto item : object) {
      ObjectEntry entry;
      const bool more = hint < plan.fields.size();
      HEIM_RETURN_IF_ERROR(values_.ReadEntry(std::move(item), &entry,
                                             more ? plan.fields[hint].name : std::string_view()));
      const FieldPlan* field = plan.Find(entry.key, hint);
      if (field == nullptr) {
        HEIM_RETURN_IF_ERROR(SkipUnknown(entry, plan, path, depth, &unknown));
        continue;
      }
      const auto index = static_cast<size_t>(field - plan.fields.data());
      hint = index + 1;
      const JsonPath here{&path, field->name};
      if (seen[index]) return DuplicateKey(here.ToString());
      seen[index] = true;
      HEIM_RETURN_IF_ERROR(ReadField(entry.value, *field, here, depth, collect, out));
    }
    return absl::OkStatus();
  }

  absl::Status SkipUnknown(ObjectEntry& entry, const MessagePlan& plan, const JsonPath& path,
                           int depth, std::set<std::string, std::less<>>* unknown) {
    const JsonPath here{&path, entry.key};
    if (!ignore_unknown_) return UnknownField(here.ToString(), entry.key, &plan);
    if (!unknown->emplace(entry.key).second) return DuplicateKey(here.ToString());
    google::protobuf::Value scratch;
    return values_.ReadValue(entry.value, &scratch, here, depth);
  }

  absl::Status ReadField(ondemand::value& value, const FieldPlan& plan, const JsonPath& path,
                         int depth, Collect collect, Message* out) {
    const std::string_view token = values_.Token(value);
    if (token == "null" && !IsValueField(plan)) {
      if (collect == Collect::kYes) keys_->push_back(path.ToString());
      return absl::OkStatus();
    }
    if (plan.oneof >= 0) {
      const auto* oneof = plan.field->containing_oneof();
      if (out->GetReflection()->HasOneof(*out, oneof)) {
        const auto* other = out->GetReflection()->GetOneofFieldDescriptor(*out, oneof);
        return BadField(path.ToString(),
                        StrCat("only one of ", other->name(), " and ", plan.name, " may be set"));
      }
    }
    const bool descends =
        plan.kind == FieldKind::kMessage && !plan.repeated && !plan.map &&
        (plan.message->kind == MessageKind::kPlain || plan.message->kind == MessageKind::kEvent);
    if (collect == Collect::kYes && !descends) keys_->push_back(path.ToString());
    if (plan.map) return ReadMap(value, token, plan, path, depth, out);
    if (plan.repeated) return ReadRepeated(value, token, plan, path, depth, out);
    return ReadOne(value, token, plan, path, depth, collect, out);
  }

  // A value of another kind than the field's, unless it is no value at all.
  absl::Status WrongKind(ondemand::value& value, std::string_view token, const JsonPath& path,
                         std::string_view expected) {
    std::string storage;
    if (token != "{" && token != "[" && token != "null" && !ReadScalar(value, token, &storage)) {
      return values_.MalformedHere("a value is not well-formed");
    }
    return BadValue(path.ToString(), expected);
  }

  // One value of the field, which may be an item of a list.
  absl::Status ReadOne(ondemand::value& value, std::string_view token, const FieldPlan& plan,
                       const JsonPath& path, int depth, Collect collect, Message* out) {
    if (plan.kind == FieldKind::kMessage) {
      switch (plan.message->kind) {
        case MessageKind::kPlain:
        case MessageKind::kEvent:
        case MessageKind::kStruct:
        case MessageKind::kValue:
        case MessageKind::kListValue:
          return ReadSubMessage(value, token, plan, path, depth, collect, out);
        default:
          break;
      }
    }
    if (token == "null" || token == "{" || token == "[") {
      return WrongKind(value, token, path, Expected(plan));
    }
    std::string storage;
    const std::optional<Scalar> scalar = ReadScalar(value, token, &storage);
    if (!scalar) return values_.MalformedHere("a value is not well-formed");
    return StoreScalar(*scalar, plan, dialect_, path, out);
  }

  absl::Status ReadSubMessage(ondemand::value& value, std::string_view token, const FieldPlan& plan,
                              const JsonPath& path, int depth, Collect collect, Message* out) {
    const auto* reflection = out->GetReflection();
    Message* child = plan.repeated ? reflection->AddMessage(out, plan.field)
                                   : reflection->MutableMessage(out, plan.field);
    if (plan.message->kind == MessageKind::kValue) {
      return values_.ReadValue(value, static_cast<google::protobuf::Value*>(child), path, depth);
    }
    if (plan.message->kind == MessageKind::kListValue) {
      if (token != "[") return WrongKind(value, token, path, "a list");
      return values_.ReadList(value, static_cast<google::protobuf::ListValue*>(child), path,
                              depth + 1);
    }
    if (token != "{") return WrongKind(value, token, path, "an object");
    HEIM_RETURN_IF_ERROR(values_.CheckDepth(depth + 1));
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return values_.Malformed(error);
    if (plan.message->kind == MessageKind::kStruct) {
      return values_.ReadStruct(object, static_cast<google::protobuf::Struct*>(child), path,
                                depth + 1);
    }
    return ReadFields(object, *plan.message, path, depth + 1, collect, child);
  }

  absl::Status ReadRepeated(ondemand::value& value, std::string_view token, const FieldPlan& plan,
                            const JsonPath& path, int depth, Message* out) {
    if (token != "[") return WrongKind(value, token, path, "a list");
    HEIM_RETURN_IF_ERROR(values_.CheckDepth(depth + 1));
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return values_.Malformed(error);
    int index = 0;
    for (auto item : array) {
      ondemand::value element;
      if (const auto error = std::move(item).get(element)) return values_.Malformed(error);
      const JsonPath here{&path, "", index++};
      HEIM_RETURN_IF_ERROR(
          ReadOne(element, values_.Token(element), plan, here, depth + 1, Collect::kNo, out));
    }
    return absl::OkStatus();
  }

  absl::Status ReadMap(ondemand::value& value, std::string_view token, const FieldPlan& plan,
                       const JsonPath& path, int depth, Message* out) {
    if (token != "{") return WrongKind(value, token, path, "an object");
    HEIM_RETURN_IF_ERROR(values_.CheckDepth(depth + 1));
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return values_.Malformed(error);
    const FieldPlan& key_plan = plan.message->fields[0];
    const FieldPlan& value_plan = plan.message->fields[1];
    std::set<std::string, std::less<>> seen;
    for (auto item : object) {
      ObjectEntry entry;
      HEIM_RETURN_IF_ERROR(values_.ReadEntry(std::move(item), &entry));
      const JsonPath here{&path, entry.key};
      if (!seen.emplace(entry.key).second) return DuplicateKey(here.ToString());
      Message* pair = out->GetReflection()->AddMessage(out, plan.field);
      HEIM_RETURN_IF_ERROR(
          StoreScalar({Scalar::Kind::kUntyped, entry.key}, key_plan, dialect_, here, pair));
      HEIM_RETURN_IF_ERROR(ReadOne(entry.value, values_.Token(entry.value), value_plan, here,
                                   depth + 1, Collect::kNo, pair));
    }
    return absl::OkStatus();
  }

  static bool IsValueField(const FieldPlan& plan) {
    return plan.kind == FieldKind::kMessage && !plan.repeated && !plan.map &&
           plan.message->kind == MessageKind::kValue;
  }

  ondemand::document& document_;
  const Dialect dialect_;
  const bool ignore_unknown_;
  ValueReader values_;
  std::vector<std::string>* const keys_;
};

}  // namespace

absl::Status ParseJsonAt(std::string_view text, size_t shift, const JsonOptions& options,
                         Message* out, std::vector<std::string>* keys_present) {
  out->Clear();
  return WithDocument(text, shift, [&](ondemand::document& document, const char* base) {
    return Reader(options, document, base, shift, keys_present).ReadRoot(out);
  });
}

absl::Status ParseJson(std::string_view text, const JsonOptions& options, Message* out,
                       std::vector<std::string>* keys_present) {
  return ParseJsonAt(text, 0, options, out, keys_present);
}

}  // namespace heim
