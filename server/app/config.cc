#include "server/app/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/base/parse.h"
#include "server/base/status_macros.h"
#include "server/blob/s3/s3_blob_store.h"
#include "server/net/url.h"

namespace heim {
namespace {

constexpr std::array kNames = {
    "HEIM_HOST",
    "HEIM_PORT",
    "HEIM_GRPC_PORT",
    "HEIM_DATA_DIR",
    "HEIM_DATABASE_URL",
    "HEIM_STORAGE_TYPE",
    "HEIM_STORAGE_PATH",
    "HEIM_S3_ENDPOINT",
    "HEIM_S3_BUCKET",
    "HEIM_S3_REGION",
    "HEIM_S3_ACCESS_KEY",
    "HEIM_S3_SECRET_KEY",
    "HEIM_S3_PATH_STYLE",
    "HEIM_SECRET_KEY",
    "HEIM_SETUP_TOKEN",
    "HEIM_MAX_FILE_SIZE",
    "HEIM_MAX_IMPORT_SIZE",
    "HEIM_FILE_QUOTA_ACTOR",
    "HEIM_FILE_QUOTA_WORKSPACE",
    "HEIM_FILE_UNLINKED_KEPT",
    "HEIM_LOG_LEVEL",
    "HEIM_LOG_FORMAT",
    "HEIM_CORS_ORIGINS",
    "HEIM_REGISTRATION",
    "HEIM_RATE_LIMITS",
    "HEIM_RATE_TIER",
    "HEIM_PUBLIC_URL",
    "HEIM_TRUSTED_PROXIES",
    "HEIM_WS_QUERY_TOKEN",
    "HEIM_LINK_PREVIEWS",
    "HEIM_EGRESS_ALLOW",
    "HEIM_EGRESS_PORTS",
    "HEIM_EGRESS_RESOLVER",
    // Read by the command line, not by the server.
    "HEIM_SERVER",
    "HEIM_TOKEN",
    "HEIM_CONFIG_DIR",
    "HEIM_PASSWORD",
    "HEIM_WORKSPACE",
};

constexpr size_t kSetupTokenMinBytes = 16;
constexpr size_t kS3NameMaxBytes = 63;

absl::Status Bad(std::string_view name, std::string_view value, std::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(name), "=", std::string(value),
                                                 ": expected ", std::string(expected)));
}

absl::StatusOr<uint16_t> Port(std::string_view name, const std::string& value) {
  const auto port = ParseInteger(value, 0, 65535);
  if (!port.ok()) return Bad(name, value, "a port from 0 (any free one) to 65535");
  return static_cast<uint16_t>(*port);
}

absl::StatusOr<bool> Switch(std::string_view name, const std::string& value) {
  const std::string lower = absl::AsciiStrToLower(value);
  if (lower == "on" || lower == "true" || lower == "1") return true;
  if (lower == "off" || lower == "false" || lower == "0") return false;
  return Bad(name, value, "on or off");
}

std::vector<std::string> List(const std::string& value) {
  std::vector<std::string> items;
  for (absl::string_view item : absl::StrSplit(value, ',', absl::SkipWhitespace())) {
    items.emplace_back(absl::StripAsciiWhitespace(item));
  }
  return items;
}

// The container's volume where there is one, else a folder beside the caller.
std::string DefaultDataDir() { return ::access("/data", W_OK | X_OK) == 0 ? "/data" : "./data"; }

// The value may hold a password, also behind a scheme that is misspelt: it is never repeated.
absl::Status LoadDatabase(const std::string& url, Config* config) {
  constexpr char kExpected[] =
      "HEIM_DATABASE_URL: expected sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE";
  if (IsPostgresUrl(url)) {
    auto address = ParsePostgresUrl(url);
    if (!address.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(kExpected, "; there is ", address.status().message()));
    }
    config->postgres = *std::move(address);
    return absl::OkStatus();
  }
  absl::string_view path = url;
  if (!absl::ConsumePrefix(&path, "sqlite://") || path.empty()) {
    return absl::InvalidArgumentError(kExpected);
  }
  config->database_path = std::string(path);
  return absl::OkStatus();
}

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  // The value; empty when unset or set to nothing.
  std::string operator()(std::string_view name) const { return environment_(name).value_or(""); }

 private:
  const Environment& environment_;
};

