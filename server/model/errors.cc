#include "server/model/errors.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "heim/v1/options.pb.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr char kPayloadUrl[] = "type.googleapis.com/heim.v1.Error";
constexpr std::string_view kReasonPrefix = "ERROR_REASON_";
constexpr char kDomain[] = "heim";
constexpr int64_t kExactIntegerMax = (int64_t{1} << 53) - 1;

std::vector<ReasonInfo> MakeTable() {
  const google::protobuf::EnumDescriptor* reasons = v1::ErrorReason_descriptor();
  std::vector<ReasonInfo> table(v1::ErrorReason_ARRAYSIZE,
                                {absl::StatusCode::kInternal, 500, false, "internal", "INTERNAL"});
  for (int i = 0; i < reasons->value_count(); ++i) {
    const google::protobuf::EnumValueDescriptor* value = reasons->value(i);
    if (value->number() == v1::ERROR_REASON_UNSPECIFIED) continue;
    const v1::ErrorRule& rule = value->options().GetExtension(v1::error);
    const std::string name = value->name().substr(kReasonPrefix.size());
    table[static_cast<size_t>(value->number())] = {
        static_cast<absl::StatusCode>(rule.grpc_code()), static_cast<int>(rule.http_status()),
        rule.retryable(), absl::AsciiStrToLower(name), name};
  }
  return table;
}

std::string StatusName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

// "channel not found" of CHANNEL_NOT_FOUND.
std::string PlainText(v1::ErrorReason reason) {
  std::string text = InfoOf(reason).json_code;
  std::replace(text.begin(), text.end(), '_', ' ');
  if (!text.empty()) text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  return text;
}

// "Channel" of CHANNEL_NOT_FOUND; nothing for other reasons.
std::string_view SubjectOf(v1::ErrorReason reason) {
  switch (reason) {
    case v1::ERROR_REASON_ACTOR_NOT_FOUND:
      return "Actor";
    case v1::ERROR_REASON_CHANNEL_NOT_FOUND:
      return "Channel";
    case v1::ERROR_REASON_MESSAGE_NOT_FOUND:
      return "Message";
    case v1::ERROR_REASON_MEMBER_NOT_FOUND:
      return "Member";
    case v1::ERROR_REASON_FILE_NOT_FOUND:
      return "File";
    case v1::ERROR_REASON_AGENT_NOT_FOUND:
      return "Agent";
    case v1::ERROR_REASON_KEY_NOT_FOUND:
      return "Key";
    case v1::ERROR_REASON_STREAM_NOT_FOUND:
      return "Stream";
    case v1::ERROR_REASON_TASK_NOT_FOUND:
      return "Task";
    case v1::ERROR_REASON_APPROVAL_NOT_FOUND:
      return "Approval";
    case v1::ERROR_REASON_RUN_NOT_FOUND:
      return "Run";
    case v1::ERROR_REASON_WEBHOOK_NOT_FOUND:
      return "Webhook";
    case v1::ERROR_REASON_WORKSPACE_NOT_FOUND:
      return "Workspace";
    case v1::ERROR_REASON_INVITE_NOT_FOUND:
      return "Invite";
    default:
      return "";
  }
}

std::string DefaultText(v1::ErrorReason reason) {
  const std::string_view subject = SubjectOf(reason);
  if (!subject.empty()) return StrCat(subject, " does not exist or you lack access");
  return PlainText(reason);
}

// What a client reads in place of a text that was not written for it.
std::string NeutralText(v1::ErrorReason reason) {
  switch (reason) {
    case v1::ERROR_REASON_CANCELLED:
      return "The call was cancelled";
    case v1::ERROR_REASON_TIMEOUT:
      return "The deadline passed before the answer; the change may have happened";
    case v1::ERROR_REASON_OVERLOADED:
      return "The server has too much to do; try again shortly";
    case v1::ERROR_REASON_STORE_UNAVAILABLE:
      return "The service is not available; try again shortly";
    default:
      return "The server made a mistake; its log has the request id";
  }
}

std::optional<v1::Error> PayloadOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  v1::Error error;
  if (!error.ParseFromString(std::string(*payload))) return std::nullopt;
  return error;
}

absl::Status MakeStatus(v1::ErrorReason reason, const v1::Error& error) {
  absl::Status status(InfoOf(reason).code, error.message());
  status.SetPayload(kPayloadUrl, absl::Cord(error.SerializeAsString()));
  return status;
}

v1::ErrorReason ReasonOfCode(const std::string& code) {
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  v1::ErrorReason_Parse(StrCat(kReasonPrefix, absl::AsciiStrToUpper(code)), &reason);
  return reason;
}

google::protobuf::Value& DetailIn(v1::Error* error, std::string_view key) {
  return (*error->mutable_details()->mutable_fields())[std::string(key)];
}

void SetInteger(int64_t number, google::protobuf::Value* value) {
  if (number > kExactIntegerMax || number < -kExactIntegerMax) {
    value->set_string_value(absl::StrCat(number));
  } else {
    value->set_number_value(static_cast<double>(number));
  }
}

