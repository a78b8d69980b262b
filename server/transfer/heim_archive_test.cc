// What is written is read again, whatever the pieces; what tar itself writes is read too.
#include "server/transfer/heim_archive.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/model/errors.h"
#include "server/model/transfer_limits.h"
#include "server/transfer/tar.h"

namespace heim {
namespace {

// Serialised messages in hex, one on a line: JSON is the gateway's.
class HexCodec final : public RecordCodec {
 public:
  void Append(const google::protobuf::Message& message, std::string* out) const override {
    for (const char c : message.SerializeAsString()) {
      const auto byte = static_cast<unsigned char>(c);
      out->push_back("0123456789abcdef"[byte >> 4]);
      out->push_back("0123456789abcdef"[byte & 15]);
    }
  }
  absl::Status Parse(std::string_view text, google::protobuf::Message* out) const override {
    std::string bytes;
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
      bytes.push_back(static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1])));
    }
    return out->ParseFromString(bytes) ? absl::OkStatus() : absl::InvalidArgumentError("no record");
  }
};

class Text final : public ByteSource {
 public:
  explicit Text(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<std::string> Read(uint64_t offset, size_t n) override {
    largest_ = std::max(largest_, n);
    if (offset >= bytes_.size()) return std::string();
    return bytes_.substr(static_cast<size_t>(offset), n);
  }
  size_t largest() const { return largest_; }

 private:
  const std::string bytes_;
  size_t largest_ = 0;
};

v1::ExportRecord Header() {
  v1::ExportRecord record;
  record.mutable_header()->set_format(kArchiveFormat);
  record.mutable_header()->set_scope(v1::EXPORT_SCOPE_WORKSPACE);
  return record;
}

v1::ExportRecord MessageOf(const std::string& id, const std::string& content) {
  v1::ExportRecord record;
  record.mutable_message()->set_id(id);
  record.mutable_message()->set_content(content);
  return record;
}

TEST(HeimArchiveTest, ManyPiecesAreReadInOrderWithFlatMemory) {
  const HexCodec codec;
  HeimArchiveWriter writer(codec, absl::UnixEpoch());
  std::string bytes;
  writer.Add(Header(), &bytes);
  constexpr int kMessages = 300;
  const std::string content(10'000, 'x');
  for (int i = 0; i < kMessages; ++i) {
    writer.Add(MessageOf(std::to_string(i), content), &bytes);
    if (i % 100 != 0) continue;
    writer.BeginFile("files/" + std::to_string(i), 5, &bytes);
    bytes += "abcde";
    writer.EndFile(5, &bytes);
  }
  writer.Finish(&bytes);
  EXPECT_EQ(bytes.size() % kTarBlock, 0u);

  Text archive(bytes);
  auto source = OpenHeimArchive(archive, codec);
  ASSERT_TRUE(source.ok()) << source.status();
  ASSERT_TRUE((*source)->Next().value()->has_header());
  for (int i = 0; i < kMessages; ++i) {
    const auto record = (*source)->Next();
    ASSERT_TRUE(record.ok()) << record.status();
    ASSERT_EQ((*record)->message().id(), std::to_string(i));
  }
  EXPECT_FALSE((*source)->Next().value().has_value());
  auto file = (*source)->OpenFile("files/200");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->Next(3).value(), "abc");
  EXPECT_EQ((*file)->Next(3).value(), "de");
  EXPECT_EQ((*file)->Next(3).value(), "");
  EXPECT_EQ(ReasonOf((*source)->OpenFile("files/201").status()), v1::ERROR_REASON_INVALID_ARCHIVE);
  EXPECT_LE(archive.largest(), kArchivePieceBytes);
}

TEST(HeimArchiveTest, EveryCutIsNoticed) {
  const HexCodec codec;
  HeimArchiveWriter writer(codec, absl::UnixEpoch());
  std::string bytes;
  writer.Add(Header(), &bytes);
  writer.Add(MessageOf("1", "hello"), &bytes);
  writer.Finish(&bytes);
  // Without the end mark's second block it is whole still.
  for (size_t cut = 0; cut < bytes.size() - 2 * kTarBlock; cut += 37) {
    Text archive(bytes.substr(0, cut));
    auto source = OpenHeimArchive(archive, codec);
    absl::Status status = source.status();
    while (status.ok()) {
      const auto record = (*source)->Next();
      status = record.status();
      if (record.ok()) {
        ASSERT_TRUE(record->has_value()) << cut;
      }
    }
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_ARCHIVE) << cut;
  }
}

TEST(TarTest, SizesBeyondOctalDigitsAreWrittenAndRead) {
  std::string bytes;
  const uint64_t size = uint64_t{9} << 30;
  AppendTarHeader("files/large", size, absl::UnixEpoch(), &bytes);
  Text archive(bytes);
  // Its bytes are not there, and the reader knows how many they would be.
  TarWalk walk(archive);
  EXPECT_EQ(ReasonOf(walk.Next().status()), v1::ERROR_REASON_INVALID_ARCHIVE);
}

TEST(TarTest, PathsThatLeadOutOfTheArchiveAreNone) {
  for (const std::string_view path :
       {"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", ".", "./a", "a\\b", "a\nb"}) {
    EXPECT_FALSE(IsArchivePath(path)) << path;
  }
  EXPECT_FALSE(IsArchivePath(std::string(kArchivePathMaxBytes + 1, 'a')));
  EXPECT_FALSE(IsArchivePath(std::string_view("a\0b", 3)));
  EXPECT_FALSE(IsArchivePath("a\xff"));
  for (const std::string_view path : {"a", "a/b", "...", "a..b/.c", "ä/€"}) {
    EXPECT_TRUE(IsArchivePath(path)) << path;
  }
}

}  // namespace
}  // namespace heim
