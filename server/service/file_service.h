// FileService: upload, download, previews, lists and deletion of files
// (proto/heim/v1/file_service.proto says what each call needs and fails with). Bytes lie in the
// blob store, facts in the store; a file is readable by its uploader and by whoever may read a
// message that it is attached to. Owned by app. Thread-safe. Handlers run on the Executor; the
// streams that they answer with do their disk work there too, never on a front's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "heim/v1/file_service.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/blob/blob.h"
#include "server/model/limits.h"
#include "server/model/people_limits.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/service/file_quota.h"
#include "server/store/store.h"

namespace heim {

struct FileOptions {
  int64_t max_file_bytes = kFileMaxBytesDefault;  // HEIM_MAX_FILE_SIZE
  FileQuotas quotas = {};
  absl::Duration unlinked_kept = kUnlinkedFileKept;  // HEIM_FILE_UNLINKED_KEPT
};

// Who is told what follows a commit. Called from any thread; must not block. Empty: nobody.
struct FileHooks {
  // A file is there: a preview may be wanted, and unless it is linked it goes at that time.
  std::function<void(absl::Time sweep_at)> uploaded;
  // A file is gone: its bytes are to go, and more messages may have to say so.
  std::function<void()> deleted;
};

class FileService {
 public:
  // All of it outlives the streams that the service opens.
  struct Dependencies {
    Store& store;
    BlobStore& blobs;
    Clock& clock;
    Ids& ids;
    Executor& executor;
    FileHooks hooks = {};
  };

  FileService(FileOptions options, const Dependencies& dependencies)
      : options_(options), deps_(dependencies) {}

  absl::StatusOr<std::shared_ptr<StreamCall>> UploadFile(std::shared_ptr<CallContext> context);
  void DownloadFile(CallContext& context, const v1::DownloadFileRequest& request,
                    Reply<std::shared_ptr<FrameSource>> reply);
  void GetFileMeta(CallContext& context, const v1::GetFileMetaRequest& request,
                   Reply<v1::GetFileMetaResponse> reply);
  void GetPreview(CallContext& context, const v1::GetPreviewRequest& request,
                  Reply<std::shared_ptr<FrameSource>> reply);
  void ListFiles(CallContext& context, const v1::ListFilesRequest& request,
                 Reply<v1::ListFilesResponse> reply);
  void DeleteFile(CallContext& context, const v1::DeleteFileRequest& request,
                  Reply<v1::DeleteFileResponse> reply);
  void GetFileUsage(CallContext& context, const v1::GetFileUsageRequest& request,
                    Reply<v1::GetFileUsageResponse> reply);

 private:
  const FileOptions options_;
  const Dependencies deps_;
};

}  // namespace heim
