#include "server/transfer/chats/slack_directory.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr size_t kDisplayNameMax = 80;
constexpr size_t kStatusMax = 140;
constexpr size_t kFactMax = 200;
constexpr int64_t kMicros = 1'000'000;
// 2000 and 2100.
constexpr int64_t kEarliest = 946684800;
constexpr int64_t kLatest = 4102444800;

std::string FirstOf(std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) {
    if (std::string name = PlainName(text, kDisplayNameMax); !name.empty()) return name;
  }
  return "";
}

void SetFact(const std::string& name, std::string_view value, JsonObject* facts) {
  const std::string plain = PlainName(value, kFactMax);
  if (!plain.empty()) (*facts->mutable_fields())[name].set_string_value(plain);
}

v1::WorkspaceRole RoleOf(const JsonObject& user) {
  if (FlagOf(user, "is_restricted") || FlagOf(user, "is_ultra_restricted")) {
    return v1::WORKSPACE_ROLE_GUEST;
  }
  // Who owns the workspace here is not decided there.
  if (FlagOf(user, "is_admin") || FlagOf(user, "is_owner") || FlagOf(user, "is_primary_owner")) {
    return v1::WORKSPACE_ROLE_ADMIN;
  }
  return v1::WORKSPACE_ROLE_MEMBER;
}

}  // namespace

bool IsSlackId(std::string_view id) {
  constexpr size_t kIdMax = 64;
  return !id.empty() && id.size() <= kIdMax && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

std::optional<int64_t> SlackTime(std::string_view text) {
  const size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string part(dot == std::string_view::npos ? "0" : text.substr(dot + 1, 6));
  part.resize(6, '0');
  int64_t seconds = 0;
  int64_t micros = 0;
  const auto digits = [](std::string_view number) {
    return !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!digits(whole) || !digits(part) || !absl::SimpleAtoi(ToAbsl(whole), &seconds) ||
      !absl::SimpleAtoi(part, &micros) || seconds < kEarliest || seconds >= kLatest) {
    return std::nullopt;
  }
  return seconds * kMicros + micros;
}

google::protobuf::Timestamp TimestampOfMicros(int64_t micros) {
  google::protobuf::Timestamp at;
  at.set_seconds(micros / kMicros);
  at.set_nanos(static_cast<int32_t>(micros % kMicros * 1000));
  return at;
}

std::string SlackDirectory::NewUsername(std::string_view wanted, std::string_view id) {
  std::string name = UsernameLike(wanted);
  if (name.empty()) name = UsernameLike(StrCat("user-", id));
  if (name.empty()) name = "somebody";
  return usernames_.Take(name);
}

v1::ExportRecord SlackDirectory::Enter(const std::string& id, std::string_view name, bool member) {
  const std::string username = NewUsername(name, id);
  people_[id] = {username, member};
  ids_[username] = id;
  v1::ExportRecord record;
  v1::Actor* actor = record.mutable_actor()->mutable_actor();
  actor->set_id(id);
  actor->set_type(v1::ACTOR_TYPE_HUMAN);
  actor->set_username(username);
  actor->set_display_name(username);
  JsonObject* facts =
      (*actor->mutable_metadata()->mutable_fields())["slack"].mutable_struct_value();
  SetFact("id", id, facts);
  return record;
}

std::optional<v1::ExportRecord> SlackDirectory::AddUser(const JsonObject& user) {
  const std::string& id = TextOf(user, "id");
  if (!IsSlackId(id) || Knows(id)) return std::nullopt;
  const JsonObject& profile = ObjectOf(user, "profile");
  const bool deleted = FlagOf(user, "deleted");
  const bool bot = FlagOf(user, "is_bot") || id == "USLACKBOT";
  v1::ExportRecord record = Enter(id, TextOf(user, "name"), !deleted);
  v1::ExportActor* entry = record.mutable_actor();
  v1::Actor* actor = entry->mutable_actor();
  const std::string name = FirstOf({TextOf(profile, "display_name"), TextOf(profile, "real_name"),
                                    TextOf(user, "real_name"), TextOf(user, "name")});
  if (!name.empty()) actor->set_display_name(name);
  JsonObject* facts =
      (*actor->mutable_metadata()->mutable_fields())["slack"].mutable_struct_value();
  SetFact("title", TextOf(profile, "title"), facts);
  SetFact("time_zone", TextOf(user, "tz"), facts);
  if (bot) {
    actor->set_type(v1::ACTOR_TYPE_AGENT);
    actor->mutable_agent()->set_framework("slack");
    const std::string& bot_id = TextOf(profile, "bot_id");
    if (IsSlackId(bot_id)) users_of_bots_[bot_id] = id;
  } else if (const std::string& email = TextOf(profile, "email"); !email.empty()) {
    entry->set_email(email);
  }
  if (const std::string status = PlainName(TextOf(profile, "status_text"), kStatusMax);
      !status.empty()) {
    actor->set_status(status);
  }
  if (deleted) {
    const std::optional<int64_t> updated = WholeOf(user, "updated");
    *actor->mutable_deleted_at() =
        TimestampOfMicros(SlackTime(StrCat(updated.value_or(0))).value_or(kEarliest * kMicros));
  } else {
    entry->set_role(RoleOf(user));
  }
  return record;
}

std::optional<v1::ExportRecord> SlackDirectory::AddStranger(const std::string& id,
                                                            const JsonObject& profile) {
  if (!IsSlackId(id) || Knows(id)) return std::nullopt;
  v1::ExportRecord record = Enter(id, TextOf(profile, "name"), false);
  const std::string name = FirstOf(
      {TextOf(profile, "display_name"), TextOf(profile, "real_name"), TextOf(profile, "name")});
  if (!name.empty()) record.mutable_actor()->mutable_actor()->set_display_name(name);
  return record;
}

std::optional<v1::ExportRecord> SlackDirectory::AddBot(const std::string& id,
                                                       std::string_view name) {
  if (!IsSlackId(id) || Knows(id)) return std::nullopt;
  v1::ExportRecord record = Enter(id, name.empty() ? "app" : name, false);
  v1::Actor* actor = record.mutable_actor()->mutable_actor();
  actor->set_type(v1::ACTOR_TYPE_AGENT);
  actor->mutable_agent()->set_framework("slack");
  if (const std::string shown = FirstOf({name}); !shown.empty()) actor->set_display_name(shown);
  return record;
}

std::string SlackDirectory::UserOfBot(const std::string& bot_id) const {
  const auto at = users_of_bots_.find(bot_id);
  return at == users_of_bots_.end() ? "" : at->second;
}

bool SlackDirectory::IsMember(const std::string& id) const {
  const auto at = people_.find(id);
  return at != people_.end() && at->second.member;
}

std::string SlackDirectory::ActorOf(const std::string& username) const {
  const auto at = ids_.find(username);
  return at == ids_.end() ? "" : at->second;
}

std::string SlackDirectory::UsernameOf(std::string_view user_id) const {
  const auto at = people_.find(std::string(user_id));
  return at == people_.end() ? "" : at->second.username;
}

bool SlackDirectory::AddChannel(const std::string& id, std::string_view name) {
  if (!IsSlackId(id) || channels_.contains(id)) return false;
  std::string slug = SlugLike(name);
  if (slug.empty()) slug = SlugLike(StrCat("channel-", id));
  channels_[id] = slugs_.Take(slug);
  return true;
}

std::string SlackDirectory::ChannelNameOf(std::string_view channel_id) const {
  const auto at = channels_.find(std::string(channel_id));
  return at == channels_.end() ? "" : at->second;
}

}  // namespace heim
