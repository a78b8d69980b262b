// Link previews: what is asked for is found until it is done, pages are kept for a while and no
// longer than somebody links to them. Through the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

const WorkspaceId kAcme("acme");
const WorkspaceId kOther("other");

PreviewPage NewPage(const std::string& key, int64_t expires_ms) {
  PreviewPage page;
  page.key = key;
  page.found.set_title(StrCat("title of ", key));
  page.image = std::string("\0webp", 5);
  page.expires_at = absl::FromUnixMillis(expires_ms);
  return page;
}

absl::StatusOr<bool> HasPage(ReadTx& tx, const WorkspaceId& workspace, const std::string& key,
                             int64_t now_ms) {
  HEIM_ASSIGN_OR_RETURN(const auto page,
                        tx.link_previews.GetPage(workspace, key, absl::FromUnixMillis(now_ms)));
  return page.has_value();
}

TEST_P(StoreSuite, MessagesWhoseLinksAreAskedForWaitUntilTheyAreDone) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.link_previews.Ask(MessageId("m2"), kAcme));
    HEIM_RETURN_IF_ERROR(tx.link_previews.Ask(MessageId("m1"), kAcme));
    HEIM_RETURN_IF_ERROR(tx.link_previews.CountTry(MessageId("m1")));
    HEIM_RETURN_IF_ERROR(tx.link_previews.CountTry(MessageId("m2")));
    return tx.link_previews.Ask(MessageId("m2"), kAcme);
  });
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto asked, tx.link_previews.Asked(10));
    EXPECT_EQ(asked.size(), 2u);
    if (asked.size() != 2) return absl::OkStatus();
    EXPECT_EQ(asked[0].message_id, MessageId("m1"));
    EXPECT_EQ(asked[0].workspace_id, kAcme);
    EXPECT_EQ(asked[0].tries, 1);
    EXPECT_EQ(asked[1].tries, 0);
    HEIM_RETURN_IF_ERROR(tx.link_previews.Done(MessageId("m1")));
    HEIM_ASSIGN_OR_RETURN(const auto left, tx.link_previews.Asked(10));
    EXPECT_EQ(left.size(), 1u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, APageIsReadUntilItIsTooOldAndByItsWorkspaceAlone) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = absl::FromUnixMillis(0);
    HEIM_RETURN_IF_ERROR(tx.link_previews.PutPage(kAcme, NewPage("k", 100), now, 10));
    HEIM_ASSIGN_OR_RETURN(const auto page, tx.link_previews.GetPage(kAcme, "k", now));
    EXPECT_TRUE(page.has_value() && page->found.title() == "title of k");
    EXPECT_TRUE(page.has_value() && page->image == std::string("\0webp", 5));
    HEIM_ASSIGN_OR_RETURN(const bool before, HasPage(tx, kAcme, "k", 99));
    HEIM_ASSIGN_OR_RETURN(const bool after, HasPage(tx, kAcme, "k", 100));
    HEIM_ASSIGN_OR_RETURN(const bool elsewhere, HasPage(tx, kOther, "k", 0));
    EXPECT_TRUE(before);
    EXPECT_FALSE(after);
    EXPECT_FALSE(elsewhere);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, PagesOfAWorkspaceAreBoundedAndThoseThatLiveLongestStay) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = absl::FromUnixMillis(0);
    HEIM_RETURN_IF_ERROR(tx.link_previews.PutPage(kOther, NewPage("o", 5), now, 2));
    for (const int64_t at : {30, 10, 20}) {
      HEIM_RETURN_IF_ERROR(tx.link_previews.PutPage(kAcme, NewPage(StrCat("k", at), at), now, 2));
    }
    for (const auto& [key, there] :
         std::vector<std::pair<std::string, bool>>{{"k10", false}, {"k20", true}, {"k30", true}}) {
      HEIM_ASSIGN_OR_RETURN(const bool found, HasPage(tx, kAcme, key, 0));
      EXPECT_EQ(found, there) << key;
    }
    HEIM_ASSIGN_OR_RETURN(const bool other, HasPage(tx, kOther, "o", 0));
    EXPECT_TRUE(other);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, APageGoesWithTheLastLinkToIt) {
  const MessageId one("m1");
  const MessageId two("m2");
  const PreviewLinkRow link{.url = "http://a", .page_key = "k", .removed = false};
  MustCommit([&](WriteTx& tx) -> absl::Status {
    LinkPreviews& previews = tx.link_previews;
    HEIM_RETURN_IF_ERROR(previews.PutLink(one, kAcme, link));
    HEIM_RETURN_IF_ERROR(previews.PutLink(two, kAcme, link));
    HEIM_RETURN_IF_ERROR(previews.PutPage(kAcme, NewPage("k", 100), absl::UnixEpoch(), 10));
    // Removed from one of them, and remembered as such.
    HEIM_RETURN_IF_ERROR(
        previews.PutLink(one, kAcme, {.url = "http://a", .page_key = "", .removed = true}));
    HEIM_ASSIGN_OR_RETURN(const auto links, previews.LinksOf(one));
    EXPECT_TRUE(links.size() == 1 && links[0].removed && links[0].page_key.empty());
    HEIM_ASSIGN_OR_RETURN(bool there, HasPage(tx, kAcme, "k", 0));
    EXPECT_TRUE(there);
    HEIM_RETURN_IF_ERROR(previews.Ask(two, kAcme));
    HEIM_RETURN_IF_ERROR(previews.Forget(two));
    HEIM_ASSIGN_OR_RETURN(there, HasPage(tx, kAcme, "k", 0));
    EXPECT_FALSE(there);
    HEIM_ASSIGN_OR_RETURN(const auto asked, previews.Asked(10));
    EXPECT_TRUE(asked.empty());
    HEIM_RETURN_IF_ERROR(previews.PutLink(two, kAcme, link));
    HEIM_RETURN_IF_ERROR(previews.PutPage(kAcme, NewPage("k", 100), absl::UnixEpoch(), 10));
    HEIM_RETURN_IF_ERROR(previews.DropLink(two, kAcme, link));
    HEIM_ASSIGN_OR_RETURN(there, HasPage(tx, kAcme, "k", 0));
    EXPECT_FALSE(there);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, APurgeTakesPagesThatOnlyThisChannelLinksTo) {
  v1::Message here = NewMessage(ann_, "http://a http://b");
  v1::Message there = NewMessage(ann_, "http://b");
  const ChannelId other = AddChannel("elsewhere", {ann_});
  there.set_channel_id(other.str());
  here = MustPost(here);
  there = MustPost(there);
  const auto link = [](const std::string& url) {
    return PreviewLinkRow{.url = url, .page_key = url, .removed = false};
  };
  MustCommit([&](WriteTx& tx) -> absl::Status {
    LinkPreviews& previews = tx.link_previews;
    for (const std::string url : {"a", "b"}) {
      HEIM_RETURN_IF_ERROR(previews.PutLink(MessageId(here.id()), workspace_, link(url)));
      HEIM_RETURN_IF_ERROR(previews.PutPage(workspace_, NewPage(url, 100), absl::UnixEpoch(), 10));
    }
    HEIM_RETURN_IF_ERROR(previews.Ask(MessageId(here.id()), workspace_));
    return previews.PutLink(MessageId(there.id()), workspace_, link("b"));
  });
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, tx.channels.Get(general_));
    HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace_));
    HEIM_RETURN_IF_ERROR(tx.purges.Begin(channel, head.position));
    while (true) {
      HEIM_ASSIGN_OR_RETURN(const auto purge, tx.purges.Next());
      if (!purge.has_value()) break;
      HEIM_RETURN_IF_ERROR(tx.purges.Step(*purge));
    }
    HEIM_ASSIGN_OR_RETURN(const bool a, HasPage(tx, workspace_, "a", 0));
    HEIM_ASSIGN_OR_RETURN(const bool b, HasPage(tx, workspace_, "b", 0));
    EXPECT_FALSE(a);
    EXPECT_TRUE(b);
    HEIM_ASSIGN_OR_RETURN(const auto asked, tx.link_previews.Asked(10));
    EXPECT_TRUE(asked.empty());
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
