// Random people say, set, join, leave and read random things; after each step every inbox must hold
// exactly what a naive model of the rules says, and in the end what the events alone say: state
// before + events = state after. Seeds are fixed; a failure prints its own.
#include <map>
#include <set>

#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/jobs/inbox_job.h"
#include "server/jobs/log_reader.h"
#include "server/service/chat_fixture.h"
#include "server/service/notification_service.h"

namespace heim {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

struct Expected {
  v1::InboxReason reason = v1::INBOX_REASON_UNSPECIFIED;
  bool quiet = false;
  bool seen = false;
  bool operator==(const Expected& other) const {
    return reason == other.reason && quiet == other.quiet && seen == other.seen;
  }
};
std::ostream& operator<<(std::ostream& out, const Expected& item) {
  return out << v1::InboxReason_Name(item.reason) << (item.quiet ? " quiet" : "")
             << (item.seen ? " seen" : "");
}

// A client of one actor that knows nothing but events.
struct ByEvents {
  std::map<std::string, v1::InboxItem> items;
  std::set<std::string> unseen;
  v1::NotificationPreferences preferences;
  std::map<std::pair<std::string, std::string>, v1::NotificationLevel> levels;
};

class InboxLawTest : public ChatFixture,
                     public CommitListener,
                     public ::testing::WithParamInterface<uint64_t> {
 protected:
  struct Person {
    const Caller* caller = nullptr;
    v1::NotificationLevel level = v1::NOTIFICATION_LEVEL_MENTIONS;
    bool wants_deploy = false;
    bool snoozed = false;
    std::set<std::string> muted;
    std::map<std::string, v1::NotificationLevel> levels;  // by channel or root
    std::map<std::string, Expected> inbox;                // by message
  };
  struct Place {
    std::string id;
    bool direct = false;
    std::set<std::string> members;
  };
  struct Told {
    std::string id;
    std::string channel;
    std::string thread;
    std::string author;
    uint64_t seq = 0;
    std::set<std::string> called;     // ids and "*", in any version
    std::set<std::string> followers;  // of the thread
  };

  void SetUp() override {
    ChatFixture::SetUp();
    service_ = std::make_unique<NotificationService>(*store_, clock_);
    StartReader();
    tape_.SetTarget(this);
    for (const Caller* caller : {&olga_, &ada_, &ann_, &bob_, &bot_}) {
      people_[caller->actor_id.str()].caller = caller;
    }
    AddPlace(general_, false, {&olga_, &ada_, &ann_, &bob_, &bot_});
    AddPlace(CreateChannel(ann_, "dev", v1::CHANNEL_TYPE_PRIVATE)->id(), false, {&ann_});
    AddPlace(OpenDirect(ann_, {&bob_})->id(), true, {&ann_, &bob_});
  }
  void TearDown() override {
    reader_->Stop();
    ChatFixture::TearDown();
  }
  void StartReader() {
    reader_ = std::make_unique<LogReader>(LogReaderOptions{}, *store_, timers_, job_);
    reader_->Start();
  }
  void RestartReader() {
    tape_.SetTarget(nullptr);
    reader_->Stop();
    StartReader();
    tape_.SetTarget(this);
  }
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    hub_->OnCommitted(events);
    reader_->OnCommitted(events);
  }

  void AddPlace(const std::string& id, bool direct, std::vector<const Caller*> members) {
    Place& place = places_[id];
    place.id = id;
    place.direct = direct;
    for (const Caller* member : members) place.members.insert(member->actor_id.str());
  }
  uint64_t Below(uint64_t bound) { return RandomBelow(dice_, bound); }
  template <class Map>
  auto& One(Map& map) {
    return std::next(map.begin(), static_cast<int64_t>(Below(map.size())))->second;
  }

  std::string RandomText();
  void Hear(const v1::Message& message, bool edited);
  std::optional<Expected> Decide(const Person& person, const Told& told,
                                 const std::set<std::string>& called, bool deploy, bool edited);
  void Forget(Person& person, const std::string& channel);
  void DoSomething();
  void Speak();
  void Change();
  void Set();
  void Look();
  void ExpectInboxes();
  void ExpectEventsGiveTheRows();

  SeededEntropy dice_{GetParam()};
  InboxJob job_{clock_, ids_};
  std::unique_ptr<LogReader> reader_;
  std::unique_ptr<NotificationService> service_;
  std::map<std::string, Person> people_;
  std::map<std::string, Place> places_;
  std::map<std::string, Told> told_;
};

