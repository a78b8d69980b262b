// Goal: what the rules of the contract refuse is refused with the field named, what they allow is
// not, in the requests of the contract itself. Method: tables of requests in text format.
#include "server/model/validate.h"

#include <thread>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "heim/v1/actor_service.pb.h"
#include "heim/v1/agent_service.pb.h"
#include "heim/v1/auth_service.pb.h"
#include "heim/v1/channel_service.pb.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/file_service.pb.h"
#include "heim/v1/message_service.pb.h"
#include "heim/v1/workspace_service.pb.h"
#include "server/model/errors.h"
#include "server/model/limits.h"

namespace heim {
namespace {

#define ID "0190a000-0000-7000-8000-000000000001"

template <typename Request>
Request Parse(const std::string& text) {
  Request request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
  return request;
}

// "field: reason" or "ok".
std::string Verdict(const google::protobuf::Message& request) {
  const absl::Status status = Validate(request);
  if (status.ok()) return "ok";
  const v1::Error error = ToError(status, "");
  EXPECT_EQ(error.fields_size(), 1);
  EXPECT_EQ(error.message().rfind(error.fields(0).field(), 0), 0u) << error.message();
  return error.fields(0).field() + ": " + error.code();
}

struct Row {
  std::string request;
  std::string verdict;
};

template <typename Request>
void Expect(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(Verdict(Parse<Request>(row.request)), row.verdict) << row.request;
  }
}

TEST(ValidateTest, RequiredFieldsMustBeThere) {
  Expect<v1::GetMessageRequest>({{"", "message_id: invalid_argument"},
                                 {"message_id: ''", "message_id: invalid_argument"},
                                 {"message_id: 'whatever'", "ok"}});
  Expect<v1::OpenDirectRequest>({{"", "actor_ids: invalid_argument"},
                                 {"actor_ids: '" ID "'", "ok"},
                                 {"actor_ids: ''", "actor_ids[0]: invalid_argument"}});
  Expect<v1::UpdateWorkspaceMemberRequest>(
      {{"workspace_id: 'w' actor_id: 'a'", "role: invalid_argument"},
       {"workspace_id: 'w' actor_id: 'a' role: WORKSPACE_ROLE_GUEST", "ok"}});
}

TEST(ValidateTest, FormatsAreChecked) {
  Expect<v1::SendMessageRequest>(
      {{"channel_id: 'c' content: 'x'", "ok"},
       {"channel_id: 'c' thread_id: '" ID "'", "ok"},
       {"channel_id: 'c' thread_id: ''", "ok"},
       {"channel_id: 'c' thread_id: '1'", "thread_id: invalid_argument"},
       {"channel_id: 'c' thread_id: '0190A000-0000-7000-8000-000000000001'",
        "thread_id: invalid_argument"}});
  Expect<v1::AddReactionRequest>({{"message_id: 'm' emoji: '+1'", "ok"},
                                  {"message_id: 'm' emoji: '\xF0\x9F\x91\x8D'", "ok"},
                                  {"message_id: 'm' emoji: ':tada:'", "ok"},
                                  {"message_id: 'm' emoji: 'not one'", "emoji: invalid_emoji"},
                                  {"message_id: 'm'", "emoji: invalid_argument"}});
  Expect<v1::ListChannelsRequest>({{"cursor: 'aA0_.=-'", "ok"},
                                   {"cursor: ''", "ok"},
                                   {"cursor: 'a b'", "cursor: invalid_cursor"}});
  Expect<v1::CreateChannelRequest>(
      {{"name: 'general'", "ok"},
       {"name: 'General'", "name: invalid_argument"},
       {"name: '-x'", "name: invalid_argument"},
       {"members: '" ID "' members: 'x'", "members[1]: invalid_argument"}});
  Expect<v1::RegisterAgentRequest>(
      {{"username: 'bot' webhook_url: 'https://x.org/h'", "ok"},
       {"username: 'bot' webhook_url: ''", "ok"},
       {"username: 'bot' webhook_url: 'ftp://x'", "webhook_url: invalid_argument"},
       {"username: 'B'", "username: invalid_argument"}});
}

TEST(ValidateTest, SizesCountCodePointsItemsAndBytes) {
  const std::string e = "\xC3\xA9";
  std::string topic;
  for (int i = 0; i < 250; ++i) topic += e;
  Expect<v1::CreateChannelRequest>(
      {{"name: 'x' topic: '" + topic + "'", "ok"},
       {"name: 'x' topic: '" + topic + "x'", "topic: invalid_argument"}});
  v1::SendMessageRequest send = Parse<v1::SendMessageRequest>("channel_id: 'c'");
  for (int i = 0; i < 128; ++i) send.add_parts()->mutable_text();
  EXPECT_EQ(Verdict(send), "ok");
  send.add_parts();
  EXPECT_EQ(Verdict(send), "parts: invalid_argument");
  v1::SendMessageRequest big = Parse<v1::SendMessageRequest>("channel_id: 'c'");
  (*big.mutable_metadata()->mutable_fields())["k"].set_string_value(std::string(65536, 'x'));
  EXPECT_EQ(Verdict(big), "metadata: invalid_argument");
  Expect<v1::SendMessageRequest>({{"channel_id: 'c' client_id: ''", "client_id: invalid_argument"},
                                  {"channel_id: 'c' client_id: 'x'", "ok"}});
  Expect<v1::RegisterRequest>({{"username: 'ab' password: '1234567'", "password: invalid_argument"},
                               {"username: 'ab' password: '12345678'", "ok"}});
}

TEST(ValidateTest, NumbersHaveTheirRange) {
  Expect<v1::SubscribeRequest>(
      {{"shard_count: 1024", "ok"}, {"shard_count: 1025", "shard_count: invalid_argument"}});
  Expect<v1::ListEventsRequest>(
      {{"wait_ms: 55000", "ok"}, {"wait_ms: 4294967295", "wait_ms: invalid_argument"}});
}

TEST(ValidateTest, PathsReachIntoListsAndKinds) {
  const std::string head = "channel_id: 'c' parts { text { text: 'a' } } ";
  Expect<v1::SendMessageRequest>(
      {{head + "parts { tool_call { name: '" + std::string(257, 'n') + "' } }",
        "parts[1].tool_call.name: invalid_argument"},
       {head + "parts { file { file_id: 'x' } }", "parts[1].file.file_id: invalid_argument"},
       {"channel_id: 'c' attachments {}", "attachments[0].file_id: invalid_argument"},
       {head + "parts { tool_call { state: 99 } }", "parts[1].tool_call.state: invalid_argument"}});
  Expect<v1::SessionRequest>(
      {{"id: '1' message_send { content: 'x' }", "message_send.channel_id: invalid_argument"},
       {"id: '1' message_send { channel_id: 'c' }", "ok"},
       {"id: '1' ping {}", "ok"}});
}

TEST(ValidateTest, TextIsCleanEverywhere) {
  v1::SendMessageRequest request = Parse<v1::SendMessageRequest>("channel_id: 'c'");
  request.set_content(std::string("a\0b", 3));
  EXPECT_EQ(Verdict(request), "content: invalid_argument");
  request.set_content("\xff");
  EXPECT_EQ(Verdict(request), "content: invalid_argument");
  request.set_content("fine");
  request.add_parts()->mutable_reasoning()->set_text(std::string("\0", 1));
  EXPECT_EQ(Verdict(request), "parts[0].reasoning.text: invalid_argument");
  request.clear_parts();
  auto& fields = *request.mutable_metadata()->mutable_fields();
  fields["k"].mutable_list_value()->add_values()->set_string_value(std::string("\0", 1));
  EXPECT_EQ(Verdict(request), "metadata: invalid_argument");
  fields.clear();
  fields[std::string("\0", 1)].set_bool_value(true);
  EXPECT_EQ(Verdict(request), "metadata: invalid_argument");
}

// `levels` nested structs, the innermost with a scalar.
google::protobuf::Struct Nested(int levels) {
  google::protobuf::Struct value;
  google::protobuf::Struct* at = &value;
  for (int i = 1; i < levels; ++i) at = (*at->mutable_fields())["k"].mutable_struct_value();
  (*at->mutable_fields())["k"].set_number_value(1);
  return value;
}

TEST(ValidateTest, FreeValuesAreNotNestedTooDeep) {
  EXPECT_EQ(DepthOf(google::protobuf::Struct()), 0);
  EXPECT_EQ(DepthOf(Nested(3)), 3);
  v1::SendMessageRequest request = Parse<v1::SendMessageRequest>("channel_id: 'c'");
  *request.mutable_metadata() = Nested(kMetadataMaxDepth);
  EXPECT_EQ(Verdict(request), "ok");
  *request.mutable_metadata() = Nested(kMetadataMaxDepth + 1);
  EXPECT_EQ(Verdict(request), "metadata: invalid_argument");
  request.clear_metadata();
  auto* input = request.add_parts()->mutable_tool_call()->mutable_input();
  *input->mutable_struct_value() = Nested(kValueMaxDepth);
  EXPECT_EQ(Verdict(request), "ok");
  *input->mutable_struct_value() = Nested(kValueMaxDepth + 1);
  EXPECT_EQ(Verdict(request), "parts[0].tool_call.input: invalid_argument");
}

TEST(ValidateTest, TimesAndDurationsAreInRange) {
  Expect<v1::CreateAgentKeyRequest>(
      {{"agent_id: 'a' expires_at { seconds: 253402300799 nanos: 999999999 }", "ok"},
       {"agent_id: 'a' expires_at { seconds: 253402300800 }", "expires_at: invalid_argument"},
       {"agent_id: 'a' expires_at { nanos: -1 }", "expires_at: invalid_argument"},
       {"agent_id: 'a' expires_at { nanos: 1000000000 }", "expires_at: invalid_argument"}});
  Expect<v1::StartStreamRequest>(
      {{"channel_id: 'c' idle_timeout { seconds: 60 }", "ok"},
       {"channel_id: 'c' idle_timeout { seconds: -1 nanos: 1 }", "idle_timeout: invalid_argument"},
       {"channel_id: 'c' idle_timeout { seconds: 9223372036854775807 }",
        "idle_timeout: invalid_argument"}});
}

TEST(ValidateTest, UnknownEnumNumbersAreRefused) {
  Expect<v1::SendMessageRequest>(
      {{"channel_id: 'c' content_type: 2", "ok"},
       {"channel_id: 'c' content_type: 77", "content_type: invalid_argument"}});
}

TEST(ValidateTest, ManyThreadsMayMeetATypeForTheFirstTime) {
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { refused += !Validate(v1::UpdateActorRequest()).ok(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 8);
}

TEST(FormatsTest, Usernames) {
  for (const char* good : {"ab", "a.b-c_d", "x2", "_a", "12", "a23456789012345678901234567890ab"}) {
    EXPECT_TRUE(IsUsername(good)) << good;
  }
  for (const char* bad : {"", "a", "A2", ".ab", "ab.", "a b", "a@b", "\xC3\xA9t\xC3\xA9",
                          "a23456789012345678901234567890abc"}) {
    EXPECT_FALSE(IsUsername(bad)) << bad;
  }
  for (const char* reserved : {"all", "here", "channel", "everyone", "system", "admin", "Admin"}) {
    EXPECT_TRUE(IsReservedUsername(reserved)) << reserved;
  }
  EXPECT_FALSE(IsReservedUsername("administrator"));
}

TEST(FormatsTest, SlugsAddressesAndUris) {
  EXPECT_TRUE(IsSlug("a"));
  EXPECT_TRUE(IsSlug("0-_z"));
  EXPECT_TRUE(IsSlug(std::string(80, 'a')));
  for (const std::string& bad : {std::string(), std::string("_a"), std::string("a.b"),
                                 std::string("A"), std::string(81, 'a')}) {
    EXPECT_FALSE(IsSlug(bad)) << bad;
  }
  EXPECT_TRUE(IsEmail("ada@example.com"));
  EXPECT_TRUE(IsEmail("a+b.c@localhost"));
  for (const char* bad :
       {"", "ada", "@x", "a@", "a@@b", "a b@c", "a@.b", "a@b.", "a@b..c", "<a@b>", "a@b\n"}) {
    EXPECT_FALSE(IsEmail(bad)) << bad;
  }
  EXPECT_TRUE(IsHttpUri("http://localhost:8080/hook?x=1#y"));
  EXPECT_TRUE(IsHttpUri("HTTPS://[::1]/"));
  for (const char* bad :
       {"", "http://", "https:///x", "http://:80", "ftp://x", "javascript:alert(1)", "http://u:p@x",
        "http://x y", "http://x\n", "//x", "http:/x", "http://x\\y"}) {
    EXPECT_FALSE(IsHttpUri(bad)) << bad;
    EXPECT_FALSE(IsLink(bad)) << bad;
  }
  for (const char* good : {"https://example.com/", "mailto:ada@example.com",
                           "MAILTO:ada@example.com?subject=Hi%20there"}) {
    EXPECT_TRUE(IsLink(good)) << good;
  }
  for (const char* bad : {"mailto:", "mailto:?subject=x", "mailto:ada", "mailto:a@b?x=<y>",
                          "mailto:a@b?x y", "mailto://a@b@c"}) {
    EXPECT_FALSE(IsLink(bad)) << bad;
  }
}

std::vector<const google::protobuf::ServiceDescriptor*> Services() {
  std::vector<const google::protobuf::ServiceDescriptor*> services;
  for (const google::protobuf::FileDescriptor* file :
       {v1::SendMessageRequest::descriptor()->file(), v1::SubscribeRequest::descriptor()->file(),
        v1::GetChannelRequest::descriptor()->file(), v1::GetActorRequest::descriptor()->file(),
        v1::RegisterAgentRequest::descriptor()->file(), v1::LoginRequest::descriptor()->file(),
        v1::StartStreamRequest::descriptor()->file(), v1::UploadFileRequest::descriptor()->file(),
        v1::GetWorkspaceRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  return services;
}

TEST(ContractTest, TheContractIsSound) {
  EXPECT_EQ(CheckMethodPolicies(Services()), absl::OkStatus());
}

// A contract of one file with one service, made to measure.
std::string FaultOf(const std::string& message, const std::string& enums,
                    const std::string& options) {
  google::protobuf::FileDescriptorProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "name: 't.proto' package: 't' syntax: 'proto3' dependency: 'heim/v1/options.proto'"
      " message_type { name: 'Req' " +
          message + " } " + enums +
          " service { name: 'S' method { name: 'M' input_type: '.t.Req' output_type: '.t.Req' " +
          options + " } }",
      &file));
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const google::protobuf::FileDescriptor* built = pool.BuildFile(file);
  EXPECT_NE(built, nullptr);
  const google::protobuf::ServiceDescriptor* service = built->service(0);
  const absl::Status status = CheckMethodPolicies({service});
  if (status.ok()) return "ok";
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  return std::string(status.message());
}

TEST(ContractTest, FaultsAreNamed) {
  const std::string policy = "options { [heim.v1.policy] { rate_class: RATE_CLASS_READ } }";
  const std::string field =
      "field { name: 'a_b' number: 1 type: TYPE_STRING label: LABEL_OPTIONAL ";
  EXPECT_EQ(FaultOf("", "", policy), "ok");
  EXPECT_EQ(FaultOf("", "", ""), "t.S.M: the method has no policy");
  EXPECT_EQ(FaultOf("", "", "options { [heim.v1.policy] {} }"),
            "t.S.M: its policy names no rate class");
  EXPECT_EQ(
      FaultOf("", "", "options { [heim.v1.policy] { rate_class: RATE_CLASS_READ scopes: 'x:y' } }"),
      "t.S.M: unknown scope x:y");
  EXPECT_EQ(FaultOf(field + "}", "", policy), "t.Req.a_b: json_name is aB");
  EXPECT_EQ(FaultOf(field + "json_name: 'a_b' }", "", policy), "ok");
  EXPECT_EQ(FaultOf(field + "json_name: 'a_b' options { [heim.v1.rules] { format: 'uuid' } } }", "",
                    policy),
            "t.Req.a_b: unknown format uuid");
  const std::string of_enum =
      "field { name: 'k' number: 1 type: TYPE_ENUM type_name: '.t.TheKind' json_name: 'k' label: "
      "LABEL_OPTIONAL }";
  EXPECT_EQ(FaultOf(of_enum,
                    "enum_type { name: 'TheKind' value { name: 'THE_KIND_UNSPECIFIED' number: 0 } "
                    "value { name: 'OTHER' number: 1 } }",
                    policy),
            "t.TheKind: OTHER does not begin with THE_KIND_");
  EXPECT_EQ(FaultOf(of_enum,
                    "enum_type { name: 'TheKind' options { allow_alias: true } value { name: "
                    "'THE_KIND_A' number: 0 } "
                    "value { name: 'THE_KIND_a' number: 0 } }",
                    policy),
            "t.TheKind: THE_KIND_a and THE_KIND_A collide");
}

}  // namespace
}  // namespace heim
