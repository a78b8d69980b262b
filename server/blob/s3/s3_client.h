// S3Client sends signed requests to one bucket: signs, retries what may be repeated, and turns
// S3's errors into ours. Owned by S3BlobStore. Thread-safe. Blocks on the network.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/blob/s3/sigv4.h"
#include "server/net/http_client.h"
#include "server/net/url.h"

namespace heim {

struct S3Options {
  Url endpoint;
  std::string bucket;
  S3Credentials credentials;
  // The bucket in the path instead of the host's name: what most servers but Amazon's want.
  bool path_style = true;
};

struct S3Request {
  HttpMethod method = HttpMethod::kGet;
  std::string object;  // Empty: the bucket itself.
  S3Pairs query;
  S3Pairs headers;  // Lower case; signed too.
  std::string_view body;
  absl::Duration timeout = absl::Seconds(20);
  size_t max_response_bytes = 1u << 20;
  bool repeatable = true;
};

class S3Client {
 public:
  S3Client(S3Options options, HttpClient& http, Clock& clock, Entropy& entropy)
      : options_(std::move(options)), http_(http), clock_(clock), entropy_(entropy) {}

  // Answers of 2xx. NOT_FOUND for 404, OUT_OF_RANGE for 416, FAILED_PRECONDITION for 412,
  // PERMISSION_DENIED for 401 and 403, UNAVAILABLE for the rest and when there was no answer in
  // time. Messages carry S3's own code, and never a key or a signature.
  absl::StatusOr<HttpResponse> Send(const S3Request& request);

  const std::string& bucket() const { return options_.bucket; }

 private:
  absl::StatusOr<HttpResponse> SendOnce(const S3Request& request);

  const S3Options options_;
  HttpClient& http_;
  Clock& clock_;
  Entropy& entropy_;
};

// The text of the first element of that name; empty when there is none. S3's answers are flat
// enough for that.
std::string S3Element(std::string_view xml, std::string_view name);

}  // namespace heim
