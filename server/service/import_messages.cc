// The part of ImportWriter that is about messages, their versions, reactions and files.
#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/content.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/time.h"
#include "server/model/validate.h"
#include "server/service/access.h"
#include "server/service/file_links.h"
#include "server/service/import_writer.h"

namespace heim {
namespace {

// The record cannot be taken, for this reason.
absl::Status NotTaken(std::string_view why) {
  return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, why);
}

// What a message may be in all: text, parts, free data, and what is around them.
constexpr size_t kMessageMaxBytes =
    kMessageContentMaxBytes + kMessageHiddenMaxBytes + 4 * kMetadataMaxBytes;
constexpr int kPreviewsMax = 10;

// Previews are what a server says, so the archive's are looked at as a stranger's.
void KeepGoodPreviews(v1::Message* message) {
  google::protobuf::RepeatedPtrField<v1::LinkPreview> good;
  for (const v1::LinkPreview& preview : message->previews()) {
    if (good.size() == kPreviewsMax) break;
    if (IsHttpUri(preview.url())) *good.Add() = preview;
  }
  *message->mutable_previews() = std::move(good);
}

void MakeTombstone(v1::Message* message) {
  message->clear_content();
  message->clear_parts();
  message->clear_attachments();
  message->clear_metadata();
  message->clear_mentions();
  message->clear_quote();
  message->clear_forward();
  message->clear_previews();
  message->set_content_type(v1::CONTENT_TYPE_TEXT);
}

}  // namespace

absl::Status CheckImportedMessage(v1::Message* message) {
  if (message->revision() == 0) message->set_revision(1);
  if (message->state() != v1::MESSAGE_STATE_INTERRUPTED) {
    message->set_state(message->state() == v1::MESSAGE_STATE_STREAMING
                           ? v1::MESSAGE_STATE_INTERRUPTED
                           : v1::MESSAGE_STATE_FINAL);
  }
  if (message->content_type() == v1::CONTENT_TYPE_UNSPECIFIED) {
    message->set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  }
  if (message->has_deleted_at()) {
    MakeTombstone(message);
    return absl::OkStatus();
  }
  message->clear_reactions();
  message->clear_thread();
  message->clear_stream_id();
  message->clear_client_id();
  const bool empty_is_good = message->content_type() == v1::CONTENT_TYPE_SYSTEM ||
                             message->state() == v1::MESSAGE_STATE_INTERRUPTED ||
                             message->has_forward();
  KeepGoodPreviews(message);
  if (message->ByteSizeLong() > kMessageMaxBytes) return NotTaken("a message that is too large");
  if (message->state() == v1::MESSAGE_STATE_FINAL) {
    HEIM_RETURN_IF_ERROR(CheckPartReferences(*message));
  }
  const absl::Status normal = NormalizeMessageContent(message);
  const bool empty = ReasonOf(normal) == v1::ERROR_REASON_CONTENT_EMPTY;
  return empty && empty_is_good ? absl::OkStatus() : normal;
}

ImportWriter::Fate ImportWriter::WriteFile(const PreparedRecord& prepared) {
  const v1::File& given = prepared.record.file().file();
  HEIM_ASSIGN_OR_RETURN(const std::string known, known_.Find(tx_, ImportedKind::kFile, given.id()));
  if (!known.empty()) return Matched();
  if (!prepared.file.has_value()) {
    return Skipped(prepared.problem.empty() ? "a file without bytes" : prepared.problem);
  }
  FileRow row = *prepared.file;
  row.workspace_id = known_.workspace();
  HEIM_ASSIGN_OR_RETURN(const std::string by, ActorOr(given.actor_id(), order_.by));
  row.file.set_actor_id(by);
  *row.file.mutable_created_at() = TimeOr(given.has_created_at(), given.created_at());
  // The message that shows it comes soon, or never.
  row.sweep_at = order_.now + absl::Hours(24);
  HEIM_RETURN_IF_ERROR(tx_.files.Insert(row));
  HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kFile, given.id(), row.file.id()));
  return Created();
}

