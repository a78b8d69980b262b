// Mentions of a message: found in its text, resolved to actors and groups, and counted for those
// whom they call. Functions over a transaction; same thread as the transaction. They block on the
// database.
#pragma once

#include "absl/status/status.h"
#include "heim/v1/message.pb.h"
#include "server/hub/presence.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

// What to do with a mention of a group in a channel of more than kUnconfirmedMentionMembersMax
// members: leave it as text, refuse the message with CONFIRMATION_REQUIRED, or let it call.
enum class CrowdMentions { kLeaveAsText, kAsk, kConfirmed };

// Finds mentions in the content and resolves usernames and handles of groups of the workspace to
// ids; an actor comes before a group of the same name. Mentions of groups, @channel, @here and
// @everyone stay text unless the author may make them.
absl::Status FillMentions(ReadTx& tx, const WorkspaceId& workspace, v1::Message* message,
                          CrowdMentions crowd = CrowdMentions::kLeaveAsText);

// Whether the message mentions a group, the channel, those present or everybody.
bool MentionsAGroup(const v1::Message& message);

// Counts the message for the members of groups that it mentions, and for those present for @here
// (nobody without `presence`); not for groups that `before`, if any, mentioned already. The message
// must be stored.
absl::Status CallGroups(WriteTx& tx, const PresenceBook* presence, const v1::Message* before,
                        const v1::Message& message);

}  // namespace heim
