#include "server/app/rooms.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gateway/http/client_address.h"
#include "server/app/health.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/time.h"

namespace heim {
namespace {

std::vector<std::string> Features() {
  return {"streams", "threads", "reactions", "files",         "read_states",   "presence", "resume",
          "tickets", "connect", "sse",       "websocket",     "avatars",       "emoji",    "search",
          "audit",   "exports", "imports",   "file_previews", "link_previews", "erasure"};
}

}  // namespace

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

Handlers Server::Rooms::AllHandlers() {
  return {
      .actors = actors,
      .admin = admin,
      .agents = agents,
      .audit = audit,
      .auth = auth,
      .avatars = avatars,
      .bookmarks = bookmarks,
      .channels = channels,
      .drafts = drafts,
      .emoji = emoji,
      .erasures = erasures,
      .events = events,
      .exports = exports,
      .files = files,
      .groups = groups,
      .imports = imports,
      .invites = invites,
      .link_previews = link_previews,
      .messages = messages,
      .notifications = notifications,
      .password_resets = password_resets,
      .pins = pins,
      .presence = presences,
      .read_states = read_states,
      .saved = saved,
      .scheduled = scheduled,
      .search = search,
      .sessions = *sessions,
      .streams = streams,
      .threads = threads,
      .workspace_deletions = workspace_deletions,
      .workspaces = workspaces,
  };
}

absl::Status Server::Rooms::OpenMethods() {
  HEIM_ASSIGN_OR_RETURN(methods, MethodTable::Create());
  invoker = std::make_unique<ServerInvoker>(
      ServerInvoker::Options{},
      ServerInvoker::Dependencies{*methods, authenticator, executor, limits, clock, timers, ids,
                                  metrics,
                                  [this](const CallContext& context, const absl::Status& status) {
                                    EnterRefusal(*store, context, status);
                                  }});
  sessions = std::make_unique<SessionService>(SessionService::Dependencies{
      *invoker, hub, executor, limits, ids, struct_codec,
      [this](const Caller& caller, const std::vector<ChannelId>& asked) {
        std::vector<std::string> named;
        for (const ChannelId& channel : asked) named.push_back(channel.str());
        return CheckChannelsReadable(*store, caller, named);
      }});
  BindHandlers(AllHandlers(), methods.get());
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
  // What each kind of upload may be, its service says.
  options.file_max_bytes = std::max(config.max_file_bytes, config.max_import_bytes);
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

absl::StatusOr<std::unique_ptr<RecordSource>> Server::Rooms::OpenArchive(const v1::Import& import,
                                                                         ByteSource& archive) {
  ChatArchiveOptions options;
  options.team = import.team();
  options.spool_directory = config.data_dir;
  // The same each time: an import that was interrupted reads the same records again.
  options.latest = FromTimestamp(import.created_at()) + absl::Hours(24);
  switch (import.format()) {
    case v1::IMPORT_FORMAT_SLACK:
      return OpenSlackArchive(archive, options);
    case v1::IMPORT_FORMAT_MATTERMOST:
      return OpenMattermostArchive(archive, options);
    default:
      return OpenHeimArchive(archive, record_codec);
  }
}

void Server::Rooms::StartJobs() {
  import_runner.Start();
  inbox_reader.Start();
  link_previewer.Start();
  link_reader.Start();
  search_indexer.Start();
  inbox_sweep.Start();
  scheduled_posts.Start();
  channel_erasure.Start();
  actor_erasure.Start();
  workspace_erasure.Start();
  file_previews.Start();
  file_upkeep.Start();
  // What an earlier run left undone.
  sweeper.Sweep();
  EraseLeftCopies(*store, clock, sweeper);
}

void Server::Rooms::StopJobs() {
  import_runner.Stop();
  inbox_reader.Stop();
  egress.resolver->Stop();
  egress.client->Stop();
  link_reader.Stop();
  link_previewer.Stop();
  search_indexer.Stop();
  inbox_sweep.Stop();
  scheduled_posts.Stop();
  channel_erasure.Stop();
  actor_erasure.Stop();
  workspace_erasure.Stop();
  file_previews.Stop();
  file_upkeep.Stop();
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
  StopJobs();
  file_executor.Stop();
  executor.Stop();
  store->Stop();
  // What they hand over to is gone next.
  gateway.reset();
  grpc.reset();
}

}  // namespace heim