// Words of letters, digits and - . _, as regions and buckets are.
bool IsS3Name(const std::string& name) {
  return name.size() <= kS3NameMaxBytes && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ||
                  c == '_';
         });
}

absl::StatusOr<S3Options> LoadS3(const Reader& read) {
  for (const char* name :
       {"HEIM_S3_ENDPOINT", "HEIM_S3_BUCKET", "HEIM_S3_ACCESS_KEY", "HEIM_S3_SECRET_KEY"}) {
    if (read(name).empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": is missing, and HEIM_STORAGE_TYPE=s3 needs it"));
    }
  }
  S3Options options;
  const std::string endpoint = read("HEIM_S3_ENDPOINT");
  const auto url = ParseUrl(endpoint);
  // A name and password in the address are not repeated.
  if (!url.ok() || url->target != "/") {
    return absl::InvalidArgumentError(
        "HEIM_S3_ENDPOINT: expected http://HOST[:PORT] or https://HOST[:PORT] and nothing more");
  }
  options.endpoint = *url;
  options.bucket = read("HEIM_S3_BUCKET");
  if (!IsS3Name(options.bucket)) return Bad("HEIM_S3_BUCKET", options.bucket, "a bucket's name");
  options.credentials.region = read("HEIM_S3_REGION");
  if (options.credentials.region.empty()) options.credentials.region = "us-east-1";
  if (!IsS3Name(options.credentials.region)) {
    return Bad("HEIM_S3_REGION", options.credentials.region, "a region such as us-east-1");
  }
  options.credentials.access_key = read("HEIM_S3_ACCESS_KEY");
  options.credentials.secret_key = read("HEIM_S3_SECRET_KEY");
  for (const char c : options.credentials.access_key) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError("HEIM_S3_ACCESS_KEY: expected a word without spaces");
    }
  }
  if (const std::string value = read("HEIM_S3_PATH_STYLE"); !value.empty()) {
    HEIM_ASSIGN_OR_RETURN(options.path_style, Switch("HEIM_S3_PATH_STYLE", value));
  }
  return options;
}

absl::Status LoadPlaces(const Reader& read, Config* config) {
  config->data_dir = read("HEIM_DATA_DIR");
  if (config->data_dir.empty()) config->data_dir = DefaultDataDir();
  const std::string url = read("HEIM_DATABASE_URL");
  if (url.empty()) {
    config->database_path = config->data_dir + "/heim.db";
  } else {
    HEIM_RETURN_IF_ERROR(LoadDatabase(url, config));
  }
  const std::string storage = read("HEIM_STORAGE_TYPE");
  if (storage == "s3") {
    HEIM_ASSIGN_OR_RETURN(config->s3, LoadS3(read));
  } else if (!storage.empty() && storage != "local") {
    return Bad("HEIM_STORAGE_TYPE", storage, "local or s3");
  }
  config->storage_path = read("HEIM_STORAGE_PATH");
  if (config->storage_path.empty()) config->storage_path = config->data_dir + "/files";
  return absl::OkStatus();
}

absl::Status LoadListeners(const Reader& read, Config* config) {
  if (const std::string host = read("HEIM_HOST"); !host.empty()) config->host = host;
  if (const std::string port = read("HEIM_PORT"); !port.empty()) {
    HEIM_ASSIGN_OR_RETURN(config->port, Port("HEIM_PORT", port));
  }
  if (const std::string port = read("HEIM_GRPC_PORT"); !port.empty()) {
    HEIM_ASSIGN_OR_RETURN(const uint16_t number, Port("HEIM_GRPC_PORT", port));
    if (number != 0 && number == config->port) {
      return Bad("HEIM_GRPC_PORT", port,
                 "another port than HEIM_PORT, or none: HEIM_PORT serves gRPC too");
    }
    config->grpc_port = number;
  }
  config->public_url = read("HEIM_PUBLIC_URL");
  if (!config->public_url.empty() && !absl::StartsWith(config->public_url, "http://") &&
      !absl::StartsWith(config->public_url, "https://")) {
    return Bad("HEIM_PUBLIC_URL", config->public_url,
               "an address that begins with http:// or https://");
  }
  while (absl::EndsWith(config->public_url, "/")) config->public_url.pop_back();
  return absl::OkStatus();
}

