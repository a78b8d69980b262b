// StreamText is the text of one running stream: it applies appends to parts and keeps `content`,
// their plain projection. Pure. Owned by one stream of a LiveStreamBook; one thread at a time;
// never blocks.
//
// `delta` adds to the last text part (or opens one when other parts stand last); a stream that only
// gets `delta` has no parts at all. Typed deltas name their part: the next free index opens it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/stream.pb.h"
#include "heim/v1/stream_service.pb.h"

namespace heim {

class StreamText {
 public:
  StreamText() = default;
  // Goes on from what was stored.
  StreamText(std::string content, std::vector<v1::Part> parts);

  // What an append changed, as readers have to hear it.
  struct Applied {
    std::string delta;                    // added at the end of `content`
    std::vector<v1::StreamDelta> deltas;  // additions to parts
    bool rewritten = false;               // `content` changed elsewhere: readers need a snapshot
    size_t bytes = 0;                     // size of what came in
  };

  // Checks all of the append, then applies it whole; an error leaves everything as it was.
  // CONTENT_TOO_LONG; INVALID_ARGUMENT for a NUL, a part_index that skips one, or a delta of
  // another kind than its part.
  absl::StatusOr<Applied> Append(const v1::AppendStreamRequest& request);

  const std::string& content() const { return content_; }
  const std::vector<v1::Part>& parts() const { return parts_; }

 private:
  absl::Status Check(const v1::AppendStreamRequest& request) const;
  absl::Status CheckDeltas(const v1::AppendStreamRequest& request, size_t* visible) const;
  void OpenImplicitPart();
  void AppendText(const std::string& text, Applied* applied);
  void AppendDelta(const v1::StreamDelta& delta, Applied* applied);
  void AddToContent(size_t part, const std::string& text, Applied* applied);
  void Reproject(Applied* applied);

  std::string content_;
  std::vector<v1::Part> parts_;
  size_t hidden_bytes_ = 0;  // of parts that are not in `content`
};

// The plain text of parts: their text parts joined by a blank line.
std::string ProjectParts(const std::vector<v1::Part>& parts);

}  // namespace heim
