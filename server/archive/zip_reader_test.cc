// Archives of strangers: what is in them, and every way in which they may be wrong.
#include "server/archive/zip_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/archive/zip_builder.h"

namespace heim {
namespace {

absl::StatusOr<std::string> ContentsOf(ZipReader& zip, std::string_view name) {
  const ZipEntry* entry = zip.Find(name);
  if (entry == nullptr) return absl::NotFoundError("no entry");
  absl::StatusOr<std::unique_ptr<ByteStream>> stream = zip.OpenEntry(*entry);
  if (!stream.ok()) return stream.status();
  return ReadAll(**stream, 1 << 20);
}

absl::StatusCode OpenCode(const std::string& archive, const ZipLimits& limits = ZipLimits()) {
  return ZipReader::Open(BytesOf(archive), limits).status().code();
}

std::vector<std::string> NamesOf(const ZipReader& zip) {
  std::vector<std::string> names;
  for (const ZipEntry& entry : zip.entries()) names.push_back(entry.name);
  return names;
}

TEST(ZipReaderTest, EntriesAreReadByNameAlsoSeveralAtOnce) {
  const std::string archive =
      BuildZip({{"b/two", "second"}, {"a", "first"}, {"b/", ""}, {"b/one", ""}});
  auto zip = ZipReader::Open(BytesOf(archive), ZipLimits());
  ASSERT_TRUE(zip.ok()) << zip.status();
  EXPECT_THAT(NamesOf(**zip), testing::ElementsAre("a", "b/one", "b/two"));
  EXPECT_EQ((*zip)->EntriesUnder("b/").size(), 2);
  EXPECT_EQ((*zip)->EntriesUnder("c").size(), 0);
  auto one = (*zip)->OpenEntry(*(*zip)->Find("b/two"));
  ASSERT_TRUE(one.ok());
  char c = 0;
  ASSERT_EQ(*(*one)->Read(&c, 1), 1);
  EXPECT_EQ(*ContentsOf(**zip, "a"), "first");
  EXPECT_EQ(*ReadAll(**one, 100), "econd");
  EXPECT_EQ(*ContentsOf(**zip, "b/one"), "");
  EXPECT_FALSE(ReadAll(**(*zip)->OpenEntry(*(*zip)->Find("a")), 4).ok());
}

TEST(ZipReaderTest, NamesThatLeadElsewhereAreLeftOut) {
  const std::vector<std::string> bad = {"../up",
                                        "a/../../b",
                                        "/etc/passwd",
                                        "a\\b",
                                        "a//b",
                                        "./a",
                                        "a/.",
                                        std::string("n\0l", 3),
                                        "line\nbreak",
                                        "\xff\xfe",
                                        "",
                                        std::string(2000, 'x')};
  std::vector<ZipPart> parts = {{"good", "1"}};
  for (const std::string& name : bad) parts.push_back({name, "2"});
  parts.push_back({"good", "3"});
  const std::string archive = BuildZip(parts);
  auto zip = ZipReader::Open(BytesOf(archive), ZipLimits());
  ASSERT_TRUE(zip.ok()) << zip.status();
  EXPECT_THAT(NamesOf(**zip), testing::ElementsAre("good"));
  EXPECT_EQ(*ContentsOf(**zip, "good"), "1");
  EXPECT_EQ((*zip)->refused_count(), bad.size() + 1);
  EXPECT_EQ((*zip)->refused().back().why, "another entry has its name");
}

TEST(ZipReaderTest, WhatIsNoArchiveOrCutIsRefused) {
  EXPECT_EQ(OpenCode(BuildZip({})), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenCode(""), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenCode("PK"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenCode(std::string(100'000, 'x')), absl::StatusCode::kInvalidArgument);
  const std::string archive = BuildZip({{"a", "first"}, {"b", "second"}});
  for (size_t length = 0; length < archive.size(); ++length) {
    const std::string cut = archive.substr(0, length);
    EXPECT_FALSE(ZipReader::Open(BytesOf(cut), ZipLimits()).ok()) << length;
  }
}

TEST(ZipReaderTest, ContentsThatAreNotWhatTheTableSaysAreDamaged) {
  const std::vector<ZipPart> wrong = {
      {"sum", "bytes", 0, 0, std::nullopt, 7},
      {"longer", "bytes", 0, 0, 50},
      {"garbage", "this is no deflate stream", 8, 0, 100},
  };
  for (const ZipPart& part : wrong) {
    const std::string archive = BuildZip({part});
    auto zip = ZipReader::Open(BytesOf(archive), ZipLimits());
    ASSERT_TRUE(zip.ok()) << part.name;
    EXPECT_FALSE(ContentsOf(**zip, part.name).ok()) << part.name;
  }
}

TEST(ZipReaderTest, EncryptedAndStrangeEntriesAreRefusedByThemselves) {
  const std::string archive =
      BuildZip({{"secret", "x", 0, 1}, {"strange", "x", 12}, {"plain", "yes"}});
  auto zip = ZipReader::Open(BytesOf(archive), ZipLimits());
  ASSERT_TRUE(zip.ok());
  EXPECT_EQ(ContentsOf(**zip, "secret").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ContentsOf(**zip, "strange").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*ContentsOf(**zip, "plain"), "yes");
}

TEST(ZipReaderTest, BombsAreRefusedBeforeTheyAreUnpacked) {
  const ZipLimits limits = {
      .entries = 10, .total_bytes = 1 << 20, .ratio = 10, .ratio_free_bytes = 1000};
  EXPECT_EQ(OpenCode(BuildZip({{"bomb", "x", 8, 0, 900'000}}), limits),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(OpenCode(BuildZip({{"huge", "x", 8, 0, 0xFFFFFFF0}}), limits),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(OpenCode(BuildZip(std::vector<ZipPart>(11, {"a", "x"})), limits),
            absl::StatusCode::kResourceExhausted);
  // One entry of many honest ones.
  std::string filler(2000, 'y');
  const std::string archive = BuildZip({{"filler", filler}, {"bomb", "x", 8, 0, 5000}});
  auto zip = ZipReader::Open(BytesOf(archive), limits);
  ASSERT_TRUE(zip.ok()) << zip.status();
  EXPECT_EQ(ContentsOf(**zip, "bomb").status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ZipReaderTest, EntriesThatOverlapAreRefused) {
  // Nine names for the same bytes.
  std::vector<ZipPart> many;
  for (int i = 0; i < 9; ++i) many.push_back({"e" + std::to_string(i), "", 0, 0, 5000, {}, 0});
  std::string wrong = BuildZip(many);
  // The table says that each holds what only fits once.
  for (size_t at = wrong.find("PK\x01\x02"); at != std::string::npos;
       at = wrong.find("PK\x01\x02", at + 1)) {
    wrong[at + 20] = static_cast<char>(wrong.size() & 0xFF);
    wrong[at + 21] = static_cast<char>(wrong.size() >> 8);
  }
  EXPECT_EQ(OpenCode(wrong), absl::StatusCode::kInvalidArgument);
}

TEST(ZipReaderTest, AStorageThatFailsIsToldFromABadArchive) {
  const std::string archive = BuildZip({{"a", std::string(500'000, 'x')}});
  bool fail = false;
  ZipBytes bytes = BytesOf(archive);
  const auto read = bytes.read;
  bytes.read = [&](uint64_t offset, size_t n) -> absl::StatusOr<std::string> {
    if (fail) return absl::UnavailableError("away");
    return read(offset, n);
  };
  auto zip = ZipReader::Open(bytes, ZipLimits());
  ASSERT_TRUE(zip.ok());
  auto stream = (*zip)->OpenEntry((*zip)->entries()[0]);
  ASSERT_TRUE(stream.ok());
  fail = true;
  EXPECT_EQ(ReadAll(**stream, 1 << 20).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ZipReader::Open(bytes, ZipLimits()).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace heim
