// The limits of the audit log. Constants only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heim {

// What is kept of a text from outside, of a list, and of the fields of a changed thing.
inline constexpr size_t kAuditTextMaxBytes = 256;
inline constexpr int kAuditListMax = 100;
inline constexpr int kAuditFieldsMax = 100;
// Workspaces in which an action on an account is entered.
inline constexpr size_t kAuditWorkspacesMax = 100;
// Owners of owners of an agent.
inline constexpr int kAuditChainMax = 4;
// Entries that one VerifyAudit looks at.
inline constexpr uint32_t kAuditVerifyMax = 20'000;

}  // namespace heim
