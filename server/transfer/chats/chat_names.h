// Names of other chats as Heim takes them. Pure functions and values; any thread; never block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace heim {

// A username that is like `text`, or empty when nothing of it can stand in one.
std::string UsernameLike(std::string_view text);

// A channel's name that is like `text`, or empty.
std::string SlugLike(std::string_view text);

// The emoji that a short name of Slack or Mattermost means, as reactions keep it; empty when it can
// be none. Skin tones are left out: the house's short names have none.
std::string ReactionLike(std::string_view name);
// Whether the short name has a skin tone.
bool HasSkinTone(std::string_view name);

// The name of a custom emoji; empty when it can have none here.
std::string CustomEmojiLike(std::string_view name);

// A name for people: without unsafe characters and blanks around it, at most `max` code points.
std::string PlainName(std::string_view text, size_t max);

// A text cut to `max` code points.
std::string Clipped(std::string_view text, size_t max);

// A file's name without path and controls, at most 255 bytes; "file" when nothing is left.
std::string FileNameLike(std::string_view text);

// UniqueNames gives each the name that it wants, or that name with a number. The same wishes in the
// same order get the same names.
class UniqueNames {
 public:
  // Names are cut to `max_bytes`, the number included.
  explicit UniqueNames(size_t max_bytes) : max_bytes_(max_bytes) {}
  std::string Take(std::string_view wanted);

 private:
  const size_t max_bytes_;
  absl::flat_hash_set<std::string> taken_;
  absl::flat_hash_map<std::string, uint32_t> last_number_;
};

}  // namespace heim
