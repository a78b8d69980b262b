// What messages, drafts and scheduled messages show of a file, and how they learn that it has a
// preview or is gone. Functions over a transaction; same thread as the transaction. Rights were
// checked by the caller.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/file.pb.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// Makes the attachment show the file, and nothing that a client said of it.
void FillAttachment(const v1::File& file, v1::Attachment* attachment);

// Brings messages up to date that show a file as it was, at most `limit` of them: of this file, or
// with an empty one of any. Emits message.updated for each that changes; revisions stay. How many
// were looked at.
absl::StatusOr<uint32_t> RefreshAttachments(WriteTx& tx, const FileId& file, absl::Time now,
                                            uint32_t limit);

// Takes a file that is deleted out of its uploader's drafts, and marks it in scheduled messages,
// which will not be sent with it. Emits draft.updated, draft.deleted, scheduled_message.updated.
absl::Status TakeFromUnsent(WriteTx& tx, const FileRow& row, absl::Time now);

}  // namespace heim
