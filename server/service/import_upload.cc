#include "server/service/import_upload.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/audit.h"
#include "server/service/file_upload.h"

namespace heim {
namespace {

constexpr size_t kUploadChunkMaxBytes = 1u << 20;
// One answer.
constexpr Outbox::Limits kAnswerLimits = {4, 64u << 10};

}  // namespace

ImportUpload::ImportUpload(const ImportService::Dependencies& dependencies,
                           std::shared_ptr<CallContext> context)
    : deps_(dependencies),
      context_(std::move(context)),
      outbox_(deps_.clock, kAnswerLimits, nullptr) {}

bool ImportUpload::Run(absl::AnyInvocable<void()> work) {
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

void ImportUpload::Settle() {
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

void ImportUpload::Feed(std::unique_ptr<google::protobuf::Message> message,
                        absl::AnyInvocable<void()> next) {
  {
    absl::MutexLock lock(&mutex_);
    next_ = std::move(next);
  }
  const bool taken = Run([this, message = std::move(message)] {
    const absl::Status status = Take(static_cast<const v1::CreateImportRequest&>(*message));
    if (!status.ok()) End(status);
  });
  if (taken) return;
  {
    absl::MutexLock lock(&mutex_);
    next = std::exchange(next_, nullptr);
  }
  if (next) next();
}

void ImportUpload::FeedDone() {
  Run([this] {
    const absl::Status status = TakeEnd();
    if (!status.ok()) End(status);
  });
}

void ImportUpload::Cancel() {
  outbox_.Cancel();
  std::unique_ptr<BlobWriter> dropped;
  {
    absl::MutexLock lock(&mutex_);
    if (!busy_) dropped = std::move(writer_);
  }
  if (dropped == nullptr) return;
  // Removing what was written is disk work; an Executor that refuses it drops
  // it here and now.
  (void)deps_.executor.TryPost([dropped = std::move(dropped)]() mutable { dropped.reset(); });
}

absl::Status ImportUpload::Take(const v1::CreateImportRequest& piece) {
  switch (piece.data_case()) {
    case v1::CreateImportRequest::kHeader:
      return TakeFirst(piece);
    case v1::CreateImportRequest::kChunk:
      return TakeChunk(piece.chunk());
    case v1::CreateImportRequest::DATA_NOT_SET:
      break;
  }
  return InvalidField("data", "header or chunk");
}

absl::Status ImportUpload::CheckSize(int64_t bytes) const {
  if (bytes <= deps_.max_bytes) return absl::OkStatus();
  return ErrorBuilder(v1::ERROR_REASON_FILE_TOO_LARGE, "The archive is too large")
      .Detail("max_bytes", deps_.max_bytes)
      .Build();
}

absl::Status ImportUpload::TakeFirst(const v1::CreateImportRequest& piece) {
  if (writer_ != nullptr) return InvalidArgument("header", "comes once, before the chunks");
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    return CheckWorkspace(tx, context_->caller, Permission::kImportWorkspace);
  }));
  HEIM_RETURN_IF_ERROR(CheckSize(piece.header().size_bytes()));
  import_.set_id(deps_.ids.NewId());
  import_.set_workspace_id(context_->caller.workspace_id.str());
  import_.set_created_by(context_->caller.actor_id.str());
  import_.set_format(piece.format() == v1::IMPORT_FORMAT_UNSPECIFIED ? v1::IMPORT_FORMAT_HEIM
                                                                     : piece.format());
  if (!v1::ImportFormat_IsValid(import_.format())) return InvalidField("format", "a known format");
  import_.set_filename(CleanFilename(piece.header().filename()));
  import_.set_dry_run(piece.dry_run());
  import_.set_take_settings(piece.take_settings());
  import_.set_team(piece.team());
  import_.set_state(v1::IMPORT_STATE_CHECKING);
  auto writer = deps_.blobs.Create();
  if (!writer.ok()) return StorageFault(writer.status());
  writer_ = *std::move(writer);
  return absl::OkStatus();
}

absl::Status ImportUpload::TakeChunk(std::string_view bytes) {
  if (writer_ == nullptr) return InvalidArgument("header", "comes before the first chunk");
  if (bytes.size() > kUploadChunkMaxBytes) return InvalidField("chunk", "at most 1 MiB");
  const int64_t size = import_.size_bytes() + static_cast<int64_t>(bytes.size());
  HEIM_RETURN_IF_ERROR(CheckSize(size));
  HEIM_RETURN_IF_ERROR(StorageFault(writer_->Append(bytes)));
  import_.set_size_bytes(size);
  return absl::OkStatus();
}

absl::Status ImportUpload::TakeEnd() {
  if (writer_ == nullptr) return InvalidArgument("header", "is missing");
  *import_.mutable_created_at() = ToTimestamp(deps_.clock.Now());
  // A cancel that came meanwhile is seen by Settle, which drops the writer.
  if (outbox_.closed()) return absl::OkStatus();
  const std::string key = import_.id();
  HEIM_RETURN_IF_ERROR(StorageFault(writer_->Commit(key)));
  writer_.reset();
  CommitRow(key);
  return absl::OkStatus();
}

void ImportUpload::CommitRow(std::string archive_key) {
  ImportRow row;
  row.import = import_;
  row.archive_key = archive_key;
  Draft draft;
  draft.apply = [upload = shared_from_this(), row](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(
        CheckWorkspace(tx, upload->context_->caller, Permission::kImportWorkspace));
    HEIM_RETURN_IF_ERROR(tx.imports.Insert(row));
    v1::CreateImportResponse response;
    *response.mutable_import() = row.import;
    return EnterAudit(tx, *upload->context_, response);
  };
  deps_.store.Commit(std::move(draft), [upload = shared_from_this(),
                                        row](const absl::StatusOr<Committed>& committed) {
    if (committed.ok()) {
      auto response = std::make_unique<v1::CreateImportResponse>();
      *response->mutable_import() = row.import;
      upload->outbox_.PushAnyway(MakeMessageFrame(std::move(response)), Outbox::Item::kSign);
      upload->End(absl::OkStatus());
      upload->deps_.wake();
      return;
    }
    // Bytes without a row belong to nobody.
    (void)upload->deps_.executor.TryPost([&blobs = upload->deps_.blobs, key = row.archive_key] {
      (void)StorageFault(blobs.Delete(key));
    });
    upload->End(committed.status());
  });
}

}  // namespace heim
