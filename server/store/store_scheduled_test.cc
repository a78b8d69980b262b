// Scheduled messages. Through the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

using Ids = std::vector<std::string>;

v1::ScheduledMessage Scheduled(const std::string& id, const ChannelId& channel, absl::Time send_at,
                               absl::Time now) {
  v1::ScheduledMessage message;
  message.set_id(id);
  message.set_channel_id(channel.str());
  message.set_thread_id("root");
  message.set_content("later");
  message.set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  message.add_parts()->mutable_text()->set_text("later");
  (*message.mutable_metadata()->mutable_fields())["k"].set_number_value(1);
  *message.mutable_send_at() = ToTimestamp(send_at);
  message.set_state(v1::SCHEDULED_STATE_PENDING);
  *message.mutable_created_at() = ToTimestamp(now);
  *message.mutable_updated_at() = ToTimestamp(now);
  message.set_revision(1);
  return message;
}

// The way a service goes: row and event.
absl::Status Write(WriteTx& tx, ScheduledRow row) {
  HEIM_ASSIGN_OR_RETURN(row.position, tx.PeekPosition(row.workspace));
  HEIM_RETURN_IF_ERROR(row.message.revision() == 1 ? tx.scheduled_messages.Insert(row)
                                                   : tx.scheduled_messages.Update(row));
  v1::Event event;
  event.set_to_actor_id(row.actor.str());
  *event.mutable_scheduled_message_updated()->mutable_scheduled_message() = row.message;
  return tx.Emit(row.workspace, std::move(event)).status();
}

std::vector<std::string> LoggedTexts(ReadTx& tx, const WorkspaceId& workspace) {
  std::vector<std::string> texts;
  const auto entries = tx.log.Read(workspace, 0, 1000, 1 << 20);
  EXPECT_TRUE(entries.ok()) << entries.status();
  for (const LogEntry& entry : *entries) {
    v1::Event event;
    EXPECT_TRUE(event.ParseFromString(entry.bytes));
    if (!event.has_scheduled_message_updated()) continue;
    const auto& message = event.scheduled_message_updated().scheduled_message();
    texts.push_back(message.content());
    EXPECT_EQ(message.has_metadata(), !message.content().empty());
    EXPECT_EQ(message.parts_size() > 0, !message.content().empty());
  }
  return texts;
}

