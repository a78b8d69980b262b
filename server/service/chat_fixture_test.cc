// The parts of ChatFixture that are no templates.
#include "server/service/chat_fixture.h"

#include <cstdlib>
#include <filesystem>

#include "heim/v1/event.pb.h"
#include "server/base/status_macros.h"
#include "server/model/frame.h"
#include "server/model/time.h"
#include "server/service/joining.h"
#include "server/service/membership.h"
#include "server/service/message_forward.h"
#include "server/store/rehearsing_store.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {

void EventTape::OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) {
  CommitListener* target = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    events_.insert(events_.end(), events.begin(), events.end());
    target = target_;
  }
  if (target != nullptr) target->OnCommitted(events);
}

void EventTape::SetTarget(CommitListener* target) {
  absl::MutexLock lock(&mutex_);
  target_ = target;
}

std::vector<v1::Event> EventTape::events() const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Event> events;
  for (const auto& committed : events_) events.push_back(*committed->event);
  return events;
}

std::vector<v1::Event::PayloadCase> EventTape::TakeKinds() {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Event::PayloadCase> kinds;
  for (; taken_ < events_.size(); ++taken_) {
    kinds.push_back(events_[taken_]->event->payload_case());
  }
  return kinds;
}

ChatFixture::ChatFixture() {
  // As at the server's start: libprotobuf builds its descriptors before there are threads.
  v1::Event::descriptor();
  std::string pattern = ::testing::TempDir() + "heim_service_XXXXXX";
  directory_ = mkdtemp(pattern.data());
}

ChatFixture::~ChatFixture() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void ChatFixture::Start() {
  SqliteStore::Options options;
  options.path = directory_ + "/heim.db";
  auto store = SqliteStore::Create(options, clock_);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = std::make_unique<RehearsingStore>(*std::move(store));
  store_->SetCommitListener(&tape_);
  auto blobs = LocalBlobStore::Create(directory_ + "/files", entropy_);
  ASSERT_TRUE(blobs.ok()) << blobs.status();
  blobs_ = *std::move(blobs);
  executor_ = std::make_unique<ThreadPoolExecutor>(ThreadPoolExecutor::Options{.threads = 2});
  live_ = std::make_unique<LiveStreamBook>(*store_, clock_, timers_, bus_);
  presence_ = std::make_unique<PresenceTable>(clock_, timers_, bus_);
  hub_ = std::make_unique<FanOutHub>(
      FanOutHub::Deps{*store_, clock_, timers_, *executor_, ids_, bus_, *live_, *presence_},
      FanOutHub::Mode::kThread);
  tape_.SetTarget(hub_.get());
  streams_ = std::make_unique<StreamService>(
      StreamService::Dependencies{*store_, clock_, ids_, timers_, *live_, *hub_, presence_.get()});
  channels_ = std::make_unique<ChannelService>(*store_, clock_, ids_, *streams_);
  sweeper_ = std::make_unique<BlobSweeper>(*store_, *blobs_, *executor_);
  messages_ =
      std::make_unique<MessageService>(*store_, clock_, ids_, *streams_, *presence_, *sweeper_);
  groups_ = std::make_unique<GroupService>(*store_, clock_, ids_);
  pins_ = std::make_unique<PinService>(*store_, clock_);
  bookmarks_ = std::make_unique<BookmarkService>(*store_, clock_, ids_);
  saved_ = std::make_unique<SavedService>(*store_, clock_);
  reads_ = std::make_unique<ReadStateService>(*store_, clock_);
  threads_ = std::make_unique<ThreadService>(*store_, clock_);
  events_ = std::make_unique<EventService>(
      EventService::Dependencies{*store_, *hub_, ids_, timers_, *executor_});
  files_ = std::make_unique<FileService>(
      file_options_, FileService::Dependencies{*store_, *blobs_, clock_, ids_, *executor_});
  EraseLeftCopies(*store_, clock_, *sweeper_);
  const absl::Status recovered = streams_->Recover();
  ASSERT_TRUE(recovered.ok()) << recovered;
}

void ChatFixture::Stop() {
  store_->Stop();
  tape_.SetTarget(nullptr);
  executor_->Stop();
  hub_.reset();
  presence_.reset();
  live_.reset();
  store_.reset();
}