std::string TextOf(const google::protobuf::Value& value) {
  if (value.kind_case() == google::protobuf::Value::kStringValue) return value.string_value();
  const double number = value.number_value();
  if (number == std::floor(number) && std::abs(number) <= static_cast<double>(kExactIntegerMax)) {
    return absl::StrCat(static_cast<int64_t>(number));
  }
  return absl::StrCat(number);
}

std::string EnumName(const google::protobuf::EnumDescriptor* type, int number,
                     std::string_view prefix) {
  const google::protobuf::EnumValueDescriptor* value = type->FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  return absl::AsciiStrToLower(value->name().substr(prefix.size()));
}

}  // namespace

const ReasonInfo& InfoOf(v1::ErrorReason reason) {
  static const auto& table = *new std::vector<ReasonInfo>(MakeTable());
  const auto at = static_cast<size_t>(reason);
  return at < table.size() ? table[at] : table[v1::ERROR_REASON_UNSPECIFIED];
}

absl::Status MakeError(v1::ErrorReason reason, std::string_view message) {
  return ErrorBuilder(reason, message).Build();
}

ErrorBuilder::ErrorBuilder(v1::ErrorReason reason, std::string_view message) : reason_(reason) {
  error_.set_code(InfoOf(reason).json_code);
  error_.set_message(message.empty() ? DefaultText(reason) : std::string(message));
}

ErrorBuilder& ErrorBuilder::Field(std::string_view path, std::string_view description) {
  v1::FieldViolation& violation = *error_.add_fields();
  violation.set_field(std::string(path));
  violation.set_description(std::string(description));
  return *this;
}

ErrorBuilder& ErrorBuilder::RetryAfter(absl::Duration delay) {
  const absl::Duration ceiling = absl::Ceil(delay, absl::Milliseconds(1));
  error_.set_retry_after_ms(std::max<int64_t>(0, absl::ToInt64Milliseconds(ceiling)));
  return *this;
}

ErrorBuilder& ErrorBuilder::Detail(std::string_view key, std::string_view value) {
  DetailIn(&error_, key).set_string_value(std::string(value));
  return *this;
}

ErrorBuilder& ErrorBuilder::Detail(std::string_view key, double value) {
  DetailIn(&error_, key).set_number_value(value);
  return *this;
}

ErrorBuilder& ErrorBuilder::DetailInt(std::string_view key, int64_t value) {
  SetInteger(value, &DetailIn(&error_, key));
  return *this;
}

absl::Status ErrorBuilder::Build() const { return MakeStatus(reason_, error_); }

absl::Status InvalidField(std::string_view field, std::string_view expected) {
  return InvalidArgument(field, StrCat("expected ", expected));
}

absl::Status InvalidArgument(std::string_view field, std::string_view description) {
  return ErrorBuilder(v1::ERROR_REASON_INVALID_ARGUMENT, StrCat(field, ": ", description))
      .Field(field, description)
      .Build();
}

absl::Status WithDetail(const absl::Status& status, std::string_view key, int64_t value) {
  std::optional<v1::Error> error = PayloadOf(status);
  if (!error.has_value()) return status;
  SetInteger(value, &DetailIn(&*error, key));
  return MakeStatus(ReasonOfCode(error->code()), *error);
}

absl::Status NotFound(v1::ErrorReason reason) { return MakeError(reason); }
absl::Status ActorNotFound() { return NotFound(v1::ERROR_REASON_ACTOR_NOT_FOUND); }
absl::Status AgentNotFound() { return NotFound(v1::ERROR_REASON_AGENT_NOT_FOUND); }
absl::Status ChannelNotFound() { return NotFound(v1::ERROR_REASON_CHANNEL_NOT_FOUND); }
absl::Status FileNotFound() { return NotFound(v1::ERROR_REASON_FILE_NOT_FOUND); }
absl::Status InviteNotFound() { return NotFound(v1::ERROR_REASON_INVITE_NOT_FOUND); }
absl::Status KeyNotFound() { return NotFound(v1::ERROR_REASON_KEY_NOT_FOUND); }
absl::Status MemberNotFound() { return NotFound(v1::ERROR_REASON_MEMBER_NOT_FOUND); }
absl::Status MessageNotFound() { return NotFound(v1::ERROR_REASON_MESSAGE_NOT_FOUND); }
absl::Status SessionNotFound() { return NotFound(v1::ERROR_REASON_SESSION_NOT_FOUND); }
absl::Status StreamNotFound() { return NotFound(v1::ERROR_REASON_STREAM_NOT_FOUND); }
absl::Status WorkspaceNotFound() { return NotFound(v1::ERROR_REASON_WORKSPACE_NOT_FOUND); }

absl::Status InviteInvalid() {
  return MakeError(v1::ERROR_REASON_INVITE_INVALID,
                   "The invite is wrong, revoked, used up or too old");
}

