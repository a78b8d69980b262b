// PictureUpload takes a small upload into memory: a header, then chunks, at most so many bytes.
// When all of it is there its `finish` runs on the Executor, where pictures may be made and stored.
// Held by the front and by its own task. Thread-safe as a StreamCall is; never blocks its caller.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/hub/outbox.h"
#include "server/model/stream_call.h"

namespace heim {

class PictureUpload final : public StreamCall, public std::enable_shared_from_this<PictureUpload> {
 public:
  using MessagePtr = std::unique_ptr<google::protobuf::Message>;
  using Answer = absl::AnyInvocable<void(absl::StatusOr<MessagePtr>)>;

  struct Piece {
    bool header = false;  // else bytes
    std::string_view bytes;
  };

  struct Plan {
    size_t max_bytes = 0;
    // INVALID_ARGUMENT for a message that is neither.
    std::function<absl::StatusOr<Piece>(const google::protobuf::Message&)> read;
    // On the Executor. `first` is the message with the header; `answer` is called once, by any
    // thread.
    std::function<void(const google::protobuf::Message& first, std::string_view file,
                       Answer answer)>
        finish;
  };

  // Reads requests with the oneof `data` of `header` and `chunk`.
  template <class Request>
  static absl::StatusOr<Piece> ReadPiece(const google::protobuf::Message& message) {
    const auto& request = static_cast<const Request&>(message);
    if (request.has_header()) return Piece{true, {}};
    if (request.has_chunk()) return Piece{false, request.chunk()};
    return NoPiece();
  }

  PictureUpload(Clock& clock, Executor& executor, Plan plan);

  void Feed(MessagePtr message, absl::AnyInvocable<void()> next) override;
  void FeedDone() override;
  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    return outbox_.Pull(max_bytes, out);
  }
  absl::Status status() const override { return outbox_.status(); }
  void SetReady(std::function<void()> on_ready) override { outbox_.SetReady(std::move(on_ready)); }
  void Cancel() override { outbox_.Cancel(); }

 private:
  static absl::Status NoPiece();
  absl::Status Take(MessagePtr message);
  void End(absl::StatusOr<MessagePtr> answer);

  Executor& executor_;
  const Plan plan_;
  Outbox outbox_;
  // Of the feeding thread, then of the task.
  MessagePtr first_;
  std::string file_;
};

}  // namespace heim
