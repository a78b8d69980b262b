#include "server/store/postgres/address.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// Every wait has an end: a connection attempt, an answer that never comes, a peer that is gone.
constexpr std::pair<const char*, const char*> kDefaults[] = {
    {"application_name", "heim"}, {"connect_timeout", "3"},  {"keepalives_idle", "15"},
    {"keepalives_interval", "5"}, {"keepalives_count", "3"}, {"tcp_user_timeout", "20000"},
    {"client_encoding", "UTF8"},
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

absl::StatusOr<std::string> Decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || high + low == 0) {
      return absl::InvalidArgumentError("a % without the two hexadecimal digits of a character");
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

const std::string* Find(const Parameters& parameters, std::string_view key) {
  for (const auto& [name, value] : parameters) {
    if (name == key) return &value;
  }
  return nullptr;
}

// What stands before the separator; the rest, without it, stays.
std::string_view TakeUntil(std::string_view* text, std::string_view separators) {
  const size_t end = std::min(text->find_first_of(separators), text->size());
  const std::string_view taken = text->substr(0, end);
  text->remove_prefix(end);
  return taken;
}

absl::Status ReadUser(std::string_view user, Parameters* parameters) {
  const std::string_view name = TakeUntil(&user, ":");
  HEIM_ASSIGN_OR_RETURN(std::string decoded, Decode(name));
  if (!decoded.empty()) parameters->emplace_back("user", std::move(decoded));
  if (user.empty()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(std::string password, Decode(user.substr(1)));
  parameters->emplace_back("password", std::move(password));
  return absl::OkStatus();
}

// HOST[:PORT][,HOST[:PORT]...], where a host may be an IPv6 address in brackets.
absl::Status ReadHosts(std::string_view text, Parameters* parameters) {
  std::string hosts;
  std::string ports;
  while (true) {
    std::string_view host;
    if (StartsWith(text, "[")) {
      text.remove_prefix(1);
      host = TakeUntil(&text, "]");
      if (text.empty()) return absl::InvalidArgumentError("a [ without its ]");
      text.remove_prefix(1);
    } else {
      host = TakeUntil(&text, ":,");
    }
    HEIM_ASSIGN_OR_RETURN(const std::string decoded, Decode(host));
    hosts += decoded;
    if (StartsWith(text, ":")) {
      text.remove_prefix(1);
      const std::string_view port = TakeUntil(&text, ",");
      if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) {
        return absl::InvalidArgumentError("a port that is no number");
      }
      ports += port;
    }
    if (text.empty()) break;
    if (text.front() != ',') return absl::InvalidArgumentError("something after the ] of a host");
    text.remove_prefix(1);
    hosts += ',';
    ports += ',';
  }
  if (!hosts.empty()) parameters->emplace_back("host", hosts);
  if (ports.find_first_not_of(',') != std::string::npos) parameters->emplace_back("port", ports);
  return absl::OkStatus();
}

absl::Status ReadQuery(std::string_view query, Parameters* parameters) {
  while (!query.empty()) {
    std::string_view value = TakeUntil(&query, "&");
    if (!query.empty()) query.remove_prefix(1);
    std::string name(TakeUntil(&value, "="));
    if (value.empty() || name.empty() ||
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != std::string::npos) {
      return absl::InvalidArgumentError("a parameter that is not of the form name=value");
    }
    HEIM_ASSIGN_OR_RETURN(std::string decoded, Decode(value.substr(1)));
    // What other drivers call it.
    if (name == "ssl" && decoded == "true") {
      name = "sslmode";
      decoded = "require";
    }
    std::erase_if(*parameters, [&](const auto& each) { return each.first == name; });
    parameters->emplace_back(std::move(name), std::move(decoded));
  }
  return absl::OkStatus();
}

std::string Quoted(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

PostgresAddress Assemble(const Parameters& parameters) {
  PostgresAddress address;
  for (const auto& [name, value] : parameters) {
    StrAppend(&address.conninfo, name, "=", Quoted(value), " ");
  }
  for (const auto& [name, value] : kDefaults) {
    if (Find(parameters, name) == nullptr) StrAppend(&address.conninfo, name, "='", value, "' ");
  }
  const auto part = [&](std::string_view before, std::string_view key, std::string_view after) {
    const std::string* value = Find(parameters, key);
    if (value != nullptr) StrAppend(&address.display, before, *value, after);
  };
  part("", "user", "@");
  part("", "host", "");
  part(":", "port", "");
  part("/", "dbname", "");
  if (address.display.empty()) address.display = "the local server";
  return address;
}

}  // namespace

bool IsPostgresUrl(std::string_view url) {
  return StartsWith(url, "postgres://") || StartsWith(url, "postgresql://");
}

absl::StatusOr<PostgresAddress> ParsePostgresUrl(std::string_view url) {
  if (!IsPostgresUrl(url)) return absl::InvalidArgumentError("no address of PostgreSQL");
  std::string_view rest = url.substr(url.find("://") + 3);
  if (std::any_of(rest.begin(), rest.end(),
                  [](char c) { return !absl::ascii_isgraph(static_cast<unsigned char>(c)); })) {
    return absl::InvalidArgumentError("a character that has to be written with a %");
  }
  Parameters parameters;
  std::string_view authority = TakeUntil(&rest, "/?");
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    HEIM_RETURN_IF_ERROR(ReadUser(authority.substr(0, at), &parameters));
    authority.remove_prefix(at + 1);
  }
  HEIM_RETURN_IF_ERROR(ReadHosts(authority, &parameters));
  if (StartsWith(rest, "/")) {
    rest.remove_prefix(1);
    if (rest.find('@') != std::string_view::npos) {
      // Else the half of a password that holds a "/" would pass for a database's name.
      return absl::InvalidArgumentError("an @ after the host; write a / in a password as %2F");
    }
    HEIM_ASSIGN_OR_RETURN(std::string database, Decode(TakeUntil(&rest, "?")));
    if (!database.empty()) parameters.emplace_back("dbname", std::move(database));
  }
  if (StartsWith(rest, "?")) HEIM_RETURN_IF_ERROR(ReadQuery(rest.substr(1), &parameters));
  return Assemble(parameters);
}

}  // namespace heim
