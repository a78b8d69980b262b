// Goal: what is declared and what is bound must agree, or the server does not start and says where.
// Method: the real descriptors, with handlers bound to some of them.
#include "server/rpc/method_table.h"

#include "gtest/gtest.h"
#include "server/rpc/ack.h"
#include "server/rpc/testing.h"

namespace heim {
namespace {

TEST(MethodTableTest, ListsEveryMethodOfTheContract) {
  const auto table = MethodTable::Create();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_GE((*table)->methods().size(), 50u);
  for (const MethodInfo* method : (*table)->methods()) {
    EXPECT_NE(method->policy.rate_class(), v1::RATE_CLASS_UNSPECIFIED)
        << method->descriptor->full_name();
  }
}

TEST(MethodTableTest, AMethodWithoutHandlerIsNamed) {
  const auto table = MakeTable();
  FakeServices services;
  services.BindTo(*table);
  const absl::Status status = table->CheckComplete();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "heim.v1.AuthService.Register has no handler");
}

TEST(MethodTableTest, BothFormsOfAFullNameAreFound) {
  const auto table = MakeTable();
  const MethodInfo* method = table->Find("heim.v1.MessageService.SendMessage");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(table->Find("/heim.v1.MessageService/SendMessage"), method);
  EXPECT_EQ(table->FindByRequest(v1::SendMessageRequest::descriptor()), method);
  EXPECT_EQ(table->Find("heim.v1.MessageService.Nothing"), nullptr);
  EXPECT_EQ(table->Find(""), nullptr);
  // Streams are not found by their request.
  EXPECT_EQ(table->FindByRequest(v1::SubscribeRequest::descriptor()), nullptr);
}

TEST(MethodTableDeathTest, ABindingThatDoesNotFitStopsTheServer) {
  const auto table = MakeTable();
  FakeServices services;
  services.BindTo(*table);
  EXPECT_DEATH(table->Bind<&FakeServices::Login>("heim.v1.AuthService.Nothing", services), "check");
  EXPECT_DEATH(table->Bind<&FakeServices::Login>("heim.v1.AuthService.Register", services),
               "check");
  EXPECT_DEATH(table->Bind<&FakeServices::Login>("heim.v1.AuthService.Login", services), "check");
}

TEST(AckTest, NamesWhatThePolicySays) {
  const auto table = MakeTable();
  const MethodInfo* send = table->Find("heim.v1.MessageService.SendMessage");
  v1::SendMessageResponse response;
  response.mutable_message()->set_id("m1");
  const v1::ReplyAck ack = MakeAck(send->policy, response);
  EXPECT_TRUE(ack.ok());
  EXPECT_EQ(ack.message_id(), "m1");
  EXPECT_FALSE(ack.has_stream_id());
}

TEST(AckTest, ARuleThatLeadsNowhereIsRefused) {
  const auto* response = v1::SendMessageResponse::descriptor();
  for (const char* rule : {"message_id=message.nothing", "nothing=message.id", "message_id",
                           "next_index=message.id", "message_id=message.seq", "ok=message.id"}) {
    v1::MethodPolicy policy;
    policy.add_ack(rule);
    EXPECT_FALSE(CheckAckPaths(policy, *response).ok()) << rule;
  }
}

}  // namespace
}  // namespace heim
