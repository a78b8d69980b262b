// ImportUpload takes an archive: what to do and a header, then chunks, into the
// blob store; and answers with the import once its row is committed. Held by
// the front and by its own tasks. Nothing of it blocks the caller: the work is
// done on the Executor, one piece at a time.
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
#include "heim/v1/import_service.pb.h"
#include "server/hub/outbox.h"
#include "server/model/stream_call.h"
#include "server/service/import_service.h"

namespace heim {

class ImportUpload final : public StreamCall, public std::enable_shared_from_this<ImportUpload> {
 public:
  ImportUpload(const ImportService::Dependencies& dependencies,
               std::shared_ptr<CallContext> context);

  void Feed(std::unique_ptr<google::protobuf::Message> message,
            absl::AnyInvocable<void()> next) override;
  void FeedDone() override;

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    return outbox_.Pull(max_bytes, out);
  }
  absl::Status status() const override { return outbox_.status(); }
  void SetReady(std::function<void()> on_ready) override { outbox_.SetReady(std::move(on_ready)); }
  void Cancel() override;

 private:
  // Runs a piece of work on the Executor unless the call has ended; false then.
  bool Run(absl::AnyInvocable<void()> work);
  // After each piece: lets go of a blob that will not be, and asks for the next
  // piece.
  void Settle();

  absl::Status Take(const v1::CreateImportRequest& piece);
  absl::Status TakeFirst(const v1::CreateImportRequest& piece);
  absl::Status TakeChunk(std::string_view bytes);
  absl::Status TakeEnd();
  absl::Status CheckSize(int64_t bytes) const;
  void CommitRow(std::string archive_key);
  void End(absl::Status status) { outbox_.Close(nullptr, std::move(status)); }

  const ImportService::Dependencies& deps_;
  const std::shared_ptr<CallContext> context_;
  Outbox outbox_;

  // Of the piece that is worked on; of nobody between two.
  std::unique_ptr<BlobWriter> writer_;
  v1::Import import_;

  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  absl::AnyInvocable<void()> next_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
