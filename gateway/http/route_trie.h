// RouteTrie finds the RPC that a method and path are bound to. Made once at start-up, owned by the
// HTTP front, read-only afterwards: any thread; never blocks.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gateway/http/http_rule.h"
#include "google/protobuf/descriptor.h"

namespace heim {

// A path variable: the request field it fills, and its decoded value.
struct PathVariable {
  std::string field;
  std::string value;
};

struct RouteMatch {
  // OK, or ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED, INVALID_HTTP (escapes, UTF-8).
  absl::Status status;
  // Set when the status is OK; owned by the trie.
  const HttpBinding* binding = nullptr;
  std::vector<PathVariable> variables;
  // The methods that the path takes, as the Allow header says it: "DELETE, GET, HEAD". Set whenever
  // the path is known.
  std::string allow;
};

class RouteTrie {
 public:
  // FAILED_PRECONDITION, naming both, when two bindings of one HTTP method match the same paths.
  static absl::StatusOr<std::unique_ptr<RouteTrie>> Create(std::vector<HttpBinding> bindings);
  ~RouteTrie();

  // `path` is as it came, without the query. Literals beat variables, the leftmost difference
  // decides; one trailing slash does not matter; a decoded "/" does not split. HEAD finds what GET
  // does.
  RouteMatch Match(std::string_view method, std::string_view path) const;

  const std::vector<HttpBinding>& bindings() const { return bindings_; }

 private:
  struct Node;
  explicit RouteTrie(std::vector<HttpBinding> bindings);
  absl::Status Insert(const HttpBinding& binding);

  std::vector<HttpBinding> bindings_;
  std::unique_ptr<Node> root_;
};

}  // namespace heim
