#include "server/store/migrations/migrations.h"

#include <iterator>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr char kCreateVersions[] =
    "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT PRIMARY KEY, name TEXT NOT NULL)";
constexpr char kSelectVersion[] = "SELECT COALESCE(MAX(version), 0) FROM schema_versions";
constexpr char kInsertVersion[] = "INSERT INTO schema_versions (version, name) VALUES ($1, $2)";

// Made by the build from the *.sql files beside this one.
constexpr Migration kMigrations[] = {
#include "server/store/migrations/table.inc"
};

absl::Status RunOne(SqlSession& session, const SqlDialect& dialect, const Migration& migration) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> statements,
                        MigrationStatements(migration.sql, dialect));
  for (const std::string& statement : statements) {
    HEIM_RETURN_IF_ERROR(session.Execute(statement, {}));
  }
  return session.Execute(kInsertVersion, {SqlValue(migration.version), SqlValue(migration.name)})
      .status();
}

// A statement under way, and whether it is for this database.
struct Building {
  std::string text;
  bool wanted = true;
};

absl::Status AddWord(std::string_view word, const SqlDialect& dialect, Building* statement) {
  if (word == "text") {
    StrAppend(&statement->text, dialect.text);
  } else if (word == "blob") {
    StrAppend(&statement->text, dialect.blob);
  } else if (word == "without_rowid") {
    StrAppend(&statement->text, dialect.without_rowid);
  } else if (word == "semicolon") {
    statement->text += ';';
  } else if (word == "sqlite" || word == "postgres") {
    statement->wanted = word == dialect.name;
  } else {
    return absl::InvalidArgumentError(StrCat("unknown word in a migration: ", word));
  }
  return absl::OkStatus();
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \n\r\t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \n\r\t") - begin + 1);
}

}  // namespace

absl::Span<const Migration> AllMigrations() { return kMigrations; }

absl::StatusOr<std::vector<std::string>> MigrationStatements(std::string_view sql,
                                                             const SqlDialect& dialect) {
  std::vector<std::string> statements;
  Building statement;
  const auto end_statement = [&] {
    const std::string_view text = Trim(statement.text);
    if (statement.wanted && !text.empty()) statements.emplace_back(text);
    statement = {};
  };
  while (!sql.empty()) {
    if (StartsWith(sql, "--")) {
      sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
    } else if (StartsWith(sql, "{{")) {
      const size_t end = std::min(sql.find("}}"), sql.size());
      HEIM_RETURN_IF_ERROR(AddWord(sql.substr(2, end - 2), dialect, &statement));
      sql.remove_prefix(std::min(end + 2, sql.size()));
    } else {
      if (sql.front() == ';') {
        end_statement();
      } else {
        statement.text += sql.front();
      }
      sql.remove_prefix(1);
    }
  }
  end_statement();
  return statements;
}

absl::Status Migrate(SqlSession& session, const SqlDialect& dialect,
                     absl::Span<const Migration> migrations) {
  HEIM_RETURN_IF_ERROR(session.Execute(kCreateVersions, {}));
  int64_t current = 0;
  HEIM_RETURN_IF_ERROR(session.Query(kSelectVersion, {}, [&](const SqlRow& row) {
    current = row.Int(0);
    return absl::OkStatus();
  }));
  const int64_t latest = migrations.empty() ? 0 : migrations.back().version;
  if (current > latest) {
    return absl::FailedPreconditionError(
        StrCat("the database has schema ", current, ", this program knows only up to ", latest,
               ": start the newer program, or restore a backup made before the upgrade"));
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= current) continue;
    HEIM_RETURN_IF_ERROR(session.Execute("BEGIN", {}));
    absl::Status status = RunOne(session, dialect, migration);
    if (status.ok()) status = session.Execute("COMMIT", {}).status();
    if (!status.ok()) {
      // Fails when the database has rolled back by itself, which is as good.
      session.Execute("ROLLBACK", {}).IgnoreError();
      return absl::Status(status.code(),
                          StrCat("migration ", migration.name, ": ", ToStd(status.message())));
    }
    LogInfo("Migrated the database", {{"version", migration.version}, {"name", migration.name}});
  }
  return absl::OkStatus();
}

}  // namespace heim
