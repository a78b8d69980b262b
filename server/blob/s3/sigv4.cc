#include "server/blob/s3/sigv4.h"

#include <algorithm>

#include "absl/time/time.h"
#include "server/base/crypto.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr size_t kDayBytes = 8;

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string SigningKey(const S3Credentials& credentials, std::string_view day) {
  std::string key = HmacSha256(StrCat("AWS4", credentials.secret_key), day);
  key = HmacSha256(key, credentials.region);
  key = HmacSha256(key, "s3");
  return HmacSha256(key, "aws4_request");
}

}  // namespace

std::string S3Encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c) || (keep_slash && c == '/')) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

std::string S3Query(const S3Pairs& query) {
  S3Pairs encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(S3Encode(name), S3Encode(value));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    StrAppend(&text, text.empty() ? "" : "&", name, "=", value);
  }
  return text;
}

std::string S3Date(absl::Time time) {
  return absl::FormatTime("%Y%m%dT%H%M%SZ", time, absl::UTCTimeZone());
}

std::string S3Authorization(const S3Credentials& credentials, const S3Signable& request,
                            std::string_view date) {
  S3Pairs headers = request.headers;
  std::sort(headers.begin(), headers.end());
  std::string lines;
  std::string names;
  for (const auto& [name, value] : headers) {
    StrAppend(&lines, name, ":", value, "\n");
    StrAppend(&names, names.empty() ? "" : ";", name);
  }
  const std::string canonical =
      StrCat(request.method, "\n", request.path, "\n", S3Query(request.query), "\n", lines, "\n",
             names, "\n", request.payload_hash);
  const std::string_view day = date.substr(0, kDayBytes);
  const std::string scope = StrCat(day, "/", credentials.region, "/s3/aws4_request");
  const std::string to_sign =
      StrCat(kAlgorithm, "\n", date, "\n", scope, "\n", HexEncode(Sha256(canonical)));
  const std::string signature = HexEncode(HmacSha256(SigningKey(credentials, day), to_sign));
  return StrCat(kAlgorithm, " Credential=", credentials.access_key, "/", scope,
                ",SignedHeaders=", names, ",Signature=", signature);
}

}  // namespace heim