absl::Status ImportWriter::TranslateMentions(v1::Message* message) {
  google::protobuf::RepeatedPtrField<v1::Mention> kept;
  const size_t length = Utf8Length(message->content());
  for (const v1::Mention& mention : message->mentions()) {
    if (static_cast<size_t>(kept.size()) == kMentionsMax) break;
    if (size_t{mention.start()} + mention.length() > length) continue;
    v1::Mention translated = mention;
    if (mention.type() == v1::MENTION_TYPE_ACTOR) {
      HEIM_ASSIGN_OR_RETURN(const std::string actor,
                            known_.Find(tx_, ImportedKind::kActor, mention.actor_id()));
      if (actor.empty()) continue;
      translated.set_actor_id(actor);
    } else if (mention.type() == v1::MENTION_TYPE_GROUP) {
      HEIM_ASSIGN_OR_RETURN(const std::string group,
                            known_.Find(tx_, ImportedKind::kGroup, mention.group_id()));
      if (group.empty()) continue;
      translated.set_group_id(group);
    }
    *kept.Add() = std::move(translated);
  }
  *message->mutable_mentions() = std::move(kept);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ImportWriter::TranslateFiles(v1::Message* message) {
  std::string problem;
  google::protobuf::RepeatedPtrField<v1::Attachment> attachments;
  for (const v1::Attachment& given : message->attachments()) {
    HEIM_ASSIGN_OR_RETURN(const std::string file,
                          known_.Find(tx_, ImportedKind::kFile, given.file_id()));
    v1::Attachment attachment;
    if (!file.empty()) {
      const auto row = tx_.files.Get(FileId(file));
      if (row.ok()) {
        attachment.set_file_id(file);
        FillAttachment(row->file, &attachment);
      } else if (!absl::IsNotFound(row.status())) {
        return row.status();
      }
    }
    if (attachment.file_id().empty() && given.has_deleted_at()) {
      attachment.set_file_id(ids_.NewId());
      attachment.set_filename(given.filename());
      *attachment.mutable_deleted_at() = given.deleted_at();
    }
    if (attachment.file_id().empty()) {
      problem = "a file that it shows was left out";
      continue;
    }
    *attachments.Add() = std::move(attachment);
  }
  *message->mutable_attachments() = std::move(attachments);

  google::protobuf::RepeatedPtrField<v1::Part> parts;
  for (const v1::Part& given : message->parts()) {
    v1::Part part = given;
    if (part.has_file()) {
      HEIM_ASSIGN_OR_RETURN(const std::string file,
                            known_.Find(tx_, ImportedKind::kFile, part.file().file_id()));
      if (file.empty()) problem = "a file that it shows was left out";
      if (file.empty()) continue;
      part.mutable_file()->set_file_id(file);
    }
    *parts.Add() = std::move(part);
  }
  *message->mutable_parts() = std::move(parts);
  for (v1::LinkPreview& preview : *message->mutable_previews()) {
    HEIM_ASSIGN_OR_RETURN(const std::string file,
                          known_.Find(tx_, ImportedKind::kFile, preview.image_file_id()));
    if (!file.empty()) preview.set_image_file_id(file);
    if (!file.empty()) continue;
    preview.clear_image_file_id();
    preview.clear_image_width();
    preview.clear_image_height();
  }
  return problem;
}

// What is quoted or forwarded may come later in the archive: its id is kept for it.
absl::Status ImportWriter::TranslateQuoted(v1::Message* message) {
  if (message->has_quote()) {
    v1::Quote& quote = *message->mutable_quote();
    HEIM_ASSIGN_OR_RETURN(const std::string channel,
                          known_.Find(tx_, ImportedKind::kChannel, quote.channel_id()));
    HEIM_ASSIGN_OR_RETURN(const std::string id,
                          known_.Reserve(tx_, quote.message_id(), ids_.NewId()));
    HEIM_ASSIGN_OR_RETURN(const std::string actor,
                          known_.Find(tx_, ImportedKind::kActor, quote.actor_id()));
    quote.set_channel_id(channel);
    quote.set_message_id(id);
    quote.set_actor_id(actor);
  }
  if (!message->has_forward()) return absl::OkStatus();
  v1::Forward& forward = *message->mutable_forward();
  HEIM_ASSIGN_OR_RETURN(const std::string actor,
                        known_.Find(tx_, ImportedKind::kActor, forward.actor().id()));
  forward.clear_actor();
  if (!actor.empty()) {
    HEIM_ASSIGN_OR_RETURN(*forward.mutable_actor(), tx_.actors.GetRef(ActorId(actor)));
  }
  HEIM_ASSIGN_OR_RETURN(const std::string id,
                        known_.Reserve(tx_, forward.message_id(), ids_.NewId()));
  forward.set_message_id(id);
  if (forward.content().size() > kMessageContentMaxBytes) return NotTaken("a forward too long");
  return absl::OkStatus();
}

absl::Status ImportWriter::TranslateThread(const std::string& channel, v1::Message* message) {
  if (!message->has_thread_id()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const std::string root,
                        known_.Find(tx_, ImportedKind::kMessage, message->thread_id()));
  if (root.empty()) return NotTaken("a reply to a message that was not taken over");
  message->set_thread_id(root);
  if (threads_.contains(root) && threads_[root].channel == channel) return absl::OkStatus();
  const auto row = tx_.messages.Get(MessageId(root));
  if (absl::IsNotFound(row.status())) return NotTaken("the message it replies to is gone here");
  if (!row.ok()) return row.status();
  if (row->channel_id() != channel || row->has_thread_id()) {
    return NotTaken("a reply to a message of another channel, or to a reply");
  }
  const uint64_t last = row->thread().last_reply_seq();
  threads_[root] = {channel, last, last};
  return absl::OkStatus();
}

absl::StatusOr<ImportWriter::ChannelEnd*> ImportWriter::EndOf(const std::string& channel) {
  const auto found = channels_.find(channel);
  if (found != channels_.end()) return &found->second;
  HEIM_ASSIGN_OR_RETURN(const v1::Channel row, tx_.channels.Get(ChannelId(channel)));
  ChannelEnd end = {row.last_seq(), row.last_seq(), row.workspace_id(), row.type()};
  return &channels_.emplace(channel, end).first->second;
}

absl::StatusOr<std::string> ImportWriter::Translate(v1::Message* message) {
  HEIM_ASSIGN_OR_RETURN(const std::string channel,
                        known_.Find(tx_, ImportedKind::kChannel, message->channel_id()));
  if (channel.empty()) return NotTaken("a message of a channel that was not taken over");
  HEIM_ASSIGN_OR_RETURN(const std::string author,
                        known_.Find(tx_, ImportedKind::kActor, message->actor().id()));
  if (author.empty()) return NotTaken("a message of somebody who was not taken over");
  const auto end = EndOf(channel);
  if (absl::IsNotFound(end.status())) return NotTaken("the channel was deleted here");
  if (!end.ok()) return end.status();
  message->set_channel_id(channel);
  HEIM_ASSIGN_OR_RETURN(*message->mutable_actor(), tx_.actors.GetRef(ActorId(author)));
  HEIM_RETURN_IF_ERROR(TranslateThread(channel, message));
  HEIM_RETURN_IF_ERROR(TranslateMentions(message));
  HEIM_ASSIGN_OR_RETURN(std::string problem, TranslateFiles(message));
  HEIM_RETURN_IF_ERROR(CheckImportedMessage(message));
  HEIM_RETURN_IF_ERROR(TranslateQuoted(message));
  message->set_seq((*end)->now + 1);
  return problem;
}

ImportWriter::Fate ImportWriter::WriteMessage(const PreparedRecord& prepared) {
  const v1::Message& given = prepared.record.message();
  HEIM_ASSIGN_OR_RETURN(const std::string known,
                        known_.Find(tx_, ImportedKind::kMessage, given.id()));
  *current_ = {given.id(), known, false};
  if (!known.empty()) return Matched();
  v1::Message message = given;
  const absl::StatusOr<std::string> problem = Translate(&message);
  if (!problem.ok()) {
    if (ReasonOf(problem.status()) == v1::ERROR_REASON_STORE_UNAVAILABLE ||
        ReasonOf(problem.status()) == v1::ERROR_REASON_UNSPECIFIED) {
      return problem.status();
    }
    return Skipped(std::string(ToStd(problem.status().message())));
  }
  HEIM_ASSIGN_OR_RETURN(const std::string reserved, known_.Reserved(tx_, given.id()));
  message.set_id(reserved.empty() ? prepared.new_id : reserved);
  *message.mutable_created_at() = TimeOr(given.has_created_at(), given.created_at());
  if (const absl::Status valid = Validate(message); !valid.ok()) {
    return Skipped(StrCat("a message that is not taken: ", ToStd(valid.message())));
  }
  HEIM_RETURN_IF_ERROR(InsertMessage(message));
  HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kMessage, given.id(), message.id()));
  *current_ = {given.id(), message.id(), true};
  return Created(*problem);
}

