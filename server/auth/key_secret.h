// Secrets of keys: how they look, how they are kept. Pure but for the entropy; any thread.
#pragma once

#include <string>
#include <string_view>

#include "heim/v1/agent.pb.h"
#include "server/base/entropy.h"

namespace heim {

inline constexpr std::string_view kAgentKeyPrefix = "heim_agent_";
inline constexpr std::string_view kPersonalTokenPrefix = "heim_pat_";
inline constexpr std::string_view kTicketPrefix = "heim_ticket_";

struct KeySecret {
  std::string secret;  // shown once, never kept
  std::string hash;    // kept: hex SHA-256 of the secret, which has 190 bits
  std::string shown;   // first characters of the secret, to recognise it
};

// `type` is API_KEY or PAT.
KeySecret MakeKeySecret(v1::CredentialType type, Entropy& entropy);

std::string HashKeySecret(std::string_view secret);

// API_KEY or PAT by the prefix; UNSPECIFIED for everything else.
v1::CredentialType KeyTypeOf(std::string_view secret);

}  // namespace heim
