// Records of long texts, one at a time, whatever the pieces in which the bytes come.
#include "server/archive/json_elements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "server/archive/json_value.h"

namespace heim {
namespace {

class Pieces : public ByteStream {
 public:
  Pieces(std::string text, size_t piece) : text_(std::move(text)), piece_(piece) {}
  absl::StatusOr<size_t> Read(char* out, size_t n) override {
    const size_t part = std::min({n, piece_, text_.size() - at_});
    std::copy_n(text_.begin() + static_cast<ptrdiff_t>(at_), part, out);
    at_ += part;
    return part;
  }

 private:
  const std::string text_;
  const size_t piece_;
  size_t at_ = 0;
};

// What comes out, with the code where there is an error.
template <class Reader>
std::vector<std::string> All(const std::string& text, size_t max, size_t piece) {
  Reader reader(std::make_unique<Pieces>(text, piece), max);
  std::vector<std::string> found;
  std::string item;
  for (int i = 0; i < 100; ++i) {
    const absl::StatusOr<bool> more = reader.Next(&item);
    if (more.ok() && !*more) return found;
    found.push_back(more.ok() ? item : absl::StatusCodeToString(more.status().code()));
    if (absl::IsInvalidArgument(more.status())) return found;
  }
  return found;
}

TEST(JsonElementsTest, ElementsOfAnArrayComeOneByOne) {
  const std::string text =
      " [ {\"a\": [1, \"]},{\"]} ,\"x\\\"\\\\\" ,3,\n[4,[5]] , null ] trailing";
  for (const size_t piece : {1, 2, 7, 1000}) {
    EXPECT_THAT(
        All<JsonElements>(text, 100, piece),
        testing::ElementsAre("{\"a\": [1, \"]},{\"]}", "\"x\\\"\\\\\"", "3", "[4,[5]]", "null"));
  }
  EXPECT_THAT(All<JsonElements>("[]", 100, 1), testing::IsEmpty());
  EXPECT_THAT(All<JsonElements>("\xEF\xBB\xBF[1]", 100, 1), testing::ElementsAre("1"));
}

TEST(JsonElementsTest, WhatIsTooLongIsPassedOver) {
  EXPECT_THAT(All<JsonElements>("[1,\"aaaaaaaaaaaaaaaa\",2]", 8, 3),
              testing::ElementsAre("1", "RESOURCE_EXHAUSTED", "2"));
}

TEST(JsonElementsTest, WhatIsNoArrayOrCutEndsIt) {
  for (const char* text : {"", "{}", "x", "[", "[1", "[1,", "[{\"a\":", "[\"x"}) {
    EXPECT_EQ(All<JsonElements>(text, 100, 1).back(), "INVALID_ARGUMENT") << text;
  }
}

TEST(JsonLinesTest, LinesComeWithoutEndsAndBlanks) {
  for (const size_t piece : {1, 3, 1000}) {
    EXPECT_THAT(
        All<JsonLines>("\xEF\xBB\xBF{}\r\n\n \n{\"a\":1}\n" + std::string(50, 'x') + "\nlast", 20,
                       piece),
        testing::ElementsAre("{}", "{\"a\":1}", "RESOURCE_EXHAUSTED", "last"));
  }
  JsonLines lines(std::make_unique<Pieces>("a\n\nb", 9), 10);
  std::string line;
  ASSERT_TRUE(*lines.Next(&line));
  EXPECT_EQ(lines.number(), 1);
  ASSERT_TRUE(*lines.Next(&line));
  EXPECT_EQ(lines.number(), 3);
  EXPECT_FALSE(*lines.Next(&line));
}

TEST(JsonValueTest, MembersAreReadForWhatTheyAreAndNothingElse) {
  const auto value = ParseJsonValue(
      R"({"t":"x","n":7,"big":1e30,"s":"12","f":true,"o":{"k":"v"},"l":[1,{}],"z":null})");
  ASSERT_TRUE(value.ok()) << value.status();
  const JsonObject& object = ObjectOf(*value);
  EXPECT_EQ(TextOf(object, "t"), "x");
  EXPECT_EQ(TextOf(object, "n"), "");
  EXPECT_EQ(TextOf(object, "none"), "");
  EXPECT_EQ(WholeOf(object, "n"), 7);
  EXPECT_EQ(WholeOf(object, "s"), 12);
  EXPECT_EQ(WholeOf(object, "big"), std::nullopt);
  EXPECT_EQ(WholeOf(object, "t"), std::nullopt);
  EXPECT_TRUE(FlagOf(object, "f"));
  EXPECT_FALSE(FlagOf(object, "t"));
  EXPECT_EQ(TextOf(ObjectOf(object, "o"), "k"), "v");
  EXPECT_EQ(ListOf(object, "l").values_size(), 2);
  EXPECT_EQ(ListOf(object, "t").values_size(), 0);
}

TEST(JsonValueTest, WhatIsNoJsonOrTooMuchIsRefused) {
  for (const char* text : {"", "{", "{'a':1}", "[1,]", "\"\xff\"", "nul", "{}{}"}) {
    EXPECT_EQ(ParseJsonValue(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseJsonValue(std::string(70, '[') + std::string(70, ']')).ok());
  std::string many = "[0";
  for (size_t i = 0; i < kJsonValuesMax; ++i) many += ",0";
  EXPECT_EQ(ParseJsonValue(many + "]").status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace heim
