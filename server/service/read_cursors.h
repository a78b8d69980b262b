// What the calls that move read cursors share. Functions over a transaction; same thread as the
// transaction. They block on the database.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "heim/v1/read_state_service.pb.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// read.updated to the actor's own sessions.
absl::Status EmitReadUpdated(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                             const v1::ReadState& state);

// The caller's cursor and counts in those of the channels that it is in, by channel id.
absl::StatusOr<std::vector<v1::ReadState>> ReadStatesOf(ReadTx& tx, const Caller& caller,
                                                        absl::Span<const v1::Channel> channels);

}  // namespace heim
