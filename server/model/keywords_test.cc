// Keywords stand as whole words, whatever their case, outside code; and what may be one.
#include "server/model/keywords.h"

#include "gtest/gtest.h"
#include "server/model/errors.h"

namespace heim {
namespace {

bool Has(std::string_view text, std::string_view keyword,
         v1::ContentType type = v1::CONTENT_TYPE_MARKDOWN) {
  return KeywordText(text, type).Has(keyword);
}

TEST(KeywordsTest, WholeWordsOnly) {
  EXPECT_TRUE(Has("please deploy", "deploy"));
  EXPECT_TRUE(Has("deploy", "deploy"));
  EXPECT_TRUE(Has("(deploy!)", "deploy"));
  EXPECT_TRUE(Has("redeploy, deploy", "deploy"));
  EXPECT_FALSE(Has("deployment", "deploy"));
  EXPECT_FALSE(Has("redeploy", "deploy"));
  EXPECT_FALSE(Has("deploy_it", "deploy"));
  EXPECT_FALSE(Has("", "deploy"));
  EXPECT_FALSE(Has("anything", ""));
}

TEST(KeywordsTest, CaseDoesNotMatterInScriptsThatHaveIt) {
  EXPECT_TRUE(Has("DEPLOY", "deploy"));
  EXPECT_TRUE(Has("ÜBER", "über"));
  EXPECT_TRUE(Has("Łódź", "łÓDŹ"));
  EXPECT_TRUE(Has("ПРИВЕТ, мир", "привет"));
  EXPECT_TRUE(Has("ΛΌΓΟΣ", "λόγος"));
  EXPECT_FALSE(Has("überall", "über"));
  EXPECT_FALSE(Has("приветы", "привет"));
}

TEST(KeywordsTest, WordsOfScriptsWithoutSpacesMayTouch) {
  EXPECT_TRUE(Has("今日は東京に行く", "東京"));
}

TEST(KeywordsTest, SeveralWordsMatchOverAnyWhiteSpace) {
  EXPECT_TRUE(Has("who is On\n  call?", "on call"));
  EXPECT_FALSE(Has("on-call", "on call"));
}

TEST(KeywordsTest, SignsAtTheEdgeNeedNoBorder) {
  EXPECT_TRUE(Has("I like C++11", "c++"));
  EXPECT_TRUE(Has("see #42!", "#42"));
  EXPECT_FALSE(Has("see #421", "#42"));
}

TEST(KeywordsTest, CodeDoesNotCount) {
  EXPECT_FALSE(Has("`deploy`", "deploy"));
  EXPECT_FALSE(Has("```\ndeploy\n```", "deploy"));
  EXPECT_TRUE(Has("`x` deploy", "deploy"));
  EXPECT_TRUE(Has("`deploy`", "deploy", v1::CONTENT_TYPE_TEXT)) << "plain text has no code";
  EXPECT_FALSE(Has("de`x`ploy", "deploy"));
}

TEST(KeywordsTest, TheyAreKeptTrimmedAndOnce) {
  google::protobuf::RepeatedPtrField<std::string> given;
  for (const char* word : {" Deploy ", "deploy", "on \t call", "ON CALL", "c++"}) {
    given.Add(word);
  }
  const auto kept = NormalizeKeywords(given, "k");
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(*kept, (std::vector<std::string>{"Deploy", "on call", "c++"}));
}

TEST(KeywordsTest, WhatIsNoWordIsRefusedByItsPlace) {
  for (const std::string& bad :
       {std::string(), std::string("  "), std::string(65, 'x'), std::string("a\x01z")}) {
    google::protobuf::RepeatedPtrField<std::string> given;
    given.Add("good");
    given.Add(std::string(bad));
    const auto kept = NormalizeKeywords(given, "k");
    ASSERT_FALSE(kept.ok()) << bad;
    EXPECT_EQ(ToError(kept.status(), "").fields(0).field(), "k[1]");
  }
}

}  // namespace
}  // namespace heim
