// What the parts of the repository of files share: columns of a row, states of a preview. For
// files.cc, file_deletion.cc, file_lists.cc and file_previews.cc alone. Pure.
#pragma once

#include "absl/status/status.h"
#include "server/store/files.h"
#include "server/store/sql.h"

namespace heim {

// Of the table called `f`.
#define HEIM_FILE_COLUMNS \
  "f.workspace_id, f.blob_key, f.body, f.hidden, f.preview_key, f.preview_bytes, f.preview_sha256"
inline constexpr int kFileColumns = 7;

inline constexpr int kPreviewUnlooked = 0;
inline constexpr int kPreviewNone = 1;
inline constexpr int kPreviewMade = 2;

// From the first seven columns.
absl::Status ReadFileRow(const SqlRow& row, FileRow* file);

}  // namespace heim
