// What is left of an erased actor, and that it takes the place of the actor wherever it is shown.
#include "server/model/erased_actor.h"

#include <gtest/gtest.h>

#include "heim/v1/event.pb.h"

namespace heim {
namespace {

v1::Actor Bob() {
  v1::Actor actor;
  actor.set_id("bob-id");
  actor.set_type(v1::ACTOR_TYPE_HUMAN);
  actor.set_username("bob");
  actor.set_display_name("Bob Builder");
  actor.set_avatar_url("/bob.webp");
  actor.set_status("digging");
  actor.set_revision(3);
  (*actor.mutable_metadata()->mutable_fields())["shoe"].set_string_value("44");
  return actor;
}

v1::Actor Erased() {
  return ErasedActor(Bob(), "01890000-0000-7000-8abc-0123456789ab", absl::FromUnixSeconds(9));
}

TEST(ErasedActorTest, NothingIsLeftThatItWasKnownBy) {
  const v1::Actor erased = Erased();
  EXPECT_EQ(erased.username(), "deleted-8abc0123456789ab");
  EXPECT_EQ(erased.id(), "bob-id");
  EXPECT_EQ(erased.revision(), 3u);
  EXPECT_TRUE(erased.has_deleted_at());
  const std::string bytes = erased.SerializeAsString();
  for (const char* word : {"Builder", "digging", "webp", "shoe"}) {
    EXPECT_EQ(bytes.find(word), std::string::npos) << word;
  }
}

TEST(ErasedActorTest, TakesItsPlaceHoweverDeepItIsShown) {
  v1::Event event;
  v1::Message& message = *event.mutable_message_new()->mutable_message();
  message.mutable_actor()->set_id("ann-id");
  message.mutable_actor()->set_username("ann");
  message.mutable_forward()->mutable_actor()->set_id("bob-id");
  message.mutable_forward()->mutable_actor()->set_username("bob");
  message.mutable_forward()->mutable_actor()->set_display_name("Bob Builder");
  ASSERT_TRUE(RedactActor(Erased(), &event));
  EXPECT_EQ(message.forward().actor().username(), "deleted-8abc0123456789ab");
  EXPECT_EQ(message.actor().username(), "ann");
  EXPECT_EQ(event.SerializeAsString().find("Builder"), std::string::npos);
  v1::Event other;
  other.mutable_message_new()->mutable_message()->mutable_actor()->set_id("ann-id");
  EXPECT_FALSE(RedactActor(Erased(), &other));
}

TEST(ErasedActorTest, AnEventOfTheProfileKeepsItsRevision) {
  v1::Event event;
  *event.mutable_actor_updated()->mutable_actor() = Bob();
  event.mutable_actor_updated()->mutable_actor()->set_revision(2);
  ASSERT_TRUE(RedactActor(Erased(), &event));
  EXPECT_EQ(event.actor_updated().actor().revision(), 2u);
  EXPECT_EQ(event.SerializeAsString().find("shoe"), std::string::npos);
}

TEST(ErasedActorTest, ItsNameLeavesTextsThatCallIt) {
  v1::Message message;
  message.set_content("Grüße @bob and @ann, @bob!");
  const auto call = [&](const char* id, uint32_t start, uint32_t length) {
    v1::Mention& mention = *message.add_mentions();
    mention.set_type(v1::MENTION_TYPE_ACTOR);
    mention.set_actor_id(id);
    mention.set_start(start);
    mention.set_length(length);
  };
  call("bob-id", 6, 4);
  call("ann-id", 15, 4);
  call("bob-id", 21, 4);
  message.add_parts()->mutable_text()->set_text("for @Bob, not for bob@example.com");
  ASSERT_TRUE(RedactMentions(Erased(), &message));
  EXPECT_EQ(message.content(),
            "Grüße @deleted-8abc0123456789ab and @ann, @deleted-8abc0123456789ab!");
  EXPECT_EQ(message.parts(0).text().text(),
            "for @deleted-8abc0123456789ab, not for bob@example.com");
  ASSERT_EQ(message.mentions_size(), 1);
  EXPECT_EQ(message.mentions(0).start(), 36u);
  EXPECT_FALSE(RedactMentions(Erased(), &message));
}

}  // namespace
}  // namespace heim
