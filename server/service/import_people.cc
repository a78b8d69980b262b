// The part of ImportWriter that is about actors, emoji and groups.
#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/people_limits.h"
#include "server/model/time.h"
#include "server/model/validate.h"
#include "server/service/import_writer.h"
#include "server/service/joining.h"
#include "server/service/pictures.h"

namespace heim {
namespace {

constexpr int kNameTries = 100;

// Whether the lookup found something; an error that is not "not found" is handed on.
template <class T>
absl::StatusOr<bool> IsThere(const absl::StatusOr<T>& found) {
  if (found.ok()) return true;
  if (absl::IsNotFound(found.status())) return false;
  return found.status();
}

absl::StatusOr<bool> IsHandle(ReadTx& tx, const WorkspaceId& workspace, const std::string& name) {
  HEIM_ASSIGN_OR_RETURN(const auto found, tx.groups.ResolveHandles(workspace, {name}));
  return !found.empty();
}

// The name, or the first of name-2, name-3 … that no person and no group has.
absl::StatusOr<std::string> FreeName(ReadTx& tx, const WorkspaceId& workspace,
                                     const std::string& wanted) {
  for (int i = 1; i <= kNameTries; ++i) {
    const std::string suffix = i == 1 ? "" : StrCat("-", i);
    const std::string name =
        wanted.substr(0, std::min(wanted.size(), kUsernameMaxLength - suffix.size())) + suffix;
    if (IsReservedUsername(name) || !IsUsername(name)) continue;
    HEIM_ASSIGN_OR_RETURN(const bool taken, IsThere(tx.actors.GetByUsername(name)));
    if (taken) continue;
    HEIM_ASSIGN_OR_RETURN(const bool handle, IsHandle(tx, workspace, name));
    if (!handle) return name;
  }
  return std::string();
}

bool IsKnownRole(v1::WorkspaceRole role) {
  return role >= v1::WORKSPACE_ROLE_OWNER && role <= v1::WORKSPACE_ROLE_GUEST;
}

}  // namespace

std::string UsernameOf(std::string_view name) {
  std::string out;
  for (const char c : AsciiLower(name)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                       (c == '.' && !out.empty());
    if (plain) out.push_back(c);
    if (!plain && !out.empty() && out.back() != '-') out.push_back('-');
    if (out.size() == kUsernameMaxLength) break;
  }
  while (!out.empty() && (out.back() == '.' || out.back() == '-')) out.pop_back();
  if (out.size() < kUsernameMinLength) out = "imported";
  return out;
}

absl::StatusOr<std::string> MatchActor(ReadTx& tx, const WorkspaceId& workspace,
                                       const v1::ExportActor& record) {
  const v1::Actor& actor = record.actor();
  const auto fits = [&](const v1::Actor& found) -> absl::StatusOr<bool> {
    if (found.type() != actor.type()) return false;
    return IsThere(tx.workspaces.GetMember(workspace, ActorId(found.id())));
  };
  if (IsEmail(record.email())) {
    const auto found = tx.actors.GetByEmail(record.email());
    HEIM_ASSIGN_OR_RETURN(const bool there, IsThere(found));
    if (there) {
      HEIM_ASSIGN_OR_RETURN(const bool fit, fits(*found));
      if (fit) return found->id();
    }
  }
  const auto found = tx.actors.GetByUsername(actor.username());
  HEIM_ASSIGN_OR_RETURN(const bool there, IsThere(found));
  if (!there) return std::string();
  HEIM_ASSIGN_OR_RETURN(const bool fit, fits(*found));
  if (!fit) return std::string();
  HEIM_ASSIGN_OR_RETURN(const std::string email, tx.exports.EmailOf(ActorId(found->id())));
  const bool other =
      !email.empty() && !record.email().empty() && !EqualsIgnoreCase(email, record.email());
  return other ? std::string() : found->id();
}

absl::StatusOr<v1::Actor> ImportWriter::NewProfile(const PreparedRecord& prepared,
                                                   std::string* problem) {
  const v1::Actor& given = prepared.record.actor().actor();
  HEIM_ASSIGN_OR_RETURN(const std::string username,
                        FreeName(tx_, known_.workspace(), UsernameOf(given.username())));
  if (username.empty()) return absl::NotFoundError("no username is free");
  if (username != given.username()) *problem = "its username is not free here and became another";
  v1::Actor actor = NewActor(ActorId(prepared.new_id), given.type(), username,
                             given.display_name().substr(0, 320), order_.now);
  *actor.mutable_created_at() = TimeOr(given.has_created_at(), given.created_at());
  *actor.mutable_updated_at() = TimeOr(given.has_updated_at(), given.updated_at());
  if (given.has_deleted_at()) *actor.mutable_deleted_at() = given.deleted_at();
  if (given.has_status()) actor.set_status(given.status());
  if (given.has_metadata()) *actor.mutable_metadata() = given.metadata();
  actor.set_revision(std::max<uint32_t>(1, given.revision()));
  if (given.has_avatar_url() && IsHttpUri(given.avatar_url())) {
    actor.set_avatar_url(given.avatar_url());
  }
  if (given.has_agent() && given.type() == v1::ACTOR_TYPE_AGENT) {
    *actor.mutable_agent() = given.agent();
    v1::AgentProfile& agent = *actor.mutable_agent();
    agent.set_activity(v1::AGENT_ACTIVITY_IDLE);
    HEIM_ASSIGN_OR_RETURN(const std::string owner, ActorOr(agent.owner_id(), order_.by));
    agent.set_owner_id(owner);
    HEIM_ASSIGN_OR_RETURN(const std::string boss,
                          known_.Find(tx_, ImportedKind::kActor, given.agent().reports_to_id()));
    agent.clear_reports_to_id();
    if (!boss.empty()) agent.set_reports_to_id(boss);
  }
  return actor;
}

ImportWriter::Fate ImportWriter::WriteActor(const PreparedRecord& prepared) {
  const v1::ExportActor& record = prepared.record.actor();
  const std::string& id = record.actor().id();
  HEIM_ASSIGN_OR_RETURN(const std::string known, known_.Find(tx_, ImportedKind::kActor, id));
  if (!known.empty()) return Matched();
  const v1::ActorType type = record.actor().type();
  if (type != v1::ACTOR_TYPE_HUMAN && type != v1::ACTOR_TYPE_AGENT) {
    return Skipped("an actor that is neither a person nor an agent");
  }
  HEIM_ASSIGN_OR_RETURN(const std::string match, MatchActor(tx_, known_.workspace(), record));
  if (!match.empty()) {
    HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kActor, id, match));
    return Matched();
  }
  std::string problem = prepared.problem;
  absl::StatusOr<v1::Actor> actor = NewProfile(prepared, &problem);
  if (absl::IsNotFound(actor.status())) return Skipped("no username is free for it");
  if (!actor.ok()) return actor.status();
  if (const absl::Status valid = Validate(*actor); !valid.ok()) {
    return Skipped(StrCat("a profile that is not taken: ", ToStd(valid.message())));
  }
  std::string email;
  if (IsEmail(record.email())) {
    HEIM_ASSIGN_OR_RETURN(const bool taken, IsThere(tx_.actors.GetByEmail(record.email())));
    if (taken) problem = "its e-mail address is not free here and was left out";
    if (!taken) email = record.email();
  }
  if (prepared.pictures.size() == 2) {
    actor->set_avatar_url(
        StrCat("/api/v1/actors/", actor->id(), "/avatar?v=", VersionOf(prepared.pictures[0])));
  }
  const absl::Status inserted = tx_.actors.Insert(*actor, email);
  if (ReasonOf(inserted) == v1::ERROR_REASON_USERNAME_TAKEN) {
    return Skipped("its username is kept for somebody who gave it up");
  }
  HEIM_RETURN_IF_ERROR(inserted);
  if (prepared.pictures.size() == 2) {
    HEIM_RETURN_IF_ERROR(
        tx_.avatars.Set({ActorId(actor->id()), prepared.pictures[0], prepared.pictures[1]}));
  }
  if (IsKnownRole(record.role())) {
    HEIM_RETURN_IF_ERROR(tx_.workspaces.InsertMember(
        known_.workspace(), ActorId(actor->id()), record.role(),
        FromTimestamp(TimeOr(record.has_joined_at(), record.joined_at()))));
  }
  HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kActor, id, actor->id()));
  return Created(std::move(problem));
}

