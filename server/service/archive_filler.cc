#include "server/service/archive_filler.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {
namespace {

constexpr uint64_t kCopyBytes = 64u << 10;
constexpr uint32_t kReactionPage = 500;
constexpr uint32_t kVersionsAll = 1000;

uint64_t HashOfId(std::string_view kind, std::string_view id) {
  return absl::HashOf(ToAbsl(kind), ToAbsl(id));
}

v1::ActorRef IdAlone(const v1::ActorRef& actor) {
  v1::ActorRef ref;
  ref.set_id(actor.id());
  return ref;
}

// The message without what other records say, or what only this server knows.
void MakePortable(v1::Message* message) {
  *message->mutable_actor() = IdAlone(message->actor());
  if (message->has_forward()) {
    *message->mutable_forward()->mutable_actor() = IdAlone(message->forward().actor());
  }
  message->clear_reactions();
  message->clear_thread();
  message->clear_stream_id();
  message->clear_client_id();
  for (v1::Attachment& attachment : *message->mutable_attachments()) attachment.clear_preview();
}

}  // namespace

absl::Status ArchiveFiller::AddActor(ReadTx& tx, const ActorId& id) {
  if (id.empty() || !added_.insert(HashOfId("actor", id.str())).second) return absl::OkStatus();
  absl::StatusOr<v1::Actor> actor = tx.actors.Get(id);
  if (absl::IsNotFound(actor.status())) return absl::OkStatus();
  if (!actor.ok()) return actor.status();
  if (!owner_.empty() && id != owner_) {
    v1::Actor& named = *Add().mutable_actor()->mutable_actor();
    named.set_id(actor->id());
    named.set_type(actor->type());
    named.set_username(actor->username());
    named.set_display_name(actor->display_name());
    return absl::OkStatus();
  }
  if (actor->has_agent()) {
    HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(actor->agent().owner_id())));
    HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(actor->agent().reports_to_id())));
  }
  return AddProfile(tx, *std::move(actor));
}

absl::Status ArchiveFiller::AddProfile(ReadTx& tx, v1::Actor actor) {
  const ActorId id(actor.id());
  v1::ExportActor added;
  HEIM_ASSIGN_OR_RETURN(const std::optional<ExportedMember> member,
                        tx.exports.MemberOf(workspace_, id));
  if (member.has_value()) {
    if (!member->email.empty()) added.set_email(member->email);
    added.set_role(member->role);
    *added.mutable_joined_at() = ToTimestamp(member->joined_at);
  }
  HEIM_ASSIGN_OR_RETURN(const std::optional<AvatarRow> avatar, tx.avatars.Get(id));
  if (avatar.has_value()) {
    added.set_picture_path(StrCat("avatars/", id.str()));
    files_.push_back({added.picture_path(), avatar->large.blob_key});
    actor.clear_avatar_url();
  }
  actor.clear_presence();
  if (actor.has_agent()) actor.mutable_agent()->clear_activity();
  *added.mutable_actor() = std::move(actor);
  *Add().mutable_actor() = std::move(added);
  return absl::OkStatus();
}

absl::Status ArchiveFiller::AddEmoji(const EmojiRow& row) {
  v1::ExportEmoji& added = *Add().mutable_emoji();
  *added.mutable_emoji() = row.emoji;
  added.mutable_emoji()->clear_url();
  added.mutable_emoji()->clear_workspace_id();
  added.set_picture_path(StrCat("emoji/", row.emoji.id()));
  files_.push_back({added.picture_path(), row.picture.blob_key});
  return absl::OkStatus();
}

absl::Status ArchiveFiller::AddFile(ReadTx& tx, const FileId& id) {
  if (id.empty() || !added_.insert(HashOfId("file", id.str())).second) return absl::OkStatus();
  absl::StatusOr<FileRow> row = tx.files.Get(id);
  if (absl::IsNotFound(row.status())) return absl::OkStatus();
  if (!row.ok()) return row.status();
  HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(row->file.actor_id())));
  v1::ExportFile& added = *Add().mutable_file();
  added.set_path(StrCat("files/", id.str()));
  added.set_hidden(row->hidden);
  files_.push_back({added.path(), row->blob_key});
  *added.mutable_file() = std::move(row->file);
  added.mutable_file()->clear_preview();
  return absl::OkStatus();
}

