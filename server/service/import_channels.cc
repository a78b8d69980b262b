// The part of ImportWriter that is about channels and what hangs on them.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/time.h"
#include "server/model/validate.h"
#include "server/service/channel_writes.h"
#include "server/service/import_writer.h"

namespace heim {
namespace {

constexpr int kNameTries = 1000;
constexpr size_t kDirectMembersMax = 9;

absl::StatusOr<bool> HasName(ReadTx& tx, const WorkspaceId& workspace, const std::string& name) {
  const auto found = tx.channels.FindByName(workspace, name);
  if (found.ok()) return true;
  if (absl::IsNotFound(found.status())) return false;
  return found.status();
}

absl::StatusOr<std::string> FreeChannelName(ReadTx& tx, const WorkspaceId& workspace,
                                            const std::string& wanted) {
  for (int i = 1; i <= kNameTries; ++i) {
    const std::string suffix = i == 1 ? "" : StrCat("-", i);
    const std::string name =
        wanted.substr(0, std::min(wanted.size(), kSlugMaxLength - suffix.size())) + suffix;
    if (!CheckChannelName(name).ok()) continue;
    HEIM_ASSIGN_OR_RETURN(const bool taken, HasName(tx, workspace, name));
    if (!taken) return name;
  }
  return std::string();
}

bool IsNamed(v1::ChannelType type) {
  return type == v1::CHANNEL_TYPE_PUBLIC || type == v1::CHANNEL_TYPE_PRIVATE;
}

bool IsKnownRole(v1::ChannelRole role) {
  return role >= v1::CHANNEL_ROLE_OWNER && role <= v1::CHANNEL_ROLE_GUEST;
}

}  // namespace

std::string ChannelNameOf(std::string_view name) {
  std::string out;
  for (const char c : AsciiLower(name)) {
    const bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool plain = first || ((c == '_' || c == '-') && !out.empty());
    if (plain) out.push_back(c);
    if (!plain && !out.empty() && out.back() != '-') out.push_back('-');
    if (out.size() == kSlugMaxLength) break;
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "imported" : out;
}

absl::StatusOr<std::string> MatchChannel(ReadTx& tx, const WorkspaceId& workspace,
                                         const v1::Channel& channel) {
  if (!IsNamed(channel.type())) return std::string();
  const auto found = tx.channels.FindByName(workspace, AsciiLower(ChannelNameOf(channel.name())));
  if (absl::IsNotFound(found.status())) return std::string();
  if (!found.ok()) return found.status();
  const bool fits = found->type() == channel.type() && found->last_seq() == 0;
  return fits ? found->id() : std::string();
}

// Empty: one of them is not in the workspace.
absl::StatusOr<std::string> ImportWriter::DirectKey(const v1::ExportChannel& record) {
  std::vector<std::string> everyone;
  for (const std::string& id : record.direct_member_ids()) {
    HEIM_ASSIGN_OR_RETURN(std::string actor, known_.Find(tx_, ImportedKind::kActor, id));
    if (actor.empty()) return std::string();
    everyone.push_back(std::move(actor));
  }
  std::sort(everyone.begin(), everyone.end());
  everyone.erase(std::unique(everyone.begin(), everyone.end()), everyone.end());
  if (everyone.size() > kDirectMembersMax) return std::string();
  return absl::StrJoin(everyone, ",");
}

ImportWriter::Fate ImportWriter::WriteChannel(const PreparedRecord& prepared) {
  const v1::ExportChannel& record = prepared.record.channel();
  const std::string& id = record.channel().id();
  HEIM_ASSIGN_OR_RETURN(const std::string known, known_.Find(tx_, ImportedKind::kChannel, id));
  if (!known.empty()) return Matched();
  v1::Channel channel = record.channel();
  std::string dm_key;
  if (IsNamed(channel.type())) {
    HEIM_ASSIGN_OR_RETURN(const std::string match, MatchChannel(tx_, known_.workspace(), channel));
    if (!match.empty()) {
      HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kChannel, id, match));
      HEIM_RETURN_IF_ERROR(FurnishChannel(match, channel));
      return Matched();
    }
    HEIM_ASSIGN_OR_RETURN(const std::string name,
                          FreeChannelName(tx_, known_.workspace(), ChannelNameOf(channel.name())));
    if (name.empty()) return Skipped("no name is free for the channel");
    channel.set_name(name);
  } else if (IsDirect(channel.type())) {
    HEIM_ASSIGN_OR_RETURN(dm_key, DirectKey(record));
    if (dm_key.empty()) return Skipped("a direct conversation of somebody who was not taken over");
    const auto found = tx_.channels.FindByDmKey(known_.workspace(), dm_key);
    if (found.ok()) {
      HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kChannel, id, found->id()));
      return Matched();
    }
    if (!absl::IsNotFound(found.status())) return found.status();
    channel.clear_name();
  } else {
    return Skipped("a channel of no known kind");
  }
  return InsertChannel(prepared, std::move(channel), dm_key);
}

