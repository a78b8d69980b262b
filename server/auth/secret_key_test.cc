// The key that is given, the key that is made, and those that are refused.
#include "server/auth/secret_key.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "server/base/file_util.h"
#include "server/base/strings.h"

namespace heim {
namespace {

class SecretKeyTest : public ::testing::Test {
 protected:
  SecretKeyTest() : directory_(StrCat(::testing::TempDir(), "/secret_key_", ::getpid())) {}
  ~SecretKeyTest() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<std::string> Load(std::string configured) {
    return LoadSecretKey({std::move(configured), directory_}, entropy_);
  }

  const std::string directory_;
  SeededEntropy entropy_{1};
};

TEST_F(SecretKeyTest, IsMadeOnceForTheOwnerAlone) {
  const auto made = Load("");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->size(), 64u);
  struct stat info {};
  ASSERT_EQ(::stat(StrCat(directory_, "/secret_key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(*Load(""), *made);
}

TEST_F(SecretKeyTest, GivenKeyWinsAndMakesNoFile) {
  const std::string key = "kK3jd8Zq0pLw7Rt5Yx2Cv9Bn4Mf6Hs1G";
  EXPECT_EQ(*Load(key), key);
  EXPECT_FALSE(FileExists(StrCat(directory_, "/secret_key")));
}

TEST_F(SecretKeyTest, WeakKeysAreRefusedWithoutBeingNamed) {
  for (const std::string key :
       {"change-me-in-production", "Change-Me-In-Production-0123456789ab", "changeme", "short",
        "kK3jd8Zq0pLw7Rt5Yx2Cv9Bn4Mf6Hs1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "your-secret-key-your-secret-key-1234"}) {
    const auto loaded = Load(key);
    ASSERT_FALSE(loaded.ok()) << key;
    EXPECT_EQ(std::string(loaded.status().message()).find(key), std::string::npos);
    EXPECT_NE(std::string(loaded.status().message()).find("HEIM_SECRET_KEY"), std::string::npos);
  }
}

TEST_F(SecretKeyTest, DamagedFileIsAnErrorAndIsNotReplaced) {
  ASSERT_TRUE(EnsureDirectory(directory_, 0700).ok());
  const std::string path = StrCat(directory_, "/secret_key");
  ASSERT_TRUE(WriteFileAtomically(path, "", 0600).ok());
  EXPECT_FALSE(Load("").ok());
  EXPECT_EQ(*ReadFile(path), "");
}

}  // namespace
}  // namespace heim
