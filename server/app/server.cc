#include "server/app/server.h"

#include <utility>

#include "server/app/rooms.h"
#include "server/auth/secret_key.h"
#include "server/base/file_util.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/sqlite/search_index.h"

namespace heim {
namespace {

// The directories and the secret key, before anything opens them.
absl::StatusOr<std::string> PrepareData(const Config& config, Entropy& entropy) {
  HEIM_RETURN_IF_ERROR(EnsureDirectory(config.data_dir, 0700));
  const size_t slash = config.database_path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    HEIM_RETURN_IF_ERROR(EnsureDirectory(config.database_path.substr(0, slash), 0700));
  }
  return LoadSecretKey({config.secret_key, config.data_dir}, entropy);
}

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

// Beside the files of the server, whichever database holds the messages.
absl::StatusOr<std::unique_ptr<MessageIndex>> OpenSearchIndex(const Config& config) {
  SqliteSearchIndex::Options options;
  const bool kept = config.postgres.has_value() || config.database_path != ":memory:";
  options.path = kept ? StrCat(config.data_dir, "/search.sqlite") : ":memory:";
  return SqliteSearchIndex::Open(std::move(options));
}

absl::StatusOr<Egress> OpenEgress(const Config& config, Clock& clock) {
  Egress egress;
  auto resolver = DnsResolver::Create(config.egress_resolver, clock);
  if (absl::IsInvalidArgument(resolver.status())) {
    return absl::InvalidArgumentError(
        StrCat("HEIM_EGRESS_RESOLVER: ", ToStd(resolver.status().message())));
  }
  HEIM_RETURN_IF_ERROR(resolver.status());
  egress.resolver = *std::move(resolver);
  egress.guard = std::make_unique<EgressGuard>(config.egress, *egress.resolver);
  HEIM_ASSIGN_OR_RETURN(egress.client, EgressClient::Create({}, *egress.guard, clock));
  return egress;
}

}  // namespace

std::string_view HeimVersion() { return HEIM_VERSION; }

Server::Server(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}

Server::~Server() { rooms_->Stop(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Config& config) {
  auto ground = std::make_unique<Ground>();
  HEIM_ASSIGN_OR_RETURN(const std::string secret_key, PrepareData(config, ground->entropy));
  HEIM_ASSIGN_OR_RETURN(auto blobs, OpenBlobs(config, *ground));
  HEIM_ASSIGN_OR_RETURN(auto store, OpenStore(config, *ground));
  HEIM_ASSIGN_OR_RETURN(auto search_index, OpenSearchIndex(config));
  HEIM_ASSIGN_OR_RETURN(Egress egress, OpenEgress(config, ground->clock));
  auto rooms =
      std::make_unique<Rooms>(config, std::move(ground), secret_key, std::move(store),
                              std::move(blobs), std::move(search_index), std::move(egress));
  rooms->store->SetCommitListener(&rooms->commits);
  std::unique_ptr<Server> server(new Server(std::move(rooms)));
  Rooms& opened = *server->rooms_;
  HEIM_RETURN_IF_ERROR(opened.OpenMethods());
  HEIM_RETURN_IF_ERROR(opened.streams.Recover());
  HEIM_RETURN_IF_ERROR(opened.presence.Recover(*opened.store));
  opened.StartJobs();
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
