// Files by descriptor: which fields of a streamed message are the header and the bytes, and how the
// header's facts become HTTP fields. Pure functions; any thread; never block.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/http/http_rule.h"
#include "gateway/http/request_head.h"
#include "gateway/http/response.h"
#include "gateway/http/route_trie.h"
#include "google/protobuf/message.h"
#include "server/rpc/method_table.h"

namespace heim {

// What a client says of a file that it sends.
struct FileFacts {
  std::string filename;
  std::string mime_type;
  int64_t size_bytes = 0;
};

// The part of an upload's first message that stands in its address: path variables, and parameters
// that name single fields beside header and bytes. `filename` is the header's; `pretty` and names
// that begin with '_' are ignored. UNKNOWN_FIELD for others, INVALID_ARGUMENT.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> MessageFromAddress(
    const MethodInfo& method, absl::Span<const PathVariable> variables,
    absl::Span<const QueryParameter> query);

std::unique_ptr<google::protobuf::Message> HeaderMessage(const MethodInfo& method,
                                                         const FileFacts& facts);
std::unique_ptr<google::protobuf::Message> ChunkMessage(const MethodInfo& method,
                                                        std::string bytes);

// What the first message of a download says.
struct DownloadFacts {
  std::string filename;
  std::string mime_type;
  std::string sha256;  // as the contract has it
  int64_t size_bytes = 0;
  int64_t offset = 0;
  // Nullopt: it is not known how much follows, the end of the stream says so.
  std::optional<int64_t> length;

  std::string etag() const { return '"' + sha256 + '"'; }
};
// Nullopt when the message holds no header.
std::optional<DownloadFacts> ReadDownloadFacts(const MethodInfo& method,
                                               const google::protobuf::Message& message);
// Empty when the message holds no bytes.
std::string TakeChunk(const MethodInfo& method, const google::protobuf::Message& message);

// One range of bytes: "bytes=0-99", "bytes=100-", "bytes=-5". Offset and length are as the contract
// has them (a negative offset counts from the end, length 0 goes to the end).
struct ByteRange {
  int64_t offset = 0;
  int64_t length = 0;
};
// Nullopt without a range, for several, and for what is malformed: the whole file is answered then.
std::optional<ByteRange> ParseRange(std::string_view value);
// Whether the method can answer a part.
bool TakesRanges(const MethodInfo& method);
void SetRange(const ByteRange& range, google::protobuf::Message* request);

// Whether If-None-Match names the tag.
bool MatchesTag(std::string_view header, std::string_view etag);

// Fields of a file's answer.
void AddFileHeaders(const DownloadFacts& facts, HttpResponse* response);

}  // namespace heim
