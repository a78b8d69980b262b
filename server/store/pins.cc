#include "server/store/pins.h"

#include <limits>
#include <utility>

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_PIN_SELECT "SELECT channel_id, message_id, pinned_by, pinned_at FROM pins "

constexpr char kAdd[] =
    "INSERT INTO pins (channel_id, message_id, pinned_by, pinned_at) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (channel_id, message_id) DO NOTHING";
constexpr char kRemove[] =
    "DELETE FROM pins WHERE channel_id = $1 AND message_id = $2 "
    "RETURNING channel_id, message_id, pinned_by, pinned_at";
constexpr char kFind[] = HEIM_PIN_SELECT "WHERE channel_id = $1 AND message_id = $2";
constexpr char kCount[] = "SELECT COUNT(*) FROM pins WHERE channel_id = $1";
constexpr char kList[] = HEIM_PIN_SELECT
    "WHERE channel_id = $1 AND (pinned_at, message_id) < ($2, $3) "
    "ORDER BY pinned_at DESC, message_id DESC LIMIT $4";

absl::StatusOr<std::vector<v1::Pin>> ReadPins(SqlSession& session, std::string_view sql,
                                              absl::Span<const SqlValue> parameters) {
  std::vector<v1::Pin> pins;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    v1::Pin& pin = pins.emplace_back();
    pin.set_channel_id(TextOf(row, 0));
    pin.set_message_id(TextOf(row, 1));
    pin.set_pinned_by(TextOf(row, 2));
    *pin.mutable_pinned_at() = TimestampOfMillis(row.Int(3));
    return absl::OkStatus();
  }));
  return pins;
}

absl::StatusOr<std::optional<v1::Pin>> ReadPin(SqlSession& session, std::string_view sql,
                                               absl::Span<const SqlValue> parameters) {
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::Pin> pins, ReadPins(session, sql, parameters));
  if (pins.empty()) return std::optional<v1::Pin>();
  return std::make_optional(std::move(pins.front()));
}

}  // namespace

absl::StatusOr<bool> Pins::Add(const v1::Pin& pin) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t added,
      session_->Execute(kAdd, {SqlText(pin.channel_id()), SqlText(pin.message_id()),
                               SqlText(pin.pinned_by()), SqlTime(pin.pinned_at())}));
  return added != 0;
}

absl::StatusOr<std::optional<v1::Pin>> Pins::Remove(const ChannelId& channel,
                                                    const MessageId& message) {
  return ReadPin(*session_, kRemove, {SqlId(channel), SqlId(message)});
}

absl::StatusOr<std::optional<v1::Pin>> Pins::Find(const ChannelId& channel,
                                                  const MessageId& message) {
  return ReadPin(*session_, kFind, {SqlId(channel), SqlId(message)});
}

absl::StatusOr<int64_t> Pins::Count(const ChannelId& channel) {
  return QueryInt(*session_, kCount, {SqlId(channel)});
}

absl::StatusOr<std::vector<v1::Pin>> Pins::List(const ChannelId& channel, const PinKey& after,
                                                uint32_t limit) {
  const bool first = after.message_id.empty();
  const int64_t at = first ? std::numeric_limits<int64_t>::max() : after.pinned_at_ms;
  return ReadPins(*session_, kList,
                  {SqlId(channel), SqlValue(at), SqlText(after.message_id), SqlInt(limit)});
}

}  // namespace heim
