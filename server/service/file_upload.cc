#include "server/service/file_upload.h"

#include <utility>

#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"

namespace heim {
namespace {

constexpr size_t kFilenameMaxBytes = 255;
constexpr size_t kUploadChunkMaxBytes = 1u << 20;
constexpr std::string_view kNamelessFile = "file";
// One answer.
constexpr Outbox::Limits kAnswerLimits = {4, 64u << 10};

}  // namespace

absl::Status StorageFault(const absl::Status& status) {
  if (status.ok()) return status;
  LogError("A file could not be stored", {{"error", status}});
  if (status.code() == absl::StatusCode::kResourceExhausted) {
    return MakeError(v1::ERROR_REASON_QUOTA_EXCEEDED, "The server has no room for the file");
  }
  return MakeError(v1::ERROR_REASON_STORE_UNAVAILABLE, "The file could not be stored");
}

std::string CleanFilename(std::string_view name) {
  const size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  const std::string clean = StripUnsafeControls(name);
  const std::string_view cut = Utf8Prefix(clean, kFilenameMaxBytes);
  if (cut.find_first_not_of(" .") == std::string_view::npos) return std::string(kNamelessFile);
  return std::string(cut);
}

FileUpload::FileUpload(FileOptions options, const FileService::Dependencies& dependencies,
                       std::shared_ptr<CallContext> context)
    : options_(options),
      deps_(dependencies),
      context_(std::move(context)),
      outbox_(deps_.clock, kAnswerLimits, nullptr) {}

bool FileUpload::Run(absl::AnyInvocable<void()> work) {
  {
    absl::MutexLock lock(&mutex_);
    if (outbox_.closed()) return false;
    busy_ = true;
  }
  const bool posted =
      deps_.executor.TryPost([upload = shared_from_this(), work = std::move(work)]() mutable {
        work();
        upload->Settle();
      });
  if (!posted) {
    End(MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
    Settle();
  }
  return true;
}

void FileUpload::Settle() {
  std::unique_ptr<BlobWriter> dropped;
  absl::AnyInvocable<void()> next;
  {
    absl::MutexLock lock(&mutex_);
    busy_ = false;
    if (outbox_.closed()) dropped = std::move(writer_);
    next = std::exchange(next_, nullptr);
  }
  dropped.reset();
  if (next) next();
}

void FileUpload::Feed(std::unique_ptr<google::protobuf::Message> message,
                      absl::AnyInvocable<void()> next) {
  {
    absl::MutexLock lock(&mutex_);
    next_ = std::move(next);
  }
  const bool taken = Run([this, message = std::move(message)] {
    const absl::Status status = Take(static_cast<const v1::UploadFileRequest&>(*message));
    if (!status.ok()) End(status);
  });
  if (taken) return;
  {
    absl::MutexLock lock(&mutex_);
    next = std::exchange(next_, nullptr);
  }
  if (next) next();
}

void FileUpload::FeedDone() {
  Run([this] {
    const absl::Status status = TakeEnd();
    if (!status.ok()) End(status);
  });
}

FrameSource::State FileUpload::Pull(size_t max_bytes, std::vector<FramePtr>* out) {
  return outbox_.Pull(max_bytes, out);
}

void FileUpload::Cancel() {
  outbox_.Cancel();
  std::unique_ptr<BlobWriter> dropped;
  {
    absl::MutexLock lock(&mutex_);
    if (!busy_) dropped = std::move(writer_);
  }
  if (dropped == nullptr) return;
  // Removing what was written is disk work; an Executor that refuses it drops it here and now.
  (void)deps_.executor.TryPost([dropped = std::move(dropped)]() mutable { dropped.reset(); });
}

absl::Status FileUpload::Take(const v1::UploadFileRequest& piece) {
  switch (piece.data_case()) {
    case v1::UploadFileRequest::kHeader:
      return TakeHeader(piece.header());
    case v1::UploadFileRequest::kChunk:
      return TakeChunk(piece.chunk());
    case v1::UploadFileRequest::DATA_NOT_SET:
      break;
  }
  return InvalidField("data", "header or chunk");
}

absl::Status FileUpload::CheckSize(int64_t bytes) const {
  if (bytes > options_.max_file_bytes) {
    return ErrorBuilder(v1::ERROR_REASON_FILE_TOO_LARGE, "The file is too large")
        .Detail("max_bytes", options_.max_file_bytes)
        .Build();
  }
  if (header_.size_bytes() > 0 && bytes > header_.size_bytes()) {
    return InvalidArgument("header.size_bytes", "more bytes came than it says");
  }
  return quota_.CheckMore(bytes);
}

absl::Status FileUpload::TakeHeader(const v1::FileHeader& header) {
  if (writer_ != nullptr) return InvalidArgument("header", "comes once, before the chunks");
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    const Caller& caller = context_->caller;
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kUploadFile));
    HEIM_ASSIGN_OR_RETURN(quota_,
                          FileQuota::Of(tx, options_.quotas, caller.workspace_id, caller.actor_id));
    return absl::OkStatus();
  }));
  if (header.size_bytes() < 0) return InvalidField("header.size_bytes", "0 or more");
  header_ = header;
  HEIM_RETURN_IF_ERROR(CheckSize(header.size_bytes()));
  auto writer = deps_.blobs.Create();
  if (!writer.ok()) return StorageFault(writer.status());
  writer_ = *std::move(writer);
  return absl::OkStatus();
}