// What the empty channel does not say of itself the archive does.
absl::Status ImportWriter::FurnishChannel(const std::string& id, const v1::Channel& given) {
  HEIM_ASSIGN_OR_RETURN(v1::Channel channel, tx_.channels.Get(ChannelId(id)));
  if (!channel.topic().empty() || !channel.purpose().empty() || channel.revision() != 1) {
    return absl::OkStatus();
  }
  channel.set_topic(given.topic());
  channel.set_purpose(given.purpose());
  channel.set_revision(std::max<uint32_t>(1, given.revision()));
  if (given.has_updated_at()) *channel.mutable_updated_at() = given.updated_at();
  return Validate(channel).ok() ? tx_.channels.Update(channel) : absl::OkStatus();
}

ImportWriter::Fate ImportWriter::InsertChannel(const PreparedRecord& prepared, v1::Channel channel,
                                               std::string_view dm_key) {
  const v1::ExportChannel& record = prepared.record.channel();
  const v1::Channel& given = record.channel();
  channel.set_id(prepared.new_id);
  channel.set_workspace_id(known_.workspace().str());
  HEIM_ASSIGN_OR_RETURN(const std::string by, ActorOr(given.created_by(), order_.by));
  channel.set_created_by(by);
  *channel.mutable_created_at() = TimeOr(given.has_created_at(), given.created_at());
  channel.set_last_seq(0);
  channel.set_member_count(0);
  channel.clear_me();
  channel.set_revision(std::max<uint32_t>(1, given.revision()));
  if (const absl::Status valid = Validate(channel); !valid.ok()) {
    return Skipped(StrCat("a channel that is not taken: ", ToStd(valid.message())));
  }
  HEIM_RETURN_IF_ERROR(tx_.channels.Insert(channel, dm_key));
  if (record.open_from_seq() != 0) {
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx_.PeekPosition(known_.workspace()));
    HEIM_RETURN_IF_ERROR(
        tx_.channels.SetOpenFrom(ChannelId(channel.id()), {record.open_from_seq(), position}));
  }
  HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kChannel, given.id(), channel.id()));
  return Created(channel.name() == given.name() ? ""
                                                : "its name is not free here and became another");
}

ImportWriter::Fate ImportWriter::WriteMember(const PreparedRecord& prepared) {
  const v1::Member& given = prepared.record.member();
  HEIM_ASSIGN_OR_RETURN(const std::string channel,
                        known_.Find(tx_, ImportedKind::kChannel, given.channel_id()));
  HEIM_ASSIGN_OR_RETURN(const std::string actor,
                        known_.Find(tx_, ImportedKind::kActor, given.actor().id()));
  if (channel.empty() || actor.empty()) return Skipped("a member that was not taken over");
  const ChannelId channel_id(channel);
  const auto row = tx_.channels.Get(channel_id);
  if (absl::IsNotFound(row.status())) return Skipped("the channel was deleted here");
  if (!row.ok()) return row.status();
  HEIM_ASSIGN_OR_RETURN(const bool inside, IsWorkspaceMember(actor));
  if (!inside) return Skipped("a member that is not in the workspace");
  HEIM_ASSIGN_OR_RETURN(const bool there, tx_.members.Has(channel_id, ActorId(actor)));
  if (there) return Matched();
  v1::Member member;
  member.set_channel_id(channel);
  member.mutable_actor()->set_id(actor);
  member.set_role(IsKnownRole(given.role()) ? given.role() : v1::CHANNEL_ROLE_MEMBER);
  *member.mutable_joined_at() = TimeOr(given.has_joined_at(), given.joined_at());
  // Nothing that was said before the import is news to anybody.
  member.set_last_read_seq(row->last_seq());
  member.set_revision(std::max<uint32_t>(1, given.revision()));
  member.set_history_from_seq(given.history_from_seq());
  HEIM_ASSIGN_OR_RETURN(const uint64_t next, tx_.PeekPosition(known_.workspace()));
  // Of no event of its own: the next event finds the member there.
  HEIM_RETURN_IF_ERROR(tx_.members.Insert(member, next - 1));
  return Created();
}