absl::Status ResetTokenInvalid() {
  return MakeError(v1::ERROR_REASON_RESET_TOKEN_INVALID,
                   "The reset link is wrong, used or too old; ask for a new one");
}

absl::Status Unauthenticated(std::string_view message) {
  return MakeError(v1::ERROR_REASON_UNAUTHENTICATED, message);
}

absl::Status MissingScope(std::string_view scope) {
  return ErrorBuilder(v1::ERROR_REASON_MISSING_SCOPE,
                      StrCat("The credential lacks the scope ", scope))
      .Detail("scope", scope)
      .Build();
}

absl::Status ChannelRoleRequired(v1::ChannelRole least) {
  const std::string role = RoleName(least);
  return ErrorBuilder(v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED,
                      absl::StrCat("This needs the role ", role, " or above in the channel"))
      .Detail("role", std::string_view(role))
      .Build();
}

absl::Status WorkspaceRoleRequired(v1::WorkspaceRole least) {
  const std::string role = RoleName(least);
  return ErrorBuilder(v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED,
                      absl::StrCat("This needs the role ", role, " or above in the workspace"))
      .Detail("role", std::string_view(role))
      .Build();
}

absl::Status RevisionConflict(uint32_t current) {
  return ErrorBuilder(v1::ERROR_REASON_REVISION_CONFLICT,
                      absl::StrCat("The resource is at revision ", current, " now; read it again"))
      .Detail("revision", current)
      .Build();
}

v1::ErrorReason ReasonOf(const absl::Status& status) {
  const std::optional<v1::Error> error = PayloadOf(status);
  return error.has_value() ? ReasonOfCode(error->code()) : v1::ERROR_REASON_UNSPECIFIED;
}

v1::ErrorReason ShownReasonOf(const absl::Status& status) {
  const v1::ErrorReason own = ReasonOf(status);
  if (own != v1::ERROR_REASON_UNSPECIFIED || status.ok()) return own;
  switch (status.code()) {
    case absl::StatusCode::kCancelled:
      return v1::ERROR_REASON_CANCELLED;
    case absl::StatusCode::kDeadlineExceeded:
      return v1::ERROR_REASON_TIMEOUT;
    case absl::StatusCode::kResourceExhausted:
      return v1::ERROR_REASON_OVERLOADED;
    case absl::StatusCode::kUnavailable:
      return v1::ERROR_REASON_STORE_UNAVAILABLE;
    default:
      return v1::ERROR_REASON_INTERNAL;
  }
}

v1::Error ToError(const absl::Status& status, std::string_view request_id) {
  const v1::ErrorReason reason = ShownReasonOf(status);
  v1::Error error;
  if (ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED) {
    error = *PayloadOf(status);
  } else {
    error.set_code(InfoOf(reason).json_code);
    error.set_message(NeutralText(reason));
  }
  error.set_status(StatusName(InfoOf(reason).code));
  error.set_request_id(std::string(request_id));
  return error;
}

google::rpc::Status ToRpcStatus(const absl::Status& status, std::string_view request_id) {
  google::rpc::Status answer;
  if (status.ok()) return answer;
  const ReasonInfo& info = InfoOf(ShownReasonOf(status));
  const v1::Error error = ToError(status, request_id);
  answer.set_code(static_cast<int>(info.code));
  answer.set_message(error.message());

  google::rpc::ErrorInfo why;
  why.set_reason(info.name);
  why.set_domain(kDomain);
  for (const auto& [key, value] : error.details().fields()) {
    (*why.mutable_metadata())[key] = TextOf(value);
  }
  answer.add_details()->PackFrom(why);
  if (error.fields_size() > 0) {
    google::rpc::BadRequest bad;
    for (const v1::FieldViolation& field : error.fields()) {
      auto& violation = *bad.add_field_violations();
      violation.set_field(field.field());
      violation.set_description(field.description());
    }
    answer.add_details()->PackFrom(bad);
  }
  if (error.has_retry_after_ms()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(error.retry_after_ms() / 1000);
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(error.retry_after_ms() % 1000 * 1'000'000));
    answer.add_details()->PackFrom(retry);
  }
  if (!error.request_id().empty()) {
    google::rpc::RequestInfo request;
    request.set_request_id(error.request_id());
    answer.add_details()->PackFrom(request);
  }
  return answer;
}

int HttpStatusOf(const absl::Status& status) {
  return status.ok() ? 200 : InfoOf(ShownReasonOf(status)).http_status;
}

std::string ReasonCode(v1::ErrorReason reason) { return InfoOf(reason).json_code; }

std::string RoleName(v1::ChannelRole role) {
  return EnumName(v1::ChannelRole_descriptor(), role, "CHANNEL_ROLE_");
}

std::string RoleName(v1::WorkspaceRole role) {
  return EnumName(v1::WorkspaceRole_descriptor(), role, "WORKSPACE_ROLE_");
}

}  // namespace heim
