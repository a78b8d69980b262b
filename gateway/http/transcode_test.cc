// Goal: body, path and query together make the request that a gRPC client would have sent. Method:
// requests of the contract, found through its own routes.

#include "gateway/http/transcode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "gateway/http/route_trie.h"
#include "gateway/json/testing.h"
#include "heim/v1/actor_service.pb.h"
#include "heim/v1/channel_service.pb.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/message_service.pb.h"
#include "heim/v1/presence_service.pb.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using google::protobuf::MethodDescriptor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TranscodeTest : public testing::Test {
 protected:
  TranscodeTest() {
    std::vector<const MethodDescriptor*> methods;
    for (const char* service :
         {"ActorService", "MessageService", "ChannelService", "PresenceService", "EventService"}) {
      const auto* found = v1::GetActorRequest::descriptor()->file()->pool()->FindServiceByName(
          StrCat("heim.v1.", service));
      for (int i = 0; i < found->method_count(); ++i) methods.push_back(found->method(i));
    }
    trie_ = *RouteTrie::Create(*ReadHttpBindings(methods));
    static_cast<void>(v1::CreateChannelRequest::default_instance());
    static_cast<void>(v1::SubscribeRequest::default_instance());
  }

  template <typename T>
  absl::Status Build(std::string_view method, std::string_view target, std::string_view body,
                     T* out) {
    const size_t mark = target.find('?');
    const RouteMatch match = trie_->Match(method, target.substr(0, mark));
    if (!match.status.ok()) return match.status;
    EXPECT_EQ(match.binding->rpc->input_type(), T::descriptor());
    auto query =
        ParseQuery(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1));
    if (!query.ok()) return query.status();
    out->Clear();
    HttpParts parts;
    parts.variables = match.variables;
    parts.query = *query;
    parts.body = body;
    parts.expected_revision = expected_revision_;
    return BuildRequest(*match.binding, parts, options_, out);
  }

  std::unique_ptr<RouteTrie> trie_;
  JsonOptions options_;
  std::optional<uint32_t> expected_revision_;
};

TEST_F(TranscodeTest, BodyAndPathTogetherMakeTheRequest) {
  v1::SendMessageRequest request;
  ASSERT_TRUE(Build("POST", "/api/v1/channels/c1/messages", R"({"content":"hi"})", &request).ok());
  EXPECT_EQ(request.channel_id(), "c1");
  EXPECT_EQ(request.content(), "hi");
  v1::JoinChannelRequest join;
  EXPECT_TRUE(Build("POST", "/api/v1/channels/c1/join", "", &join).ok());
  EXPECT_EQ(join.channel_id(), "c1");
}

TEST_F(TranscodeTest, ABodyMayRepeatThePathButNotContradictIt) {
  v1::SendMessageRequest request;
  EXPECT_TRUE(Build("POST", "/api/v1/channels/c1/messages", R"({"channel_id":"c1","content":"x"})",
                    &request)
                  .ok());
  const absl::Status status = Build("POST", "/api/v1/channels/c1/messages",
                                    R"({"channel_id":"c2","content":"x"})", &request);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "channel_id");
}

TEST_F(TranscodeTest, TheQueryFillsWhatIsLeft) {
  v1::ListMessagesRequest list;
  ASSERT_TRUE(Build("GET", "/api/v1/channels/c1/messages?limit=20&includeReplies=true&pretty&_=1",
                    "", &list)
                  .ok());
  EXPECT_EQ(list.limit(), 20u);
  EXPECT_TRUE(list.include_replies());
  v1::BatchGetPresenceRequest batch;
  ASSERT_TRUE(Build("GET", "/api/v1/presence?actor_ids=a&actor_ids=b%2Cc", "", &batch).ok());
  EXPECT_THAT(batch.actor_ids(), ElementsAre("a", "b,c"));
}

