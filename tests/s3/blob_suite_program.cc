// S3BlobStore passes the suite of all stores, on the server and bucket that the environment names;
// and what only a real server shows. Run by test_s3.py, which starts the server.
#include <cstdlib>

#include "server/base/clock.h"
#include "server/blob/blob_suite.h"
#include "server/blob/s3/s3_blob_store.h"

namespace heim {
namespace {

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_NE(value, nullptr) << name;
  return value == nullptr ? "" : value;
}

S3Options OptionsOfTheEnvironment() {
  const auto url = ParseUrl(FromEnvironment("S3_TEST_ENDPOINT"));
  EXPECT_TRUE(url.ok()) << url.status();
  S3Options options;
  options.endpoint = url.value_or(Url{});
  options.bucket = FromEnvironment("S3_TEST_BUCKET");
  options.credentials = {FromEnvironment("S3_TEST_ACCESS_KEY"),
                         FromEnvironment("S3_TEST_SECRET_KEY"), "us-east-1"};
  return options;
}

BlobFactory S3() {
  return {"S3",
          [](const std::string&, Entropy& entropy) -> absl::StatusOr<std::unique_ptr<BlobStore>> {
            static SystemClock clock;
            auto store = S3BlobStore::Create(OptionsOfTheEnvironment(), clock, entropy);
            if (!store.ok()) return store.status();
            // A fresh place: the suite's own keys.
            for (const char* key : {"k", "empty", "some-key_1", "long"}) {
              EXPECT_TRUE((*store)->Delete(key).ok());
            }
            return std::unique_ptr<BlobStore>(*std::move(store));
          }};
}

INSTANTIATE_TEST_SUITE_P(Stores, BlobSuite, ::testing::Values(S3()), NameOf);

class S3BlobStoreTest : public BlobSuite {};

std::string LongContent() {
  std::string content(2 * S3BlobStore::kPartBytes + 12345, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 + i / 4096);
  return content;
}

TEST_P(S3BlobStoreTest, ALongBlobIsReadInAnyOrder) {
  const std::string content = LongContent();
  Put("long", content);
  auto reader = store_->Open("long");
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_EQ((*reader)->size(), content.size());
  for (const size_t offset : {size_t{0}, content.size() - 100, size_t{65535}, size_t{5} << 20}) {
    EXPECT_EQ(*(*reader)->Read(offset, 3u << 20), content.substr(offset, 3u << 20)) << offset;
  }
}

TEST_P(S3BlobStoreTest, ABlobThatIsReplacedIsNotReadOn) {
  Put("long", LongContent());
  auto reader = store_->Open("long");
  ASSERT_TRUE(reader.ok()) << reader.status();
  Put("long", "another");
  EXPECT_EQ((*reader)->Read(1u << 20, 10).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(S3BlobStoreTest, ExactlyOnePartIsOneObject) {
  const std::string content(S3BlobStore::kPartBytes, 'x');
  Put("long", content);
  EXPECT_EQ(Get("long", 0, content.size() + 1), content);
}

TEST_P(S3BlobStoreTest, AnAbortedLongBlobLeavesNothing) {
  auto writer = store_->Create();
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Append(LongContent()).ok());
  (*writer)->Abort();
  EXPECT_EQ((*writer)->Commit("long").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->Open("long").status().code(), absl::StatusCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Stores, S3BlobStoreTest, ::testing::Values(S3()), NameOf);

}  // namespace
}  // namespace heim
