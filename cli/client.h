// Client is the connection of a command to a server: one gRPC channel, a credential, deadlines, and
// errors that say what to try next. Used by one thread, except OpenContext and channel(), which any
// thread may use. Calls block.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/actor_service.grpc.pb.h"
#include "heim/v1/admin_service.grpc.pb.h"
#include "heim/v1/agent_service.grpc.pb.h"
#include "heim/v1/auth_service.grpc.pb.h"
#include "heim/v1/channel_service.grpc.pb.h"
#include "heim/v1/event_service.grpc.pb.h"
#include "heim/v1/message_service.grpc.pb.h"
#include "heim/v1/stream_service.grpc.pb.h"
#include "heim/v1/workspace_service.grpc.pb.h"
#include "server/base/clock.h"

namespace heim {

// Which server and whose credential a command uses.
struct Connection {
  std::string server;     // "http://localhost:3000"
  std::string token;      // may be empty for public calls
  std::string workspace;  // id or slug; may be empty
};

// Failed calls, as commands tell them.
struct CallError {
  std::string code;  // "channel_not_found"
  std::string message;
  std::string request_id;
  bool retryable = false;
};

CallError DescribeError(const grpc::Status& status);

// A status whose message is the error and, where there is one, the next command to try.
absl::Status ToStatus(const grpc::Status& status);

class Client {
 public:
  static constexpr absl::Duration kCallDeadline = absl::Seconds(30);

  // INVALID_ARGUMENT for an address that is not http://HOST[:PORT] or https://HOST[:PORT].
  static absl::StatusOr<std::unique_ptr<Client>> Create(Connection connection);

  // Runs a unary call of a generated stub: Call(&v1::AuthService::Stub::Login, auth(), request).
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                Stub& stub, const Request& request) {
    auto context = OpenContext();
    context->set_deadline(absl::ToChronoTime(SystemClock().Now() + kCallDeadline));
    Response response;
    const grpc::Status status = (stub.*method)(context.get(), request, &response);
    if (!status.ok()) return ToStatus(status);
    return response;
  }

  // A context with the credential, without a deadline.
  std::unique_ptr<grpc::ClientContext> OpenContext() const;

  const Connection& connection() const { return connection_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  v1::ActorService::Stub& actors() { return *actors_; }
  v1::AdminService::Stub& admin() { return *admin_; }
  v1::AgentService::Stub& agents() { return *agents_; }
  v1::AuthService::Stub& auth() { return *auth_; }
  v1::ChannelService::Stub& channels() { return *channels_; }
  v1::EventService::Stub& events() { return *events_; }
  v1::MessageService::Stub& messages() { return *messages_; }
  v1::StreamService::Stub& streams() { return *streams_; }
  v1::WorkspaceService::Stub& workspaces() { return *workspaces_; }

  // The channel named "general" or "#general", or by id. NOT_FOUND with what to try.
  absl::StatusOr<v1::Channel> FindChannel(std::string_view name_or_id);
  // The actor named "ada" or "@ada", or by id.
  absl::StatusOr<v1::Actor> FindActor(std::string_view name_or_id);

 private:
  Client(Connection connection, std::shared_ptr<grpc::Channel> channel);

  const Connection connection_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::ActorService::Stub> actors_;
  const std::unique_ptr<v1::AdminService::Stub> admin_;
  const std::unique_ptr<v1::AgentService::Stub> agents_;
  const std::unique_ptr<v1::AuthService::Stub> auth_;
  const std::unique_ptr<v1::ChannelService::Stub> channels_;
  const std::unique_ptr<v1::EventService::Stub> events_;
  const std::unique_ptr<v1::MessageService::Stub> messages_;
  const std::unique_ptr<v1::StreamService::Stub> streams_;
  const std::unique_ptr<v1::WorkspaceService::Stub> workspaces_;
};

}  // namespace heim