TEST_P(StoreSuite, AScheduledMessageIsReadAsItWasWrittenAndChanged) {
  const absl::Time now = clock_.Now();
  ScheduledRow row{Scheduled("s1", general_, now + absl::Minutes(5), now), workspace_, ann_, 0};
  MustCommit([&](WriteTx& tx) { return Write(tx, row); });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const ScheduledRow found, tx.scheduled_messages.Get("s1"));
    EXPECT_EQ(found.message.DebugString(), row.message.DebugString());
    EXPECT_EQ(found.actor, ann_);
    EXPECT_EQ(found.workspace, workspace_);
    EXPECT_EQ(ReasonOf(tx.scheduled_messages.Get("s2").status()),
              v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND);
    return absl::OkStatus();
  });
  row.message.set_content("changed");
  row.message.set_revision(2);
  row.message.set_state(v1::SCHEDULED_STATE_FAILED);
  row.message.set_error("channel_archived");
  MustCommit([&](WriteTx& tx) { return Write(tx, row); });
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(tx.scheduled_messages.Get("s1")->message.DebugString(), row.message.DebugString());
    EXPECT_EQ(LoggedTexts(tx, workspace_), Ids({"", "changed"}));
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, WhatIsDueIsFoundInItsOrder) {
  const absl::Time now = clock_.Now();
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto next, tx.scheduled_messages.NextDue());
    EXPECT_FALSE(next.has_value());
    return absl::OkStatus();
  });
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (const int minutes : {3, 1, 2}) {
      ScheduledRow row{Scheduled(StrCat("s", minutes), general_, now + absl::Minutes(minutes), now),
                       workspace_, ann_, 0};
      if (minutes == 2) row.message.set_state(v1::SCHEDULED_STATE_CANCELLED);
      HEIM_RETURN_IF_ERROR(Write(tx, row));
    }
    return absl::OkStatus();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto next, tx.scheduled_messages.NextDue());
    EXPECT_EQ(absl::ToUnixMillis(*next), absl::ToUnixMillis(now + absl::Minutes(1)));
    EXPECT_EQ(*tx.scheduled_messages.Due(now, 10), Ids());
    EXPECT_EQ(*tx.scheduled_messages.Due(now + absl::Minutes(1), 10), Ids({"s1"}));
    EXPECT_EQ(*tx.scheduled_messages.Due(now + absl::Hours(1), 10), Ids({"s1", "s3"}));
    EXPECT_EQ(*tx.scheduled_messages.Due(now + absl::Hours(1), 1), Ids({"s1"}));
    EXPECT_EQ(*tx.scheduled_messages.CountPending(ann_), 2);
    EXPECT_EQ(*tx.scheduled_messages.CountPending(bob_), 0);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ScheduledMessagesArePagedByTheirTime) {
  const absl::Time now = clock_.Now();
  const ChannelId other = AddChannel("other", {ann_});
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 0; i < 6; ++i) {
      ScheduledRow row{
          Scheduled(StrCat("s", i), i == 5 ? other : general_, now + absl::Minutes(i / 2), now),
          workspace_, i == 4 ? bob_ : ann_, 0};
      if (i == 0) row.message.set_state(v1::SCHEDULED_STATE_SENT);
      if (i == 1) row.message.set_state(v1::SCHEDULED_STATE_FAILED);
      HEIM_RETURN_IF_ERROR(Write(tx, row));
    }
    return absl::OkStatus();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    const auto all = [&](v1::ScheduledState state, const std::string& channel) {
      Ids ids;
      ScheduledPage page;
      page.actor = ann_;
      page.workspace = workspace_;
      page.state = state;
      page.channel = channel;
      page.limit = 2;
      while (true) {
        const auto found = tx.scheduled_messages.List(page);
        EXPECT_TRUE(found.ok()) << found.status();
        if (!found.ok() || found->empty()) return ids;
        for (const v1::ScheduledMessage& message : *found) ids.push_back(message.id());
        page.after_ms = absl::ToUnixMillis(FromTimestamp(found->back().send_at()));
        page.after_id = found->back().id();
      }
    };
    EXPECT_EQ(all(v1::SCHEDULED_STATE_UNSPECIFIED, ""), Ids({"s1", "s2", "s3", "s5"}));
    EXPECT_EQ(all(v1::SCHEDULED_STATE_SENT, ""), Ids({"s0"}));
    EXPECT_EQ(all(v1::SCHEDULED_STATE_PENDING, general_.str()), Ids({"s2", "s3"}));
    EXPECT_EQ(all(v1::SCHEDULED_STATE_UNSPECIFIED, other.str()), Ids({"s5"}));
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ScheduledMessagesGoWithTheirAuthorTheirChannelOrInTime) {
  const absl::Time now = clock_.Now();
  const ChannelId other = AddChannel("other", {ann_, bob_});
  const auto write = [&](const std::string& id, const ActorId& actor, const ChannelId& channel,
                         v1::ScheduledState state, absl::Time at) {
    ScheduledRow row{Scheduled(id, channel, at, at), workspace_, actor, 0};
    row.message.set_state(state);
    MustCommit([&](WriteTx& tx) { return Write(tx, row); });
  };
  const auto there = [&](const std::string& id) {
    bool found = false;
    MustRead([&](ReadTx& tx) -> absl::Status {
      found = tx.scheduled_messages.Get(id).ok();
      return absl::OkStatus();
    });
    return found;
  };
  write("waits", ann_, general_, v1::SCHEDULED_STATE_PENDING, now);
  write("old", ann_, general_, v1::SCHEDULED_STATE_SENT, now);
  write("new", ann_, general_, v1::SCHEDULED_STATE_SENT, now + absl::Hours(2));
  MustCommit([&](WriteTx& tx) { return tx.scheduled_messages.ForgetEnded(now + absl::Hours(1)); });
  EXPECT_TRUE(there("waits"));
  EXPECT_FALSE(there("old"));
  EXPECT_TRUE(there("new"));
  write("elsewhere", ann_, other, v1::SCHEDULED_STATE_PENDING, now);
  MustCommit([&](WriteTx& tx) { return tx.scheduled_messages.EraseIn(general_); });
  EXPECT_FALSE(there("waits"));
  EXPECT_TRUE(there("elsewhere"));
  write("bobs", bob_, other, v1::SCHEDULED_STATE_PENDING, now);
  MustCommit([&](WriteTx& tx) { return tx.scheduled_messages.EraseOf(ann_); });
  EXPECT_FALSE(there("elsewhere"));
  EXPECT_TRUE(there("bobs"));
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(LoggedTexts(tx, workspace_), Ids({"", "", "", "", "later"}));
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
