// User groups and mentions of groups through the handlers.
#include "server/service/group_service.h"

#include <gmock/gmock.h>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/service/chat_fixture.h"
#include "server/service/group_membership.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GroupServiceTest : public ChatFixture {
 protected:
  absl::StatusOr<v1::UserGroup> Create(const Caller& caller, const std::string& handle,
                                       const std::vector<const Caller*>& members = {}) {
    v1::CreateGroupRequest request;
    request.set_handle(handle);
    for (const Caller* member : members) request.add_member_ids(member->actor_id.str());
    auto answer = Call(caller, &GroupService::CreateGroup, groups_, request);
    if (!answer.ok()) return answer.status();
    return answer->group();
  }
  absl::StatusOr<v1::UserGroup> Add(const Caller& caller, const std::string& group,
                                    const Caller& who) {
    v1::AddGroupMemberRequest request;
    request.set_group_id(group);
    request.set_actor_id(who.actor_id.str());
    auto answer = Call(caller, &GroupService::AddGroupMember, groups_, request);
    if (!answer.ok()) return answer.status();
    return answer->group();
  }
  absl::StatusOr<v1::UserGroup> Remove(const Caller& caller, const std::string& group,
                                       const Caller& who) {
    v1::RemoveGroupMemberRequest request;
    request.set_group_id(group);
    request.set_actor_id(who.actor_id.str());
    auto answer = Call(caller, &GroupService::RemoveGroupMember, groups_, request);
    if (!answer.ok()) return answer.status();
    return answer->group();
  }
  absl::StatusOr<v1::UserGroup> GetGroup(const Caller& caller, const std::string& group) {
    v1::GetGroupRequest request;
    request.set_group_id(group);
    auto answer = Call(caller, &GroupService::GetGroup, groups_, request);
    if (!answer.ok()) return answer.status();
    return answer->group();
  }
  void SetSetting(const std::string& name, bool value) {
    absl::Notification done;
    Draft draft;
    draft.apply = [&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(v1::Workspace workspace, tx.workspaces.Get(workspace_));
      (*workspace.mutable_settings()->mutable_fields())[name].set_bool_value(value);
      return tx.workspaces.Update(workspace);
    };
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      done.Notify();
    });
    done.WaitForNotification();
  }
  uint32_t MentionsOf(const Caller& who) { return ReadStateOf(who, general_).mention_count(); }
};

TEST_F(GroupServiceTest, AdminsMakeGroupsAndMembersWhereTheWorkspaceLetsThem) {
  EXPECT_EQ(ReasonOf(Create(ann_, "team").status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  SetSetting("members_manage_groups", true);
  const auto made = Create(ann_, "team", {&bob_, &bot_});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->member_count(), 2u);
  EXPECT_THAT(made->member_ids(), ElementsAre(bob_.actor_id.str(), bot_.actor_id.str()));
  EXPECT_EQ(made->name(), "team");
  EXPECT_EQ(GetGroup(bob_, made->id())->SerializeAsString(), made->SerializeAsString());
  EXPECT_EQ(ReasonOf(GetGroup(gus_, made->id()).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Create(gus_, "other").status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(GetGroup(bob_, "nonsense").status()), v1::ERROR_REASON_GROUP_NOT_FOUND);
}

TEST_F(GroupServiceTest, AHandleIsTakenOnceAndIsNoUsername) {
  ASSERT_TRUE(Create(ada_, "team").ok());
  for (const char* taken : {"team", "bob", "channel", "everyone"}) {
    EXPECT_EQ(ReasonOf(Create(ada_, taken).status()), v1::ERROR_REASON_GROUP_HANDLE_TAKEN) << taken;
  }
  const auto other = Create(ada_, "other");
  v1::UpdateGroupRequest request;
  request.set_group_id(other->id());
  request.mutable_group()->set_handle("team");
  EXPECT_EQ(ReasonOf(Call(ada_, &GroupService::UpdateGroup, groups_, request).status()),
            v1::ERROR_REASON_GROUP_HANDLE_TAKEN);
  request.mutable_group()->set_handle("others");
  request.set_expected_revision(7);
  EXPECT_EQ(ReasonOf(Call(ada_, &GroupService::UpdateGroup, groups_, request).status()),
            v1::ERROR_REASON_REVISION_CONFLICT);
  request.set_expected_revision(1);
  const auto changed = Call(ada_, &GroupService::UpdateGroup, groups_, request);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->group().handle(), "others");
  EXPECT_EQ(changed->group().revision(), 2u);
  // Somebody who comes later with the name of a group wins.
  AddPerson("team", v1::WORKSPACE_ROLE_MEMBER);
  const auto sent = Send(ann_, general_, "@team");
  EXPECT_EQ(sent->mentions(0).type(), v1::MENTION_TYPE_ACTOR);
}

TEST_F(GroupServiceTest, MembersComeAndGoAndEverybodyMayLeave) {
  const std::string team = Create(ada_, "team")->id();
  tape_.TakeKinds();
  ASSERT_TRUE(Add(ada_, team, ann_).ok());
  EXPECT_EQ(Add(ada_, team, ann_)->revision(), 2u) << "a second call changes nothing";
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kGroupUpdated));
  EXPECT_EQ(ReasonOf(Remove(bob_, team, ann_).status()), v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
  EXPECT_EQ(Remove(ann_, team, ann_)->member_count(), 0u);
  EXPECT_EQ(ReasonOf(Remove(ada_, team, ann_).status()), v1::ERROR_REASON_MEMBER_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Add(ada_, team, eve_).status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
  for (const Caller* who : {&ann_, &bob_, &bot_}) ASSERT_TRUE(Add(ada_, team, *who).ok());
  v1::ListGroupMembersRequest request;
  request.set_group_id(team);
  request.set_limit(2);
  auto page = Call(bob_, &GroupService::ListGroupMembers, groups_, request);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->members_size(), 2);
  EXPECT_EQ(page->members(0).username(), "ann");
  request.set_cursor(page->next_cursor());
  page = Call(bob_, &GroupService::ListGroupMembers, groups_, request);
  ASSERT_EQ(page->members_size(), 1);
  EXPECT_EQ(page->members(0).username(), "bot");
}

