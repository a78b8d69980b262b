// Scopes: what a key or token may be used for, beside the rights of its actor. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace heim {

inline constexpr std::string_view kScopeMessagesRead = "messages:read";
inline constexpr std::string_view kScopeMessagesWrite = "messages:write";
inline constexpr std::string_view kScopeChannelsRead = "channels:read";
inline constexpr std::string_view kScopeChannelsWrite = "channels:write";
inline constexpr std::string_view kScopeChannelsJoin = "channels:join";
inline constexpr std::string_view kScopeFilesRead = "files:read";
inline constexpr std::string_view kScopeFilesWrite = "files:write";
inline constexpr std::string_view kScopeActorsRead = "actors:read";
inline constexpr std::string_view kScopeActorsWrite = "actors:write";
inline constexpr std::string_view kScopePresenceWrite = "presence:write";
// Administrative actions only; it implies no other scope.
inline constexpr std::string_view kScopeAdmin = "admin:*";

// In the order above.
absl::Span<const std::string_view> AllScopes();

bool IsKnownScope(std::string_view scope);

// What a key gets when none are asked for: all but admin:*.
std::vector<std::string> DefaultScopes();

bool HasScope(absl::Span<const std::string> held, std::string_view scope);

// Whether each of `wanted` is held.
bool IsSubset(absl::Span<const std::string> wanted, absl::Span<const std::string> held);

}  // namespace heim
