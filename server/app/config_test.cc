// Goal: every HEIM_* variable is taken, and a bad value stops the start with a line that names it.
#include "server/app/config.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace heim {
namespace {

absl::StatusOr<Config> Load(const std::map<std::string, std::string>& variables) {
  return LoadConfig([&](std::string_view name) -> std::optional<std::string> {
    const auto it = variables.find(std::string(name));
    if (it == variables.end()) return std::nullopt;
    return it->second;
  });
}

TEST(ConfigTest, DefaultsAreThoseOfTheDocumentation) {
  const auto config = Load({{"HEIM_DATA_DIR", "d"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->port, 3000);
  EXPECT_FALSE(config->grpc_port.has_value());
  EXPECT_EQ(config->database_path, "d/heim.db");
  EXPECT_EQ(config->storage_path, "d/files");
  EXPECT_EQ(config->max_file_bytes, 100'000'000);
  EXPECT_EQ(config->registration, Registration::kInvite);
  EXPECT_TRUE(config->cors_origins.empty());
  EXPECT_TRUE(config->rate_limits);
  EXPECT_EQ(config->rate_tier, RateTier::kPro);
  EXPECT_TRUE(config->websocket_query_token);
}

TEST(ConfigTest, EgressIsReadAndABadListStopsTheStart) {
  const auto config = Load({{"HEIM_LINK_PREVIEWS", "off"},
                            {"HEIM_EGRESS_ALLOW", "wiki.example,10.1.0.0/16"},
                            {"HEIM_EGRESS_PORTS", "80, 8080"},
                            {"HEIM_EGRESS_RESOLVER", "127.0.0.1:5353"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->link_previews);
  EXPECT_EQ(config->egress.hosts, std::vector<std::string>{"wiki.example"});
  EXPECT_EQ(config->egress.networks.size(), 1u);
  EXPECT_EQ(config->egress.ports, (std::vector<uint16_t>{80, 8080}));
  EXPECT_EQ(config->egress_resolver, "127.0.0.1:5353");
  EXPECT_FALSE(Load({{"HEIM_EGRESS_ALLOW", "http://wiki.example"}}).ok());
  EXPECT_FALSE(Load({{"HEIM_EGRESS_PORTS", "80,x"}}).ok());
}

TEST(ConfigTest, EverythingAfterSqliteSchemeIsThePath) {
  EXPECT_EQ(Load({{"HEIM_DATABASE_URL", "sqlite:///data/heim.db"}})->database_path,
            "/data/heim.db");
  EXPECT_EQ(Load({{"HEIM_DATABASE_URL", "sqlite://./x.db"}})->database_path, "./x.db");
}

TEST(ConfigTest, APostgresUrlIsReadAndShownWithoutItsPassword) {
  const auto config = Load({{"HEIM_DATABASE_URL", "postgres://ada:s3cret@db:5433/chat"}});
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->postgres.has_value());
  EXPECT_EQ(config->database_path, "");
  EXPECT_NE(config->postgres->conninfo.find("s3cret"), std::string::npos);
  EXPECT_EQ(DatabaseName(*config), "PostgreSQL at ada@db:5433/chat");
  EXPECT_EQ(DatabaseName(*Load({{"HEIM_DATABASE_URL", "sqlite://x.db"}})), "SQLite in x.db");
}

TEST(ConfigTest, ABadDatabaseUrlIsNotRepeated) {
  for (const char* url : {"postgre://ada:s3cret@db/chat", "postgres://ada:s3cret@db:x/chat",
                          "postgresql://ada:s3/s3cret@db/chat", "ada:s3cret@db"}) {
    const auto config = Load({{"HEIM_DATABASE_URL", url}});
    ASSERT_FALSE(config.ok()) << url;
    const std::string message(config.status().message());
    EXPECT_NE(message.find("HEIM_DATABASE_URL"), std::string::npos);
    EXPECT_EQ(message.find("cret"), std::string::npos) << message;
  }
}

TEST(ConfigTest, ValuesAreRead) {
  const auto config = Load({{"HEIM_PORT", "0"},
                            {"HEIM_GRPC_PORT", "50051"},
                            {"HEIM_MAX_FILE_SIZE", "1GiB"},
                            {"HEIM_FILE_QUOTA_ACTOR", "2GB"},
                            {"HEIM_FILE_QUOTA_WORKSPACE", "0"},
                            {"HEIM_FILE_UNLINKED_KEPT", "90m"},
                            {"HEIM_REGISTRATION", "open"},
                            {"HEIM_CORS_ORIGINS", "https://a.example, http://localhost:5173"},
                            {"HEIM_RATE_LIMITS", "off"},
                            {"HEIM_RATE_TIER", "enterprise"},
                            {"HEIM_WS_QUERY_TOKEN", "off"},
                            {"HEIM_LOG_LEVEL", "debug"},
                            {"HEIM_LOG_FORMAT", "json"},
                            {"HEIM_PUBLIC_URL", "https://heim.example.com/"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->port, 0);
  EXPECT_EQ(config->grpc_port, 50051);
  EXPECT_EQ(config->max_file_bytes, int64_t{1} << 30);
  EXPECT_EQ(config->file_quota_actor_bytes, 2'000'000'000);
  EXPECT_EQ(config->file_quota_workspace_bytes, 0);
  EXPECT_EQ(config->file_unlinked_kept, absl::Minutes(90));
  EXPECT_EQ(config->registration, Registration::kOpen);
  EXPECT_EQ(config->cors_origins.size(), 2u);
  EXPECT_EQ(config->cors_origins[1], "http://localhost:5173");
  EXPECT_FALSE(config->rate_limits);
  EXPECT_EQ(config->rate_tier, RateTier::kEnterprise);
  EXPECT_FALSE(config->websocket_query_token);
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_EQ(config->log_format, LogFormat::kJson);
  EXPECT_EQ(config->public_url, "https://heim.example.com");
}

TEST(ConfigTest, BadValuesNameTheVariable) {
  const std::map<std::string, std::string> bad = {
      {"HEIM_PORT", "70000"},
      {"HEIM_GRPC_PORT", "grpc"},
      {"HEIM_DATABASE_URL", "mysql://x"},
      {"HEIM_STORAGE_TYPE", "tape"},
      {"HEIM_MAX_FILE_SIZE", "huge"},
      {"HEIM_FILE_QUOTA_ACTOR", "-1"},
      {"HEIM_FILE_QUOTA_WORKSPACE", "some"},
      {"HEIM_FILE_UNLINKED_KEPT", "0s"},
      {"HEIM_LOG_LEVEL", "loud"},
      {"HEIM_LOG_FORMAT", "xml"},
      {"HEIM_CORS_ORIGINS", "example.com"},
      {"HEIM_REGISTRATION", "maybe"},
      {"HEIM_RATE_LIMITS", "perhaps"},
      {"HEIM_RATE_TIER", "gold"},
      {"HEIM_WS_QUERY_TOKEN", "2"},
      {"HEIM_PUBLIC_URL", "ftp://x"},
      {"HEIM_SETUP_TOKEN", "short"},
  };
  for (const auto& [name, value] : bad) {
    const auto config = Load({{name, value}});
    ASSERT_FALSE(config.ok()) << name;
    EXPECT_NE(config.status().message().find(name), std::string::npos) << config.status();
    EXPECT_EQ(config.status().message().find('\n'), std::string::npos);
  }
}

std::map<std::string, std::string> S3Settings() {
  return {{"HEIM_STORAGE_TYPE", "s3"},
          {"HEIM_S3_ENDPOINT", "https://s3.example.com:9000"},
          {"HEIM_S3_BUCKET", "heim-files"},
          {"HEIM_S3_ACCESS_KEY", "the-access-key"},
          {"HEIM_S3_SECRET_KEY", "the-secret-key"}};
}

TEST(ConfigTest, FilesGoToTheBucket) {
  auto settings = S3Settings();
  auto config = Load(settings);
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->s3.has_value());
  EXPECT_EQ(config->s3->endpoint.Authority(), "s3.example.com:9000");
  EXPECT_TRUE(config->s3->endpoint.tls);
  EXPECT_EQ(config->s3->bucket, "heim-files");
  EXPECT_EQ(config->s3->credentials.region, "us-east-1");
  EXPECT_TRUE(config->s3->path_style);
  settings["HEIM_S3_REGION"] = "eu-central-1";
  settings["HEIM_S3_PATH_STYLE"] = "off";
  config = Load(settings);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->s3->credentials.region, "eu-central-1");
  EXPECT_FALSE(config->s3->path_style);
  settings["HEIM_STORAGE_TYPE"] = "local";
  EXPECT_FALSE(Load(settings)->s3.has_value());
}

TEST(ConfigTest, WhatTheBucketNeedsIsNamedAndSecretsAreNotRepeated) {
  for (const auto& [name, value] : S3Settings()) {
    if (name == "HEIM_STORAGE_TYPE") continue;
    auto settings = S3Settings();
    settings.erase(name);
    const auto config = Load(settings);
    ASSERT_FALSE(config.ok()) << name;
    EXPECT_NE(config.status().message().find(name), std::string::npos) << config.status();
    EXPECT_EQ(config.status().message().find("the-secret-key"), std::string::npos);
  }
  const std::map<std::string, std::string> bad = {
      {"HEIM_S3_ENDPOINT", "https://user:the-password@s3.example.com"},
      {"HEIM_S3_BUCKET", "a/b"},
      {"HEIM_S3_REGION", "a b"},
      {"HEIM_S3_ACCESS_KEY", "the-secret-key\n"},
      {"HEIM_S3_PATH_STYLE", "perhaps"},
      {"HEIM_MAX_FILE_SIZE", "6GiB"},
  };
  for (const auto& [name, value] : bad) {
    auto settings = S3Settings();
    settings[name] = value;
    const auto config = Load(settings);
    ASSERT_FALSE(config.ok()) << name;
    EXPECT_NE(config.status().message().find(name), std::string::npos) << config.status();
    EXPECT_EQ(config.status().message().find("the-"), std::string::npos) << config.status();
  }
}

TEST(ConfigTest, SecretsAreNotRepeatedInErrors) {
  const auto config = Load({{"HEIM_SETUP_TOKEN", "short-secret"}});
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().message().find("short-secret"), std::string::npos);
}

TEST(ConfigTest, MisspeltVariablesAreNamed) {
  EXPECT_EQ(UnknownVariables({"HEIM_PROT", "PATH", "HEIM_PORT"}),
            std::vector<std::string>{"HEIM_PROT"});
}

}  // namespace
}  // namespace heim
