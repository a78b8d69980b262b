// The walk through a whole workspace.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/archive_filler.h"
#include "server/service/export_walk.h"

namespace heim {
namespace {

constexpr uint32_t kPage = 100;
// A page of messages is held as a whole, and each may be large.
constexpr uint32_t kMessagePage = 50;

class WorkspaceWalk final : public ExportWalk {
 public:
  WorkspaceWalk(const ExportTools& tools, ExportOrder order)
      : tools_(tools),
        order_(std::move(order)),
        workspace_(order_.caller.workspace_id),
        filler_(tools.blobs, tools.codec, workspace_, order_.at) {}

  absl::StatusOr<bool> Next(std::string* out) override {
    HEIM_ASSIGN_OR_RETURN(const bool drained, filler_.Drain(out));
    if (drained) return true;
    if (stage_ == Stage::kEnd) return false;
    if (stage_ == Stage::kFinish) {
      filler_.Finish(out);
      stage_ = Stage::kEnd;
      return true;
    }
    HEIM_RETURN_IF_ERROR(tools_.store.Read([&](ReadTx& tx) -> absl::Status {
      HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, order_.caller, Permission::kExportWorkspace));
      return Step(tx);
    }));
    return true;
  }

 private:
  // In the order of the archive; those of a channel repeat.
  enum class Stage {
    kHeader,
    kMembers,
    kEmoji,
    kGroups,
    kChannel,
    kChannelMembers,
    kBookmarks,
    kMessages,
    kPins,
    kWorkspace,
    kFinish,
    kEnd
  };

  void Go(Stage stage) {
    stage_ = stage;
    after_.clear();
  }

  absl::Status Step(ReadTx& tx) {
    switch (stage_) {
      case Stage::kHeader:
        return AddHeader(tx);
      case Stage::kMembers:
        return AddMembers(tx);
      case Stage::kEmoji:
        return AddEmoji(tx);
      case Stage::kGroups:
        return AddGroups(tx);
      case Stage::kChannel:
        return AddChannel(tx);
      case Stage::kChannelMembers:
        return AddChannelMembers(tx);
      case Stage::kBookmarks:
        return AddBookmarks(tx);
      case Stage::kMessages:
        return AddMessages(tx);
      case Stage::kPins:
        return AddPins(tx);
      case Stage::kWorkspace:
        return AddWorkspace(tx);
      case Stage::kFinish:
      case Stage::kEnd:
        break;
    }
    return absl::OkStatus();
  }

