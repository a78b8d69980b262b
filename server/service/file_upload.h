// FileUpload is one upload under way: it takes a header and chunks, writes them to the blob store
// as they come, and answers with the file once its row is committed. Held by the front and by its
// own tasks. Nothing of it blocks the caller: the work is done on the Executor, one piece at a
// time, and `next` asks for the following piece when one is written.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "heim/v1/file_service.pb.h"
#include "server/base/sha256.h"
#include "server/hub/outbox.h"
#include "server/model/stream_call.h"
#include "server/service/file_service.h"
#include "server/service/file_type.h"

namespace heim {

// The name as it is kept: the last part of a path, without control and invisible characters, at
// most 255 bytes; "file" when nothing is left.
std::string CleanFilename(std::string_view name);

// What a client is told of a blob store's error; the text of it is for the operator only.
absl::Status StorageFault(const absl::Status& status);

class FileUpload final : public StreamCall, public std::enable_shared_from_this<FileUpload> {
 public:
  FileUpload(FileOptions options, const FileService::Dependencies& dependencies,
             std::shared_ptr<CallContext> context);

  void Feed(std::unique_ptr<google::protobuf::Message> message,
            absl::AnyInvocable<void()> next) override;
  void FeedDone() override;

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override;
  absl::Status status() const override { return outbox_.status(); }
  void SetReady(std::function<void()> on_ready) override { outbox_.SetReady(std::move(on_ready)); }
  void Cancel() override;

 private:
  // Runs a piece of work on the Executor unless the call has ended; false then.
  bool Run(absl::AnyInvocable<void()> work);
  // After each piece: lets go of a blob that will not be, and asks for the next piece.
  void Settle();

  absl::Status Take(const v1::UploadFileRequest& piece);
  absl::Status TakeHeader(const v1::FileHeader& header);
  absl::Status TakeChunk(std::string_view bytes);
  absl::Status TakeEnd();
  void CommitRow(v1::File file);
  absl::Status CheckSize(int64_t bytes) const;
  FileRow RowOf(v1::File file) const;
  void End(absl::Status status) { outbox_.Close(nullptr, std::move(status)); }

  const FileOptions options_;
  const FileService::Dependencies deps_;
  const std::shared_ptr<CallContext> context_;
  Outbox outbox_;

  // Of the piece that is worked on; of nobody between two.
  std::unique_ptr<BlobWriter> writer_;
  v1::FileHeader header_;
  FileQuota quota_;  // as it was when the upload began; the commit looks again
  int64_t received_bytes_ = 0;
  Sha256Hasher hasher_;
  FileProbe probe_;

  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  absl::AnyInvocable<void()> next_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
