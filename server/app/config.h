// Config is everything an operator can set: HEIM_* environment variables, read once at start-up. A
// bad value stops the start with one clear line. Values; no threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "server/blob/s3/s3_client.h"
#include "server/model/limits.h"
#include "server/model/transfer_limits.h"
#include "server/net/egress_guard.h"
#include "server/store/postgres/address.h"

namespace heim {

enum class Registration { kOpen, kInvite, kDisabled };

struct Config {
  std::string host = "0.0.0.0";  // HEIM_HOST
  uint16_t port = 3000;          // HEIM_PORT; 0: any free one
  std::optional<uint16_t>
      grpc_port;              // HEIM_GRPC_PORT; 0: any free one; unset: shares HEIM_PORT only
  std::string data_dir;       // HEIM_DATA_DIR
  std::string database_path;  // HEIM_DATABASE_URL, after sqlite://; or empty
  std::optional<PostgresAddress> postgres;  // HEIM_DATABASE_URL, of postgres://; unset: SQLite
  std::string storage_path;                 // HEIM_STORAGE_PATH
  std::optional<S3Options> s3;  // HEIM_S3_*, with HEIM_STORAGE_TYPE=s3; unset: files on disk
  std::string secret_key;       // HEIM_SECRET_KEY; empty: kept in the data directory
  std::string setup_token;      // HEIM_SETUP_TOKEN; empty: made at start
  int64_t max_file_bytes = 100'000'000;                 // HEIM_MAX_FILE_SIZE
  int64_t max_import_bytes = kImportMaxBytesDefault;    // HEIM_MAX_IMPORT_SIZE
  int64_t file_quota_actor_bytes = 0;                   // HEIM_FILE_QUOTA_ACTOR; 0: none
  int64_t file_quota_workspace_bytes = 0;               // HEIM_FILE_QUOTA_WORKSPACE; 0: none
  absl::Duration file_unlinked_kept = absl::Hours(24);  // HEIM_FILE_UNLINKED_KEPT
  LogLevel log_level = LogLevel::kInfo;                 // HEIM_LOG_LEVEL
  LogFormat log_format = LogFormat::kText;              // HEIM_LOG_FORMAT
  std::vector<std::string> cors_origins;                // HEIM_CORS_ORIGINS; empty: same origin
  Registration registration = Registration::kInvite;    // HEIM_REGISTRATION
  bool rate_limits = true;                              // HEIM_RATE_LIMITS
  RateTier rate_tier = RateTier::kPro;                  // HEIM_RATE_TIER
  std::vector<std::string> trusted_proxies;             // HEIM_TRUSTED_PROXIES
  bool websocket_query_token = true;                    // HEIM_WS_QUERY_TOKEN
  bool link_previews = true;                            // HEIM_LINK_PREVIEWS
  EgressRules egress;                                   // HEIM_EGRESS_ALLOW, HEIM_EGRESS_PORTS
  std::string egress_resolver;  // HEIM_EGRESS_RESOLVER; empty: the system's name servers
  std::string public_url;       // HEIM_PUBLIC_URL; empty: what the client asked for
};

// Looks a variable up; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// INVALID_ARGUMENT with one line that names the variable, its value (secrets left out) and what was
// expected. Unknown HEIM_* variables are named by UnknownVariables, for a warning.
absl::StatusOr<Config> LoadConfig(const Environment& environment);

// HEIM_* names among `names` that no setting has; probably misspelt.
std::vector<std::string> UnknownVariables(const std::vector<std::string>& names);

std::string_view RegistrationName(Registration registration);

// Which database, for people; without its password.
std::string DatabaseName(const Config& config);

}  // namespace heim
