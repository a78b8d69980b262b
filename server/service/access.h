// Access is where a caller meets a resource: each function looks it up, checks the caller's rights
// on the rows of this transaction (never on what was cached with the token), and answers NOT_FOUND
// for what the caller may not know of, exactly as for what does not exist. Data of a channel is
// reached only with a ChannelAccess, which only access.cc can make.
// Functions over a transaction (a WriteTx is a ReadTx); same thread as the transaction; they block
// on the database.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/message.pb.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/model/permissions.h"
#include "server/store/store.h"

namespace heim {

// Proof that the caller may do what was asked in this channel, in this transaction. Never keep it
// longer than the transaction.
class ChannelAccess {
 public:
  // With `me` when the caller is a member.
  const v1::Channel& channel() const { return channel_; }
  ChannelId id() const { return ChannelId(channel_.id()); }
  WorkspaceId workspace_id() const { return WorkspaceId(channel_.workspace_id()); }
  // The caller's role in the workspace as the rows have it.
  v1::WorkspaceRole workspace_role() const { return workspace_role_; }
  // `seq` of the oldest message that the caller may read: messages before it do not exist for it. 0
  // when nothing is kept from it, past every seq when everything is.
  uint64_t history_from_seq() const { return history_from_seq_; }
  bool MayRead(const v1::Message& message) const { return message.seq() >= history_from_seq_; }

 private:
  ChannelAccess(v1::Channel channel, v1::WorkspaceRole workspace_role, uint64_t history_from_seq)
      : channel_(std::move(channel)),
        workspace_role_(workspace_role),
        history_from_seq_(history_from_seq) {}
  friend absl::StatusOr<ChannelAccess> AccessChannel(ReadTx& tx, const Caller& caller,
                                                     const ChannelId& id, Permission permission);

  v1::Channel channel_;
  v1::WorkspaceRole workspace_role_;
  uint64_t history_from_seq_;
};

// CHANNEL_NOT_FOUND, and what Check (model/permissions.h) answers: CHANNEL_ROLE_REQUIRED,
// WORKSPACE_ROLE_REQUIRED, CHANNEL_ARCHIVED, MISSING_SCOPE.
absl::StatusOr<ChannelAccess> AccessChannel(ReadTx& tx, const Caller& caller, const ChannelId& id,
                                            Permission permission);

struct MessageAccess {
  ChannelAccess access;
  v1::Message message;
};

// As AccessChannel for the message's channel, with MESSAGE_NOT_FOUND for what is hidden, also by
// where the caller's history begins. Tombstones are found.
absl::StatusOr<MessageAccess> AccessMessage(ReadTx& tx, const Caller& caller, const MessageId& id,
                                            Permission permission);

// A message named beside its channel: one of that channel that the caller may read.
// MESSAGE_NOT_FOUND.
absl::StatusOr<v1::Message> MessageIn(ReadTx& tx, const ChannelAccess& access, const MessageId& id);

// An actor that the caller may know of: itself, or a member of its workspace (for guests: one that
// shares a channel). ACTOR_NOT_FOUND. Deactivated actors are found, with deleted_at.
absl::StatusOr<v1::Actor> AccessActor(ReadTx& tx, const Caller& caller, const ActorId& id);

// A file that the caller uploaded, or that is attached to a message that it may read.
// FILE_NOT_FOUND.
absl::StatusOr<FileRow> AccessFile(ReadTx& tx, const Caller& caller, const FileId& id,
                                   Permission permission);

// Settings of a workspace that leave something to its owners and admins when they are false.
inline constexpr std::string_view kMembersCreateChannels = "members_create_channels";
inline constexpr std::string_view kMembersRegisterAgents = "members_register_agents";
inline constexpr std::string_view kMembersCreateInvites = "members_create_invites";
// Settings that open something when they are true: groups to members, mentions of groups to agents.
inline constexpr std::string_view kMembersManageGroups = "members_manage_groups";
inline constexpr std::string_view kAgentsMentionGroups = "agents_mention_groups";

// A permission that needs no channel, in the workspace of the call, and that the workspace's
// settings do not take away. Answers the caller's role as
// the rows have it. WORKSPACE_NOT_FOUND (no member), WORKSPACE_ROLE_REQUIRED, MISSING_SCOPE.
absl::StatusOr<v1::WorkspaceRole> CheckWorkspaceRole(ReadTx& tx, const Caller& caller,
                                                     Permission permission);
absl::Status CheckWorkspace(ReadTx& tx, const Caller& caller, Permission permission);

// Whether the author may mention groups of actors in the workspace: members and up, agents where
// the workspace lets them.
absl::StatusOr<bool> MayMentionGroups(ReadTx& tx, const WorkspaceId& workspace,
                                      const v1::ActorRef& author);

// The caller as a member of another of its workspaces, named by id or slug (empty: the call's own),
// for methods that name one in the request. An agent's key stays in its own. WORKSPACE_NOT_FOUND.
absl::StatusOr<Caller> EnterWorkspace(ReadTx& tx, const Caller& caller,
                                      std::string_view id_or_slug);

// Whether the caller may read all of these channels: for subscriptions. Blocks on one read.
// CHANNEL_NOT_FOUND.
absl::Status CheckChannelsReadable(Store& store, const Caller& caller,
                                   absl::Span<const std::string> channel_ids);

// INVALID_EMOJI for a normalised emoji (model/emoji.h) that is the name of a custom one, and of
// none in this workspace.
absl::Status CheckEmojiExists(ReadTx& tx, const WorkspaceId& workspace, std::string_view emoji);

// The caller's own id for "me", else the id as given.
ActorId ResolveMe(const Caller& caller, std::string_view actor_id);

}  // namespace heim
