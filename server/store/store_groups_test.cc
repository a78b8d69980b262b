// User groups and whom their mentions call, for every driver.
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

v1::UserGroup NewGroup(std::string_view id, const WorkspaceId& workspace, std::string_view handle) {
  v1::UserGroup group;
  group.set_id(std::string(id));
  group.set_workspace_id(workspace.str());
  group.set_handle(std::string(handle));
  group.set_name("The Team");
  group.set_description("all of it");
  group.set_created_by("somebody");
  *group.mutable_created_at() = ToTimestamp(absl::FromUnixMillis(1000));
  *group.mutable_updated_at() = group.created_at();
  group.set_revision(1);
  return group;
}

TEST_P(StoreSuite, AGroupIsReadAsItWasWritten) {
  v1::UserGroup group = NewGroup(ids_.NewId(), workspace_, "team");
  const GroupId id(group.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.groups.Insert(group));
    EXPECT_TRUE(*tx.groups.AddMember(id, bob_));
    EXPECT_TRUE(*tx.groups.AddMember(id, ann_));
    EXPECT_FALSE(*tx.groups.AddMember(id, ann_));
    return absl::OkStatus();
  });
  group.set_member_count(2);
  group.add_member_ids(bob_.str());
  group.add_member_ids(ann_.str());
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::UserGroup found, tx.groups.Get(workspace_, id));
    EXPECT_EQ(found.DebugString(), group.DebugString());
    EXPECT_EQ(ReasonOf(tx.groups.Get(WorkspaceId(ids_.NewId()), id).status()),
              v1::ERROR_REASON_GROUP_NOT_FOUND);
    HEIM_ASSIGN_OR_RETURN(const auto members, tx.groups.ListMembers(id, 1, 10));
    EXPECT_EQ(members.size(), 1u);
    EXPECT_EQ(members.empty() ? "" : members[0].actor.username(), "ann");
    HEIM_ASSIGN_OR_RETURN(const auto listed, tx.groups.List(workspace_, "the t", "", 10));
    EXPECT_EQ(listed.size(), 1u);
    HEIM_ASSIGN_OR_RETURN(const auto named, tx.groups.ResolveHandles(workspace_, {"team", "x"}));
    EXPECT_EQ(named.size(), 1u);
    HEIM_ASSIGN_OR_RETURN(const auto of_bob, tx.groups.GroupsOf(workspace_, bob_));
    EXPECT_EQ(of_bob, std::vector<GroupId>({id}));
    EXPECT_EQ(*tx.groups.Count(workspace_), 1);
    return absl::OkStatus();
  });
  const auto again = Commit(
      [&](WriteTx& tx) { return tx.groups.Insert(NewGroup(ids_.NewId(), workspace_, "team")); });
  EXPECT_EQ(ReasonOf(again.status()), v1::ERROR_REASON_GROUP_HANDLE_TAKEN);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    EXPECT_TRUE(*tx.groups.RemoveMember(id, bob_));
    EXPECT_FALSE(*tx.groups.RemoveMember(id, bob_));
    return tx.groups.Delete(id);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(ReasonOf(tx.groups.Get(workspace_, id).status()), v1::ERROR_REASON_GROUP_NOT_FOUND);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, WhomAGroupCalledIsKeptUntilTheMentionGoes) {
  const v1::UserGroup group = NewGroup(ids_.NewId(), workspace_, "team");
  const GroupId id(group.id());
  v1::Message message = NewMessage(ann_, "@team @here");
  for (const v1::MentionType type : {v1::MENTION_TYPE_GROUP, v1::MENTION_TYPE_HERE}) {
    v1::Mention& mention = *message.add_mentions();
    mention.set_type(type);
    if (type == v1::MENTION_TYPE_GROUP) mention.set_group_id(group.id());
  }
  const ActorId stranger = AddPerson("stranger");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.groups.Insert(group));
    for (const ActorId& member : {ann_, bob_, stranger})
      EXPECT_TRUE(*tx.groups.AddMember(id, member));
    HEIM_RETURN_IF_ERROR(Post(tx, message));
    HEIM_RETURN_IF_ERROR(tx.calls.CallGroup(general_, message.seq(), id));
    return tx.calls.CallPresent(general_, message.seq(), {bob_});
  });
  using Counts = std::pair<uint32_t, uint32_t>;
  EXPECT_EQ(Unread(), Counts(1, 1));
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto called, tx.calls.CalledAs(general_, 1, id.str()));
    EXPECT_EQ(called, std::vector<ActorId>({bob_})) << "not the author, nobody from outside";
    return absl::OkStatus();
  });
  const auto edit = [&](int mentions) {
    v1::Message edited = message;
    while (edited.mentions_size() > mentions) edited.mutable_mentions()->RemoveLast();
    edited.set_revision(message.revision() + 1);
    MustCommit([&](WriteTx& tx) { return tx.messages.Update(edited, 0); });
    message = edited;
  };
  edit(1);
  EXPECT_EQ(Unread(), Counts(1, 1)) << "still of the group";
  edit(0);
  EXPECT_EQ(Unread(), Counts(1, 0));
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto called, tx.calls.CalledAs(general_, 1, id.str()));
    EXPECT_TRUE(called.empty());
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