absl::Status ArchiveFiller::AddNamed(ReadTx& tx, const v1::Message& message) {
  HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(message.actor().id())));
  for (const v1::Mention& mention : message.mentions()) {
    HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(mention.actor_id())));
  }
  HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(message.quote().actor_id())));
  HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(message.forward().actor().id())));
  for (const v1::Attachment& attachment : message.attachments()) {
    if (attachment.has_deleted_at()) continue;
    HEIM_RETURN_IF_ERROR(AddFile(tx, FileId(attachment.file_id())));
  }
  for (const v1::Part& part : message.parts()) {
    if (part.has_file()) HEIM_RETURN_IF_ERROR(AddFile(tx, FileId(part.file().file_id())));
  }
  for (const v1::LinkPreview& preview : message.previews()) {
    HEIM_RETURN_IF_ERROR(AddFile(tx, FileId(preview.image_file_id())));
  }
  return absl::OkStatus();
}

absl::Status ArchiveFiller::AddMessage(ReadTx& tx, v1::Message message, Reactions reactions) {
  HEIM_RETURN_IF_ERROR(AddNamed(tx, message));
  const bool reacted = message.reactions_size() != 0 && reactions == Reactions::kAll;
  MakePortable(&message);
  *Add().mutable_message() = message;
  if (message.revision() > 1 && !message.has_deleted_at()) {
    HEIM_RETURN_IF_ERROR(AddVersions(tx, message));
  }
  return reacted ? AddReactions(tx, message) : absl::OkStatus();
}

absl::Status ArchiveFiller::AddVersions(ReadTx& tx, const v1::Message& message) {
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::MessageVersion> versions,
                        tx.messages.ListVersions(message, message.revision(), kVersionsAll));
  std::reverse(versions.begin(), versions.end());
  for (v1::MessageVersion& version : versions) {
    v1::ExportMessageVersion& added = *Add().mutable_version();
    added.set_message_id(message.id());
    *added.mutable_version() = std::move(version);
  }
  return absl::OkStatus();
}

absl::Status ArchiveFiller::AddReactions(ReadTx& tx, const v1::Message& message) {
  uint64_t after = 0;
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<PlacedReaction> page,
                          tx.reactions.List(MessageId(message.id()), "", after, kReactionPage));
    for (const PlacedReaction& placed : page) {
      HEIM_RETURN_IF_ERROR(AddActor(tx, ActorId(placed.reaction.actor().id())));
      v1::ExportReaction& added = *Add().mutable_reaction();
      added.set_message_id(message.id());
      added.set_emoji(placed.reaction.emoji());
      added.set_actor_id(placed.reaction.actor().id());
      *added.mutable_created_at() = placed.reaction.created_at();
      after = placed.place;
    }
    if (page.size() < kReactionPage) return absl::OkStatus();
  }
}

absl::StatusOr<bool> ArchiveFiller::Drain(std::string* out) {
  if (reader_ != nullptr) {
    HEIM_RETURN_IF_ERROR(CopySome(out));
    return true;
  }
  if (!records_.empty()) {
    for (const v1::ExportRecord& record : records_) writer_.Add(record, out);
    records_.clear();
    return true;
  }
  if (files_.empty()) return false;
  HEIM_RETURN_IF_ERROR(OpenNext(out));
  return true;
}

absl::Status ArchiveFiller::OpenNext(std::string* out) {
  const Bytes next = std::move(files_.front());
  files_.pop_front();
  auto reader = blobs_.Open(next.blob_key);
  // Deleted since its row was read: its record stays without bytes.
  if (absl::IsNotFound(reader.status())) return absl::OkStatus();
  if (!reader.ok()) return reader.status();
  reader_ = *std::move(reader);
  copied_ = 0;
  writer_.BeginFile(next.path, reader_->size(), out);
  if (reader_->size() == 0) reader_.reset();
  return absl::OkStatus();
}

absl::Status ArchiveFiller::CopySome(std::string* out) {
  const uint64_t size = reader_->size();
  const uint64_t wanted = std::min(kCopyBytes, size - copied_);
  absl::StatusOr<std::string> bytes = reader_->Read(copied_, static_cast<size_t>(wanted));
  if (!bytes.ok() || bytes->size() != wanted) {
    LogError("A file could not be read for an export", {{"error", bytes.status()}});
    return absl::InternalError("a file's bytes are not there");
  }
  out->append(*bytes);
  copied_ += wanted;
  if (copied_ < size) return absl::OkStatus();
  writer_.EndFile(size, out);
  reader_.reset();
  return absl::OkStatus();
}

}  // namespace heim
