// The fixture of the suite and the list of the drivers that it runs for.
#include "server/store/store_suite.h"

#include <unistd.h>

#include <cstdlib>
#include <map>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/postgres/postgres_store.h"
#include "server/store/postgres/test_cluster.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/store_files_suite.h"
#include "server/store/store_inbox_suite.h"

namespace heim {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

absl::StatusOr<std::unique_ptr<Store>> OpenSqlite(const std::string& path, const Clock& clock) {
  SqliteStore::Options options;
  options.path = path;
  options.readers = 2;
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<SqliteStore> store, SqliteStore::Create(options, clock));
  return std::unique_ptr<Store>(std::move(store));
}

// A schema for each test, in the cluster of the whole program.
absl::StatusOr<std::unique_ptr<Store>> OpenPostgres(const std::string& directory,
                                                    const Clock& clock) {
  static std::map<std::string, std::string> schemas;
  std::string& schema = schemas[directory];
  if (schema.empty()) schema = TestCluster::Shared().NewSchema();
  PostgresStore::Options options;
  HEIM_ASSIGN_OR_RETURN(options.address, ParsePostgresUrl(TestCluster::Shared().UrlOf(schema)));
  options.readers = 2;
  HEIM_ASSIGN_OR_RETURN(auto store, PostgresStore::Create(options, clock));
  return std::unique_ptr<Store>(std::move(store));
}

std::vector<StoreFactory> Factories() {
  return {
      {"SqliteFile",
       [](const std::string& directory, const Clock& clock) {
         return OpenSqlite(StrCat(directory, "/heim.db"), clock);
       },
       true},
      {"SqliteMemory",
       [](const std::string&, const Clock& clock) { return OpenSqlite(":memory:", clock); }, false},
      {"Postgres", OpenPostgres, true},
  };
}

std::string MakeDirectory() {
  std::string name = StrCat(::testing::TempDir(), "/heim-store-XXXXXX");
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  return name;
}

}  // namespace

StoreSuite::StoreSuite() : directory_(MakeDirectory()) {}

StoreSuite::~StoreSuite() {
  store_.reset();
  for (const char* file : {"heim.db", "heim.db-wal", "heim.db-shm", "heim.db.lock"}) {
    unlink(StrCat(directory_, "/", file).c_str());
  }
  rmdir(directory_.c_str());
}

void StoreSuite::SetUp() {
  SetLogLevel("warn");
  Reopen();
  ASSERT_NE(store_, nullptr);
  ann_ = ActorId(ids_.NewId());
  bob_ = ActorId(ids_.NewId());
  v1::Workspace workspace;
  workspace.set_id(ids_.NewId());
  workspace.set_name("Acme");
  workspace.set_slug("acme");
  workspace.set_owner_id(ann_.str());
  workspace.set_revision(1);
  *workspace.mutable_created_at() = ToTimestamp(clock_.Now());
  workspace_ = WorkspaceId(workspace.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.workspaces.Insert(workspace, "epoch1"));
    for (const auto& [id, username] : {std::pair(ann_, "ann"), std::pair(bob_, "bob")}) {
      v1::Actor actor = NewActor(username);
      actor.set_id(id.str());
      HEIM_RETURN_IF_ERROR(tx.actors.Insert(actor, ""));
      HEIM_RETURN_IF_ERROR(
          tx.workspaces.InsertMember(workspace_, id, v1::WORKSPACE_ROLE_MEMBER, clock_.Now()));
    }
    return absl::OkStatus();
  });
  general_ = AddChannel("general", {ann_, bob_});
}

void StoreSuite::Reopen() {
  store_.reset();
  auto store = GetParam().open(directory_, clock_);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
  store_->SetCommitListener(&listener_);
}

absl::StatusOr<Committed> StoreSuite::Commit(Apply apply, std::optional<IdempotencyKey> key) {
  absl::Notification done;
  absl::StatusOr<Committed> outcome = absl::UnknownError("no outcome");
  Draft draft;
  draft.idempotency = std::move(key);
  draft.apply = std::move(apply);
  store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> committed) {
    outcome = std::move(committed);
    done.Notify();
  });
  if (!done.WaitForNotificationWithTimeout(kPatience)) {
    ADD_FAILURE() << "no outcome in time";
    std::abort();  // the continuation refers to this frame
  }
  return outcome;
}

Committed StoreSuite::MustCommit(Apply apply) {
  absl::StatusOr<Committed> committed = Commit(std::move(apply));
  EXPECT_TRUE(committed.ok()) << committed.status();
  return committed.value_or(Committed());
}

void StoreSuite::MustRead(const std::function<absl::Status(ReadTx&)>& read) {
  const absl::Status status = store_->Read(read);
  EXPECT_TRUE(status.ok()) << status;
}

v1::Actor StoreSuite::NewActor(std::string_view username) {
  v1::Actor actor;
  actor.set_id(ids_.NewId());
  actor.set_type(v1::ACTOR_TYPE_HUMAN);
  actor.set_username(std::string(username));
  actor.set_display_name(std::string(username));
  actor.set_revision(1);
  *actor.mutable_created_at() = ToTimestamp(clock_.Now());
  return actor;
}

