#include "server/transfer/chats/slack_messages.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/transfer/chats/message_text.h"

namespace heim {
namespace {

using google::protobuf::Value;

constexpr size_t kPathMaxBytes = 255;

// What Slack says by itself: who came and went, what was renamed, calls and edits of the log.
constexpr std::array<std::string_view, 30> kSystemSubtypes = {"bot_add",
                                                              "bot_remove",
                                                              "bot_enable",
                                                              "bot_disable",
                                                              "channel_join",
                                                              "channel_leave",
                                                              "channel_topic",
                                                              "channel_purpose",
                                                              "channel_name",
                                                              "channel_archive",
                                                              "channel_unarchive",
                                                              "channel_convert_to_private",
                                                              "channel_convert_to_public",
                                                              "channel_posting_permissions",
                                                              "channel_canvas_updated",
                                                              "ekm_access_denied",
                                                              "group_archive",
                                                              "group_join",
                                                              "group_leave",
                                                              "group_name",
                                                              "group_purpose",
                                                              "group_topic",
                                                              "group_unarchive",
                                                              "huddle_thread",
                                                              "message_changed",
                                                              "message_deleted",
                                                              "message_replied",
                                                              "pinned_item",
                                                              "reminder_add",
                                                              "sh_room_created"};
constexpr std::array<std::string_view, 3> kMoreSystemSubtypes = {
    "unpinned_item", "joiner_notification_for_inviter", "joiner_notification"};

bool IsSystem(std::string_view subtype) {
  const auto is = [&](const auto& list) {
    return std::find(list.begin(), list.end(), subtype) != list.end();
  };
  return is(kSystemSubtypes) || is(kMoreSystemSubtypes);
}

bool IsAnswered(const JsonObject& message) {
  return !TextOf(message, "thread_ts").empty() &&
         TextOf(message, "thread_ts") == TextOf(message, "ts");
}

bool IsCanvas(const JsonObject& file) {
  const std::string& mode = TextOf(file, "mode");
  const std::string& type = TextOf(file, "filetype");
  return mode == "canvas" || mode == "quip" || type == "canvas" || type == "quip" ||
         mode == "list" || type == "list";
}

// Why the bytes of a file are not to be had, whatever the archive holds; empty: they may be.
std::string_view Lost(const JsonObject& file) {
  const std::string& mode = TextOf(file, "mode");
  if (mode == "tombstone") return "deleted";
  if (mode == "hidden_by_limit") return "hidden by the limits of the plan";
  const std::string& access = TextOf(file, "file_access");
  if (access == "access_denied" || access == "file_not_found") return "not to be had";
  return "";
}

const std::string& FirstText(const JsonObject& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const std::string& text = TextOf(object, key); !text.empty()) return text;
  }
  return TextOf(object, "");
}

}  // namespace

SlackMessages::SlackMessages(const ChatArchiveOptions& options, SlackDirectory* directory,
                             const ArchiveFiles* files, ProblemBook* problems)
    : options_(options), directory_(directory), files_(files), problems_(problems) {}

void SlackMessages::BeginChannel(const std::string& channel_id, const std::string& folder) {
  channel_id_ = channel_id;
  folder_ = folder;
  seen_.clear();
  roots_.clear();
  stand_ins_.clear();
}

std::string SlackMessages::IdOf(int64_t micros) const { return StrCat(channel_id_, ":", micros); }

bool SlackMessages::IsWanted(const JsonObject& message, int64_t micros, const std::string& place) {
  const std::string& subtype = TextOf(message, "subtype");
  // What others answered to stays, so that the answers have a root.
  if (IsSystem(subtype) && !IsAnswered(message)) {
    problems_->Count(StrCat("Messages of Slack itself are left out: ", subtype));
    return false;
  }
  if (FlagOf(message, "hidden")) {
    problems_->Count("Hidden messages are left out");
    return false;
  }
  if (absl::FromUnixMicros(micros) > options_.latest) {
    problems_->Note("A message from the future is left out", place);
    return false;
  }
  if (!seen_.insert(micros).second) {
    problems_->Note("A message that is there twice is taken once", place);
    return false;
  }
  return true;
}

void SlackMessages::AddStranger(const std::string& id, const JsonObject& profile, Records* out) {
  std::optional<v1::ExportRecord> record = directory_->AddStranger(id, profile);
  if (!record.has_value()) return;
  problems_->Note("Somebody who is not among the users is taken over without an account", id);
  out->push_back(*std::move(record));
}

