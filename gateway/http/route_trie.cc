#include "gateway/http/route_trie.h"

#include <map>
#include <set>
#include <utility>

#include "gateway/http/http_error.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {

// Children by literal, one child for any value, and the bindings that end here by HTTP method.
struct RouteTrie::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> variable;
  std::map<std::string, const HttpBinding*, std::less<>> ends;
};

namespace {

// Splits and decodes; one trailing slash is dropped.
absl::Status SplitPath(std::string_view path, std::vector<std::string>* out) {
  if (path.empty() || path.front() != '/') return InvalidHttp("the path must begin with a slash");
  path.remove_prefix(1);
  if (EndsWith(path, "/")) path.remove_suffix(1);
  while (true) {
    const size_t slash = path.find('/');
    HEIM_ASSIGN_OR_RETURN(std::string segment, PercentDecode(path.substr(0, slash)));
    out->push_back(std::move(segment));
    if (slash == std::string_view::npos) return absl::OkStatus();
    path.remove_prefix(slash + 1);
  }
}

std::string AllowHeader(std::set<std::string> methods) {
  if (methods.count("GET") > 0) methods.insert("HEAD");
  std::string out;
  for (const std::string& method : methods) StrAppend(&out, out.empty() ? "" : ", ", method);
  return out;
}

}  // namespace

RouteTrie::RouteTrie(std::vector<HttpBinding> bindings)
    : bindings_(std::move(bindings)), root_(std::make_unique<Node>()) {}
RouteTrie::~RouteTrie() = default;

absl::StatusOr<std::unique_ptr<RouteTrie>> RouteTrie::Create(std::vector<HttpBinding> bindings) {
  std::unique_ptr<RouteTrie> trie(new RouteTrie(std::move(bindings)));
  for (const HttpBinding& binding : trie->bindings_) {
    HEIM_RETURN_IF_ERROR(trie->Insert(binding));
  }
  return trie;
}

absl::Status RouteTrie::Insert(const HttpBinding& binding) {
  Node* node = root_.get();
  for (const TemplateSegment& segment : binding.segments) {
    std::unique_ptr<Node>& child = segment.variable ? node->variable : node->literals[segment.text];
    if (child == nullptr) child = std::make_unique<Node>();
    node = child.get();
  }
  const auto [end, added] = node->ends.try_emplace(binding.http_method, &binding);
  if (added) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat("the same paths match ", binding.http_method, " \"",
                                              binding.path, "\" (", binding.rpc->full_name(),
                                              ") and \"", end->second->path, "\" (",
                                              end->second->rpc->full_name(), ")"));
}

RouteMatch RouteTrie::Match(std::string_view method, std::string_view path) const {
  RouteMatch out;
  std::vector<std::string> segments;
  out.status = SplitPath(path, &segments);
  if (!out.status.ok()) return out;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;

  // Depth first, literals before variables: the first end that takes the method wins; all ends tell
  // which methods the path takes. The trie is no deeper than its longest template.
  std::set<std::string> allowed;
  const auto visit = [&](const auto& self, const Node& node, size_t depth) -> void {
    if (depth == segments.size()) {
      for (const auto& [name, binding] : node.ends) {
        allowed.insert(name);
        if (out.binding == nullptr && name == wanted) out.binding = binding;
      }
      return;
    }
    const auto literal = node.literals.find(segments[depth]);
    if (literal != node.literals.end()) self(self, *literal->second, depth + 1);
    if (node.variable != nullptr && !segments[depth].empty()) {
      self(self, *node.variable, depth + 1);
    }
  };
  visit(visit, *root_, 0);

  if (allowed.empty()) {
    out.status = RouteNotFound();
    return out;
  }
  out.allow = AllowHeader(std::move(allowed));
  if (out.binding == nullptr) {
    out.status = MethodNotAllowed(method, out.allow);
    return out;
  }
  for (size_t i = 0; i < segments.size(); ++i) {
    const TemplateSegment& segment = out.binding->segments[i];
    if (segment.variable) out.variables.push_back({segment.text, std::move(segments[i])});
  }
  return out;
}

}  // namespace heim
