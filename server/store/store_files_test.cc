// Files: what is counted, listed, swept, deleted and told again, through the Store interface, for
// every driver.
#include "server/store/store_files_suite.h"

#include "server/base/status_macros.h"
#include "server/model/people_limits.h"

namespace heim {
namespace {

TEST_P(FileSuite, BytesAreCountedByActorAndWorkspaceUntilTheyGo) {
  const FileRow one = AddFile(ann_, 10);
  AddFile(ann_, 5);
  AddFile(bob_, 100);
  FileRow hidden = NewFile(bob_, 1000);
  hidden.hidden = true;
  MustCommit([&](WriteTx& tx) { return tx.files.Insert(hidden); });
  EXPECT_EQ(UsageOf(ann_).bytes, 15);
  EXPECT_EQ(UsageOf(ann_).files, 2);
  EXPECT_EQ(UsageOf(bob_).bytes, 100);
  EXPECT_EQ(UsageOf(ActorId()).bytes, 115);
  MustCommit([&](WriteTx& tx) { return tx.files.DropUnlinked(one.file.id()); });
  MustCommit([&](WriteTx& tx) { return tx.files.DropUnlinked(hidden.file.id()); });
  EXPECT_EQ(UsageOf(ann_).bytes, 5);
  EXPECT_EQ(UsageOf(ActorId()).bytes, 105);
  EXPECT_EQ(UsageOf(ActorId()).files, 2);
}

TEST_P(FileSuite, ADeletedFileStaysAsANameForItsLinksAndThenGoes) {
  const FileRow row = AddFile(ann_, 10);
  const v1::Message message = MustPost(NewMessage(ann_, "see"));
  Link(row, message);
  MustCommit([&](WriteTx& tx) { return tx.files.MarkDeleted(row, absl::FromUnixSeconds(5)); });
  EXPECT_FALSE(IsThere(row));
  EXPECT_EQ(UsageOf(ann_).bytes, 0);
  EXPECT_EQ(DeadBlobs(), std::vector<std::string>{row.blob_key});
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto links, tx.files.StaleLinks(FileId(), 10));
    EXPECT_EQ(links.size(), 1u);
    if (links.empty()) return absl::OkStatus();
    EXPECT_TRUE(links[0].deleted);
    EXPECT_EQ(links[0].message_id.str(), message.id());
    EXPECT_EQ(links[0].workspace_id, workspace_);
    EXPECT_EQ(links[0].file.filename(), "") << "nothing of it is kept";
    HEIM_RETURN_IF_ERROR(tx.files.SettleLink(links[0]));
    EXPECT_TRUE(tx.files.StaleLinks(FileId(), 10)->empty());
    EXPECT_TRUE(tx.files.PlacesOf(FileId(row.file.id()))->empty());
    return absl::OkStatus();
  });
  EXPECT_EQ(UsageOf(ann_).files, 0) << "and is counted once";
}

TEST_P(FileSuite, WhatIsLinkedToNothingIsSweptWhenItsTimeHasCome) {
  const FileRow lost = AddFile(ann_, 1);
  const FileRow kept = AddFile(ann_, 2);
  const FileRow drafted = AddFile(ann_, 4);
  Link(kept, MustPost(NewMessage(ann_, "see")));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    v1::Draft draft;
    draft.set_channel_id(general_.str());
    draft.add_attachments()->set_file_id(drafted.file.id());
    return tx.message_drafts.Put(ann_, {draft, workspace_, 0});
  });
  const absl::Time due = absl::UnixEpoch() + absl::Hours(1) + kUnlinkedFileKept;
  MustCommit([&](WriteTx& tx) -> absl::Status {
    EXPECT_EQ(tx.files.NextSweep()->value(), due);
    EXPECT_EQ(*tx.files.SweepUnlinked(due - absl::Seconds(1), due, 10), 0u);
    EXPECT_EQ(*tx.files.SweepUnlinked(due, due + absl::Hours(24), 10), 2u);
    EXPECT_EQ(tx.files.NextSweep()->value(), due + absl::Hours(24))
        << "the draft is looked at again";
    return absl::OkStatus();
  });
  EXPECT_FALSE(IsThere(lost));
  EXPECT_TRUE(IsThere(kept));
  EXPECT_TRUE(IsThere(drafted));
  EXPECT_EQ(UsageOf(ann_).bytes, 6);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.message_drafts.Delete({ann_, general_, MessageId()}).status());
    return tx.files.SweepUnlinked(due + absl::Hours(24), due + absl::Hours(48), 10).status();
  });
  EXPECT_FALSE(IsThere(drafted));
}

