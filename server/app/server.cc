#include "server/app/server.h"

#include <utility>
#include <vector>

#include "gateway/gateway.h"
#include "gateway/http/client_address.h"
#include "gateway/json/codec.h"
#include "server/app/commit_fan_out.h"
#include "server/app/handlers.h"
#include "server/app/health.h"
#include "server/auth/login_throttle.h"
#include "server/auth/passwords.h"
#include "server/auth/secret_key.h"
#include "server/auth/session_tokens.h"
#include "server/auth/setup_token.h"
#include "server/auth/store_authenticator.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/executor.h"
#include "server/base/file_util.h"
#include "server/base/ids.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/timers.h"
#include "server/blob/local/local_blob_store.h"
#include "server/blob/s3/s3_blob_store.h"
#include "server/bus/local/local_bus.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/live_stream_book.h"
#include "server/hub/presence_table.h"
#include "server/jobs/channel_erasure.h"
#include "server/jobs/due_jobs.h"
#include "server/jobs/inbox_job.h"
#include "server/jobs/inbox_sweep.h"
#include "server/jobs/log_reader.h"
#include "server/jobs/scheduled_posts.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/grpc/grpc_server.h"
#include "server/rpc/metrics.h"
#include "server/rpc/server_invoker.h"
#include "server/service/access.h"
#include "server/service/message_forward.h"
#include "server/store/postgres/postgres_store.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {
namespace {

// Handlers block for bounded reads only; two for each core keep both busy.
constexpr int kExecutorThreads = 4;
constexpr size_t kExecutorQueue = 4096;
constexpr int kFileThreads = 4;

// JSON of a WebSocket `call`, by the gateway's codec.
class JsonStructCodec : public StructCodec {
 public:
  absl::StatusOr<google::protobuf::Struct> ToStruct(
      const google::protobuf::Message& message) const override {
    return MessageToStruct(message);
  }
  absl::Status ToMessage(const google::protobuf::Struct& value,
                         google::protobuf::Message* message) const override {
    return StructToMessage(value, message);
  }
};

std::vector<std::string> Features() {
  return {"streams", "threads", "reactions", "files",     "read_states", "presence", "resume",
          "tickets", "connect", "sse",       "websocket", "avatars",     "emoji"};
}

ServerFacts FactsOf(const Config& config, uint16_t grpc_port) {
  ServerFacts facts;
  facts.version = std::string(HeimVersion());
  facts.features = Features();
  facts.registration = std::string(RegistrationName(config.registration));
  facts.grpc_port = grpc_port;
  facts.file_max_bytes = config.max_file_bytes;
  facts.rate_tier.reset();
  if (config.rate_limits) facts.rate_tier = config.rate_tier;
  return facts;
}

// The directories and the secret key, before anything opens them.
absl::StatusOr<std::string> PrepareData(const Config& config, Entropy& entropy) {
  HEIM_RETURN_IF_ERROR(EnsureDirectory(config.data_dir, 0700));
  const size_t slash = config.database_path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    HEIM_RETURN_IF_ERROR(EnsureDirectory(config.database_path.substr(0, slash), 0700));
  }
  return LoadSecretKey({config.secret_key, config.data_dir}, entropy);
}

}  // namespace

std::string_view HeimVersion() { return HEIM_VERSION; }

// Time and chance, on which everything stands.
struct Ground {
  SystemClock clock;
  SystemEntropy entropy;
};

// A bucket that is not there stops the start; one that cannot be reached may yet come.
absl::StatusOr<std::unique_ptr<BlobStore>> OpenBlobs(const Config& config, Ground& ground) {
  if (!config.s3.has_value()) {
    return LocalBlobStore::Create(config.storage_path, ground.entropy);
  }
  HEIM_ASSIGN_OR_RETURN(auto blobs, S3BlobStore::Create(*config.s3, ground.clock, ground.entropy));
  const absl::Status status = blobs->CheckBucket();
  if (absl::IsNotFound(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat("HEIM_S3_BUCKET=", config.s3->bucket, ": there is no such bucket"));
  }
  if (!status.ok()) LogWarn("The bucket did not answer as it should", {{"error", status}});
  return blobs;
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const Config& config, Ground& ground) {
  if (config.postgres.has_value()) {
    PostgresStore::Options options;
    options.address = *config.postgres;
    return PostgresStore::Create(std::move(options), ground.clock);
  }
  SqliteStore::Options options;
  options.path = config.database_path;
  return SqliteStore::Create(std::move(options), ground.clock);
}

