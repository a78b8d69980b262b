// SlackMessages makes records of the messages of one channel after the other, in the order of their
// times. Owned by the reader; one thread. Looks up files in the archive's table of contents.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "heim/v1/export.pb.h"
#include "server/archive/json_value.h"
#include "server/transfer/chats/archive_files.h"
#include "server/transfer/chats/chat_archives.h"
#include "server/transfer/chats/problem_book.h"
#include "server/transfer/chats/slack_directory.h"

namespace heim {

class SlackMessages {
 public:
  using Records = std::deque<v1::ExportRecord>;

  SlackMessages(const ChatArchiveOptions& options, SlackDirectory* directory,
                const ArchiveFiles* files, ProblemBook* problems);

  // `folder` is where the channel's files lie.
  void BeginChannel(const std::string& channel_id, const std::string& folder);
  // Appends the message with what belongs to it, and whom it names for the first time before it;
  // nothing when it is left out.
  void Add(const JsonObject& message, int64_t micros, const std::string& place, Records* out);
  // The pins, from the channel's own entry.
  void EndChannel(const JsonObject& channel, Records* out);

  // Whoever is named and was not among the users, once; `profile` is what is known of them.
  void AddStranger(const std::string& id, const JsonObject& profile, Records* out);

 private:
  bool IsWanted(const JsonObject& message, int64_t micros, const std::string& place);
  std::string Author(const JsonObject& message, Records* out);
  void PlaceInThread(const JsonObject& message, int64_t micros, const std::string& place,
                     v1::Message* to);
  std::string TextOfMessage(const JsonObject& message) const;
  void AddFiles(const JsonObject& message, const std::string& place, std::string* text,
                v1::Message* to, Records* out);
  std::string PathOfFile(const JsonObject& file) const;
  void AddReactions(const JsonObject& message, const v1::Message& to, Records* out);
  std::string IdOf(int64_t micros) const;

  const ChatArchiveOptions& options_;
  SlackDirectory* const directory_;
  const ArchiveFiles* const files_;
  ProblemBook* const problems_;

  std::string channel_id_;
  std::string folder_;
  // Of this channel: times of messages so far, those at top level among them, and what stands in
  // for roots that are not there.
  absl::flat_hash_set<int64_t> seen_;
  absl::flat_hash_set<int64_t> roots_;
  absl::flat_hash_map<int64_t, int64_t> stand_ins_;
};

}  // namespace heim
