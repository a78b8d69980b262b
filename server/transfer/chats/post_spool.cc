#include "server/transfer/chats/post_spool.h"

#include <algorithm>
#include <tuple>

#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {

absl::StatusOr<std::unique_ptr<PostSpool>> PostSpool::Create(const std::string& directory) {
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<SpoolFile> file, SpoolFile::Create(directory));
  return std::unique_ptr<PostSpool>(new PostSpool(std::move(file)));
}

absl::Status PostSpool::Add(uint32_t channel, int64_t time_ms, const JsonObject& post) {
  if (index_.size() == kPostsMax) {
    return absl::ResourceExhaustedError(StrCat("more than ", kPostsMax, " posts"));
  }
  const std::string bytes = post.SerializeAsString();
  HEIM_ASSIGN_OR_RETURN(const uint64_t offset, file_->Append(bytes));
  index_.push_back({time_ms, offset, channel, static_cast<uint32_t>(bytes.size())});
  return absl::OkStatus();
}

void PostSpool::Sort() {
  std::sort(index_.begin(), index_.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.channel, a.time_ms, a.offset) < std::tie(b.channel, b.time_ms, b.offset);
  });
}

absl::StatusOr<std::optional<PostSpool::Post>> PostSpool::Next() {
  if (next_ == index_.size()) return std::nullopt;
  const Entry& entry = index_[next_++];
  HEIM_ASSIGN_OR_RETURN(const std::string bytes, file_->Read(entry.offset, entry.length));
  Post post{entry.channel, entry.time_ms, {}};
  if (!post.post.ParseFromString(bytes)) return absl::DataLossError("a temporary file is damaged");
  return post;
}

}  // namespace heim
