#include "server/transfer/chats/message_text.h"

#include <algorithm>
#include <utility>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/limits.h"
#include "server/model/mentions.h"
#include "server/model/validate.h"

namespace heim {

bool SetContent(std::string text, v1::Message* message) {
  text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
  const size_t length = Utf8Prefix(text, kMessageContentMaxBytes).size();
  const bool cut = length < text.size();
  text.resize(length);
  message->set_content(std::move(text));
  message->set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  return cut;
}

void SetMentions(const std::function<std::string(const std::string&)>& actor_of,
                 v1::Message* message) {
  message->clear_mentions();
  for (const MentionToken& token : FindMentions(message->content(), message->content_type())) {
    std::string actor;
    if (token.type == v1::MENTION_TYPE_ACTOR) {
      actor = actor_of(token.username);
      if (actor.empty()) continue;
    }
    v1::Mention* mention = message->add_mentions();
    mention->set_type(token.type);
    mention->set_start(token.start);
    mention->set_length(token.length);
    if (!actor.empty()) mention->set_actor_id(actor);
  }
}

std::string FileLink(std::string_view name, std::string_view url) {
  std::string label;
  for (const char c : name) {
    if (c == '[' || c == ']' || c == '\\') label.push_back('\\');
    label.push_back(c);
  }
  if (!IsHttpUri(url) || url.find_first_of("<>()") != std::string_view::npos) return label;
  return StrCat("[", label, "](", url, ")");
}

void AddTextLine(std::string_view line, std::string* text) {
  if (line.empty()) return;
  StrAppend(text, text->empty() ? "" : "\n", line);
}

google::protobuf::Struct* FactsOf(const std::string& product, v1::Message* message) {
  return (*message->mutable_metadata()->mutable_fields())[product].mutable_struct_value();
}

}  // namespace heim
