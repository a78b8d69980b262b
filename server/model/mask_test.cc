// Goal: a PATCH changes what it names, clears what it names and leaves unset, and nothing else.
#include "server/model/mask.h"

#include <array>

#include "gtest/gtest.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/message.pb.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::array<std::string_view, 6> kActor = {
    "display_name", "avatar_url", "status", "metadata", "agent.description", "agent.capabilities"};

google::protobuf::FieldMask Mask(std::vector<std::string> paths) {
  google::protobuf::FieldMask mask;
  for (std::string& path : paths) mask.add_paths(std::move(path));
  return mask;
}

v1::Actor Before() {
  v1::Actor actor;
  actor.set_id("a");
  actor.set_display_name("Ada");
  actor.set_avatar_url("http://x/a.png");
  actor.set_status("busy");
  (*actor.mutable_metadata()->mutable_fields())["old"].set_bool_value(true);
  actor.mutable_agent()->set_description("helps");
  actor.mutable_agent()->set_model("m1");
  actor.mutable_agent()->add_capabilities("chat");
  return actor;
}

using Paths = std::vector<std::string>;

TEST(MaskTest, AnEmptyMaskMeansTheFieldsThatAreSet) {
  v1::Actor patch;
  patch.set_display_name("Eve");
  patch.set_id("somebody else");  // output only: ignored without a mask
  patch.mutable_agent()->add_capabilities("search");
  EXPECT_EQ(*EffectiveMask({}, patch, kActor), (Paths{"display_name", "agent.capabilities"}));
  EXPECT_EQ(*EffectiveMask({}, v1::Actor(), kActor), Paths{});
  // Set to nothing counts where the field tells it from unset.
  v1::Actor clear;
  clear.set_status("");
  EXPECT_EQ(*EffectiveMask({}, clear, kActor), Paths{"status"});
}

TEST(MaskTest, AMessageInAMaskStandsForWhatMayBeChangedInIt) {
  EXPECT_EQ(*EffectiveMask(Mask({"agent", "status", "agent.description"}), v1::Actor(), kActor),
            (Paths{"agent.description", "agent.capabilities", "status"}));
}

TEST(MaskTest, PathsThatCannotBeChangedAreNamed) {
  const struct {
    const char* path;
    const char* text;
  } rows[] = {
      {"id", "update_mask: id cannot be changed"},
      {"agent.activity", "update_mask: agent.activity cannot be changed"},
      {"metadata.old", "update_mask: metadata.old is not a field"},
      {"statsu", "update_mask: statsu is not a field; did you mean status?"},
      {"", "update_mask:  is not a field"},
      {"agent.", "update_mask: agent. is not a field"},
      {"*", "update_mask: * is not a field"},
      {"displayName", "update_mask: displayName is not a field; did you mean display_name?"},
  };
  for (const auto& row : rows) {
    const auto mask = EffectiveMask(Mask({"status", row.path}), Before(), kActor);
    ASSERT_FALSE(mask.ok()) << row.path;
    EXPECT_EQ(ReasonOf(mask.status()), v1::ERROR_REASON_INVALID_MASK);
    EXPECT_EQ(ToError(mask.status(), "").message(), row.text);
    EXPECT_EQ(ToError(mask.status(), "").fields(0).field(), "update_mask");
  }
}

TEST(MaskTest, HugeMasksAreRefused) {
  EXPECT_FALSE(EffectiveMask(Mask(Paths(65, "status")), Before(), kActor).ok());
}

TEST(MaskTest, NamedFieldsAreCopiedOrCleared) {
  v1::Actor patch;
  patch.set_display_name("Eve");
  patch.mutable_agent()->set_model("m2");  // not named
  (*patch.mutable_metadata()->mutable_fields())["new"].set_number_value(1);
  v1::Actor actor = Before();
  ApplyMask({"display_name", "avatar_url", "metadata", "agent.description"}, patch, &actor);
  v1::Actor expected = Before();
  expected.set_display_name("Eve");
  expected.clear_avatar_url();
  *expected.mutable_metadata() = patch.metadata();  // replaced whole
  expected.mutable_agent()->clear_description();
  EXPECT_EQ(actor.DebugString(), expected.DebugString());
  EXPECT_FALSE(actor.has_avatar_url());
}

TEST(MaskTest, ListsAreReplacedWhole) {
  v1::Actor patch;
  patch.mutable_agent()->add_capabilities("search");
  v1::Actor actor = Before();
  ApplyMask({"agent.capabilities"}, patch, &actor);
  ASSERT_EQ(actor.agent().capabilities_size(), 1);
  EXPECT_EQ(actor.agent().capabilities(0), "search");
  EXPECT_EQ(actor.agent().model(), "m1");
}

TEST(MaskTest, ClearingInWhatIsNotThereMakesNothing) {
  v1::Actor actor;
  ApplyMask({"agent.description"}, v1::Actor(), &actor);
  EXPECT_FALSE(actor.has_agent());
}

TEST(MaskTest, OptionalNothingAndUnsetDiffer) {
  v1::Actor patch;
  patch.set_status("");
  v1::Actor actor = Before();
  ApplyMask({"status"}, patch, &actor);
  EXPECT_TRUE(actor.has_status());
  EXPECT_EQ(actor.status(), "");
}

TEST(MaskTest, EnumsAndBooleansAreTaken) {
  v1::Member from;
  from.set_role(v1::CHANNEL_ROLE_ADMIN);
  v1::Member to;
  to.set_muted(true);
  ApplyMask({"role", "muted"}, from, &to);
  EXPECT_EQ(to.role(), v1::CHANNEL_ROLE_ADMIN);
  EXPECT_FALSE(to.muted());
}

}  // namespace
}  // namespace heim
