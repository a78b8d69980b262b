#include "server/blob/s3/s3_blob_store.h"

#include <algorithm>
#include <utility>

#include "server/base/parse.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/blob/s3/s3_writer.h"

namespace heim {
namespace {

constexpr uint64_t kFirstBytes = 64u << 10;
constexpr uint64_t kAheadBytes = 1u << 20;

absl::Status NotAKey() { return absl::InvalidArgumentError("not a blob key"); }

// Reads ahead, because callers read in small pieces and each request is a way to S3 and back.
class S3Reader final : public BlobReader {
 public:
  S3Reader(S3Client& client, std::string key) : client_(client), key_(std::move(key)) {}

  absl::Status Open() {
    S3Request head;
    head.method = HttpMethod::kHead;
    head.object = key_;
    HEIM_ASSIGN_OR_RETURN(const HttpResponse response, client_.Send(head));
    const auto size = ParseInteger(response.Header("content-length"), 0, INT64_MAX);
    if (!size.ok()) return absl::UnavailableError("S3 gave no Content-Length");
    size_ = static_cast<uint64_t>(*size);
    etag_ = std::string(response.Header("etag"));
    if (size_ == 0) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(first_, Get(0, kFirstBytes));
    return absl::OkStatus();
  }

  uint64_t size() const override { return size_; }

  absl::StatusOr<std::string> Read(uint64_t offset, size_t n) override {
    std::string bytes;
    while (offset < size_ && bytes.size() < n) {
      HEIM_ASSIGN_OR_RETURN(const std::string_view piece, Piece(offset));
      const std::string_view taken = piece.substr(0, n - bytes.size());
      bytes.append(taken);
      offset += taken.size();
    }
    return bytes;
  }

 private:
  // What is at hand from `offset` on, which is within the blob; never empty.
  absl::StatusOr<std::string_view> Piece(uint64_t offset) {
    if (offset < first_.size()) return std::string_view(first_).substr(offset);
    if (offset < ahead_offset_ || offset - ahead_offset_ >= ahead_.size()) {
      HEIM_ASSIGN_OR_RETURN(ahead_, Get(offset, kAheadBytes));
      ahead_offset_ = offset;
    }
    return std::string_view(ahead_).substr(offset - ahead_offset_);
  }

  absl::StatusOr<std::string> Get(uint64_t offset, uint64_t n) {
    n = std::min(n, size_ - offset);
    S3Request get;
    get.object = key_;
    get.headers = {{"range", StrCat("bytes=", offset, "-", offset + n - 1)}};
    if (!etag_.empty()) get.headers.emplace_back("if-match", etag_);
    auto response = client_.Send(get);
    if (absl::IsFailedPrecondition(response.status())) {
      return absl::NotFoundError("the blob was replaced while it was read");
    }
    if (!response.ok()) return response.status();
    if (response->body.size() != n) return absl::DataLossError("S3 gave another range");
    return std::move(response->body);
  }

  S3Client& client_;
  const std::string key_;
  uint64_t size_ = 0;
  std::string etag_;
  std::string first_;
  std::string ahead_;
  uint64_t ahead_offset_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<S3BlobStore>> S3BlobStore::Create(S3Options options, Clock& clock,
                                                                 Entropy& entropy) {
  HEIM_ASSIGN_OR_RETURN(auto http, HttpClient::Create({}, clock));
  return std::unique_ptr<S3BlobStore>(
      new S3BlobStore(std::move(options), std::move(http), clock, entropy));
}

absl::Status S3BlobStore::CheckBucket() {
  S3Request head;
  head.method = HttpMethod::kHead;
  return client_.Send(head).status();
}

absl::StatusOr<std::unique_ptr<BlobWriter>> S3BlobStore::Create() {
  return std::unique_ptr<BlobWriter>(
      new S3Writer(client_, StrCat("tmp/", RandomBase62(entropy_, 22))));
}

absl::StatusOr<std::unique_ptr<BlobReader>> S3BlobStore::Open(std::string_view key) {
  if (!IsBlobKey(key)) return NotAKey();
  auto reader = std::make_unique<S3Reader>(client_, std::string(key));
  HEIM_RETURN_IF_ERROR(reader->Open());
  return std::unique_ptr<BlobReader>(std::move(reader));
}

absl::Status S3BlobStore::Delete(std::string_view key) {
  if (!IsBlobKey(key)) return NotAKey();
  S3Request request;
  request.method = HttpMethod::kDelete;
  request.object = std::string(key);
  const absl::Status status = client_.Send(request).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace heim