ImportWriter::Fate ImportWriter::WriteEmoji(const PreparedRecord& prepared) {
  const v1::CustomEmoji& given = prepared.record.emoji().emoji();
  const absl::StatusOr<std::string> name = CustomEmojiName(given.name());
  if (!name.ok()) return Skipped("an emoji whose name is not taken");
  HEIM_ASSIGN_OR_RETURN(const bool there, tx_.custom_emoji.Exists(known_.workspace(), *name));
  if (there) return Matched();
  HEIM_ASSIGN_OR_RETURN(const std::string known,
                        known_.Find(tx_, ImportedKind::kEmoji, given.id()));
  if (!known.empty()) return Matched();
  if (prepared.pictures.empty()) {
    return Skipped(prepared.problem.empty() ? "an emoji without a picture" : prepared.problem);
  }
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx_.custom_emoji.Count(known_.workspace()));
  if (count >= kCustomEmojiMax) return Skipped("the workspace has all the emoji that it can have");
  EmojiRow row;
  row.picture = prepared.pictures[0];
  row.emoji.set_id(prepared.new_id);
  row.emoji.set_workspace_id(known_.workspace().str());
  row.emoji.set_name(*name);
  row.emoji.set_url(StrCat("/api/v1/emoji/", prepared.new_id, "/image?v=", VersionOf(row.picture)));
  HEIM_ASSIGN_OR_RETURN(const std::string by, ActorOr(given.created_by(), order_.by));
  row.emoji.set_created_by(by);
  *row.emoji.mutable_created_at() = TimeOr(given.has_created_at(), given.created_at());
  HEIM_RETURN_IF_ERROR(tx_.custom_emoji.Insert(row));
  HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kEmoji, given.id(), prepared.new_id));
  return Created(prepared.problem);
}