std::string SlackMessages::Author(const JsonObject& message, Records* out) {
  if (const std::string& user = TextOf(message, "user"); IsSlackId(user)) {
    AddStranger(user, ObjectOf(message, "user_profile"), out);
    return user;
  }
  const std::string& shown = TextOf(message, "username");
  const std::string& name =
      shown.empty() ? TextOf(ObjectOf(message, "bot_profile"), "name") : shown;
  std::string bot = TextOf(message, "bot_id");
  if (IsSlackId(bot)) {
    if (std::string user = directory_->UserOfBot(bot); !user.empty()) return user;
  } else {
    // Old integrations have a name and nothing else.
    const std::string like = UsernameLike(name);
    bot = StrCat("unnamed-", like.empty() ? "app" : like);
    std::replace(bot.begin(), bot.end(), '.', '_');
  }
  if (std::optional<v1::ExportRecord> record = directory_->AddBot(bot, name)) {
    out->push_back(*std::move(record));
  }
  return bot;
}

void SlackMessages::PlaceInThread(const JsonObject& message, int64_t micros,
                                  const std::string& place, v1::Message* to) {
  const std::optional<int64_t> thread = SlackTime(TextOf(message, "thread_ts"));
  if (!thread.has_value() || *thread == micros) {
    roots_.insert(micros);
    return;
  }
  if (roots_.contains(*thread)) {
    to->set_thread_id(IdOf(*thread));
    return;
  }
  const auto [at, first] = stand_ins_.try_emplace(*thread, micros);
  if (first) {
    problems_->Note("A reply whose thread is not in the archive begins one of its own", place);
    roots_.insert(micros);
  } else {
    to->set_thread_id(IdOf(at->second));
  }
}

std::string SlackMessages::TextOfMessage(const JsonObject& message) const {
  std::string mrkdwn = TextOf(message, "text");
  if (mrkdwn.empty()) mrkdwn = MrkdwnFromBlocks(ListOf(message, "blocks"));
  std::string text = MarkdownFromMrkdwn(mrkdwn, *directory_);
  if (TextOf(message, "subtype") == "me_message" && !text.empty()) text = StrCat("_", text, "_");
  const std::string quoted = MrkdwnFromAttachments(ListOf(message, "attachments"));
  AddTextLine(MarkdownFromMrkdwn(quoted, *directory_), &text);
  return text;
}

// What OpenFile will find it by; empty: it is not in the archive.
std::string SlackMessages::PathOfFile(const JsonObject& file) const {
  const std::string& id = TextOf(file, "id");
  if (!IsSlackId(id)) return "";
  for (std::string path : {StrCat("__uploads/", id, "/"), StrCat(folder_, "/attachments/", id, "-"),
                           StrCat("attachments/", id, "-"), StrCat("files/", id, "-")}) {
    if (path.size() <= kPathMaxBytes && !files_->Resolve(path).empty()) return path;
  }
  return "";
}

void SlackMessages::AddFiles(const JsonObject& message, const std::string& place, std::string* text,
                             v1::Message* to, Records* out) {
  std::vector<const JsonObject*> files;
  for (const Value& item : ListOf(message, "files").values()) files.push_back(&ObjectOf(item));
  if (files.empty() && !ObjectOf(message, "file").fields().empty()) {
    files.push_back(&ObjectOf(message, "file"));
  }
  std::set<std::string> ids;
  for (const JsonObject* file : files) {
    const std::string name = FileNameLike(FirstText(*file, {"name", "title", "id"}));
    const std::string link = FileLink(name, FirstText(*file, {"permalink", "url_private"}));
    const std::string_view lost = Lost(*file);
    const std::string path = lost.empty() && !IsCanvas(*file) ? PathOfFile(*file) : "";
    if (!lost.empty()) {
      AddTextLine(StrCat("File: ", FileLink(name, ""), " (", lost, ")"), text);
      problems_->Count(StrCat("Files are left out because they are ", lost));
    } else if (path.empty() || to->attachments_size() == kAttachmentsMax) {
      AddTextLine(StrCat("File: ", link), text);
      if (IsCanvas(*file)) {
        problems_->Count("Canvases and lists become links");
      } else if (FlagOf(*file, "is_external") || TextOf(*file, "mode") == "external") {
        problems_->Count("Files that lie elsewhere stay links");
      } else {
        problems_->Note("A file that is not in the archive becomes a link", place, name);
      }
    } else if (std::string id = StrCat(to->id(), "/", TextOf(*file, "id")); ids.insert(id).second) {
      v1::ExportFile* record = out->emplace_back().mutable_file();
      record->set_path(path);
      record->mutable_file()->set_id(id);
      record->mutable_file()->set_filename(name);
      record->mutable_file()->set_actor_id(to->actor().id());
      *record->mutable_file()->mutable_created_at() = to->created_at();
      to->add_attachments()->set_file_id(id);
    }
  }
}

