// Known vectors (FIPS 180-4, RFC 4231, RFC 4648), strict decoding, and a round trip of argon2id.
#include "server/base/crypto.h"

#include <gtest/gtest.h>

#include <string>

namespace heim {
namespace {

// Cheap, so that the tests are fast; the default is tested once.
constexpr PasswordCost kCheap{.passes = 1, .memory_bytes = 8192};

TEST(Sha256Test, KnownVectors) {
  EXPECT_EQ(HexEncode(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(HmacSha256Test, VectorsOfRfc4231) {
  const struct {
    std::string key;
    std::string data;
    std::string_view mac;
  } kCases[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(HexEncode(HmacSha256(test.key, test.data)), test.mac);
  }
}

TEST(HmacSha256Test, EmptyKeyIsAKeyAndNotTheOneBefore) {
  constexpr std::string_view kEmpty =
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  EXPECT_EQ(HexEncode(HmacSha256("", "")), kEmpty);
  HmacSha256("another", "");
  EXPECT_EQ(HexEncode(HmacSha256(std::string_view(), "")), kEmpty);
}

TEST(HexTest, RoundTripsAndRefusesTheRest) {
  EXPECT_EQ(HexEncode(std::string_view("\x00\x7f\xff", 3)), "007fff");
  EXPECT_EQ(HexDecode("007FfF"), std::string("\x00\x7f\xff", 3));
  EXPECT_EQ(HexDecode(""), "");
  for (const char* text : {"0", "0g", "zz", "0x00", " 00", "00 "}) {
    EXPECT_FALSE(HexDecode(text).has_value()) << text;
  }
}

TEST(Base64Test, VectorsOfRfc4648) {
  const struct {
    std::string_view bytes;
    std::string_view padded;
  } kCases[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};
  for (const auto& test : kCases) {
    const std::string_view plain = test.padded.substr(0, test.padded.find('='));
    EXPECT_EQ(Base64Encode(test.bytes), test.padded);
    EXPECT_EQ(Base64Decode(test.padded), test.bytes);
    EXPECT_EQ(Base64UrlEncode(test.bytes), plain);
    EXPECT_EQ(Base64UrlDecode(plain), test.bytes);
  }
}

TEST(Base64Test, AlphabetsDifferInTwoCharacters) {
  EXPECT_EQ(Base64Encode("\xfb\xff\xfe"), "+//+");
  EXPECT_EQ(Base64UrlEncode("\xfb\xff\xfe"), "-__-");
  EXPECT_FALSE(Base64Decode("-__-").has_value());
  EXPECT_FALSE(Base64UrlDecode("+//+").has_value());
}

TEST(Base64Test, DecodingIsStrict) {
  // Padding, wrong length, spaces, and bits that no encoder sets.
  for (const char* text : {"Zg==", "Zg=", "Z", "Zm9vY", "Zm 9v", "Zm9v\n", "Zh", "Zm9="}) {
    EXPECT_FALSE(Base64UrlDecode(text).has_value()) << text;
  }
  for (const char* text :
       {"Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "=Zg=", "Zg==Zg==", "Zm8"}) {
    EXPECT_FALSE(Base64Decode(text).has_value()) << text;
  }
}

TEST(Base64Test, AllLengthsRoundTrip) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Base64Decode(Base64Encode(bytes)), bytes);
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(ConstantTimeEqualsTest, ComparesContentAndLength) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  EXPECT_TRUE(ConstantTimeEquals("secret", "secret"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secreT"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secret "));
}

TEST(PasswordTest, HashIsVerifiedByItsPasswordOnly) {
  const auto hash = HashPassword("correct horse", kCheap);
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(hash->rfind("$argon2id$v=19$m=8,t=1,p=1$", 0), 0u) << *hash;
  EXPECT_TRUE(VerifyPassword(*hash, "correct horse"));
  EXPECT_FALSE(VerifyPassword(*hash, "correct horsf"));
  EXPECT_FALSE(VerifyPassword(*hash, ""));
  EXPECT_FALSE(VerifyPassword(*hash, std::string_view("correct horse\0x", 15)));
}

TEST(PasswordTest, TwoHashesOfOnePasswordDiffer) {
  EXPECT_NE(*HashPassword("x", kCheap), *HashPassword("x", kCheap));
}

TEST(PasswordTest, DefaultCostIsNineteenMebibytesAndTwoPasses) {
  const auto hash = HashPassword("x");
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(hash->rfind("$argon2id$v=19$m=19456,t=2,p=1$", 0), 0u) << *hash;
  EXPECT_TRUE(VerifyPassword(*hash, "x"));
  EXPECT_FALSE(NeedsRehash(*hash));
}

TEST(PasswordTest, AnotherCostAsksForANewHash) {
  const auto hash = HashPassword("x", kCheap);
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_FALSE(NeedsRehash(*hash, kCheap));
  EXPECT_TRUE(NeedsRehash(*hash, {.passes = 2, .memory_bytes = 8192}));
  EXPECT_TRUE(NeedsRehash(*hash));
}

TEST(PasswordTest, WhatIsNoHashVerifiesNothing) {
  const std::string cut = HashPassword("x", kCheap)->substr(0, 40);
  for (const std::string& hash : {std::string(), std::string("x"), cut, std::string(500, '$'),
                                  std::string("$argon2id$\0", 11)}) {
    EXPECT_FALSE(VerifyPassword(hash, "x")) << hash;
    EXPECT_TRUE(NeedsRehash(hash, kCheap)) << hash;
  }
}

TEST(PasswordTest, CostOutsideOfArgon2idIsRefused) {
  EXPECT_EQ(HashPassword("x", {.passes = 0}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(HashPassword("x", {.passes = 1, .memory_bytes = 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace heim
