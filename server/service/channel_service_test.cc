// Channels, members and direct messages through the handlers: who may do what in which role, what
// stays unique under a race, and who owns a channel in the end.
#include "server/service/channel_service.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "server/base/strings.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ChannelServiceTest : public ChatFixture {};

constexpr v1::ErrorReason kOk = v1::ERROR_REASON_UNSPECIFIED;
constexpr v1::ErrorReason kRole = v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED;
constexpr v1::ErrorReason kHidden = v1::ERROR_REASON_CHANNEL_NOT_FOUND;

TEST_F(ChannelServiceTest, RightsOfEachChannelRole) {
  // Members of a private channel, none of whom is anything in the workspace.
  const std::string id = CreateChannel(bob_, "secret", v1::CHANNEL_TYPE_PRIVATE)->id();
  const std::vector<v1::ChannelRole> roles = {v1::CHANNEL_ROLE_OWNER, v1::CHANNEL_ROLE_ADMIN,
                                              v1::CHANNEL_ROLE_MEMBER, v1::CHANNEL_ROLE_GUEST,
                                              v1::CHANNEL_ROLE_VIEWER};
  std::vector<Caller> people;
  for (const v1::ChannelRole role : roles) {
    people.push_back(AddPerson(StrCat("role", role), v1::WORKSPACE_ROLE_MEMBER));
    ASSERT_TRUE(AddMember(bob_, id, people.back(), role).ok());
  }
  people.push_back(ann_);  // in the workspace only
  people.push_back(ada_);  // admin of the workspace, which opens no private channel
  const std::string message = Send(bob_, id, "hello")->id();

  struct Row {
    const char* what;
    std::function<absl::Status(const Caller&)> act;
    // owner, admin, member, guest, viewer; ann and ada see nothing.
    std::vector<v1::ErrorReason> expected;
    v1::ErrorReason hidden = kHidden;
  };
  const auto update = [&](const Caller& who) {
    v1::UpdateChannelRequest request;
    request.set_channel_id(id);
    request.mutable_channel()->set_topic(StrCat("by ", who.actor.username()));
    return Call(who, &ChannelService::UpdateChannel, channels_, request).status();
  };
  const auto make_public = [&](const Caller& who) {
    v1::UpdateChannelRequest request;
    request.set_channel_id(id);
    request.mutable_channel()->set_type(v1::CHANNEL_TYPE_PRIVATE);
    return Call(who, &ChannelService::UpdateChannel, channels_, request).status();
  };
  const auto list = [&](const Caller& who) {
    v1::ListMessagesRequest request;
    request.set_channel_id(id);
    return List(who, request).status();
  };
  const auto members = [&](const Caller& who) {
    v1::ListMembersRequest request;
    request.set_channel_id(id);
    return Call(who, &ChannelService::ListMembers, channels_, request).status();
  };
  const auto mark = [&](const Caller& who) {
    v1::MarkReadRequest request;
    request.set_channel_id(id);
    request.set_seq(1);
    return Call(who, &ReadStateService::MarkRead, reads_, request).status();
  };
  const auto add = [&](const Caller& who) {
    const Caller fresh =
        AddPerson(StrCat("new", ids_.NewId().substr(24)), v1::WORKSPACE_ROLE_MEMBER);
    return AddMember(who, id, fresh).status();
  };
  const std::vector<Row> rows = {
      {"read", list, {kOk, kOk, kOk, kOk, kOk}},
      {"read members", members, {kOk, kOk, kOk, kOk, kOk}},
      {"mark read", mark, {kOk, kOk, kOk, kOk, kOk}},
      {"post",
       [&](const Caller& who) { return Send(who, id, "x").status(); },
       {kOk, kOk, kOk, kOk, kRole}},
      {"stream",
       [&](const Caller& who) {
         const auto stream = StartStream(who, id);
         return stream.ok() ? AbortStream(who, stream->id()).status() : stream.status();
       },
       {kOk, kOk, kOk, kOk, kRole}},
      {"react",
       [&](const Caller& who) { return React(who, message, "tada").status(); },
       {kOk, kOk, kOk, kOk, kRole},
       v1::ERROR_REASON_MESSAGE_NOT_FOUND},
      {"set the topic", update, {kOk, kOk, kRole, kRole, kRole}},
      {"set the type", make_public, {kOk, kRole, kRole, kRole, kRole}},
      {"add a member", add, {kOk, kOk, kRole, kRole, kRole}},
      {"change a role",
       [&](const Caller& who) {
         return SetRole(who, id, people[4], v1::CHANNEL_ROLE_VIEWER).status();
       },
       {kOk, kOk, kRole, kRole, kRole}},
      {"archive",
       [&](const Caller& who) {
         const absl::Status status = Archive(who, id).status();
         EXPECT_TRUE(Unarchive(bob_, id).ok());
         return status;
       },
       {kOk, kRole, kRole, kRole, kRole}},
      {"delete another's message",
       [&](const Caller& who) { return Delete(who, Send(bob_, id, "y")->id()).status(); },
       {kOk, kOk, kRole, kRole, kRole},
       v1::ERROR_REASON_MESSAGE_NOT_FOUND},
  };
  for (const Row& row : rows) {
    for (size_t i = 0; i < people.size(); ++i) {
      const v1::ErrorReason expected = i < row.expected.size() ? row.expected[i] : row.hidden;
      EXPECT_EQ(ReasonOf(row.act(people[i])), expected)
          << row.what << " by " << people[i].actor.username();
    }
  }
}

