// Names of other chats as they can be here, as tables.
#include "server/transfer/chats/chat_names.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/model/emoji.h"
#include "server/model/validate.h"

namespace heim {
namespace {

TEST(ChatNamesTest, UsernamesAndChannelsBecomeWhatTheyCanBe) {
  for (const auto& [there, here] :
       std::vector<std::pair<const char*, const char*>>{{"ada", "ada"},
                                                        {"Ada.L", "ada.l"},
                                                        {"-x_", "x-1"},
                                                        {"a b", "a-b"},
                                                        {"", ""},
                                                        {"\u00fc\u00fc", ""},
                                                        {"j\u00f6rg", "j-rg"},
                                                        {"channel", "channel-user"},
                                                        {"..a..b..", "a..b"},
                                                        {"a", "a-1"}}) {
    EXPECT_EQ(UsernameLike(there), here) << there;
    EXPECT_TRUE(std::string(here).empty() || IsUsername(here)) << here;
  }
  EXPECT_EQ(UsernameLike(std::string(100, 'x')).size(), 32);
  EXPECT_EQ(SlugLike("Caf\u00e9 Talk!"), "caf-talk");
  EXPECT_EQ(SlugLike("_x"), "x");
  EXPECT_EQ(SlugLike("\u65e5\u672c"), "");
  EXPECT_EQ(SlugLike(std::string(100, 'x')).size(), 80);
}

TEST(ChatNamesTest, ReactionsBecomeTheHousesShortNames) {
  for (const auto& [there, here] :
       std::vector<std::pair<const char*, const char*>>{{"+1", "+1"},
                                                        {"tada", "tada"},
                                                        {"+1::skin-tone-4", "+1"},
                                                        {"wave_medium_light_skin_tone", "wave"},
                                                        {"thumbsup_all", "+1"},
                                                        {"flag-de", "\U0001F1E9\U0001F1EA"},
                                                        {"party_parrot", ":party_parrot:"},
                                                        {"Party_Parrot", ":party_parrot:"},
                                                        {"\U0001F389", "\U0001F389"},
                                                        {"", ""},
                                                        {"a b", ""},
                                                        {"heavy-check-mark", "heavy_check_mark"}}) {
    EXPECT_EQ(ReactionLike(there), here) << there;
    EXPECT_TRUE(std::string(here).empty() || NormalizeEmoji(here).ok()) << here;
  }
}

TEST(ChatNamesTest, FileNamesLoseTheirPaths) {
  EXPECT_EQ(FileNameLike("../../etc/passwd"), "passwd");
  EXPECT_EQ(FileNameLike("C:\\x\\y.txt"), "y.txt");
  EXPECT_EQ(FileNameLike("a\nb"), "ab");
  EXPECT_EQ(FileNameLike(".."), "file");
  EXPECT_EQ(FileNameLike(""), "file");
  EXPECT_EQ(FileNameLike(std::string(300, 'x')).size(), 255);
}

TEST(ChatNamesTest, NamesThatAreTakenGetANumberWithinTheirLength) {
  UniqueNames names(5);
  EXPECT_EQ(names.Take("abc"), "abc");
  EXPECT_EQ(names.Take("abc"), "abc-2");
  EXPECT_EQ(names.Take("abc-2"), "abc-3");
  EXPECT_EQ(names.Take("abcdefg"), "abcde");
  EXPECT_EQ(names.Take("abcdefg"), "abc-4");
}

}  // namespace
}  // namespace heim
