#include "server/transfer/chats/mattermost_directory.h"

#include <algorithm>
#include <set>

#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

using google::protobuf::Value;

constexpr size_t kDisplayNameMax = 80;
constexpr size_t kUsernameThereMax = 64;
constexpr size_t kTopicMax = 250;
constexpr size_t kPurposeMax = 1000;
constexpr size_t kGroupDmMax = 9;
constexpr size_t kPathMaxBytes = 255;

bool HasRole(std::string_view roles, std::string_view role) {
  for (size_t at = roles.find(role); at != std::string_view::npos; at = roles.find(role, at + 1)) {
    const size_t end = at + role.size();
    if ((at == 0 || roles[at - 1] == ' ') && (end == roles.size() || roles[end] == ' '))
      return true;
  }
  return false;
}

// The entry of a user for the team; null when it is not of the team.
const JsonObject* TeamOf(const JsonObject& user, const std::string& team) {
  for (const Value& item : ListOf(user, "teams").values()) {
    if (TextOf(ObjectOf(item), "name") == team) return &ObjectOf(item);
  }
  return nullptr;
}

std::string DisplayName(const JsonObject& user) {
  const std::string full = StrCat(TextOf(user, "first_name"), " ", TextOf(user, "last_name"));
  for (const std::string& name : {TextOf(user, "nickname"), full, TextOf(user, "display_name")}) {
    if (std::string plain = PlainName(name, kDisplayNameMax); !plain.empty()) return plain;
  }
  return "";
}

v1::WorkspaceRole RoleOf(const JsonObject& user, const JsonObject& team) {
  const std::string& roles = TextOf(team, "roles");
  if (HasRole(TextOf(user, "roles"), "system_guest") || HasRole(roles, "team_guest")) {
    return v1::WORKSPACE_ROLE_GUEST;
  }
  return HasRole(roles, "team_admin") || HasRole(TextOf(user, "roles"), "system_admin")
             ? v1::WORKSPACE_ROLE_ADMIN
             : v1::WORKSPACE_ROLE_MEMBER;
}

std::string ActorId(const std::string& username) { return StrCat("u:", username); }

}  // namespace

std::optional<int64_t> PostTime(const JsonObject& object, const std::string& key) {
  constexpr int64_t kEarliest = 946684800000;
  constexpr int64_t kLatest = 4102444800000;
  const std::optional<int64_t> millis = WholeOf(object, key);
  return millis.has_value() && *millis >= kEarliest && *millis < kLatest ? millis : std::nullopt;
}

google::protobuf::Timestamp PostTimestamp(int64_t millis) {
  google::protobuf::Timestamp at;
  at.set_seconds(millis / 1000);
  at.set_nanos(static_cast<int32_t>(millis % 1000 * 1'000'000));
  return at;
}

uint32_t MattermostDirectory::NewChannel(const std::string& id) {
  const auto number = static_cast<uint32_t>(channel_ids_.size());
  numbers_[id] = number;
  channel_ids_.push_back(id);
  return number;
}

void MattermostDirectory::AddChannel(const JsonObject& channel, const std::string& place,
                                     Records* out) {
  if (TextOf(channel, "team") != team_) return;
  const std::string& name = TextOf(channel, "name");
  const std::string id = StrCat("c:", name);
  if (name.empty() || name.size() > 200 || numbers_.contains(id)) {
    problems_->Note("A channel without a name, or there twice, is left out", place);
    return;
  }
  NewChannel(id);
  v1::Channel* record = out->emplace_back().mutable_channel()->mutable_channel();
  record->set_id(id);
  std::string slug = SlugLike(name);
  if (slug.empty()) slug = "channel";
  record->set_name(slugs_.Take(slug));
  if (record->name() != name) {
    problems_->Note("A channel gets another name", place,
                    StrCat(PlainName(name, kTopicMax), " becomes ", record->name()));
  }
  record->set_type(TextOf(channel, "type") == "P" ? v1::CHANNEL_TYPE_PRIVATE
                                                  : v1::CHANNEL_TYPE_PUBLIC);
  record->set_topic(Clipped(StripUnsafeControls(TextOf(channel, "header")), kTopicMax));
  std::string purpose = TextOf(channel, "purpose");
  const std::string& shown = TextOf(channel, "display_name");
  if (purpose.empty() && SlugLike(shown) != slug) purpose = shown;
  record->set_purpose(Clipped(StripUnsafeControls(purpose), kPurposeMax));
  const int64_t deleted = WholeOf(channel, "deleted_at").value_or(0);
  record->set_archived(deleted > 0 || WholeOf(channel, "delete_at").value_or(0) > 0);
}