TEST_F(ChannelServiceTest, APublicChannelIsReadByMembersOfTheWorkspaceAndHiddenFromGuests) {
  const std::string id = CreateChannel(ann_, "open")->id();
  ASSERT_TRUE(Send(ann_, id, "x").ok());
  v1::ListMessagesRequest list;
  list.set_channel_id(id);
  EXPECT_TRUE(List(bob_, list).ok());
  EXPECT_EQ(ReasonOf(Send(bob_, id, "y").status()), kRole) << "who reads does not write yet";
  EXPECT_EQ(ReasonOf(List(gus_, list).status()), kHidden);
  EXPECT_EQ(ReasonOf(List(eve_, list).status()), kHidden);
  EXPECT_EQ(ReasonOf(Join(gus_, id)), kHidden);
  ASSERT_TRUE(AddMember(ann_, id, gus_).ok());
  EXPECT_TRUE(Send(gus_, id, "z").ok());
}

TEST_F(ChannelServiceTest, JoiningTwiceIsOnce) {
  const std::string id = CreateChannel(ann_, "open")->id();
  tape_.TakeKinds();
  ASSERT_TRUE(Join(bob_, id).ok());
  ASSERT_TRUE(Join(bob_, id).ok());
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kMemberAdded));
  EXPECT_EQ(tape_.events().back().member_added().channel().member_count(), 2u);
  EXPECT_EQ(ReasonOf(AddMember(ann_, id, bob_).status()), v1::ERROR_REASON_ALREADY_MEMBER);
  ASSERT_TRUE(Leave(bob_, id).ok());
  EXPECT_EQ(ReasonOf(Leave(bob_, id)), v1::ERROR_REASON_MEMBER_NOT_FOUND);
}

TEST_F(ChannelServiceTest, NamesAreUniqueAndReservedOnesRefused) {
  ASSERT_TRUE(CreateChannel(ann_, "dev").ok());
  EXPECT_EQ(ReasonOf(CreateChannel(bob_, "dev").status()), v1::ERROR_REASON_CHANNEL_NAME_TAKEN);
  EXPECT_EQ(ReasonOf(CreateChannel(bob_, "here").status()), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(CreateChannel(gus_, "guests").status()),
            v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED);
}

TEST_F(ChannelServiceTest, ADirectMessageIsOneForEachSetOfPeopleAlsoUnderARace) {
  constexpr size_t kCalls = 20;
  std::vector<CallContext> contexts(kCalls);
  std::vector<v1::OpenDirectRequest> requests(kCalls);
  std::vector<Waiter<v1::OpenDirectResponse>> waiters(kCalls);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < kCalls; i += 2) {
        contexts[i].caller = t == 0 ? ann_ : bob_;
        requests[i].add_actor_ids((t == 0 ? bob_ : ann_).actor_id.str());
        channels_->OpenDirect(contexts[i], requests[i], waiters[i].MakeReply());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> ids;
  int made = 0;
  for (size_t i = 0; i < kCalls; ++i) {
    const auto answer = waiters[i].Take();
    ASSERT_TRUE(answer.ok()) << answer.status();
    ids.insert(answer->channel().id());
    EXPECT_TRUE(answer->channel().has_me());
    made += contexts[i].http_status == 200 ? 0 : 1;
  }
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(made, 1) << "all others are told that it was there";
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kChannelCreated, v1::Event::kMemberAdded,
                                             v1::Event::kMemberAdded));
  EXPECT_NE(OpenDirect(ann_, {&bob_, &olga_})->id(), *ids.begin());
  EXPECT_EQ(OpenDirect(ann_, {&bob_, &olga_})->id(), OpenDirect(olga_, {&ann_, &bob_})->id());
  EXPECT_EQ(OpenDirect(ann_, {&ann_})->member_count(), 1u) << "with oneself";
}

