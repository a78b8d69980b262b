#include "server/transfer/tar.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "server/base/check.h"
#include "server/base/parse.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/transfer_limits.h"

namespace heim {
namespace {

// Places and lengths of the fields of a header block.
struct Field {
  size_t at;
  size_t size;
};
constexpr Field kName = {0, 100};
constexpr Field kMode = {100, 8};
constexpr Field kOwner = {108, 8};
constexpr Field kGroup = {116, 8};
constexpr Field kSize = {124, 12};
constexpr Field kTime = {136, 12};
constexpr Field kChecksum = {148, 8};
constexpr size_t kType = 156;
constexpr Field kMagic = {257, 6};
constexpr Field kVersion = {263, 2};
constexpr Field kPrefix = {345, 155};

// The largest size that fits into octal digits.
constexpr uint64_t kOctalSizeMax = (uint64_t{1} << 33) - 1;
constexpr uint64_t kSizeMax = uint64_t{1} << 50;
constexpr size_t kPaxMaxBytes = 64u << 10;

std::string_view Of(std::string_view block, Field field) {
  return block.substr(field.at, field.size);
}

std::string_view TextField(std::string_view block, Field field) {
  const std::string_view whole = Of(block, field);
  return whole.substr(0, std::min(whole.find('\0'), whole.size()));
}

void Put(Field field, std::string_view text, std::string* block) {
  HEIM_CHECK(text.size() <= field.size);
  block->replace(field.at, text.size(), text);
}

void PutOctal(Field field, uint64_t value, std::string* block) {
  std::string digits(field.size - 1, '0');
  for (size_t i = digits.size(); i > 0; --i, value >>= 3) {
    digits[i - 1] = static_cast<char>('0' + (value & 7));
  }
  Put(field, digits, block);
}

// The sum of the bytes with the checksum's own taken for spaces.
uint32_t SumOf(std::string_view block) {
  uint32_t sum = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    sum += own ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

// Octal digits between spaces, or, with the highest bit set, a binary number.
std::optional<uint64_t> ReadNumber(std::string_view field) {
  uint64_t value = 0;
  if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    for (size_t i = 0; i < field.size(); ++i) {
      const auto byte = static_cast<unsigned char>(i == 0 ? field[i] & 0x7f : field[i]);
      if (value > (kSizeMax >> 8)) return std::nullopt;
      value = (value << 8) | byte;
    }
    return value;
  }
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  bool any = false;
  for (const char c : field) {
    if (c == ' ' || c == '\0') break;
    if (c < '0' || c > '7' || value > kSizeMax) return std::nullopt;
    value = value * 8 + static_cast<uint64_t>(c - '0');
    any = true;
  }
  if (!any) return std::nullopt;
  return value;
}

uint64_t Padded(uint64_t size) { return (size + kTarBlock - 1) / kTarBlock * kTarBlock; }

bool IsZero(std::string_view block) { return block.find_first_not_of('\0') == std::string::npos; }

std::string PlaceOf(uint64_t at) { return StrCat("byte ", at); }

}  // namespace

absl::Status BadArchive(std::string_view place, std::string_view what) {
  return MakeError(v1::ERROR_REASON_INVALID_ARCHIVE,
                   place.empty() ? std::string(what) : StrCat(place, ": ", what));
}

bool IsArchivePath(std::string_view path) {
  if (path.empty() || path.size() > kArchivePathMaxBytes || !IsValidUtf8(path)) return false;
  if (HasControl(path) || path.find('\\') != std::string_view::npos) return false;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

void AppendTarHeader(std::string_view name, uint64_t size, absl::Time at, std::string* out) {
  HEIM_CHECK(IsArchivePath(name));
  std::string block(kTarBlock, '\0');
  Put(kName, name, &block);
  PutOctal(kMode, 0644, &block);
  PutOctal(kOwner, 0, &block);
  PutOctal(kGroup, 0, &block);
  if (size <= kOctalSizeMax) {
    PutOctal(kSize, size, &block);
  } else {
    for (size_t i = 0; i < sizeof(size); ++i) {
      block[kSize.at + kSize.size - 1 - i] = static_cast<char>((size >> (8 * i)) & 0xff);
    }
    block[kSize.at] = static_cast<char>(0x80);
  }
  PutOctal(kTime, static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(at))), &block);
  block[kType] = '0';
  Put(kMagic, std::string_view("ustar\0", 6), &block);
  Put(kVersion, "00", &block);
  uint32_t sum = SumOf(block);
  std::string digits(6, '0');
  for (size_t i = 6; i > 0; --i, sum >>= 3) digits[i - 1] = static_cast<char>('0' + (sum & 7));
  Put(kChecksum, digits, &block);
  block[kChecksum.at + 7] = ' ';
  out->append(block);
}

