// What an invite opens, and for whom: the rules shared by making and accepting invites and by
// signing up with one. An invite is worth what its maker may do now: it ends when the maker leaves,
// is deactivated or falls below its role, and adds only to channels that the maker could add to.
// Functions over a transaction; same thread as the transaction; they block on the database.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/invite.pb.h"
#include "heim/v1/workspace.pb.h"
#include "server/model/caller.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// Whether the caller may make an invite with this role, in the workspace of the call.
// WORKSPACE_NOT_FOUND, WORKSPACE_ROLE_REQUIRED, MISSING_SCOPE.
absl::Status CheckMayInvite(ReadTx& tx, const Caller& caller, v1::WorkspaceRole role);

// Whether the caller may put newcomers of this role into the channel. As AccessChannel.
absl::Status CheckInviteChannel(ReadTx& tx, const Caller& caller, const ChannelId& channel,
                                v1::WorkspaceRole role);

// The invite of this code, ended or not. INVITE_INVALID.
absl::StatusOr<v1::Invite> FindInvite(ReadTx& tx, std::string_view code);

// INVITE_INVALID when it cannot be used at this time.
absl::Status CheckInviteOpen(ReadTx& tx, const v1::Invite& invite, absl::Time now);

// The invite of this code if whoever has this address may sign up with it now. INVITE_INVALID.
absl::StatusOr<v1::Invite> FindInviteFor(ReadTx& tx, std::string_view code, std::string_view email,
                                         absl::Time now);

// Uses the invite: the actor, whose row is there, joins workspace and channels; emits actor.created
// and member.added. INVITE_INVALID.
absl::StatusOr<v1::Workspace> JoinByInvite(WriteTx& tx, const Acting& acting,
                                           const v1::Invite& invite, const v1::Actor& actor);

}  // namespace heim
