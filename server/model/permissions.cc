#include "server/model/permissions.h"

#include <array>

#include "server/base/check.h"
#include "server/model/errors.h"
#include "server/model/scopes.h"

namespace heim {
namespace {

using enum ChannelRoleNeeded;
using P = Permission;

constexpr v1::WorkspaceRole kOwn = v1::WORKSPACE_ROLE_OWNER;
constexpr v1::WorkspaceRole kAdm = v1::WORKSPACE_ROLE_ADMIN;
constexpr v1::WorkspaceRole kMem = v1::WORKSPACE_ROLE_MEMBER;
constexpr v1::WorkspaceRole kGst = v1::WORKSPACE_ROLE_GUEST;
constexpr v1::WorkspaceRole kNo = v1::WORKSPACE_ROLE_UNSPECIFIED;

constexpr std::string_view kMethods = "";  // the scope that the method asks for is enough

// clang-format off
constexpr std::array<PermissionRow, static_cast<size_t>(P::kCount)> kTable = {{
// permission, name                                   workspace channel        in its place
//                                                         in_channel               archived direct scope
  {P::kReadChannel,       "read_channel",             kGst, true,  kNone,   kNo,  true,  true,  kMethods},
  {P::kReadMembers,       "read_members",             kGst, true,  kNone,   kNo,  true,  true,  kScopeChannelsRead},
  {P::kReadOwnMembership, "read_own_membership",      kGst, true,  kNone,   kNo,  true,  true,  kMethods},
  {P::kMarkRead,          "mark_read",                kGst, true,  kReader, kNo,  true,  true,  kScopeMessagesRead},
  {P::kPost,              "post",                     kGst, true,  kPoster, kNo,  false, true,  kScopeMessagesWrite},
  {P::kReact,             "react",                    kGst, true,  kPoster, kNo,  false, true,  kScopeMessagesWrite},
  {P::kTyping,            "typing",                   kGst, true,  kPoster, kNo,  false, true,  kScopeMessagesWrite},
  {P::kPin,               "pin",                      kGst, true,  kPoster, kNo,  false, true,  kScopeMessagesWrite},
  {P::kManageBookmarks,   "manage_bookmarks",         kGst, true,  kMember, kNo,  false, true,  kScopeChannelsWrite},
  {P::kEditOwnMessage,    "edit_own_message",         kGst, true,  kPoster, kNo,  false, true,  kScopeMessagesWrite},
  {P::kDeleteOwnMessage,  "delete_own_message",       kGst, true,  kPoster, kNo,  false, true,  kScopeMessagesWrite},
  {P::kDeleteAnyMessage,  "delete_any_message",       kGst, true,  kAdmin,  kAdm, false, false, kScopeMessagesWrite},
  {P::kStopAnyStream,     "stop_any_stream",          kGst, true,  kAdmin,  kAdm, true,  false, kScopeMessagesWrite},
  {P::kUpdateChannel,     "update_channel",           kGst, true,  kAdmin,  kAdm, false, false, kScopeChannelsWrite},
  {P::kChangeChannelType, "change_channel_type",      kGst, true,  kOwner,  kOwn, false, false, kScopeChannelsWrite},
  {P::kArchiveChannel,    "archive_channel",          kGst, true,  kOwner,  kAdm, true,  false, kScopeChannelsWrite},
  {P::kPurgeChannel,      "purge_channel",            kGst, true,  kOwner,  kOwn, true,  false, kScopeChannelsWrite},
  {P::kAddMember,         "add_member",               kGst, true,  kAdmin,  kAdm, false, false, kScopeChannelsWrite},
  {P::kRemoveMember,      "remove_member",            kGst, true,  kAdmin,  kAdm, true,  false, kScopeChannelsWrite},
  {P::kUpdateMemberRole,  "update_member_role",       kGst, true,  kAdmin,  kAdm, false, false, kScopeChannelsWrite},
  {P::kJoin,              "join",                     kMem, true,  kNone,   kNo,  false, false, kScopeChannelsJoin},
  {P::kLeave,             "leave",                    kGst, true,  kNone,   kNo,  true,  false, kMethods},
  {P::kReadWorkspace,     "read_workspace",           kGst, false, kNone,   kNo,  true,  true,  kMethods},
  {P::kReadDirectory,     "read_directory",           kMem, false, kNone,   kNo,  true,  true,  kScopeActorsRead},
  {P::kReadPresence,      "read_presence",            kGst, false, kNone,   kNo,  true,  true,  kScopeActorsRead},
  {P::kUpdatePresence,    "update_presence",          kGst, false, kNone,   kNo,  true,  true,  kScopePresenceWrite},
  {P::kUpdateOwnProfile,  "update_own_profile",       kGst, false, kNone,   kNo,  true,  true,  kScopeActorsWrite},
  {P::kCreateChannel,     "create_channel",           kMem, false, kNone,   kNo,  true,  true,  kScopeChannelsWrite},
  {P::kOpenDirect,        "open_direct",              kGst, false, kNone,   kNo,  true,  true,  kScopeChannelsWrite},
  {P::kCreateAgent,       "create_agent",             kMem, false, kNone,   kNo,  true,  true,  kScopeActorsWrite},
  {P::kManageOwnAgent,    "manage_own_agent",         kMem, false, kNone,   kNo,  true,  true,  kScopeActorsWrite},
  {P::kManageAnyAgent,    "manage_any_agent",         kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kCreateHuman,       "create_human",             kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kCreateInvite,      "create_invite",            kMem, false, kNone,   kNo,  true,  true,  kScopeActorsWrite},
  {P::kManageInvites,     "manage_invites",           kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kManageMembers,     "manage_members",           kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kManageWorkspace,   "manage_workspace",         kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kDeleteWorkspace,   "delete_workspace",         kOwn, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kReadGroups,        "read_groups",              kMem, false, kNone,   kNo,  true,  true,  kScopeActorsRead},
  {P::kManageGroups,      "manage_groups",            kMem, false, kNone,   kNo,  true,  true,  kScopeChannelsWrite},
  {P::kMentionGroups,     "mention_groups",           kMem, false, kNone,   kNo,  true,  true,  kScopeMessagesWrite},
  {P::kUploadFile,        "upload_file",              kGst, false, kNone,   kNo,  true,  true,  kScopeFilesWrite},
  {P::kDownloadFile,      "download_file",            kGst, false, kNone,   kNo,  true,  true,  kScopeFilesRead},
  {P::kAddEmoji,          "add_emoji",                kMem, false, kNone,   kNo,  true,  true,  kScopeFilesWrite},
  {P::kManageEmoji,       "manage_emoji",             kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kDeleteOwnFile,     "delete_own_file",          kGst, false, kNone,   kNo,  true,  true,  kScopeFilesWrite},
  {P::kDeleteAnyFile,     "delete_any_file",          kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kSearch,            "search",                   kGst, false, kNone,   kNo,  true,  true,  kScopeMessagesRead},
  {P::kReadAudit,         "read_audit",               kAdm, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kExportWorkspace,   "export_workspace",         kOwn, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kImportWorkspace,   "import_workspace",         kOwn, false, kNone,   kNo,  true,  true,  kScopeAdmin},
  {P::kExportOwnData,     "export_own_data",          kGst, false, kNone,   kNo,  true,  true,  kScopeActorsRead},
  {P::kEraseActor,        "erase_actor",              kOwn, false, kNone,   kNo,  true,  true,  kScopeAdmin},
}};
// clang-format on

constexpr bool IsInOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].permission != static_cast<Permission>(i)) return false;
  }
  return true;
}
static_assert(IsInOrder(), "a row of the table is missing or out of place");

