// Messages and errors between protobuf, frames and gRPC's own types. Pure functions; any thread;
// never block.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "server/model/stream_call.h"

namespace heim {

// INVALID_ARGUMENT for bytes that are no such message (truncated, or text that is no UTF-8), which
// gRPC itself would answer with UNIMPLEMENTED.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> ParseMessage(
    const google::protobuf::Message& prototype, const grpc::ByteBuffer& bytes);

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message);

// The frames one after the other. Large ones are shared, not copied.
grpc::ByteBuffer JoinFrames(absl::Span<const FramePtr> frames);

// With a whole google.rpc.Status in the details, because some clients show only that.
grpc::Status ToGrpcStatus(const absl::Status& status, std::string_view request_id);

}  // namespace heim
