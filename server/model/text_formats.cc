// The named forms of text that a field of a request may have (validate.h).
#include <algorithm>
#include <array>
#include <string>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/limits.h"
#include "server/model/validate.h"

namespace heim {
namespace {

constexpr size_t kEmailMaxBytes = 254;
constexpr size_t kEmailLocalMaxBytes = 64;

// Words of mentions, and what only the server calls itself.
constexpr std::array<std::string_view, 7> kReserved = {"all",    "here",  "channel", "everyone",
                                                       "system", "admin", "me"};

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool HasSpaceOrControl(std::string_view text) {
  return HasControl(text) || text.find(' ') != std::string_view::npos;
}

}  // namespace

bool IsUsername(std::string_view text) {
  if (text.size() < kUsernameMinLength || text.size() > kUsernameMaxLength) return false;
  if (text.front() == '.' || text.back() == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsLower(c) || IsDigit(c) || c == '.' || c == '_' || c == '-';
  });
}

bool IsReservedUsername(std::string_view text) {
  const std::string lower = AsciiLower(text);
  return std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end();
}

bool IsSlug(std::string_view text) {
  if (text.empty() || text.size() > kSlugMaxLength) return false;
  if (!IsLower(text.front()) && !IsDigit(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '_' || c == '-'; });
}

bool IsEmail(std::string_view text) {
  if (text.size() > kEmailMaxBytes || HasSpaceOrControl(text)) return false;
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > kEmailLocalMaxBytes) return false;
  if (text.find('@') != at || text.find_first_of("<>(),;:\"\\[]") != std::string_view::npos) {
    return false;
  }
  const std::string_view host = text.substr(at + 1);
  return !host.empty() && host.front() != '.' && host.back() != '.' &&
         host.find("..") == std::string_view::npos;
}

bool IsHttpUri(std::string_view text) {
  size_t scheme = 0;
  if (StartsWithIgnoreCase(text, "http://")) scheme = 7;
  if (StartsWithIgnoreCase(text, "https://")) scheme = 8;
  if (scheme == 0 || HasSpaceOrControl(text)) return false;
  if (text.find_first_of("\\<>\"`{}|^") != std::string_view::npos) return false;
  const std::string_view rest = text.substr(scheme);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  return !authority.empty() && authority.front() != ':' &&
         authority.find('@') == std::string_view::npos;
}

bool IsLink(std::string_view text) {
  constexpr std::string_view kMailto = "mailto:";
  if (!StartsWithIgnoreCase(text, kMailto)) return IsHttpUri(text);
  const std::string_view rest = text.substr(kMailto.size());
  return IsEmail(rest.substr(0, rest.find('?'))) && !HasSpaceOrControl(rest) &&
         rest.find_first_of("\\<>\"`{}|^") == std::string_view::npos;
}

}  // namespace heim
