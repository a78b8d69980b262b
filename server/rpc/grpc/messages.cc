#include "server/rpc/grpc/messages.h"

#include <string>
#include <utility>
#include <vector>

#include "google/rpc/status.pb.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/frame.h"

namespace heim {
namespace {

// Below this a copy costs less than a shared slice and its counters.
constexpr size_t kShareFromBytes = 1024;

// Details travel in a header, in base64; clients refuse more than 8 KiB of headers by default.
constexpr size_t kDetailsMaxBytes = 5 << 10;
constexpr size_t kTextMaxBytes = 1 << 10;

void DropFrame(void* frame) { delete static_cast<FramePtr*>(frame); }

grpc::Slice ShareFrame(const FramePtr& frame) {
  const std::string_view bytes = frame->proto();
  // The slice only reads.
  return grpc::Slice(const_cast<char*>(bytes.data()), bytes.size(), &DropFrame,
                     new FramePtr(frame));
}

absl::Status Malformed(const google::protobuf::Message& prototype) {
  return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT,
                   StrCat("The bytes are no ", prototype.GetDescriptor()->full_name()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<google::protobuf::Message>> ParseMessage(
    const google::protobuf::Message& prototype, const grpc::ByteBuffer& bytes) {
  std::unique_ptr<google::protobuf::Message> message(prototype.New());
  grpc::Slice slice;
  if (bytes.TrySingleSlice(&slice).ok()) {
    if (!message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
      return Malformed(prototype);
    }
    return message;
  }
  grpc::ByteBuffer copy(bytes);  // a reference; the reader takes a buffer that is not const
  grpc::ProtoBufferReader reader(&copy);
  if (!reader.status().ok() || !message->ParseFromZeroCopyStream(&reader) ||
      !reader.status().ok()) {
    return Malformed(prototype);
  }
  return message;
}

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message) {
  const size_t size = message.ByteSizeLong();
  grpc::Slice slice(size);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer JoinFrames(absl::Span<const FramePtr> frames) {
  std::vector<grpc::Slice> slices;
  std::string small;
  const auto flush = [&] {
    if (!small.empty()) slices.emplace_back(small.data(), small.size());
    small.clear();
  };
  for (const FramePtr& frame : frames) {
    const std::string_view bytes = frame->proto();
    if (bytes.size() < kShareFromBytes) {
      small.append(bytes);
    } else {
      flush();
      slices.push_back(ShareFrame(frame));
    }
  }
  flush();
  if (slices.empty()) slices.emplace_back();
  return grpc::ByteBuffer(slices.data(), slices.size());
}

grpc::Status ToGrpcStatus(const absl::Status& status, std::string_view request_id) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details = ToRpcStatus(status, request_id);
  if (details.message().size() > kTextMaxBytes) details.mutable_message()->resize(kTextMaxBytes);
  // ErrorInfo stands first and stays.
  while (details.details_size() > 1 && details.ByteSizeLong() > kDetailsMaxBytes) {
    details.mutable_details()->RemoveLast();
  }
  if (details.ByteSizeLong() > kDetailsMaxBytes) details.clear_details();
  return grpc::Status(static_cast<grpc::StatusCode>(details.code()), details.message(),
                      details.SerializeAsString());
}

}  // namespace heim
