#include "server/hub/stream_text.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using PartCase = v1::Part::PartCase;

constexpr char kBlankLine[] = "\n\n";

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

size_t BytesOf(const v1::StreamDelta& delta) {
  switch (delta.delta_case()) {
    case v1::StreamDelta::kText:
      return delta.text().size();
    case v1::StreamDelta::kReasoning:
      return delta.reasoning().size();
    case v1::StreamDelta::kToolInput:
      return delta.tool_input().size();
    case v1::StreamDelta::kReplace:
      return delta.replace().ByteSizeLong();
    case v1::StreamDelta::DELTA_NOT_SET:
      return 0;
  }
  return 0;
}

PartCase CaseOf(const v1::StreamDelta& delta) {
  switch (delta.delta_case()) {
    case v1::StreamDelta::kText:
      return v1::Part::kText;
    case v1::StreamDelta::kReasoning:
      return v1::Part::kReasoning;
    case v1::StreamDelta::kToolInput:
      return v1::Part::kToolCall;
    case v1::StreamDelta::kReplace:
      return delta.replace().part_case();
    case v1::StreamDelta::DELTA_NOT_SET:
      return v1::Part::PART_NOT_SET;
  }
  return v1::Part::PART_NOT_SET;
}

bool HasNul(const v1::StreamDelta& delta) {
  return HasNul(delta.text()) || HasNul(delta.reasoning()) || HasNul(delta.tool_input()) ||
         HasNul(delta.replace().text().text()) || HasNul(delta.replace().reasoning().text());
}

size_t HiddenBytes(const v1::Part& part) { return part.has_text() ? 0 : part.ByteSizeLong(); }

absl::Status BadDelta(const std::string& what) { return InvalidArgument("deltas", what); }

absl::Status TooLong() {
  return MakeError(v1::ERROR_REASON_CONTENT_TOO_LONG, "the stream's text is over the limit");
}

}  // namespace

std::string ProjectParts(const std::vector<v1::Part>& parts) {
  std::string content;
  for (const v1::Part& part : parts) {
    const std::string& text = part.text().text();
    if (text.empty()) continue;
    if (!content.empty()) content += kBlankLine;
    content += text;
  }
  return content;
}

StreamText::StreamText(std::string content, std::vector<v1::Part> parts)
    : content_(std::move(content)), parts_(std::move(parts)) {
  for (const v1::Part& part : parts_) hidden_bytes_ += HiddenBytes(part);
}

absl::StatusOr<StreamText::Applied> StreamText::Append(const v1::AppendStreamRequest& request) {
  const absl::Status status = Check(request);
  if (!status.ok()) return status;

  Applied applied;
  applied.bytes = request.delta().size();
  AppendText(request.delta(), &applied);
  for (const v1::StreamDelta& delta : request.deltas()) {
    applied.bytes += BytesOf(delta);
    AppendDelta(delta, &applied);
  }
  return applied;
}

absl::Status StreamText::Check(const v1::AppendStreamRequest& request) const {
  if (HasNul(request.delta())) return InvalidArgument("delta", "must not hold NUL");
  size_t bytes = request.delta().size();
  for (const v1::StreamDelta& delta : request.deltas()) {
    if (HasNul(delta)) return BadDelta("must not hold NUL");
    bytes += BytesOf(delta);
  }
  if (bytes > kStreamAppendMaxBytes) return TooLong();

  size_t visible = content_.size() + request.delta().size();
  HEIM_RETURN_IF_ERROR(CheckDeltas(request, &visible));
  if (visible > kMessageContentMaxBytes) return TooLong();
  if (hidden_bytes_ + bytes > kMessageHiddenMaxBytes) return TooLong();
  return absl::OkStatus();
}

