// Joining and leaving channels inside a transaction: rows and events together, the same for every
// call that does it. Functions over a WriteTx; same thread as the transaction. Rights were checked
// by the caller.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/message.pb.h"
#include "heim/v1/workspace.pb.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

// Who does something, and when.
struct Acting {
  ActorId by;
  absl::Time at;
};

// Makes the actor a member (its read cursor at the channel's end, its history from where the
// channel lets newcomers read) and emits member.added. ALREADY_MEMBER.
absl::StatusOr<v1::Member> AddToChannel(WriteTx& tx, const Acting& acting, const ChannelId& channel,
                                        const ActorId& actor, v1::ChannelRole role);

// Ends the membership and emits member.removed. When the last owner goes, its role passes to the
// oldest admin, else the oldest member who may write (member.updated). MEMBER_NOT_FOUND. Answers
// the member that was.
absl::StatusOr<v1::Member> RemoveFromChannel(WriteTx& tx, const Acting& acting,
                                             const ChannelId& channel, const ActorId& actor);

// The channel that every member of the workspace is in; empty when there is none.
ChannelId DefaultChannelOf(const v1::Workspace& workspace);

// The member as events show it: without what only its own answers hold.
v1::Member PublicMember(v1::Member member);

// The channel as events show it: without the caller's membership.
v1::Channel PublicChannel(v1::Channel channel);

// An event of the channel by the actor, its payload still to be set.
v1::Event ChannelEvent(const Acting& acting, const ChannelId& channel);
// The same about one of its messages: whoever may not read the message does not hear it.
v1::Event MessageEvent(const Acting& acting, const v1::Message& message);

}  // namespace heim