TEST_F(GroupServiceTest, AMentionOfAGroupCountsForWhoIsInItThen) {
  const std::string team = Create(ada_, "team", {&bob_, &gus_})->id();
  const auto sent = Send(ann_, general_, "@Team please");
  ASSERT_EQ(sent->mentions_size(), 1);
  EXPECT_EQ(sent->mentions(0).type(), v1::MENTION_TYPE_GROUP);
  EXPECT_EQ(sent->mentions(0).group_id(), team);
  EXPECT_EQ(MentionsOf(bob_), 1u);
  EXPECT_EQ(MentionsOf(bot_), 0u);
  ASSERT_TRUE(Add(ada_, team, bot_).ok());
  ASSERT_TRUE(Remove(ada_, team, bob_).ok());
  EXPECT_EQ(MentionsOf(bob_), 1u) << "was in it when it was said";
  EXPECT_EQ(MentionsOf(bot_), 0u);
  ASSERT_TRUE(Edit(ann_, sent->id(), "@team please @bot").ok());
  EXPECT_EQ(MentionsOf(bob_), 1u);
  EXPECT_EQ(MentionsOf(bot_), 1u);
  ASSERT_TRUE(Edit(ann_, sent->id(), "please @bot").ok());
  EXPECT_EQ(MentionsOf(bob_), 0u);
  EXPECT_EQ(MentionsOf(bot_), 1u);
  ASSERT_TRUE(Edit(ann_, sent->id(), "@team").ok());
  EXPECT_EQ(MentionsOf(bob_), 0u) << "called anew, and he is no longer in it";
  EXPECT_EQ(MentionsOf(bot_), 1u);
  v1::DeleteGroupRequest request;
  request.set_group_id(team);
  ASSERT_TRUE(Call(ada_, &GroupService::DeleteGroup, groups_, request).ok());
  EXPECT_EQ(MentionsOf(bot_), 1u);
  EXPECT_THAT(Send(ann_, general_, "@team")->mentions(), IsEmpty());
  ASSERT_TRUE(Delete(ann_, sent->id()).ok());
  EXPECT_EQ(MentionsOf(bot_), 0u);
}

