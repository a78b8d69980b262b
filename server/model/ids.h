// The ids of the domain, one type each. Values; any thread; never block.
#pragma once

#include "server/base/strong_id.h"

namespace heim {

using ActorId = StrongId<struct ActorIdTag>;
using ChannelId = StrongId<struct ChannelIdTag>;
using WorkspaceId = StrongId<struct WorkspaceIdTag>;
using MessageId = StrongId<struct MessageIdTag>;
using StreamId = StrongId<struct StreamIdTag>;
using FileId = StrongId<struct FileIdTag>;
using GroupId = StrongId<struct GroupIdTag>;
// Record of an agent's key or of a personal access token.
using KeyId = StrongId<struct KeyIdTag>;
// A login.
using SessionId = StrongId<struct SessionIdTag>;
using InviteId = StrongId<struct InviteIdTag>;

}  // namespace heim
