#include "server/rpc/grpc/metadata.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr size_t kMetadataMaxTotalBytes = 8 << 10;
constexpr std::string_view kBearer = "Bearer ";

std::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

// Where the values go that mean something to us.
struct Values {
  std::string authorization;
  std::string forwarded_for;
  std::array<bool, 7> seen{};
};

std::string* Target(std::string_view key, CallContext* context, Values* values, size_t* index) {
  const std::array<std::pair<std::string_view, std::string*>, 7> known = {{
      {"authorization", &values->authorization},
      {"x-forwarded-for", &values->forwarded_for},
      {"heim-workspace", &context->workspace_selector},
      {"heim-client", &context->client},
      {"idempotency-key", &context->idempotency_key},
      {"x-request-id", &context->request_id},
      {"user-agent", &context->user_agent},
  }};
  for (*index = 0; *index < known.size(); ++*index) {
    if (known[*index].first == key) return known[*index].second;
  }
  return nullptr;
}

absl::Status ReadValues(const grpc::CallbackServerContext& grpc_context, CallContext* context,
                        Values* values) {
  size_t total = 0;
  for (const auto& [key_ref, value_ref] : grpc_context.client_metadata()) {
    const std::string_view key = View(key_ref);
    const std::string_view value = View(value_ref);
    total += key.size() + value.size();
    if (total > kMetadataMaxTotalBytes) {
      return MakeError(v1::ERROR_REASON_HEADER_TOO_LARGE, "The metadata is over 8 KiB");
    }
    if (!IsPlain(key) || (!EndsWith(key, "-bin") && !IsPlain(value))) {
      return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, "Metadata holds control characters");
    }
    size_t index = 0;
    std::string* target = Target(key, context, values, &index);
    if (target == nullptr) continue;
    if (std::exchange(values->seen[index], true)) {
      // Each proxy may add an entry of its own, in order.
      if (target != &values->forwarded_for) {
        return InvalidArgument(key, "is given more than once");
      }
      target->push_back(',');
      target->append(value);
      continue;
    }
    *target = std::string(value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadMetadata(const grpc::CallbackServerContext& grpc_context,
                          const ClientAddressOf& client_address, CallContext* context) {
  Values values;
  HEIM_RETURN_IF_ERROR(ReadValues(grpc_context, context, &values));
  if (StartsWithIgnoreCase(values.authorization, kBearer)) {
    context->bearer = values.authorization.substr(kBearer.size());
  } else if (!values.authorization.empty()) {
    return Unauthenticated("The authorization is no Bearer token");
  }
  context->address = PeerAddress(grpc_context.peer());
  if (client_address != nullptr) {
    context->address = client_address(context->address, values.forwarded_for);
  }
  const std::string_view authority = View(grpc_context.ExperimentalGetAuthority());
  if (!authority.empty() && IsPlain(authority)) context->base_url = StrCat("http://", authority);
  const auto deadline = grpc_context.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) {
    context->deadline = absl::FromChrono(deadline);
  }
  return absl::OkStatus();
}

std::string PeerAddress(std::string_view peer) {
  const bool v6 = StartsWith(peer, "ipv6:");
  if (!v6 && !StartsWith(peer, "ipv4:")) return "";
  peer.remove_prefix(5);
  peer = peer.substr(0, peer.rfind(':'));
  if (v6) {
    for (const std::string_view open : {"%5B", "%5b", "["}) {
      if (StartsWith(peer, open)) peer.remove_prefix(open.size());
    }
    for (const std::string_view close : {"%5D", "%5d", "]"}) {
      if (EndsWith(peer, close)) peer.remove_suffix(close.size());
    }
  }
  return std::string(peer);
}

void WriteTrailers(const CallContext& context, RateTrailers rate,
                   grpc::CallbackServerContext* grpc_context) {
  grpc_context->AddTrailingMetadata("x-request-id", context.request_id);
  if (rate == RateTrailers::kOmit || !context.rate_limit.has_value()) return;
  const RateLimitState& state = *context.rate_limit;
  grpc_context->AddTrailingMetadata("ratelimit-limit", absl::StrCat(state.limit));
  grpc_context->AddTrailingMetadata("ratelimit-remaining", absl::StrCat(state.remaining));
  const absl::Duration reset = absl::Ceil(state.reset, absl::Seconds(1));
  grpc_context->AddTrailingMetadata("ratelimit-reset", absl::StrCat(absl::ToInt64Seconds(reset)));
}

}  // namespace heim
