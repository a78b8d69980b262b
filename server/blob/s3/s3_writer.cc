#include "server/blob/s3/s3_writer.h"

#include <algorithm>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/blob/s3/s3_blob_store.h"

namespace heim {
namespace {

// The server reads and writes up to 5 GiB before it answers.
constexpr absl::Duration kCopyTimeout = absl::Minutes(5);
constexpr absl::Duration kPartTimeout = absl::Minutes(1);

// Some calls answer 200 first and say in the body that they failed.
absl::Status CheckBody(const HttpResponse& response, std::string_view wanted) {
  if (response.body.find(StrCat("<", wanted)) != std::string::npos) return absl::OkStatus();
  return absl::UnavailableError(StrCat("S3 answered 200 without ", wanted));
}

}  // namespace

absl::Status S3Writer::Append(std::string_view bytes) {
  if (closed_) return absl::FailedPreconditionError("the blob is closed");
  if (bytes.size() > S3BlobStore::kMaxBytes - size_) {
    return absl::ResourceExhaustedError("S3: a file has at most 5 GiB");
  }
  size_ += bytes.size();
  while (!bytes.empty()) {
    // A full part goes when more follows: what fits into one never begins an upload in parts.
    if (part_.size() == S3BlobStore::kPartBytes) HEIM_RETURN_IF_ERROR(SendPart());
    const size_t n = std::min(bytes.size(), S3BlobStore::kPartBytes - part_.size());
    part_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
  }
  return absl::OkStatus();
}

absl::Status S3Writer::Commit(std::string_view key) {
  if (closed_) return absl::FailedPreconditionError("the blob is closed");
  if (!IsBlobKey(key)) return absl::InvalidArgumentError("not a blob key");
  if (upload_id_.empty()) {
    HEIM_RETURN_IF_ERROR(PutWhole(key));
    closed_ = true;
    return absl::OkStatus();
  }
  if (!part_.empty()) HEIM_RETURN_IF_ERROR(SendPart());
  HEIM_RETURN_IF_ERROR(CompleteUpload());
  HEIM_RETURN_IF_ERROR(CopyTo(key));
  // The blob is there; only its temporary twin is left to remove.
  Abort();
  return absl::OkStatus();
}

void S3Writer::Abort() {
  if (closed_) return;
  closed_ = true;
  part_ = {};
  if (upload_id_.empty()) return;
  S3Request request;
  request.method = HttpMethod::kDelete;
  request.object = temporary_;
  if (!completed_) request.query = {{"uploadId", upload_id_}};
  const absl::Status status = client_.Send(request).status();
  if (!status.ok() && !absl::IsNotFound(status)) {
    LogWarn("A temporary object was left in the bucket", {{"error", status}});
  }
}

absl::Status S3Writer::PutWhole(std::string_view key) {
  S3Request request;
  request.method = HttpMethod::kPut;
  request.object = std::string(key);
  request.body = part_;
  request.timeout = kPartTimeout;
  return client_.Send(request).status();
}

absl::Status S3Writer::BeginUpload() {
  S3Request request;
  request.method = HttpMethod::kPost;
  request.object = temporary_;
  request.query = {{"uploads", ""}};
  // Once more could leave an upload that nobody ends.
  request.repeatable = false;
  HEIM_ASSIGN_OR_RETURN(const HttpResponse response, client_.Send(request));
  upload_id_ = S3Element(response.body, "UploadId");
  if (upload_id_.empty()) return absl::UnavailableError("S3 gave no UploadId");
  return absl::OkStatus();
}

absl::Status S3Writer::SendPart() {
  if (upload_id_.empty()) HEIM_RETURN_IF_ERROR(BeginUpload());
  S3Request request;
  request.method = HttpMethod::kPut;
  request.object = temporary_;
  request.query = {{"partNumber", StrCat(etags_.size() + 1)}, {"uploadId", upload_id_}};
  request.body = part_;
  request.timeout = kPartTimeout;
  HEIM_ASSIGN_OR_RETURN(const HttpResponse response, client_.Send(request));
  etags_.emplace_back(response.Header("etag"));
  if (etags_.back().empty()) return absl::UnavailableError("S3 gave no ETag for a part");
  part_.clear();
  return absl::OkStatus();
}

absl::Status S3Writer::CompleteUpload() {
  std::string list = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < etags_.size(); ++i) {
    StrAppend(&list, "<Part><PartNumber>", i + 1, "</PartNumber><ETag>", etags_[i],
              "</ETag></Part>");
  }
  list += "</CompleteMultipartUpload>";
  S3Request request;
  request.method = HttpMethod::kPost;
  request.object = temporary_;
  request.query = {{"uploadId", upload_id_}};
  request.body = list;
  request.timeout = kCopyTimeout;
  request.repeatable = false;
  HEIM_ASSIGN_OR_RETURN(const HttpResponse response, client_.Send(request));
  HEIM_RETURN_IF_ERROR(CheckBody(response, "CompleteMultipartUploadResult"));
  completed_ = true;
  return absl::OkStatus();
}

absl::Status S3Writer::CopyTo(std::string_view key) {
  S3Request request;
  request.method = HttpMethod::kPut;
  request.object = std::string(key);
  request.headers = {{"x-amz-copy-source", StrCat("/", client_.bucket(), "/", temporary_)}};
  request.timeout = kCopyTimeout;
  HEIM_ASSIGN_OR_RETURN(const HttpResponse response, client_.Send(request));
  return CheckBody(response, "CopyObjectResult");
}

}  // namespace heim