// In the order in which they are built; torn down from the last to the first.
struct Server::Rooms {
  Rooms(const Config& settings, std::unique_ptr<Ground> laid, const std::string& secret_key,
        std::unique_ptr<Store> opened, std::unique_ptr<BlobStore> files_opened)
      : config(settings),
        ground(std::move(laid)),
        tokens(secret_key, clock),
        store(std::move(opened)),
        blobs(std::move(files_opened)),
        setup_token(settings.setup_token, entropy),
        throttle(ThrottleOptions(settings), clock),
        limits({.enabled = settings.rate_limits, .tier = settings.rate_tier}, clock) {}

  static LoginThrottleOptions ThrottleOptions(const Config& config) {
    LoginThrottleOptions options;
    options.enabled = config.rate_limits;
    return options;
  }

  const Config config;
  const std::unique_ptr<Ground> ground;
  Clock& clock = ground->clock;
  Entropy& entropy = ground->entropy;
  UuidV7Ids ids{clock, entropy};
  Metrics metrics;
  const absl::Duration started = clock.Monotonic();
  SessionTokens tokens;
  const std::unique_ptr<Store> store;
  const std::unique_ptr<BlobStore> blobs;
  SetupToken setup_token;
  LoginThrottle throttle;
  CallLimits limits;
  Passwords passwords{PasswordOptions{}, entropy};

  // What calls and streams of all kinds use; its threads stop before what they use goes.
  LocalBus bus;
  ThreadTimers timers{clock};
  ThreadPoolExecutor executor{{kExecutorThreads, kExecutorQueue, "executor"}};
  // Files wait for disks and other machines: threads of their own, so that nothing else waits with
  // them.
  ThreadPoolExecutor file_executor{{kFileThreads, kExecutorQueue, "files"}};
  PresenceTable presence{clock, timers, bus};
  LiveStreamBook live_streams{*store, clock, timers, bus};
  FanOutHub hub{{*store, clock, timers, executor, ids, bus, live_streams, presence},
                FanOutHub::Mode::kThread};
  StoreAuthenticator authenticator{AuthenticatorOptions{}, *store, tokens, clock, entropy};

  // The use cases.
  StreamService streams{{*store, clock, ids, timers, live_streams, hub, &presence}};
  AuthService auth{AuthOptions{.open_registration = config.registration == Registration::kOpen,
                               .by_invite = config.registration != Registration::kDisabled},
                   *store,
                   clock,
                   ids,
                   entropy,
                   timers,
                   AuthTools{tokens, passwords, throttle, setup_token, authenticator},
                   hub};
  ActorService actors{ActorOptions{.open_registration = config.registration == Registration::kOpen,
                                   .by_invite = config.registration != Registration::kDisabled},
                      *store, clock, ids,
                      ActorTools{passwords, authenticator, hub, presence, streams}};
  AgentService agents{*store,  clock,  ids,
                      entropy, timers, AgentTools{authenticator, hub, presence, streams}};
  InviteService invites{{config.public_url}, *store, clock, ids, entropy, authenticator};
  const PasswordResetService::Dependencies reset_tools{*store,    clock,         ids, entropy,
                                                       passwords, authenticator, hub};
  PasswordResetService password_resets{{config.public_url}, reset_tools};
  WorkspaceService workspaces{*store, clock, ids, authenticator, streams};
  ChannelService channels{*store, clock, ids, streams,
                          [this] { channel_erasure.Wake(clock.Now()); }};
  BlobSweeper sweeper{*store, *blobs, file_executor};
  MessageService messages{*store, clock, ids, streams, presence, sweeper};
  NotificationService notifications{*store, clock};
  PinService pins{*store, clock};
  BookmarkService bookmarks{*store, clock, ids};
  SavedService saved{*store, clock};
  ReadStateService read_states{*store, clock};
  DraftService drafts{*store, clock};
  ScheduledPosts scheduled_posts{*store, ids, presence, {clock, timers, executor}};
  ScheduledMessageService scheduled{*store, clock, ids, presence,
                                    [this](absl::Time send_at) { scheduled_posts.Wake(send_at); }};
  ThreadService threads{*store, clock};
  GroupService groups{*store, clock, ids};
  PresenceService presences{*store, presence, hub};
  EventService events{{*store, hub, ids, timers, executor}};
  FileService files{FileOptions{config.max_file_bytes},
                    {*store, *blobs, clock, ids, file_executor}};
  PictureMill pictures;
  const PictureTools picture_tools{*store, *blobs, clock, ids, file_executor, pictures};
  AvatarService avatars{picture_tools, authenticator};
  EmojiService emoji{picture_tools};
  AdminService admin{FactsOf(config, config.grpc_port.value_or(0)), *store};

