// Pins, bookmarks, saved items and forwards: what is written is read, in order, in pages, and goes
// when it is told to. Through the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

v1::Pin NewPin(const ChannelId& channel, const std::string& message, int64_t at_ms) {
  v1::Pin pin;
  pin.set_channel_id(channel.str());
  pin.set_message_id(message);
  pin.set_pinned_by("somebody");
  *pin.mutable_pinned_at() = ToTimestamp(absl::FromUnixMillis(at_ms));
  return pin;
}

TEST_P(StoreSuite, PinsAreListedNewestFirstInPages) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (const auto& [message, at] : std::vector<std::pair<std::string, int64_t>>{
             {"m1", 10}, {"m3", 20}, {"m2", 20}, {"m4", 5}}) {
      HEIM_ASSIGN_OR_RETURN(const bool added, tx.pins.Add(NewPin(general_, message, at)));
      EXPECT_TRUE(added);
    }
    HEIM_ASSIGN_OR_RETURN(const bool again, tx.pins.Add(NewPin(general_, "m1", 99)));
    EXPECT_FALSE(again);
    return absl::OkStatus();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    std::vector<std::string> seen;
    PinKey after;
    while (true) {
      HEIM_ASSIGN_OR_RETURN(const std::vector<v1::Pin> page, tx.pins.List(general_, after, 2));
      if (page.empty()) break;
      for (const v1::Pin& pin : page) seen.push_back(pin.message_id());
      after = {absl::ToUnixMillis(FromTimestamp(page.back().pinned_at())),
               page.back().message_id()};
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"m3", "m2", "m1", "m4"}));
    HEIM_ASSIGN_OR_RETURN(const int64_t count, tx.pins.Count(general_));
    EXPECT_EQ(count, 4);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ARemovedPinIsAnsweredOnceAndGone) {
  const v1::Pin pin = NewPin(general_, "m1", 10);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.pins.Add(pin).status());
    HEIM_ASSIGN_OR_RETURN(const auto found, tx.pins.Find(general_, MessageId("m1")));
    EXPECT_TRUE(found.has_value() && found->SerializeAsString() == pin.SerializeAsString());
    HEIM_ASSIGN_OR_RETURN(const auto removed, tx.pins.Remove(general_, MessageId("m1")));
    EXPECT_TRUE(removed.has_value() && removed->SerializeAsString() == pin.SerializeAsString());
    HEIM_ASSIGN_OR_RETURN(const auto twice, tx.pins.Remove(general_, MessageId("m1")));
    EXPECT_FALSE(twice.has_value());
    HEIM_ASSIGN_OR_RETURN(const auto gone, tx.pins.Find(general_, MessageId("m1")));
    EXPECT_FALSE(gone.has_value());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, BookmarksBelongToTheirChannel) {
  const ChannelId other = AddChannel("other", {ann_});
  v1::Bookmark bookmark;
  bookmark.set_id(ids_.NewId());
  bookmark.set_channel_id(general_.str());
  bookmark.set_title("Handbook");
  const BookmarkId id(bookmark.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.bookmarks.Insert(bookmark));
    bookmark.set_title("Handbook 2");
    HEIM_RETURN_IF_ERROR(tx.bookmarks.Update(bookmark));
    HEIM_ASSIGN_OR_RETURN(const v1::Bookmark found, tx.bookmarks.Get(general_, id));
    EXPECT_EQ(found.SerializeAsString(), bookmark.SerializeAsString());
    EXPECT_EQ(ReasonOf(tx.bookmarks.Get(other, id).status()), v1::ERROR_REASON_BOOKMARK_NOT_FOUND);
    HEIM_ASSIGN_OR_RETURN(const int64_t count, tx.bookmarks.Count(other));
    EXPECT_EQ(count, 0);
    HEIM_RETURN_IF_ERROR(tx.bookmarks.Delete(id));
    HEIM_ASSIGN_OR_RETURN(const auto left, tx.bookmarks.List(general_, "", 10));
    EXPECT_TRUE(left.empty());
    return absl::OkStatus();
  });
}

v1::SavedItem NewSaved(const std::string& message, int64_t at_ms, bool done) {
  v1::SavedItem item;
  item.set_message_id(message);
  item.set_channel_id("c");
  *item.mutable_saved_at() = ToTimestamp(absl::FromUnixMillis(at_ms));
  if (done) *item.mutable_done_at() = ToTimestamp(absl::FromUnixMillis(at_ms + 1));
  item.set_note("why");
  return item;
}

