#include "server/rpc/method_plan.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "server/base/crypto.h"
#include "server/base/status_macros.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/validate.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kRequestIdMaxBytes = 128;

const FieldDescriptor* Field(const Descriptor& type, const char* name,
                             FieldDescriptor::CppType cpp_type) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  if (field == nullptr || field->is_repeated() || field->cpp_type() != cpp_type) return nullptr;
  return field;
}

// The same request to another workspace is another one.
std::string HashOf(const CallContext& context, const Message& request) {
  std::string bytes = context.method;
  bytes.push_back('\0');
  bytes += context.caller.workspace_id.str();
  bytes.push_back('\0');
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&out);
  }
  return Sha256(bytes);
}

// The same revision in header and request is no contradiction.
absl::Status FillRevision(const MethodPlan& plan, const CallContext& context, Message& request) {
  if (!context.if_match.has_value() || plan.expected_revision == nullptr) return absl::OkStatus();
  const auto& reflection = *request.GetReflection();
  if (reflection.HasField(request, plan.expected_revision) &&
      reflection.GetUInt32(request, plan.expected_revision) != *context.if_match) {
    return InvalidArgument("expected_revision", "differs from If-Match");
  }
  reflection.SetUInt32(&request, plan.expected_revision, *context.if_match);
  return absl::OkStatus();
}

}  // namespace

MethodPlan::MethodPlan(const MethodInfo& info, Metrics& registry)
    : method(info),
      metrics(std::make_unique<CallMetrics>(registry, info.descriptor->full_name(),
                                            info.client_streaming() || info.server_streaming())) {
  const Descriptor& request = *info.descriptor->input_type();
  wait_ms = Field(request, "wait_ms", FieldDescriptor::CPPTYPE_UINT32);
  expected_revision = Field(request, "expected_revision", FieldDescriptor::CPPTYPE_UINT32);
  if (info.server_streaming() && !info.client_streaming()) {
    workspace_id = Field(request, "workspace_id", FieldDescriptor::CPPTYPE_STRING);
  }
}

absl::Duration MethodPlan::TimeFor(const Message* request, absl::Duration usual) const {
  if (wait_ms == nullptr || request == nullptr) return usual;
  const absl::Duration wait =
      absl::Milliseconds(request->GetReflection()->GetUInt32(*request, wait_ms));
  return usual + std::min(wait, kPollWaitMax);
}

std::string MethodPlan::WorkspaceOf(const Message* request) const {
  if (workspace_id == nullptr || request == nullptr) return "";
  return request->GetReflection()->GetString(*request, workspace_id);
}

absl::Status CheckRequest(const MethodPlan& plan, CallContext& context, Message& request) {
  HEIM_RETURN_IF_ERROR(FillRevision(plan, context, request));
  HEIM_RETURN_IF_ERROR(Validate(request));
  if (context.idempotency_key.empty()) return absl::OkStatus();
  // Keys are kept by actor, so without one there is nothing to keep them under.
  if (!plan.method.policy.idempotent() || !context.caller.authenticated()) {
    context.idempotency_key.clear();
    return absl::OkStatus();
  }
  if (context.idempotency_key.size() > kIdempotencyKeyMaxBytes) {
    return InvalidField("idempotency-key", "at most 128 bytes");
  }
  if (!IsValidUtf8(context.idempotency_key)) {
    return InvalidField("idempotency-key", "valid UTF-8");
  }
  context.request_hash = HashOf(context, request);
  return absl::OkStatus();
}

bool IsRequestId(std::string_view text) {
  return !text.empty() && text.size() <= kRequestIdMaxBytes &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

}  // namespace heim
