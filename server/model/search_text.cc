#include "server/model/search_text.h"

#include <utility>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/base/unicode.h"
#include "server/model/limits.h"

namespace heim {
namespace {

// A word of its own between the parts of a message; nobody can type it as one.
constexpr char32_t kBorder = 0x241E;
constexpr std::string_view kBorderText = "\xE2\x90\x9E";

void AddPart(std::string_view part, std::string* text) {
  if (part.empty() || text->size() >= kSearchTextMaxBytes) return;
  if (!text->empty()) StrAppend(text, "\n", kBorderText, "\n");
  if (text->size() >= kSearchTextMaxBytes) return;
  StrAppend(text, Utf8Prefix(part, kSearchTextMaxBytes - text->size()));
}

// Gathers letters into words.
class Splitter {
 public:
  std::vector<SearchToken> Split(std::string_view text) {
    for (at_ = 0; !text.empty(); ++at_) Take(TakeCodePoint(text).value_or(U' '));
    End();
    return std::move(tokens_);
  }

 private:
  void Take(char32_t c) {
    if (c == kBorder) {
      End();
      tokens_.push_back({std::string(kBorderText), at_, 1});
      return;
    }
    const LetterKind kind = LetterKindOf(c);
    if (kind == LetterKind::kNone) return End();
    if (kind == LetterKind::kMark && !open_) return;
    if (kind == LetterKind::kAlone || (kind == LetterKind::kWord && alone_)) End();
    if (!open_) {
      word_ = {{}, at_, 0};
      open_ = true;
      alone_ = kind == LetterKind::kAlone;
    }
    AppendFolded(c, &word_.text);
    word_.length = at_ + 1 - word_.start;
  }

  void End() {
    if (open_ && !word_.text.empty()) tokens_.push_back(std::move(word_));
    open_ = alone_ = false;
  }

  std::vector<SearchToken> tokens_;
  SearchToken word_;
  uint32_t at_ = 0;
  bool open_ = false;
  bool alone_ = false;
};

bool HasLink(std::string_view text) {
  return text.find("http://") != std::string_view::npos ||
         text.find("https://") != std::string_view::npos;
}

// Something between two backticks.
bool HasCode(std::string_view text) {
  const size_t first = text.find('`');
  return first != std::string_view::npos && text.find('`', first + 2) != std::string_view::npos;
}

}  // namespace

std::vector<SearchToken> SearchTokens(std::string_view text) { return Splitter().Split(text); }

std::string SearchableText(const v1::Message& message) {
  std::string text;
  AddPart(message.content(), &text);
  AddPart(message.forward().content(), &text);
  for (const v1::Attachment& file : message.attachments()) {
    if (!file.has_deleted_at()) AddPart(file.filename(), &text);
  }
  return text;
}

bool IsSearchable(const v1::Message& message) {
  return !message.has_deleted_at() && message.state() != v1::MESSAGE_STATE_STREAMING &&
         message.content_type() != v1::CONTENT_TYPE_SYSTEM;
}

uint32_t SearchFlagsOf(const v1::Message& message) {
  uint32_t flags = 0;
  for (const v1::Attachment& file : message.attachments()) {
    if (file.has_deleted_at()) continue;
    flags |= kHasFile;
    if (StartsWith(file.mime_type(), "image/")) flags |= kHasImage;
  }
  for (const v1::Part& part : message.parts()) {
    if (part.has_file()) flags |= kHasFile;
  }
  for (const std::string& text : {message.content(), message.forward().content()}) {
    if (HasLink(text)) flags |= kHasLink;
    if (HasCode(text)) flags |= kHasCode;
  }
  if (message.reactions_size() > 0) flags |= kHasReaction;
  if (message.actor().type() == v1::ACTOR_TYPE_AGENT) flags |= kByAgent;
  if (message.actor().type() == v1::ACTOR_TYPE_HUMAN) flags |= kByHuman;
  if (!SearchThreadOf(message).empty()) flags |= kInThread;
  return flags;
}

std::string SearchThreadOf(const v1::Message& message) {
  if (message.has_thread_id()) return message.thread_id();
  return message.has_thread() ? message.id() : std::string();
}

}  // namespace heim
