// MethodPlan is what the Invoker knows of a method beside its MethodInfo: fields of the request
// that mean the same wherever they stand, found once. CheckRequest is the part of a call that needs
// no one but the request. Made at start-up, then read-only; any thread; never blocks.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/method_table.h"
#include "server/rpc/metrics.h"
#include "server/service/call.h"

namespace heim {

struct MethodPlan {
  MethodPlan(const MethodInfo& method, Metrics& metrics);

  // How long the method may take when nobody said otherwise: a poll may wait as long as it asks.
  absl::Duration TimeFor(const google::protobuf::Message* request, absl::Duration usual) const;

  // The workspace that the first message of a stream names; empty: none.
  std::string WorkspaceOf(const google::protobuf::Message* request) const;

  const MethodInfo& method;
  std::unique_ptr<CallMetrics> metrics;
  const google::protobuf::FieldDescriptor* wait_ms = nullptr;
  const google::protobuf::FieldDescriptor* expected_revision = nullptr;
  const google::protobuf::FieldDescriptor* workspace_id = nullptr;
};

// Fills what headers said of the request, validates it and hashes it when there is an idempotency
// key (which is dropped where it means nothing).
absl::Status CheckRequest(const MethodPlan& plan, CallContext& context,
                          google::protobuf::Message& request);

// 1 to 128 of [A-Za-z0-9._-].
bool IsRequestId(std::string_view text);

}  // namespace heim
