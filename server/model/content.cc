#include "server/model/content.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/validate.h"

namespace heim {
namespace {

constexpr std::string_view kBlankLine = "\n\n";

absl::Status TooLong(std::string_view field, size_t limit) {
  return ErrorBuilder(v1::ERROR_REASON_CONTENT_TOO_LONG,
                      StrCat("The message is too long: at most ", limit >> 10, " KiB of ", field))
      .Field(field, absl::StrCat("at most ", limit, " bytes"))
      .Detail("max_bytes", limit)
      .Build();
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

void Normalize(std::string* text) {
  if (text->find('\r') != std::string::npos) *text = NormalizeNewlines(*text);
}

absl::Status CheckParts(const v1::Message& message) {
  if (message.parts_size() > kPartsMax) {
    return InvalidField("parts", absl::StrCat("at most ", kPartsMax, " parts"));
  }
  size_t hidden = 0;
  size_t visible = 0;
  std::set<std::string_view> ids;
  for (int i = 0; i < message.parts_size(); ++i) {
    const v1::Part& part = message.parts(i);
    if (part.part_case() == v1::Part::PART_NOT_SET) {
      return InvalidField(absl::StrCat("parts[", i, "]"), "one kind of part");
    }
    if (!part.id().empty() && !ids.insert(part.id()).second) {
      return InvalidField(absl::StrCat("parts[", i, "].id"), "an id that no other part has");
    }
    (part.has_text() ? visible : hidden) += part.ByteSizeLong();
  }
  // The blank lines between text parts and what is around the text of each count for little.
  if (visible > kMessageContentMaxBytes + size_t{kPartsMax} * 128) {
    return TooLong("text", kMessageContentMaxBytes);
  }
  if (hidden > kMessageHiddenMaxBytes) return TooLong("parts", kMessageHiddenMaxBytes);
  return absl::OkStatus();
}

// "p1", "p2", … in order, past ids that are taken.
void FillPartIds(v1::Message* message) {
  std::set<std::string> taken;
  for (const v1::Part& part : message->parts()) taken.insert(part.id());
  int next = 1;
  for (v1::Part& part : *message->mutable_parts()) {
    if (!part.id().empty()) continue;
    std::string id;
    do {
      id = absl::StrCat("p", next++);
    } while (!taken.insert(id).second);
    part.set_id(id);
  }
}

absl::Status CheckMetadata(const v1::Message& message) {
  if (!message.has_metadata()) return absl::OkStatus();
  if (message.metadata().ByteSizeLong() > kMetadataMaxBytes) {
    return InvalidField("metadata", absl::StrCat("at most ", kMetadataMaxBytes, " bytes"));
  }
  if (DepthOf(message.metadata()) > kMetadataMaxDepth) {
    return InvalidField("metadata", absl::StrCat("at most ", kMetadataMaxDepth, " levels"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ContentOfParts(const google::protobuf::RepeatedPtrField<v1::Part>& parts) {
  std::string content;
  for (const v1::Part& part : parts) {
    const std::string& text = part.text().text();
    if (text.empty()) continue;
    if (!content.empty()) content += kBlankLine;
    content += text;
  }
  return content;
}

absl::Status NormalizeMessageContent(v1::Message* message) {
  if (message->attachments_size() > kAttachmentsMax) {
    return InvalidField("attachments", absl::StrCat("at most ", kAttachmentsMax, " files"));
  }
  if (absl::Status status = CheckParts(*message); !status.ok()) return status;
  if (absl::Status status = CheckMetadata(*message); !status.ok()) return status;
  Normalize(message->mutable_content());
  for (v1::Part& part : *message->mutable_parts()) {
    if (part.has_text()) Normalize(part.mutable_text()->mutable_text());
  }
  if (message->content().empty()) message->set_content(ContentOfParts(message->parts()));
  if (message->content().size() > kMessageContentMaxBytes) {
    return TooLong("content", kMessageContentMaxBytes);
  }
  const bool only_text = std::all_of(message->parts().begin(), message->parts().end(),
                                     [](const v1::Part& part) { return part.has_text(); });
  if (IsBlank(message->content()) && only_text && message->attachments().empty() &&
      !message->has_forward()) {
    return ErrorBuilder(v1::ERROR_REASON_CONTENT_EMPTY,
                        "A message needs text, parts or attachments")
        .Field("content", "expected some text")
        .Build();
  }
  FillPartIds(message);
  return absl::OkStatus();
}

absl::Status CheckPartReferences(const v1::Message& message) {
  std::set<std::string_view> calls;
  for (int i = 0; i < message.parts_size(); ++i) {
    const v1::Part& part = message.parts(i);
    const auto missing = [i](std::string_view field, std::string_view expected) {
      return InvalidField(StrCat("parts[", i, "].", field), expected);
    };
    if (part.has_tool_call()) {
      const v1::ToolCallPart& call = part.tool_call();
      if (call.call_id().empty()) return missing("tool_call.call_id", "the id of the call");
      if (call.name().empty()) return missing("tool_call.name", "the name of the tool");
      if (!calls.insert(call.call_id()).second) {
        return missing("tool_call.call_id", "an id that no other call of the message has");
      }
    }
    if (part.has_file() && part.file().file_id().empty()) {
      return missing("file.file_id", "the id of an uploaded file");
    }
    if (part.has_source() && !IsLink(part.source().url())) {
      return missing("source.url", "an http, https or mailto address");
    }
    if (part.has_data() && part.data().kind().empty()) {
      return missing("data.kind", "what the value is");
    }
    if (part.has_approval() && part.approval().approval_id().empty()) {
      return missing("approval.approval_id", "the id of an approval");
    }
    if (part.has_task() && part.task().task_id().empty()) {
      return missing("task.task_id", "the id of a task");
    }
  }
  return absl::OkStatus();
}

namespace {

// How far a call has come: it never goes back, and the three ends are final.
bool MayFollow(v1::ToolCallState from, v1::ToolCallState to) {
  if (from == to) return true;
  return from < v1::TOOL_CALL_STATE_COMPLETED && to > from;
}

}  // namespace

absl::Status CheckToolCallProgress(const v1::Message& before, const v1::Message& after) {
  std::map<std::string_view, v1::ToolCallState> states;
  for (const v1::Part& part : before.parts()) {
    if (part.has_tool_call()) states[part.tool_call().call_id()] = part.tool_call().state();
  }
  for (int i = 0; i < after.parts_size(); ++i) {
    const v1::Part& part = after.parts(i);
    if (!part.has_tool_call()) continue;
    const auto was = states.find(part.tool_call().call_id());
    if (was == states.end() || MayFollow(was->second, part.tool_call().state())) continue;
    return InvalidField(StrCat("parts[", i, "].tool_call.state"),
                        "a state after the one that it has; a call that ended stays as it ended");
  }
  return absl::OkStatus();
}

}  // namespace heim
