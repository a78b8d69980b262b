#include "server/service/import_writer.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/time.h"

namespace heim {

absl::StatusOr<RecordFate> ImportWriter::Write(const PreparedRecord& prepared) {
  switch (prepared.record.record_case()) {
    case v1::ExportRecord::kHeader:
      return Matched();
    case v1::ExportRecord::kActor:
      return WriteActor(prepared);
    case v1::ExportRecord::kEmoji:
      return WriteEmoji(prepared);
    case v1::ExportRecord::kGroup:
      return WriteGroup(prepared);
    case v1::ExportRecord::kChannel:
      return WriteChannel(prepared);
    case v1::ExportRecord::kMember:
      return WriteMember(prepared);
    case v1::ExportRecord::kFile:
      return WriteFile(prepared);
    case v1::ExportRecord::kMessage:
      return WriteMessage(prepared);
    case v1::ExportRecord::kVersion:
      return WriteVersion(prepared);
    case v1::ExportRecord::kReaction:
      return WriteReaction(prepared);
    case v1::ExportRecord::kPin:
      return WritePin(prepared);
    case v1::ExportRecord::kBookmark:
      return WriteBookmark(prepared);
    case v1::ExportRecord::kWorkspace:
      return WriteWorkspace(prepared);
    default:
      return Skipped("a record that is one person's own");
  }
}

absl::Status ImportWriter::Finish() {
  for (const auto& [channel, end] : channels_) {
    if (end.now == end.before) continue;
    HEIM_RETURN_IF_ERROR(tx_.imports.MoveChannel(ChannelId(channel), end.before, end.now));
  }
  for (const auto& [root, end] : threads_) {
    if (end.now == end.before) continue;
    HEIM_RETURN_IF_ERROR(tx_.imports.MoveThread(
        {known_.workspace(), ChannelId(end.channel), MessageId(root), end.before, end.now}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ImportWriter::ActorOr(std::string_view id, const ActorId& otherwise) {
  HEIM_ASSIGN_OR_RETURN(std::string found, known_.Find(tx_, ImportedKind::kActor, id));
  return found.empty() ? otherwise.str() : found;
}

google::protobuf::Timestamp ImportWriter::TimeOr(bool given,
                                                 const google::protobuf::Timestamp& at) const {
  return given ? at : ToTimestamp(order_.now);
}

absl::StatusOr<bool> ImportWriter::IsWorkspaceMember(const std::string& actor) {
  const auto member = tx_.workspaces.GetMember(known_.workspace(), ActorId(actor));
  if (member.ok()) return true;
  if (absl::IsNotFound(member.status())) return false;
  return member.status();
}

}  // namespace heim
