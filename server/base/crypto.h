// Hashes, MACs, encodings and passwords, on OpenSSL and libsodium; callers see neither. Pure
// functions; any thread. Nothing blocks, but HashPassword and VerifyPassword take tens of
// milliseconds and their memory on purpose: on an Executor only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

// 32 raw bytes.
std::string Sha256(std::string_view bytes);
std::string HmacSha256(std::string_view key, std::string_view bytes);

// Lower case; decoding takes both cases and an even length only.
std::string HexEncode(std::string_view bytes);
std::optional<std::string> HexDecode(std::string_view text);

// RFC 4648, URL alphabet, no padding. Decoding is strict: no padding, no spaces, no stray bits, so
// that each byte string has exactly one text.
std::string Base64UrlEncode(std::string_view bytes);
std::optional<std::string> Base64UrlDecode(std::string_view text);

// RFC 4648, standard alphabet, with padding; decoding as strict.
std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);

// Takes the same time wherever the difference is; different lengths are simply unequal.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

// The cost of one argon2id hash: passes, and memory while it runs.
struct PasswordCost {
  uint64_t passes = 2;
  size_t memory_bytes = size_t{19} * 1024 * 1024;
};

// A PHC string ("$argon2id$v=19$m=…") with its own salt and cost. RESOURCE_EXHAUSTED when the
// memory is not there, INVALID_ARGUMENT when the cost is below what argon2id takes.
absl::StatusOr<std::string> HashPassword(std::string_view password, PasswordCost cost = {});

// False also for a hash that does not parse.
bool VerifyPassword(std::string_view hash, std::string_view password);

// Whether `hash` was made with another cost, or does not parse, and is to be made anew.
bool NeedsRehash(std::string_view hash, PasswordCost cost = {});

}  // namespace heim
