#include "server/auth/session_scopes.h"

#include "server/model/scopes.h"

namespace heim {
namespace {

bool MayAdminister(v1::WorkspaceRole role) {
  return role == v1::WORKSPACE_ROLE_OWNER || role == v1::WORKSPACE_ROLE_ADMIN;
}

}  // namespace

std::vector<std::string> SessionScopes(v1::WorkspaceRole role) {
  std::vector<std::string> scopes = DefaultScopes();
  if (MayAdminister(role)) scopes.emplace_back(kScopeAdmin);
  return scopes;
}

std::vector<std::string> AllowedScopes(absl::Span<const std::string> granted,
                                       v1::WorkspaceRole role) {
  std::vector<std::string> allowed;
  for (const std::string& scope : granted) {
    if (scope != kScopeAdmin || MayAdminister(role)) allowed.push_back(scope);
  }
  return allowed;
}

}  // namespace heim