  // What nobody waits for.
  InboxJob inbox_job{clock, ids};
  LogReader inbox_reader{LogReaderOptions{}, *store, timers, inbox_job};
  DueJobs inbox_sweep{{clock, timers, executor}, InboxSweep(*store, clock)};
  DueJobs channel_erasure{{clock, timers, executor}, ChannelErasure(*store, clock, [this] {
                            sweeper.Sweep();
                            EraseLeftCopies(*store, clock, sweeper);
                          })};
  CommitFanOut commits{{&hub, &inbox_reader}};

  // The doors.
  std::unique_ptr<MethodTable> methods;
  std::unique_ptr<ServerInvoker> invoker;
  JsonStructCodec struct_codec;
  std::unique_ptr<SessionService> sessions;
  std::unique_ptr<GrpcServer> grpc;
  std::unique_ptr<Gateway> gateway;
  bool stopped = false;

  absl::Status OpenMethods();
  absl::Status OpenDoors();
  GatewayOptions GatewaySettings();
  void Stop(absl::Duration grace);
};

absl::Status Server::Rooms::OpenMethods() {
  HEIM_ASSIGN_OR_RETURN(methods, MethodTable::Create());
  invoker = std::make_unique<ServerInvoker>(
      ServerInvoker::Options{}, ServerInvoker::Dependencies{*methods, authenticator, executor,
                                                            limits, clock, timers, ids, metrics});
  sessions = std::make_unique<SessionService>(SessionService::Dependencies{
      *invoker, hub, executor, limits, ids, struct_codec,
      [this](const Caller& caller, const std::vector<ChannelId>& asked) {
        std::vector<std::string> named;
        for (const ChannelId& channel : asked) named.push_back(channel.str());
        return CheckChannelsReadable(*store, caller, named);
      }});
  BindHandlers(
      {actors,        admin,           agents,  auth,      avatars,     bookmarks, channels,
       drafts,        emoji,           events,  files,     groups,      invites,   messages,
       notifications, password_resets, pins,    presences, read_states, saved,     scheduled,
       *sessions,     streams,         threads, workspaces},
      methods.get());
  return methods->CheckComplete();
}

GatewayOptions Server::Rooms::GatewaySettings() {
  GatewayOptions options;
  options.host = config.host;
  options.port = config.port;
  options.cors_origins = config.cors_origins;
  options.trusted_proxies = config.trusted_proxies;
  options.websocket_query_token = config.websocket_query_token;
  options.tls_in_front = StartsWith(config.public_url, "https://");
  options.file_max_bytes = config.max_file_bytes;
  options.version = std::string(HeimVersion());
  options.adopt_http2 = [this](int fd, std::string read_so_far) {
    grpc->Adopt(fd, std::move(read_so_far));
  };
  options.health = [this] {
    return HealthJson({std::string(HeimVersion()), clock.Monotonic() - started,
                       hub.subscription_count(), invoker->in_flight()});
  };
  options.metrics = [this] { return metrics.Text(); };
  options.ready = [this] {
    return store->Read([](ReadTx& tx) { return tx.meta.Get("ready").status(); }).ok();
  };
  return options;
}