std::string InboxLawTest::RandomText() {
  static const std::vector<std::string> kWords = {
      "hello", "@ann", "@bob", "@channel", "Deploy", "`@ann`", "@olga", "deployed", "@bot", "so"};
  std::string text = "say";
  for (uint64_t words = Below(4); words > 0; --words) {
    StrAppend(&text, " ", kWords[Below(kWords.size())]);
  }
  return text;
}

std::optional<Expected> InboxLawTest::Decide(const Person& person, const Told& told,
                                             const std::set<std::string>& called, bool deploy,
                                             bool edited) {
  const auto set = [&](const std::string& where) {
    const auto found = person.levels.find(where);
    return found == person.levels.end() ? v1::NOTIFICATION_LEVEL_UNSPECIFIED : found->second;
  };
  v1::NotificationLevel level = person.level;
  if (set(told.channel) != 0) level = set(told.channel);
  const v1::NotificationLevel of_thread =
      told.thread.empty() ? v1::NOTIFICATION_LEVEL_UNSPECIFIED : set(told.thread);
  if (of_thread != 0) level = of_thread;
  if (level == v1::NOTIFICATION_LEVEL_NONE) return std::nullopt;

  Expected item;
  const std::string& id = person.caller->actor_id.str();
  if (called.count(id) != 0) {
    item.reason = v1::INBOX_REASON_MENTION;
  } else if (called.count("*") != 0) {
    item.reason = v1::INBOX_REASON_GROUP_MENTION;
  } else if (edited) {
    return std::nullopt;
  } else if (places_[told.channel].direct) {
    item.reason = v1::INBOX_REASON_DIRECT_MESSAGE;
  } else if (told.followers.count(id) != 0 || of_thread == v1::NOTIFICATION_LEVEL_ALL) {
    item.reason = v1::INBOX_REASON_THREAD_REPLY;
  } else if (deploy && person.wants_deploy) {
    item.reason = v1::INBOX_REASON_KEYWORD;
  } else if (level == v1::NOTIFICATION_LEVEL_ALL) {
    item.reason = v1::INBOX_REASON_CHANNEL_MESSAGE;
  } else {
    return std::nullopt;
  }
  item.quiet = person.snoozed;
  if (person.muted.count(told.channel) != 0 && of_thread == 0) {
    if (item.reason != v1::INBOX_REASON_MENTION) return std::nullopt;
    item.quiet = true;
  }
  return item;
}

// What the model expects of a message that was sent or edited.
void InboxLawTest::Hear(const v1::Message& message, bool edited) {
  Told& told = told_[message.id()];
  told.id = message.id();
  told.channel = message.channel_id();
  told.thread = message.thread_id();
  told.author = message.actor().id();
  told.seq = message.seq();
  std::set<std::string> called;
  for (const v1::Mention& mention : message.mentions()) {
    const std::string whom =
        mention.type() == v1::MENTION_TYPE_ACTOR ? mention.actor_id() : std::string("*");
    if (told.called.count(whom) == 0) called.insert(whom);
  }
  told.called.insert(called.begin(), called.end());
  // Who follows is a law of its own.
  if (message.has_thread_id() && !edited) {
    Read([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto followers,
                            tx.follows.FollowersOf(MessageId(message.thread_id())));
      for (const ActorId& follower : followers) told.followers.insert(follower.str());
      return absl::OkStatus();
    });
  }
  const bool deploy = message.content().find(" Deploy") != std::string::npos;
  for (const std::string& id : places_[told.channel].members) {
    Person& person = people_[id];
    if (id == told.author || person.inbox.count(told.id) != 0) continue;
    const auto item = Decide(person, told, called, deploy, edited);
    if (item.has_value()) person.inbox[told.id] = *item;
  }
}

void InboxLawTest::Speak() {
  Person& who = One(people_);
  std::string thread;
  std::string channel = One(places_).id;
  if (!told_.empty() && Below(3) == 0) {
    const Told& root = One(told_);
    channel = root.channel;
    thread = root.thread.empty() ? root.id : root.thread;
  }
  const auto message = Send(*who.caller, channel, RandomText(), thread);
  if (message.ok()) Hear(*message, false);
}

void InboxLawTest::Change() {
  Person& who = One(people_);
  if (Below(2) == 0 && !told_.empty()) {
    Told& told = One(told_);
    const Person& author = people_[told.author];
    if (Below(2) == 0) {
      const auto message = Edit(*author.caller, told.id, RandomText());
      if (message.ok()) Hear(*message, true);
    } else if (Delete(*author.caller, told.id).ok()) {
      for (auto& [id, person] : people_) person.inbox.erase(told.id);
    }
    return;
  }
  Place& place = places_[Below(2) == 0 ? general_ : std::next(places_.begin(), 1)->first];
  const std::string& id = who.caller->actor_id.str();
  if (Below(2) == 0) {
    if (Leave(*who.caller, place.id).ok() && place.members.erase(id) != 0) Forget(who, place.id);
  } else if (AddMember(*(place.members.empty() ? who : people_[*place.members.begin()]).caller,
                       place.id, *who.caller)
                 .ok()) {
    place.members.insert(id);
  }
}