  absl::Status AddHeader(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.Get(workspace_));
    HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace_));
    v1::ExportHeader& header = *filler_.Add().mutable_header();
    header.set_format(kArchiveFormat);
    header.set_product("heim");
    header.set_product_version(order_.server_version);
    header.set_source_id(workspace_.str());
    header.set_source_name(workspace.name());
    header.set_scope(v1::EXPORT_SCOPE_WORKSPACE);
    *header.mutable_exported_at() = ToTimestamp(order_.at);
    header.set_position(head.position);
    Go(Stage::kMembers);
    return absl::OkStatus();
  }

  absl::Status AddMembers(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<ExportedMember> page,
                          tx.exports.Members(workspace_, after_, kPage));
    for (const ExportedMember& member : page) {
      HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, member.actor));
      after_ = member.actor.str();
    }
    if (page.size() < kPage) Go(Stage::kEmoji);
    return absl::OkStatus();
  }

  absl::Status AddEmoji(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::CustomEmoji> page,
                          tx.custom_emoji.List(workspace_, after_, kPage));
    for (const v1::CustomEmoji& emoji : page) {
      HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(emoji.created_by())));
      HEIM_ASSIGN_OR_RETURN(const EmojiRow row, tx.custom_emoji.Get(workspace_, emoji.id()));
      HEIM_RETURN_IF_ERROR(filler_.AddEmoji(row));
      after_ = emoji.name();
    }
    if (page.size() < kPage) Go(Stage::kGroups);
    return absl::OkStatus();
  }

  absl::Status AddGroups(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> page,
                          tx.exports.Groups(workspace_, after_, kPage));
    for (const std::string& id : page) {
      HEIM_ASSIGN_OR_RETURN(v1::UserGroup group, tx.groups.Get(workspace_, GroupId(id)));
      HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(group.created_by())));
      for (const std::string& member : group.member_ids()) {
        HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(member)));
      }
      group.clear_workspace_id();
      *filler_.Add().mutable_group() = std::move(group);
      after_ = id;
    }
    if (page.size() < kPage) Go(Stage::kChannel);
    return absl::OkStatus();
  }

  absl::Status AddChannel(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<ExportedChannel> next,
                          tx.exports.Channels(workspace_, channel_.str(), 1));
    if (next.empty()) {
      Go(Stage::kWorkspace);
      return absl::OkStatus();
    }
    channel_ = next[0].id;
    HEIM_ASSIGN_OR_RETURN(v1::Channel channel, tx.channels.Get(channel_));
    last_seq_ = channel.last_seq();
    HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(channel.created_by())));
    v1::ExportChannel added;
    for (const absl::string_view id : absl::StrSplit(next[0].dm_key, ',', absl::SkipEmpty())) {
      HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(ToStd(id))));
      added.add_direct_member_ids(std::string(id));
    }
    HEIM_ASSIGN_OR_RETURN(const HistoryStart open, tx.channels.OpenFrom(channel_));
    added.set_open_from_seq(open.seq);
    channel.clear_workspace_id();
    *added.mutable_channel() = std::move(channel);
    *filler_.Add().mutable_channel() = std::move(added);
    Go(Stage::kChannelMembers);
    return absl::OkStatus();
  }

  absl::Status AddChannelMembers(ReadTx& tx) {
    // By id: by the time of joining, who joins another way in another workspace would stand
    // elsewhere.
    HEIM_ASSIGN_OR_RETURN(const std::vector<ActorId> all, tx.calls.MembersOf(channel_));
    auto next = std::upper_bound(all.begin(), all.end(), ActorId(after_));
    for (uint32_t i = 0; i < kPage && next != all.end(); ++i, ++next) {
      HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, *next));
      HEIM_ASSIGN_OR_RETURN(v1::Member member, tx.members.Get(channel_, *next));
      member.clear_actor();
      member.mutable_actor()->set_id(next->str());
      member.clear_last_read_at();
      member.clear_last_read_seq();
      member.clear_muted();
      *filler_.Add().mutable_member() = std::move(member);
      after_ = next->str();
    }
    if (next == all.end()) Go(Stage::kBookmarks);
    return absl::OkStatus();
  }

  absl::Status AddBookmarks(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Bookmark> page,
                          tx.bookmarks.List(channel_, after_, kPage));
    for (v1::Bookmark& bookmark : page) {
      HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(bookmark.created_by())));
      after_ = bookmark.id();
      *filler_.Add().mutable_bookmark() = std::move(bookmark);
    }
    if (page.size() < kPage) {
      Go(Stage::kMessages);
      after_seq_ = 0;
    }
    return absl::OkStatus();
  }

  // Up to where the channel went when the export came to it.
  absl::Status AddMessages(ReadTx& tx) {
    MessagePage page;
    page.ascending = true;
    page.after_seq = after_seq_;
    page.include_replies = true;
    page.limit = kMessagePage;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Message> messages, tx.messages.List(channel_, page));
    const bool more = messages.size() == kMessagePage && messages.back().seq() < last_seq_;
    for (v1::Message& message : messages) {
      if (message.seq() > last_seq_) break;
      after_seq_ = message.seq();
      HEIM_RETURN_IF_ERROR(
          filler_.AddMessage(tx, std::move(message), ArchiveFiller::Reactions::kAll));
    }
    if (!more) Go(Stage::kPins);
    return absl::OkStatus();
  }

  // At most kPinsMax.
  absl::Status AddPins(ReadTx& tx) {
    PinKey after;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Pin> pins, tx.pins.List(channel_, after, kPinPage));
    for (auto pin = pins.rbegin(); pin != pins.rend(); ++pin) {
      HEIM_ASSIGN_OR_RETURN(const v1::Message message,
                            tx.messages.Get(MessageId(pin->message_id())));
      if (message.seq() > last_seq_) continue;
      HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(pin->pinned_by())));
      *filler_.Add().mutable_pin() = std::move(*pin);
    }
    Go(Stage::kChannel);
    return absl::OkStatus();
  }

  absl::Status AddWorkspace(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(v1::Workspace workspace, tx.workspaces.Get(workspace_));
    HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, ActorId(workspace.owner_id())));
    *filler_.Add().mutable_workspace() = std::move(workspace);
    Go(Stage::kFinish);
    return absl::OkStatus();
  }

  static constexpr uint32_t kPinPage = 1000;

  const ExportTools tools_;
  const ExportOrder order_;
  const WorkspaceId workspace_;
  ArchiveFiller filler_;
  Stage stage_ = Stage::kHeader;
  std::string after_;  // of the list that is gone through
  ChannelId channel_;
  uint64_t after_seq_ = 0;
  uint64_t last_seq_ = 0;
};

}  // namespace

std::unique_ptr<ExportWalk> WalkWorkspace(const ExportTools& tools, ExportOrder order) {
  return std::make_unique<WorkspaceWalk>(tools, std::move(order));
}

}  // namespace heim
