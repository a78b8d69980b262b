// The HTTP bindings of the contract: google.api.http annotations, read from descriptors, checked
// once at start-up. Pure functions and values; any thread; never block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"

namespace heim {

// One segment of a path template: a literal (percent-decoded), or a variable that takes exactly one
// segment.
struct TemplateSegment {
  bool variable = false;
  // The literal, or the dotted path of the request field.
  std::string text;
};

// What a request's JSON body is.
enum class BodyMode { kNone, kWhole, kField };

// One binding: HTTP method and path of an RPC. An RPC with additional_bindings has several.
struct HttpBinding {
  const google::protobuf::MethodDescriptor* rpc = nullptr;
  std::string http_method;  // "GET"
  std::string path;         // the template as written
  std::vector<TemplateSegment> segments;
  BodyMode body = BodyMode::kNone;
  const google::protobuf::FieldDescriptor* body_field = nullptr;      // of the request; kField
  const google::protobuf::FieldDescriptor* response_field = nullptr;  // null: the whole response
};

// All bindings of the methods, in their order. FAILED_PRECONDITION, naming the method, on a
// template that this gateway cannot serve ("**", "{x=a/*}", ":verb"), on a variable, body or
// response_body that is no field of the right kind.
absl::StatusOr<std::vector<HttpBinding>> ReadHttpBindings(
    absl::Span<const google::protobuf::MethodDescriptor* const> methods);

// Every method of every service of heim.v1, from the built-in descriptors. INTERNAL when the code
// of one of them is not linked into the program.
absl::StatusOr<std::vector<const google::protobuf::MethodDescriptor*>> ContractMethods();

// Decodes %XX once; '+' stays. INVALID_HTTP for bad escapes and for what is no UTF-8.
absl::StatusOr<std::string> PercentDecode(std::string_view text);

// Name and value of one query parameter, decoded; '+' in a query is a space.
struct QueryParameter {
  std::string name;
  std::string value;
};

// Reads what follows the '?'. INVALID_HTTP as above, or for more than 1,024 parameters.
absl::StatusOr<std::vector<QueryParameter>> ParseQuery(std::string_view query);

}  // namespace heim
