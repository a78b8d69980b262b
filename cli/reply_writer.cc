#include "cli/reply_writer.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

constexpr int kTries = 8;
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);

// Calls until it is answered; only what a lost connection or an overloaded server caused is
// repeated.
template <typename Attempt>
grpc::Status CallUntilAnswered(const Client& client, const Attempt& attempt) {
  absl::Duration pause = kFirstPause;
  grpc::Status status;
  for (int tries = 0; tries < kTries; ++tries) {
    auto context = client.OpenContext();
    context->set_deadline(absl::ToChronoTime(SystemClock().Now() + Client::kCallDeadline));
    context->set_wait_for_ready(true);
    status = attempt(context.get());
    if (status.ok() || !DescribeError(status).retryable) return status;
    absl::Notification().WaitForNotificationWithTimeout(pause);
    pause *= 2;
  }
  return status;
}

void SetHops(const ReplyTarget& target, google::protobuf::Struct* metadata) {
  if (target.hops == 0) return;
  (*metadata->mutable_fields())["heim.hops"].set_number_value(target.hops);
}

// `next_index` of a stream_index_gap; nullopt for other errors.
std::optional<size_t> NextIndexOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (!any.UnpackTo(&info) || info.reason() != "STREAM_INDEX_GAP") continue;
    size_t next = 0;
    const auto it = info.metadata().find("next_index");
    if (it != info.metadata().end() && absl::SimpleAtoi(it->second, &next)) return next;
  }
  return std::nullopt;
}

}  // namespace

absl::Status ReplyWriter::Write(const ReplyTarget& target, std::string_view bytes) {
  pending_.append(bytes);
  size_t newline = 0;
  while ((newline = pending_.find('\n')) != std::string::npos) {
    std::string line = pending_.substr(0, newline);
    pending_.erase(0, newline + 1);
    if (absl::EndsWith(line, "\r")) line.pop_back();
    if (stream_) {
      HEIM_RETURN_IF_ERROR(Grow(target, line));
      HEIM_RETURN_IF_ERROR(EndStream());
    } else {
      HEIM_RETURN_IF_ERROR(SendLine(target, line));
    }
  }
  if (!stream_ || pending_.empty()) return absl::OkStatus();
  // Whole characters only: the rest of a UTF-8 sequence comes with the next read.
  const std::string whole(Utf8Prefix(pending_, pending_.size()));
  pending_.erase(0, whole.size());
  return Grow(target, whole);
}

absl::Status ReplyWriter::Flush(const ReplyTarget& target) {
  if (stream_) return EndStream();
  if (pending_.empty()) return absl::OkStatus();
  const std::string line = std::exchange(pending_, "");
  return SendLine(target, line);
}

absl::Status ReplyWriter::SendLine(const ReplyTarget& target, const std::string& line) {
  if (line.empty()) return absl::OkStatus();
  v1::SendMessageRequest request;
  // A JSON object with the fields of a message is one; everything else is text.
  if (line.front() != '{' || !google::protobuf::util::JsonStringToMessage(line, &request).ok()) {
    request.Clear();
    request.set_content(line);
  }
  if (request.channel_id().empty()) {
    request.set_channel_id(target.channel_id);
    if (!request.has_thread_id() && !target.thread_id.empty()) {
      request.set_thread_id(target.thread_id);
    }
  }
  if (!request.has_client_id()) request.set_client_id(ids_.NewId());
  SetHops(target, request.mutable_metadata());
  return ToStatus(CallUntilAnswered(client_, [&](grpc::ClientContext* context) {
    v1::SendMessageResponse response;
    return client_.messages().SendMessage(context, request, &response);
  }));
}

absl::Status ReplyWriter::Grow(const ReplyTarget& target, std::string_view text) {
  if (text.empty()) return absl::OkStatus();
  if (stream_id_.empty()) {
    v1::StartStreamRequest request;
    request.set_channel_id(target.channel_id);
    if (!target.thread_id.empty()) request.set_thread_id(target.thread_id);
    request.set_client_id(ids_.NewId());
    SetHops(target, request.mutable_metadata());
    v1::StartStreamResponse response;
    HEIM_RETURN_IF_ERROR(ToStatus(CallUntilAnswered(client_, [&](grpc::ClientContext* context) {
      return client_.streams().StartStream(context, request, &response);
    })));
    stream_id_ = response.stream().id();
    deltas_.clear();
  }
  deltas_.emplace_back(text);
  return Append(deltas_.size() - 1);
}

absl::Status ReplyWriter::Append(size_t index) {
  while (index < deltas_.size()) {
    v1::AppendStreamRequest request;
    request.set_stream_id(stream_id_);
    request.set_index(static_cast<uint32_t>(index));
    request.set_delta(deltas_[index]);
    const grpc::Status status = CallUntilAnswered(client_, [&](grpc::ClientContext* context) {
      v1::AppendStreamResponse response;
      return client_.streams().AppendStream(context, request, &response);
    });
    if (status.ok()) {
      ++index;
      continue;
    }
    // A crash of the server loses what was not on disk yet: it is sent again from there.
    const std::optional<size_t> next = NextIndexOf(status);
    if (!next.has_value() || *next >= index) return ToStatus(status);
    index = *next;
  }
  return absl::OkStatus();
}

absl::Status ReplyWriter::EndStream() {
  if (stream_id_.empty()) return absl::OkStatus();
  v1::FinishStreamRequest request;
  request.set_stream_id(std::exchange(stream_id_, ""));
  std::string text;
  for (const std::string& delta : deltas_) text += delta;
  request.set_content(std::move(text));
  return ToStatus(CallUntilAnswered(client_, [&](grpc::ClientContext* context) {
    v1::FinishStreamResponse response;
    return client_.streams().FinishStream(context, request, &response);
  }));
}

}  // namespace heim
