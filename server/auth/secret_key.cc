#include "server/auth/secret_key.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "server/base/file_util.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

constexpr size_t kKeyMinChars = 32;
constexpr size_t kKeyDistinctMin = 8;
constexpr size_t kMadeKeyChars = 64;
constexpr size_t kFileMaxBytes = 4096;
constexpr std::array<std::string_view, 7> kPlaceholders = {
    "change-me", "changeme", "change_me", "your-secret", "your_secret", "replace-me", "example"};

bool IsPlaceholder(std::string_view key) {
  const std::string lower = AsciiLower(key);
  return std::any_of(kPlaceholders.begin(), kPlaceholders.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

absl::Status CheckKey(std::string_view key, std::string_view name) {
  if (IsPlaceholder(key)) {
    return absl::InvalidArgumentError(
        StrCat(name, " is a placeholder from an example: give at least 32 random characters"));
  }
  std::string distinct(key);
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (key.size() < kKeyMinChars || distinct.size() < kKeyDistinctMin) {
    return absl::InvalidArgumentError(
        StrCat(name, " is too weak: give at least 32 random characters"));
  }
  return absl::OkStatus();
}

std::string_view WithoutNewline(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

absl::StatusOr<std::string> LoadSecretKey(const SecretKeySource& source, Entropy& entropy) {
  if (!source.configured.empty()) {
    HEIM_RETURN_IF_ERROR(CheckKey(source.configured, "HEIM_SECRET_KEY"));
    return source.configured;
  }
  const std::string path = StrCat(source.data_dir, "/secret_key");
  if (!FileExists(path)) {
    HEIM_RETURN_IF_ERROR(EnsureDirectory(source.data_dir, 0700));
    const std::string key = RandomBase62(entropy, kMadeKeyChars);
    HEIM_RETURN_IF_ERROR(WriteFileAtomically(path, StrCat(key, "\n"), 0600));
    return key;
  }
  HEIM_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kFileMaxBytes));
  const std::string_view key = WithoutNewline(bytes);
  HEIM_RETURN_IF_ERROR(CheckKey(key, path));
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    LogWarn("The secret key's file can be read by others; set its mode to 0600", {{"path", path}});
  }
  return std::string(key);
}

}  // namespace heim
