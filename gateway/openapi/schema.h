// JSON Schema of Heim JSON, from descriptors. Part of the OpenAPI document's making: one builder
// for each document, on its maker's stack. Not thread-safe; never blocks.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace heim {

using OrderedJson = nlohmann::ordered_json;

// The comment above a declaration, its lines joined; empty when there is none.
template <typename Descriptor>
std::string CommentOf(const Descriptor* descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor->GetSourceLocation(&location)) return "";
  std::string out;
  for (const char c : location.leading_comments) {
    if (c == '\n') {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
    } else if (c != ' ' || (!out.empty() && out.back() != ' ')) {
      out.push_back(c);
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

class SchemaBuilder {
 public:
  using Keep = std::function<bool(const google::protobuf::FieldDescriptor*)>;

  // A reference to the message's schema, which is added to the components.
  OrderedJson Reference(const google::protobuf::Descriptor* message);
  // The schema of a field's value, a list included.
  OrderedJson OfField(const google::protobuf::FieldDescriptor* field);
  // An object with those fields of the message that `keep` wants, in place.
  OrderedJson OfObject(const google::protobuf::Descriptor* message, const Keep& keep);

  // All schemas that were referred to, by name.
  OrderedJson TakeComponents();

 private:
  OrderedJson OfSingular(const google::protobuf::FieldDescriptor* field);
  OrderedJson ReferenceToEnum(const google::protobuf::EnumDescriptor* enumeration);
  OrderedJson Pointer(const std::string& name) const;

  std::map<std::string, OrderedJson> components_;
};

}  // namespace heim
