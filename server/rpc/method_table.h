// MethodTable maps a method's full name to descriptor, policy and typed handler. Filled once at
// start-up from the descriptors and by Bind; afterwards read-only and shared by all fronts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "heim/v1/options.pb.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"

namespace heim {

// Answer of a unary handler before it is typed away.
using UnaryDone =
    absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<google::protobuf::Message>>)>;
using StreamDone = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<FrameSource>>)>;

struct MethodInfo {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  v1::MethodPolicy policy;
  const google::protobuf::Message* request_prototype = nullptr;
  const google::protobuf::Message* response_prototype = nullptr;

  // Exactly one is set, by the method's kind.
  std::function<void(CallContext&, const google::protobuf::Message&, UnaryDone)> unary;
  std::function<void(CallContext&, const google::protobuf::Message&, StreamDone)> server_stream;
  // Client-streaming and bidirectional. The call keeps the context.
  std::function<absl::StatusOr<std::shared_ptr<StreamCall>>(std::shared_ptr<CallContext>)>
      client_stream;

  bool client_streaming() const { return descriptor->client_streaming(); }
  bool server_streaming() const { return descriptor->server_streaming(); }
  bool bound() const {
    return unary != nullptr || server_stream != nullptr || client_stream != nullptr;
  }
};

class MethodTable {
 public:
  // Lists every method of every service of package heim.v1 that is linked in. Fails, naming it, on
  // a method without policy and on whatever CheckMethodPolicies finds.
  static absl::StatusOr<std::unique_ptr<MethodTable>> Create();
  // The same for some services only: for tests.
  static absl::StatusOr<std::unique_ptr<MethodTable>> CreateFrom(
      absl::Span<const google::protobuf::ServiceDescriptor* const> services);

  // Binds `&Service::Method` (a handler of the shape of service/call.h) to the RPC of that name.
  // The kind follows from the handler's type; request and response types must be the descriptor's
  // (checked; a mismatch stops the start-up).
  //   table.Bind<&MessageService::SendMessage>("heim.v1.MessageService.SendMessage", service);
  template <auto Handler, typename Service>
  void Bind(std::string_view full_name, Service& service);

  // FAILED_PRECONDITION naming the first method without handler.
  absl::Status CheckComplete() const;

  // Null when there is none. "heim.v1.X.Y" and "/heim.v1.X/Y" are both taken.
  const MethodInfo* Find(std::string_view full_name) const;
  // The unary method whose request has this type; null when there is none (requests are unique to a
  // method).
  const MethodInfo* FindByRequest(const google::protobuf::Descriptor* request) const;
  // In the order of the descriptors.
  const std::vector<const MethodInfo*>& methods() const { return order_; }

 private:
  MethodInfo* Slot(std::string_view full_name);

  std::map<std::string, MethodInfo, std::less<>> by_name_;
  std::vector<const MethodInfo*> order_;
  std::map<const google::protobuf::Descriptor*, const MethodInfo*> by_request_;
};

}  // namespace heim

#include "server/rpc/bind.h"  // IWYU pragma: export
