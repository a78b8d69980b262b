#include "cli/client.h"

#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr uint32_t kPage = 200;

struct Target {
  std::string address;
  bool tls = false;
};

absl::StatusOr<Target> ParseServer(std::string_view server) {
  absl::string_view rest = ToAbsl(server);
  Target target;
  if (absl::ConsumePrefix(&rest, "https://")) {
    target.tls = true;
  } else if (!absl::ConsumePrefix(&rest, "http://")) {
    return absl::InvalidArgumentError(absl::StrCat("the server address \"", ToAbsl(server),
                                                   "\" should look like http://localhost:3000"));
  }
  absl::ConsumeSuffix(&rest, "/");
  if (rest.empty() || rest.find('/') != absl::string_view::npos) {
    return absl::InvalidArgumentError("the server address has no host, or a path behind it");
  }
  // Always this machine (RFC 6761), also where no resolver knows the name.
  if (!target.tls && (rest == "localhost" || absl::StartsWith(rest, "localhost:"))) {
    rest.remove_prefix(sizeof("localhost") - 1);
    target.address = absl::StrCat("127.0.0.1", rest.empty() ? ":80" : rest);
    return target;
  }
  const bool has_port = rest.find(':') != absl::string_view::npos;
  target.address = has_port ? std::string(rest) : absl::StrCat(rest, target.tls ? ":443" : ":80");
  return target;
}

// What a person would try next.
std::string NextStep(const CallError& error) {
  if (error.code == "unauthenticated" || error.code == "token_expired" ||
      error.code == "token_revoked") {
    return "log in again: heim login";
  }
  if (error.code == "invalid_credentials") return "check username and password, then: heim login";
  if (error.code == "missing_scope") return "use a token with that scope, or log in: heim login";
  if (error.code == "channel_not_found") return "see the channels: heim channels";
  if (error.code == "username_taken") return "choose another name";
  if (error.code == "unreachable") return "is the server running? heim doctor";
  return "";
}

}  // namespace

CallError DescribeError(const grpc::Status& status) {
  CallError error;
  error.message = status.error_message();
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) {
      google::rpc::ErrorInfo info;
      if (any.UnpackTo(&info)) error.code = absl::AsciiStrToLower(info.reason());
      google::rpc::BadRequest bad;
      if (!any.UnpackTo(&bad)) continue;
      for (const auto& field : bad.field_violations()) {
        absl::StrAppend(&error.message, " (", field.field(), ": ", field.description(), ")");
      }
    }
  }
  error.retryable = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                    status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
                    status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
                    status.error_code() == grpc::StatusCode::INTERNAL;
  if (error.code.empty()) {
    error.code = status.error_code() == grpc::StatusCode::UNAVAILABLE ? "unreachable" : "error";
  }
  return error;
}

absl::Status ToStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const CallError error = DescribeError(status);
  std::string text = absl::StrCat(error.message, " [", error.code, "]");
  if (const std::string next = NextStep(error); !next.empty()) absl::StrAppend(&text, "\n  ", next);
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), text);
}

absl::StatusOr<std::unique_ptr<Client>> Client::Create(Connection connection) {
  HEIM_ASSIGN_OR_RETURN(const Target target, ParseServer(connection.server));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  arguments.SetMaxReceiveMessageSize(16 << 20);
  arguments.SetUserAgentPrefix("heim-cli");
  auto credentials = target.tls ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials();
  auto channel = grpc::CreateCustomChannel(target.address, credentials, arguments);
  return std::unique_ptr<Client>(new Client(std::move(connection), std::move(channel)));
}

Client::Client(Connection connection, std::shared_ptr<grpc::Channel> channel)
    : connection_(std::move(connection)),
      channel_(std::move(channel)),
      actors_(v1::ActorService::NewStub(channel_)),
      admin_(v1::AdminService::NewStub(channel_)),
      agents_(v1::AgentService::NewStub(channel_)),
      auth_(v1::AuthService::NewStub(channel_)),
      channels_(v1::ChannelService::NewStub(channel_)),
      events_(v1::EventService::NewStub(channel_)),
      messages_(v1::MessageService::NewStub(channel_)),
      streams_(v1::StreamService::NewStub(channel_)),
      workspaces_(v1::WorkspaceService::NewStub(channel_)) {}

std::unique_ptr<grpc::ClientContext> Client::OpenContext() const {
  auto context = std::make_unique<grpc::ClientContext>();
  if (!connection_.token.empty()) {
    context->AddMetadata("authorization", "Bearer " + connection_.token);
  }
  if (!connection_.workspace.empty()) context->AddMetadata("heim-workspace", connection_.workspace);
  context->AddMetadata("heim-client", "heim-cli/1");
  return context;
}

absl::StatusOr<v1::Channel> Client::FindChannel(std::string_view name_or_id) {
  absl::string_view name = ToAbsl(name_or_id);
  absl::ConsumePrefix(&name, "#");
  if (IsUuid(ToStd(name))) {
    v1::GetChannelRequest request;
    request.set_channel_id(std::string(name));
    HEIM_ASSIGN_OR_RETURN(v1::GetChannelResponse response,
                          Call(&v1::ChannelService::Stub::GetChannel, channels(), request));
    return response.channel();
  }
  v1::ListChannelsRequest request;
  request.set_name(std::string(name));
  HEIM_ASSIGN_OR_RETURN(v1::ListChannelsResponse response,
                        Call(&v1::ChannelService::Stub::ListChannels, channels(), request));
  if (response.channels_size() == 0) {
    return absl::NotFoundError(
        absl::StrCat("there is no channel \"", name,
                     "\", or you may not see it\n  see the channels: heim channels"));
  }
  return response.channels(0);
}

absl::StatusOr<v1::Actor> Client::FindActor(std::string_view name_or_id) {
  absl::string_view name = ToAbsl(name_or_id);
  absl::ConsumePrefix(&name, "@");
  if (name == "me" || IsUuid(ToStd(name))) {
    v1::GetActorRequest request;
    request.set_actor_id(std::string(name));
    HEIM_ASSIGN_OR_RETURN(v1::GetActorResponse response,
                          Call(&v1::ActorService::Stub::GetActor, actors(), request));
    return response.actor();
  }
  v1::ListActorsRequest request;
  request.set_q(std::string(name));
  request.set_limit(kPage);
  while (true) {
    HEIM_ASSIGN_OR_RETURN(v1::ListActorsResponse response,
                          Call(&v1::ActorService::Stub::ListActors, actors(), request));
    for (const v1::Actor& actor : response.actors()) {
      if (actor.username() == name) return actor;
    }
    if (!response.has_more()) break;
    request.set_cursor(response.next_cursor());
  }
  return absl::NotFoundError(absl::StrCat("there is no actor \"", name, "\" in this workspace\n",
                                          "  see the members: heim admin actor list"));
}

}  // namespace heim