void MattermostDirectory::AddUser(const JsonObject& user, const std::string& place, Records* out) {
  const std::string username = AsciiLower(TextOf(user, "username"));
  if (username.empty() || username.size() > kUsernameThereMax || people_.contains(username)) {
    problems_->Note("A user without a name, or there twice, is left out", place);
    return;
  }
  Person* person = Known(username);
  person->display_name = DisplayName(user);
  person->deleted_ms = PostTime(user, "delete_at").value_or(0);
  const JsonObject* team = TeamOf(user, team_);
  // Who is of other teams only is told when a message or a conversation names it.
  if (team == nullptr) return;
  person->member = person->deleted_ms == 0;
  v1::ExportRecord record = RecordOf(username, person);
  v1::ExportActor* entry = record.mutable_actor();
  if (const std::string& email = TextOf(user, "email"); !email.empty()) entry->set_email(email);
  if (person->member) entry->set_role(RoleOf(user, *team));
  if (const std::string picture = PathOf(TextOf(user, "profile_image")); !picture.empty()) {
    entry->set_picture_path(picture);
  }
  if (const std::string position = PlainName(TextOf(user, "position"), 200); !position.empty()) {
    (*(*entry->mutable_actor()->mutable_metadata()->mutable_fields())["mattermost"]
          .mutable_struct_value()
          ->mutable_fields())["title"]
        .set_string_value(position);
  }
  out->push_back(std::move(record));
  if (person->member) Memberships(*team, ActorId(username), place, out);
}

void MattermostDirectory::Memberships(const JsonObject& team, const std::string& id,
                                      const std::string& place, Records* out) {
  std::set<std::string> joined;
  for (const Value& item : ListOf(team, "channels").values()) {
    const JsonObject& channel = ObjectOf(item);
    const std::string channel_id = StrCat("c:", TextOf(channel, "name"));
    if (!numbers_.contains(channel_id)) {
      problems_->Note("A member of a channel that is not in the archive", place);
      continue;
    }
    if (!joined.insert(channel_id).second) continue;
    const std::string& roles = TextOf(channel, "roles");
    v1::Member* member = out->emplace_back().mutable_member();
    member->set_channel_id(channel_id);
    member->mutable_actor()->set_id(id);
    member->set_role(HasRole(roles, "channel_admin")   ? v1::CHANNEL_ROLE_ADMIN
                     : HasRole(roles, "channel_guest") ? v1::CHANNEL_ROLE_GUEST
                                                       : v1::CHANNEL_ROLE_MEMBER);
  }
}

void MattermostDirectory::AddBot(const JsonObject& bot, const std::string& place, Records* out) {
  const std::string username = AsciiLower(TextOf(bot, "username"));
  if (username.empty() || username.size() > kUsernameThereMax || people_.contains(username)) {
    problems_->Note("A bot without a name, or there twice, is left out", place);
    return;
  }
  Person* person = Known(username);
  person->bot = true;
  person->display_name = PlainName(TextOf(bot, "display_name"), kDisplayNameMax);
  person->deleted_ms = PostTime(bot, "delete_at").value_or(0);
  v1::ExportRecord record = RecordOf(username, person);
  record.mutable_actor()->mutable_actor()->mutable_agent()->set_description(
      Clipped(StripUnsafeControls(TextOf(bot, "description")), 2000));
  out->push_back(std::move(record));
}

MattermostDirectory::Person* MattermostDirectory::Known(const std::string& username) {
  Person& person = people_[username];
  if (!person.here.empty()) return &person;
  std::string name = UsernameLike(username);
  if (name.empty()) name = "somebody";
  person.here = usernames_.Take(name);
  names_here_[person.here] = username;
  return &person;
}

