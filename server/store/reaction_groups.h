// The reactions of a page of messages, read in one query for up to 200 of them. Part of the message
// repositories; blocks on the database.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "heim/v1/message.pb.h"
#include "server/store/sql.h"

namespace heim {

// Sets `reactions` of each message: oldest emoji first, of each the first 50 actors.
absl::Status FillReactions(SqlSession& session, absl::Span<v1::Message> messages);

}  // namespace heim
