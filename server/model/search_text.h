// The words of a text as search compares them: lower case, without accents. Where words are written
// without spaces each character is a word, so that any part of a text is found as a phrase; what is
// neither letter nor digit separates, so that `user_name` is two words. Index, query and highlights
// all go through here, so they agree. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "heim/v1/message.pb.h"

namespace heim {

struct SearchToken {
  // ASCII letters and digits, and any bytes of other characters; never empty.
  std::string text;
  uint32_t start = 0;   // first code point
  uint32_t length = 0;  // code points
};

std::vector<SearchToken> SearchTokens(std::string_view text);

// What can be found of a message: content, forwarded text, names of its files, at most
// kSearchTextMaxBytes of them together. Phrases do not reach from one into the other.
std::string SearchableText(const v1::Message& message);

// False for what is deleted, still being written, or a system row.
bool IsSearchable(const v1::Message& message);

// What a message has and is, as bits.
enum SearchFlag : uint32_t {
  kHasFile = 1,
  kHasImage = 2,
  kHasLink = 4,
  kHasCode = 8,
  kHasReaction = 16,
  kByAgent = 32,
  kByHuman = 64,
  kInThread = 128,  // a reply, or a root that has replies
};
uint32_t SearchFlagsOf(const v1::Message& message);

// The root of the message's thread; empty when it is in none.
std::string SearchThreadOf(const v1::Message& message);

}  // namespace heim
