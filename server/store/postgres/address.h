// PostgresAddress says which database to connect to. Values and pure functions; no threads, no I/O.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

struct PostgresAddress {
  std::string conninfo;  // for libpq; holds the password: never shown
  std::string display;   // user@host:port/database, for logs and errors
};

// Whether the text begins as the URLs of PostgreSQL do.
bool IsPostgresUrl(std::string_view url);

// Reads postgres://[user[:password]@][host[:port][,...]][/database][?parameter=value&...] and adds
// what this program wants of a connection, where the URL says nothing of it. The parts are read
// here and not by libpq, whose complaints about an address repeat it, password and all.
// INVALID_ARGUMENT with what is wrong and nothing of the URL.
absl::StatusOr<PostgresAddress> ParsePostgresUrl(std::string_view url);

}  // namespace heim