void SlackMessages::AddReactions(const JsonObject& message, const v1::Message& to, Records* out) {
  std::set<std::pair<std::string, std::string>> given;
  std::set<std::string> kinds;
  for (const Value& item : ListOf(message, "reactions").values()) {
    const JsonObject& reaction = ObjectOf(item);
    const std::string& name = TextOf(reaction, "name");
    const auto& users = ListOf(reaction, "users").values();
    const std::string emoji = ReactionLike(name);
    kinds.insert(emoji);
    if (emoji.empty() || kinds.size() > kReactionKindsMax) {
      problems_->Count("Reactions are left out: no emoji that can be here");
      continue;
    }
    if (HasSkinTone(name)) problems_->Count("Reactions lose their skin tone");
    for (const Value& user : users) {
      const std::string& id = user.string_value();
      if (!IsSlackId(id) || !given.emplace(emoji, id).second) continue;
      AddStranger(id, JsonObject::default_instance(), out);
      v1::ExportReaction* record = out->emplace_back().mutable_reaction();
      record->set_message_id(to.id());
      record->set_emoji(emoji);
      record->set_actor_id(id);
      *record->mutable_created_at() = to.created_at();
    }
    const int64_t count = WholeOf(reaction, "count").value_or(0);
    if (count > users.size()) {
      problems_->Count("Reactions are left out: the archive does not say whose they are",
                       static_cast<uint64_t>(count - users.size()));
    }
  }
}

void SlackMessages::Add(const JsonObject& message, int64_t micros, const std::string& place,
                        Records* out) {
  if (!IsWanted(message, micros, place)) return;
  const bool tombstone = TextOf(message, "subtype") == "tombstone";
  v1::ExportRecord record;
  v1::Message* to = record.mutable_message();
  to->set_id(IdOf(micros));
  to->set_channel_id(channel_id_);
  *to->mutable_created_at() = TimestampOfMicros(micros);
  to->mutable_actor()->set_id(Author(message, out));
  std::string text;
  if (tombstone) {
    *to->mutable_deleted_at() = to->created_at();
    to->set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  } else {
    text = TextOfMessage(message);
    AddFiles(message, place, &text, to, out);
  }
  if (text.empty() && to->attachments().empty() && !tombstone) {
    if (!IsAnswered(message)) {
      problems_->Note("A message without text and files is left out", place);
      seen_.erase(micros);
      return;
    }
    text = "_(no text)_";
  }
  if (SetContent(std::move(text), to)) problems_->Note("A long text is cut", place);
  PlaceInThread(message, micros, place, to);
  to->set_revision(1);
  if (const auto edited = SlackTime(TextOf(ObjectOf(message, "edited"), "ts"));
      edited.has_value() && !tombstone) {
    *to->mutable_edited_at() = TimestampOfMicros(std::max(*edited, micros));
    to->set_revision(2);
  }
  if (!tombstone) {
    SetMentions([this](const std::string& name) { return directory_->ActorOf(name); }, to);
    auto& facts = *FactsOf("slack", to)->mutable_fields();
    facts["ts"].set_string_value(TextOf(message, "ts").substr(0, 32));
    if (TextOf(message, "user").empty() && !TextOf(message, "username").empty()) {
      facts["username"].set_string_value(PlainName(TextOf(message, "username"), 80));
    }
    if (TextOf(message, "subtype") == "thread_broadcast") {
      problems_->Count("Replies that were sent to the channel too are replies only");
    }
  }
  out->push_back(std::move(record));
  if (!tombstone) AddReactions(message, out->back().message(), out);
}

void SlackMessages::EndChannel(const JsonObject& channel, Records* out) {
  std::set<int64_t> pinned;
  for (const Value& item : ListOf(channel, "pins").values()) {
    const JsonObject& pin = ObjectOf(item);
    const std::optional<int64_t> at = SlackTime(TextOf(pin, "id"));
    const std::string& user = FirstText(pin, {"user", "owner"});
    if (!at.has_value() || !seen_.contains(*at) || !directory_->Knows(user) ||
        !pinned.insert(*at).second) {
      continue;
    }
    v1::Pin* record = out->emplace_back().mutable_pin();
    record->set_channel_id(channel_id_);
    record->set_message_id(IdOf(*at));
    record->set_pinned_by(user);
    const auto created = SlackTime(StrCat(WholeOf(pin, "created").value_or(0)));
    *record->mutable_pinned_at() = TimestampOfMicros(created.value_or(*at));
  }
}

}  // namespace heim