// Bytes of all files together. 0 and an empty value: no quota.
absl::StatusOr<int64_t> Quota(std::string_view name, const std::string& value) {
  if (value.empty()) return 0;
  const auto bytes = ParseByteSize(value);
  if (!bytes.ok() || *bytes > (uint64_t{1} << 50)) {
    return Bad(name, value, "a size such as 10GB, at most 1024TiB, or 0 for no quota");
  }
  return static_cast<int64_t>(*bytes);
}

absl::Status LoadFiles(const Reader& read, Config* config) {
  if (const std::string size = read("HEIM_MAX_FILE_SIZE"); !size.empty()) {
    const auto bytes = ParseByteSize(size);
    if (!bytes.ok() || *bytes == 0 || *bytes > (uint64_t{1} << 40)) {
      return Bad("HEIM_MAX_FILE_SIZE", size, "a size such as 100MB, at most 1TiB");
    }
    if (config->s3.has_value() && *bytes > S3BlobStore::kMaxBytes) {
      return Bad("HEIM_MAX_FILE_SIZE", size, "at most 5GiB with HEIM_STORAGE_TYPE=s3");
    }
    config->max_file_bytes = static_cast<int64_t>(*bytes);
  }
  if (config->s3.has_value()) config->max_import_bytes = S3BlobStore::kMaxBytes;
  if (const std::string size = read("HEIM_MAX_IMPORT_SIZE"); !size.empty()) {
    const auto bytes = ParseByteSize(size);
    const uint64_t most = config->s3.has_value() ? S3BlobStore::kMaxBytes : uint64_t{1} << 40;
    if (!bytes.ok() || *bytes == 0 || *bytes > most) {
      return Bad("HEIM_MAX_IMPORT_SIZE", size,
                 "a size such as 20GiB, at most 1TiB, with HEIM_STORAGE_TYPE=s3 5GiB");
    }
    config->max_import_bytes = static_cast<int64_t>(*bytes);
  }
  HEIM_ASSIGN_OR_RETURN(config->file_quota_actor_bytes,
                        Quota("HEIM_FILE_QUOTA_ACTOR", read("HEIM_FILE_QUOTA_ACTOR")));
  HEIM_ASSIGN_OR_RETURN(config->file_quota_workspace_bytes,
                        Quota("HEIM_FILE_QUOTA_WORKSPACE", read("HEIM_FILE_QUOTA_WORKSPACE")));
  if (const std::string value = read("HEIM_FILE_UNLINKED_KEPT"); !value.empty()) {
    absl::Duration kept;
    if (!absl::ParseDuration(value, &kept) || kept < absl::Seconds(1) ||
        kept > absl::Hours(24 * 365)) {
      return Bad("HEIM_FILE_UNLINKED_KEPT", value, "a time such as 24h, of 1s to 8760h");
    }
    config->file_unlinked_kept = kept;
  }
  return absl::OkStatus();
}

