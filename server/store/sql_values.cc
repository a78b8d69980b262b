#include "server/store/sql_values.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/time.h"

namespace heim {
namespace {

constexpr size_t kListLengths[] = {1, 10, 50, 200};
constexpr std::string_view kListWord = "{list}";

std::string WithList(std::string_view sql, size_t first, size_t length) {
  std::string list;
  for (size_t i = 0; i < length; ++i) StrAppend(&list, i == 0 ? "$" : ",$", first + i);
  const size_t at = sql.find(kListWord);
  return StrCat(sql.substr(0, at), list, sql.substr(at + kListWord.size()));
}

}  // namespace

SqlValue SqlTime(const google::protobuf::Timestamp& time) {
  return SqlValue(time.seconds() * 1000 + time.nanos() / 1'000'000);
}

google::protobuf::Timestamp TimestampOfMillis(int64_t millis) {
  return ToTimestamp(absl::FromUnixMillis(millis));
}

absl::Status ParseColumn(const SqlRow& row, int column, google::protobuf::MessageLite* message) {
  const std::string_view bytes = row.Blob(column);
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  LogError("A stored row does not parse", {{"type", message->GetTypeName()}});
  return absl::InternalError("a stored row does not parse");
}

void ReadActorRef(const SqlRow& row, int first, v1::ActorRef* ref) {
  ref->set_id(TextOf(row, first));
  ref->set_username(TextOf(row, first + 1));
  ref->set_type(static_cast<v1::ActorType>(row.Int(first + 2)));
  ref->set_display_name(TextOf(row, first + 3));
  if (!row.IsNull(first + 4)) ref->set_avatar_url(TextOf(row, first + 4));
}

absl::Status QueryOne(SqlSession& session, std::string_view sql,
                      absl::Span<const SqlValue> parameters,
                      absl::FunctionRef<absl::Status()> not_found,
                      absl::FunctionRef<absl::Status(const SqlRow&)> on_row) {
  bool found = false;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    found = true;
    return on_row(row);
  }));
  return found ? absl::OkStatus() : not_found();
}

absl::StatusOr<int64_t> QueryInt(SqlSession& session, std::string_view sql,
                                 absl::Span<const SqlValue> parameters) {
  int64_t value = 0;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    value = row.Int(0);
    return absl::OkStatus();
  }));
  return value;
}

absl::Status QueryList(SqlSession& session, std::string_view sql, absl::Span<const SqlValue> fixed,
                       absl::Span<const std::string_view> list,
                       absl::FunctionRef<absl::Status(const SqlRow&)> on_row) {
  constexpr size_t kLongest = kListLengths[std::size(kListLengths) - 1];
  while (!list.empty()) {
    const auto piece = list.subspan(0, kLongest);
    list.remove_prefix(piece.size());
    const size_t length =
        *std::find_if(std::begin(kListLengths), std::end(kListLengths),
                      [&](size_t candidate) { return candidate >= piece.size(); });
    std::vector<SqlValue> parameters(fixed.begin(), fixed.end());
    for (size_t i = 0; i < length; ++i) {
      parameters.push_back(SqlText(piece[std::min(i, piece.size() - 1)]));
    }
    HEIM_RETURN_IF_ERROR(
        session.Query(WithList(sql, fixed.size() + 1, length), parameters, on_row));
  }
  return absl::OkStatus();
}

bool IsTaken(const absl::Status& status, std::string_view word) {
  return status.code() == absl::StatusCode::kAlreadyExists &&
         ToStd(status.message()).find(word) != std::string_view::npos;
}

std::string LikePattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

}  // namespace heim
