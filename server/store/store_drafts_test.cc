// Drafts of messages. Through the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

class Drafts {
 public:
  static v1::Draft Make(const ChannelId& channel, const std::string& thread,
                        const std::string& text, absl::Time at, uint32_t revision = 1) {
    v1::Draft draft;
    draft.set_channel_id(channel.str());
    if (!thread.empty()) draft.set_thread_id(thread);
    draft.set_content(text);
    draft.set_content_type(v1::CONTENT_TYPE_MARKDOWN);
    draft.add_attachments()->set_file_id("file");
    *draft.mutable_updated_at() = ToTimestamp(at);
    draft.set_revision(revision);
    return draft;
  }

  // The way a service goes: row and event.
  static absl::Status Write(WriteTx& tx, const WorkspaceId& workspace, const ActorId& actor,
                            const v1::Draft& draft) {
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
    HEIM_RETURN_IF_ERROR(tx.message_drafts.Put(actor, {draft, workspace, position}));
    v1::Event event;
    event.set_channel_id(draft.channel_id());
    event.set_to_actor_id(actor.str());
    *event.mutable_draft_updated()->mutable_draft() = draft;
    return tx.Emit(workspace, std::move(event)).status();
  }
};

// The texts of all draft.updated in the log.
std::vector<std::string> LoggedTexts(ReadTx& tx, const WorkspaceId& workspace) {
  std::vector<std::string> texts;
  const auto entries = tx.log.Read(workspace, 0, 1000, 1 << 20);
  EXPECT_TRUE(entries.ok()) << entries.status();
  for (const LogEntry& entry : *entries) {
    v1::Event event;
    EXPECT_TRUE(event.ParseFromString(entry.bytes));
    if (!event.has_draft_updated()) continue;
    texts.push_back(event.draft_updated().draft().content());
    EXPECT_EQ(event.draft_updated().draft().attachments_size(), texts.back().empty() ? 0 : 1);
  }
  return texts;
}

TEST_P(StoreSuite, ADraftIsReadAsItWasWrittenAndReplaced) {
  const v1::Draft first = Drafts::Make(general_, "", "one", clock_.Now());
  const v1::Draft second = Drafts::Make(general_, "", "two", clock_.Now() + absl::Seconds(1), 2);
  const v1::Draft thread = Drafts::Make(general_, "root", "in a thread", clock_.Now());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(Drafts::Write(tx, workspace_, ann_, first));
    HEIM_RETURN_IF_ERROR(Drafts::Write(tx, workspace_, ann_, thread));
    return Drafts::Write(tx, workspace_, ann_, second);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto found, tx.message_drafts.Find({ann_, general_, {}}));
    EXPECT_TRUE(found.has_value());
    EXPECT_EQ(found->draft.DebugString(), second.DebugString());
    EXPECT_EQ(found->workspace, workspace_);
    HEIM_ASSIGN_OR_RETURN(const auto reply,
                          tx.message_drafts.Find({ann_, general_, MessageId("root")}));
    EXPECT_EQ(reply->draft.DebugString(), thread.DebugString());
    HEIM_ASSIGN_OR_RETURN(const auto none, tx.message_drafts.Find({bob_, general_, {}}));
    EXPECT_FALSE(none.has_value());
    EXPECT_EQ(*tx.message_drafts.Count(workspace_, ann_), 2);
    EXPECT_EQ(LoggedTexts(tx, workspace_), std::vector<std::string>({"", "in a thread", "two"}));
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ADraftThatIsDeletedLeavesTheLogToo) {
  MustCommit([&](WriteTx& tx) {
    return Drafts::Write(tx, workspace_, ann_, Drafts::Make(general_, "", "one", clock_.Now()));
  });
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const bool there, tx.message_drafts.Delete({ann_, general_, {}}));
    EXPECT_TRUE(there);
    HEIM_ASSIGN_OR_RETURN(const bool again, tx.message_drafts.Delete({ann_, general_, {}}));
    EXPECT_FALSE(again);
    return absl::OkStatus();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(*tx.message_drafts.Count(workspace_, ann_), 0);
    EXPECT_EQ(LoggedTexts(tx, workspace_), std::vector<std::string>({""}));
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, DraftsArePagedTheNewestFirstAndHiddenWithTheirChannel) {
  const ChannelId mine = AddChannel("mine", {ann_});
  const ChannelId theirs = AddChannel("theirs", {bob_});
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 0; i < 5; ++i) {
      // Two at the same moment.
      HEIM_RETURN_IF_ERROR(Drafts::Write(
          tx, workspace_, ann_,
          Drafts::Make(mine, StrCat("t", i), StrCat(i), clock_.Now() + absl::Seconds(i / 2))));
    }
    HEIM_RETURN_IF_ERROR(
        Drafts::Write(tx, workspace_, ann_, Drafts::Make(theirs, "", "lost", clock_.Now())));
    return Drafts::Write(tx, workspace_, bob_, Drafts::Make(general_, "", "bob's", clock_.Now()));
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    std::vector<std::string> texts;
    DraftPage page;
    page.actor = ann_;
    page.workspace = workspace_;
    page.member_only = true;
    page.limit = 2;
    while (true) {
      HEIM_ASSIGN_OR_RETURN(const auto drafts, tx.message_drafts.List(page));
      if (drafts.empty()) break;
      for (const v1::Draft& draft : drafts) texts.push_back(draft.content());
      page.before_ms = absl::ToUnixMillis(FromTimestamp(drafts.back().updated_at()));
      page.before_channel = drafts.back().channel_id();
      page.before_thread = drafts.back().thread_id();
    }
    EXPECT_EQ(texts, std::vector<std::string>({"4", "3", "2", "1", "0"}));
    // Who is no guest reads public channels without being in them.
    HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, tx.channels.Get(theirs));
    page = DraftPage();
    page.actor = ann_;
    page.workspace = workspace_;
    HEIM_ASSIGN_OR_RETURN(const auto all, tx.message_drafts.List(page));
    const bool is_public = channel.type() == v1::CHANNEL_TYPE_PUBLIC;
    EXPECT_EQ(all.size(), is_public ? 6u : 5u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, DraftsGoWithTheirAuthorOrTheirChannel) {
  const ChannelId other = AddChannel("other", {ann_, bob_});
  const auto write = [&](const ActorId& actor, const ChannelId& channel) {
    MustCommit([&](WriteTx& tx) {
      return Drafts::Write(tx, workspace_, actor, Drafts::Make(channel, "", "text", clock_.Now()));
    });
  };
  write(ann_, general_);
  write(ann_, other);
  write(bob_, general_);
  MustCommit([&](WriteTx& tx) { return tx.message_drafts.EraseIn(general_); });
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(*tx.message_drafts.Count(workspace_, ann_), 1);
    EXPECT_EQ(*tx.message_drafts.Count(workspace_, bob_), 0);
    EXPECT_EQ(LoggedTexts(tx, workspace_), std::vector<std::string>({"", "text", ""}));
    return absl::OkStatus();
  });
  write(bob_, other);
  MustCommit([&](WriteTx& tx) { return tx.message_drafts.EraseOf(ann_); });
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(*tx.message_drafts.Count(workspace_, ann_), 0);
    EXPECT_EQ(*tx.message_drafts.Count(workspace_, bob_), 1);
    EXPECT_EQ(LoggedTexts(tx, workspace_), std::vector<std::string>({"", "", "", "text"}));
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
