// What the audit log tells of a change: changed fields only, short, and nothing that is secret or
// somebody else's.
#include "server/model/audit_facts.h"

#include <map>
#include <string>

#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "heim/v1/agent_service.pb.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/message.pb.h"
#include "heim/v1/session.pb.h"
#include "heim/v1/workspace.pb.h"
#include "server/base/strings.h"
#include "server/model/audit_limits.h"

namespace heim {
namespace {

using google::protobuf::Message;
using google::protobuf::Struct;

std::string Text(const std::optional<Struct>& facts) {
  if (!facts.has_value()) return "none";
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : facts->fields()) {
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(value, &sorted[name]).ok());
  }
  std::string text;
  for (const auto& [name, value] : sorted) {
    StrAppend(&text, text.empty() ? "" : ",", "\"", name, "\":", value);
  }
  return StrCat("{", text, "}");
}

v1::Channel PublicChannel() {
  v1::Channel channel;
  channel.set_id("c1");
  channel.set_name("plans");
  channel.set_topic("Old");
  channel.set_type(v1::CHANNEL_TYPE_PUBLIC);
  channel.set_revision(3);
  return channel;
}

TEST(AuditFactsTest, OnlyWhatChangedIsToldOnBothSides) {
  const v1::Channel before = PublicChannel();
  v1::Channel after = before;
  after.set_topic("New");
  after.set_archived(true);
  after.set_revision(4);
  const AuditChange change = ChangeForAudit(&before, &after);
  EXPECT_EQ(Text(change.before), R"({"archived":false,"topic":"Old"})");
  EXPECT_EQ(Text(change.after), R"({"archived":true,"topic":"New"})");
  EXPECT_FALSE(change.nothing());
}

TEST(AuditFactsTest, WhatIsNotToldIsNoChange) {
  const v1::Channel before = PublicChannel();
  v1::Channel after = before;
  after.set_revision(4);
  after.set_last_seq(9);
  after.mutable_me()->set_muted(true);
  EXPECT_TRUE(ChangeForAudit(&before, &after).nothing());
}

TEST(AuditFactsTest, OneSideIsToldAlone) {
  const v1::Channel channel = PublicChannel();
  const AuditChange made = ChangeForAudit(nullptr, &channel);
  EXPECT_EQ(Text(made.before), "none");
  EXPECT_EQ(Text(made.after), R"({"id":"c1","name":"plans","topic":"Old","type":"public"})");
  EXPECT_EQ(Text(ChangeForAudit(&channel, nullptr).before), Text(made.after));
}

TEST(AuditFactsTest, ThePersonAMembershipIsAboutIsToldThoughItDoesNotChange) {
  v1::Member before;
  before.mutable_actor()->set_id("a1");
  before.mutable_actor()->set_username("bob");
  before.set_role(v1::CHANNEL_ROLE_MEMBER);
  v1::Member after = before;
  EXPECT_TRUE(ChangeForAudit(&before, &after).nothing());
  after.set_role(v1::CHANNEL_ROLE_ADMIN);
  const AuditChange change = ChangeForAudit(&before, &after);
  EXPECT_EQ(Text(change.before), R"({"actor_id":"a1","role":"member"})");
  EXPECT_EQ(Text(change.after), R"({"actor_id":"a1","role":"admin"})");
}

TEST(AuditFactsTest, NamesOfPrivateChannelsAreHiddenButTheirChangeIsTold) {
  v1::Channel before = PublicChannel();
  before.set_type(v1::CHANNEL_TYPE_PRIVATE);
  v1::Channel after = before;
  after.set_topic("New");
  const AuditChange change = ChangeForAudit(&before, &after);
  EXPECT_EQ(Text(change.before), R"j({"topic":"(hidden)"})j");
  EXPECT_EQ(Text(change.after), R"j({"topic":"(hidden)"})j");
}

TEST(AuditFactsTest, SecretsFreeDataAndTextsOfMessagesAreNotTold) {
  v1::RegisterAgentResponse response;
  response.set_api_key("heim_secret");
  v1::Actor& agent = *response.mutable_agent();
  agent.set_id("a1");
  agent.set_status("at the dentist");
  (*agent.mutable_agent()->mutable_config()->mutable_fields())["key"].set_string_value("sk-1");
  agent.mutable_agent()->set_webhook_url("https://example.com/hook/secret");
  const std::string told = Text(ChangeForAudit(nullptr, &response).after);
  for (const char* secret : {"heim_secret", "dentist", "sk-1", "example.com"}) {
    EXPECT_EQ(told.find(secret), std::string::npos) << told;
  }
  EXPECT_NE(told.find(R"j("agent.agent.config":"(hidden)")j"), std::string::npos) << told;

  v1::Message message;
  message.set_id("m1");
  message.set_content("rude");
  message.add_parts()->mutable_text()->set_text("rude");
  message.mutable_actor()->set_id("a1");
  EXPECT_EQ(Text(ChangeForAudit(&message, nullptr).before), R"({"actor_id":"a1","id":"m1"})");

  v1::Session session;
  session.set_id("s1");
  session.set_address("192.0.2.1");
  session.set_user_agent("browser");
  EXPECT_EQ(Text(ChangeForAudit(nullptr, &session).after), R"({"id":"s1"})");
}

TEST(AuditFactsTest, ASettingIsAFactOfItsOwn) {
  v1::Workspace before;
  (*before.mutable_settings()->mutable_fields())["open"].set_bool_value(true);
  (*before.mutable_settings()->mutable_fields())["same"].set_number_value(1);
  v1::Workspace after = before;
  (*after.mutable_settings()->mutable_fields())["open"].set_bool_value(false);
  const AuditChange change = ChangeForAudit(&before, &after);
  EXPECT_EQ(Text(change.before), R"({"settings.open":true})");
  EXPECT_EQ(Text(change.after), R"({"settings.open":false})");
}

TEST(AuditFactsTest, TextsAndListsAreCutAndControlsTakenOut) {
  EXPECT_EQ(AuditText("a\r\nb\x1b[31m\xe2\x80\xae"), "ab[31m");
  EXPECT_EQ(AuditText(std::string(300, 'x')), StrCat(std::string(kAuditTextMaxBytes, 'x'), "..."));
  EXPECT_EQ(AuditText("\xff\xfe ok"), " ok");
  v1::Channel channel = PublicChannel();
  channel.set_topic(std::string(300, 'x'));
  EXPECT_LT(Text(ChangeForAudit(nullptr, &channel).after).size(), 400u);
  v1::Workspace workspace;
  for (int i = 0; i < 500; ++i) {
    (*workspace.mutable_settings()->mutable_fields())[StrCat("s", i)].set_bool_value(true);
  }
  const AuditChange change = ChangeForAudit(nullptr, &workspace);
  EXPECT_LE(change.after->fields_size(), kAuditFieldsMax + 1);
}

}  // namespace
}  // namespace heim