void AppendTarPadding(uint64_t size, std::string* out) {
  out->append(static_cast<size_t>(Padded(size) - size), '\0');
}

void AppendTarEnd(std::string* out) { out->append(2 * kTarBlock, '\0'); }

absl::StatusOr<std::optional<TarEntry>> TarWalk::Next() {
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const std::string block, source_.Read(at_, kTarBlock));
    if (block.size() < kTarBlock) return BadArchive(PlaceOf(at_), "the archive is cut off");
    if (IsZero(block)) return std::nullopt;
    const uint64_t header_at = at_;
    const auto sum = ReadNumber(Of(block, kChecksum));
    if (!sum.has_value() || *sum != SumOf(block)) {
      return BadArchive(PlaceOf(header_at), "this is no tar archive, or it is damaged");
    }
    const auto stated = ReadNumber(Of(block, kSize));
    if (!stated.has_value()) return BadArchive(PlaceOf(header_at), "a size that is no number");
    const char type = block[kType];
    const bool about_next = type == 'x' || type == 'g';
    const uint64_t size = about_next ? *stated : std::exchange(pax_size_, {}).value_or(*stated);
    const uint64_t begin = header_at + kTarBlock;
    if (size > kSizeMax || begin + size > source_.size()) {
      return BadArchive(PlaceOf(header_at), "the archive is cut off");
    }
    at_ = begin;
    if (type == 'x') HEIM_RETURN_IF_ERROR(TakePax(size));
    at_ = begin + Padded(size);
    if (about_next) continue;
    HEIM_ASSIGN_OR_RETURN(std::optional<TarEntry> entry, TakeHeader(block));
    if (!entry.has_value()) continue;
    entry->offset = begin;
    entry->size = size;
    return entry;
  }
}

absl::StatusOr<std::optional<TarEntry>> TarWalk::TakeHeader(std::string_view block) {
  TarEntry entry;
  entry.name = std::string(TextField(block, kName));
  const bool ustar = StartsWith(Of(block, kMagic), "ustar");
  if (const auto prefix = TextField(block, kPrefix); ustar && !prefix.empty()) {
    entry.name = StrCat(prefix, "/", entry.name);
  }
  if (pax_path_.has_value()) entry.name = *std::exchange(pax_path_, {});
  if (StartsWith(entry.name, "./")) entry.name.erase(0, 2);
  const char type = block[kType];
  if (type == '5') return std::nullopt;
  if (type != '0' && type != '\0') {
    return BadArchive(PlaceOf(at_), "only files belong into an archive: no links or devices");
  }
  if (!IsArchivePath(entry.name)) {
    return BadArchive(PlaceOf(at_), "a name that leads out of the archive, or is too long");
  }
  return entry;
}

// Lines of "<length> <key>=<value>\n".
absl::Status TarWalk::TakePax(uint64_t size) {
  if (size > kPaxMaxBytes) return BadArchive(PlaceOf(at_), "a header that is too long");
  HEIM_ASSIGN_OR_RETURN(const std::string bytes, source_.Read(at_, static_cast<size_t>(size)));
  std::string_view left = bytes;
  while (!left.empty()) {
    const size_t space = left.find(' ');
    const auto length = ParseInteger(left.substr(0, space), 5, static_cast<int64_t>(kPaxMaxBytes));
    if (space == std::string_view::npos || !length.ok() ||
        static_cast<size_t>(*length) > left.size() || static_cast<size_t>(*length) <= space + 1) {
      return BadArchive(PlaceOf(at_), "a damaged header");
    }
    std::string_view line = left.substr(space + 1, static_cast<size_t>(*length) - space - 1);
    left.remove_prefix(static_cast<size_t>(*length));
    if (line.back() == '\n') line.remove_suffix(1);
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return BadArchive(PlaceOf(at_), "a damaged header");
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "path") pax_path_ = std::string(value);
    if (key != "size") continue;
    const auto number = ParseInteger(value, 0, static_cast<int64_t>(kSizeMax));
    if (!number.ok()) return BadArchive(PlaceOf(at_), "a size that is no number");
    pax_size_ = static_cast<uint64_t>(*number);
  }
  return absl::OkStatus();
}

}  // namespace heim