TEST_F(GroupServiceTest, GuestsMentionNoGroupsAndAgentsOnlyWhereTheyMay) {
  ASSERT_TRUE(Create(ada_, "team", {&bob_}).ok());
  ASSERT_TRUE(AddMember(olga_, general_, gus_, v1::CHANNEL_ROLE_GUEST).ok());
  for (const char* text : {"@channel", "@here", "@everyone", "@team"}) {
    EXPECT_THAT(Send(gus_, general_, text)->mentions(), IsEmpty()) << text;
    EXPECT_THAT(Send(bot_, general_, text)->mentions(), IsEmpty()) << text;
    EXPECT_EQ(Send(ann_, general_, text)->mentions_size(), 1) << text;
  }
  EXPECT_EQ(Send(bot_, general_, "@ann @channel")->mentions_size(), 1) << "names always";
  SetSetting("agents_mention_groups", true);
  EXPECT_EQ(Send(bot_, general_, "@channel")->mentions_size(), 1);
  EXPECT_THAT(Send(gus_, general_, "@channel")->mentions(), IsEmpty());
  const std::string stream = StartStream(gus_, general_)->id();
  ASSERT_TRUE(Append(gus_, stream, "@channel").ok());
  EXPECT_THAT(FinishStream(gus_, stream)->mentions(), IsEmpty());
}

TEST_F(GroupServiceTest, HereCallsWhoIsPresentThen) {
  presence_->Connected(workspace_, bob_.actor_id);
  const auto sent = Send(ann_, general_, "@here");
  presence_->Connected(workspace_, bot_.actor_id);
  EXPECT_EQ(sent->mentions(0).type(), v1::MENTION_TYPE_HERE);
  EXPECT_EQ(MentionsOf(bob_), 1u);
  EXPECT_EQ(MentionsOf(bot_), 0u);
  ASSERT_TRUE(Edit(ann_, sent->id(), "@here and again").ok());
  EXPECT_EQ(MentionsOf(bot_), 0u) << "an old call calls nobody new";
  presence_->Set(workspace_, bob_.actor_id, v1::PRESENCE_OFFLINE, std::nullopt);
  ASSERT_TRUE(Send(ann_, general_, "@here").ok());
  EXPECT_EQ(MentionsOf(bob_), 1u) << "hides";
  EXPECT_EQ(MentionsOf(bot_), 1u);
}

TEST_F(GroupServiceTest, ACrowdIsCalledOnlyWhenThatIsMeant) {
  for (uint32_t i = 0; i < kUnconfirmedMentionMembersMax; ++i) {
    AddPerson(StrCat("p", i), v1::WORKSPACE_ROLE_MEMBER);
  }
  v1::SendMessageRequest request;
  request.set_channel_id(general_);
  request.set_content("@channel");
  const auto refused = Call(ann_, &MessageService::SendMessage, messages_, request);
  EXPECT_EQ(ReasonOf(refused.status()), v1::ERROR_REASON_CONFIRMATION_REQUIRED);
  request.set_confirm_group_mention(true);
  const auto sent = Call(ann_, &MessageService::SendMessage, messages_, request);
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_EQ(sent->message().mentions_size(), 1);
  EXPECT_EQ(Edit(ann_, sent->message().id(), "@channel, again")->mentions_size(), 1);
  const std::string plain = Send(ann_, general_, "nobody")->id();
  EXPECT_EQ(ReasonOf(Edit(ann_, plain, "@everyone").status()),
            v1::ERROR_REASON_CONFIRMATION_REQUIRED);
  request.set_content("`@channel` @bob");
  request.set_confirm_group_mention(false);
  EXPECT_TRUE(Call(ann_, &MessageService::SendMessage, messages_, request).ok());
  const std::string stream = StartStream(ann_, general_)->id();
  ASSERT_TRUE(Append(ann_, stream, "@channel").ok());
  EXPECT_THAT(FinishStream(ann_, stream)->mentions(), IsEmpty()) << "nobody to ask: stays text";
}

TEST_F(GroupServiceTest, ListsArePagedByHandleAndSearched) {
  for (const char* handle : {"ops", "dev-a", "dev-b"}) ASSERT_TRUE(Create(ada_, handle).ok());
  v1::ListGroupsRequest request;
  request.set_limit(2);
  auto page = Call(bob_, &GroupService::ListGroups, groups_, request);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->groups_size(), 2);
  EXPECT_EQ(page->groups(0).handle(), "dev-a");
  request.set_cursor(page->next_cursor());
  page = Call(bob_, &GroupService::ListGroups, groups_, request);
  ASSERT_EQ(page->groups_size(), 1);
  EXPECT_EQ(page->groups(0).handle(), "ops");
  request.Clear();
  request.set_q("DEV");
  EXPECT_EQ(Call(bob_, &GroupService::ListGroups, groups_, request)->groups_size(), 2);
  request.set_q("%");
  EXPECT_EQ(Call(bob_, &GroupService::ListGroups, groups_, request)->groups_size(), 0);
  EXPECT_EQ(ReasonOf(Call(gus_, &GroupService::ListGroups, groups_, request).status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
}

}  // namespace
}  // namespace heim
