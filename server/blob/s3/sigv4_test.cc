// Goal: requests are signed as S3 expects. Method: the examples that AWS publishes for S3's
// signature version 4, with their published keys and signatures.
#include "server/blob/s3/sigv4.h"

#include <gtest/gtest.h>

#include "server/base/crypto.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr char kDate[] = "20130524T000000Z";
constexpr char kHost[] = "examplebucket.s3.amazonaws.com";

std::string Signature(std::string_view method, std::string_view path, S3Pairs query,
                      S3Pairs headers, std::string_view body = "") {
  const S3Credentials published = {"AKIAIOSFODNN7EXAMPLE",
                                   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
  const std::string hash = HexEncode(Sha256(body));
  headers.emplace_back("host", kHost);
  headers.emplace_back("x-amz-content-sha256", hash);
  headers.emplace_back("x-amz-date", kDate);
  const std::string value =
      S3Authorization(published, {method, path, std::move(query), std::move(headers), hash}, kDate);
  EXPECT_TRUE(StartsWith(value,
                         "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                         "aws4_request,SignedHeaders="))
      << value;
  return value.substr(value.rfind('=') + 1);
}

TEST(SigV4Test, ARangedGetIsSignedAsPublished) {
  EXPECT_EQ(Signature("GET", "/test.txt", {}, {{"range", "bytes=0-9"}}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4Test, APutIsSignedAsPublished) {
  EXPECT_EQ(Signature("PUT", StrCat("/", S3Encode("test$file.text")), {},
                      {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                       {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                      "Welcome to Amazon S3."),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4Test, AQueryWithoutValueIsSignedAsPublished) {
  EXPECT_EQ(Signature("GET", "/", {{"lifecycle", ""}}, {}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4Test, AQueryIsSignedInOrder) {
  EXPECT_EQ(Signature("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4Test, DatesAreInUtc) { EXPECT_EQ(S3Date(absl::FromUnixSeconds(1369353600)), kDate); }

TEST(SigV4Test, WhatIsReservedIsEncoded) {
  EXPECT_EQ(S3Encode("a/b c~ü"), "a%2Fb%20c~%C3%BC");
  EXPECT_EQ(S3Encode("a/b", true), "a/b");
}

}  // namespace
}  // namespace heim
