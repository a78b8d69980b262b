// Drafts inside a transaction: rows and events together, the same for every call that writes or
// throws one away. Functions over a WriteTx; same thread as the transaction. Rights were checked by
// the caller.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/repeated_field.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/message_drafts.h"
#include "server/store/store.h"

namespace heim {

// Throws the draft away and emits draft.deleted. False, and no event, when there is none.
absl::StatusOr<bool> ThrowAwayDraft(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                                    const DraftPlace& place);

// Fills what is shown of files that are not sent yet. They must be the author's own uploads in the
// workspace: FILE_NOT_FOUND otherwise.
absl::Status FillUnsentAttachments(ReadTx& tx, const WorkspaceId& workspace, const ActorId& author,
                                   google::protobuf::RepeatedPtrField<v1::Attachment>* attachments);

}  // namespace heim
