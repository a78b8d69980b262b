// Slack's markup as Markdown, as a table, and that mentions in it are found.
#include "server/transfer/chats/mrkdwn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/archive/json_value.h"
#include "server/model/mentions.h"

namespace heim {
namespace {

class Names : public SlackNames {
 public:
  std::string UsernameOf(std::string_view id) const override {
    return id == "U1" ? "ada" : id == "U2" ? "bob.b" : "";
  }
  std::string ChannelNameOf(std::string_view id) const override {
    return id == "C1" ? "general" : "";
  }
};

std::string Markdown(std::string_view text) { return MarkdownFromMrkdwn(text, Names()); }

std::vector<std::string> MentionsIn(const std::string& text) {
  std::vector<std::string> found;
  for (const MentionToken& token : FindMentions(text, v1::CONTENT_TYPE_MARKDOWN)) {
    found.push_back(token.type == v1::MENTION_TYPE_ACTOR ? token.username
                                                         : v1::MentionType_Name(token.type));
  }
  return found;
}

std::string Blocks(std::string_view json) {
  const absl::StatusOr<google::protobuf::Value> value = ParseJsonValue(json);
  EXPECT_TRUE(value.ok()) << value.status();
  return Markdown(MrkdwnFromBlocks(value->list_value()));
}

TEST(MrkdwnTest, MarkupBecomesMarkdown) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"", ""},
      {"plain", "plain"},
      {"*bold* and _it_ and ~gone~", "**bold** and _it_ and ~~gone~~"},
      {"*_both_*", "**_both_**"},
      {"*bold ~gone~ more*", "**bold ~~gone~~ more**"},
      {"(*bold*), *more*.", "(**bold**), **more**."},
      {"2 * 3 * 4", "2 * 3 * 4"},
      {"a*b*c", "a*b*c"},
      {"* not bold*", "* not bold*"},
      {"*one\ntwo*", "*one\ntwo*"},
      {"**already**", "**already**"},
      {"snake_case_name", "snake_case_name"},
      {"call __init__ now", "call \\_\\_init\\_\\_ now"},
      {"`*code* &lt;b&gt;`", "`*code* <b>`"},
      {"`a` *b* `c*d`", "`a` **b** `c*d`"},
      {"*see `x*y` there*", "**see `x*y` there**"},
      {"a ` b", "a ` b"},
      {"```x &lt; y```", "```\nx < y\n```"},
      {"before ```\nint *a*;\n``` after", "before\n```\nint *a*;\n```\n after"},
      {"```open", "```open"},
      {"a &amp; b &lt; c", "a & b < c"},
      {"&lt;b&gt;hi&lt;/b&gt;", "\\<b>hi\\</b>"},
      {"&amp;lt;", "&lt;"},
      {"C:\\_foo \\o/", "C:\\\\_foo \\o/"},
      {"&gt; quoted\nanswer", "> quoted\n\nanswer"},
      {"&gt;one\n&gt; two", "> one\n> two"},
      {"&gt;&gt;&gt;all\nof\nit", "> all\n> of\n> it"},
      {"a\n&gt;&gt;&gt;x ```code```", "a\n> x\n> ```\n> code\n> ```"},
      {"\u2022 one\n    \u25E6 two\n\u2022 three", "- one\n  - two\n- three"},
      {"1. a\n    1. b", "1. a\n   1. b"},
      {"x\n\n        deep", "x\n\n   deep"},
      {"# not a title", "\\# not a title"},
      {"#general", "#general"},
      {"<http://a.example|a page>", "[a page](http://a.example)"},
      {"<http://a.example>", "http://a.example"},
      {"<http://a.example>s", "<http://a.example>s"},
      {"<http://a.example?a=1&amp;b=2>", "http://a.example?a=1&b=2"},
      {"<http://a.example/(x)|p [1]>", "[p \\[1\\]](<http://a.example/(x)>)"},
      {"<http://a.example|http://a.example>", "http://a.example"},
      {"<mailto:a@b.example|a@b.example>", "a@b.example"},
      {"<mailto:a@b.example|mail us>", "[mail us](mailto:a@b.example)"},
      {"<tel:123>", "123"},
      {"<#C1|old>", "#general"},
      {"<#C9|other>", "#other"},
      {"<#C9>", "#private"},
      {"<!here> <!channel> <!everyone>", "@here @channel @everyone"},
      {"<!subteam^S1|@team>", "@team"},
      {"<!date^1392734382^{date}|Feb 18>", "Feb 18"},
      {"hi <@U1>", "hi @ada"},
      {"hi <@U9>", "hi someone"},
      {"hi <@U9|zoe>", "hi zoe"},
      {"<@U1><@U2>", "@ada @bob.b"},
      {"cc<@U1>s", "cc @ada s"},
      {"`<@U1>` <http://x>", "`@ada` http://x"},
      {"unclosed < and > stay", "unclosed < and > stay"},
      {"<nonsense>", "<nonsense>"},
      {"win\r\nlines", "win\nlines"},
      {":tada: :+1::skin-tone-2:", ":tada: :+1::skin-tone-2:"},
  };
  for (const auto& [markup, markdown] : table) EXPECT_EQ(Markdown(markup), markdown) << markup;
}

