// Previews as work: what is due, what becomes of files that go meanwhile, of stores that fail and
// of pictures that end the server. Method: the work is run by hand over a real store and blobs.
#include "server/jobs/file_previews.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/synchronization/notification.h"
#include "server/base/status_macros.h"
#include "server/image/image_seeds.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

// Fails to take bytes as long as it is told to.
class FaultyBlobStore final : public BlobStore {
 public:
  explicit FaultyBlobStore(BlobStore& store) : store_(store) {}
  absl::StatusOr<std::unique_ptr<BlobWriter>> Create() override {
    if (faulty_) return absl::UnavailableError("no such host");
    return store_.Create();
  }
  absl::StatusOr<std::unique_ptr<BlobReader>> Open(std::string_view key) override {
    if (before_open_) std::exchange(before_open_, nullptr)();
    return store_.Open(key);
  }
  absl::Status Delete(std::string_view key) override { return store_.Delete(key); }

  bool faulty_ = false;
  std::function<void()> before_open_;

 private:
  BlobStore& store_;
};

class FilePreviewsTest : public ChatFixture {
 protected:
  void SetUp() override {
    ChatFixture::SetUp();
    faulty_ = std::make_unique<FaultyBlobStore>(*blobs_);
    tools_ = std::make_unique<PictureTools>(
        PictureTools{*store_, *faulty_, clock_, ids_, *executor_, mill_});
    work_ = FilePreviews(*tools_, [this] { ++changed_; });
  }

  bool IsDue() { return work_.next_due()->has_value(); }
  absl::StatusOr<int> RunOnce() {
    absl::StatusOr<int> result = absl::UnknownError("nothing");
    absl::Notification done;
    work_.run(clock_.Now(), [&](absl::StatusOr<int> handled) {
      result = std::move(handled);
      done.Notify();
    });
    EXPECT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(30)));
    return result;
  }
  std::string AddPicture() { return Upload(ann_, "a.png", PngOf(Slope(900, 300)))->id(); }
  std::optional<FileRow> Find(const std::string& id) {
    std::optional<FileRow> found;
    Read([&](ReadTx& tx) {
      auto row = tx.files.Get(FileId(id));
      if (row.ok()) found = *std::move(row);
      return absl::OkStatus();
    });
    return found;
  }
  void Write(std::function<absl::Status(WriteTx&)> apply) {
    Draft draft;
    draft.apply = std::move(apply);
    absl::Notification done;
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      done.Notify();
    });
    done.WaitForNotification();
  }

  PictureMill mill_;
  std::unique_ptr<FaultyBlobStore> faulty_;
  std::unique_ptr<PictureTools> tools_;
  DueWork work_;
  std::atomic<int> changed_{0};
};

TEST_F(FilePreviewsTest, APictureIsLookedAtOnceAndATextNever) {
  ASSERT_TRUE(Upload(ann_, "a.txt", "words").ok());
  EXPECT_FALSE(IsDue());
  const std::string id = AddPicture();
  EXPECT_TRUE(IsDue());
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_FALSE(IsDue());
  EXPECT_EQ(changed_, 1);
  const auto row = Find(id);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->file.preview().width(), 480u);
  EXPECT_EQ(row->file.preview().height(), 160u);
  EXPECT_TRUE(blobs_->Open(row->preview.blob_key).ok());
}

TEST_F(FilePreviewsTest, APictureStandsAsTheCameraWasHeldAndSaysNoMore) {
  JpegForm form;
  // Orientation 6: turned by a quarter; and where it was taken.
  constexpr std::string_view kTurned(
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 32);
  form.exif = kTurned;
  form.exif += "at home";
  const auto file = Upload(ann_, "a.jpg", JpegOf(Slope(900, 300), form));
  ASSERT_TRUE(RunOnce().ok());
  const auto row = Find(file->id());
  EXPECT_EQ(row->file.preview().width(), 160u);
  EXPECT_EQ(row->file.preview().height(), 480u);
  const std::string bytes = *(*blobs_->Open(row->preview.blob_key))->Read(0, 1u << 20);
  EXPECT_EQ(bytes.find("at home"), std::string::npos);
  EXPECT_EQ(bytes.find("EXIF"), std::string::npos);
}

TEST_F(FilePreviewsTest, APictureThatEndsTheServerIsLetBe) {
  const std::string id = AddPicture();
  Write([&](WriteTx& tx) { return tx.files.SetPreviewTries(FileId(id), 2); });
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_FALSE(IsDue());
  EXPECT_FALSE(Find(id)->file.has_preview());
}

TEST_F(FilePreviewsTest, AStoreThatFailsIsNoFaultOfThePicture) {
  const std::string id = AddPicture();
  faulty_->faulty_ = true;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(RunOnce().ok());
  EXPECT_TRUE(IsDue());
  faulty_->faulty_ = false;
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_TRUE(Find(id)->file.has_preview());
}

TEST_F(FilePreviewsTest, OfAFileThatGoesMeanwhileNothingStays) {
  const std::string id = AddPicture();
  faulty_->before_open_ = [&] { Write([&](WriteTx& tx) { return tx.files.DropUnlinked(id); }); };
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_FALSE(Find(id).has_value());
  Read([](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto keys, tx.files.DeadBlobs(10));
    EXPECT_EQ(keys.size(), 2u) << "the file's bytes and those of its preview";
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
