#include "server/service/file_service.h"

#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/file_download.h"
#include "server/service/file_upload.h"

namespace heim {
namespace {

// Characters of a hash that make a name.
constexpr size_t kVersionLength = 16;

absl::StatusOr<FileRow> ReadFileRow(Store& store, const Caller& caller, const std::string& id) {
  FileRow row;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(row, AccessFile(tx, caller, FileId(id), Permission::kDownloadFile));
    return absl::OkStatus();
  }));
  return row;
}

// The part of the file that was asked for. RANGE_NOT_SATISFIABLE when none of it is there.
absl::StatusOr<v1::DownloadHeader> PartOf(const v1::File& file,
                                          const v1::DownloadFileRequest& request) {
  if (request.length() < 0) return InvalidField("length", "0 or more");
  const int64_t size = file.size_bytes();
  int64_t first = request.offset();
  if (first < 0) first = std::max<int64_t>(0, size + first);
  const bool whole = request.offset() == 0 && request.length() == 0;
  if (!whole && first >= size) {
    return ErrorBuilder(v1::ERROR_REASON_RANGE_NOT_SATISFIABLE, "The file ends before that range")
        .Detail("size_bytes", size)
        .Build();
  }
  v1::DownloadHeader header;
  *header.mutable_file() = file;
  header.set_offset(first);
  header.set_length(request.length() == 0 ? size - first
                                          : std::min(request.length(), size - first));
  return header;
}

}  // namespace

absl::StatusOr<std::shared_ptr<StreamCall>> FileService::UploadFile(
    std::shared_ptr<CallContext> context) {
  return std::make_shared<FileUpload>(options_, deps_, std::move(context));
}

void FileService::DownloadFile(CallContext& context, const v1::DownloadFileRequest& request,
                               Reply<std::shared_ptr<FrameSource>> reply) {
  const auto row = ReadFileRow(deps_.store, context.caller, request.file_id());
  if (!row.ok()) return reply(row.status());
  auto part = PartOf(row->file, request);
  if (!part.ok()) return reply(part.status());
  auto reader = deps_.blobs.Open(row->blob_key);
  if (!reader.ok()) {
    LogError("A file's bytes cannot be opened",
             {{"file_id", row->file.id()}, {"error", reader.status()}});
    return reply(absl::InternalError("the file's bytes are not there"));
  }
  reply(std::shared_ptr<FrameSource>(
      FileDownload::Open(*std::move(part), *std::move(reader), deps_.clock, deps_.executor,
                         DownloadFramesOf<v1::DownloadFileResponse>())));
}

void FileService::GetPreview(CallContext& context, const v1::GetPreviewRequest& request,
                             Reply<std::shared_ptr<FrameSource>> reply) {
  const auto row = ReadFileRow(deps_.store, context.caller, request.file_id());
  if (!row.ok()) return reply(row.status());
  if (row->preview.blob_key.empty()) return reply(NotFound(v1::ERROR_REASON_PREVIEW_NOT_FOUND));
  auto reader = deps_.blobs.Open(row->preview.blob_key);
  // It went with its file while the row was read.
  if (absl::IsNotFound(reader.status())) return reply(FileNotFound());
  if (!reader.ok()) return reply(StorageFault(reader.status()));
  v1::DownloadHeader header;
  v1::File& file = *header.mutable_file();
  file.set_id(row->file.id());
  file.set_filename(StrCat("preview-", row->preview.sha256.substr(0, kVersionLength), ".webp"));
  file.set_mime_type(row->file.preview().mime_type());
  file.set_size_bytes(row->preview.size_bytes);
  file.set_sha256(row->preview.sha256);
  file.set_width(row->file.preview().width());
  file.set_height(row->file.preview().height());
  header.set_length(row->preview.size_bytes);
  reply(std::shared_ptr<FrameSource>(
      FileDownload::Open(std::move(header), *std::move(reader), deps_.clock, deps_.executor,
                         DownloadFramesOf<v1::GetPreviewResponse>())));
}

void FileService::GetFileMeta(CallContext& context, const v1::GetFileMetaRequest& request,
                              Reply<v1::GetFileMetaResponse> reply) {
  auto row = ReadFileRow(deps_.store, context.caller, request.file_id());
  if (!row.ok()) return reply(row.status());
  v1::GetFileMetaResponse response;
  *response.mutable_file() = std::move(row->file);
  reply(std::move(response));
}

}  // namespace heim
