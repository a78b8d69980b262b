#include "server/transfer/chats/mattermost_posts.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/limits.h"
#include "server/model/mentions.h"
#include "server/transfer/chats/chat_names.h"
#include "server/transfer/chats/message_text.h"

namespace heim {
namespace {

using google::protobuf::Value;

void AddLine(std::string_view line, std::string* out) {
  if (!line.empty()) StrAppend(out, out->empty() ? "" : "\n", line);
}

// What integrations attach, as quotes. It is Markdown already.
std::string Quoted(const JsonObject& attachment) {
  std::string text;
  AddLine(TextOf(attachment, "pretext"), &text);
  const std::string& title = TextOf(attachment, "title");
  if (!title.empty()) {
    const std::string link = FileLink(title, TextOf(attachment, "title_link"));
    AddLine(link == title ? StrCat("**", title, "**") : link, &text);
  }
  AddLine(TextOf(attachment, "text"), &text);
  for (const Value& item : ListOf(attachment, "fields").values()) {
    const JsonObject& field = ObjectOf(item);
    AddLine(StrCat("**", TextOf(field, "title"), "**: ", TextOf(field, "value")), &text);
  }
  if (text.empty()) text = TextOf(attachment, "fallback");
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    AddLine(StrCat("> ", std::string_view(text).substr(at, end - at)), &out);
    at = end + 1;
  }
  return out;
}

// Where a code point begins, by its number; the places asked for must rise.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : text_(text) {}
  size_t ByteOf(size_t number) {
    while (number_ < number && at_ < text_.size()) {
      ++at_;
      while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80) ++at_;
      ++number_;
    }
    return at_;
  }

 private:
  const std::string_view text_;
  size_t at_ = 0;
  size_t number_ = 0;
};

// The text with those called by the names that they have here.
std::string WithNamesHere(const std::string& text, const MattermostDirectory& directory) {
  std::string out;
  size_t done = 0;
  CodePoints places(text);
  for (const MentionToken& token : FindMentions(text, v1::CONTENT_TYPE_MARKDOWN)) {
    if (token.type != v1::MENTION_TYPE_ACTOR) continue;
    const std::string here =
        token.username == "all" ? "channel" : directory.RenamedFrom(token.username);
    if (here.empty()) continue;
    const size_t begin = places.ByteOf(token.start);
    const size_t end = places.ByteOf(token.start + token.length);
    out.append(text, done, begin - done);
    StrAppend(&out, "@", here);
    done = end;
  }
  return out.append(text, done, std::string::npos);
}

}  // namespace

std::string PostId(const std::string& channel_id, const JsonObject& post, int64_t time_ms) {
  const std::string what = StrCat(AsciiLower(TextOf(post, "user")), "\n", TextOf(post, "message"));
  return StrCat(channel_id, ":", time_ms, ":", HexEncode(Sha256(what)).substr(0, 16));
}

bool MattermostPosts::IsWanted(const JsonObject& post, bool replied) {
  // What others answered to stays, so that the answers have a root.
  if (replied) return true;
  if (StartsWith(TextOf(post, "type"), "system_")) {
    problems_->Count("Messages of Mattermost itself are left out");
    return false;
  }
  if (WholeOf(post, "delete_at").value_or(0) > 0) {
    problems_->Count("Deleted messages are left out");
    return false;
  }
  return true;
}

void MattermostPosts::BeginChannel(const std::string& channel_id) {
  channel_id_ = channel_id;
  ids_.clear();
}

std::string MattermostPosts::TextOfPost(const JsonObject& post) const {
  std::string text = WithNamesHere(TextOf(post, "message"), *directory_);
  if (TextOf(post, "type") == "me" && !text.empty() && text.front() != '*') {
    text = StrCat("_", text, "_");
  }
  std::string quoted;
  for (const Value& item : ListOf(ObjectOf(post, "props"), "attachments").values()) {
    AddTextLine(Quoted(ObjectOf(item)), &quoted);
  }
  AddTextLine(WithNamesHere(quoted, *directory_), &text);
  return text;
}