TEST_F(ChannelServiceTest, DirectMessagesKeepTheirMembersAndTheirPrivacy) {
  const std::string id = OpenDirect(ann_, {&bob_})->id();
  EXPECT_EQ(ReasonOf(AddMember(ann_, id, olga_).status()), v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(Leave(ann_, id)), v1::ERROR_REASON_PERMISSION_DENIED);
  v1::ListMessagesRequest list;
  list.set_channel_id(id);
  EXPECT_EQ(ReasonOf(List(olga_, list).status()), kHidden) << "not even for the owner";
  EXPECT_TRUE(Send(bob_, id, "hi").ok());
}

TEST_F(ChannelServiceTest, TheLastOwnerPassesTheChannelOnAndIsNotTakenDown) {
  const std::string id = CreateChannel(ann_, "owned")->id();
  ASSERT_TRUE(AddMember(ann_, id, gus_, v1::CHANNEL_ROLE_VIEWER).ok());
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(AddMember(ann_, id, bob_).ok());
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(AddMember(ann_, id, bot_).ok());
  EXPECT_EQ(ReasonOf(SetRole(ann_, id, ann_, v1::CHANNEL_ROLE_MEMBER).status()),
            v1::ERROR_REASON_LAST_OWNER);
  EXPECT_EQ(ReasonOf(SetRole(bob_, id, bob_, v1::CHANNEL_ROLE_OWNER).status()), kRole);
  tape_.TakeKinds();
  ASSERT_TRUE(Leave(ann_, id).ok());
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kMemberUpdated, v1::Event::kMemberRemoved));
  v1::GetChannelRequest get;
  get.set_channel_id(id);
  EXPECT_EQ(Call(bob_, &ChannelService::GetChannel, channels_, get)->channel().me().role(),
            v1::CHANNEL_ROLE_OWNER)
      << "the oldest who may write";
  EXPECT_EQ(ReasonOf(RemoveMember(bot_, id, bob_).status()), kRole);
  ASSERT_TRUE(SetRole(bob_, id, bot_, v1::CHANNEL_ROLE_ADMIN).ok());
  EXPECT_EQ(ReasonOf(RemoveMember(bot_, id, bob_).status()), kRole) << "an owner stands above";
  ASSERT_TRUE(SetRole(bob_, id, bot_, v1::CHANNEL_ROLE_OWNER).ok());
  EXPECT_TRUE(RemoveMember(bot_, id, bob_).ok());
}

TEST_F(ChannelServiceTest, AnAdminOfTheWorkspaceDoesNotTakeTheLastOwnerDown) {
  const std::string id = CreateChannel(ann_, "owned")->id();
  ASSERT_TRUE(Join(ada_, id).ok());
  const absl::Status status = RemoveMember(ada_, id, ann_).status();
  EXPECT_FALSE(status.ok());
}

TEST_F(ChannelServiceTest, AnArchivedChannelIsReadAndNotWritten) {
  const std::string id = CreateChannel(ann_, "old")->id();
  const std::string message = Send(ann_, id, "x")->id();
  const std::string stream = StartStream(ann_, id)->id();
  ASSERT_TRUE(Append(ann_, stream, "half").ok());
  ASSERT_TRUE(Archive(ann_, id)->archived());
  Settle();
  EXPECT_EQ(ReasonOf(Append(ann_, stream, " more").status()), v1::ERROR_REASON_STREAM_STOPPED);
  EXPECT_EQ(ReasonOf(Send(ann_, id, "y").status()), v1::ERROR_REASON_CHANNEL_ARCHIVED);
  EXPECT_EQ(ReasonOf(React(ann_, message, "tada").status()), v1::ERROR_REASON_CHANNEL_ARCHIVED);
  EXPECT_EQ(ReasonOf(Join(bob_, id)), v1::ERROR_REASON_CHANNEL_ARCHIVED);
  EXPECT_TRUE(Get(bob_, message).ok());
  tape_.TakeKinds();
  EXPECT_TRUE(Archive(ann_, id).ok());
  EXPECT_THAT(tape_.TakeKinds(), IsEmpty()) << "twice is once";
  ASSERT_FALSE(Unarchive(ann_, id)->archived());
  EXPECT_TRUE(Send(ann_, id, "y").ok());
}

