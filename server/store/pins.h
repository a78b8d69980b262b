// Pins: which messages a channel keeps in sight. Rows and nothing else; rights are checked by
// services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/pin.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// The place of a pin in a list, newest first. Zero: before all.
struct PinKey {
  int64_t pinned_at_ms = 0;
  std::string message_id;
};

class Pins {
 public:
  explicit Pins(SqlSession& session) : session_(&session) {}

  // False when the message is pinned already.
  absl::StatusOr<bool> Add(const v1::Pin& pin);
  // The pin that was; nullopt when there was none.
  absl::StatusOr<std::optional<v1::Pin>> Remove(const ChannelId& channel, const MessageId& message);
  absl::StatusOr<std::optional<v1::Pin>> Find(const ChannelId& channel, const MessageId& message);
  absl::StatusOr<int64_t> Count(const ChannelId& channel);
  // Newest first, without messages, after the key.
  absl::StatusOr<std::vector<v1::Pin>> List(const ChannelId& channel, const PinKey& after,
                                            uint32_t limit);

 private:
  SqlSession* session_;
};

}  // namespace heim
