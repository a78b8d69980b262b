#include "server/service/readable_channels.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/permissions.h"
#include "server/service/access.h"

namespace heim {

absl::StatusOr<std::vector<ReadableChannel>> ReadableChannels(ReadTx& tx, const Caller& caller) {
  AccessFacts facts;
  HEIM_ASSIGN_OR_RETURN(facts.workspace_role, CheckWorkspaceRole(tx, caller, Permission::kSearch));
  HEIM_ASSIGN_OR_RETURN(std::vector<StandingRow> rows,
                        tx.search.Standings(caller.workspace_id, caller.actor_id));
  std::vector<ReadableChannel> readable;
  readable.reserve(rows.size());
  for (StandingRow& row : rows) {
    facts.channel = ChannelStanding{row.type, false, row.is_member, row.role};
    if (!CanRead(facts)) continue;
    // Who is not in a channel whose history begins with joining has none of it.
    const bool hidden = row.history_visibility == v1::HISTORY_VISIBILITY_SINCE_JOINING;
    if (!row.is_member && hidden) continue;
    const uint64_t from = row.is_member ? row.history_from_seq : row.open_from_seq;
    readable.push_back({std::move(row), from});
  }
  return readable;
}

}  // namespace heim
