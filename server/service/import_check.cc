#include "server/service/import_check.h"

#include <utility>

#include "absl/hash/hash.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/service/channel_writes.h"

namespace heim {
namespace {

uint64_t HashOfId(ImportedKind kind, std::string_view id) {
  return absl::HashOf(static_cast<int>(kind), ToAbsl(id));
}

std::string KeyOf(ImportedKind kind, std::string_view id) {
  return StrCat(kind == ImportedKind::kActor ? "a" : "c", id);
}

}  // namespace

bool ImportChecker::Seen(ImportedKind kind, std::string_view id) const {
  const auto& set = kind == ImportedKind::kMessage ? messages_ : seen_;
  return set.contains(HashOfId(kind, id));
}

void ImportChecker::See(ImportedKind kind, std::string_view id) {
  (kind == ImportedKind::kMessage ? messages_ : seen_).insert(HashOfId(kind, id));
}

ImportChecker::Fate ImportChecker::NewUnlessKnown(ReadTx& tx, ImportedKind kind,
                                                  std::string_view id) {
  HEIM_ASSIGN_OR_RETURN(const std::string known, known_.Find(tx, kind, id));
  const bool twice = Seen(kind, id);
  See(kind, id);
  return known.empty() && !twice ? Created() : Matched();
}

ImportChecker::Fate ImportChecker::Check(ReadTx& tx, const PreparedRecord& prepared) {
  const v1::ExportRecord& record = prepared.record;
  switch (record.record_case()) {
    case v1::ExportRecord::kHeader:
      return Matched();
    case v1::ExportRecord::kActor:
      return CheckActor(tx, prepared);
    case v1::ExportRecord::kEmoji:
      return CheckPicture(tx, prepared);
    case v1::ExportRecord::kGroup:
      return NewUnlessKnown(tx, ImportedKind::kGroup, record.group().id());
    case v1::ExportRecord::kChannel:
      return CheckChannel(tx, record.channel());
    case v1::ExportRecord::kMember:
      return CheckMember(tx, record.member());
    case v1::ExportRecord::kFile:
      if (!prepared.file.has_value()) return Skipped(prepared.problem);
      return NewUnlessKnown(tx, ImportedKind::kFile, record.file().file().id());
    case v1::ExportRecord::kMessage:
      return CheckMessage(tx, record.message());
    case v1::ExportRecord::kVersion:
      return CheckFollowing(record.version().message_id(), "");
    case v1::ExportRecord::kReaction:
      return CheckFollowing(record.reaction().message_id(), record.reaction().actor_id());
    case v1::ExportRecord::kPin:
      if (!Seen(ImportedKind::kMessage, record.pin().message_id())) {
        return Skipped("a pin of a message that is not in its channel");
      }
      return Created();
    case v1::ExportRecord::kBookmark:
      if (!Seen(ImportedKind::kChannel, record.bookmark().channel_id())) {
        return Skipped("a bookmark of no channel");
      }
      return NewUnlessKnown(tx, ImportedKind::kBookmark, record.bookmark().id());
    case v1::ExportRecord::kWorkspace:
      return take_settings_ ? Created() : Matched();
    default:
      return Skipped("a record that is one person's own");
  }
}

ImportChecker::Fate ImportChecker::CheckActor(ReadTx& tx, const PreparedRecord& prepared) {
  const v1::ExportActor& record = prepared.record.actor();
  const v1::ActorType type = record.actor().type();
  if (type != v1::ACTOR_TYPE_HUMAN && type != v1::ACTOR_TYPE_AGENT) {
    return Skipped("an actor that is neither a person nor an agent");
  }
  HEIM_ASSIGN_OR_RETURN(std::string here,
                        known_.Find(tx, ImportedKind::kActor, record.actor().id()));
  if (here.empty()) {
    HEIM_ASSIGN_OR_RETURN(here, MatchActor(tx, known_.workspace(), record));
  }
  See(ImportedKind::kActor, record.actor().id());
  if (here.empty()) return Created(prepared.problem);
  matched_[KeyOf(ImportedKind::kActor, record.actor().id())] = here;
  return Matched();
}

ImportChecker::Fate ImportChecker::CheckPicture(ReadTx& tx, const PreparedRecord& prepared) {
  const absl::StatusOr<std::string> name = CustomEmojiName(prepared.record.emoji().emoji().name());
  if (!name.ok()) return Skipped("an emoji whose name is not taken");
  HEIM_ASSIGN_OR_RETURN(const bool there, tx.custom_emoji.Exists(known_.workspace(), *name));
  if (there) return Matched();
  if (prepared.pictures.empty()) return Skipped("an emoji without a picture");
  return Created();
}

ImportChecker::Fate ImportChecker::CheckChannel(ReadTx& tx, const v1::ExportChannel& record) {
  const v1::Channel& channel = record.channel();
  messages_.clear();
  for (const std::string& id : record.direct_member_ids()) {
    if (!Seen(ImportedKind::kActor, id)) {
      return Skipped("a direct conversation of somebody who was not taken over");
    }
  }
  const bool direct = IsDirect(channel.type());
  if (!direct && channel.type() != v1::CHANNEL_TYPE_PUBLIC &&
      channel.type() != v1::CHANNEL_TYPE_PRIVATE) {
    return Skipped("a channel of no known kind");
  }
  if (direct && record.direct_member_ids().empty()) {
    return Skipped("a direct conversation of nobody");
  }
  HEIM_ASSIGN_OR_RETURN(std::string here, known_.Find(tx, ImportedKind::kChannel, channel.id()));
  if (here.empty()) {
    HEIM_ASSIGN_OR_RETURN(here, MatchChannel(tx, known_.workspace(), channel));
  }
  See(ImportedKind::kChannel, channel.id());
  if (here.empty()) return Created();
  matched_[KeyOf(ImportedKind::kChannel, channel.id())] = here;
  return Matched();
}

ImportChecker::Fate ImportChecker::CheckMember(ReadTx& tx, const v1::Member& member) {
  if (!Seen(ImportedKind::kChannel, member.channel_id()) ||
      !Seen(ImportedKind::kActor, member.actor().id())) {
    return Skipped("a member that was not taken over");
  }
  const auto channel = matched_.find(KeyOf(ImportedKind::kChannel, member.channel_id()));
  const auto actor = matched_.find(KeyOf(ImportedKind::kActor, member.actor().id()));
  if (channel == matched_.end() || actor == matched_.end()) return Created();
  HEIM_ASSIGN_OR_RETURN(const bool there,
                        tx.members.Has(ChannelId(channel->second), ActorId(actor->second)));
  return there ? Matched() : Created();
}

ImportChecker::Fate ImportChecker::CheckMessage(ReadTx& tx, const v1::Message& message) {
  message_ = message.id();
  message_fate_ = RecordFate::Kind::kSkipped;
  if (!Seen(ImportedKind::kChannel, message.channel_id())) {
    return Skipped("a message of a channel that was not taken over");
  }
  if (!Seen(ImportedKind::kActor, message.actor().id())) {
    return Skipped("a message of somebody who was not taken over");
  }
  if (message.has_thread_id() && !Seen(ImportedKind::kMessage, message.thread_id())) {
    return Skipped("a reply to a message that was not taken over");
  }
  v1::Message checked = message;
  if (const absl::Status status = CheckImportedMessage(&checked); !status.ok()) {
    return Skipped(std::string(ToStd(status.message())));
  }
  HEIM_ASSIGN_OR_RETURN(RecordFate fate, NewUnlessKnown(tx, ImportedKind::kMessage, message.id()));
  message_fate_ = fate.kind;
  return fate;
}

ImportChecker::Fate ImportChecker::CheckFollowing(std::string_view message_id,
                                                  std::string_view actor_id) {
  if (message_id != message_) return Skipped("it does not follow its message");
  if (message_fate_ == RecordFate::Kind::kSkipped) {
    return Skipped("its message was not taken over");
  }
  if (!actor_id.empty() && !Seen(ImportedKind::kActor, actor_id)) {
    return Skipped("a reaction of somebody who was not taken over");
  }
  return message_fate_ == RecordFate::Kind::kCreated ? Created() : Matched();
}

}  // namespace heim