absl::Status ImportWriter::InsertMessage(const v1::Message& message) {
  const MessageId id(message.id());
  const ChannelId channel(message.channel_id());
  HEIM_ASSIGN_OR_RETURN(const uint64_t next, tx_.PeekPosition(known_.workspace()));
  // Of no event: of what was there before.
  const uint64_t position = next - 1;
  HEIM_RETURN_IF_ERROR(tx_.messages.Insert(message, known_.workspace(), position));
  HEIM_ASSIGN_OR_RETURN(ChannelEnd* const end, EndOf(message.channel_id()));
  end->now = message.seq();
  for (const v1::Attachment& attachment : message.attachments()) {
    if (attachment.has_deleted_at()) continue;
    HEIM_RETURN_IF_ERROR(tx_.files.LinkToMessage(FileId(attachment.file_id()), id, channel));
  }
  for (const v1::Part& part : message.parts()) {
    if (!part.has_file()) continue;
    HEIM_RETURN_IF_ERROR(tx_.files.LinkToMessage(FileId(part.file().file_id()), id, channel));
  }
  for (const v1::LinkPreview& preview : message.previews()) {
    if (!preview.has_image_file_id()) continue;
    HEIM_RETURN_IF_ERROR(tx_.files.LinkToMessage(FileId(preview.image_file_id()), id, channel));
  }
  if (message.has_forward() && !message.forward().has_deleted_at()) {
    HEIM_RETURN_IF_ERROR(tx_.forwards.Add(MessageId(message.forward().message_id()), id));
  }
  if (!message.has_thread_id() || message.has_deleted_at()) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(tx_.messages.AddReply(MessageId(message.thread_id()), message, position));
  threads_[message.thread_id()].now = message.seq();
  return absl::OkStatus();
}