void ChatFixture::SetUp() {
  Start();
  const ActorId owner(ids_.NewId());
  const Acting acting{owner, clock_.Now()};
  const v1::Actor olga = NewActor(owner, v1::ACTOR_TYPE_HUMAN, "olga", "Olga", acting.at);
  const NewWorkspace description{"Acme", "acme", WorkspaceId(ids_.NewId()), ChannelId(ids_.NewId()),
                                 "e1"};
  workspace_ = description.id;
  general_ = description.default_channel.str();
  absl::Notification done;
  Draft draft;
  draft.apply = [&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.actors.Insert(olga, ""));
    return FoundWorkspace(tx, acting, description, olga).status();
  };
  store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
    EXPECT_TRUE(committed.ok()) << committed.status();
    done.Notify();
  });
  done.WaitForNotification();
  olga_.actor_id = owner;
  olga_.actor = RefOf(olga);
  olga_.workspace_id = workspace_;
  olga_.workspace_role = v1::WORKSPACE_ROLE_OWNER;
  olga_.credential_type = v1::CREDENTIAL_TYPE_PASSWORD;
  eve_ = olga_;
  eve_.actor_id = ActorId(ids_.NewId());
  ada_ = AddPerson("ada", v1::WORKSPACE_ROLE_ADMIN);
  ann_ = AddPerson("ann", v1::WORKSPACE_ROLE_MEMBER);
  bob_ = AddPerson("bob", v1::WORKSPACE_ROLE_MEMBER);
  bot_ = AddPerson("bot", v1::WORKSPACE_ROLE_MEMBER, v1::ACTOR_TYPE_AGENT);
  gus_ = AddPerson("gus", v1::WORKSPACE_ROLE_GUEST);
  tape_.TakeKinds();
}

void ChatFixture::TearDown() {
  if (store_ != nullptr) Stop();
}

void ChatFixture::Restart() {
  Stop();
  Start();
}

Caller ChatFixture::AddPerson(const std::string& username, v1::WorkspaceRole role,
                              v1::ActorType type) {
  Caller caller = olga_;
  caller.actor_id = ActorId(ids_.NewId());
  caller.workspace_role = role;
  const v1::Actor actor = NewActor(caller.actor_id, type, username, username, clock_.Now());
  caller.actor = RefOf(actor);
  absl::Notification done;
  Draft draft;
  draft.apply = [&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.actors.Insert(actor, ""));
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.Get(workspace_));
    return JoinWorkspace(tx, {olga_.actor_id, clock_.Now()}, workspace, actor, role);
  };
  store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
    EXPECT_TRUE(committed.ok()) << committed.status();
    done.Notify();
  });
  done.WaitForNotification();
  return caller;
}

namespace {

// The field that an answer is about.
template <typename Response, typename Field>
absl::StatusOr<Field> Of(const absl::StatusOr<Response>& answer,
                         const Field& (Response::*field)() const) {
  if (!answer.ok()) return answer.status();
  return ((*answer).*field)();
}

}  // namespace

absl::StatusOr<v1::Channel> ChatFixture::CreateChannel(const Caller& caller,
                                                       const std::string& name,
                                                       v1::ChannelType type) {
  v1::CreateChannelRequest request;
  request.set_name(name);
  request.set_type(type);
  return Of(Call(caller, &ChannelService::CreateChannel, channels_, request),
            &v1::CreateChannelResponse::channel);
}

absl::StatusOr<v1::Channel> ChatFixture::OpenDirect(const Caller& caller,
                                                    const std::vector<const Caller*>& others) {
  v1::OpenDirectRequest request;
  for (const Caller* other : others) request.add_actor_ids(other->actor_id.str());
  return Of(Call(caller, &ChannelService::OpenDirect, channels_, request),
            &v1::OpenDirectResponse::channel);
}

absl::StatusOr<v1::Member> ChatFixture::AddMember(const Caller& caller, const std::string& channel,
                                                  const Caller& who, v1::ChannelRole role) {
  v1::AddMemberRequest request;
  request.set_channel_id(channel);
  request.set_actor_id(who.actor_id.str());
  request.set_role(role);
  return Of(Call(caller, &ChannelService::AddMember, channels_, request),
            &v1::AddMemberResponse::member);
}

absl::StatusOr<v1::Member> ChatFixture::SetRole(const Caller& caller, const std::string& channel,
                                                const Caller& who, v1::ChannelRole role) {
  v1::UpdateMemberRequest request;
  request.set_channel_id(channel);
  request.set_actor_id(who.actor_id.str());
  request.mutable_member()->set_role(role);
  return Of(Call(caller, &ChannelService::UpdateMember, channels_, request),
            &v1::UpdateMemberResponse::member);
}

