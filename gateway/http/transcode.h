// HTTP request to request message, response message to JSON, by a binding of the contract. Pure
// functions; any thread; never block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gateway/http/http_rule.h"
#include "gateway/http/route_trie.h"
#include "gateway/json/codec.h"
#include "google/protobuf/message.h"

namespace heim {

// The parts of a request that fill its message.
struct HttpParts {
  absl::Span<const PathVariable> variables;
  absl::Span<const QueryParameter> query;
  // JSON; empty counts as {}.
  std::string_view body;
  // From If-Match; fills `expected_revision` where the request has it.
  std::optional<uint32_t> expected_revision;
};

// Fills `out`, an empty request of the binding's method, from body, path and query.
//  - A body that repeats a path field is accepted with the same value only (INVALID_ARGUMENT).
//  - Query parameters fill what neither path nor body fills; others are UNKNOWN_FIELD (ignored with
//    ignore_unknown), but `pretty` and names that begin with '_' are always ignored. A scalar given
//    twice, or also by the path, is INVALID_ARGUMENT.
//  - PATCH with body:"<resource>": `update_mask` becomes the keys present in the body, unless the
//    query gives it.
//  - A body where the binding takes none is INVALID_ARGUMENT, unless it is an empty object.
absl::Status BuildRequest(const HttpBinding& binding, const HttpParts& parts,
                          const JsonOptions& options, google::protobuf::Message* out);

// Appends the answer: the whole response, or its response_body field (its empty form when unset).
void AppendResponse(const HttpBinding& binding, const google::protobuf::Message& response,
                    Dialect dialect, std::string* out);

}  // namespace heim