absl::Status Server::Rooms::OpenDoors() {
  GrpcServer::Options grpc_options;
  if (config.grpc_port.has_value()) {
    grpc_options.listen_address = StrCat(config.host, ":", *config.grpc_port);
  }
  const absl::StatusOr<AddressBlocks> trusted = AddressBlocks::Parse(config.trusted_proxies);
  if (!trusted.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("HEIM_TRUSTED_PROXIES: ", trusted.status().message()));
  }
  grpc_options.client_address = [trusted = *trusted](std::string_view peer,
                                                     std::string_view forwarded) {
    return ClientAddress(std::string(peer), forwarded, trusted);
  };
  HEIM_ASSIGN_OR_RETURN(grpc, GrpcServer::Create(grpc_options, *invoker, timers));
  HEIM_ASSIGN_OR_RETURN(gateway, Gateway::Create(GatewaySettings(), *invoker, clock));
  return absl::OkStatus();
}

// New calls are refused first, then readers are told to come again, then what is under way gets the
// grace.
void Server::Rooms::Stop(absl::Duration grace) {
  if (std::exchange(stopped, true)) return;
  const absl::Time deadline = clock.Now() + grace;
  if (gateway != nullptr) gateway->StopAccepting();
  if (invoker != nullptr) invoker->Drain();
  hub.Drain();
  if (gateway != nullptr) gateway->Shutdown(deadline);
  if (grpc != nullptr) grpc->Shutdown(deadline);
  inbox_reader.Stop();
  inbox_sweep.Stop();
  scheduled_posts.Stop();
  channel_erasure.Stop();
  file_executor.Stop();
  executor.Stop();
  store->Stop();
  // What they hand over to is gone next.
  gateway.reset();
  grpc.reset();
}

Server::Server(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}

Server::~Server() { rooms_->Stop(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Config& config) {
  auto ground = std::make_unique<Ground>();
  HEIM_ASSIGN_OR_RETURN(const std::string secret_key, PrepareData(config, ground->entropy));
  HEIM_ASSIGN_OR_RETURN(auto blobs, OpenBlobs(config, *ground));
  HEIM_ASSIGN_OR_RETURN(auto store, OpenStore(config, *ground));
  auto rooms = std::make_unique<Rooms>(config, std::move(ground), secret_key, std::move(store),
                                       std::move(blobs));
  rooms->store->SetCommitListener(&rooms->commits);
  std::unique_ptr<Server> server(new Server(std::move(rooms)));
  Rooms& opened = *server->rooms_;
  HEIM_RETURN_IF_ERROR(opened.OpenMethods());
  HEIM_RETURN_IF_ERROR(opened.streams.Recover());
  HEIM_RETURN_IF_ERROR(opened.presence.Recover(*opened.store));
  opened.inbox_reader.Start();
  opened.inbox_sweep.Start();
  opened.scheduled_posts.Start();
  opened.channel_erasure.Start();
  // What an earlier run left undone.
  opened.sweeper.Sweep();
  EraseLeftCopies(*opened.store, opened.clock, opened.sweeper);
  HEIM_RETURN_IF_ERROR(opened.OpenDoors());
  return server;
}

uint16_t Server::port() const { return rooms_->gateway->port(); }

uint16_t Server::grpc_port() const {
  return rooms_->config.grpc_port.has_value() ? static_cast<uint16_t>(rooms_->grpc->port()) : 0;
}

std::string Server::setup_token() const {
  int64_t people = 1;
  const absl::Status status = rooms_->store->Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(people, tx.actors.CountHumans());
    return absl::OkStatus();
  });
  return status.ok() && people == 0 ? rooms_->setup_token.value() : "";
}

void Server::Stop(absl::Duration grace) { rooms_->Stop(grace); }

}  // namespace heim
