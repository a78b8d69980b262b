#include "server/rpc/method_table.h"

#include <algorithm>
#include <utility>

#include "google/protobuf/descriptor.pb.h"
#include "heim/v1/descriptors.h"
#include "heim/v1/event_service.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/validate.h"
#include "server/rpc/ack.h"

namespace heim {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

constexpr char kPackage[] = "heim.v1";

absl::Status Fault(const MethodDescriptor& method, std::string_view what) {
  return absl::FailedPreconditionError(StrCat(method.full_name(), " ", what));
}

// The generated pool cannot be listed, so the embedded descriptor set says what there should be.
absl::StatusOr<std::vector<const ServiceDescriptor*>> LinkedServices() {
  google::protobuf::FileDescriptorSet set;
  const std::string_view bytes = DescriptorSet();
  if (!set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InternalError("the embedded descriptor set does not parse");
  }
  std::vector<const ServiceDescriptor*> services;
  for (const FileDescriptorProto& file : set.file()) {
    if (file.package() != kPackage || file.service_size() == 0) continue;
    const FileDescriptor* linked = DescriptorPool::generated_pool()->FindFileByName(file.name());
    if (linked == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(
          kPackage, ".", file.service(0).name(), " is declared, but nothing of it is linked in"));
    }
    for (int i = 0; i < linked->service_count(); ++i) services.push_back(linked->service(i));
  }
  return services;
}

absl::Status CheckMethod(const MethodInfo& info) {
  const MethodDescriptor& method = *info.descriptor;
  if (!method.options().HasExtension(v1::policy)) return Fault(method, "has no policy");
  if (!info.policy.websocket_path().empty() &&
      !(info.client_streaming() && info.server_streaming())) {
    return Fault(method, "has a websocket_path but does not stream both ways");
  }
  if (info.policy.callable() && (info.client_streaming() || info.server_streaming())) {
    return Fault(method, "is callable but streams");
  }
  if (const absl::Status status = CheckAckPaths(info.policy, *method.output_type()); !status.ok()) {
    return Fault(method, ToStd(status.message()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<MethodTable>> MethodTable::Create() {
  HEIM_ASSIGN_OR_RETURN(const std::vector<const ServiceDescriptor*> services, LinkedServices());
  return CreateFrom(services);
}

absl::StatusOr<std::unique_ptr<MethodTable>> MethodTable::CreateFrom(
    absl::Span<const ServiceDescriptor* const> services) {
  HEIM_RETURN_IF_ERROR(CheckMethodPolicies(services));
  auto table = std::unique_ptr<MethodTable>(new MethodTable());
  for (const ServiceDescriptor* service : services) {
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* method = service->method(i);
      MethodInfo& info = table->by_name_[method->full_name()];
      info.descriptor = method;
      info.policy = method->options().GetExtension(v1::policy);
      MessageFactory* factory = MessageFactory::generated_factory();
      info.request_prototype = factory->GetPrototype(method->input_type());
      info.response_prototype = factory->GetPrototype(method->output_type());
      HEIM_RETURN_IF_ERROR(CheckMethod(info));
      table->order_.push_back(&info);
      if (info.client_streaming() || info.server_streaming()) continue;
      if (!table->by_request_.emplace(method->input_type(), &info).second) {
        return Fault(*method, "shares its request with another method");
      }
    }
  }
  return table;
}

absl::Status MethodTable::CheckComplete() const {
  for (const MethodInfo* info : order_) {
    if (!info->bound()) return Fault(*info->descriptor, "has no handler");
  }
  return absl::OkStatus();
}

const MethodInfo* MethodTable::Find(std::string_view full_name) const {
  if (!full_name.empty() && full_name.front() == '/') {
    std::string dotted(full_name.substr(1));
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    return Find(dotted);
  }
  const auto found = by_name_.find(full_name);
  return found == by_name_.end() ? nullptr : &found->second;
}

const MethodInfo* MethodTable::FindByRequest(const google::protobuf::Descriptor* request) const {
  const auto found = by_request_.find(request);
  return found == by_request_.end() ? nullptr : found->second;
}

MethodInfo* MethodTable::Slot(std::string_view full_name) {
  const auto found = by_name_.find(full_name);
  return found == by_name_.end() ? nullptr : &found->second;
}

}  // namespace heim