ImportWriter::Fate ImportWriter::WriteVersion(const PreparedRecord& prepared) {
  const v1::ExportMessageVersion& given = prepared.record.version();
  if (given.message_id() != current_->external_id) return Skipped("a version of no message");
  if (current_->id.empty()) return Skipped("a version of a message that was not taken over");
  if (!current_->created) return Matched();
  v1::Message said;
  said.set_content(given.version().content());
  said.set_content_type(given.version().content_type());
  *said.mutable_parts() = given.version().parts();
  HEIM_RETURN_IF_ERROR(TranslateFiles(&said).status());
  said.set_state(v1::MESSAGE_STATE_INTERRUPTED);
  const absl::Status valid = Validate(said);
  if (!valid.ok() || !CheckImportedMessage(&said).ok() || given.version().revision() == 0) {
    return Skipped("a version that is not taken");
  }
  v1::MessageVersion version = given.version();
  version.set_content(said.content());
  *version.mutable_parts() = said.parts();
  HEIM_RETURN_IF_ERROR(tx_.imports.InsertVersion(MessageId(current_->id), version));
  return Created();
}

ImportWriter::Fate ImportWriter::WriteReaction(const PreparedRecord& prepared) {
  const v1::ExportReaction& given = prepared.record.reaction();
  if (given.message_id() != current_->external_id) return Skipped("a reaction to no message");
  if (current_->id.empty()) return Skipped("a reaction to a message that was not taken over");
  if (!current_->created) return Matched();
  HEIM_ASSIGN_OR_RETURN(const std::string actor,
                        known_.Find(tx_, ImportedKind::kActor, given.actor_id()));
  if (actor.empty()) return Skipped("a reaction of somebody who was not taken over");
  const absl::StatusOr<std::string> emoji = NormalizeEmoji(given.emoji());
  if (!emoji.ok()) return Skipped("a reaction that is no emoji");
  const MessageId message(current_->id);
  HEIM_ASSIGN_OR_RETURN(const uint32_t same, tx_.reactions.Count(message, *emoji));
  if (same == 0) {
    HEIM_ASSIGN_OR_RETURN(const uint32_t kinds, tx_.reactions.Kinds(message));
    if (kinds >= kReactionKindsMax) return Skipped("the message has all kinds it can have");
    const absl::Status there = CheckEmojiExists(tx_, known_.workspace(), *emoji);
    if (ReasonOf(there) == v1::ERROR_REASON_INVALID_EMOJI) {
      return Skipped("a reaction with an emoji that is not there");
    }
    HEIM_RETURN_IF_ERROR(there);
  }
  const absl::Time at = FromTimestamp(TimeOr(given.has_created_at(), given.created_at()));
  HEIM_ASSIGN_OR_RETURN(const bool added, tx_.reactions.Add(message, ActorId(actor), *emoji, at));
  return added ? Created() : Matched();
}

}  // namespace heim
