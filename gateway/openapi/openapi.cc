#include "gateway/openapi/openapi.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "gateway/http/http_rule.h"
#include "gateway/openapi/schema.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "heim/v1/descriptors.h"
#include "heim/v1/options.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

constexpr char kJson[] = "application/json";
constexpr char kBinary[] = "application/octet-stream";

OrderedJson BinarySchema() { return {{"type", "string"}, {"format", "binary"}}; }

OrderedJson Content(const char* type, OrderedJson schema) {
  OrderedJson out;
  out[type]["schema"] = std::move(schema);
  return out;
}

// Makes the operation of one binding.
class OperationBuilder {
 public:
  OperationBuilder(const HttpBinding& binding, SchemaBuilder* schemas)
      : binding_(binding),
        policy_(binding.rpc->options().GetExtension(v1::policy)),
        schemas_(schemas) {
    for (const TemplateSegment& segment : binding.segments) {
      if (segment.variable) variables_.insert(segment.text);
    }
  }

  OrderedJson Build(const std::string& operation_id) {
    const std::string comment = CommentOf(binding_.rpc);
    OrderedJson out;
    out["operationId"] = operation_id;
    out["tags"] = {binding_.rpc->service()->name()};
    out["summary"] = comment.substr(0, comment.find(". "));
    out["description"] = comment;
    OrderedJson parameters = Parameters();
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    if (binding_.body != BodyMode::kNone) out["requestBody"] = RequestBody();
    const uint32_t status = policy_.http_status() == 0 ? 200 : policy_.http_status();
    out["responses"][StrCat(status)] = Response();
    out["responses"]["default"] = {{"$ref", "#/components/responses/Error"}};
    if (policy_.public_()) {
      out["security"] = OrderedJson::array();
    } else if (policy_.scopes_size() > 0) {
      OrderedJson scopes = OrderedJson::array();
      for (const std::string& scope : policy_.scopes()) scopes.push_back(scope);
      OrderedJson bearer;
      bearer["bearer"] = scopes;
      OrderedJson cookie;
      cookie["cookie"] = std::move(scopes);
      out["security"] = {std::move(bearer), std::move(cookie)};
    }
    return out;
  }

 private:
  static OrderedJson Parameter(const char* where, const std::string& name, OrderedJson schema,
                               const std::string& comment, bool required) {
    OrderedJson out;
    out["name"] = name;
    out["in"] = where;
    if (required) out["required"] = true;
    if (!comment.empty()) out["description"] = comment;
    out["schema"] = std::move(schema);
    return out;
  }

  bool IsRawUpload() const { return policy_.has_raw_body() && binding_.rpc->client_streaming(); }

  OrderedJson Parameters() {
    OrderedJson out = OrderedJson::array();
    const Descriptor* request = binding_.rpc->input_type();
    for (const std::string& name : variables_) {
      const FieldDescriptor* field = request->FindFieldByName(name);
      if (field == nullptr) continue;
      out.push_back(Parameter("path", name, schemas_->OfField(field), CommentOf(field), true));
    }
    if (IsRawUpload()) {
      out.push_back(Parameter("query", "filename", {{"type", "string"}},
                              "Name of the file, of a raw body.", false));
      for (int i = 0; i < request->field_count(); ++i) {
        if (request->field(i)->containing_oneof() == nullptr) AddQuery(request->field(i), &out);
      }
    } else if (binding_.body != BodyMode::kWhole) {
      for (int i = 0; i < request->field_count(); ++i) AddQuery(request->field(i), &out);
    }
    if (policy_.idempotent()) {
      out.push_back({{"$ref", "#/components/parameters/IdempotencyKey"}});
    }
    return out;
  }

  void AddQuery(const FieldDescriptor* field, OrderedJson* out) {
    if (variables_.count(field->name()) > 0 || field == binding_.body_field) return;
    const bool message = field->message_type() != nullptr;
    if (message && field->message_type()->file()->package() != "google.protobuf") return;
    if (message && field->message_type()->name() == "Struct") return;
    out->push_back(Parameter("query", field->name(), schemas_->OfField(field), CommentOf(field),
                             field->options().GetExtension(v1::rules).required()));
  }

  OrderedJson RequestBody() {
    OrderedJson out;
    if (IsRawUpload()) {
      out["content"] = Content(kBinary, BinarySchema());
      if (policy_.raw_body().multipart()) {
        OrderedJson form;
        form["type"] = "object";
        form["properties"]["file"] = BinarySchema();
        out["content"].update(Content("multipart/form-data", std::move(form)));
      }
      out["required"] = true;
      return out;
    }
    if (binding_.body == BodyMode::kField) {
      out["content"] = Content(kJson, schemas_->Reference(binding_.body_field->message_type()));
      out["required"] = true;
      return out;
    }
    OrderedJson schema = schemas_->OfObject(
        binding_.rpc->input_type(),
        [this](const FieldDescriptor* field) { return variables_.count(field->name()) == 0; });
    if (schema.contains("required")) out["required"] = true;
    out["content"] = Content(kJson, std::move(schema));
    return out;
  }