void InboxLawTest::Forget(Person& person, const std::string& channel) {
  person.muted.erase(channel);
  person.levels.erase(channel);
  for (const auto& [id, told] : told_) {
    if (told.channel != channel) continue;
    person.inbox.erase(id);
    person.levels.erase(id);
  }
}

void InboxLawTest::Set() {
  Person& who = One(people_);
  v1::UpdatePreferencesRequest request;
  v1::NotificationPreferences& preferences = *request.mutable_preferences();
  switch (Below(6)) {
    case 0: {
      const auto level = static_cast<v1::NotificationLevel>(1 + Below(3));
      preferences.set_level(level);
      if (Call(*who.caller, &NotificationService::UpdatePreferences, service_, request).ok()) {
        who.level = level;
      }
      return;
    }
    case 1:
      who.wants_deploy = !who.wants_deploy;
      request.mutable_update_mask()->add_paths("keywords");
      if (who.wants_deploy) preferences.add_keywords("deploy");
      ASSERT_TRUE(
          Call(*who.caller, &NotificationService::UpdatePreferences, service_, request).ok());
      return;
    case 2:
      who.snoozed = !who.snoozed;
      request.mutable_update_mask()->add_paths("snoozed_until");
      if (who.snoozed) preferences.mutable_snoozed_until()->set_seconds(4'000'000'000);
      ASSERT_TRUE(
          Call(*who.caller, &NotificationService::UpdatePreferences, service_, request).ok());
      return;
    case 3: {
      v1::UpdateMemberRequest mute;
      const std::string& channel = One(places_).id;
      mute.set_channel_id(channel);
      mute.set_actor_id("me");
      const bool muted = who.muted.count(channel) == 0;
      mute.mutable_update_mask()->add_paths("muted");
      mute.mutable_member()->set_muted(muted);
      if (!Call(*who.caller, &ChannelService::UpdateMember, channels_, mute).ok()) return;
      if (muted) {
        who.muted.insert(channel);
      } else {
        who.muted.erase(channel);
      }
      return;
    }
    default: {
      v1::SetChannelNotificationRequest set;
      set.set_channel_id(One(places_).id);
      set.set_level(static_cast<v1::NotificationLevel>(Below(4)));
      if (!told_.empty() && Below(2) == 0) {
        const Told& told = One(told_);
        if (!told.thread.empty()) return;
        set.set_channel_id(told.channel);
        set.set_thread_id(told.id);
      }
      if (!Call(*who.caller, &NotificationService::SetChannelNotification, service_, set).ok()) {
        return;
      }
      who.levels[set.has_thread_id() ? set.thread_id() : set.channel_id()] = set.level();
    }
  }
}

void InboxLawTest::Look() {
  Person& who = One(people_);
  if (told_.empty()) return;
  const Told& told = One(told_);
  if (Below(2) == 0) {
    v1::MarkReadRequest read;
    read.set_channel_id(told.channel);
    read.set_seq(told.seq);
    if (!told.thread.empty()) read.set_thread_id(told.thread);
    if (!Call(*who.caller, &ReadStateService::MarkRead, reads_, read).ok()) return;
    for (auto& [id, item] : who.inbox) {
      const Told& other = told_[id];
      const bool there = other.channel == told.channel && other.thread == told.thread;
      if (there && other.seq <= told.seq) item.seen = true;
    }
    return;
  }
  const auto listed =
      Call(*who.caller, &NotificationService::ListInbox, service_, v1::ListInboxRequest());
  ASSERT_TRUE(listed.ok()) << listed.status();
  if (listed->items().empty()) return;
  const int at = static_cast<int>(Below(static_cast<uint64_t>(listed->items_size())));
  v1::MarkInboxSeenRequest seen;
  if (Below(2) == 0) {
    seen.add_item_ids(listed->items(at).id());
    who.inbox[listed->items(at).message_id()].seen = true;
  } else {
    seen.set_seen_until(listed->items(at).id());
    // Pages hold fifty; older items than those are up to it, too.
    std::set<std::string> newer;
    for (int i = 0; i < at; ++i) newer.insert(listed->items(i).message_id());
    for (auto& [id, item] : who.inbox) item.seen = item.seen || newer.count(id) == 0;
  }
  ASSERT_TRUE(Call(*who.caller, &NotificationService::MarkInboxSeen, service_, seen).ok());
}

void InboxLawTest::DoSomething() {
  const uint64_t what = Below(20);
  if (what < 10) {
    Speak();
  } else if (what < 13) {
    Change();
  } else if (what < 16) {
    Set();
  } else if (what < 19) {
    Look();
  } else {
    RestartReader();
  }
  clock_.Advance(absl::Milliseconds(1 + Below(50)));
}

void InboxLawTest::ExpectInboxes() {
  Settle();
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  for (const auto& [id, person] : people_) {
    std::map<std::string, Expected> found;
    v1::ListInboxRequest request;
    request.set_limit(200);
    uint32_t unseen = 0;
    uint32_t counted = 0;
    while (true) {
      const auto page = Call(*person.caller, &NotificationService::ListInbox, service_, request);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const v1::InboxItem& item : page->items()) {
        found[item.message_id()] = {item.reason(), item.quiet(), item.has_seen_at()};
        EXPECT_EQ(item.message().id(), item.message_id());
        unseen += item.has_seen_at() ? 0 : 1;
      }
      counted = page->unseen_count();
      if (!page->has_more()) break;
      request.set_cursor(page->next_cursor());
    }
    ASSERT_EQ(found, person.inbox) << person.caller->actor.username();
    ASSERT_EQ(counted, unseen);
  }
}

