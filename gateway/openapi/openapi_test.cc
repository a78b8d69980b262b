// Goal: the document says what the gateway serves, no more and no less, and is sound. Method: the
// route trie's bindings against its paths; every reference is followed.

#include "gateway/openapi/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "gateway/http/http_rule.h"
#include "heim/v1/actor_service.pb.h"
#include "heim/v1/admin_service.pb.h"
#include "heim/v1/agent_service.pb.h"
#include "heim/v1/auth_service.pb.h"
#include "heim/v1/channel_service.pb.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/file_service.pb.h"
#include "heim/v1/workspace_service.pb.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

using nlohmann::json;

json Document() {
  const auto text = BuildOpenApi("1.2.3");
  EXPECT_TRUE(text.ok()) << text.status();
  return json::parse(*text);
}

// Calls `visit` with every object in the document.
template <typename Visit>
void Walk(const json& node, const Visit& visit) {
  if (node.is_object()) visit(node);
  if (!node.is_structured()) return;
  for (const json& child : node) Walk(child, visit);
}

TEST(OpenApiTest, HasEveryRouteAndNoMore) {
  static_cast<void>(v1::CreateActorRequest::default_instance());
  static_cast<void>(v1::GetServerInfoRequest::default_instance());
  static_cast<void>(v1::RegisterAgentRequest::default_instance());
  static_cast<void>(v1::LoginRequest::default_instance());
  static_cast<void>(v1::CreateChannelRequest::default_instance());
  static_cast<void>(v1::SubscribeRequest::default_instance());
  static_cast<void>(v1::UploadFileRequest::default_instance());
  static_cast<void>(v1::CreateWorkspaceRequest::default_instance());
  const auto bindings = ReadHttpBindings(*ContractMethods());
  ASSERT_TRUE(bindings.ok());
  std::set<std::string> served;
  for (const HttpBinding& binding : *bindings) {
    served.insert(StrCat(AsciiLower(binding.http_method), " ", binding.path));
  }
  const json document = Document();
  std::set<std::string> described;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      described.insert(StrCat(method, " ", path));
    }
  }
  EXPECT_EQ(described, served);
  EXPECT_GT(served.size(), 50u);
}

TEST(OpenApiTest, EveryReferenceResolves) {
  const json document = Document();
  int references = 0;
  Walk(document, [&](const json& node) {
    if (!node.contains("$ref")) return;
    ++references;
    const std::string target = node["$ref"];
    ASSERT_EQ(target.substr(0, 2), "#/");
    EXPECT_TRUE(document.contains(json::json_pointer(target.substr(1)))) << target;
  });
  EXPECT_GT(references, 100);
}

TEST(OpenApiTest, OperationsAreWhole) {
  const json document = Document();
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"]["version"], "1.2.3");
  std::set<std::string> tags;
  for (const json& tag : document["tags"]) tags.insert(tag["name"]);
  std::set<std::string> ids;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << operation["operationId"];
      EXPECT_TRUE(operation["tags"].is_array());
      EXPECT_EQ(tags.count(operation["tags"][0]), 1u) << operation["tags"];
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << path;
      EXPECT_TRUE(operation["responses"].contains("default"));
      EXPECT_GE(operation["responses"].size(), 2u);
      std::string declared;
      for (const json& parameter : operation.value("parameters", json::array())) {
        if (parameter.contains("$ref")) continue;
        EXPECT_TRUE(parameter.contains("schema"));
        if (parameter["in"] != "path") continue;
        EXPECT_EQ(parameter["required"], true);
        EXPECT_THAT(path,
                    testing::HasSubstr(StrCat("{", parameter["name"].get<std::string>(), "}")));
        declared += "{";
      }
      EXPECT_EQ(static_cast<size_t>(std::count(path.begin(), path.end(), '{')), declared.size());
    }
  }
}

TEST(OpenApiTest, TheFormsOfTheContractAreThere) {
  const json document = Document();
  const json& paths = document["paths"];
  const json& send = paths["/api/v1/channels/{channel_id}/messages"]["post"];
  EXPECT_TRUE(send["responses"].contains("201"));
  const json& body = send["requestBody"]["content"]["application/json"]["schema"];
  EXPECT_TRUE(body["properties"].contains("content"));
  EXPECT_FALSE(body["properties"].contains("channel_id"));
  EXPECT_EQ(send["responses"]["201"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/Message");
  EXPECT_EQ(send["security"], json::parse(R"([{"bearer":["messages:write"]},
                                              {"cookie":["messages:write"]}])"));
  EXPECT_EQ(paths["/auth/login"]["post"]["security"], json::array());

  const json& upload = paths["/api/v1/files"]["post"]["requestBody"]["content"];
  EXPECT_EQ(upload["application/octet-stream"]["schema"]["format"], "binary");
  EXPECT_TRUE(upload.contains("multipart/form-data"));
  EXPECT_TRUE(
      paths["/api/v1/files/{file_id}"]["get"]["responses"]["200"]["content"].contains("*/*"));
  EXPECT_TRUE(
      paths["/api/v1/events"]["get"]["responses"]["200"]["content"].contains("text/event-stream"));

  const json& schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["ActorType"]["enum"], json::parse(R"(["human","agent","system"])"));
  EXPECT_EQ(schemas["Message"]["properties"]["created_at"]["format"], "date-time");
  EXPECT_EQ(schemas["Message"]["properties"]["id"]["readOnly"], true);
  EXPECT_EQ(schemas["Message"]["properties"]["seq"]["type"],
            json::parse(R"(["integer","string"])"));
  EXPECT_TRUE(schemas["Event"]["properties"].contains("cursor"));
  EXPECT_FALSE(schemas["Event"]["properties"].contains("message_new"));
  EXPECT_EQ(schemas["Event"]["required"], json::parse(R"(["type","data"])"));
  const json& error = document["components"]["responses"]["Error"];
  EXPECT_EQ(error["content"]["application/json"]["schema"]["required"], json::array({"error"}));
  EXPECT_TRUE(document["components"]["securitySchemes"].contains("bearer"));
  EXPECT_TRUE(document["components"]["securitySchemes"].contains("cookie"));
}

}  // namespace
}  // namespace heim