TEST_P(StoreSuite, SavedItemsAreOnesOwnAndFilteredByWhetherTheyAreDone) {
  const SavedOwner ann{ann_, workspace_};
  const SavedOwner bob{bob_, workspace_};
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.saved.Put(ann, NewSaved("m1", 10, false)));
    HEIM_RETURN_IF_ERROR(tx.saved.Put(ann, NewSaved("m2", 20, true)));
    HEIM_RETURN_IF_ERROR(tx.saved.Put(ann, NewSaved("m3", 20, false)));
    return tx.saved.Put(bob, NewSaved("m1", 30, false));
  });
  const auto list = [&](const SavedOwner& owner, std::optional<bool> done) {
    std::string seen;
    MustRead([&](ReadTx& tx) -> absl::Status {
      SavedFilter filter;
      filter.done = done;
      HEIM_ASSIGN_OR_RETURN(const auto items, tx.saved.List(owner, filter));
      for (const v1::SavedItem& item : items) StrAppend(&seen, item.message_id(), " ");
      return absl::OkStatus();
    });
    return seen;
  };
  EXPECT_EQ(list(ann, std::nullopt), "m3 m2 m1 ");
  EXPECT_EQ(list(ann, true), "m2 ");
  EXPECT_EQ(list(ann, false), "m3 m1 ");
  EXPECT_EQ(list(bob, std::nullopt), "m1 ");
  EXPECT_EQ(list({ann_, WorkspaceId(ids_.NewId())}, std::nullopt), "");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const bool foreign,
                          tx.saved.Remove({ann_, WorkspaceId(ids_.NewId())}, MessageId("m3")));
    EXPECT_FALSE(foreign);
    HEIM_ASSIGN_OR_RETURN(const bool removed, tx.saved.Remove(ann, MessageId("m3")));
    EXPECT_TRUE(removed);
    return tx.saved.RemoveAll(MessageId("m1"));
  });
  EXPECT_EQ(list(ann, std::nullopt), "m2 ");
  EXPECT_EQ(list(bob, std::nullopt), "");
}

TEST_P(StoreSuite, VersionsAreListedNewestFirstAndOnlySoManyAreKept) {
  v1::Message message = NewMessage(ann_, "v1");
  message.mutable_forward()->set_content("of another");
  message = MustPost(message);
  const v1::Message first = message;
  const int edits = static_cast<int>(kMessageVersionsMax) + 5;
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 2; i <= edits; ++i) {
      message.set_content(StrCat("v", i));
      message.set_revision(static_cast<uint32_t>(i));
      *message.mutable_edited_at() = ToTimestamp(absl::FromUnixMillis(i));
      HEIM_RETURN_IF_ERROR(tx.messages.Update(message, 0));
      if (i != 3) continue;
      HEIM_ASSIGN_OR_RETURN(const auto versions, tx.messages.ListVersions(message, 3, 10));
      EXPECT_EQ(versions.size(), 2u);
      EXPECT_EQ(versions[0].content(), "v2");
      EXPECT_EQ(versions[0].created_at().nanos(), 2'000'000);
      EXPECT_EQ(versions[1].content(), "v1");
      EXPECT_EQ(versions[1].created_at().SerializeAsString(),
                first.created_at().SerializeAsString());
    }
    HEIM_ASSIGN_OR_RETURN(const auto all, tx.messages.ListVersions(message, 1u << 20, 1000));
    EXPECT_EQ(all.size(), kMessageVersionsMax);
    EXPECT_EQ(all.back().revision(), static_cast<uint32_t>(edits) - kMessageVersionsMax);
    *message.mutable_deleted_at() = ToTimestamp(clock_.Now());
    HEIM_RETURN_IF_ERROR(tx.messages.Update(message, 0));
    HEIM_ASSIGN_OR_RETURN(const auto none, tx.messages.ListVersions(message, 1u << 20, 1000));
    EXPECT_TRUE(none.empty());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ReactionsAreListedOldestFirstWithTheirActors) {
  const v1::Message message = MustPost(NewMessage(ann_, "x"));
  const MessageId id(message.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.reactions.Add(id, bob_, "b", absl::FromUnixMillis(5)).status());
    HEIM_RETURN_IF_ERROR(tx.reactions.Add(id, ann_, "a", absl::FromUnixMillis(6)).status());
    HEIM_RETURN_IF_ERROR(tx.reactions.Add(id, ann_, "b", absl::FromUnixMillis(7)).status());
    HEIM_ASSIGN_OR_RETURN(const auto all, tx.reactions.List(id, "", 0, 10));
    EXPECT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].reaction.actor().username(), "bob");
    EXPECT_EQ(all[0].reaction.created_at().nanos(), 5'000'000);
    HEIM_ASSIGN_OR_RETURN(const auto rest, tx.reactions.List(id, "", all[0].place, 1));
    EXPECT_EQ(rest.size(), 1u);
    EXPECT_EQ(rest[0].reaction.emoji(), "a");
    HEIM_ASSIGN_OR_RETURN(const auto b, tx.reactions.List(id, "b", 0, 10));
    EXPECT_EQ(b.size(), 2u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, CopiesAreFoundByTheirOriginalUntilTheyAreForgotten) {
  const v1::Message original = MustPost(NewMessage(ann_, "original"));
  const MessageId id(original.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (const char* copy : {"c1", "c2", "c3"}) {
      HEIM_RETURN_IF_ERROR(tx.forwards.Add(id, MessageId(copy)));
    }
    HEIM_ASSIGN_OR_RETURN(const auto some, tx.forwards.CopiesOf(id, 2));
    EXPECT_EQ(some, (std::vector<MessageId>{MessageId("c1"), MessageId("c2")}));
    HEIM_RETURN_IF_ERROR(tx.forwards.Forget(MessageId("c1")));
    HEIM_ASSIGN_OR_RETURN(const auto orphans, tx.forwards.Orphans(10));
    EXPECT_TRUE(orphans.empty()) << "the original is there";
    v1::Message tombstone = original;
    tombstone.clear_content();
    *tombstone.mutable_deleted_at() = ToTimestamp(clock_.Now());
    HEIM_RETURN_IF_ERROR(tx.messages.Update(tombstone, 0));
    HEIM_ASSIGN_OR_RETURN(const auto left, tx.forwards.Orphans(10));
    EXPECT_EQ(left, (std::vector<MessageId>{MessageId("c2"), MessageId("c3")}));
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
