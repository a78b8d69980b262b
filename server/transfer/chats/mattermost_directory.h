// MattermostDirectory knows the people and channels of Mattermost's export by their names, and
// makes their records. Owned by the reader; one thread; never blocks. Its size grows with people
// and channels, which are limited.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "heim/v1/export.pb.h"
#include "server/archive/json_value.h"
#include "server/model/limits.h"
#include "server/transfer/chats/archive_files.h"
#include "server/transfer/chats/chat_names.h"
#include "server/transfer/chats/problem_book.h"

namespace heim {

class MattermostDirectory {
 public:
  using Records = std::deque<v1::ExportRecord>;
  static constexpr size_t kPeopleMax = 300'000;
  static constexpr size_t kChannelsMax = 100'000;

  // `files` is null when there are no files beside the lines.
  MattermostDirectory(const ArchiveFiles* files, ProblemBook* problems)
      : files_(files), problems_(problems) {}

  // Lines of the export. Of other teams' channels and people nothing is added until they are named.
  void SetTeam(const std::string& team) { team_ = team; }
  void AddChannel(const JsonObject& channel, const std::string& place, Records* out);
  void AddUser(const JsonObject& user, const std::string& place, Records* out);
  void AddBot(const JsonObject& bot, const std::string& place, Records* out);
  // The number of the conversation, new or known; nullopt when there can be none between these.
  std::optional<uint32_t> Direct(const google::protobuf::ListValue& members,
                                 std::string_view header, Records* out);

  // The number of a channel of the team; nullopt: there is none.
  std::optional<uint32_t> ChannelNumber(const std::string& name) const;
  const std::string& ChannelId(uint32_t number) const { return channel_ids_[number]; }
  uint32_t channels() const { return static_cast<uint32_t>(channel_ids_.size()); }

  // The id of who has this username there, with a record when it is named for the first time.
  std::string Actor(const std::string& username, Records* out);
  // The id of who has this username here; empty: nobody.
  std::string ActorHere(const std::string& username) const;
  // The username here of who has another one there; empty when it is the same, or nobody's.
  std::string RenamedFrom(const std::string& username) const;

  // What OpenFile finds a path of the export by; empty: it is not in the archive.
  std::string PathOf(const std::string& path) const;
  bool full() const { return people_.size() > kPeopleMax || channel_ids_.size() > kChannelsMax; }

 private:
  struct Person {
    std::string here;
    bool told = false;    // has a record
    bool member = false;  // of the workspace
    bool bot = false;
    std::string display_name;
    int64_t deleted_ms = 0;
  };

  Person* Known(const std::string& username);
  v1::ExportRecord RecordOf(const std::string& username, Person* person);
  void Memberships(const JsonObject& team, const std::string& id, const std::string& place,
                   Records* out);
  uint32_t NewChannel(const std::string& id);

  const ArchiveFiles* const files_;
  ProblemBook* const problems_;
  std::string team_;
  UniqueNames usernames_{kUsernameMaxLength};
  UniqueNames slugs_{kSlugMaxLength};
  absl::flat_hash_map<std::string, Person> people_;
  absl::flat_hash_map<std::string, std::string> names_here_;  // -> the name there
  absl::flat_hash_map<std::string, uint32_t> numbers_;        // of channels, by id
  std::vector<std::string> channel_ids_;
};

// The time of a field in milliseconds; nullopt for what is no time of this century.
std::optional<int64_t> PostTime(const JsonObject& object, const std::string& key);
google::protobuf::Timestamp PostTimestamp(int64_t millis);

}  // namespace heim
