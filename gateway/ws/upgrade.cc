#include "gateway/ws/upgrade.h"

#include <vector>

#include "gateway/http/http_error.h"
#include "gateway/http/http_rule.h"
#include "server/base/crypto.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::string_view kTextProtocol = "heim.v1";
constexpr std::string_view kBinaryProtocol = "heim.v1.proto";
constexpr std::string_view kBearerProtocol = "heim.bearer.";

absl::Status CheckOpening(const RequestHead& head) {
  if (head.minor_version < 1 || !head.HasToken("Connection", "Upgrade") ||
      !head.HasToken("Upgrade", "websocket")) {
    return InvalidHttp("This path takes WebSockets: Connection: Upgrade, Upgrade: websocket");
  }
  const auto key = Base64Decode(head.Get("Sec-WebSocket-Key"));
  if (head.Count("Sec-WebSocket-Key") != 1 || !key.has_value() || key->size() != 16) {
    return InvalidHttp("Sec-WebSocket-Key must be 16 bytes in base64");
  }
  if (IsOtherVersion(head)) return InvalidHttp("Sec-WebSocket-Version must be 13");
  if (head.has_body()) return InvalidHttp("A WebSocket's opening has no body");
  return absl::OkStatus();
}

// Sets what the offered subprotocols say; a token among them is returned.
absl::StatusOr<std::string> ReadSubprotocols(const RequestHead& head, Upgrade* upgrade) {
  std::string token;
  for (const HeaderField& field : head.fields) {
    if (!EqualsIgnoreCase(field.name, "Sec-WebSocket-Protocol")) continue;
    for (const std::string_view offer : SplitList(field.value)) {
      if ((offer == kTextProtocol || offer == kBinaryProtocol) && upgrade->subprotocol.empty()) {
        upgrade->subprotocol = std::string(offer);
        upgrade->binary = offer == kBinaryProtocol;
      } else if (StartsWith(offer, kBearerProtocol)) {
        const auto decoded = Base64UrlDecode(offer.substr(kBearerProtocol.size()));
        if (!decoded.has_value()) return Unauthenticated("The subprotocol's token is malformed");
        token = *decoded;
      }
    }
  }
  return token;
}

}  // namespace

bool IsOtherVersion(const RequestHead& head) { return head.Get("Sec-WebSocket-Version") != "13"; }

absl::StatusOr<Upgrade> ReadUpgrade(const RequestHead& head, const UpgradeRules& rules) {
  HEIM_RETURN_IF_ERROR(CheckOpening(head));
  Upgrade upgrade;
  HEIM_ASSIGN_OR_RETURN(std::string offered, ReadSubprotocols(head, &upgrade));
  HEIM_ASSIGN_OR_RETURN(const std::vector<QueryParameter> query, ParseQuery(head.query));
  std::string in_query;
  for (const QueryParameter& parameter : query) {
    if (parameter.name == "token" && rules.query_token) {
      in_query = parameter.value;
    } else if (parameter.name == "token") {
      return Unauthenticated("This server takes no token in a URL; send it as a header");
    } else if (parameter.name == "cursor") {
      upgrade.cursor = parameter.value;
    } else if (parameter.name == "workspace_id") {
      upgrade.workspace = parameter.value;
    } else if (!StartsWith(parameter.name, "_")) {
      return ErrorBuilder(v1::ERROR_REASON_UNKNOWN_FIELD, "The query has an unknown parameter")
          .Field(parameter.name, "known are token, cursor and workspace_id")
          .Build();
    }
  }
  HEIM_ASSIGN_OR_RETURN(upgrade.credentials, FindCredentials(head));
  const bool by_header = !upgrade.credentials.bearer.empty() && !upgrade.credentials.from_cookie;
  if (!by_header && !offered.empty()) upgrade.credentials = {std::move(offered), false};
  if (upgrade.credentials.bearer.empty() || upgrade.credentials.from_cookie) {
    if (!in_query.empty()) upgrade.credentials = {std::move(in_query), false};
  }
  if (upgrade.credentials.from_cookie) {
    HEIM_RETURN_IF_ERROR(rules.origins->CheckCookieSocket(head));
  }
  return upgrade;
}

}  // namespace heim
