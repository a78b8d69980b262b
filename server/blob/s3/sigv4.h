// AWS Signature Version 4 for S3: what a request says to prove that it comes from the holder of the
// secret key. Pure functions; any thread, never blocks. The secret never leaves but as a signature.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace heim {

struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string region;
};

using S3Pairs = std::vector<std::pair<std::string, std::string>>;

struct S3Signable {
  std::string_view method;
  std::string_view path;          // Encoded, as it is sent.
  S3Pairs query;                  // Not encoded.
  S3Pairs headers;                // All that are signed, lower case; `host` among them.
  std::string_view payload_hash;  // Hex.
};

// RFC 3986: all but letters, digits and -._~ as %XX; `/` stays on demand.
std::string S3Encode(std::string_view text, bool keep_slash = false);

// The query as it is signed and sent: encoded, in order of the names.
std::string S3Query(const S3Pairs& query);

// 20130524T000000Z: the value of x-amz-date.
std::string S3Date(absl::Time time);

// The value of the Authorization header. `date` is that of the header x-amz-date.
std::string S3Authorization(const S3Credentials& credentials, const S3Signable& request,
                            std::string_view date);

}  // namespace heim