TEST(MrkdwnTest, MentionsAreFoundInWhatItWrites) {
  const std::vector<std::pair<const char*, std::vector<std::string>>> table = {
      {"<@U1>", {"ada"}},
      {"<@U1>: hi", {"ada"}},
      {"*<@U1>* _<@U2>_ ~<@U1>~", {"ada", "bob.b", "ada"}},
      {"<@U1>'s and <@U2>.", {"ada", "bob.b"}},
      {"<@U1>_x", {"ada"}},
      {"<@U1>.com", {"ada"}},
      {"<@U1>@", {"ada"}},
      {"x<@U1>/<@U2>", {"ada", "bob.b"}},
      {"\u00e9<@U1>", {"ada"}},
      {"<http://x|y><@U1>", {"ada"}},
      {"<http://x><@U1>", {"ada"}},
      {"&gt; <@U1>", {"ada"}},
      {"        <@U1>", {"ada"}},
      {"\n\n\t\t<@U1>", {"ada"}},
      {"\\<@U1>", {"ada"}},
      {"`<@U1>` ```<@U2>```", {}},
      {"<@U9>", {}},
      {"<!here>", {"MENTION_TYPE_HERE"}},
  };
  for (const auto& [markup, names] : table) {
    EXPECT_EQ(MentionsIn(Markdown(markup)), names) << markup << " -> " << Markdown(markup);
  }
}

TEST(MrkdwnTest, LongRunsOfMarkersTakeNoLongerThanOtherText) {
  for (const char* piece : {"*", "*a ", "~", "`", "_", "<", "&gt;", "*~", "<@U1>", "``` "}) {
    std::string text;
    while (text.size() < 200'000) text += piece;
    EXPECT_FALSE(Markdown(text).empty()) << piece;
  }
}

TEST(MrkdwnTest, BlocksStandInForText) {
  EXPECT_EQ(
      Blocks(R"([{"type":"rich_text","elements":[
      {"type":"rich_text_section","elements":[
        {"type":"text","text":"Hi "},{"type":"user","user_id":"U1"},
        {"type":"text","text":" bold ","style":{"bold":true}},
        {"type":"text","text":"<x>","style":{"code":true}},
        {"type":"link","url":"http://a.example","text":"here"},
        {"type":"emoji","name":"tada"}]},
      {"type":"rich_text_list","style":"bullet","elements":[
        {"type":"rich_text_section","elements":[{"type":"text","text":"one"}]}]},
      {"type":"rich_text_quote","elements":[{"type":"text","text":"said"}]},
      {"type":"rich_text_preformatted","elements":[{"type":"text","text":"a*b*"}]}]}])"),
      "Hi @ada **bold** `<x>`[here](http://a.example):tada:\n- one\n> said\n\n```\na*b*\n```");
  EXPECT_EQ(Blocks(R"([{"type":"header","text":{"type":"plain_text","text":"A & B"}},
      {"type":"section","text":{"type":"mrkdwn","text":"*x*"},
       "fields":[{"type":"mrkdwn","text":"f1"}]},{"type":"divider"},{"type":"actions"}])"),
            "**A & B**\n**x**\nf1");
  EXPECT_EQ(Blocks(R"(["x", 3, null, {"type":"unknown"}])"), "");
}

TEST(MrkdwnTest, AttachmentsOfAppsBecomeQuotesAndUnfurledLinksDoNot) {
  const absl::StatusOr<google::protobuf::Value> value = ParseJsonValue(
      R"([{"title":"Build 7","title_link":"http://ci.example/7","text":"*failed*\nagain",
           "fields":[{"title":"Branch","value":"main"}]},
          {"from_url":"http://a.example","text":"of the page"},
          {"fallback":"only this"}])");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(Markdown(MrkdwnFromAttachments(value->list_value())),
            "> [Build 7](http://ci.example/7)\n> **failed**\n> again\n> **Branch**: main\n"
            "> only this");
}

}  // namespace
}  // namespace heim
