// Links in the text of a message. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "heim/v1/message.pb.h"

namespace heim {

// Addresses that begin with http:// or https://, as the text has them, each once, the first `max`
// of at most kPreviewLinkMaxBytes. Punctuation that ends a sentence, and what closes Markdown's
// brackets, is no part of them. None in code (see WithoutCode), none in `system` texts.
std::vector<std::string> FindLinks(std::string_view content, v1::ContentType content_type,
                                   size_t max);

}  // namespace heim