TEST_P(FileSuite, APreviewIsFinishedOnceAndMakesLinksStale) {
  FileRow row = NewFile(ann_, 10, "image/png");
  row.wants_preview = true;
  MustCommit([&](WriteTx& tx) { return tx.files.Insert(row); });
  Link(row, MustPost(NewMessage(ann_, "see")));
  const FileId id(row.file.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(auto next, tx.files.NextUnlooked());
    EXPECT_TRUE(next.has_value() && next->counted && next->tries == 0);
    HEIM_RETURN_IF_ERROR(tx.files.SetPreviewTries(id, 1));
    EXPECT_EQ((*tx.files.NextUnlooked())->tries, 1);
    row.preview = {"small", 3, "hash"};
    row.file.mutable_preview()->set_width(480);
    EXPECT_TRUE(*tx.files.FinishPreview(row));
    EXPECT_FALSE(*tx.files.FinishPreview(row)) << "a second time it is not wanted";
    EXPECT_FALSE(tx.files.NextUnlooked()->has_value());
    EXPECT_EQ(tx.files.Get(id)->preview.blob_key, "small");
    EXPECT_EQ(tx.files.Get(id)->preview.size_bytes, 3);
    HEIM_ASSIGN_OR_RETURN(const auto links, tx.files.StaleLinks(id, 10));
    EXPECT_EQ(links.size(), 1u);
    if (links.empty()) return absl::OkStatus();
    EXPECT_EQ(links[0].file.preview().width(), 480u);
    HEIM_RETURN_IF_ERROR(tx.files.SettleLink(links[0]));
    EXPECT_TRUE(tx.files.StaleLinks(id, 10)->empty());
    return absl::OkStatus();
  });
  EXPECT_EQ(UsageOf(ann_).bytes, 10) << "it was counted before";
  MustCommit([&](WriteTx& tx) { return tx.files.MarkDeleted(row, absl::FromUnixSeconds(5)); });
  EXPECT_EQ(DeadBlobs().size(), 2u) << "the preview's bytes go too";
}

TEST_P(FileSuite, ListsGoDownByKindActorAndHistory) {
  const FileRow text = AddFile(ann_, 1);
  const FileRow image = AddFile(bob_, 1, "image/png");
  const FileRow newest = AddFile(ann_, 1, "image/gif");
  const v1::Message first = MustPost(NewMessage(ann_, "one"));
  const v1::Message second = MustPost(NewMessage(ann_, "two"));
  Link(text, first);
  Link(image, first);
  Link(image, second);
  Link(newest, second);
  const auto listed = [&](uint64_t from, const FilePage& page) {
    std::vector<std::string> ids;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto files, tx.files.ListInChannel(general_, from, page));
      for (const v1::File& file : files) ids.push_back(file.id());
      return absl::OkStatus();
    });
    return ids;
  };
  using Ids = std::vector<std::string>;
  const std::string a = text.file.id(), b = image.file.id(), c = newest.file.id();
  FilePage page;
  EXPECT_EQ(listed(0, page), (Ids{c, b, a}));
  EXPECT_EQ(listed(second.seq(), page), (Ids{c, b})) << "one is in what may not be read";
  page.kind = v1::FILE_KIND_IMAGE;
  EXPECT_EQ(listed(0, page), (Ids{c, b}));
  page.actor = bob_.str();
  EXPECT_EQ(listed(0, page), (Ids{b}));
  page = {};
  page.before_id = c;
  page.limit = 1;
  EXPECT_EQ(listed(0, page), (Ids{b}));
  page = {};
  page.actor = ann_.str();
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto files, tx.files.ListUploads(workspace_, page));
    EXPECT_EQ(files.size(), 2u);
    EXPECT_EQ(files[0].id(), c);
    EXPECT_TRUE(tx.files.ListUploads(WorkspaceId("other"), page)->empty());
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
