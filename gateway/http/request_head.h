// The head of an HTTP/1 request, and the rules on framing that keep a request from being read in
// two ways. Values and pure functions; any thread; never block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace heim {

struct HeaderField {
  std::string name;
  std::string value;
};

struct RequestHead {
  std::string method;
  std::string target;  // as it came
  std::string path;    // of the target, still percent-encoded
  std::string query;   // of the target, without '?'
  int minor_version = 1;
  std::vector<HeaderField> fields;
  bool chunked = false;
  std::optional<uint64_t> content_length;

  // The first field of that name, in any case; empty when there is none.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return Count(name) > 0; }
  size_t Count(std::string_view name) const;
  // Whether a list field (also one that comes several times) names `token`, in any case.
  bool HasToken(std::string_view name, std::string_view token) const;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
  // Whether the client wants to go on after this request.
  bool keep_alive() const;
};

// Finds the end of a head in what has come so far. kBad is said as soon as it is certain, so that a
// client that waits is answered.
struct HeadScan {
  enum class State { kMore, kComplete, kBad, kTooLarge };
  State state = State::kMore;
  size_t size = 0;  // of the complete head, with its empty line
  std::string_view why;
};
// Bytes before `from` were scanned by an earlier call.
HeadScan ScanHead(std::string_view bytes, size_t from = 0);

// INVALID_HTTP for what other servers may read differently: a Transfer-Encoding other than exactly
// one `chunked`, one beside Content-Length or in HTTP/1.0, none or several Host fields or one that
// is no authority, a target that is no path. HEADER_TOO_LARGE for too many fields.
absl::Status CheckFraming(const RequestHead& head);

// Splits `target` into path and query; takes the authority off an absolute one. False when it is
// neither.
bool SplitTarget(RequestHead* head);

// Whether `host` is a host name or address with an optional port.
bool IsHost(std::string_view host);

std::string_view TrimSpace(std::string_view text);
// The pieces between commas, trimmed, empty ones left out.
std::vector<std::string_view> SplitList(std::string_view text);

}  // namespace heim
