// The rows of message_mentions as a message's text has them: who is called by name, and '*' for
// everybody in the channel. For messages.cc alone; whom groups call is in user_groups.h.
// Functions over a session; same thread as the transaction. They block on the database.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "heim/v1/message.pb.h"
#include "server/store/sql.h"

namespace heim {

absl::Status InsertMentionRows(SqlSession& session, const v1::Message& message);

// After an edit, at the old place. Groups that are still mentioned keep whom they called.
absl::Status UpdateMentionRows(SqlSession& session, const v1::Message& before,
                               const v1::Message& after);

}  // namespace heim
