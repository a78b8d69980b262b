#include "server/store/postgres/connection.h"

#include <charconv>
#include <cstdint>
#include <exception>
#include <pqxx/pqxx>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/postgres/typed_sql.h"

namespace heim {
namespace {

// Far more statements than the repositories have.
constexpr size_t kMaxStatements = 1024;
constexpr pqxx::oid kByteaType = 17;

constexpr char kHexDigits[] = "0123456789abcdef";

// As a parameter of type bytea is written in text.
std::string HexOf(std::string_view bytes) {
  std::string hex = "\\x";
  hex.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    hex += kHexDigits[static_cast<unsigned char>(c) >> 4];
    hex += kHexDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

int Nibble(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// The inverse, of what PostgreSQL wrote.
std::string BytesOf(std::string_view hex) {
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (size_t i = 2; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(Nibble(hex[i]) << 4 | Nibble(hex[i + 1]));
  }
  return bytes;
}

// A parameter, as libpqxx asks for it.
struct Parameter {
  const SqlValue* value;

  std::string Text() const {
    struct Writer {
      std::string operator()(std::nullptr_t) const { return {}; }
      std::string operator()(int64_t number) const { return std::to_string(number); }
      std::string operator()(double number) const {
        char text[64];
        return {text, std::to_chars(text, text + sizeof(text), number).ptr};
      }
      std::string operator()(std::string_view text) const { return std::string(text); }
      std::string operator()(Bytes bytes) const { return HexOf(bytes.value); }
    };
    return std::visit(Writer(), *value);
  }
};

// PostgreSQL keeps no text with a zero in it, or that is not UTF-8, and libpqxx would cut the
// former. Requests are checked before; what is left is what somebody made up, a cursor for one.
bool HoldsZero(const SqlValue& value) {
  const auto* text = std::get_if<std::string_view>(&value);
  return text != nullptr && text->find('\0') != std::string_view::npos;
}

absl::Status NoText() {
  return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, "A text holds what is no text");
}

class PostgresRow final : public SqlRow {
 public:
  explicit PostgresRow(const pqxx::result& result) : result_(result), blobs_(result.columns()) {
    for (pqxx::row::size_type column = 0; column < result.columns(); ++column) {
      blobs_[column].is_blob = result.column_type(column) == kByteaType;
    }
  }
  void MoveTo(pqxx::result::size_type row) {
    row_ = row;
    for (Column& column : blobs_) column.decoded = false;
  }

  bool IsNull(int column) const override { return FieldOf(column).is_null(); }
  int64_t Int(int column) const override {
    const std::string_view text = Raw(column);
    if (text == "t") return 1;
    int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  double Real(int column) const override {
    const std::string_view text = Raw(column);
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  std::string_view Text(int column) const override {
    Column& of = blobs_[static_cast<size_t>(column)];
    if (!of.is_blob) return Raw(column);
    if (!of.decoded) {
      of.bytes = BytesOf(Raw(column));
      of.decoded = true;
    }
    return of.bytes;
  }
  std::string_view Blob(int column) const override { return Text(column); }

 private:
  struct Column {
    bool is_blob = false;
    bool decoded = false;
    std::string bytes;
  };

  pqxx::field FieldOf(int column) const {
    return result_[row_][static_cast<pqxx::row::size_type>(column)];
  }
  // Valid as long as the result: the bytes are libpq's.
  std::string_view Raw(int column) const {
    const pqxx::field field = FieldOf(column);
    return {field.c_str(), field.size()};
  }

  const pqxx::result& result_;
  pqxx::result::size_type row_ = 0;
  mutable std::vector<Column> blobs_;
};

// The one table of SQLSTATEs.
absl::StatusCode CodeOf(std::string_view state) {
  constexpr std::pair<const char*, absl::StatusCode> kTable[] = {
      {"23505", absl::StatusCode::kAlreadyExists}, {"23", absl::StatusCode::kFailedPrecondition},
      {"08", absl::StatusCode::kUnavailable},     // connections
      {"25006", absl::StatusCode::kUnavailable},  // read only: a standby, for one
      {"40", absl::StatusCode::kUnavailable},     // conflicts
      {"53", absl::StatusCode::kUnavailable},     // disk, memory, connections
      {"55P03", absl::StatusCode::kUnavailable},  // a lock that did not come
      {"57", absl::StatusCode::kUnavailable},     // an operator, a time limit
      {"58", absl::StatusCode::kUnavailable},     // the system's errors
      {"28", absl::StatusCode::kUnavailable},     // no longer let in
  };
  for (const auto& [prefix, code] : kTable) {
    if (StartsWith(state, prefix)) return code;
  }
  return absl::StatusCode::kInternal;
}

// The first line and no more: what follows may repeat what stands in the rows. An error about a
// value (class 22) repeats it in the first line already.
std::string Summary(std::string_view state, std::string_view what) {
  const std::string_view line = what.substr(0, what.find('\n'));
  if (state.empty()) return std::string(line);
  return StartsWith(state, "22") ? StrCat("SQLSTATE ", state) : StrCat(line, " (", state, ")");
}

// What libpq says of a failed attempt, on one line.
std::string OneLine(std::string_view what) {
  std::string line;
  for (const char c : what) {
    if (c == '\t') continue;
    line += c == '\n' ? ' ' : c;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

// What every session wants, whatever the server or the role has by default; an acknowledgement that
// waits for a standby too is left as it is.
constexpr char kSettings[] =
    "SET bytea_output = hex; SET client_min_messages = error; SET jit = off; "
    "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    "SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on; "
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') IN ('off', 'local')";

}  // namespace
}  // namespace heim

namespace pqxx {

template <>
struct string_traits<heim::Parameter> {
  static constexpr const char* name() noexcept { return "heim::Parameter"; }
  static constexpr bool has_null() noexcept { return true; }
  static bool is_null(const heim::Parameter& parameter) {
    return std::holds_alternative<std::nullptr_t>(*parameter.value);
  }
  static std::string to_string(const heim::Parameter& parameter) { return parameter.Text(); }
};

}  // namespace pqxx

namespace heim {

struct PostgresConnection::Session {
  explicit Session(const std::string& conninfo) : connection(conninfo) {
    connection.set_verbosity(pqxx::connection_base::terse);
  }

  // The statement's name in the database; one for each combination of types.
  std::string Prepared(std::string_view sql, absl::Span<const SqlValue> parameters) {
    const std::string types = TypesOf(parameters);
    std::string key = StrCat(types, " ", sql);
    const auto it = statements.find(key);
    if (it != statements.end()) return it->second;
    if (statements.size() >= kMaxStatements) {
      for (const auto& [text, name] : statements) connection.unprepare(name);
      statements.clear();
    }
    const std::string name = StrCat("s", ++last_statement);
    connection.prepare(name, WithTypes(sql, types));
    statements.emplace(std::move(key), name);
    return name;
  }

  pqxx::connection connection;
  pqxx::quiet_errorhandler quiet{connection};
  // Transactions are begun and ended by SQL, so that a driver's code is the same on all databases.
  pqxx::nontransaction executor{connection};
  absl::flat_hash_map<std::string, std::string> statements;
  uint64_t last_statement = 0;
};

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const PostgresAddress& address) {
  std::unique_ptr<PostgresConnection> connection;
  try {
    connection.reset(new PostgresConnection(std::make_unique<Session>(address.conninfo)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        StrCat("cannot connect to PostgreSQL at ", address.display, ": ", OneLine(error.what())));
  }
  HEIM_RETURN_IF_ERROR(connection->Run(kSettings));
  return connection;
}

PostgresConnection::PostgresConnection(std::unique_ptr<Session> session)
    : session_(std::move(session)) {}

PostgresConnection::~PostgresConnection() = default;

absl::Status PostgresConnection::Failure() {
  aborted_ = true;
  std::string state;
  std::string what;
  try {
    throw;
  } catch (const pqxx::sql_error& error) {
    state = error.sqlstate();
    what = error.what();
  } catch (const pqxx::transaction_rollback& error) {
    state = "40001";
    what = error.what();
  } catch (const std::exception& error) {
    what = error.what();
  }
  lost_ = !session_->connection.is_open();
  conflicted_ = state == "40001" || state == "40P01";
  if (state == "22021") return NoText();
  if (lost_) {
    return absl::UnavailableError(StrCat("the connection was lost: ", Summary(state, what)));
  }
  return absl::Status(CodeOf(state), Summary(state, what));
}

absl::Status PostgresConnection::Send(std::string_view sql, absl::Span<const SqlValue> parameters,
                                      pqxx::result* result) {
  if (!careful_ || aborted_ || KindOf(sql) != SqlKind::kWrite) {
    return SendOne(sql, parameters, result);
  }
  HEIM_RETURN_IF_ERROR(Run("SAVEPOINT statement"));
  const absl::Status status = SendOne(sql, parameters, result);
  if (status.ok()) return Run("RELEASE SAVEPOINT statement").status();
  if (!lost_ && !conflicted_) {
    Run("ROLLBACK TO SAVEPOINT statement; RELEASE SAVEPOINT statement").IgnoreError();
  }
  return status;
}

absl::Status PostgresConnection::SendOne(std::string_view sql,
                                         absl::Span<const SqlValue> parameters,
                                         pqxx::result* result) {
  std::vector<Parameter> written;
  written.reserve(parameters.size());
  for (const SqlValue& value : parameters) {
    if (HoldsZero(value)) return NoText();
    written.push_back({&value});
  }
  const SqlKind kind = KindOf(sql);
  // The database would say the same.
  if (aborted_ && kind != SqlKind::kCommand) {
    return absl::AbortedError("an earlier statement of the transaction failed");
  }
  try {
    if (kind == SqlKind::kCommand) {
      *result = session_->executor.exec(std::string(sql));
      // The only two that an aborted transaction takes.
      if (StartsWith(sql, "BEGIN") || StartsWith(sql, "ROLLBACK")) aborted_ = conflicted_ = false;
      return absl::OkStatus();
    }
    *result = session_->executor.exec_prepared(
        session_->Prepared(sql, parameters),
        pqxx::prepare::make_dynamic_params(written.begin(), written.end()));
    if (kind == SqlKind::kWrite && (result->affected_rows() > 0 || StartsWith(sql, "WITH"))) {
      changed_ = true;
    }
    return absl::OkStatus();
  } catch (...) {
    return Failure();
  }
}

absl::StatusOr<std::string> PostgresConnection::Run(const std::string& sql) {
  pqxx::result result;
  HEIM_RETURN_IF_ERROR(Send(sql, {}, &result));
  if (result.empty() || result.columns() == 0) return std::string();
  return std::string(result[0][0].c_str(), result[0][0].size());
}

absl::Status PostgresConnection::Query(std::string_view sql, absl::Span<const SqlValue> parameters,
                                       absl::FunctionRef<absl::Status(const SqlRow&)> on_row) {
  pqxx::result result;
  HEIM_RETURN_IF_ERROR(Send(sql, parameters, &result));
  PostgresRow row(result);
  for (pqxx::result::size_type i = 0; i < result.size(); ++i) {
    row.MoveTo(i);
    HEIM_RETURN_IF_ERROR(on_row(row));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> PostgresConnection::Execute(std::string_view sql,
                                                    absl::Span<const SqlValue> parameters) {
  pqxx::result result;
  HEIM_RETURN_IF_ERROR(Send(sql, parameters, &result));
  return static_cast<int64_t>(result.affected_rows());
}

}  // namespace heim