TEST_F(TranscodeTest, WrongQueriesAreRefused) {
  v1::ListMessagesRequest list;
  const auto reason = [&](const char* query) {
    return ReasonOf(Build("GET", StrCat("/api/v1/channels/c1/messages?", query), "", &list));
  };
  EXPECT_EQ(reason("limit=1&limit=2"), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("limit=many"), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("limit=-1"), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("channel_id=c2"), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("limti=1"), v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_EQ(reason("token=secret"), v1::ERROR_REASON_UNKNOWN_FIELD);
  v1::SendMessageRequest send;
  EXPECT_EQ(ReasonOf(Build("POST", "/api/v1/channels/c1/messages?content=x", "{}", &send)),
            v1::ERROR_REASON_UNKNOWN_FIELD);
  options_.ignore_unknown = true;
  EXPECT_EQ(reason("limti=1"), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(reason("limit=many"), v1::ERROR_REASON_INVALID_ARGUMENT);
}

TEST_F(TranscodeTest, ABodyWhereNoneIsTakenIsRefused) {
  v1::DeleteMessageRequest request;
  EXPECT_TRUE(Build("DELETE", "/api/v1/messages/m", "", &request).ok());
  EXPECT_TRUE(Build("DELETE", "/api/v1/messages/m", " {} ", &request).ok());
  EXPECT_EQ(ReasonOf(Build("DELETE", "/api/v1/messages/m", R"({"a":1})", &request)),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(Build("DELETE", "/api/v1/messages/m", "x", &request)),
            v1::ERROR_REASON_INVALID_JSON);
}

TEST_F(TranscodeTest, APatchsMaskIsTheKeysPresent) {
  v1::UpdateActorRequest request;
  ASSERT_TRUE(Build("PATCH", "/api/v1/actors/me",
                    R"({"display_name":"A","status":null,"agent":{"model":"m"}})", &request)
                  .ok());
  EXPECT_EQ(request.actor_id(), "me");
  EXPECT_EQ(request.actor().display_name(), "A");
  EXPECT_THAT(request.update_mask().paths(), ElementsAre("display_name", "status", "agent.model"));
  ASSERT_TRUE(Build("PATCH", "/api/v1/actors/me", "{}", &request).ok());
  EXPECT_FALSE(request.has_update_mask());
}

TEST_F(TranscodeTest, AMaskInTheQueryWins) {
  v1::UpdateActorRequest request;
  ASSERT_TRUE(
      Build("PATCH", "/api/v1/actors/me?update_mask=status", R"({"display_name":"A"})", &request)
          .ok());
  EXPECT_THAT(request.update_mask().paths(), ElementsAre("status"));
  EXPECT_EQ(ReasonOf(Build("PATCH", "/api/v1/actors/me?actor.status=x", "{}", &request)),
            v1::ERROR_REASON_UNKNOWN_FIELD);
}

TEST_F(TranscodeTest, IfMatchBecomesTheExpectedRevision) {
  expected_revision_ = 7;
  v1::UpdateActorRequest request;
  ASSERT_TRUE(Build("PATCH", "/api/v1/actors/me", "{}", &request).ok());
  EXPECT_EQ(request.expected_revision(), 7u);
  v1::DeleteMessageRequest without;
  EXPECT_TRUE(Build("DELETE", "/api/v1/messages/m", "", &without).ok());
}

TEST_F(TranscodeTest, TheAnswerIsTheResponseOrItsNamedField) {
  v1::GetMessageResponse response;
  response.mutable_message()->set_id("m");
  std::string out;
  AppendResponse(*trie_->Match("GET", "/api/v1/messages/m").binding, response, Dialect::kHeim,
                 &out);
  EXPECT_THAT(out, HasSubstr(R"({"id":"m",)"));
  out.clear();
  v1::BatchGetPresenceResponse whole;
  AppendResponse(*trie_->Match("GET", "/api/v1/presence").binding, whole, Dialect::kHeim, &out);
  EXPECT_EQ(out, R"({"presences":[]})");
}

}  // namespace
}  // namespace heim
