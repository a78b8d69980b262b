// The limits of people, agents, their keys, pictures and files; a part of limits.h in a file of its own,
// which fewer files have to read. Constants only; docs/limits.md shows them too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace heim {

// --- Accounts
// A username that was given up is kept from others for this long, the newest few of an actor.
inline constexpr absl::Duration kFormerUsernameKept = absl::Hours(24 * 30);
inline constexpr int kFormerUsernamesMax = 5;
// How long a key goes on beside the one that takes its place.
inline constexpr absl::Duration kKeyOverlapDefault = absl::Hours(1);
inline constexpr absl::Duration kKeyOverlapMax = absl::Hours(24 * 7);
// Keys of an agent that work at the same time.
inline constexpr int kAgentKeysMax = 50;

// --- Pictures
// Before they are decoded: pictures of actors, and custom emoji.
inline constexpr size_t kImageMaxBytes = 10u << 20;
inline constexpr size_t kEmojiImageMaxBytes = 256u << 10;
inline constexpr uint64_t kImageMaxPixels = 50'000'000;
// Their sides as they are kept.
inline constexpr uint32_t kAvatarPixels = 512;
inline constexpr uint32_t kSmallAvatarPixels = 96;
inline constexpr uint32_t kEmojiPixels = 128;
inline constexpr int kCustomEmojiMax = 2000;
inline constexpr size_t kCustomEmojiNameMaxLength = 32;

// --- Files
// How long an upload waits for a message, unless HEIM_FILE_UNLINKED_KEPT says otherwise.
inline constexpr absl::Duration kUnlinkedFileKept = absl::Hours(24);
// A picture up to these gets a preview, whose longer side is so long.
inline constexpr size_t kPreviewSourceMaxBytes = 32u << 20;
inline constexpr uint64_t kPreviewSourceMaxPixels = kImageMaxPixels;
inline constexpr uint32_t kPreviewPixels = 480;
// Messages that are told of a file in the commit that changes it; the others follow in commits of
// as many.
inline constexpr uint32_t kFileLinksAtOnce = 50;

}  // namespace heim
