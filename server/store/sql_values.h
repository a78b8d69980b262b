// Small steps between the contract's values and SQL's, shared by the repositories. Pure, but for
// QueryOne, which blocks on the database like the session it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/message_lite.h"
#include "google/protobuf/timestamp.pb.h"
#include "heim/v1/actor.pb.h"
#include "server/base/strong_id.h"
#include "server/store/sql.h"

namespace heim {

// Parameters. Views are borrowed from the argument.
template <typename Tag>
SqlValue SqlId(const StrongId<Tag>& id) {
  return SqlValue(std::string_view(id.str()));
}
inline SqlValue SqlText(std::string_view text) { return SqlValue(text); }
inline SqlValue SqlBlob(std::string_view bytes) { return SqlValue(Bytes{bytes}); }
inline SqlValue SqlInt(uint64_t value) { return SqlValue(static_cast<int64_t>(value)); }
inline SqlValue SqlEnum(int value) { return SqlValue(static_cast<int64_t>(value)); }
inline SqlValue SqlBool(bool value) { return SqlValue(static_cast<int64_t>(value ? 1 : 0)); }
// NULL for the empty string.
inline SqlValue SqlTextOrNull(std::string_view text) {
  return text.empty() ? SqlValue(nullptr) : SqlValue(text);
}
inline SqlValue SqlTime(absl::Time time) { return SqlValue(absl::ToUnixMillis(time)); }
// Milliseconds; 0 for the unset one.
SqlValue SqlTime(const google::protobuf::Timestamp& time);
inline SqlValue SqlTimeOrNull(bool set, const google::protobuf::Timestamp& time) {
  return set ? SqlTime(time) : SqlValue(nullptr);
}

// Columns.
google::protobuf::Timestamp TimestampOfMillis(int64_t millis);
inline absl::Time TimeOfMillis(int64_t millis) { return absl::FromUnixMillis(millis); }
inline std::string TextOf(const SqlRow& row, int column) { return std::string(row.Text(column)); }
inline uint64_t UintOf(const SqlRow& row, int column) {
  return static_cast<uint64_t>(row.Int(column));
}
// INTERNAL, and a log line, when the bytes do not parse: the database is damaged.
absl::Status ParseColumn(const SqlRow& row, int column, google::protobuf::MessageLite* message);

// An actor's reference stands in five columns next to each other, of the table called `a`.
#define HEIM_ACTOR_REF_COLUMNS "a.id, a.username, a.type, a.display_name, a.avatar_url"
void ReadActorRef(const SqlRow& row, int first, v1::ActorRef* ref);

// Runs the query; what `not_found` makes when it has no row.
absl::Status QueryOne(SqlSession& session, std::string_view sql,
                      absl::Span<const SqlValue> parameters,
                      absl::FunctionRef<absl::Status()> not_found,
                      absl::FunctionRef<absl::Status(const SqlRow&)> on_row);

// A number that a query answers in its only column; 0 without a row.
absl::StatusOr<int64_t> QueryInt(SqlSession& session, std::string_view sql,
                                 absl::Span<const SqlValue> parameters);

// Lists of parameters come in few lengths, so that few statements are prepared: the list is filled
// up with its last value. `sql` has {list} where "$4,$5,…" goes; `first` is the number of its first
// parameter, after `fixed`. Longer lists are run in pieces. Nothing is run for an empty list.
absl::Status QueryList(SqlSession& session, std::string_view sql, absl::Span<const SqlValue> fixed,
                       absl::Span<const std::string_view> list,
                       absl::FunctionRef<absl::Status(const SqlRow&)> on_row);

// Whether the error is a unique violation whose constraint or columns name the word.
bool IsTaken(const absl::Status& status, std::string_view word);

// `%text%` for LIKE … ESCAPE '\', with what LIKE would take for a wildcard escaped.
std::string LikePattern(std::string_view text);

}  // namespace heim