ImportWriter::Fate ImportWriter::WriteBookmark(const PreparedRecord& prepared) {
  const v1::Bookmark& given = prepared.record.bookmark();
  HEIM_ASSIGN_OR_RETURN(const std::string known,
                        known_.Find(tx_, ImportedKind::kBookmark, given.id()));
  if (!known.empty()) return Matched();
  HEIM_ASSIGN_OR_RETURN(const std::string channel,
                        known_.Find(tx_, ImportedKind::kChannel, given.channel_id()));
  if (channel.empty()) return Skipped("a bookmark of a channel that was not taken over");
  const auto row = tx_.channels.Get(ChannelId(channel));
  if (absl::IsNotFound(row.status())) return Skipped("the channel was deleted here");
  HEIM_RETURN_IF_ERROR(row.status());
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx_.bookmarks.Count(ChannelId(channel)));
  if (count >= kBookmarksMax) return Skipped("the channel has all the bookmarks it can have");
  v1::Bookmark bookmark = given;
  bookmark.set_id(prepared.new_id);
  bookmark.set_channel_id(channel);
  HEIM_ASSIGN_OR_RETURN(const std::string by, ActorOr(given.created_by(), order_.by));
  bookmark.set_created_by(by);
  *bookmark.mutable_created_at() = TimeOr(given.has_created_at(), given.created_at());
  bookmark.set_revision(std::max<uint32_t>(1, given.revision()));
  if (!IsLink(bookmark.url()) || !Validate(bookmark).ok()) {
    return Skipped("a bookmark that is not taken");
  }
  HEIM_RETURN_IF_ERROR(tx_.bookmarks.Insert(bookmark));
  HEIM_RETURN_IF_ERROR(known_.Put(tx_, ImportedKind::kBookmark, given.id(), bookmark.id()));
  return Created();
}

ImportWriter::Fate ImportWriter::WritePin(const PreparedRecord& prepared) {
  const v1::Pin& given = prepared.record.pin();
  HEIM_ASSIGN_OR_RETURN(const std::string message,
                        known_.Find(tx_, ImportedKind::kMessage, given.message_id()));
  if (message.empty()) return Skipped("a pin of a message that was not taken over");
  const auto row = tx_.messages.Get(MessageId(message));
  if (absl::IsNotFound(row.status()) || (row.ok() && row->has_deleted_at())) {
    return Skipped("the message was deleted here");
  }
  HEIM_RETURN_IF_ERROR(row.status());
  v1::Pin pin;
  pin.set_channel_id(row->channel_id());
  pin.set_message_id(message);
  HEIM_ASSIGN_OR_RETURN(const auto there,
                        tx_.pins.Find(ChannelId(row->channel_id()), MessageId(message)));
  if (there.has_value()) return Matched();
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx_.pins.Count(ChannelId(row->channel_id())));
  if (count >= kPinsMax) return Skipped("the channel has all the pins it can have");
  HEIM_ASSIGN_OR_RETURN(const std::string by, ActorOr(given.pinned_by(), order_.by));
  pin.set_pinned_by(by);
  *pin.mutable_pinned_at() = TimeOr(given.has_pinned_at(), given.pinned_at());
  HEIM_RETURN_IF_ERROR(tx_.pins.Add(pin).status());
  return Created();
}

ImportWriter::Fate ImportWriter::WriteWorkspace(const PreparedRecord& prepared) {
  if (!order_.take_settings) return Matched();
  const v1::Workspace& given = prepared.record.workspace();
  HEIM_ASSIGN_OR_RETURN(v1::Workspace workspace, tx_.workspaces.Get(known_.workspace()));
  v1::Workspace changed = workspace;
  changed.set_name(given.name());
  const auto own = workspace.settings().fields().find("default_channel_id");
  *changed.mutable_settings() = given.settings();
  auto& fields = *changed.mutable_settings()->mutable_fields();
  const auto named = fields.find("default_channel_id");
  std::string channel;
  if (named != fields.end()) {
    HEIM_ASSIGN_OR_RETURN(channel,
                          known_.Find(tx_, ImportedKind::kChannel, named->second.string_value()));
    fields.erase("default_channel_id");
  }
  if (channel.empty() && own != workspace.settings().fields().end()) {
    channel = own->second.string_value();
  }
  if (!channel.empty()) fields["default_channel_id"].set_string_value(channel);
  if (const absl::Status valid = Validate(changed); !valid.ok()) {
    return Skipped(StrCat("settings that are not taken: ", ToStd(valid.message())));
  }
  if (changed.SerializeAsString() == workspace.SerializeAsString()) return Matched();
  changed.set_revision(workspace.revision() + 1);
  HEIM_RETURN_IF_ERROR(tx_.workspaces.Update(changed));
  v1::Event event;
  event.set_actor_id(order_.by.str());
  *event.mutable_timestamp() = ToTimestamp(order_.now);
  *event.mutable_workspace_updated()->mutable_workspace() = std::move(changed);
  HEIM_RETURN_IF_ERROR(tx_.Emit(known_.workspace(), std::move(event)).status());
  return Created();
}

}  // namespace heim
