// Who follows a thread because of what was said in it: the author of the root, who replies, and
// whom the root or a reply mentions by name. People and agents alike. Functions over a WriteTx;
// same thread as the transaction. They block on the database.
#pragma once

#include "absl/status/status.h"
#include "heim/v1/message.pb.h"
#include "heim/v1/thread.pb.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

ThreadPlace PlaceOf(const WorkspaceId& workspace, const v1::Message& root);

// A reply was added to the root: those whom it concerns follow from it on, unless they have
// unfollowed and the reply does not mention them. Emits thread.updated to each who is new.
absl::Status FollowWithReply(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                             const v1::Message& root, const v1::Message& reply);

// A message was edited: whom it mentions now and did not before follow its thread, if it has one.
absl::Status FollowWithEdit(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                            const v1::Message& before, const v1::Message& after);

// thread.updated to the reader's own sessions, with the thread as it has it now; answers it.
absl::StatusOr<v1::ThreadState> EmitThreadUpdated(WriteTx& tx, const Acting& acting,
                                                  const ThreadPlace& place, const ActorId& reader);

}  // namespace heim
