#include "server/blob/blob.h"

#include <algorithm>

namespace heim {

bool IsBlobKey(std::string_view key) {
  return !key.empty() && key.size() <= kBlobKeyMaxBytes &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

}  // namespace heim
