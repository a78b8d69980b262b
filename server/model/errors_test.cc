// Goal: every reason looks on each front as the contract says, and nothing that was not written for
// clients reaches them.
#include "server/model/errors.h"

#include <set>

#include "absl/status/statusor.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "heim/v1/options.pb.h"

namespace heim {
namespace {

template <typename Detail>
Detail DetailOf(const google::rpc::Status& status) {
  Detail detail;
  for (const auto& any : status.details()) {
    if (any.Is<Detail>()) any.UnpackTo(&detail);
  }
  return detail;
}

TEST(ErrorsTest, EveryReasonKeepsItsCodeOnEveryFront) {
  const auto* reasons = v1::ErrorReason_descriptor();
  std::set<std::string> codes;
  for (int i = 0; i < reasons->value_count(); ++i) {
    const auto reason = static_cast<v1::ErrorReason>(reasons->value(i)->number());
    if (reason == v1::ERROR_REASON_UNSPECIFIED) continue;
    const v1::ErrorRule& rule = reasons->value(i)->options().GetExtension(v1::error);
    const absl::Status status = MakeError(reason);
    EXPECT_EQ(static_cast<uint32_t>(status.code()), rule.grpc_code()) << reasons->value(i)->name();
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(status.message().empty());
    EXPECT_EQ(ReasonOf(status), reason);
    EXPECT_EQ(ShownReasonOf(status), reason);
    EXPECT_EQ(static_cast<uint32_t>(HttpStatusOf(status)), rule.http_status());
    EXPECT_GE(HttpStatusOf(status), 400);
    EXPECT_TRUE(codes.insert(ReasonCode(reason)).second);
    EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(ToRpcStatus(status, "r")).reason(),
              reasons->value(i)->name().substr(13));
  }
}

TEST(ErrorsTest, AnErrorCarriesAllThatItWasGiven) {
  const absl::Status status = ErrorBuilder(v1::ERROR_REASON_RATE_LIMITED, "Slow down")
                                  .Field("parts[2].name", "too long")
                                  .RetryAfter(absl::Microseconds(1500))
                                  .Detail("limit", 50)
                                  .Detail("big", int64_t{1} << 60)
                                  .Detail("class", "send")
                                  .Detail("load", 0.5)
                                  .Build();
  const v1::Error error = ToError(status, "req-1");
  EXPECT_EQ(error.code(), "rate_limited");
  EXPECT_EQ(error.message(), "Slow down");
  EXPECT_EQ(error.status(), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(error.request_id(), "req-1");
  EXPECT_EQ(error.retry_after_ms(), 2);
  ASSERT_EQ(error.fields_size(), 1);
  EXPECT_EQ(error.fields(0).field(), "parts[2].name");
  EXPECT_EQ(error.details().fields().at("limit").number_value(), 50);
  EXPECT_EQ(error.details().fields().at("big").string_value(), "1152921504606846976");

  const google::rpc::Status rpc = ToRpcStatus(status, "req-1");
  EXPECT_EQ(rpc.code(), 8);
  EXPECT_EQ(rpc.message(), "Slow down");
  const auto info = DetailOf<google::rpc::ErrorInfo>(rpc);
  EXPECT_EQ(info.reason(), "RATE_LIMITED");
  EXPECT_EQ(info.domain(), "heim");
  EXPECT_EQ(info.metadata().at("limit"), "50");
  EXPECT_EQ(info.metadata().at("load"), "0.5");
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(rpc).field_violations(0).description(), "too long");
  EXPECT_EQ(DetailOf<google::rpc::RetryInfo>(rpc).retry_delay().nanos(), 2'000'000);
  EXPECT_EQ(DetailOf<google::rpc::RequestInfo>(rpc).request_id(), "req-1");
}

TEST(ErrorsTest, WhatIsMissingAndWhatIsHiddenReadTheSame) {
  EXPECT_EQ(ToError(ChannelNotFound(), "").message(), "Channel does not exist or you lack access");
  EXPECT_EQ(ToError(MakeError(v1::ERROR_REASON_WORKSPACE_NOT_FOUND), "").message(),
            "Workspace does not exist or you lack access");
  EXPECT_EQ(ChannelNotFound(), NotFound(v1::ERROR_REASON_CHANNEL_NOT_FOUND));
}

TEST(ErrorsTest, TextsOfOtherOriginNeverLeak) {
  const std::string secret = "near \"SELECT\": /data/heim.db";
  const struct {
    absl::StatusCode code;
    v1::ErrorReason shown;
    int http;
  } rows[] = {
      {absl::StatusCode::kInternal, v1::ERROR_REASON_INTERNAL, 500},
      {absl::StatusCode::kUnknown, v1::ERROR_REASON_INTERNAL, 500},
      {absl::StatusCode::kNotFound, v1::ERROR_REASON_INTERNAL, 500},
      {absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INTERNAL, 500},
      {absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED, 499},
      {absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_TIMEOUT, 504},
      {absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_OVERLOADED, 503},
      {absl::StatusCode::kUnavailable, v1::ERROR_REASON_STORE_UNAVAILABLE, 503},
  };
  for (const auto& row : rows) {
    const absl::Status status(row.code, secret);
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_UNSPECIFIED);
    EXPECT_EQ(ShownReasonOf(status), row.shown);
    EXPECT_EQ(HttpStatusOf(status), row.http);
    EXPECT_EQ(ToError(status, "id").DebugString().find("SELECT"), std::string::npos);
    EXPECT_EQ(ToRpcStatus(status, "id").DebugString().find("SELECT"), std::string::npos);
  }
}

TEST(ErrorsTest, APayloadThatIsNotOursIsAFault) {
  absl::Status status(absl::StatusCode::kNotFound, "x");
  status.SetPayload("type.googleapis.com/heim.v1.Error", absl::Cord("\xff\xff"));
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ToError(status, "").code(), "internal");
}

TEST(ErrorsTest, FieldErrorsNameTheFieldInTheirText) {
  const v1::Error error = ToError(InvalidField("idle_timeout", "5 s to 1 h"), "");
  EXPECT_EQ(error.code(), "invalid_argument");
  EXPECT_EQ(error.message(), "idle_timeout: expected 5 s to 1 h");
  EXPECT_EQ(error.fields(0).field(), "idle_timeout");
  EXPECT_EQ(error.fields(0).description(), "expected 5 s to 1 h");
}

TEST(ErrorsTest, FactsCanBeAddedLater) {
  const absl::Status status =
      WithDetail(MakeError(v1::ERROR_REASON_STREAM_INDEX_GAP, "gap"), "next_index", 7);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_STREAM_INDEX_GAP);
  EXPECT_EQ(ToError(status, "").details().fields().at("next_index").number_value(), 7);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(ToRpcStatus(status, "")).metadata().at("next_index"),
            "7");
  EXPECT_EQ(ToError(RevisionConflict(3), "").details().fields().at("revision").number_value(), 3);
  EXPECT_EQ(ToError(MissingScope("files:read"), "").details().fields().at("scope").string_value(),
            "files:read");
}

TEST(ErrorsTest, OkIsNoError) {
  EXPECT_EQ(HttpStatusOf(absl::OkStatus()), 200);
  EXPECT_EQ(ReasonOf(absl::OkStatus()), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ToRpcStatus(absl::OkStatus(), "x").ByteSizeLong(), 0u);
}

TEST(ErrorsTest, UnknownReasonsAreFaults) {
  EXPECT_EQ(InfoOf(static_cast<v1::ErrorReason>(9999)).http_status, 500);
  EXPECT_EQ(InfoOf(static_cast<v1::ErrorReason>(-1)).code, absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace heim