  OrderedJson Response() {
    OrderedJson out;
    const Descriptor* response = binding_.rpc->output_type();
    if (policy_.has_raw_body() && binding_.rpc->server_streaming()) {
      out["description"] = "The bytes.";
      out["content"] = Content("*/*", BinarySchema());
    } else if (binding_.rpc->server_streaming()) {
      out["description"] = CommentOf(response);
      out["content"] = Content("text/event-stream", {{"type", "string"}});
    } else {
      const Descriptor* shown =
          binding_.response_field == nullptr ? response : binding_.response_field->message_type();
      out["description"] = CommentOf(shown);
      out["content"] = Content(kJson, schemas_->Reference(shown));
    }
    return out;
  }

  const HttpBinding& binding_;
  const v1::MethodPolicy& policy_;
  SchemaBuilder* const schemas_;
  std::set<std::string> variables_;
};

OrderedJson SecuritySchemes() {
  OrderedJson out;
  out["bearer"] = {{"type", "http"},
                   {"scheme", "bearer"},
                   {"description", "A session token, an agent's key or a personal token."}};
  out["cookie"] = {{"type", "apiKey"},
                   {"in", "cookie"},
                   {"name", "heim_session"},
                   {"description",
                    "Set by Login. Calls that change something also need the X-Heim-CSRF header "
                    "and a same-origin Origin."}};
  return out;
}

OrderedJson Components(const Descriptor* error, SchemaBuilder* schemas) {
  OrderedJson body;
  body["type"] = "object";
  body["properties"]["error"] = schemas->Reference(error);
  body["required"] = {"error"};
  OrderedJson out;
  out["securitySchemes"] = SecuritySchemes();
  out["parameters"]["IdempotencyKey"] = {
      {"name", "Idempotency-Key"},
      {"in", "header"},
      {"description", "A repeat with the same key within 24 hours gets the first answer."},
      {"schema", {{"type", "string"}, {"maxLength", 128}}}};
  out["responses"]["Error"]["description"] = "The call failed; `error.code` says why.";
  out["responses"]["Error"]["content"] = Content(kJson, std::move(body));
  out["schemas"] = schemas->TakeComponents();
  return out;
}

OrderedJson Tag(const ServiceDescriptor* service) {
  return {{"name", service->name()}, {"description", CommentOf(service)}};
}

OrderedJson Paths(const std::vector<HttpBinding>& bindings, SchemaBuilder* schemas) {
  OrderedJson out = OrderedJson::object();
  std::set<std::string> ids;
  for (const HttpBinding& binding : bindings) {
    const std::string base = StrCat(binding.rpc->service()->name(), "_", binding.rpc->name());
    std::string id = base;
    for (int i = 2; !ids.insert(id).second; ++i) id = StrCat(base, "_", i);
    out[binding.path][AsciiLower(binding.http_method)] =
        OperationBuilder(binding, schemas).Build(id);
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> BuildOpenApi(std::string_view server_version) {
  // A pool of its own, because the descriptors that are linked in have no comments.
  google::protobuf::FileDescriptorSet set;
  const std::string_view bytes = DescriptorSet();
  if (!set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InternalError("the built-in descriptors cannot be read");
  }
  google::protobuf::SimpleDescriptorDatabase database;
  for (const auto& file : set.file()) database.Add(file);
  const google::protobuf::DescriptorPool pool(&database);

  OrderedJson tags = OrderedJson::array();
  std::vector<const MethodDescriptor*> methods;
  for (const auto& file : set.file()) {
    if (file.package() != "heim.v1") continue;
    for (const auto& declared : file.service()) {
      const auto* service = pool.FindServiceByName(StrCat(file.package(), ".", declared.name()));
      if (service == nullptr) return absl::InternalError("the built-in descriptors are incomplete");
      tags.push_back(Tag(service));
      for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
    }
  }
  const Descriptor* error = pool.FindMessageTypeByName("heim.v1.Error");
  if (error == nullptr) return absl::InternalError("the built-in descriptors are incomplete");
  HEIM_ASSIGN_OR_RETURN(const std::vector<HttpBinding> bindings, ReadHttpBindings(methods));

  SchemaBuilder schemas;
  OrderedJson out;
  out["openapi"] = "3.1.0";
  out["info"] = {{"title", "Heim"},
                 {"version", std::string(server_version)},
                 {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  OrderedJson bearer;
  bearer["bearer"] = OrderedJson::array();
  OrderedJson cookie;
  cookie["cookie"] = OrderedJson::array();
  out["security"] = {std::move(bearer), std::move(cookie)};
  out["tags"] = std::move(tags);
  out["paths"] = Paths(bindings, &schemas);
  out["components"] = Components(error, &schemas);
  return out.dump();
}

}  // namespace heim
