#include "server/service/picture_upload.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/frame.h"

namespace heim {
namespace {

// One answer.
constexpr Outbox::Limits kAnswerLimits = {4, 64u << 10};

}  // namespace

PictureUpload::PictureUpload(Clock& clock, Executor& executor, Plan plan)
    : executor_(executor), plan_(std::move(plan)), outbox_(clock, kAnswerLimits, nullptr) {}

absl::Status PictureUpload::NoPiece() { return InvalidField("data", "header or chunk"); }

void PictureUpload::Feed(MessagePtr message, absl::AnyInvocable<void()> next) {
  if (!outbox_.closed()) {
    if (absl::Status status = Take(std::move(message)); !status.ok()) End(std::move(status));
  }
  next();
}

absl::Status PictureUpload::Take(MessagePtr message) {
  HEIM_ASSIGN_OR_RETURN(const Piece piece, plan_.read(*message));
  if (piece.header) {
    if (first_ != nullptr) return InvalidArgument("header", "comes once, before the chunks");
    first_ = std::move(message);
    return absl::OkStatus();
  }
  if (first_ == nullptr) return InvalidArgument("header", "comes before the first chunk");
  if (file_.size() + piece.bytes.size() > plan_.max_bytes) {
    return MakeError(v1::ERROR_REASON_INVALID_IMAGE,
                     StrCat("The picture's file has at most ", plan_.max_bytes / 1024, " KiB"));
  }
  file_.append(piece.bytes);
  return absl::OkStatus();
}

void PictureUpload::FeedDone() {
  if (outbox_.closed()) return;
  if (first_ == nullptr) return End(InvalidArgument("header", "is missing"));
  const bool posted = executor_.TryPost([upload = shared_from_this()] {
    upload->plan_.finish(
        *upload->first_, upload->file_,
        [upload](absl::StatusOr<MessagePtr> answer) { upload->End(std::move(answer)); });
  });
  if (!posted) End(MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
}

void PictureUpload::End(absl::StatusOr<MessagePtr> answer) {
  if (!answer.ok()) return outbox_.Close(nullptr, answer.status());
  outbox_.PushAnyway(MakeMessageFrame(*std::move(answer)), Outbox::Item::kSign);
  outbox_.Close(nullptr, absl::OkStatus());
}

}  // namespace heim