v1::Channel StoreSuite::NewChannel(std::string_view name) {
  v1::Channel channel;
  channel.set_id(ids_.NewId());
  channel.set_workspace_id(workspace_.str());
  channel.set_name(std::string(name));
  channel.set_type(v1::CHANNEL_TYPE_PUBLIC);
  channel.set_created_by(ann_.str());
  channel.set_revision(1);
  *channel.mutable_created_at() = ToTimestamp(clock_.Now());
  return channel;
}

v1::Message StoreSuite::NewMessage(const ActorId& author, std::string_view content) {
  v1::Message message;
  message.set_id(ids_.NewId());
  message.set_channel_id(general_.str());
  message.mutable_actor()->set_id(author.str());
  message.set_content(std::string(content));
  message.set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  message.set_state(v1::MESSAGE_STATE_FINAL);
  message.set_revision(1);
  *message.mutable_created_at() = ToTimestamp(clock_.Now());
  return message;
}

v1::Member StoreSuite::NewMember(const ChannelId& channel, const ActorId& actor) {
  v1::Member member;
  member.set_channel_id(channel.str());
  member.mutable_actor()->set_id(actor.str());
  member.set_role(v1::CHANNEL_ROLE_MEMBER);
  member.set_revision(1);
  *member.mutable_joined_at() = ToTimestamp(clock_.Now());
  return member;
}

absl::Status StoreSuite::Post(WriteTx& tx, v1::Message& message) {
  HEIM_ASSIGN_OR_RETURN(const uint64_t seq, tx.channels.NextSeq(ChannelId(message.channel_id())));
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
  message.set_seq(seq);
  HEIM_RETURN_IF_ERROR(tx.messages.Insert(message, workspace_, position));
  HEIM_ASSIGN_OR_RETURN(message, tx.messages.Get(MessageId(message.id())));
  v1::Event event;
  event.set_channel_id(message.channel_id());
  event.set_actor_id(message.actor().id());
  *event.mutable_message_new()->mutable_message() = message;
  return tx.Emit(workspace_, std::move(event)).status();
}

v1::Message StoreSuite::MustPost(v1::Message message) {
  MustCommit([&](WriteTx& tx) { return Post(tx, message); });
  return message;
}

v1::Message StoreSuite::MustGet(const std::string& id) {
  v1::Message message;
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(message, tx.messages.Get(MessageId(id)));
    return absl::OkStatus();
  });
  return message;
}

std::pair<uint32_t, uint32_t> StoreSuite::Unread(std::optional<MessageId> thread) {
  v1::ReadState state;
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(state, tx.members.ReadStateOf(general_, bob_, thread));
    if (thread.has_value()) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(const auto all, tx.members.ReadStates(workspace_, bob_, "", 10));
    EXPECT_EQ(all.size(), 1u);
    EXPECT_EQ(all.front().SerializeAsString(), state.SerializeAsString());
    return absl::OkStatus();
  });
  return {state.unread_count(), state.mention_count()};
}

ActorId StoreSuite::AddPerson(std::string_view username) {
  const v1::Actor actor = NewActor(username);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.actors.Insert(actor, ""));
    return tx.workspaces.InsertMember(workspace_, ActorId(actor.id()), v1::WORKSPACE_ROLE_MEMBER,
                                      clock_.Now());
  });
  return ActorId(actor.id());
}

ChannelId StoreSuite::AddChannel(std::string_view name, const std::vector<ActorId>& members) {
  const v1::Channel channel = NewChannel(name);
  const ChannelId id(channel.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.channels.Insert(channel, ""));
    for (const ActorId& member : members) {
      HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
      HEIM_RETURN_IF_ERROR(tx.members.Insert(NewMember(id, member), position));
      HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, SomeEvent(id)));
    }
    return absl::OkStatus();
  });
  return id;
}

v1::Event SomeEvent(const ChannelId& channel) {
  v1::Event event;
  event.set_channel_id(channel.str());
  event.mutable_channel_updated();
  return event;
}

std::vector<StoreFactory> LastingFactories() {
  std::vector<StoreFactory> lasting;
  for (const StoreFactory& factory : Factories()) {
    if (factory.keeps_data) lasting.push_back(factory);
  }
  return lasting;
}

INSTANTIATE_TEST_SUITE_P(Drivers, StoreSuite, ::testing::ValuesIn(Factories()),
                         [](const auto& driver) { return driver.param.name; });
INSTANTIATE_TEST_SUITE_P(Drivers, FileSuite, ::testing::ValuesIn(Factories()),
                         [](const auto& driver) { return driver.param.name; });
INSTANTIATE_TEST_SUITE_P(Drivers, InboxSuite, ::testing::ValuesIn(Factories()),
                         [](const auto& driver) { return driver.param.name; });
INSTANTIATE_TEST_SUITE_P(Drivers, LastingStoreSuite, ::testing::ValuesIn(LastingFactories()),
                         [](const auto& driver) { return driver.param.name; });

}  // namespace heim
