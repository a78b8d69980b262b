#include "server/service/mentioning.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/mentions.h"
#include "server/service/access.h"

namespace heim {
namespace {

// What the names in a text mean in a workspace.
struct Names {
  std::map<std::string, ActorId> actors;
  std::map<std::string, GroupId> groups;  // that are no usernames
};

absl::StatusOr<Names> ResolveNames(ReadTx& tx, const WorkspaceId& workspace,
                                   const std::vector<MentionToken>& tokens) {
  std::set<std::string> wanted;
  for (const MentionToken& token : tokens) {
    if (token.type == v1::MENTION_TYPE_ACTOR) wanted.insert(token.username);
  }
  Names names;
  if (wanted.empty()) return names;
  HEIM_ASSIGN_OR_RETURN(const auto actors,
                        tx.actors.ResolveUsernames(
                            workspace, std::vector<std::string>(wanted.begin(), wanted.end())));
  names.actors.insert(actors.begin(), actors.end());
  for (const auto& [name, id] : actors) wanted.erase(name);
  if (wanted.empty()) return names;
  HEIM_ASSIGN_OR_RETURN(
      const auto groups,
      tx.groups.ResolveHandles(workspace, std::vector<std::string>(wanted.begin(), wanted.end())));
  names.groups.insert(groups.begin(), groups.end());
  return names;
}

bool IsGroupToken(const MentionToken& token, const Names& names) {
  return token.type != v1::MENTION_TYPE_ACTOR || names.groups.count(token.username) != 0;
}

// Whether the groups in the text are called.
absl::StatusOr<bool> CallsGroups(ReadTx& tx, const WorkspaceId& workspace,
                                 const v1::Message& message, CrowdMentions crowd) {
  HEIM_ASSIGN_OR_RETURN(const bool may, MayMentionGroups(tx, workspace, message.actor()));
  if (!may || crowd == CrowdMentions::kConfirmed) return may;
  HEIM_ASSIGN_OR_RETURN(const v1::Channel channel,
                        tx.channels.Get(ChannelId(message.channel_id())));
  if (channel.member_count() <= kUnconfirmedMentionMembersMax) return true;
  if (crowd == CrowdMentions::kLeaveAsText) return false;
  return ErrorBuilder(v1::ERROR_REASON_CONFIRMATION_REQUIRED,
                      StrCat("The message would call many of ", channel.member_count(),
                             " members; send it with confirm_group_mention"))
      .Detail("member_count", channel.member_count())
      .Build();
}

}  // namespace

absl::Status FillMentions(ReadTx& tx, const WorkspaceId& workspace, v1::Message* message,
                          CrowdMentions crowd) {
  message->clear_mentions();
  const std::vector<MentionToken> tokens =
      FindMentions(message->content(), message->content_type());
  if (tokens.empty()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const Names names, ResolveNames(tx, workspace, tokens));
  const bool any = std::any_of(tokens.begin(), tokens.end(), [&](const MentionToken& token) {
    return IsGroupToken(token, names);
  });
  bool calls_groups = false;
  if (any) {
    HEIM_ASSIGN_OR_RETURN(calls_groups, CallsGroups(tx, workspace, *message, crowd));
  }
  for (const MentionToken& token : tokens) {
    const auto actor = names.actors.find(token.username);
    const auto group = names.groups.find(token.username);
    const bool names_actor = token.type == v1::MENTION_TYPE_ACTOR && actor != names.actors.end();
    if (!names_actor && !(calls_groups && IsGroupToken(token, names))) continue;
    v1::Mention& mention = *message->add_mentions();
    mention.set_type(token.type);
    mention.set_start(token.start);
    mention.set_length(token.length);
    if (names_actor) {
      mention.set_actor_id(actor->second.str());
    } else if (group != names.groups.end()) {
      mention.set_type(v1::MENTION_TYPE_GROUP);
      mention.set_group_id(group->second.str());
    }
  }
  return absl::OkStatus();
}

bool MentionsAGroup(const v1::Message& message) {
  return std::any_of(
      message.mentions().begin(), message.mentions().end(),
      [](const v1::Mention& mention) { return mention.type() != v1::MENTION_TYPE_ACTOR; });
}

namespace {

// Groups by id, and those present as `here`.
std::set<std::string> CalledGroups(const v1::Message& message) {
  std::set<std::string> called;
  for (const v1::Mention& mention : message.mentions()) {
    if (mention.type() == v1::MENTION_TYPE_GROUP) called.insert(mention.group_id());
    if (mention.type() == v1::MENTION_TYPE_HERE) called.emplace(GroupCalls::kHere);
  }
  return called;
}

absl::Status CallPresent(WriteTx& tx, const PresenceBook& presence, const v1::Message& message) {
  const ChannelId channel(message.channel_id());
  HEIM_ASSIGN_OR_RETURN(std::vector<ActorId> members, tx.calls.MembersOf(channel));
  const auto absent = [&](const ActorId& member) {
    return member.str() == message.actor().id() ||
           presence.Get(member, std::nullopt).presence() == v1::PRESENCE_OFFLINE;
  };
  members.erase(std::remove_if(members.begin(), members.end(), absent), members.end());
  return tx.calls.CallPresent(channel, message.seq(), members);
}

}  // namespace

absl::Status CallGroups(WriteTx& tx, const PresenceBook* presence, const v1::Message* before,
                        const v1::Message& message) {
  std::set<std::string> called = CalledGroups(message);
  if (before != nullptr) {
    for (const std::string& old : CalledGroups(*before)) called.erase(old);
  }
  for (const std::string& group : called) {
    if (group != GroupCalls::kHere) {
      HEIM_RETURN_IF_ERROR(
          tx.calls.CallGroup(ChannelId(message.channel_id()), message.seq(), GroupId(group)));
    } else if (presence != nullptr) {
      HEIM_RETURN_IF_ERROR(CallPresent(tx, *presence, message));
    }
  }
  return absl::OkStatus();
}

}  // namespace heim
