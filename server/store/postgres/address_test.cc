// Addresses of databases: what libpq is told, what is shown, and that nothing of a password shows.
#include "server/store/postgres/address.h"

#include <string>

#include "gtest/gtest.h"
#include "server/base/strings.h"

namespace heim {
namespace {

// What follows are this program's own wishes for a connection.
std::string ConninfoOf(std::string_view url) {
  const auto address = ParsePostgresUrl(url);
  EXPECT_TRUE(address.ok()) << address.status();
  if (!address.ok()) return "";
  const std::string& text = address->conninfo;
  return text.substr(0, text.find("application_name='heim'"));
}

std::string DisplayOf(std::string_view url) { return ParsePostgresUrl(url)->display; }

TEST(AddressTest, ThePartsOfAUrlAreRead) {
  EXPECT_EQ(ConninfoOf("postgres://ada:secret@db.example:5433/chat?sslmode=require"),
            "user='ada' password='secret' host='db.example' port='5433' dbname='chat' "
            "sslmode='require' ");
  EXPECT_EQ(ConninfoOf("postgresql://db/chat"), "host='db' dbname='chat' ");
  EXPECT_EQ(ConninfoOf("postgres://"), "");
  EXPECT_EQ(ConninfoOf("postgres:///chat?host=/run/pg&user=ada"),
            "dbname='chat' host='/run/pg' user='ada' ");
  EXPECT_EQ(ConninfoOf("postgres://[::1]:6000/chat"), "host='::1' port='6000' dbname='chat' ");
  EXPECT_EQ(ConninfoOf("postgres://one,two:6000/chat"),
            "host='one,two' port=',6000' dbname='chat' ");
  EXPECT_EQ(ConninfoOf("postgres://db/chat?ssl=true"),
            "host='db' dbname='chat' sslmode='require' ");
}

TEST(AddressTest, QuotedCharactersAreTakenAsTheyAre) {
  EXPECT_EQ(ConninfoOf("postgres://a%40b:p%2Fw%27%5C@db/c%20d"),
            "user='a@b' password='p/w\\'\\\\' host='db' dbname='c d' ");
}

TEST(AddressTest, AParameterOfTheUrlReplacesADefault) {
  const auto address = ParsePostgresUrl("postgres://db/chat?connect_timeout=30");
  EXPECT_NE(address->conninfo.find("connect_timeout='30'"), std::string::npos);
  EXPECT_EQ(address->conninfo.find("connect_timeout='3'"), std::string::npos);
}

TEST(AddressTest, WhatIsShownHasNoPassword) {
  EXPECT_EQ(DisplayOf("postgres://ada:secret@db:5433/chat"), "ada@db:5433/chat");
  EXPECT_EQ(DisplayOf("postgres://ada@db/chat?password=secret"), "ada@db/chat");
  EXPECT_EQ(DisplayOf("postgres://"), "the local server");
}

TEST(AddressTest, WhatIsWrongIsSaidWithoutTheUrl) {
  for (const std::string_view url :
       {"postgres://ada:secret@db:port/chat", "postgres://ada:sec ret@db/chat",
        "postgres://ada:secret%4@db/chat", "postgres://ada:secret%00@db/chat",
        "postgres://ada:99/secret@db/chat", "postgres://ada:1?secret@db/chat",
        "postgres://ada:secret@[::1/chat", "postgres://ada:secret@[::1]x/chat",
        "postgres://ada:secret@db/chat?secret", "postgres://ada:secret@db/chat?SSL=secret",
        "mysql://ada:secret@db/chat", "postgres://ada:secret@db:123456/chat"}) {
    const auto address = ParsePostgresUrl(url);
    ASSERT_FALSE(address.ok()) << url;
    EXPECT_EQ(ToStd(address.status().message()).find("ret"), std::string_view::npos)
        << address.status();
  }
}

}  // namespace
}  // namespace heim