bool IsDirect(v1::ChannelType type) {
  return type == v1::CHANNEL_TYPE_DM || type == v1::CHANNEL_TYPE_GROUP_DM;
}

ChannelRoleNeeded Strength(v1::ChannelRole role) {
  switch (role) {
    case v1::CHANNEL_ROLE_OWNER:
      return kOwner;
    case v1::CHANNEL_ROLE_ADMIN:
      return kAdmin;
    case v1::CHANNEL_ROLE_MEMBER:
      return kMember;
    case v1::CHANNEL_ROLE_GUEST:
      return kPoster;
    case v1::CHANNEL_ROLE_VIEWER:
      return kReader;
    default:
      return kNone;
  }
}

// The least role that would do, as it is called.
v1::ChannelRole RoleFor(ChannelRoleNeeded needed) {
  switch (needed) {
    case kOwner:
      return v1::CHANNEL_ROLE_OWNER;
    case kAdmin:
      return v1::CHANNEL_ROLE_ADMIN;
    case kMember:
      return v1::CHANNEL_ROLE_MEMBER;
    case kPoster:
      return v1::CHANNEL_ROLE_GUEST;
    case kReader:
    case kNone:
      return v1::CHANNEL_ROLE_VIEWER;
  }
  return v1::CHANNEL_ROLE_UNSPECIFIED;
}

