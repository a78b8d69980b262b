// Mentions in the text of a message. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "heim/v1/message.pb.h"

namespace heim {

struct MentionToken {
  v1::MentionType type = v1::MENTION_TYPE_UNSPECIFIED;
  std::string username;  // lower case; of type ACTOR only
  uint32_t start = 0;    // first code point, the @
  uint32_t length = 0;   // code points, the @ included
};

// @username, @channel, @here and @everyone, in order, at most kMentionsMax; what is written like a
// username may be a group's handle. Not within a word, an e-mail address or a link's address, nor
// behind a backslash; in markdown not in code, be it inline, fenced or indented by four spaces
// after a blank line; `system` texts mention nobody. Whether a username exists is for the caller to
// find out.
std::vector<MentionToken> FindMentions(std::string_view content, v1::ContentType content_type);

// The text with each byte of what FindMentions takes for code replaced by NUL, which no text holds.
std::string WithoutCode(std::string_view content, v1::ContentType content_type);

}  // namespace heim