v1::ExportRecord MattermostDirectory::RecordOf(const std::string& username, Person* person) {
  person->told = true;
  v1::ExportRecord record;
  v1::Actor* actor = record.mutable_actor()->mutable_actor();
  actor->set_id(ActorId(username));
  actor->set_type(person->bot ? v1::ACTOR_TYPE_AGENT : v1::ACTOR_TYPE_HUMAN);
  actor->set_username(person->here);
  actor->set_display_name(person->display_name.empty() ? person->here : person->display_name);
  if (person->bot) actor->mutable_agent()->set_framework("mattermost");
  if (person->deleted_ms > 0) *actor->mutable_deleted_at() = PostTimestamp(person->deleted_ms);
  return record;
}

std::string MattermostDirectory::Actor(const std::string& username, Records* out) {
  std::string name = AsciiLower(username).substr(0, kUsernameThereMax);
  if (name.empty()) name = "nobody";
  if (!people_.contains(name)) {
    problems_->Note("Somebody who is not among the users is taken over without an account", name);
  }
  Person* person = Known(name);
  if (!person->told) out->push_back(RecordOf(name, person));
  return ActorId(name);
}

std::string MattermostDirectory::ActorHere(const std::string& username) const {
  const auto at = names_here_.find(username);
  if (at == names_here_.end() || !people_.at(at->second).told) return "";
  return ActorId(at->second);
}

std::string MattermostDirectory::RenamedFrom(const std::string& username) const {
  const auto at = people_.find(username);
  return at == people_.end() || at->second.here == username ? "" : at->second.here;
}

std::optional<uint32_t> MattermostDirectory::Direct(const google::protobuf::ListValue& members,
                                                    std::string_view header, Records* out) {
  std::set<std::string> names;
  for (const Value& item : members.values()) {
    const std::string& name =
        item.has_struct_value() ? TextOf(item.struct_value(), "username") : item.string_value();
    if (!name.empty()) names.insert(AsciiLower(name).substr(0, kUsernameThereMax));
  }
  if (names.empty() || names.size() > kGroupDmMax) return std::nullopt;
  std::string all;
  for (const std::string& name : names) StrAppend(&all, name, "\n");
  const std::string id = StrCat("d:", HexEncode(Sha256(all)).substr(0, 32));
  if (const auto at = numbers_.find(id); at != numbers_.end()) return at->second;
  std::vector<std::string> ids;
  for (const std::string& name : names) ids.push_back(Actor(name, out));
  v1::ExportChannel* record = out->emplace_back().mutable_channel();
  record->mutable_channel()->set_id(id);
  record->mutable_channel()->set_type(ids.size() > 2 ? v1::CHANNEL_TYPE_GROUP_DM
                                                     : v1::CHANNEL_TYPE_DM);
  record->mutable_channel()->set_topic(Clipped(StripUnsafeControls(header), kTopicMax));
  *record->mutable_direct_member_ids() = {ids.begin(), ids.end()};
  for (const std::string& name : names) {
    if (!people_.at(name).member) continue;
    v1::Member* member = out->emplace_back().mutable_member();
    member->set_channel_id(id);
    member->mutable_actor()->set_id(ActorId(name));
    member->set_role(v1::CHANNEL_ROLE_MEMBER);
  }
  return NewChannel(id);
}

std::optional<uint32_t> MattermostDirectory::ChannelNumber(const std::string& name) const {
  const auto at = numbers_.find(StrCat("c:", name));
  return at == numbers_.end() ? std::nullopt : std::optional(at->second);
}

std::string MattermostDirectory::PathOf(const std::string& path) const {
  if (files_ == nullptr || path.empty()) return "";
  for (const std::string& whole : {StrCat("data/", path), path}) {
    if (!files_->Has(whole)) continue;
    // A longer path is found by its beginning, which ends behind the file's own id.
    if (whole.size() <= kPathMaxBytes) return whole;
    std::string beginning(Utf8Prefix(whole, kPathMaxBytes));
    if (files_->Resolve(beginning) == whole) return beginning;
  }
  return "";
}

}  // namespace heim