bool HasWorkspaceRole(const AccessFacts& facts, v1::WorkspaceRole least) {
  return Rank(facts.workspace_role) >= Rank(least);
}

// Nobody stands in for a member of a direct message.
bool IsOverridden(const PermissionRow& row, const AccessFacts& facts) {
  return row.override_role != kNo && !IsDirect(facts.channel->type) &&
         HasWorkspaceRole(facts, row.override_role);
}

bool HasChannelRole(const PermissionRow& row, const AccessFacts& facts) {
  if (row.channel_role == kNone) return true;
  return facts.channel->is_member && Strength(facts.channel->role) >= row.channel_role;
}

absl::Status CheckScope(const PermissionRow& row, const AccessFacts& facts) {
  if (row.scope.empty() || facts.credential_is_session) return absl::OkStatus();
  return HasScope(facts.scopes, row.scope) ? absl::OkStatus() : MissingScope(row.scope);
}

absl::Status CheckChannelState(const PermissionRow& row, const ChannelStanding& channel) {
  if (!row.in_direct && IsDirect(channel.type)) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "This cannot be done to a direct message");
  }
  if (!row.when_archived && channel.archived) {
    return MakeError(v1::ERROR_REASON_CHANNEL_ARCHIVED, "The channel is archived and read-only");
  }
  return absl::OkStatus();
}

}  // namespace

const PermissionRow& RowOf(Permission permission) {
  HEIM_CHECK(permission < Permission::kCount);
  return kTable[static_cast<size_t>(permission)];
}

bool CanRead(const AccessFacts& facts) {
  if (Rank(facts.workspace_role) == 0 || !facts.channel.has_value()) return false;
  if (facts.channel->is_member) return true;
  return facts.channel->type == v1::CHANNEL_TYPE_PUBLIC && HasWorkspaceRole(facts, kMem);
}

absl::Status Check(Permission permission, const AccessFacts& facts) {
  const PermissionRow& row = RowOf(permission);
  if (row.in_channel && !CanRead(facts)) return ChannelNotFound();
  if (Rank(facts.workspace_role) == 0) return WorkspaceNotFound();
  if (!HasWorkspaceRole(facts, row.workspace_role)) {
    return WorkspaceRoleRequired(row.workspace_role);
  }
  if (row.in_channel && !HasChannelRole(row, facts) && !IsOverridden(row, facts)) {
    return ChannelRoleRequired(RoleFor(row.channel_role));
  }
  if (absl::Status status = CheckScope(row, facts); !status.ok()) return status;
  return row.in_channel ? CheckChannelState(row, *facts.channel) : absl::OkStatus();
}

int Rank(v1::WorkspaceRole role) {
  switch (role) {
    case v1::WORKSPACE_ROLE_OWNER:
      return 4;
    case v1::WORKSPACE_ROLE_ADMIN:
      return 3;
    case v1::WORKSPACE_ROLE_MEMBER:
      return 2;
    case v1::WORKSPACE_ROLE_GUEST:
      return 1;
    default:
      return 0;
  }
}

bool MayGrant(v1::WorkspaceRole own, v1::WorkspaceRole wanted) {
  return Rank(wanted) > 0 && Rank(wanted) <= Rank(own);
}

}  // namespace heim