void MattermostPosts::AddFiles(const JsonObject& post, std::string* text, v1::Message* to,
                               Records* out) {
  int number = 0;
  for (const Value& item : ListOf(post, "attachments").values()) {
    const std::string& named = TextOf(ObjectOf(item), "path");
    const std::string path = directory_->PathOf(named);
    const std::string name = FileNameLike(named);
    if (path.empty() || number == kAttachmentsMax) {
      AddTextLine(StrCat("File: ", FileLink(name, "")), text);
      problems_->Note("A file that is not in the archive is left out", TextOf(post, kPostPlace),
                      name);
      continue;
    }
    v1::ExportFile* record = out->emplace_back().mutable_file();
    record->set_path(path);
    record->mutable_file()->set_id(StrCat(to->id(), "/", ++number));
    record->mutable_file()->set_filename(name);
    record->mutable_file()->set_actor_id(to->actor().id());
    *record->mutable_file()->mutable_created_at() = to->created_at();
    to->add_attachments()->set_file_id(record->file().id());
  }
}

void MattermostPosts::AddReactions(const JsonObject& post, const v1::Message& to, Records* out) {
  std::set<std::pair<std::string, std::string>> given;
  std::set<std::string> kinds;
  for (const Value& item : ListOf(post, "reactions").values()) {
    const JsonObject& reaction = ObjectOf(item);
    const std::string& name = TextOf(reaction, "emoji_name");
    const std::string emoji = ReactionLike(name);
    kinds.insert(emoji);
    if (emoji.empty() || kinds.size() > kReactionKindsMax) {
      problems_->Count("Reactions are left out: no emoji that can be here");
      continue;
    }
    if (HasSkinTone(name)) problems_->Count("Reactions lose their skin tone");
    const std::string actor = directory_->Actor(TextOf(reaction, "user"), out);
    if (!given.emplace(emoji, actor).second) continue;
    v1::ExportReaction* record = out->emplace_back().mutable_reaction();
    record->set_message_id(to.id());
    record->set_emoji(emoji);
    record->set_actor_id(actor);
    const auto at = PostTime(reaction, "create_at");
    *record->mutable_created_at() = at.has_value() ? PostTimestamp(*at) : to.created_at();
  }
}

void MattermostPosts::Add(const JsonObject& post, int64_t time_ms, Records* out) {
  const std::string& place = TextOf(post, kPostPlace);
  const std::string& root = TextOf(post, kPostRoot);
  if (!ids_.insert(TextOf(post, kPostId)).second) {
    problems_->Note("A message that is there twice is taken once", place);
    return;
  }
  v1::ExportRecord record;
  v1::Message* to = record.mutable_message();
  to->set_id(TextOf(post, kPostId));
  to->set_channel_id(channel_id_);
  if (!root.empty()) to->set_thread_id(root);
  *to->mutable_created_at() = PostTimestamp(time_ms);
  to->mutable_actor()->set_id(directory_->Actor(TextOf(post, "user"), out));
  to->set_revision(1);
  const bool deleted = WholeOf(post, "delete_at").value_or(0) > 0;
  std::string text;
  if (deleted) {
    *to->mutable_deleted_at() =
        PostTimestamp(std::max(PostTime(post, "delete_at").value_or(time_ms), time_ms));
  } else {
    text = TextOfPost(post);
    AddFiles(post, &text, to, out);
  }
  if (!deleted && text.find_first_not_of(" \t\r\n") == std::string::npos &&
      to->attachments().empty()) {
    if (!FlagOf(post, kPostReplied)) {
      problems_->Note("A message without text and files is left out", place);
      ids_.erase(to->id());
      return;
    }
    text = "_(no text)_";
  }
  if (SetContent(std::move(text), to)) problems_->Note("A long text is cut", place);
  if (!deleted) {
    SetMentions([this](const std::string& name) { return directory_->ActorHere(name); }, to);
    if (const auto edited = PostTime(post, "edit_at"); edited.has_value()) {
      *to->mutable_edited_at() = PostTimestamp(std::max(*edited, time_ms));
      to->set_revision(2);
    }
    const std::string shown = PlainName(TextOf(ObjectOf(post, "props"), "override_username"), 80);
    if (!shown.empty()) {
      (*FactsOf("mattermost", to)->mutable_fields())["username"].set_string_value(shown);
    }
  }
  const std::string id = to->id();
  const std::string author = to->actor().id();
  out->push_back(std::move(record));
  if (deleted) return;
  AddReactions(post, out->back().message(), out);
  if (FlagOf(post, "is_pinned")) {
    v1::Pin* pin = out->emplace_back().mutable_pin();
    pin->set_channel_id(channel_id_);
    pin->set_message_id(id);
    // The export does not say who pinned it.
    pin->set_pinned_by(author);
    *pin->mutable_pinned_at() = PostTimestamp(time_ms);
  }
}

}  // namespace heim
