// Goal: links are found where people see them, and nowhere else. Method: a table of texts.
#include "server/model/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/model/preview_settings.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Links(std::string_view text, size_t max = 5) {
  return FindLinks(text, v1::CONTENT_TYPE_MARKDOWN, max);
}

TEST(LinksTest, TheSentenceAroundALinkIsNotOfIt) {
  EXPECT_THAT(Links("see https://a.example/x."), ElementsAre("https://a.example/x"));
  EXPECT_THAT(Links("(http://a.example/x_(y)), or **https://b.example**!"),
              ElementsAre("http://a.example/x_(y)", "https://b.example"));
  EXPECT_THAT(Links("<HTTPS://a.example/?q=1#top>"), ElementsAre("HTTPS://a.example/?q=1#top"));
  EXPECT_THAT(Links("[text](https://a.example/b) [https://c.example](https://d.example)"),
              ElementsAre("https://a.example/b", "https://c.example", "https://d.example"));
  EXPECT_THAT(Links("看https://a.example/b。c"), ElementsAre("https://a.example/b"));
}

TEST(LinksTest, CodeAndOtherSchemesAndSystemTextsHaveNone) {
  EXPECT_THAT(Links("`https://a.example` and\n```\nhttps://b.example\n```\n"), IsEmpty());
  EXPECT_THAT(Links("ftp://a.example xhttps://b.example mailto:a@b.example https:// http://."),
              IsEmpty());
  EXPECT_THAT(FindLinks("https://a.example", v1::CONTENT_TYPE_SYSTEM, 5), IsEmpty());
  EXPECT_THAT(FindLinks("`https://a.example`", v1::CONTENT_TYPE_TEXT, 5),
              ElementsAre("https://a.example"));
}

TEST(LinksTest, EachCountsOnceAndTheNumberIsBounded) {
  EXPECT_THAT(Links("https://a.example https://a.example https://b.example https://c.example", 2),
              ElementsAre("https://a.example", "https://b.example"));
  EXPECT_THAT(Links("https://a.example/" + std::string(3000, 'x') + " https://b.example"),
              ElementsAre("https://b.example"));
}

TEST(PreviewSettingsTest, DomainsAreReadAndCountWithThoseBelow) {
  v1::Workspace workspace;
  const auto defaults = ReadPreviewSettings(workspace);
  ASSERT_TRUE(defaults.ok());
  EXPECT_TRUE(defaults->people);
  EXPECT_FALSE(defaults->agents);
  EXPECT_TRUE(defaults->AllowsHost("any.example"));
  auto& fields = *(*workspace.mutable_settings()->mutable_fields())["link_previews"]
                      .mutable_struct_value()
                      ->mutable_fields();
  fields["allow"].mutable_list_value()->add_values()->set_string_value("Example.com");
  fields["deny"].mutable_list_value()->add_values()->set_string_value("x.example.com");
  const auto settings = ReadPreviewSettings(workspace);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_TRUE(settings->AllowsHost("example.com"));
  EXPECT_TRUE(settings->AllowsHost("a.example.com"));
  EXPECT_FALSE(settings->AllowsHost("badexample.com"));
  EXPECT_FALSE(settings->AllowsHost("x.example.com"));
  EXPECT_FALSE(settings->AllowsHost("a.x.example.com"));
  fields["agents"].set_string_value("no");
  EXPECT_FALSE(ReadPreviewSettings(workspace).ok());
  fields["agents"].set_bool_value(true);
  EXPECT_TRUE(ReadPreviewSettings(workspace)->agents);
  fields["people "].set_bool_value(true);
  EXPECT_FALSE(ReadPreviewSettings(workspace).ok());
}

}  // namespace
}  // namespace heim
