// Emoji as reactions: one Unicode emoji or a short name. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

// One form for each emoji, so that reactions of different keyboards meet: variation selectors stand
// exactly where the emoji would show as text without; colons around a short name ([a-z0-9_+-], at
// most 64) fall away. INVALID_EMOJI for anything else, or more than kEmojiMaxBytes.
absl::StatusOr<std::string> NormalizeEmoji(std::string_view text);

}  // namespace heim
