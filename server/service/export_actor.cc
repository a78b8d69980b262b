// The walk through what belongs to one actor.
#include <algorithm>
#include <utility>
#include <vector>

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
// Stretch of a channel that is looked through for the actor's messages at once.
constexpr uint64_t kSeqsAtOnce = 2000;

class ActorWalk final : public ExportWalk {
 public:
  ActorWalk(const ExportTools& tools, ExportOrder order)
      : tools_(tools),
        order_(std::move(order)),
        workspace_(order_.caller.workspace_id),
        me_(order_.caller.actor_id),
        filler_(tools.blobs, tools.codec, workspace_, order_.at, me_) {}

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
      HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, order_.caller, Permission::kExportOwnData));
      return Step(tx);
    }));
    return true;
  }

 private:
  enum class Stage {
    kProfile,
    kChannel,
    kMessages,
    kFiles,
    kSaved,
    kDrafts,
    kScheduled,
    kReadStates,
    kFollows,
    kSettings,
    kSessions,
    kKeys,
    kFinish,
    kEnd
  };

  void Go(Stage stage) {
    stage_ = stage;
    after_.clear();
    after_thread_.clear();
    before_ms_ = 0;
  }

  absl::Status Step(ReadTx& tx) {
    switch (stage_) {
      case Stage::kProfile:
        return AddProfile(tx);
      case Stage::kChannel:
        return AddChannel(tx);
      case Stage::kMessages:
        return AddMessages(tx);
      case Stage::kFiles:
        return AddFiles(tx);
      case Stage::kSaved:
        return AddSaved(tx);
      case Stage::kDrafts:
        return AddDrafts(tx);
      case Stage::kScheduled:
        return AddScheduled(tx);
      case Stage::kReadStates:
        return AddReadStates(tx);
      case Stage::kFollows:
        return AddFollows(tx);
      case Stage::kSettings:
        return AddSettings(tx);
      case Stage::kSessions:
        return AddSessions(tx);
      case Stage::kKeys:
        return AddKeys(tx);
      case Stage::kFinish:
      case Stage::kEnd:
        break;
    }
    return absl::OkStatus();
  }

  absl::Status AddProfile(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.Get(workspace_));
    HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace_));
    v1::ExportHeader& header = *filler_.Add().mutable_header();
    header.set_format(kArchiveFormat);
    header.set_product("heim");
    header.set_product_version(order_.server_version);
    header.set_source_id(workspace_.str());
    header.set_source_name(workspace.name());
    header.set_scope(v1::EXPORT_SCOPE_ACTOR);
    *header.mutable_exported_at() = ToTimestamp(order_.at);
    header.set_position(head.position);
    HEIM_RETURN_IF_ERROR(filler_.AddActor(tx, me_));
    Go(Stage::kChannel);
    return absl::OkStatus();
  }

  // All channels are gone through: what was said in one that the actor has left is its own too. Of
  // a channel that it may not see any more, only the id and the kind are told.
  absl::Status AddChannel(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<ExportedChannel> next,
                          tx.exports.Channels(workspace_, channel_.str(), 1));
    if (next.empty()) {
      Go(Stage::kFiles);
      return absl::OkStatus();
    }
    channel_ = next[0].id;
    after_seq_ = 0;
    told_ = false;
    HEIM_ASSIGN_OR_RETURN(v1::Channel channel, tx.channels.GetFor(channel_, me_));
    last_seq_ = channel.last_seq();
    const bool member = channel.has_me();
    const bool visible = AccessChannel(tx, order_.caller, channel_, Permission::kReadChannel).ok();
    shown_ = v1::Channel();
    shown_.set_id(channel.id());
    shown_.set_type(channel.type());
    if (visible) {
      shown_ = channel;
      shown_.clear_me();
      shown_.clear_workspace_id();
      shown_.clear_created_by();
    }
    if (member) {
      TellChannel();
      v1::Member& me = *filler_.Add().mutable_member();
      me = channel.me();
      me.mutable_actor()->Clear();
      me.mutable_actor()->set_id(me_.str());
    }
    Go(Stage::kMessages);
    return absl::OkStatus();
  }

  void TellChannel() {
    if (std::exchange(told_, true)) return;
    *filler_.Add().mutable_channel()->mutable_channel() = shown_;
  }

  absl::Status AddMessages(ReadTx& tx) {
    if (after_seq_ >= last_seq_) {
      Go(Stage::kChannel);
      return absl::OkStatus();
    }
    const SeqRange range = {after_seq_, std::min(last_seq_, after_seq_ + kSeqsAtOnce)};
    HEIM_ASSIGN_OR_RETURN(const std::vector<MessageId> own,
                          tx.exports.AuthoredIn(channel_, me_, range));
    size_t added = 0;
    for (const MessageId& id : own) {
      HEIM_ASSIGN_OR_RETURN(v1::Message message, tx.messages.Get(id));
      after_seq_ = message.seq();
      TellChannel();
      HEIM_RETURN_IF_ERROR(
          filler_.AddMessage(tx, std::move(message), ArchiveFiller::Reactions::kNone));
      if (++added == kPage) return absl::OkStatus();
    }
    after_seq_ = range.to;
    return absl::OkStatus();
  }

  absl::Status AddFiles(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<FileId> page,
                          tx.exports.FilesOf(workspace_, me_, after_, kPage));
    for (const FileId& id : page) {
      HEIM_RETURN_IF_ERROR(filler_.AddFile(tx, id));
      after_ = id.str();
    }
    if (page.size() < kPage) Go(Stage::kSaved);
    return absl::OkStatus();
  }

  absl::Status AddSaved(ReadTx& tx) {
    SavedFilter filter;
    filter.before_saved_at_ms = before_ms_;
    filter.before_message_id = after_;
    filter.limit = kPage;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::SavedItem> page,
                          tx.saved.List({me_, workspace_}, filter));
    for (v1::SavedItem& item : page) {
      before_ms_ = absl::ToUnixMillis(FromTimestamp(item.saved_at()));
      after_ = item.message_id();
      *filler_.Add().mutable_saved() = std::move(item);
    }
    if (page.size() < kPage) Go(Stage::kDrafts);
    return absl::OkStatus();
  }

  absl::Status AddDrafts(ReadTx& tx) {
    DraftPage filter;
    filter.actor = me_;
    filter.workspace = workspace_;
    filter.before_ms = before_ms_;
    filter.before_channel = after_;
    filter.before_thread = after_thread_;
    filter.limit = kPage;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Draft> page, tx.message_drafts.List(filter));
    for (v1::Draft& draft : page) {
      before_ms_ = absl::ToUnixMillis(FromTimestamp(draft.updated_at()));
      after_ = draft.channel_id();
      after_thread_ = draft.thread_id();
      *filler_.Add().mutable_draft() = std::move(draft);
    }
    if (page.size() < kPage) Go(Stage::kScheduled);
    return absl::OkStatus();
  }

  absl::Status AddScheduled(ReadTx& tx) {
    ScheduledPage filter;
    filter.actor = me_;
    filter.workspace = workspace_;
    filter.after_ms = before_ms_;
    filter.after_id = after_;
    filter.limit = kPage;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::ScheduledMessage> page,
                          tx.scheduled_messages.List(filter));
    for (v1::ScheduledMessage& message : page) {
      before_ms_ = absl::ToUnixMillis(FromTimestamp(message.send_at()));
      after_ = message.id();
      *filler_.Add().mutable_scheduled() = std::move(message);
    }
    if (page.size() < kPage) Go(Stage::kReadStates);
    return absl::OkStatus();
  }

  absl::Status AddReadStates(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::ReadState> page,
                          tx.members.ReadStates(workspace_, me_, after_, kPage));
    for (v1::ReadState& state : page) {
      after_ = state.channel_id();
      *filler_.Add().mutable_read_state() = std::move(state);
    }
    if (page.size() < kPage) Go(Stage::kFollows);
    return absl::OkStatus();
  }

  absl::Status AddFollows(ReadTx& tx) {
    FollowedPage filter = follows_;
    filter.limit = kPage;
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::ThreadState> page,
                          tx.follows.ListFollowed(workspace_, me_, filter));
    for (const v1::ThreadState& state : page) {
      follows_.before_millis = absl::ToUnixMillis(FromTimestamp(state.last_reply_at()));
      follows_.before_id = state.thread_id();
      v1::ExportFollow& follow = *filler_.Add().mutable_follow();
      follow.set_channel_id(state.channel_id());
      follow.set_thread_id(state.thread_id());
    }
    if (page.size() < kPage) Go(Stage::kSettings);
    return absl::OkStatus();
  }

  absl::Status AddSettings(ReadTx& tx) {
    if (after_.empty()) {
      HEIM_ASSIGN_OR_RETURN(v1::NotificationPreferences preferences,
                            tx.notifications.Preferences(workspace_, me_));
      *filler_.Add().mutable_notifications() = std::move(preferences);
    }
    HEIM_ASSIGN_OR_RETURN(
        std::vector<v1::ChannelNotification> page,
        tx.notifications.Levels(workspace_, me_, {ChannelId(after_), after_thread_}, kPage));
    for (v1::ChannelNotification& level : page) {
      after_ = level.channel_id();
      after_thread_ = level.thread_id();
      *filler_.Add().mutable_channel_notifications() = std::move(level);
    }
    if (page.size() < kPage) Go(Stage::kSessions);
    return absl::OkStatus();
  }

  absl::Status AddSessions(ReadTx& tx) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<SessionRow> page,
                          tx.sessions.ListOf(me_, order_.at, after_, kPage));
    for (const SessionRow& row : page) {
      after_ = row.id.str();
      v1::Session& session = *filler_.Add().mutable_session();
      session.set_id(row.id.str());
      *session.mutable_created_at() = ToTimestamp(row.created_at);
      *session.mutable_last_seen_at() = ToTimestamp(row.last_seen_at);
      *session.mutable_expires_at() = ToTimestamp(row.expires_at);
      session.set_user_agent(row.user_agent);
      session.set_address(row.address);
    }
    if (page.size() < kPage) Go(Stage::kKeys);
    return absl::OkStatus();
  }

  absl::Status AddKeys(ReadTx& tx) {
    const v1::CredentialType type = order_.caller.actor.type() == v1::ACTOR_TYPE_AGENT
                                        ? v1::CREDENTIAL_TYPE_API_KEY
                                        : v1::CREDENTIAL_TYPE_PAT;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::ApiKey> page,
                          tx.credentials.ListOf(me_, type, after_, kPage));
    for (v1::ApiKey& key : page) {
      after_ = key.id();
      *filler_.Add().mutable_key() = std::move(key);
    }
    if (page.size() < kPage) Go(Stage::kFinish);
    return absl::OkStatus();
  }

  const ExportTools tools_;
  const ExportOrder order_;
  const WorkspaceId workspace_;
  const ActorId me_;
  ArchiveFiller filler_;
  Stage stage_ = Stage::kProfile;
  // Of the list that is gone through.
  std::string after_;
  std::string after_thread_;
  int64_t before_ms_ = 0;
  FollowedPage follows_;
  // The channel that is gone through, as it is shown once something in it is the actor's.
  ChannelId channel_;
  v1::Channel shown_;
  bool told_ = false;
  uint64_t after_seq_ = 0;
  uint64_t last_seq_ = 0;
};

}  // namespace

std::unique_ptr<ExportWalk> WalkActor(const ExportTools& tools, ExportOrder order) {
  return std::make_unique<ActorWalk>(tools, std::move(order));
}

}  // namespace heim
