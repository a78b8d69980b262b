// Events of drafts and scheduled messages carry a text that only its author may know, and that must
// not outlive it in the log. Functions over a transaction's session; they block on the database.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// Takes text, parts, files and metadata out of the draft.updated or scheduled_message.updated at
// this position. Position 0, an event that is gone and one of another kind are left alone.
absl::Status ScrubPrivateText(SqlSession& session, const WorkspaceId& workspace, uint64_t position);

}  // namespace heim
