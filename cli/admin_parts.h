// What the commands below `heim admin` share. Functions, used from main's thread; CurrentWorkspace
// blocks on a call.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "cli/command.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {

// "admin" → WORKSPACE_ROLE_ADMIN; the enum's own prefix is added.
template <typename Enum>
absl::StatusOr<Enum> ParseRole(const std::string& text, std::string_view prefix,
                               bool (*parse)(google::protobuf::ConstStringParam, Enum*)) {
  Enum value{};
  if (text.empty()) return value;
  if (!parse(StrCat(prefix, absl::AsciiStrToUpper(text)), &value)) {
    return absl::InvalidArgumentError(StrCat("\"", text, "\" is no role"));
  }
  return value;
}

inline std::string RoleText(v1::WorkspaceRole role) {
  return absl::AsciiStrToLower(v1::WorkspaceRole_Name(role).substr(sizeof("WORKSPACE_ROLE_") - 1));
}

// The workspace that the command speaks of: --workspace, else the only or current one.
inline absl::StatusOr<v1::Workspace> CurrentWorkspace(Client& client) {
  HEIM_ASSIGN_OR_RETURN(
      const v1::GetSessionResponse session,
      client.Call(&v1::AuthService::Stub::GetSession, client.auth(), v1::GetSessionRequest()));
  if (!session.has_workspace()) return absl::NotFoundError("you are in no workspace");
  return session.workspace();
}

// `heim admin actor reset-password` and `erase`, `heim admin reset-password` and `heim admin invite
// …`.
void AddResetCommand(CommandLine& line, CLI::App& actor);
void AddOperatorCommands(CommandLine& line, CLI::App& admin);
void AddInviteCommands(CommandLine& line, CLI::App& admin);
// `heim admin export`, `import` and `imports`.
void AddTransferCommands(CommandLine& line, CLI::App& admin);

}  // namespace heim
