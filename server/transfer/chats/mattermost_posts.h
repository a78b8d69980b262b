// MattermostPosts makes records of posts, in the order of their channels and times. Owned by the
// reader; one thread. Posts are JSON objects as the export has them, replies apart from their
// roots, with members that the reader adds: kPostId, kPostRoot, kPostPlace.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "heim/v1/export.pb.h"
#include "server/archive/json_value.h"
#include "server/transfer/chats/mattermost_directory.h"
#include "server/transfer/chats/problem_book.h"

namespace heim {

inline constexpr char kPostId[] = "_id";
inline constexpr char kPostRoot[] = "_root";    // of replies: the id of their root
inline constexpr char kPostPlace[] = "_place";  // for people
inline constexpr char kPostReplied[] = "_replied";

// An export gives posts no ids: theirs are made of channel, author, time and text.
std::string PostId(const std::string& channel_id, const JsonObject& post, int64_t time_ms);

class MattermostPosts {
 public:
  using Records = std::deque<v1::ExportRecord>;

  MattermostPosts(MattermostDirectory* directory, ProblemBook* problems)
      : directory_(directory), problems_(problems) {}

  // Whether the post, with or without replies, is a message here.
  bool IsWanted(const JsonObject& post, bool replied);

  void BeginChannel(const std::string& channel_id);
  void Add(const JsonObject& post, int64_t time_ms, Records* out);

 private:
  std::string TextOfPost(const JsonObject& post) const;
  void AddFiles(const JsonObject& post, std::string* text, v1::Message* to, Records* out);
  void AddReactions(const JsonObject& post, const v1::Message& to, Records* out);

  MattermostDirectory* const directory_;
  ProblemBook* const problems_;
  std::string channel_id_;
  absl::flat_hash_set<std::string> ids_;  // of this channel
};

}  // namespace heim
