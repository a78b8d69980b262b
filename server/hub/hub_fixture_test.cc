#include <utility>

#include "server/hub/hub_fixture.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {

void HubFixture::SetUp() {
  SqliteStore::Options options;
  options.path = ":memory:";
  auto store = SqliteStore::Create(options, clock_);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
  store_->SetCommitListener(&listener_);
  executor_ = std::make_unique<ThreadPoolExecutor>(ThreadPoolExecutor::Options());
  streams_ = std::make_unique<LiveStreamBook>(*store_, clock_, timers_, bus_);
  presence_ = std::make_unique<PresenceTable>(clock_, timers_, bus_);
  hub_ = std::make_unique<FanOutHub>(
      FanOutHub::Deps{*store_, clock_, timers_, *executor_, ids_, bus_, *streams_, *presence_},
      FanOutHub::Mode::kThread);
  listener_.target = hub_.get();

  v1::Workspace workspace;
  workspace.set_id(ids_.NewId());
  workspace.set_name("Acme");
  workspace.set_slug("acme");
  workspace.set_revision(1);
  workspace_ = WorkspaceId(workspace.id());
  MustCommit([&](WriteTx& tx) { return tx.workspaces.Insert(workspace, "e1"); });
  ann_ = AddPerson("ann", v1::WORKSPACE_ROLE_MEMBER);
  bob_ = AddPerson("bob", v1::WORKSPACE_ROLE_MEMBER);
  gus_ = AddPerson("gus", v1::WORKSPACE_ROLE_GUEST);
}

void HubFixture::TearDown() {
  store_->Stop();
  listener_.target = nullptr;
  executor_->Stop();
  hub_.reset();
  presence_.reset();
  streams_.reset();
}

uint64_t HubFixture::MustCommit(Apply apply) {
  absl::Notification done;
  uint64_t position = 0;
  Draft draft;
  draft.apply = std::move(apply);
  store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> committed) {
    EXPECT_TRUE(committed.ok()) << committed.status();
    if (committed.ok()) position = committed->position;
    done.Notify();
  });
  done.WaitForNotification();
  return position;
}

ActorId HubFixture::AddPerson(const std::string& username, v1::WorkspaceRole role) {
  v1::Actor actor;
  actor.set_id(ids_.NewId());
  actor.set_type(v1::ACTOR_TYPE_HUMAN);
  actor.set_username(username);
  actor.set_revision(1);
  *actor.mutable_created_at() = ToTimestamp(clock_.Now());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.actors.Insert(actor, ""));
    return tx.workspaces.InsertMember(workspace_, ActorId(actor.id()), role, clock_.Now());
  });
  return ActorId(actor.id());
}

ChannelId HubFixture::AddChannel(const std::string& name, v1::ChannelType type,
                                 const std::vector<ActorId>& members) {
  v1::Channel channel;
  channel.set_id(ids_.NewId());
  channel.set_workspace_id(workspace_.str());
  channel.set_name(name);
  channel.set_type(type);
  channel.set_created_by(members.front().str());
  channel.set_revision(1);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.channels.Insert(channel, ""));
    v1::Event event;
    event.set_channel_id(channel.id());
    event.set_actor_id(members.front().str());
    *event.mutable_channel_created()->mutable_channel() = channel;
    return tx.Emit(workspace_, std::move(event)).status();
  });
  for (const ActorId& member : members) AddMember(ChannelId(channel.id()), member);
  return ChannelId(channel.id());
}

uint64_t HubFixture::AddMember(const ChannelId& channel, const ActorId& actor) {
  return MustCommit([&](WriteTx& tx) -> absl::Status {
    v1::Event event;
    event.set_channel_id(channel.str());
    HEIM_ASSIGN_OR_RETURN(*event.mutable_member_added()->mutable_channel(),
                          tx.channels.Get(channel));
    v1::Member* member = event.mutable_member_added()->mutable_member();
    member->set_channel_id(channel.str());
    member->mutable_actor()->set_id(actor.str());
    member->set_role(v1::CHANNEL_ROLE_MEMBER);
    member->set_revision(1);
    *member->mutable_joined_at() = ToTimestamp(clock_.Now());
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
    HEIM_RETURN_IF_ERROR(tx.members.Insert(*member, position));
    return tx.Emit(workspace_, std::move(event)).status();
  });
}

uint64_t HubFixture::RemoveMember(const ChannelId& channel, const ActorId& actor) {
  return MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
    HEIM_RETURN_IF_ERROR(tx.members.Remove(channel, actor, position));
    v1::Event event;
    event.set_channel_id(channel.str());
    event.mutable_member_removed()->set_channel_id(channel.str());
    event.mutable_member_removed()->set_actor_id(actor.str());
    return tx.Emit(workspace_, std::move(event)).status();
  });
}

