// Files on a temporary directory: content, mode and the code for each kind of failure.
#include "server/base/file_util.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace heim {
namespace {

class FileUtilTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/heim_file_util.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  static mode_t ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }

  std::string directory_;
};

TEST_F(FileUtilTest, WritesReplacesAndReads) {
  const std::string path = Path("file");
  const std::string bytes("a\0b\n", 4);
  EXPECT_FALSE(FileExists(path));
  ASSERT_TRUE(WriteFileAtomically(path, "first", 0644).ok());
  ASSERT_TRUE(WriteFileAtomically(path, bytes, 0600).ok());
  EXPECT_TRUE(FileExists(path));
  EXPECT_EQ(*ReadFile(path), bytes);
  EXPECT_EQ(ModeOf(path), 0600u);
}

TEST_F(FileUtilTest, ModeIsExactWhateverTheUmask) {
  const mode_t before = umask(077);
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "x", 0644).ok());
  ASSERT_TRUE(EnsureDirectory(Path("open"), 0755).ok());
  umask(before);
  EXPECT_EQ(ModeOf(Path("file")), 0644u);
  EXPECT_EQ(ModeOf(Path("open")), 0755u);
}

TEST_F(FileUtilTest, FailedWriteLeavesNothingBehind) {
  ASSERT_TRUE(EnsureDirectory(Path("taken/inside"), 0700).ok());
  // A directory with content cannot be replaced by a file.
  EXPECT_FALSE(WriteFileAtomically(Path("taken"), "x", 0600).ok());
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_)) {
    ++entries;
  }
  EXPECT_EQ(entries, 1);
}

TEST_F(FileUtilTest, MissingFileAndMissingParentAreNotFound) {
  EXPECT_EQ(ReadFile(Path("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(WriteFileAtomically(Path("none/file"), "x", 0600).code(), absl::StatusCode::kNotFound);
}

TEST_F(FileUtilTest, ReadingADirectoryOrTooMuchIsRefused) {
  EXPECT_EQ(ReadFile(directory_).status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(WriteFileAtomically(Path("file"), std::string(40000, 'x'), 0600).ok());
  EXPECT_EQ(ReadFile(Path("file"), 39999).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(Path("file"), 40000)->size(), 40000u);
}

TEST_F(FileUtilTest, EnsureDirectoryMakesParentsAndIsRepeatable) {
  const std::string path = Path("a/b/c");
  ASSERT_TRUE(EnsureDirectory(path, 0700).ok());
  ASSERT_TRUE(EnsureDirectory(path, 0700).ok());
  ASSERT_TRUE(EnsureDirectory(path + "/", 0700).ok());
  EXPECT_EQ(ModeOf(Path("a")), 0700u);
  EXPECT_EQ(ModeOf(path), 0700u);
  EXPECT_TRUE(EnsureDirectory("/", 0700).ok());
  EXPECT_EQ(EnsureDirectory("", 0700).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FileUtilTest, EnsureDirectoryRefusesAFileOfThatName) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "x", 0600).ok());
  EXPECT_EQ(EnsureDirectory(Path("file"), 0700).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(EnsureDirectory(Path("file/below"), 0700).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileUtilTest, RemoveFileIsRepeatable) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "x", 0600).ok());
  EXPECT_TRUE(RemoveFile(Path("file")).ok());
  EXPECT_FALSE(FileExists(Path("file")));
  EXPECT_TRUE(RemoveFile(Path("file")).ok());
}

TEST(ErrnoToStatusTest, MapsTheCodesAndKeepsTheWords) {
  EXPECT_TRUE(ErrnoToStatus(0, "x").ok());
  EXPECT_EQ(ErrnoToStatus(ENOENT, "open /x"),
            absl::NotFoundError("open /x: No such file or directory"));
  EXPECT_EQ(ErrnoToStatus(EACCES, "x").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoToStatus(ENOSPC, "x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoToStatus(EEXIST, "x").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrnoToStatus(EIO, "x").code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace heim
