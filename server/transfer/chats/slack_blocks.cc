#include <algorithm>

#include "server/archive/json_value.h"
#include "server/base/strings.h"
#include "server/transfer/chats/mrkdwn.h"

namespace heim {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Value;

// Text as Slack has it within markup.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// Text with emphasis around it, but for the blanks at its ends.
std::string Styled(const std::string& text, const JsonObject& style) {
  const size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string::npos || style.fields().empty()) return text;
  const size_t end = text.find_last_not_of(" \n") + 1;
  std::string inner = text.substr(begin, end - begin);
  for (const auto& [name, marker] : {std::pair<const char*, const char*>{"code", "`"},
                                     {"strike", "~"},
                                     {"italic", "_"},
                                     {"bold", "*"}}) {
    if (FlagOf(style, name)) inner = StrCat(marker, inner, marker);
  }
  return StrCat(text.substr(0, begin), inner, text.substr(end));
}

std::string Element(const JsonObject& element) {
  const std::string& type = TextOf(element, "type");
  if (type == "text") return Styled(Escaped(TextOf(element, "text")), ObjectOf(element, "style"));
  if (type == "user") return StrCat("<@", TextOf(element, "user_id"), ">");
  if (type == "channel") return StrCat("<#", TextOf(element, "channel_id"), ">");
  if (type == "broadcast") return StrCat("<!", TextOf(element, "range"), ">");
  if (type == "usergroup") return StrCat("<!subteam^", TextOf(element, "usergroup_id"), ">");
  if (type == "emoji") return StrCat(":", TextOf(element, "name"), ":");
  if (type == "color") return TextOf(element, "value");
  if (type == "date") return Escaped(TextOf(element, "fallback"));
  if (type == "link") {
    const std::string& label = TextOf(element, "text");
    return StrCat("<", Escaped(TextOf(element, "url")), label.empty() ? "" : "|", Escaped(label),
                  ">");
  }
  return "";
}

std::string Section(const JsonObject& section) {
  std::string out;
  for (const Value& element : ListOf(section, "elements").values()) {
    out += Element(ObjectOf(element));
  }
  return out;
}

std::string Items(const JsonObject& list) {
  constexpr int64_t kIndentMax = 8;
  const bool ordered = TextOf(list, "style") == "ordered";
  const int64_t indent = std::clamp<int64_t>(WholeOf(list, "indent").value_or(0), 0, kIndentMax);
  std::string out;
  int number = 0;
  for (const Value& item : ListOf(list, "elements").values()) {
    out.append(static_cast<size_t>(indent) * 4, ' ');
    StrAppend(&out, ordered ? StrCat(++number, ". ") : std::string("\u2022 "),
              Section(ObjectOf(item)), "\n");
  }
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    StrAppend(&out, "&gt; ", text.substr(0, end), "\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::string RichText(const JsonObject& block) {
  std::string out;
  for (const Value& item : ListOf(block, "elements").values()) {
    const JsonObject& part = ObjectOf(item);
    const std::string& type = TextOf(part, "type");
    if (!out.empty() && out.back() != '\n') out.push_back('\n');
    if (type == "rich_text_list") {
      out += Items(part);
    } else if (type == "rich_text_preformatted") {
      StrAppend(&out, "```", Section(part), "```\n");
    } else if (type == "rich_text_quote") {
      out += Quoted(Section(part));
    } else {
      out += Section(part);
    }
  }
  return out;
}

// A text object: of markup, or plain.
std::string TextObject(const JsonObject& text) {
  const std::string& words = TextOf(text, "text");
  return TextOf(text, "type") == "mrkdwn" ? words : Escaped(words);
}

std::string Block(const JsonObject& block) {
  const std::string& type = TextOf(block, "type");
  if (type == "rich_text") return RichText(block);
  if (type == "header") {
    const std::string text = TextObject(ObjectOf(block, "text"));
    return text.empty() ? "" : StrCat("*", text, "*");
  }
  if (type == "image") {
    const std::string& url = TextOf(block, "image_url");
    const std::string& alt = TextOf(block, "alt_text");
    return url.empty() ? Escaped(alt) : StrCat("<", Escaped(url), "|", Escaped(alt), ">");
  }
  std::string out = TextObject(ObjectOf(block, "text"));
  for (const char* key : {"fields", "elements"}) {
    if (type != "section" && type != "context") break;
    for (const Value& item : ListOf(block, key).values()) {
      const std::string text = TextObject(ObjectOf(item));
      if (!text.empty()) StrAppend(&out, out.empty() ? "" : "\n", text);
    }
  }
  return out;
}

void AddLine(std::string_view line, std::string* out) {
  if (line.empty()) return;
  StrAppend(out, out->empty() || out->back() == '\n' ? "" : "\n", line);
}

std::string Attachment(const JsonObject& attachment) {
  std::string out;
  AddLine(TextOf(attachment, "pretext"), &out);
  const std::string& title = TextOf(attachment, "title");
  const std::string& link = TextOf(attachment, "title_link");
  if (!title.empty()) {
    AddLine(link.empty() ? StrCat("*", title, "*") : StrCat("<", link, "|", title, ">"), &out);
  }
  AddLine(TextOf(attachment, "text"), &out);
  for (const Value& item : ListOf(attachment, "fields").values()) {
    const JsonObject& field = ObjectOf(item);
    AddLine(StrCat("*", TextOf(field, "title"), "*: ", TextOf(field, "value")), &out);
  }
  AddLine(MrkdwnFromBlocks(ListOf(attachment, "blocks")), &out);
  if (out.empty()) AddLine(TextOf(attachment, "fallback"), &out);
  AddLine(TextOf(attachment, "footer"), &out);
  return out;
}

// Whether it only shows what a link of the text leads to.
bool IsUnfurl(const JsonObject& attachment) {
  return !TextOf(attachment, "from_url").empty() || !TextOf(attachment, "original_url").empty();
}

}  // namespace

std::string MrkdwnFromBlocks(const ListValue& blocks) {
  std::string out;
  for (const Value& block : blocks.values()) AddLine(Block(ObjectOf(block)), &out);
  return out;
}

std::string MrkdwnFromAttachments(const ListValue& attachments) {
  std::string out;
  for (const Value& item : attachments.values()) {
    const JsonObject& attachment = ObjectOf(item);
    // A message that was shared has an address too, and is all that there is to it.
    if (IsUnfurl(attachment) && !FlagOf(attachment, "is_share")) continue;
    AddLine(Quoted(Attachment(attachment)), &out);
  }
  return out;
}

}  // namespace heim
