// Goal: a path finds its method by the rules of the contract. Method: the contract's own bindings,
// and small ones made by hand for precedence and conflicts.

#include "gateway/http/route_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/json/testing.h"
#include "google/api/annotations.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "heim/v1/actor_service.pb.h"
#include "heim/v1/admin_service.pb.h"
#include "heim/v1/agent_service.pb.h"
#include "heim/v1/auth_service.pb.h"
#include "heim/v1/channel_service.pb.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/file_service.pb.h"
#include "heim/v1/workspace_service.pb.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using testing::HasSubstr;

// Names one message of each file, so that the linker keeps its descriptors.
void LinkContract() {
  static_cast<void>(v1::CreateActorRequest::default_instance());
  static_cast<void>(v1::GetServerInfoRequest::default_instance());
  static_cast<void>(v1::RegisterAgentRequest::default_instance());
  static_cast<void>(v1::LoginRequest::default_instance());
  static_cast<void>(v1::CreateChannelRequest::default_instance());
  static_cast<void>(v1::SubscribeRequest::default_instance());
  static_cast<void>(v1::UploadFileRequest::default_instance());
  static_cast<void>(v1::CreateWorkspaceRequest::default_instance());
}

std::unique_ptr<RouteTrie> ContractTrie() {
  LinkContract();
  const auto methods = ContractMethods();
  EXPECT_TRUE(methods.ok()) << methods.status();
  auto bindings = ReadHttpBindings(*methods);
  EXPECT_TRUE(bindings.ok()) << bindings.status();
  auto trie = RouteTrie::Create(*std::move(bindings));
  EXPECT_TRUE(trie.ok()) << trie.status();
  return *std::move(trie);
}

// "rpc name=value ..." of what the method and path are bound to, or the reason why not.
std::string Found(const RouteTrie& trie, std::string_view method, std::string_view path) {
  const RouteMatch match = trie.Match(method, path);
  if (!match.status.ok()) return v1::ErrorReason_Name(ReasonOf(match.status)).substr(13);
  std::string out = match.binding->rpc->name();
  for (const auto& variable : match.variables) {
    StrAppend(&out, " ", variable.field, "=", variable.value);
  }
  return out;
}

TEST(RouteTrieTest, FindsTheMethodsOfTheContract) {
  const auto trie = ContractTrie();
  EXPECT_EQ(Found(*trie, "POST", "/api/v1/channels/c1/messages"), "SendMessage channel_id=c1");
  EXPECT_EQ(Found(*trie, "GET", "/api/v1/channels/c1/messages"), "ListMessages channel_id=c1");
  EXPECT_EQ(Found(*trie, "HEAD", "/api/v1/channels/c1/messages"), "ListMessages channel_id=c1");
  EXPECT_EQ(Found(*trie, "POST", "/auth/login"), "Login");
  EXPECT_EQ(Found(*trie, "POST", "/api/v1/auth/login"), "Login");
  EXPECT_EQ(Found(*trie, "GET", "/api/v1/events/poll"), "ListEvents");
  EXPECT_EQ(Found(*trie, "GET", "/api/v1/actors/me"), "GetActor actor_id=me");
  EXPECT_EQ(Found(*trie, "DELETE", "/api/v1/channels/c/members/a"),
            "RemoveMember channel_id=c actor_id=a");
}

TEST(RouteTrieTest, ATrailingSlashIsTheSamePathAnEmptySegmentIsNot) {
  const auto trie = ContractTrie();
  EXPECT_EQ(Found(*trie, "GET", "/api/v1/channels/"), "ListChannels");
  for (const char* path :
       {"/", "//", "/api/v1/channels//", "/api/v1//channels", "/api/v1",
        "/api/v1/channels/c/nothing", "/API/v1/channels", "/api/v1/channels/c/x/y/z"}) {
    EXPECT_EQ(Found(*trie, "GET", path), "ROUTE_NOT_FOUND") << path;
  }
}

