// What every BlobStore must do, by factory, on a fresh place for each test. A program that includes
// this instantiates BlobSuite for its own stores. For tests only; one thread.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/base/entropy.h"
#include "server/base/strings.h"
#include "server/blob/blob.h"

namespace heim {

struct BlobFactory {
  std::string name;
  std::function<absl::StatusOr<std::unique_ptr<BlobStore>>(const std::string&, Entropy&)> open;
};

inline std::string NameOf(const ::testing::TestParamInfo<BlobFactory>& store) {
  return store.param.name;
}

class BlobSuite : public ::testing::TestWithParam<BlobFactory> {
 protected:
  BlobSuite() : directory_(StrCat(::testing::TempDir(), "/heim-blob-XXXXXX")) {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    auto store = GetParam().open(StrCat(directory_, "/files"), entropy_);
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  ~BlobSuite() override { std::filesystem::remove_all(directory_); }

  void Put(std::string_view key, std::string_view bytes) {
    auto writer = store_->Create();
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE((*writer)->Append(bytes).ok());
    const absl::Status status = (*writer)->Commit(key);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::string Get(std::string_view key, uint64_t offset = 0, size_t n = 1 << 20) {
    auto reader = store_->Open(key);
    EXPECT_TRUE(reader.ok()) << reader.status();
    if (!reader.ok()) return {};
    auto bytes = (*reader)->Read(offset, n);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("");
  }

  SeededEntropy entropy_{11};
  std::string directory_;
  std::unique_ptr<BlobStore> store_;
};

TEST_P(BlobSuite, WhatWasAppendedIsRead) {
  auto writer = store_->Create();
  ASSERT_TRUE(writer.ok());
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(static_cast<size_t>(i * 37), static_cast<char>('a' + i % 26));
    ASSERT_TRUE((*writer)->Append(piece).ok());
    all += piece;
  }
  ASSERT_TRUE((*writer)->Commit("some-key_1").ok());
  EXPECT_EQ(Get("some-key_1"), all);
  auto reader = store_->Open("some-key_1");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->size(), all.size());
}

TEST_P(BlobSuite, RangesAreCutAtTheEnd) {
  Put("k", "0123456789");
  EXPECT_EQ(Get("k", 3, 4), "3456");
  EXPECT_EQ(Get("k", 8, 100), "89");
  EXPECT_EQ(Get("k", 10, 1), "");
  EXPECT_EQ(Get("k", ~uint64_t{0}, 1), "");
}

TEST_P(BlobSuite, AnEmptyBlobExists) {
  Put("empty", "");
  EXPECT_EQ(Get("empty"), "");
}

TEST_P(BlobSuite, BeforeCommitThereIsNothing) {
  auto writer = store_->Create();
  ASSERT_TRUE((*writer)->Append("half").ok());
  EXPECT_EQ(store_->Open("k").status().code(), absl::StatusCode::kNotFound);
  (*writer)->Abort();
  EXPECT_EQ((*writer)->Append("more").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ((*writer)->Commit("k").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->Open("k").status().code(), absl::StatusCode::kNotFound);
}

TEST_P(BlobSuite, ADeletedBlobIsGoneButReadToItsEnd) {
  Put("k", "content");
  auto reader = store_->Open("k");
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(store_->Delete("k").ok());
  EXPECT_EQ(*(*reader)->Read(0, 100), "content");
  EXPECT_EQ(store_->Open("k").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_->Delete("k").ok()) << "a second time is no error";
}

TEST_P(BlobSuite, KeysCannotLeaveTheStore) {
  for (const char* key : {"", "..", "../k", "a/b", "A", "k.txt", "k\n", "%2e%2e", "k ", "ü"}) {
    EXPECT_FALSE(IsBlobKey(key)) << key;
    EXPECT_EQ(store_->Open(key).status().code(), absl::StatusCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->Delete(key).code(), absl::StatusCode::kInvalidArgument) << key;
    auto writer = store_->Create();
    EXPECT_EQ((*writer)->Commit(key).code(), absl::StatusCode::kInvalidArgument) << key;
  }
  EXPECT_FALSE(IsBlobKey(std::string("k\0", 2)));
  EXPECT_FALSE(IsBlobKey(std::string(kBlobKeyMaxBytes + 1, 'k')));
  EXPECT_TRUE(IsBlobKey(std::string(kBlobKeyMaxBytes, 'k')));
}

}  // namespace heim