uint64_t HubFixture::SendEvent(v1::Event event) {
  return MustCommit([&](WriteTx& tx) { return tx.Emit(workspace_, event).status(); });
}

uint64_t HubFixture::Post(const ChannelId& channel, const ActorId& author,
                          const std::string& text) {
  v1::Event event;
  event.set_channel_id(channel.str());
  event.set_actor_id(author.str());
  v1::Message* message = event.mutable_message_new()->mutable_message();
  message->set_id(ids_.NewId());
  message->set_channel_id(channel.str());
  message->mutable_actor()->set_id(author.str());
  message->set_content(text);
  return SendEvent(std::move(event));
}

v1::Stream HubFixture::StartStream(const ChannelId& channel, const ActorId& author) {
  StreamRow row;
  row.workspace_id = workspace_;
  v1::Stream& stream = row.stream;
  stream.set_id(ids_.NewId());
  stream.set_message_id(ids_.NewId());
  stream.set_channel_id(channel.str());
  stream.set_actor_id(author.str());
  stream.set_state(v1::STREAM_STATE_ACTIVE);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.streams.Insert(row));
    v1::Message message;
    message.set_id(stream.message_id());
    message.set_channel_id(channel.str());
    message.mutable_actor()->set_id(author.str());
    message.set_state(v1::MESSAGE_STATE_STREAMING);
    message.set_revision(1);
    *message.mutable_created_at() = ToTimestamp(clock_.Now());
    HEIM_ASSIGN_OR_RETURN(const uint64_t seq, tx.channels.NextSeq(channel));
    message.set_seq(seq);
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
    HEIM_RETURN_IF_ERROR(tx.messages.Insert(message, workspace_, position));
    v1::Event event;
    event.set_channel_id(channel.str());
    event.set_actor_id(author.str());
    event.mutable_message_stream_start()->set_stream_id(stream.id());
    event.mutable_message_stream_start()->set_message_id(stream.message_id());
    return tx.Emit(workspace_, std::move(event)).status();
  });
  streams_->Open(workspace_, stream);
  return stream;
}

v1::AppendStreamResponse HubFixture::MustAppend(const v1::Stream& stream,
                                                const std::string& delta) {
  v1::AppendStreamRequest request;
  request.set_stream_id(stream.id());
  request.set_delta(delta);
  auto answer = streams_->Append(ActorId(stream.actor_id()), request);
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.value_or(v1::AppendStreamResponse());
}

uint64_t HubFixture::FinishStream(const v1::Stream& stream) {
  auto closed = streams_->Close(StreamId(stream.id()), v1::STREAM_STATE_FINISHED);
  EXPECT_TRUE(closed.ok()) << closed.status();
  const uint64_t position = MustCommit([&](WriteTx& tx) -> absl::Status {
    v1::Event end;
    end.set_channel_id(stream.channel_id());
    end.set_actor_id(stream.actor_id());
    end.mutable_message_stream_end()->set_stream_id(stream.id());
    end.mutable_message_stream_end()->set_message_id(stream.message_id());
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, end).status());
    v1::Event done;
    done.set_channel_id(stream.channel_id());
    done.set_actor_id(stream.actor_id());
    v1::Message* message = done.mutable_message_new()->mutable_message();
    message->set_id(stream.message_id());
    message->set_stream_id(stream.id());
    message->set_content(closed->content());
    StreamRow row;
    row.workspace_id = workspace_;
    row.stream = *closed;
    HEIM_RETURN_IF_ERROR(tx.streams.Update(row));
    return tx.Emit(workspace_, done).status();
  });
  streams_->Forget(StreamId(stream.id()));
  return position;
}

Caller HubFixture::CallerOf(const ActorId& actor, v1::WorkspaceRole role) {
  Caller caller;
  caller.actor_id = actor;
  caller.actor.set_id(actor.str());
  caller.workspace_id = workspace_;
  caller.workspace_role = role;
  caller.credential_id = "key of " + actor.str();
  return caller;
}

std::shared_ptr<Subscription> HubFixture::MustSubscribe(const ActorId& actor,
                                                        v1::SubscribeRequest request) {
  SubscribeOptions options;
  options.caller = CallerOf(actor);
  options.request = std::move(request);
  auto subscription = hub_->Subscribe(std::move(options));
  EXPECT_TRUE(subscription.ok()) << subscription.status();
  return subscription.ok() ? *subscription : nullptr;
}

std::unique_ptr<TestReader> HubFixture::Listen(const ActorId& actor, v1::SubscribeRequest request) {
  auto reader = std::make_unique<TestReader>(MustSubscribe(actor, std::move(request)));
  EXPECT_TRUE(reader->ReadToControl(v1::Control::kCaughtUp));
  return reader;
}

std::string HubFixture::CursorAt(uint64_t position) { return LogCursor{"e1", position}.Format(); }

}  // namespace heim
