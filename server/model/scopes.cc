#include "server/model/scopes.h"

#include <algorithm>
#include <array>

namespace heim {
namespace {

constexpr std::array<std::string_view, 11> kScopes = {
    kScopeMessagesRead, kScopeMessagesWrite, kScopeChannelsRead, kScopeChannelsWrite,
    kScopeChannelsJoin, kScopeFilesRead,     kScopeFilesWrite,   kScopeActorsRead,
    kScopeActorsWrite,  kScopePresenceWrite, kScopeAdmin};

}  // namespace

absl::Span<const std::string_view> AllScopes() { return kScopes; }

bool IsKnownScope(std::string_view scope) {
  return std::find(kScopes.begin(), kScopes.end(), scope) != kScopes.end();
}

std::vector<std::string> DefaultScopes() {
  std::vector<std::string> scopes;
  for (const std::string_view scope : kScopes) {
    if (scope != kScopeAdmin) scopes.emplace_back(scope);
  }
  return scopes;
}

bool HasScope(absl::Span<const std::string> held, std::string_view scope) {
  return std::find(held.begin(), held.end(), scope) != held.end();
}

bool IsSubset(absl::Span<const std::string> wanted, absl::Span<const std::string> held) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& scope) { return HasScope(held, scope); });
}

}  // namespace heim
