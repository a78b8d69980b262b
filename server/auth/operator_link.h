// Operator links: how whoever runs the server's machine lets a person in who has forgotten its
// password and whom nobody can help, such as the only owner. The token is signed with the server's
// secret key, so that making one needs the data directory and no running server, and names the
// account, so that nothing has to be stored. It works for an hour and until the account's password
// is next set, which makes it good for one use. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/model/ids.h"

namespace heim {

inline constexpr absl::Duration kOperatorLinkLifetime = absl::Hours(1);

// The key that tokens are signed with, from the server's secret.
std::string OperatorLinkKey(std::string_view secret_key);

std::string MakeOperatorToken(std::string_view key, std::string_view username, absl::Time now);

// Whether the text has the form of one; others are for the database to know.
bool IsOperatorToken(std::string_view token);

struct OperatorToken {
  std::string username;
  absl::Time issued_at;
};
// RESET_TOKEN_INVALID, also when it is too old.
absl::StatusOr<OperatorToken> ReadOperatorToken(std::string_view key, std::string_view token,
                                                absl::Time now);

// Whether the password with this id was set since: ids begin with the time of their making.
bool WasSetSince(const KeyId& password, absl::Time issued_at);

}  // namespace heim
