// SlackDirectory knows the people, apps and channels of Slack's archive by their ids, and makes the
// records of people. Owned by the reader; one thread; never blocks. Its size grows with people and
// channels, which are limited.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "heim/v1/export.pb.h"
#include "server/archive/json_value.h"
#include "server/model/limits.h"
#include "server/transfer/chats/chat_names.h"
#include "server/transfer/chats/mrkdwn.h"

namespace heim {

class SlackDirectory : public SlackNames {
 public:
  // People and apps, and channels, that an archive may name.
  static constexpr size_t kPeopleMax = 300'000;
  static constexpr size_t kChannelsMax = 100'000;

  // A line of users.json. Nullopt when it has no id, or one that was there already.
  std::optional<v1::ExportRecord> AddUser(const JsonObject& user);
  // Somebody whom messages name and users.json does not. Nullopt for who is known already.
  std::optional<v1::ExportRecord> AddStranger(const std::string& id, const JsonObject& profile);
  // An app that posts without being a user.
  std::optional<v1::ExportRecord> AddBot(const std::string& id, std::string_view name);
  // The user that an app posts as; empty: none.
  std::string UserOfBot(const std::string& bot_id) const;

  bool Knows(const std::string& id) const { return people_.contains(id); }
  // Whether the actor is a member of the workspace.
  bool IsMember(const std::string& id) const;
  // Empty: nobody.
  std::string ActorOf(const std::string& username) const;
  std::string UsernameOf(std::string_view user_id) const override;

  // False when there is one of this id.
  bool AddChannel(const std::string& id, std::string_view name);
  // As it is called here.
  std::string ChannelNameOf(std::string_view channel_id) const override;

  bool full() const { return people_.size() > kPeopleMax || channels_.size() > kChannelsMax; }

 private:
  struct Person {
    std::string username;
    bool member = false;
  };

  std::string NewUsername(std::string_view wanted, std::string_view id);
  v1::ExportRecord Enter(const std::string& id, std::string_view name, bool member);

  UniqueNames usernames_{kUsernameMaxLength};
  UniqueNames slugs_{kSlugMaxLength};
  absl::flat_hash_map<std::string, Person> people_;
  absl::flat_hash_map<std::string, std::string> ids_;  // by username
  absl::flat_hash_map<std::string, std::string> users_of_bots_;
  absl::flat_hash_map<std::string, std::string> channels_;
};

// Ids of Slack: 1 to 64 letters, digits, '-' and '_'.
bool IsSlackId(std::string_view id);
// Microseconds since 1970 of "1355517523.000005", or of whole seconds; nullopt for what is no time
// of this century.
std::optional<int64_t> SlackTime(std::string_view text);
google::protobuf::Timestamp TimestampOfMicros(int64_t micros);

}  // namespace heim
