#include "cli/event_reader.h"

#include <algorithm>
#include <utility>

#include "server/base/entropy.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestPause = absl::Seconds(30);

// Full jitter: clients that lost one server do not come back together.
absl::Duration Jitter(absl::Duration bound) {
  SystemEntropy entropy;
  return bound * (static_cast<double>(RandomBelow(entropy, 1000)) / 1000.0);
}

bool CredentialLost(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
         status.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
         status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
         status.error_code() == grpc::StatusCode::NOT_FOUND;
}

}  // namespace

absl::Status EventReader::Run() {
  absl::Duration pause = kFirstPause;
  while (true) {
    bool progressed = false;
    const grpc::Status status = ReadOnce(&progressed);
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_) return absl::OkStatus();
    }
    if (CredentialLost(status)) return ToStatus(status);
    if (progressed) pause = kFirstPause;
    const std::string reason =
        status.ok() ? "the server closed the stream" : DescribeError(status).message;
    if (handlers_.on_notice)
      handlers_.on_notice(StrCat("connection lost (", reason, "); connecting again"));
    if (!Pause(Jitter(pause))) return absl::OkStatus();
    pause = std::min(pause * 2, kLongestPause);
  }
}

bool EventReader::Pause(absl::Duration pause) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopped_), pause);
}

void EventReader::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

grpc::Status EventReader::ReadOnce(bool* progressed) {
  const auto context = client_.OpenContext();
  // The library connects only while a call waits for it: a call that failed at once would leave
  // each attempt half made.
  context->set_wait_for_ready(true);
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return grpc::Status::CANCELLED;
    context_ = context.get();
  }
  const auto reader = client_.events().Subscribe(context.get(), request_);
  v1::SubscribeResponse batch;
  while (reader->Read(&batch)) {
    *progressed = true;
    Handle(batch);
    // At least once: the cursor moves when the events are handled.
    if (!batch.cursor().empty()) request_.set_cursor(batch.cursor());
  }
  const grpc::Status status = reader->Finish();
  absl::MutexLock lock(&mutex_);
  context_ = nullptr;
  return status;
}

void EventReader::Handle(const v1::SubscribeResponse& batch) {
  for (const v1::Event& event : batch.events()) handlers_.on_event(event);
  if (!batch.has_control()) return;
  const v1::Control& control = batch.control();
  if (control.has_hello()) me_ = control.hello().actor();
  if (control.has_caught_up() && handlers_.on_ready) handlers_.on_ready(me_);
  if (control.has_reset() && handlers_.on_notice) {
    handlers_.on_notice(StrCat("some events may be missing (", control.reset().reason(), ")"));
  }
}

}  // namespace heim
