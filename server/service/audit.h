// The entry that a call leaves in the audit log. Written inside the transaction of what it tells,
// so that there is no change without its entry and no entry without its change; refusals, which
// change nothing, are entered on their own. What a method is called in the log, and whether it is
// there at all, says its policy (`audit`): a call of any other pays nothing.
// Functions over a WriteTx, on its thread; the others never block.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "server/model/ids.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

// Enters what the call did, if its method is audited: who from the credential, what it was done to
// and what changed from tx.note, the answer and the request. Called by CommitReply; a handler that
// commits by itself calls it last in its draft. `response` may be any message that holds the
// changed thing.
absl::Status EnterAudit(WriteTx& tx, const CallContext& context,
                        const google::protobuf::Message& response);

// Enters that the caller was refused, soon and once. Ends with the store.
void EnterRefusal(Store& store, const CallContext& context, const absl::Status& status);

// Enters that somebody gave a wrong password for the account, in each of its workspaces, soon and
// once: the answer does not wait for it, and so does not tell whether the account exists.
void EnterFailure(Store& store, const CallContext& context, std::string_view action,
                  const ActorId& account, const absl::Status& status);

}  // namespace heim