ImportWriter::Fate ImportWriter::WriteGroup(const PreparedRecord& prepared) {
  const v1::UserGroup& given = prepared.record.group();
  HEIM_ASSIGN_OR_RETURN(const std::string known,
                        known_.Find(tx_, ImportedKind::kGroup, given.id()));
  if (!known.empty()) return Matched();
  const std::string handle = UsernameOf(given.handle());
  HEIM_ASSIGN_OR_RETURN(const auto same, tx_.groups.ResolveHandles(known_.workspace(), {handle}));
  if (!same.empty()) {
    HEIM_RETURN_IF_ERROR(
        known_.Put(tx_, ImportedKind::kGroup, given.id(), same.front().second.str()));
    return Matched();
  }
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx_.groups.Count(known_.workspace()));
  if (count >= kUserGroupsMax) return Skipped("the workspace has all the groups that it can have");
  v1::UserGroup group = given;
  group.clear_member_ids();
  group.set_id(prepared.new_id);
  group.set_workspace_id(known_.workspace().str());
  HEIM_ASSIGN_OR_RETURN(const std::string free, FreeName(tx_, known_.workspace(), handle));
  if (free.empty()) return Skipped("no handle is free for it");
  group.set_handle(free);
  HEIM_ASSIGN_OR_RETURN(const std::string by, ActorOr(given.created_by(), order_.by));
  group.set_created_by(by);
  *group.mutable_created_at() = TimeOr(given.has_created_at(), given.created_at());
  *group.mutable_updated_at() = TimeOr(given.has_updated_at(), given.updated_at());
  group.set_revision(std::max<uint32_t>(1, given.revision()));
  if (const absl::Status valid = Validate(group); !valid.ok()) {
    return Skipped(StrCat("a group that is not taken: ", ToStd(valid.message())));
  }
  HEIM_RETURN_IF_ERROR(tx_.groups.Insert(group));
  int added = 0;
  for (const std::string& id : given.member_ids()) {
    HEIM_ASSIGN_OR_RETURN(const std::string member, known_.Find(tx_, ImportedKind::kActor, id));
    if (member.empty() || added == kUserGroupMembersMax) continue;
    HEIM_ASSIGN_OR_RETURN(const bool inside, IsWorkspaceMember(member));
    if (!inside) continue;
    HEIM_RETURN_IF_ERROR(tx_.groups.AddMember(GroupId(group.id()), ActorId(member)).status());
    ++added;
  }
  HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kGroup, given.id(), group.id()));
  return Created(free == given.handle() ? "" : "its handle is not free here and became another");
}

}  // namespace heim