absl::Status LoadPolicies(const Reader& read, Config* config) {
  config->secret_key = read("HEIM_SECRET_KEY");
  config->setup_token = read("HEIM_SETUP_TOKEN");
  if (!config->setup_token.empty() && config->setup_token.size() < kSetupTokenMinBytes) {
    return absl::InvalidArgumentError("HEIM_SETUP_TOKEN: expected at least 16 characters");
  }
  const std::string registration = read("HEIM_REGISTRATION");
  if (registration == "open") {
    config->registration = Registration::kOpen;
  } else if (registration == "disabled") {
    config->registration = Registration::kDisabled;
  } else if (!registration.empty() && registration != "invite") {
    return Bad("HEIM_REGISTRATION", registration, "open, invite or disabled");
  }
  config->cors_origins = List(read("HEIM_CORS_ORIGINS"));
  for (const std::string& origin : config->cors_origins) {
    const bool url = absl::StartsWith(origin, "http://") || absl::StartsWith(origin, "https://");
    if (origin != "*" && (!url || absl::EndsWith(origin, "/"))) {
      return Bad("HEIM_CORS_ORIGINS", origin, "* or origins such as https://app.example.com");
    }
  }
  config->trusted_proxies = List(read("HEIM_TRUSTED_PROXIES"));
  if (const std::string value = read("HEIM_RATE_LIMITS"); !value.empty()) {
    HEIM_ASSIGN_OR_RETURN(config->rate_limits, Switch("HEIM_RATE_LIMITS", value));
  }
  if (const std::string value = read("HEIM_RATE_TIER"); !value.empty()) {
    const std::optional<RateTier> tier = RateTierOf(value);
    if (!tier.has_value()) return Bad("HEIM_RATE_TIER", value, "free, pro or enterprise");
    config->rate_tier = *tier;
  }
  if (const std::string value = read("HEIM_WS_QUERY_TOKEN"); !value.empty()) {
    HEIM_ASSIGN_OR_RETURN(config->websocket_query_token, Switch("HEIM_WS_QUERY_TOKEN", value));
  }
  return absl::OkStatus();
}

// Where addresses that users give may lead.
absl::Status LoadEgress(const Reader& read, Config* config) {
  if (const std::string value = read("HEIM_LINK_PREVIEWS"); !value.empty()) {
    HEIM_ASSIGN_OR_RETURN(config->link_previews, Switch("HEIM_LINK_PREVIEWS", value));
  }
  const std::string allow = read("HEIM_EGRESS_ALLOW");
  if (!AddEgressAllow(allow, &config->egress).ok()) {
    return Bad("HEIM_EGRESS_ALLOW", allow, "hosts and networks such as wiki.example,10.1.0.0/16");
  }
  if (const std::string value = read("HEIM_EGRESS_PORTS"); !value.empty()) {
    config->egress.ports.clear();
    for (const std::string& item : List(value)) {
      const auto port = ParseInteger(item, 1, 65535);
      if (!port.ok()) return Bad("HEIM_EGRESS_PORTS", value, "ports such as 80,443");
      config->egress.ports.push_back(static_cast<uint16_t>(*port));
    }
  }
  config->egress_resolver = read("HEIM_EGRESS_RESOLVER");
  return absl::OkStatus();
}

absl::Status LoadLogging(const Reader& read, Config* config) {
  if (const std::string value = read("HEIM_LOG_LEVEL"); !value.empty()) {
    const auto level = ParseLogLevel(value);
    if (!level.has_value()) return Bad("HEIM_LOG_LEVEL", value, "debug, info, warn or error");
    config->log_level = *level;
  }
  if (const std::string value = read("HEIM_LOG_FORMAT"); !value.empty()) {
    const auto format = ParseLogFormat(value);
    if (!format.has_value()) return Bad("HEIM_LOG_FORMAT", value, "text or json");
    config->log_format = *format;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Config> LoadConfig(const Environment& environment) {
  const Reader read(environment);
  Config config;
  HEIM_RETURN_IF_ERROR(LoadLogging(read, &config));
  HEIM_RETURN_IF_ERROR(LoadListeners(read, &config));
  HEIM_RETURN_IF_ERROR(LoadPlaces(read, &config));
  HEIM_RETURN_IF_ERROR(LoadFiles(read, &config));
  HEIM_RETURN_IF_ERROR(LoadPolicies(read, &config));
  HEIM_RETURN_IF_ERROR(LoadEgress(read, &config));
  return config;
}

std::vector<std::string> UnknownVariables(const std::vector<std::string>& names) {
  std::vector<std::string> unknown;
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, "HEIM_")) continue;
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) unknown.push_back(name);
  }
  return unknown;
}

std::string_view RegistrationName(Registration registration) {
  switch (registration) {
    case Registration::kOpen:
      return "open";
    case Registration::kInvite:
      return "invite";
    case Registration::kDisabled:
      return "disabled";
  }
  return "";
}

std::string DatabaseName(const Config& config) {
  return config.postgres.has_value() ? absl::StrCat("PostgreSQL at ", config.postgres->display)
                                     : absl::StrCat("SQLite in ", config.database_path);
}

}  // namespace heim
