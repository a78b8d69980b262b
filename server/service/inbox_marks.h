// What the calls and jobs that change inboxes share: rows and events together. Functions over a
// WriteTx; same thread as the transaction. They block on the database.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "heim/v1/read_state_service.pb.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// inbox.seen to the owner's own sessions: these items were seen, or are gone. Nothing for none.
absl::Status EmitInboxSeen(WriteTx& tx, const Acting& acting, const InboxOwner& owner,
                           const std::vector<std::string>& item_ids);

// The same for all items up to one.
absl::Status EmitInboxSeenUntil(WriteTx& tx, const Acting& acting, const InboxOwner& owner,
                                const std::string& seen_until);

// The actor's read cursor of a channel or thread moved: what it has read needs it no more.
absl::Status MarkInboxRead(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                           const v1::ReadState& state);

}  // namespace heim
