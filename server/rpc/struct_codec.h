// StructCodec turns messages into the free values that `call` carries, and back. A small interface,
// so that rpc does not know JSON; wiring gives the gateway's codec. Thread-safe. Never blocks.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace heim {

class StructCodec {
 public:
  virtual ~StructCodec() = default;

  virtual absl::StatusOr<google::protobuf::Struct> ToStruct(
      const google::protobuf::Message& message) const = 0;
  // Strict: errors are those of a request body (UNKNOWN_FIELD, INVALID_ARGUMENT).
  virtual absl::Status ToMessage(const google::protobuf::Struct& value,
                                 google::protobuf::Message* message) const = 0;
};

}  // namespace heim
