// What a WebSocket's opening request asks for, read and checked before anything is opened. Pure
// functions; any thread; never block.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/http/call_setup.h"
#include "gateway/http/origin.h"
#include "gateway/http/request_head.h"

namespace heim {

struct Upgrade {
  Credentials credentials;
  bool binary = false;      // heim.v1.proto was chosen
  std::string subprotocol;  // echoed; empty when the client offered none of ours
  std::string cursor;       // ?cursor=
  std::string workspace;    // ?workspace_id=
};

struct UpgradeRules {
  const OriginPolicy* origins;
  bool query_token;  // whether ?token= counts
};

// Takes the credential from the header, a subprotocol, the query or the cookie, in this order.
// INVALID_HTTP when it is no WebSocket opening, PERMISSION_DENIED for a cookie from another origin,
// UNKNOWN_FIELD, UNAUTHENTICATED.
absl::StatusOr<Upgrade> ReadUpgrade(const RequestHead& head, const UpgradeRules& rules);

// Whether the version asked for is another than 13: the answer is 426.
bool IsOtherVersion(const RequestHead& head);

}  // namespace heim
