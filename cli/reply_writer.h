// ReplyWriter turns what an agent's program prints into replies: a line is a message, or, streamed,
// grows as it is printed. It repeats calls that a lost connection swallowed; client ids and indexes
// keep them from doubling. Used by one thread; calls block.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/client.h"
#include "heim/v1/stream_service.pb.h"
#include "server/base/ids.h"

namespace heim {

// Where replies go: to the place that the message came from.
struct ReplyTarget {
  std::string channel_id;
  std::string thread_id;  // empty: top level
  int hops = 0;           // agents that answered each other before this reply
};

class ReplyWriter {
 public:
  ReplyWriter(Client& client, Ids& ids, bool stream)
      : client_(client), ids_(ids), stream_(stream) {}

  // Takes what the program printed; complete lines are sent, the rest is kept (or streamed).
  absl::Status Write(const ReplyTarget& target, std::string_view bytes);
  // The program ended: what is left is its last line.
  absl::Status Flush(const ReplyTarget& target);

 private:
  absl::Status SendLine(const ReplyTarget& target, const std::string& line);
  absl::Status Grow(const ReplyTarget& target, std::string_view text);
  absl::Status EndStream();
  absl::Status Append(size_t index);

  Client& client_;
  Ids& ids_;
  const bool stream_;
  std::string pending_;              // an unfinished line, or an unfinished UTF-8 sequence
  std::string stream_id_;            // empty: none is open
  std::vector<std::string> deltas_;  // of the open stream, by index
};

}  // namespace heim
