// What sending, editing and ending a stream share: root of a thread, mentions, attachments, the
// events of a message. Functions over a transaction; same thread as the transaction.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/service/access.h"
#include "server/service/membership.h"
#include "server/service/mentioning.h"
#include "server/store/store.h"

namespace heim {

// The root that a reply belongs to: the message itself, or its root when it is a reply. It must lie
// in the channel and in the caller's history; MESSAGE_NOT_FOUND otherwise.
absl::StatusOr<MessageId> ThreadRoot(ReadTx& tx, const ChannelAccess& access,
                                     const MessageId& named);

// Fills the facts of the attachments and links the files to the message. The files must be the
// author's own uploads: FILE_NOT_FOUND otherwise.
absl::Status LinkAttachments(WriteTx& tx, const WorkspaceId& workspace, v1::Message* message);

// Links the files that the parts show, so that whoever reads the message can read them.
// FILE_NOT_FOUND when one is not the author's own upload; the others are linked. What the message
// showed `before` (null: there is none) stays linked, and may be gone meanwhile.
absl::Status LinkFileParts(WriteTx& tx, const WorkspaceId& workspace, const v1::Message* before,
                           const v1::Message& message);

// Emits message.new, and for a reply counts it into its root, emits message.updated of the root and
// makes those follow whom the reply concerns. `presence` says whom @here calls; without it nobody.
absl::Status EmitNewMessage(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                            const v1::Message& message, const PresenceBook* presence = nullptr);

// Turns the message into a tombstone: rows, files, reactions, versions, its pin, saved items,
// forwarded copies, earlier events and kept answers lose its text; emits message.deleted. Answers
// the tombstone. The bytes of files and the last of many copies go after the commit (BlobSweeper,
// EraseLeftCopies).
absl::StatusOr<v1::Message> EraseMessage(WriteTx& tx, const Acting& acting,
                                         const WorkspaceId& workspace, const v1::Message& message);

}  // namespace heim