TEST_F(ChannelServiceTest, TheDefaultChannelStaysAndStaysFull) {
  EXPECT_EQ(ReasonOf(Leave(ann_, general_)), v1::ERROR_REASON_DEFAULT_CHANNEL);
  EXPECT_EQ(ReasonOf(Archive(olga_, general_).status()), v1::ERROR_REASON_DEFAULT_CHANNEL);
  EXPECT_EQ(ReasonOf(RemoveMember(olga_, general_, ann_).status()),
            v1::ERROR_REASON_DEFAULT_CHANNEL);
  v1::UpdateChannelRequest request;
  request.set_channel_id(general_);
  request.mutable_channel()->set_type(v1::CHANNEL_TYPE_PRIVATE);
  EXPECT_EQ(ReasonOf(Call(olga_, &ChannelService::UpdateChannel, channels_, request).status()),
            v1::ERROR_REASON_DEFAULT_CHANNEL);
}

TEST_F(ChannelServiceTest, ARemovedMemberStopsWritingAtOnce) {
  const std::string id = CreateChannel(ann_, "team", v1::CHANNEL_TYPE_PRIVATE)->id();
  ASSERT_TRUE(AddMember(ann_, id, bot_).ok());
  const std::string stream = StartStream(bot_, id)->id();
  ASSERT_TRUE(Append(bot_, stream, "I was about to").ok());
  ASSERT_TRUE(RemoveMember(ann_, id, bot_).ok());
  Settle();
  EXPECT_EQ(ReasonOf(Append(bot_, stream, " say").status()), v1::ERROR_REASON_STREAM_STOPPED);
  EXPECT_EQ(ReasonOf(Send(bot_, id, "x").status()), kHidden);
  EXPECT_EQ(tape_.events().back().message_new().message().state(), v1::MESSAGE_STATE_INTERRUPTED);
}

TEST_F(ChannelServiceTest, PagesOfChannelsAndMembersHoldEverythingOnce) {
  std::set<std::string> names = {"general"};
  for (int i = 0; i < 6; ++i) {
    names.insert(StrCat("c", i));
    ASSERT_TRUE(CreateChannel(ann_, StrCat("c", i)).ok());
  }
  ASSERT_TRUE(CreateChannel(bob_, "hidden", v1::CHANNEL_TYPE_PRIVATE).ok());
  v1::ListChannelsRequest request;
  request.set_limit(2);
  std::multiset<std::string> seen;
  do {
    const auto page = Call(ann_, &ChannelService::ListChannels, channels_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Channel& channel : page->channels()) seen.insert(channel.name());
    request.set_cursor(page->next_cursor());
  } while (!request.cursor().empty());
  EXPECT_THAT(seen, ::testing::ElementsAreArray(names));

  v1::ListMembersRequest members;
  members.set_channel_id(general_);
  members.set_limit(2);
  std::multiset<std::string> people;
  do {
    const auto page = Call(ann_, &ChannelService::ListMembers, channels_, members);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Member& member : page->members()) people.insert(member.actor().username());
    members.set_cursor(page->next_cursor());
  } while (!members.cursor().empty());
  EXPECT_THAT(people, ElementsAre("ada", "ann", "bob", "bot", "olga"));
}

TEST_F(ChannelServiceTest, AStaleRevisionChangesNothing) {
  const v1::Channel channel = *CreateChannel(ann_, "dev");
  v1::UpdateChannelRequest request;
  request.set_channel_id(channel.id());
  request.mutable_channel()->set_topic("one");
  request.set_expected_revision(channel.revision());
  const auto changed = Call(ann_, &ChannelService::UpdateChannel, channels_, request);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->channel().revision(), channel.revision() + 1);
  request.mutable_channel()->set_topic("two");
  EXPECT_EQ(ReasonOf(Call(ann_, &ChannelService::UpdateChannel, channels_, request).status()),
            v1::ERROR_REASON_REVISION_CONFLICT);
}

}  // namespace
}  // namespace heim
