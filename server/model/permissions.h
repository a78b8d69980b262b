// The one table of who may do what, and the one function that reads it. Pure; any thread.
//
// Policies in it: owners and admins of a workspace do not read private channels that they are not
// in, and may manage those that they can read; guests of a workspace know only their own channels;
// a viewer of a channel only reads; a guest of a channel reads, writes and reacts, and can do
// nothing to it; a scope never adds a right.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/workspace.pb.h"

namespace heim {

enum class Permission {
  // In a channel.
  kReadChannel,
  kReadMembers,
  kReadOwnMembership,  // also muting it
  kMarkRead,
  kPost,  // messages, replies, streams
  kReact,
  kTyping,
  kPin,  // and unpin
  kManageBookmarks,
  kEditOwnMessage,
  kDeleteOwnMessage,
  kDeleteAnyMessage,
  kStopAnyStream,
  kUpdateChannel,  // name, topic, purpose
  kChangeChannelType,
  kArchiveChannel,  // and unarchive
  kPurgeChannel,
  kAddMember,
  kRemoveMember,
  kUpdateMemberRole,
  kJoin,
  kLeave,
  // In a workspace.
  kReadWorkspace,
  kReadDirectory,  // list actors and agents
  kReadPresence,
  kUpdatePresence,
  kUpdateOwnProfile,
  kCreateChannel,
  kOpenDirect,
  kCreateAgent,
  kManageOwnAgent,  // profile and keys of an agent that the caller owns
  kManageAnyAgent,
  kCreateHuman,
  kCreateInvite,
  kManageInvites,  // those of others
  kManageMembers,  // roles, removal, deactivation
  kManageWorkspace,
  kDeleteWorkspace,
  kReadGroups,
  kManageGroups,   // where the workspace leaves it to its members
  kMentionGroups,  // @channel, @here, @everyone and user groups
  kUploadFile,
  kDownloadFile,
  kAddEmoji,     // and remove one that the caller added
  kManageEmoji,  // remove any
  kDeleteOwnFile,
  kDeleteAnyFile,  // of those that the caller may read
  kSearch,         // in what the caller may read
  kReadAudit,      // and export it
  kExportWorkspace,
  kImportWorkspace,
  kExportOwnData,
  kEraseActor,  // a person's data
  kCount,        // number of permissions, not one
};

// Least role over a channel: each includes the ones before it. Owner > admin > member > guest >
// viewer, where the step from guest to member adds nothing to a row that asks for a poster.
enum class ChannelRoleNeeded { kNone, kReader, kPoster, kMember, kAdmin, kOwner };

struct PermissionRow {
  Permission permission;
  std::string_view name;
  // Least role in the workspace.
  v1::WorkspaceRole workspace_role;
  // Whether it is about a channel; the columns below count only then.
  bool in_channel;
  // kNone: a channel that may be read is enough, else membership with this role.
  ChannelRoleNeeded channel_role;
  // Workspace role that stands in for the channel role wherever the channel may be read.
  // UNSPECIFIED: none does.
  v1::WorkspaceRole override_role;
  bool when_archived;
  bool in_direct;  // in a dm or group_dm
  // Scope that a key must hold. Empty: what the method asks for is enough.
  std::string_view scope;
};

const PermissionRow& RowOf(Permission permission);

// What is known of the caller and the channel, read in the transaction that acts.
struct ChannelStanding {
  v1::ChannelType type = v1::CHANNEL_TYPE_UNSPECIFIED;
  bool archived = false;
  bool is_member = false;
  v1::ChannelRole role = v1::CHANNEL_ROLE_UNSPECIFIED;  // of a member
};

struct AccessFacts {
  // UNSPECIFIED: not a member of the workspace.
  v1::WorkspaceRole workspace_role = v1::WORKSPACE_ROLE_UNSPECIFIED;
  // Unset: no channel is meant, or it does not exist.
  std::optional<ChannelStanding> channel;
  // Of the credential. A session holds whatever its actor may do.
  absl::Span<const std::string> scopes;
  bool credential_is_session = false;
};

// Whether the channel may be read: members of it; for a public one everybody in the workspace but
// guests.
bool CanRead(const AccessFacts& facts);

// In this order: workspace (WORKSPACE_NOT_FOUND without membership, WORKSPACE_ROLE_REQUIRED), a
// channel that may be read (CHANNEL_NOT_FOUND, also in place of the first two), role in it
// (CHANNEL_ROLE_REQUIRED), scope (MISSING_SCOPE), kind and state of the channel (PERMISSION_DENIED
// in a direct message, CHANNEL_ARCHIVED).
absl::Status Check(Permission permission, const AccessFacts& facts);

// owner 4, admin 3, member 2, guest 1, none 0.
int Rank(v1::WorkspaceRole role);
// Whether an actor of role `own` may give `wanted` to others: never above its own.
bool MayGrant(v1::WorkspaceRole own, v1::WorkspaceRole wanted);

}  // namespace heim
