// Migrations bring a database to this program's schema: numbered SQL files, compiled in, forward
// only, each in a transaction of its own. The SQL is one text for all databases, with {{words}} for
// the few differences. Stateless; called once at start by a driver, in its thread. Blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/store/sql.h"

namespace heim {

struct Migration {
  int64_t version;  // from 1, rising
  std::string_view name;
  std::string_view sql;
};

// The files of this folder, by version.
absl::Span<const Migration> AllMigrations();

// What the {{words}} stand for. A statement with {{sqlite}} or {{postgres}} is for that database
// alone; {{semicolon}} is one that does not end the statement.
struct SqlDialect {
  std::string_view text;           // text that is compared byte by byte
  std::string_view blob;           // bytes
  std::string_view without_rowid;  // a table that is its own primary key
  std::string_view name = {};      // "sqlite" or "postgres"
};

// Runs what is missing. FAILED_PRECONDITION when the database has a newer schema than the last of
// `migrations`, else the driver's error; the migration at fault is then undone. `session` must be
// outside a transaction and take BEGIN and COMMIT.
absl::Status Migrate(SqlSession& session, const SqlDialect& dialect,
                     absl::Span<const Migration> migrations = AllMigrations());

// The statements of a migration, words replaced and comments dropped. INVALID: an unknown word.
absl::StatusOr<std::vector<std::string>> MigrationStatements(std::string_view sql,
                                                             const SqlDialect& dialect);

}  // namespace heim