absl::StatusOr<v1::Member> ChatFixture::RemoveMember(const Caller& caller,
                                                     const std::string& channel,
                                                     const Caller& who) {
  v1::RemoveMemberRequest request;
  request.set_channel_id(channel);
  request.set_actor_id(who.actor_id.str());
  return Of(Call(caller, &ChannelService::RemoveMember, channels_, request),
            &v1::RemoveMemberResponse::member);
}

absl::Status ChatFixture::Join(const Caller& caller, const std::string& channel) {
  v1::JoinChannelRequest request;
  request.set_channel_id(channel);
  return Call(caller, &ChannelService::JoinChannel, channels_, request).status();
}

absl::Status ChatFixture::Leave(const Caller& caller, const std::string& channel) {
  v1::LeaveChannelRequest request;
  request.set_channel_id(channel);
  return Call(caller, &ChannelService::LeaveChannel, channels_, request).status();
}

absl::StatusOr<v1::Channel> ChatFixture::Archive(const Caller& caller, const std::string& channel) {
  v1::ArchiveChannelRequest request;
  request.set_channel_id(channel);
  return Of(Call(caller, &ChannelService::ArchiveChannel, channels_, request),
            &v1::ArchiveChannelResponse::channel);
}

absl::StatusOr<v1::Channel> ChatFixture::Unarchive(const Caller& caller,
                                                   const std::string& channel) {
  v1::UnarchiveChannelRequest request;
  request.set_channel_id(channel);
  return Of(Call(caller, &ChannelService::UnarchiveChannel, channels_, request),
            &v1::UnarchiveChannelResponse::channel);
}

absl::StatusOr<v1::Message> ChatFixture::Send(const Caller& caller, const std::string& channel,
                                              const std::string& text, const std::string& thread) {
  v1::SendMessageRequest request;
  request.set_channel_id(channel);
  request.set_content(text);
  if (!thread.empty()) request.set_thread_id(thread);
  return Of(Call(caller, &MessageService::SendMessage, messages_, request),
            &v1::SendMessageResponse::message);
}

absl::StatusOr<v1::Message> ChatFixture::Edit(const Caller& caller, const std::string& message,
                                              const std::string& text) {
  v1::UpdateMessageRequest request;
  request.set_message_id(message);
  request.mutable_message()->set_content(text);
  return Of(Call(caller, &MessageService::UpdateMessage, messages_, request),
            &v1::UpdateMessageResponse::message);
}

absl::StatusOr<v1::Message> ChatFixture::Delete(const Caller& caller, const std::string& message) {
  v1::DeleteMessageRequest request;
  request.set_message_id(message);
  return Of(Call(caller, &MessageService::DeleteMessage, messages_, request),
            &v1::DeleteMessageResponse::message);
}

absl::StatusOr<v1::Message> ChatFixture::React(const Caller& caller, const std::string& message,
                                               const std::string& emoji) {
  v1::AddReactionRequest request;
  request.set_message_id(message);
  request.set_emoji(emoji);
  return Of(Call(caller, &MessageService::AddReaction, messages_, request),
            &v1::AddReactionResponse::message);
}

absl::StatusOr<v1::Message> ChatFixture::Unreact(const Caller& caller, const std::string& message,
                                                 const std::string& emoji) {
  v1::RemoveReactionRequest request;
  request.set_message_id(message);
  request.set_emoji(emoji);
  return Of(Call(caller, &MessageService::RemoveReaction, messages_, request),
            &v1::RemoveReactionResponse::message);
}

absl::StatusOr<v1::Message> ChatFixture::Get(const Caller& caller, const std::string& message) {
  v1::GetMessageRequest request;
  request.set_message_id(message);
  return Of(Call(caller, &MessageService::GetMessage, messages_, request),
            &v1::GetMessageResponse::message);
}

absl::StatusOr<v1::ListMessagesResponse> ChatFixture::List(const Caller& caller,
                                                           v1::ListMessagesRequest request) {
  return Call(caller, &MessageService::ListMessages, messages_, request);
}

absl::StatusOr<v1::Stream> ChatFixture::StartStream(const Caller& caller,
                                                    const std::string& channel,
                                                    const std::string& thread) {
  v1::StartStreamRequest request;
  request.set_channel_id(channel);
  if (!thread.empty()) request.set_thread_id(thread);
  return Of(Call(caller, &StreamService::StartStream, streams_, request),
            &v1::StartStreamResponse::stream);
}

