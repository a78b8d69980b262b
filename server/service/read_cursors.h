// What the calls that move read cursors share. Functions over a WriteTx; same thread as the
// transaction. They block on the database.
#pragma once

#include "absl/status/status.h"
#include "heim/v1/read_state_service.pb.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// read.updated to the actor's own sessions.
absl::Status EmitReadUpdated(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                             const v1::ReadState& state);

}  // namespace heim
