// Goal: what a page says of itself is read as browsers read it, in one short line, and no page can
// make it cost more than its length. Method: tables of pages.
#include "server/jobs/page_head.h"

#include <gtest/gtest.h>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/jobs/preview_policy.h"
#include "server/model/preview_limits.h"

namespace heim {
namespace {

PageHead Read(std::string_view page, std::string_view type = "text/html") {
  return ReadPageHead(page, type);
}

TEST(PageHeadTest, OpenGraphComesBeforeTwitterAndTheseBeforeThePagesOwn) {
  const PageHead head = Read(
      "<!DOCTYPE html><html><HEAD><title>own</title>"
      "<meta name=description content='own words'>"
      "<meta name=\"twitter:title\" content=\"twitter\">"
      "<META content=\"graph &amp; more\" property='OG:Title' />"
      "<meta property=og:site_name content=Site><meta property=og:image content=\" /a.png \">");
  EXPECT_EQ(head.title, "graph & more");
  EXPECT_EQ(head.description, "own words");
  EXPECT_EQ(head.site_name, "Site");
  EXPECT_EQ(head.image, "/a.png");
  EXPECT_EQ(Read("<title>\n a\t b </title>").title, "a b");
  EXPECT_EQ(Read("<title>a<b>c</title>").title, "a<b>c");
}

TEST(PageHeadTest, WhatIsNoElementOfTheHeadSaysNothing) {
  EXPECT_EQ(
      Read("<!-- <title>x</title> --><script>'<title>y</title>'</script><title>z</title>").title,
      "z");
  EXPECT_EQ(Read("<svg><title>x</title></svg><title>y</title><title>z</title>").title, "y");
  EXPECT_EQ(Read("<body><title>x</title>").title, "");
  EXPECT_EQ(Read("<meta property=og:title content=a><meta property=og:title content=b>").title,
            "a");
  EXPECT_EQ(Read("").title, "");
}

TEST(PageHeadTest, APageThatIsCutGivesWhatWasThere) {
  for (const char* page : {"<title>abc", "<title>abc</", "<title>abc</title", "<title>abc</title><",
                           "<title>abc</title><meta", "<title>abc</title><meta a=",
                           "<title>abc</title><meta a='", "<title>abc</title><!--"}) {
    EXPECT_EQ(Read(page).title.substr(0, 3), "abc") << page;
  }
}

TEST(PageHeadTest, CharactersAreThoseOfItsEncoding) {
  EXPECT_EQ(Read("<title>caf\xe9</title>", "text/html; charset=ISO-8859-1").title, "café");
  EXPECT_EQ(Read("<meta charset=windows-1251><title>\xef\xf0\xe8</title>").title, "при");
  EXPECT_EQ(Read("<meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'>"
                 "<title>\x93\xfa\x96\x7b</title>")
                .title,
            "日本");
  EXPECT_EQ(Read("\xEF\xBB\xBF<title>é</title>", "text/html; charset=latin1").title, "é");
  EXPECT_EQ(Read("<title>a\xff z</title>").title, "a\xEF\xBF\xBD z");
  EXPECT_EQ(Read("<title>é</title>", "text/html; charset=nonsense").title, "é");
}

TEST(PageHeadTest, ReferencesAreResolvedOnce) {
  EXPECT_EQ(HtmlText("&lt;b&gt; &amp;lt; &#39;&#x1F600; &hellip;"), "<b> &lt; '😀 …");
  EXPECT_EQ(HtmlText("&nope; &#0; &#xD800; &#99999999; & &"),
            "&nope; &#0; &#xD800; &#99999999; & &");
}

TEST(PageHeadTest, TextsAreShortAndHideNothing) {
  EXPECT_EQ(Read("<title>a\xE2\x80\xAE"
                 "b&#x202e;c\x01\xE2\x80\x8B"
                 "d</title>")
                .title,
            "abc d");
  const std::string title = Read(StrCat("<title>", std::string(1000, 'x'), "</title>")).title;
  EXPECT_EQ(Utf8Length(title), kPreviewTitleMaxLength + 1);
}

TEST(PageHeadTest, ALargePageOfAnyShapeIsReadInOneGo) {
  for (const char* piece : {"<", "<a ", "<a =", "<div>", "<!--", "</", "&", "<title>", "<meta a='",
                            "<script>", "<b x1=y><p>"}) {
    std::string page;
    while (page.size() < kPreviewPageMaxBytes) page += piece;
    Read(page);
  }
}

v1::Message Said(v1::ActorType type, const std::string& text) {
  v1::Message message;
  message.mutable_actor()->set_type(type);
  message.set_content(text);
  message.set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  return message;
}

TEST(PreviewPolicyTest, PeoplesLinksAreWantedWithoutFragmentAndAgentsNot) {
  const std::string text = "https://a.example/b?c=d#e http://u@a.example/ http://10.0.0.1:22/";
  const v1::Workspace workspace;
  const auto wanted = WantedLinks(workspace, Said(v1::ACTOR_TYPE_HUMAN, text));
  ASSERT_EQ(wanted.size(), 2u);
  EXPECT_EQ(wanted[0].url, "https://a.example/b?c=d#e");
  EXPECT_EQ(wanted[0].fetch, "https://a.example/b?c=d");
  EXPECT_TRUE(WantedLinks(workspace, Said(v1::ACTOR_TYPE_AGENT, text)).empty());
  EXPECT_TRUE(WantedLinks(workspace, Said(v1::ACTOR_TYPE_SYSTEM, text)).empty());
  v1::Workspace open;
  (*(*open.mutable_settings()->mutable_fields())["link_previews"]
        .mutable_struct_value()
        ->mutable_fields())["agents"]
      .set_bool_value(true);
  const auto of_agent = WantedLinks(open, Said(v1::ACTOR_TYPE_AGENT, text));
  ASSERT_EQ(of_agent.size(), 2u);
  EXPECT_EQ(of_agent[0].fetch, "https://a.example/b");
}

}  // namespace
}  // namespace heim