absl::StatusOr<v1::AppendStreamResponse> ChatFixture::Append(const Caller& caller,
                                                             const std::string& stream,
                                                             const std::string& delta, int index) {
  v1::AppendStreamRequest request;
  request.set_stream_id(stream);
  request.set_delta(delta);
  if (index >= 0) request.set_index(static_cast<uint32_t>(index));
  return Call(caller, &StreamService::AppendStream, streams_, request);
}

absl::StatusOr<v1::Message> ChatFixture::FinishStream(const Caller& caller,
                                                      const std::string& stream) {
  v1::FinishStreamRequest request;
  request.set_stream_id(stream);
  return Of(Call(caller, &StreamService::FinishStream, streams_, request),
            &v1::FinishStreamResponse::message);
}

absl::StatusOr<v1::Message> ChatFixture::AbortStream(const Caller& caller,
                                                     const std::string& stream) {
  v1::AbortStreamRequest request;
  request.set_stream_id(stream);
  return Of(Call(caller, &StreamService::AbortStream, streams_, request),
            &v1::AbortStreamResponse::message);
}

namespace {

// Gives one message to a call and waits until it wants the next.
void FeedAndWait(StreamCall& call, std::unique_ptr<google::protobuf::Message> message) {
  absl::Notification wanted;
  call.Feed(std::move(message), [&] { wanted.Notify(); });
  wanted.WaitForNotification();
}

}  // namespace

absl::StatusOr<v1::File> ChatFixture::Upload(const Caller& caller, const std::string& name,
                                             const std::string& bytes, size_t piece) {
  auto context = std::make_shared<CallContext>();
  context->caller = caller;
  const auto call = files_->UploadFile(context);
  if (!call.ok()) return call.status();
  absl::Notification ready;
  absl::Mutex once;
  (*call)->SetReady([&] {
    absl::MutexLock lock(&once);
    if (!ready.HasBeenNotified()) ready.Notify();
  });
  std::vector<FramePtr> frames;
  EXPECT_EQ((*call)->Pull(1 << 20, &frames), FrameSource::State::kIdle);
  auto header = std::make_unique<v1::UploadFileRequest>();
  header->mutable_header()->set_filename(name);
  FeedAndWait(**call, std::move(header));
  for (size_t at = 0; at < bytes.size(); at += piece) {
    auto chunk = std::make_unique<v1::UploadFileRequest>();
    chunk->set_chunk(bytes.substr(at, piece));
    FeedAndWait(**call, std::move(chunk));
  }
  (*call)->FeedDone();
  ready.WaitForNotification();
  while ((*call)->Pull(1 << 20, &frames) != FrameSource::State::kEnded) {
  }
  (*call)->Cancel();  // `ready` and `once` go
  if (!(*call)->status().ok()) return (*call)->status();
  EXPECT_EQ(frames.size(), 1u);
  return static_cast<const v1::UploadFileResponse&>(frames.at(0)->message()).file();
}

v1::ReadState ChatFixture::ReadStateOf(const Caller& caller, const std::string& channel,
                                       const std::string& thread) {
  v1::ReadState state;
  Read([&](ReadTx& tx) -> absl::Status {
    std::optional<MessageId> root;
    if (!thread.empty()) root = MessageId(thread);
    HEIM_ASSIGN_OR_RETURN(state, tx.members.ReadStateOf(ChannelId(channel), caller.actor_id, root));
    return absl::OkStatus();
  });
  return state;
}

void ChatFixture::Read(const std::function<absl::Status(ReadTx&)>& read) {
  const absl::Status status = store_->Read(read);
  EXPECT_TRUE(status.ok()) << status;
}

void ChatFixture::Settle() {
  // An end that one commit calls for is queued by that commit's continuation: twice is enough.
  for (int i = 0; i < 2; ++i) {
    absl::Notification done;
    Draft draft;
    draft.apply = [](WriteTx&) { return absl::OkStatus(); };
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>&) { done.Notify(); });
    done.WaitForNotification();
  }
}

std::vector<v1::Event> ChatFixture::ReadLog() {
  std::vector<v1::Event> events;
  Read([&](ReadTx& tx) -> absl::Status {
    while (true) {
      const uint64_t after = events.empty() ? 0 : events.back().position();
      HEIM_ASSIGN_OR_RETURN(const std::vector<LogEntry> page,
                            tx.log.Read(workspace_, after, 500, 1 << 20));
      if (page.empty()) return absl::OkStatus();
      for (const LogEntry& entry : page) {
        v1::Event event;
        if (!event.ParseFromString(entry.bytes)) return absl::InternalError("no event");
        events.push_back(std::move(event));
      }
    }
  });
  return events;
}

}  // namespace heim
