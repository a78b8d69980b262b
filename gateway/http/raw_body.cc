#include "gateway/http/raw_body.h"

#include <algorithm>
#include <array>

#include "gateway/http/disposition.h"
#include "gateway/json/codec.h"
#include "server/base/parse.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Shown in the page itself; everything else could run scripts or is of no use there.
constexpr std::array<std::string_view, 10> kInlineTypes = {
    "image/png", "image/jpeg", "image/gif", "image/webp", "audio/mpeg",
    "audio/ogg", "audio/wav",  "video/mp4", "video/webm", "text/plain"};

// Names under which a file could be opened as something that runs. What is inside is text to a
// browser that honours nosniff; saved under its name it is not, so it is not shown either.
constexpr std::array<std::string_view, 16> kActiveEndings = {
    ".html", ".htm",  ".xhtml", ".xht",   ".shtml", ".svg", ".svgz", ".xml",
    ".xsl",  ".xslt", ".mht",   ".mhtml", ".js",    ".mjs", ".css",  ".hta"};

bool HasActiveName(std::string_view filename) {
  const std::string name = AsciiLower(TrimSpace(filename));
  return std::any_of(kActiveEndings.begin(), kActiveEndings.end(),
                     [&](std::string_view ending) { return EndsWith(name, ending); });
}

const FieldDescriptor* Find(const Message& message, std::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name));
}

std::string GetString(const Message& message, std::string_view name) {
  const FieldDescriptor* field = Find(message, name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return "";
  return message.GetReflection()->GetString(message, field);
}

int64_t GetInt(const Message& message, std::string_view name) {
  const FieldDescriptor* field = Find(message, name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_INT64) return 0;
  return message.GetReflection()->GetInt64(message, field);
}

void SetString(std::string_view name, std::string value, Message* message) {
  const FieldDescriptor* field = Find(*message, name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
  message->GetReflection()->SetString(message, field, std::move(value));
}

void SetInt(std::string_view name, int64_t value, Message* message) {
  const FieldDescriptor* field = Find(*message, name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_INT64) return;
  message->GetReflection()->SetInt64(message, field, value);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Message>> MessageFromAddress(
    const MethodInfo& method, absl::Span<const PathVariable> variables,
    absl::Span<const QueryParameter> query) {
  std::unique_ptr<Message> message(method.request_prototype->New());
  for (const PathVariable& variable : variables) {
    HEIM_RETURN_IF_ERROR(SetQueryParameter(message.get(), variable.field, {variable.value}));
  }
  for (const QueryParameter& parameter : query) {
    const std::string& name = parameter.name;
    if (name == "filename" || name == "pretty" || StartsWith(name, "_")) continue;
    const FieldDescriptor* field = Find(*message, name);
    // The bytes are no parameter, the header is no single value.
    if (field == nullptr || field->message_type() != nullptr || field->is_repeated() ||
        field->containing_oneof() != nullptr) {
      return ErrorBuilder(v1::ERROR_REASON_UNKNOWN_FIELD, "The query has an unknown parameter")
          .Field(name, "no parameter of this upload")
          .Build();
    }
    HEIM_RETURN_IF_ERROR(SetQueryParameter(message.get(), name, {parameter.value}));
  }
  return message;
}

std::unique_ptr<Message> HeaderMessage(const MethodInfo& method, const FileFacts& facts) {
  std::unique_ptr<Message> message(method.request_prototype->New());
  const FieldDescriptor* field = Find(*message, method.policy.raw_body().header_field());
  Message* header = message->GetReflection()->MutableMessage(message.get(), field);
  SetString("filename", facts.filename, header);
  SetString("mime_type", facts.mime_type, header);
  SetInt("size_bytes", facts.size_bytes, header);
  return message;
}

std::unique_ptr<Message> ChunkMessage(const MethodInfo& method, std::string bytes) {
  std::unique_ptr<Message> message(method.request_prototype->New());
  SetString(method.policy.raw_body().bytes_field(), std::move(bytes), message.get());
  return message;
}

std::optional<DownloadFacts> ReadDownloadFacts(const MethodInfo& method, const Message& message) {
  const FieldDescriptor* field = Find(message, method.policy.raw_body().header_field());
  if (field == nullptr || !message.GetReflection()->HasField(message, field)) return std::nullopt;
  const Message& header = message.GetReflection()->GetMessage(message, field);
  DownloadFacts facts;
  facts.offset = GetInt(header, "offset");
  if (Find(header, "length") != nullptr && GetInt(header, "length") >= 0) {
    facts.length = GetInt(header, "length");
  }
  facts.filename = GetString(header, "filename");
  facts.mime_type = GetString(header, "mime_type");
  const FieldDescriptor* file_field = Find(header, "file");
  if (file_field != nullptr) {
    const Message& file = header.GetReflection()->GetMessage(header, file_field);
    facts.filename = GetString(file, "filename");
    facts.mime_type = GetString(file, "mime_type");
    facts.sha256 = GetString(file, "sha256");
    facts.size_bytes = GetInt(file, "size_bytes");
  }
  return facts;
}

std::string TakeChunk(const MethodInfo& method, const Message& message) {
  return GetString(message, method.policy.raw_body().bytes_field());
}

std::optional<ByteRange> ParseRange(std::string_view value) {
  if (!StartsWithIgnoreCase(value, "bytes=")) return std::nullopt;
  value = TrimSpace(value.substr(6));
  const size_t dash = value.find('-');
  if (dash == std::string_view::npos || value.find(',') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view first = value.substr(0, dash);
  const std::string_view last = value.substr(dash + 1);
  const auto from = ParseInteger(first, 0, INT64_MAX - 1);
  const auto to = ParseInteger(last, 0, INT64_MAX - 1);
  if (first.empty()) {
    if (!to.ok() || *to == 0) return std::nullopt;
    return ByteRange{-*to, 0};
  }
  if (!from.ok()) return std::nullopt;
  if (last.empty()) return ByteRange{*from, 0};
  if (!to.ok() || *to < *from) return std::nullopt;
  return ByteRange{*from, *to - *from + 1};
}

bool TakesRanges(const MethodInfo& method) {
  return Find(*method.request_prototype, "offset") != nullptr;
}

void SetRange(const ByteRange& range, Message* request) {
  SetInt("offset", range.offset, request);
  SetInt("length", range.length, request);
}

bool MatchesTag(std::string_view header, std::string_view etag) {
  const auto tags = SplitList(header);
  return std::any_of(tags.begin(), tags.end(), [etag](std::string_view tag) {
    if (StartsWith(tag, "W/")) tag.remove_prefix(2);
    return tag == "*" || tag == etag;
  });
}

void AddFileHeaders(const DownloadFacts& facts, HttpResponse* response) {
  const bool shown =
      std::find(kInlineTypes.begin(), kInlineTypes.end(), facts.mime_type) != kInlineTypes.end() &&
      !HasActiveName(facts.filename);
  const bool text = StartsWith(facts.mime_type, "text/");
  const std::string type = facts.mime_type.empty() ? "application/octet-stream" : facts.mime_type;
  response->Add("Content-Type", text ? type + "; charset=utf-8" : type);
  response->Add("Content-Disposition",
                FormatDisposition(shown ? "inline" : "attachment", facts.filename));
  response->Add("Cache-Control", "private, no-cache");
  response->Add("Content-Security-Policy", "sandbox; default-src 'none'");
  if (facts.length.has_value()) response->Add("Accept-Ranges", "bytes");
  if (!facts.sha256.empty()) response->Add("ETag", facts.etag());
}

}  // namespace heim
