// Tests: ZIP archives byte by byte, as honest or as wrong as they are asked for. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/archive/zip_reader.h"

namespace heim {

struct ZipPart {
  std::string name;
  std::string bytes;  // as they lie in the archive
  uint16_t method = 0;
  uint16_t flags = 0;
  std::optional<uint32_t> size = {};    // unpacked; else that of the bytes
  std::optional<uint32_t> crc = {};     // else the right one of the bytes
  std::optional<uint32_t> offset = {};  // where the table says that it lies
};

inline uint32_t Crc32Of(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
  }
  return ~crc;
}

inline void PutLittle(uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

inline std::string BuildZip(const std::vector<ZipPart>& parts) {
  std::string out;
  std::string table;
  for (const ZipPart& part : parts) {
    std::string common;
    PutLittle(20, 2, &common);
    PutLittle(part.flags, 2, &common);
    PutLittle(part.method, 2, &common);
    PutLittle(0, 4, &common);  // time and date
    PutLittle(part.crc.value_or(Crc32Of(part.bytes)), 4, &common);
    PutLittle(part.bytes.size(), 4, &common);
    PutLittle(part.size.value_or(static_cast<uint32_t>(part.bytes.size())), 4, &common);
    PutLittle(part.name.size(), 2, &common);
    PutLittle(0, 2, &common);  // extra
    table += "PK\x01\x02";
    PutLittle(20, 2, &table);
    table += common;
    PutLittle(0, 2 + 2 + 2 + 4, &table);  // comment, disk, attributes
    PutLittle(part.offset.value_or(static_cast<uint32_t>(out.size())), 4, &table);
    table += part.name;
    out += "PK\x03\x04";
    out += common + part.name + part.bytes;
  }
  const size_t at = out.size();
  out += table;
  out += "PK\x05\x06";
  PutLittle(0, 4, &out);
  PutLittle(parts.size(), 2, &out);
  PutLittle(parts.size(), 2, &out);
  PutLittle(table.size(), 4, &out);
  PutLittle(at, 4, &out);
  PutLittle(0, 2, &out);
  return out;
}

// The bytes must outlive it.
inline ZipBytes BytesOf(const std::string& archive) {
  return {archive.size(), [&archive](uint64_t offset, size_t n) -> absl::StatusOr<std::string> {
            return offset < archive.size() ? archive.substr(offset, n) : std::string();
          }};
}

}  // namespace heim
