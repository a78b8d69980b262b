// PostgresConnection is one connection to a PostgreSQL server, with its prepared statements. Owned
// by the store's writer or its read pool; used by one thread at a time. Calls block on the network.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/postgres/address.h"
#include "server/store/sql.h"

namespace pqxx {
class result;
}

namespace heim {

class PostgresConnection final : public SqlSession {
 public:
  // Errors as for Query; they name the address without its password and are for the operator.
  // LoadLibpq must have gone well.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const PostgresAddress& address);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  absl::Status Query(std::string_view sql, absl::Span<const SqlValue> parameters,
                     absl::FunctionRef<absl::Status(const SqlRow&)> on_row) override;
  absl::StatusOr<int64_t> Execute(std::string_view sql,
                                  absl::Span<const SqlValue> parameters) override;

  // Runs one or several statements that are not worth preparing; answers the first column of the
  // last one's first row, if it has any.
  absl::StatusOr<std::string> Run(const std::string& sql);

  // The connection is gone, and its transaction with it; only another one helps.
  bool lost() const { return lost_; }
  // A statement failed: PostgreSQL takes no other before a ROLLBACK.
  bool aborted() const { return aborted_; }
  // The transaction came into the way of another one: it may be run again.
  bool conflicted() const { return conflicted_; }
  // Whether a change that fails may leave the transaction as it was, as other databases do: each
  // then has a savepoint of its own, which costs two more trips to the server.
  void SetCareful(bool careful) { careful_ = careful; }
  // A statement has changed rows since ForgetChanges.
  bool changed() const { return changed_; }
  void ForgetChanges() { changed_ = false; }

 private:
  struct Session;

  explicit PostgresConnection(std::unique_ptr<Session> session);
  absl::Status Send(std::string_view sql, absl::Span<const SqlValue> parameters,
                    pqxx::result* result);
  absl::Status SendOne(std::string_view sql, absl::Span<const SqlValue> parameters,
                       pqxx::result* result);
  // Called with an exception in flight.
  absl::Status Failure();

  const std::unique_ptr<Session> session_;
  bool lost_ = false;
  bool aborted_ = false;
  bool conflicted_ = false;
  bool changed_ = false;
  bool careful_ = false;
};

}  // namespace heim
