// The local BlobStore passes the suite of all, and what it does with its files.
#include <sys/stat.h>

#include "server/base/file_util.h"
#include "server/blob/blob_suite.h"
#include "server/blob/local/local_blob_store.h"

namespace heim {
namespace {

BlobFactory Local() {
  return {"Local",
          [](const std::string& directory,
             Entropy& entropy) -> absl::StatusOr<std::unique_ptr<BlobStore>> {
            auto store = LocalBlobStore::Create(directory, entropy);
            if (!store.ok()) return store.status();
            return std::unique_ptr<BlobStore>(*std::move(store));
          }};
}

INSTANTIATE_TEST_SUITE_P(Stores, BlobSuite, ::testing::Values(Local()), NameOf);

class LocalBlobStoreTest : public BlobSuite {};

TEST_P(LocalBlobStoreTest, LeftoversOfACrashAreRemovedAtStart) {
  const std::string leftover = StrCat(directory_, "/files/tmp/half");
  ASSERT_TRUE(WriteFileAtomically(leftover, "half", 0600).ok());
  ASSERT_TRUE(LocalBlobStore::Create(StrCat(directory_, "/files"), entropy_).ok());
  EXPECT_FALSE(FileExists(leftover));
}

TEST_P(LocalBlobStoreTest, ADroppedWriterLeavesNothing) {
  {
    auto writer = store_->Create();
    ASSERT_TRUE((*writer)->Append("half").ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(StrCat(directory_, "/files/tmp")));
}

TEST_P(LocalBlobStoreTest, FilesAreForTheServerAlone) {
  Put("k", "secret");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    struct stat facts;
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0077, 0u) << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, LocalBlobStoreTest, ::testing::Values(Local()), NameOf);

}  // namespace
}  // namespace heim
