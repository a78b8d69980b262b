// Every part of a running server, in the order in which they are built; torn down from the last to
// the first. Reading this file is reading the system. For server.cc and rooms.cc alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/gateway.h"
#include "gateway/json/codec.h"
#include "server/app/commit_fan_out.h"
#include "server/app/handlers.h"
#include "server/app/server.h"
#include "server/auth/login_throttle.h"
#include "server/auth/operator_link.h"
#include "server/auth/passwords.h"
#include "server/auth/session_tokens.h"
#include "server/auth/setup_token.h"
#include "server/auth/store_authenticator.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/base/timers.h"
#include "server/blob/local/local_blob_store.h"
#include "server/blob/s3/s3_blob_store.h"
#include "server/bus/local/local_bus.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/live_stream_book.h"
#include "server/hub/presence_table.h"
#include "server/jobs/actor_erasure.h"
#include "server/jobs/channel_erasure.h"
#include "server/jobs/due_jobs.h"
#include "server/jobs/file_previews.h"
#include "server/jobs/file_upkeep.h"
#include "server/jobs/inbox_job.h"
#include "server/jobs/inbox_sweep.h"
#include "server/jobs/link_previewer.h"
#include "server/jobs/log_reader.h"
#include "server/jobs/scheduled_posts.h"
#include "server/jobs/search_indexer.h"
#include "server/jobs/workspace_erasure.h"
#include "server/net/dns_resolver.h"
#include "server/net/egress_client.h"
#include "server/net/egress_guard.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/grpc/grpc_server.h"
#include "server/rpc/metrics.h"
#include "server/rpc/server_invoker.h"
#include "server/service/access.h"
#include "server/service/audit.h"
#include "server/service/import_runner.h"
#include "server/service/message_forward.h"
#include "server/store/postgres/postgres_store.h"
#include "server/store/search.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/transfer/chats/chat_archives.h"
#include "server/transfer/heim_archive.h"

namespace heim {

// Handlers block for bounded reads only; two for each core keep both busy.
inline constexpr int kExecutorThreads = 4;
inline constexpr size_t kExecutorQueue = 4096;
inline constexpr int kFileThreads = 4;

// JSON of a WebSocket `call`, by the gateway's codec.
class JsonStructCodec final : public StructCodec {
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

// JSON of archives, by the gateway's codec.
class JsonRecordCodec final : public RecordCodec {
 public:
  void Append(const google::protobuf::Message& message, std::string* out) const override {
    AppendJson(message, Dialect::kHeim, out);
  }
  absl::Status Parse(std::string_view text, google::protobuf::Message* out) const override {
    return ParseJson(text, JsonOptions(), out);
  }
};

// Time and chance, on which everything stands.
struct Ground {
  SystemClock clock;
  SystemEntropy entropy;
};

ServerFacts FactsOf(const Config& config, uint16_t grpc_port);

// The way out for addresses that users give.
struct Egress {
  std::unique_ptr<DnsResolver> resolver;
  std::unique_ptr<EgressGuard> guard;
  std::unique_ptr<EgressClient> client;
};

struct Server::Rooms {
  Rooms(const Config& settings, std::unique_ptr<Ground> laid, const std::string& secret_key,
        std::unique_ptr<Store> opened, std::unique_ptr<BlobStore> files_opened,
        std::unique_ptr<MessageIndex> index_opened, Egress way_out)
      : config(settings),
        ground(std::move(laid)),
        tokens(secret_key, clock),
        operator_key(OperatorLinkKey(secret_key)),
        store(std::move(opened)),
        blobs(std::move(files_opened)),
        search_index(std::move(index_opened)),
        egress(std::move(way_out)),
        setup_token(settings.setup_token, entropy),
        throttle(ThrottleOptions(settings), clock),
        limits({.enabled = settings.rate_limits, .tier = settings.rate_tier}, clock) {}

  static LoginThrottleOptions ThrottleOptions(const Config& config) {
    LoginThrottleOptions options;
    options.enabled = config.rate_limits;
    return options;
  }

