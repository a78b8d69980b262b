#include "server/rpc/grpc/grpc_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "google/protobuf/stubs/logging.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/impl/codegen/compression_types.h"
#include "grpc/support/log.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/rpc/grpc/raw_service.h"

namespace heim {
namespace {

using google::protobuf::ServiceDescriptor;
using grpc::experimental::ExternalConnectionAcceptor;

constexpr int kMaxStreamsPerConnection = 256;
constexpr int kHandshakeTimeoutMs = 3'000;
constexpr int kKeepaliveEveryMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kPingEveryMinMs = 10'000;  // of clients
constexpr int kPingStrikesMax = 2;
constexpr int kConnectionIdleMs = 300'000;
// Around a piece of a file that is as large as a frame may be.
constexpr size_t kFramingBytes = 64;

// Beside what is set here: 1.51 listens with SO_REUSEPORT, so that a second server would share the
// port in silence, and inflates a gzip bomb before it looks at the size.
void SetLimits(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(kHeaderMaxBytes));
  builder.AddChannelArgument("grpc.server_handshake_timeout_ms", kHandshakeTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveEveryMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingEveryMinMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kConnectionIdleMs);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(kFrameMaxBytes + kFramingBytes));
  builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
}

// Both libraries write lines of their own to stderr for what a client does wrong (text that is no
// UTF-8, a compression that is off); the call's answer says so. Errors of our own making come back
// as a status.
void QuietLibraries() {
  gpr_set_log_function([](gpr_log_func_args* line) {
    LogDebug("gRPC complains",
             {{"file", line->file}, {"line", line->line}, {"text", line->message}});
  });
  google::protobuf::SetLogHandler(
      [](google::protobuf::LogLevel level, const char*, int, const std::string& text) {
        if (level < google::protobuf::LOGLEVEL_FATAL) {
          LogDebug("protobuf complains", {{"text", text}});
        } else {
          LogError("protobuf gives up", {{"text", text}});
        }
      });
}

}  // namespace

GrpcServer::GrpcServer(Options options, Invoker& invoker, Timers& timers)
    : front_{invoker, timers, pump_, std::move(options.client_address)} {}

GrpcServer::~GrpcServer() { Shutdown(absl::InfinitePast()); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Create(Options options, Invoker& invoker,
                                                               Timers& timers) {
  const std::string listen_address = options.listen_address;
  std::unique_ptr<GrpcServer> server(new GrpcServer(std::move(options), invoker, timers));
  HEIM_RETURN_IF_ERROR(server->Start(listen_address, invoker));
  return server;
}

absl::Status GrpcServer::Start(const std::string& listen_address, Invoker& invoker) {
  QuietLibraries();
  std::set<const ServiceDescriptor*> services;
  for (const MethodInfo* method : invoker.methods().methods()) {
    const ServiceDescriptor* service = method->descriptor->service();
    if (!services.insert(service).second) continue;
    services_.push_back(std::make_unique<RawService>(front_, invoker.methods(), *service));
  }
  // Links the descriptor in, for reflection.
  grpc::health::v1::HealthCheckRequest::descriptor();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  grpc::ServerBuilder builder;
  SetLimits(builder);
  for (const auto& service : services_) builder.RegisterService(service.get());
  if (!listen_address.empty()) {
    builder.AddListeningPort(listen_address, grpc::InsecureServerCredentials(), &port_);
  }
  auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return absl::UnavailableError(StrCat("gRPC cannot listen on ", listen_address));
  }
  for (const ServiceDescriptor* service : services) {
    server_->GetHealthCheckService()->SetServingStatus(service->full_name(), true);
  }
  absl::MutexLock lock(&mutex_);
  acceptor_ = std::move(acceptor);
  return absl::OkStatus();
}

void GrpcServer::Adopt(int fd, std::string read_so_far) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.fd = fd;
  if (!read_so_far.empty()) {
    const grpc::Slice slice(read_so_far);
    connection.read_buffer = grpc::ByteBuffer(&slice, 1);
  }
  // Held over the call, because a connection given after the end of the acceptor would be lost.
  absl::MutexLock lock(&mutex_);
  if (stopped_ || acceptor_ == nullptr) {
    close(fd);
    return;
  }
  acceptor_->HandleNewConnection(&connection);
}

void GrpcServer::Shutdown(absl::Time deadline) {
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  if (server_ != nullptr) {
    if (server_->GetHealthCheckService() != nullptr) server_->GetHealthCheckService()->Shutdown();
    server_->Shutdown(absl::ToChronoTime(deadline));
    server_->Wait();
  }
  pump_.Stop();
  absl::MutexLock lock(&mutex_);
  acceptor_ = nullptr;
  server_ = nullptr;
}

}  // namespace heim