TEST(RouteTrieTest, VariablesAreDecodedOnceAndNeverSplit) {
  const auto trie = ContractTrie();
  const auto emoji = [&](const char* segment) {
    return Found(*trie, "DELETE", StrCat("/api/v1/messages/m/reactions/", segment));
  };
  EXPECT_EQ(emoji("+1"), "RemoveReaction message_id=m emoji=+1");
  EXPECT_EQ(emoji("%2B1"), "RemoveReaction message_id=m emoji=+1");
  EXPECT_EQ(emoji(":tada:"), "RemoveReaction message_id=m emoji=:tada:");
  EXPECT_EQ(emoji("%F0%9F%8E%89"), "RemoveReaction message_id=m emoji=🎉");
  EXPECT_EQ(emoji("a%2Fb"), "RemoveReaction message_id=m emoji=a/b");
  EXPECT_EQ(emoji("%252F"), "RemoveReaction message_id=m emoji=%2F");
  EXPECT_EQ(emoji(".."), "RemoveReaction message_id=m emoji=..");
  for (const char* bad : {"%", "%2", "%zz", "%F", "%FF", "%C0%80", "%ED%A0%80", "\xFF"}) {
    EXPECT_EQ(emoji(bad), "INVALID_HTTP") << bad;
  }
  EXPECT_EQ(Found(*trie, "GET", "api/v1/channels"), "INVALID_HTTP");
  EXPECT_EQ(Found(*trie, "GET", ""), "INVALID_HTTP");
  EXPECT_EQ(Found(*trie, "OPTIONS", "*"), "INVALID_HTTP");
}

TEST(RouteTrieTest, OtherMethodsLearnWhatIsAllowed) {
  const auto trie = ContractTrie();
  const RouteMatch match = trie->Match("PUT", "/api/v1/channels/c1");
  EXPECT_EQ(ReasonOf(match.status), v1::ERROR_REASON_METHOD_NOT_ALLOWED);
  EXPECT_EQ(match.allow, "DELETE, GET, HEAD, PATCH");
  EXPECT_EQ(trie->Match("GET", "/auth/login").allow, "POST");
  EXPECT_EQ(Found(*trie, "get", "/api/v1/channels"), "METHOD_NOT_ALLOWED");
}

// A method with a binding, made by hand. The request has the fields a and b.
class HandMade {
 public:
  HandMade() {
    for (const char* name : {"google/protobuf/descriptor.proto", "google/api/http.proto",
                             "google/api/annotations.proto"}) {
      google::protobuf::FileDescriptorProto file;
      google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name)->CopyTo(&file);
      pool_.BuildFile(file);
    }
    file_.set_name("test.proto");
    file_.set_package("test");
    file_.set_syntax("proto3");
    file_.add_dependency("google/api/annotations.proto");
    auto* message = file_.add_message_type();
    message->set_name("M");
    AddField(message, "a", 1, "");
    AddField(message, "b", 2, "");
    AddField(message, "m", 3, ".test.M");
    file_.add_service()->set_name("S");
  }

  HandMade& Add(const std::string& http_method, const std::string& path,
                const std::string& body = "", const std::string& response_body = "") {
    auto* method = file_.mutable_service(0)->add_method();
    method->set_name(StrCat("R", file_.service(0).method_size()));
    method->set_input_type(".test.M");
    method->set_output_type(".test.M");
    auto* rule = method->mutable_options()->MutableExtension(google::api::http);
    if (http_method == "GET") rule->set_get(path);
    if (http_method == "POST") rule->set_post(path);
    rule->set_body(body);
    rule->set_response_body(response_body);
    return *this;
  }

  absl::StatusOr<std::unique_ptr<RouteTrie>> Build() {
    const auto* file = pool_.BuildFile(file_);
    EXPECT_NE(file, nullptr);
    std::vector<const google::protobuf::MethodDescriptor*> methods;
    for (int i = 0; i < file->service(0)->method_count(); ++i) {
      methods.push_back(file->service(0)->method(i));
    }
    auto bindings = ReadHttpBindings(methods);
    if (!bindings.ok()) return bindings.status();
    return RouteTrie::Create(*std::move(bindings));
  }

 private:
  static void AddField(google::protobuf::DescriptorProto* message, const char* name, int number,
                       const char* type) {
    auto* field = message->add_field();
    field->set_name(name);
    field->set_number(number);
    field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
    if (*type == '\0') {
      field->set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
    } else {
      field->set_type(google::protobuf::FieldDescriptorProto::TYPE_MESSAGE);
      field->set_type_name(type);
    }
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::FileDescriptorProto file_;
};