// Walks the deltas over the kinds of the parts, as they would be then. `visible` grows to what
// `content` takes at most.
absl::Status StreamText::CheckDeltas(const v1::AppendStreamRequest& request,
                                     size_t* visible) const {
  std::vector<PartCase> kinds;
  for (const v1::Part& part : parts_) kinds.push_back(part.part_case());
  const bool has_text = !content_.empty() || !request.delta().empty();
  if (kinds.empty() && has_text && request.deltas_size() > 0) kinds.push_back(v1::Part::kText);
  if (!parts_.empty() && !request.delta().empty() && kinds.back() != v1::Part::kText) {
    kinds.push_back(v1::Part::kText);
  }
  std::vector<bool> replaced(parts_.size(), false);
  for (const v1::StreamDelta& delta : request.deltas()) {
    const size_t at = delta.part_index();
    const PartCase kind = CaseOf(delta);
    if (kind == v1::Part::PART_NOT_SET) return BadDelta("says nothing");
    if (at > kinds.size()) return BadDelta("part_index skips a part");
    if (at == kinds.size()) {
      kinds.push_back(kind);
    } else if (delta.has_replace()) {
      kinds[at] = kind;
    } else if (kinds[at] != kind) {
      return BadDelta("is of another kind than its part");
    }
    if (at < parts_.size() && delta.has_tool_input() && parts_[at].tool_call().has_input() &&
        parts_[at].tool_call().input().kind_case() != google::protobuf::Value::kStringValue) {
      return BadDelta("the tool call has its input already");
    }
    if (kind == v1::Part::kText) {
      *visible += sizeof(kBlankLine) - 1 +
                  (delta.has_replace() ? delta.replace().text().text().size() : BytesOf(delta));
    }
    if (delta.has_replace() && at < parts_.size() && !replaced[at]) {
      replaced[at] = true;
      *visible -= parts_[at].text().text().size();
    }
  }
  if (kinds.size() > kPartsMax) return TooLong();
  return absl::OkStatus();
}

// The first typed delta after plain text makes that text part 0.
void StreamText::OpenImplicitPart() { parts_.emplace_back().mutable_text()->set_text(content_); }

void StreamText::AppendText(const std::string& text, Applied* applied) {
  if (text.empty()) return;
  if (parts_.empty()) {
    content_ += text;
    applied->delta += text;
    return;
  }
  v1::StreamDelta typed;
  typed.set_part_index(
      static_cast<uint32_t>(parts_.back().has_text() ? parts_.size() - 1 : parts_.size()));
  typed.set_text(text);
  AppendDelta(typed, applied);
}

void StreamText::AppendDelta(const v1::StreamDelta& delta, Applied* applied) {
  if (parts_.empty() && !content_.empty()) {
    OpenImplicitPart();
    applied->rewritten = true;
  }
  const size_t at = delta.part_index();
  const bool opened = at == parts_.size();
  if (opened) parts_.emplace_back();
  v1::Part& part = parts_[at];
  const size_t hidden_before = HiddenBytes(part);
  switch (delta.delta_case()) {
    case v1::StreamDelta::kText:
      AddToContent(at, delta.text(), applied);
      break;
    case v1::StreamDelta::kReasoning:
      part.mutable_reasoning()->mutable_text()->append(delta.reasoning());
      break;
    case v1::StreamDelta::kToolInput: {
      v1::ToolCallPart* call = part.mutable_tool_call();
      if (opened) call->set_state(v1::TOOL_CALL_STATE_PENDING);
      call->mutable_input()->mutable_string_value()->append(delta.tool_input());
      break;
    }
    case v1::StreamDelta::kReplace:
      part = delta.replace();
      Reproject(applied);
      break;
    case v1::StreamDelta::DELTA_NOT_SET:
      break;
  }
  hidden_bytes_ += HiddenBytes(part) - hidden_before;
  applied->deltas.push_back(delta);
}

void StreamText::AddToContent(size_t part, const std::string& text, Applied* applied) {
  std::string* own = parts_[part].mutable_text()->mutable_text();
  const bool first_text = own->empty();
  own->append(text);
  for (size_t later = part + 1; later < parts_.size(); ++later) {
    if (!parts_[later].text().text().empty()) return Reproject(applied);
  }
  std::string added = first_text && !content_.empty() && !text.empty() ? kBlankLine : "";
  added += text;
  content_ += added;
  applied->delta += added;
}

void StreamText::Reproject(Applied* applied) {
  std::string next = ProjectParts(parts_);
  if (next.compare(0, content_.size(), content_) == 0) {
    applied->delta += next.substr(content_.size());
  } else {
    applied->rewritten = true;
  }
  content_ = std::move(next);
}

}  // namespace heim