absl::Status FileUpload::TakeChunk(std::string_view bytes) {
  if (writer_ == nullptr) return InvalidArgument("header", "comes before the first chunk");
  if (bytes.size() > kUploadChunkMaxBytes) return InvalidField("chunk", "at most 1 MiB");
  HEIM_RETURN_IF_ERROR(CheckSize(received_bytes_ + static_cast<int64_t>(bytes.size())));
  HEIM_RETURN_IF_ERROR(StorageFault(writer_->Append(bytes)));
  received_bytes_ += static_cast<int64_t>(bytes.size());
  hasher_.Add(bytes);
  probe_.Add(bytes);
  return absl::OkStatus();
}

absl::Status FileUpload::TakeEnd() {
  if (writer_ == nullptr) return InvalidArgument("header", "is missing");
  if (header_.size_bytes() > 0 && header_.size_bytes() != received_bytes_) {
    return InvalidArgument("header.size_bytes", "fewer bytes came than it says");
  }
  v1::File file;
  file.set_id(deps_.ids.NewId());
  file.set_actor_id(context_->caller.actor_id.str());
  file.set_filename(CleanFilename(header_.filename()));
  file.set_mime_type(probe_.mime_type());
  file.set_size_bytes(received_bytes_);
  file.set_sha256(HexEncode(hasher_.Finish()));
  if (const auto size = probe_.image_size(); size.has_value()) {
    file.set_width(size->width);
    file.set_height(size->height);
  }
  *file.mutable_created_at() = ToTimestamp(deps_.clock.Now());
  // A cancel that came meanwhile is seen by Settle, which drops the writer.
  if (outbox_.closed()) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(StorageFault(writer_->Commit(file.id())));
  writer_.reset();
  CommitRow(std::move(file));
  return absl::OkStatus();
}

FileRow FileUpload::RowOf(v1::File file) const {
  FileRow row;
  row.workspace_id = context_->caller.workspace_id;
  row.blob_key = file.id();
  row.wants_preview = MayHavePreview(file);
  row.sweep_at = FromTimestamp(file.created_at()) + options_.unlinked_kept;
  row.file = std::move(file);
  return row;
}

void FileUpload::CommitRow(v1::File file) {
  const FileRow row = RowOf(std::move(file));
  Draft draft;
  draft.apply = [upload = shared_from_this(), row](WriteTx& tx) -> absl::Status {
    const Caller& caller = upload->context_->caller;
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kUploadFile));
    HEIM_RETURN_IF_ERROR(tx.files.Insert(row));
    // After it was counted: whoever uploads at the same time waits here for the count.
    HEIM_ASSIGN_OR_RETURN(
        const FileQuota quota,
        FileQuota::Of(tx, upload->options_.quotas, caller.workspace_id, caller.actor_id));
    return quota.CheckCounted(row.file.size_bytes());
  };
  deps_.store.Commit(std::move(draft), [upload = shared_from_this(),
                                        row](const absl::StatusOr<Committed>& committed) {
    if (committed.ok()) {
      auto response = std::make_unique<v1::UploadFileResponse>();
      *response->mutable_file() = row.file;
      upload->outbox_.PushAnyway(MakeMessageFrame(std::move(response)), Outbox::Item::kSign);
      upload->End(absl::OkStatus());
      if (upload->deps_.hooks.uploaded) upload->deps_.hooks.uploaded(*row.sweep_at);
      return;
    }
    // Bytes without a row belong to nobody.
    (void)upload->deps_.executor.TryPost([&blobs = upload->deps_.blobs, key = row.file.id()] {
      (void)StorageFault(blobs.Delete(key));
    });
    upload->End(committed.status());
  });
}

}  // namespace heim
