// PostSpool brings posts into the order of their channels and times, on disk: an export has them in
// the order of chance. Owned by the reader; one thread; blocks on the disk. Memory is 32 bytes a
// post.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/archive/json_value.h"
#include "server/archive/spool_file.h"

namespace heim {

class PostSpool {
 public:
  static constexpr size_t kPostsMax = 5'000'000;

  static absl::StatusOr<std::unique_ptr<PostSpool>> Create(const std::string& directory);

  // Posts of one channel and time keep the order in which they came. RESOURCE_EXHAUSTED for too
  // many posts, or a full disk.
  absl::Status Add(uint32_t channel, int64_t time_ms, const JsonObject& post);
  // After the last one.
  void Sort();

  struct Post {
    uint32_t channel = 0;
    int64_t time_ms = 0;
    JsonObject post;
  };
  // Nullopt after the last.
  absl::StatusOr<std::optional<Post>> Next();
  // Whether the next one is of this channel.
  bool NextIsOf(uint32_t channel) const {
    return next_ < index_.size() && index_[next_].channel == channel;
  }

 private:
  struct Entry {
    int64_t time_ms;
    uint64_t offset;
    uint32_t channel;
    uint32_t length;
  };
  explicit PostSpool(std::unique_ptr<SpoolFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<SpoolFile> file_;
  std::vector<Entry> index_;
  size_t next_ = 0;
};

}  // namespace heim