TEST(RouteTrieTest, LiteralsBeatVariablesWhateverTheOrder) {
  for (const bool literal_first : {true, false}) {
    HandMade made;
    if (literal_first) made.Add("POST", "/hooks/respond/{b}").Add("POST", "/hooks/{a}/inbound");
    if (!literal_first) made.Add("POST", "/hooks/{a}/inbound").Add("POST", "/hooks/respond/{b}");
    made.Add("GET", "/hooks/{a}/inbound");
    const auto trie = made.Build();
    ASSERT_TRUE(trie.ok()) << trie.status();
    EXPECT_THAT(Found(**trie, "POST", "/hooks/respond/inbound"), HasSubstr("b=inbound"));
    EXPECT_THAT(Found(**trie, "POST", "/hooks/x/inbound"), HasSubstr("a=x"));
    EXPECT_THAT(Found(**trie, "GET", "/hooks/respond/inbound"), HasSubstr("a=respond"));
    EXPECT_EQ((*trie)->Match("PUT", "/hooks/respond/inbound").allow, "GET, HEAD, POST");
  }
}

TEST(RouteTrieTest, TemplatesOfEqualPrecedenceStopTheStart) {
  const auto trie = HandMade().Add("GET", "/x/{a}/y").Add("GET", "/x/{b}/y").Build();
  EXPECT_EQ(trie.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(trie.status().message()), HasSubstr("/x/{a}/y"));
  EXPECT_THAT(std::string(trie.status().message()), HasSubstr("/x/{b}/y"));
  EXPECT_TRUE(HandMade().Add("GET", "/x/{a}").Add("POST", "/x/{b}").Build().ok());
}

TEST(HttpRuleTest, WhatCannotBeServedStopsTheStart) {
  for (const char* path : {"/x/{c}", "/x/{m}", "/x/{a=**}", "/x/*", "/x/{a}:verb", "/x:verb", "x",
                           "", "/x//y", "/x/a{b}", "/x/{a.b}"}) {
    EXPECT_EQ(HandMade().Add("GET", path).Build().status().code(),
              absl::StatusCode::kFailedPrecondition)
        << path;
  }
  EXPECT_FALSE(HandMade().Add("POST", "/x", "nothing").Build().ok());
  EXPECT_FALSE(HandMade().Add("POST", "/x", "a").Build().ok());
  EXPECT_FALSE(HandMade().Add("POST", "/x", "*", "nothing").Build().ok());
  EXPECT_TRUE(HandMade().Add("POST", "/x/{m.a}", "m", "m").Build().ok());
}

TEST(QueryStringTest, IsSplitAndDecoded) {
  const auto query = ParseQuery("q=a+b%2Bc&&flag&x=1=2&x=%F0%9F%8E%89");
  ASSERT_TRUE(query.ok());
  ASSERT_EQ(query->size(), 4u);
  EXPECT_EQ((*query)[0].value, "a b+c");
  EXPECT_EQ((*query)[1].name, "flag");
  EXPECT_EQ((*query)[1].value, "");
  EXPECT_EQ((*query)[2].value, "1=2");
  EXPECT_EQ((*query)[3].value, "🎉");
  EXPECT_EQ(ReasonOf(ParseQuery("a=%").status()), v1::ERROR_REASON_INVALID_HTTP);
  EXPECT_EQ(ReasonOf(ParseQuery("%FF=1").status()), v1::ERROR_REASON_INVALID_HTTP);
  std::string many;
  for (int i = 0; i < 1025; ++i) many += "a&";
  EXPECT_EQ(ReasonOf(ParseQuery(many).status()), v1::ERROR_REASON_INVALID_HTTP);
}

}  // namespace
}  // namespace heim
