// Emoji as reactions: one Unicode emoji or a short name. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

// One form for each emoji, so that reactions of different keyboards meet: variation selectors stand
// exactly where the emoji would show as text without. Colons around the short name of a standard
// emoji ("tada") fall away; any other short name stands between them (":acme:"): it is a custom
// emoji's, which may exist or not. INVALID_EMOJI for anything else, or more than kEmojiMaxBytes.
absl::StatusOr<std::string> NormalizeEmoji(std::string_view text);

// Whether it is the short name of a Unicode emoji, without colons.
bool IsStandardEmojiName(std::string_view name);

// The name of a custom emoji, with or without colons around it: [a-z0-9_+-], at most
// kCustomEmojiNameMaxLength, and no standard emoji's. INVALID_EMOJI.
absl::StatusOr<std::string> CustomEmojiName(std::string_view text);

// The name in a normalised reaction with a custom emoji; empty for a standard one.
std::string_view CustomNameOf(std::string_view normalized);

}  // namespace heim