void InboxLawTest::ExpectEventsGiveTheRows() {
  std::map<std::string, ByEvents> known;
  for (const v1::Event& event : ReadLog()) {
    ByEvents& own = known[event.to_actor_id()];
    if (event.has_inbox_added()) {
      const v1::InboxItem& item = event.inbox_added().item();
      EXPECT_TRUE(own.items.emplace(item.id(), item).second) << "an item came twice";
      if (!item.has_seen_at()) own.unseen.insert(item.id());
    } else if (event.has_inbox_seen()) {
      const v1::InboxSeen& seen = event.inbox_seen();
      for (const std::string& id : seen.item_ids()) own.unseen.erase(id);
      if (seen.has_seen_until()) {
        own.unseen.erase(own.unseen.begin(), own.unseen.upper_bound(seen.seen_until()));
      }
    } else if (event.has_preferences_updated()) {
      const v1::PreferencesUpdated& updated = event.preferences_updated();
      if (updated.has_preferences()) own.preferences = updated.preferences();
      const v1::ChannelNotification& place = updated.channel();
      if (updated.has_channel())
        own.levels[{place.channel_id(), place.thread_id()}] = place.level();
    } else if (event.has_member_removed()) {
      auto& levels = known[event.member_removed().actor_id()].levels;
      for (auto it = levels.begin(); it != levels.end();) {
        it = it->first.first == event.member_removed().channel_id() ? levels.erase(it) : ++it;
      }
    }
  }
  Read([&](ReadTx& tx) -> absl::Status {
    for (const auto& [id, person] : people_) {
      ByEvents& own = known[id];
      std::set<std::string> unseen;
      InboxFilter filter;
      filter.limit = 10000;
      HEIM_ASSIGN_OR_RETURN(const auto items, tx.inbox.List({workspace_, ActorId(id)}, filter));
      for (v1::InboxItem item : items) {
        if (!item.has_seen_at()) unseen.insert(item.id());
        v1::InboxItem announced = own.items[item.id()];
        item.clear_seen_at();
        announced.clear_seen_at();
        EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(item, announced))
            << item.DebugString() << announced.DebugString();
      }
      EXPECT_EQ(unseen, own.unseen);
      HEIM_ASSIGN_OR_RETURN(const auto preferences,
                            tx.notifications.Preferences(workspace_, ActorId(id)));
      EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(preferences, own.preferences));
      for (const auto& [place, level] : own.levels) {
        HEIM_ASSIGN_OR_RETURN(
            const v1::NotificationLevel stored,
            tx.notifications.LevelOf(ActorId(id), {ChannelId(place.first), place.second}));
        EXPECT_EQ(stored, level);
      }
    }
    return absl::OkStatus();
  });
}

TEST_P(InboxLawTest, InboxesHoldWhatANaiveModelSaysAndWhatTheEventsSay) {
  SCOPED_TRACE(StrCat("seed ", GetParam()));
  for (int i = 0; i < 250; ++i) {
    DoSomething();
    ASSERT_NO_FATAL_FAILURE(ExpectInboxes()) << "step " << i;
  }
  size_t items = 0;
  for (const auto& [id, person] : people_) items += person.inbox.size();
  EXPECT_GT(items, 30u) << "little happened";
  ExpectEventsGiveTheRows();
}

INSTANTIATE_TEST_SUITE_P(Seeds, InboxLawTest, ::testing::Values(1, 2, 3, 4, 5, 6, 7, 8));

}  // namespace
}  // namespace heim
