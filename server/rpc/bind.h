// MethodTable::Bind: types of a handler against types of the descriptor. Included by method_table.h
// only.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "server/rpc/method_table.h"

namespace heim {
namespace bind_internal {

template <typename T>
struct Traits;

template <typename S, typename Req, typename Resp>
struct Traits<void (S::*)(CallContext&, const Req&, Reply<Resp>)> {
  using Service = S;
  using Request = Req;
  using Response = Resp;
};

template <typename S>
struct Traits<absl::StatusOr<std::shared_ptr<StreamCall>> (S::*)(std::shared_ptr<CallContext>)> {
  using Service = S;
};

}  // namespace bind_internal

template <auto Handler, typename Service>
void MethodTable::Bind(std::string_view full_name, Service& service) {
  using T = bind_internal::Traits<decltype(Handler)>;
  MethodInfo* slot = Slot(full_name);
  HEIM_CHECK(slot != nullptr);
  HEIM_CHECK(!slot->bound());
  if constexpr (!requires { typename T::Request; }) {
    HEIM_CHECK(slot->client_streaming());
    slot->client_stream = [&service](std::shared_ptr<CallContext> context) {
      return (service.*Handler)(std::move(context));
    };
  } else {
    using RequestType = typename T::Request;
    using ResponseType = typename T::Response;
    HEIM_CHECK(!slot->client_streaming());
    HEIM_CHECK(slot->descriptor->input_type() == RequestType::descriptor());
    if constexpr (std::is_same_v<ResponseType, std::shared_ptr<FrameSource>>) {
      HEIM_CHECK(slot->server_streaming());
      slot->server_stream = [&service](CallContext& context,
                                       const google::protobuf::Message& request, StreamDone done) {
        (service.*Handler)(context, static_cast<const RequestType&>(request),
                           Reply<ResponseType>(std::move(done)));
      };
    } else {
      HEIM_CHECK(!slot->server_streaming());
      HEIM_CHECK(slot->descriptor->output_type() == ResponseType::descriptor());
      slot->unary = [&service](CallContext& context, const google::protobuf::Message& request,
                               UnaryDone done) {
        Reply<ResponseType> reply(
            [done = std::move(done)](absl::StatusOr<ResponseType> answer) mutable {
              if (!answer.ok()) return done(answer.status());
              done(std::make_unique<ResponseType>(*std::move(answer)));
            });
        (service.*Handler)(context, static_cast<const RequestType&>(request), std::move(reply));
      };
    }
  }
}

}  // namespace heim