  static FileOptions FileOptionsOf(const Config& config) {
    FileOptions options;
    options.max_file_bytes = config.max_file_bytes;
    options.quotas = {config.file_quota_actor_bytes, config.file_quota_workspace_bytes};
    options.unlinked_kept = config.file_unlinked_kept;
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
  const std::string operator_key;
  const std::unique_ptr<Store> store;
  const std::unique_ptr<BlobStore> blobs;
  const std::unique_ptr<MessageIndex> search_index;
  const Egress egress;
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
  PasswordResetService password_resets{{config.public_url, operator_key}, reset_tools};
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
  SearchProgress search_progress{timers};
  SearchService search{{*store, *search_index, search_progress, executor}};
  LinkPreviewService link_previews{*store, clock, sweeper};
  GroupService groups{*store, clock, ids};
  PresenceService presences{*store, presence, hub};
  EventService events{{*store, hub, ids, timers, executor}};
  ErasureService erasures{
      {*store, clock, ids, passwords, throttle, authenticator, hub, presence, streams},
      [this] { actor_erasure.Wake(clock.Now()); }};
  WorkspaceDeletionService workspace_deletions{{*store, authenticator, hub, streams},
                                               [this] { workspace_erasure.Wake(clock.Now()); }};
  FileService files{FileOptionsOf(config),
                    {*store,
                     *blobs,
                     clock,
                     ids,
                     file_executor,
                     {[this](absl::Time sweep_at) {
                        file_previews.Wake(clock.Now());
                        file_upkeep.Wake(sweep_at);
                      },
                      [this] {
                        sweeper.Sweep();
                        file_upkeep.Wake(clock.Now());
                      }}}};
  PictureMill pictures;
  const PictureTools picture_tools{*store, *blobs, clock, ids, file_executor, pictures};
  AvatarService avatars{picture_tools, authenticator};
  EmojiService emoji{picture_tools};
  AuditService audit{{*store, clock, executor,
                      [](const google::protobuf::Message& message) { return ToJson(message); }}};
  JsonRecordCodec record_codec;
  ExportService exports{
      {{*store, *blobs, record_codec}, clock, file_executor, std::string(HeimVersion())}};
  ImportRunner import_runner{{picture_tools,
                              [this](const v1::Import& import, ByteSource& archive) {
                                return OpenArchive(import, archive);
                              },
                              [this](const WorkspaceId& workspace) { hub.Restart(workspace); }}};
  ImportService imports{{*store, *blobs, clock, ids, file_executor,
                         [this] { import_runner.Wake(); }, config.max_import_bytes}};
  AdminService admin{FactsOf(config, config.grpc_port.value_or(0)), *store};

  // What nobody waits for.
  InboxJob inbox_job{clock, ids};
  SearchIndexer search_indexer{SearchIndexerOptions{},
                               {*store, clock, *search_index, search_progress}};
  LogReader inbox_reader{LogReaderOptions{}, *store, timers, inbox_job};
  DueJobs inbox_sweep{{clock, timers, executor}, InboxSweep(*store, clock)};
  DueJobs channel_erasure{{clock, timers, executor}, ChannelErasure(*store, clock, [this] {
                            sweeper.Sweep();
                            EraseLeftCopies(*store, clock, sweeper);
                          })};
  DueJobs file_previews{{clock, timers, executor}, FilePreviews(picture_tools, [this] {
                          sweeper.Sweep();
                          file_upkeep.Wake(clock.Now());
                        })};
  DueJobs file_upkeep{
      {clock, timers, executor},
      FileUpkeep(*store, clock, config.file_unlinked_kept, [this] { sweeper.Sweep(); })};
  DueJobs workspace_erasure{{clock, timers, executor},
                            WorkspaceErasure(
                                *store, clock, [this] { channel_erasure.Wake(clock.Now()); },
                                [this] { sweeper.Sweep(); })};
  DueJobs actor_erasure{{clock, timers, executor}, ActorErasure(*store, clock, [this] {
                          sweeper.Sweep();
                          EraseLeftCopies(*store, clock, sweeper);
                        })};
  PageFetcher page_fetcher{*egress.client, pictures, clock};
  LinkPreviewer link_previewer{
      config.link_previews ? LinkPreviewer::Switch::kOn : LinkPreviewer::Switch::kOff,
      picture_tools, page_fetcher, sweeper};
  LogReader link_reader{LogReaderOptions{}, *store, timers, link_previewer};
  CommitFanOut commits{{&hub, &inbox_reader, &link_reader, &search_indexer}};

  // The doors.
  std::unique_ptr<MethodTable> methods;
  std::unique_ptr<ServerInvoker> invoker;
  JsonStructCodec struct_codec;
  std::unique_ptr<SessionService> sessions;
  std::unique_ptr<GrpcServer> grpc;
  std::unique_ptr<Gateway> gateway;
  bool stopped = false;

  absl::Status OpenMethods();
  Handlers AllHandlers();
  // What nobody waits for: begins once the methods are complete, and ends before the store does.
  absl::StatusOr<std::unique_ptr<RecordSource>> OpenArchive(const v1::Import& import,
                                                            ByteSource& archive);
  void StartJobs();
  void StopJobs();
  absl::Status OpenDoors();
  GatewayOptions GatewaySettings();
  void Stop(absl::Duration grace);
};

}  // namespace heim
