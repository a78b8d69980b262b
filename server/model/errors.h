// Errors as callers see them: an absl::Status with a reason. The reason decides the code of the
// status; reason, fields, retry time and facts ride in its payload as a serialised heim.v1.Error.
// A status without that payload is a fault or comes from a library: its text goes to the log, never
// to a client. Pure functions and values; any thread; never block.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/error.pb.h"
#include "heim/v1/workspace.pb.h"

namespace heim {

// What heim.v1.error says of a reason. Code INTERNAL, 500 for UNSPECIFIED and unknown numbers.
struct ReasonInfo {
  absl::StatusCode code;
  int http_status;
  bool retryable;
  std::string json_code;  // "channel_not_found"
  std::string name;       // "CHANNEL_NOT_FOUND"
};
const ReasonInfo& InfoOf(v1::ErrorReason reason);

// An empty message gets a text that fits the reason.
absl::Status MakeError(v1::ErrorReason reason, std::string_view message = {});

// For errors that say more: ErrorBuilder(reason, message).Field("name", "too long").Build().
class ErrorBuilder {
 public:
  explicit ErrorBuilder(v1::ErrorReason reason, std::string_view message = {});

  // `path` in proto names with dots and [index].
  ErrorBuilder& Field(std::string_view path, std::string_view description);
  // Rounded up to milliseconds.
  ErrorBuilder& RetryAfter(absl::Duration delay);
  ErrorBuilder& Detail(std::string_view key, std::string_view value);
  ErrorBuilder& Detail(std::string_view key, double value);
  // A number up to 2^53 - 1, beyond that text.
  ErrorBuilder& Detail(std::string_view key, std::integral auto value) {
    return DetailInt(key, static_cast<int64_t>(value));
  }

  absl::Status Build() const;

 private:
  ErrorBuilder& DetailInt(std::string_view key, int64_t value);

  v1::ErrorReason reason_;
  v1::Error error_;
};

// INVALID_ARGUMENT with one field. InvalidField("idle_timeout", "5 s to 1 h") says what was
// expected; InvalidArgument("deltas", "must not hold NUL") says what is wrong.
absl::Status InvalidField(std::string_view field, std::string_view expected);
absl::Status InvalidArgument(std::string_view field, std::string_view description);

// The same error with one fact more. `status` must carry a reason.
absl::Status WithDetail(const absl::Status& status, std::string_view key, int64_t value);

// "X does not exist or you lack access": one text for what is missing and for what is hidden.
absl::Status NotFound(v1::ErrorReason reason);
absl::Status ActorNotFound();
absl::Status AgentNotFound();
absl::Status ChannelNotFound();
absl::Status FileNotFound();
absl::Status InviteNotFound();
absl::Status KeyNotFound();
absl::Status MemberNotFound();
absl::Status MessageNotFound();
absl::Status SessionNotFound();
absl::Status StreamNotFound();
absl::Status WorkspaceNotFound();

absl::Status Unauthenticated(std::string_view message);
// One text for whatever is wrong with an invite's code or a reset link.
absl::Status InviteInvalid();
absl::Status ResetTokenInvalid();
// `details.scope` names it.
absl::Status MissingScope(std::string_view scope);
// `details.role` names the least role that would do.
absl::Status ChannelRoleRequired(v1::ChannelRole least);
absl::Status WorkspaceRoleRequired(v1::WorkspaceRole least);
// `details.revision` is the current one.
absl::Status RevisionConflict(uint32_t current);

// The reason that the status carries; UNSPECIFIED for OK and for a status of another origin.
v1::ErrorReason ReasonOf(const absl::Status& status);

// The reason that a client is told: as ReasonOf, and for statuses of another origin CANCELLED,
// TIMEOUT, OVERLOADED (resource exhausted), STORE_UNAVAILABLE (unavailable), else INTERNAL.
v1::ErrorReason ShownReasonOf(const absl::Status& status);

// The error as fronts show it. The text of a status of another origin is replaced. `status` must
// not be OK.
v1::Error ToError(const absl::Status& status, std::string_view request_id);

// The same for gRPC: ErrorInfo with the reason in upper case, domain "heim" and the details as
// metadata; BadRequest for fields; RetryInfo; RequestInfo.
google::rpc::Status ToRpcStatus(const absl::Status& status, std::string_view request_id);

// 200 for OK.
int HttpStatusOf(const absl::Status& status);

// "channel_not_found".
std::string ReasonCode(v1::ErrorReason reason);

// Name of a role as JSON shows it: "admin".
std::string RoleName(v1::ChannelRole role);
std::string RoleName(v1::WorkspaceRole role);

}  // namespace heim
