// The half of StreamService that is about whole streams on one connection: WatchStream and
// WriteStream.
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/status_macros.h"
#include "server/hub/outbox.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/model/limits.h"
#include "server/service/fixed_frames.h"
#include "server/service/stream_service.h"

namespace heim {
namespace {

// Steps are answered one by one and acknowledgements replace each other, so few frames wait.
constexpr Outbox::Limits kWriterLimits = {64, 1u << 20};

// One writer's connection: runs its steps one after the other through the service's own handlers,
// and acknowledges appends together, at most each kWriteStreamAckInterval.
class WriteStreamCall : public StreamCall, public std::enable_shared_from_this<WriteStreamCall> {
 public:
  WriteStreamCall(StreamService& service, Clock& clock, Timers& timers,
                  std::shared_ptr<CallContext> context)
      : service_(service),
        timers_(timers),
        context_(std::move(context)),
        outbox_(clock, kWriterLimits, nullptr) {}

  void Feed(std::unique_ptr<google::protobuf::Message> message,
            absl::AnyInvocable<void()> next) override;
  void FeedDone() override { Finish(absl::OkStatus()); }

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    return outbox_.Pull(max_bytes, out);
  }
  absl::Status status() const override { return outbox_.status(); }
  void SetReady(std::function<void()> on_ready) override { outbox_.SetReady(std::move(on_ready)); }
  void Cancel() override { outbox_.Cancel(); }

 private:
  void Start(const v1::StartStreamRequest& request, absl::AnyInvocable<void()> next);
  void Resume(const std::string& stream_id, absl::AnyInvocable<void()> next);
  void Append(v1::AppendStreamRequest request, absl::AnyInvocable<void()> next);
  void FinishStream(v1::FinishStreamRequest request, absl::AnyInvocable<void()> next);
  void AbortStream(v1::AbortStreamRequest request, absl::AnyInvocable<void()> next);

  std::string StreamIdOf() const {
    absl::MutexLock lock(&mutex_);
    return stream_id_;
  }
  void Opened(const v1::Stream& stream);
  void Ended(v1::Message message);
  void Acknowledge(const v1::AppendStreamResponse& ack);
  void FlushAck();
  void Finish(absl::Status status);

  StreamService& service_;
  Timers& timers_;
  const std::shared_ptr<CallContext> context_;
  Outbox outbox_;

  mutable absl::Mutex mutex_;
  std::string stream_id_ ABSL_GUARDED_BY(mutex_);
  v1::AppendStreamResponse ack_ ABSL_GUARDED_BY(mutex_);
  bool ack_pending_ ABSL_GUARDED_BY(mutex_) = false;
};

FramePtr FrameOf(v1::WriteStreamResponse response) {
  return MakeMessageFrame(std::make_unique<v1::WriteStreamResponse>(std::move(response)));
}

void WriteStreamCall::Feed(std::unique_ptr<google::protobuf::Message> message,
                           absl::AnyInvocable<void()> next) {
  if (outbox_.closed()) return next();
  auto& step = static_cast<v1::WriteStreamRequest&>(*message);
  switch (step.command_case()) {
    case v1::WriteStreamRequest::kStart:
      return Start(step.start(), std::move(next));
    case v1::WriteStreamRequest::kResumeStreamId:
      return Resume(step.resume_stream_id(), std::move(next));
    case v1::WriteStreamRequest::kAppend:
      return Append(std::move(*step.mutable_append()), std::move(next));
    case v1::WriteStreamRequest::kFinish:
      return FinishStream(std::move(*step.mutable_finish()), std::move(next));
    case v1::WriteStreamRequest::kAbort:
      return AbortStream(std::move(*step.mutable_abort()), std::move(next));
    case v1::WriteStreamRequest::COMMAND_NOT_SET:
      Finish(InvalidField("command", "start, resume_stream_id, append, finish or abort"));
      return next();
  }
}

// Handlers take references: request and call live in the continuation.
template <typename Request>
struct Step {
  std::shared_ptr<WriteStreamCall> call;
  std::shared_ptr<Request> request;
};

void WriteStreamCall::Start(const v1::StartStreamRequest& given, absl::AnyInvocable<void()> next) {
  const Step<v1::StartStreamRequest> step{shared_from_this(),
                                          std::make_shared<v1::StartStreamRequest>(given)};
  service_.StartStream(
      *context_, *step.request,
      Reply<v1::StartStreamResponse>(
          [step, next = std::move(next)](absl::StatusOr<v1::StartStreamResponse> answer) mutable {
            if (answer.ok()) {
              step.call->Opened(answer->stream());
            } else {
              step.call->Finish(answer.status());
            }
            next();
          }));
}

void WriteStreamCall::Resume(const std::string& stream_id, absl::AnyInvocable<void()> next) {
  auto request = std::make_shared<v1::GetStreamRequest>();
  request->set_stream_id(stream_id);
  const Step<v1::GetStreamRequest> step{shared_from_this(), request};
  service_.GetStream(
      *context_, *request,
      Reply<v1::GetStreamResponse>(
          [step, next = std::move(next)](absl::StatusOr<v1::GetStreamResponse> answer) mutable {
            if (!answer.ok()) {
              step.call->Finish(answer.status());
            } else if (answer->stream().actor_id() != step.call->context_->caller.actor_id.str()) {
              step.call->Finish(StreamNotFound());
            } else {
              step.call->Opened(answer->stream());
            }
            next();
          }));
}

void WriteStreamCall::Append(v1::AppendStreamRequest given, absl::AnyInvocable<void()> next) {
  if (given.stream_id().empty()) given.set_stream_id(StreamIdOf());
  const Step<v1::AppendStreamRequest> step{
      shared_from_this(), std::make_shared<v1::AppendStreamRequest>(std::move(given))};
  service_.AppendStream(
      *context_, *step.request,
      Reply<v1::AppendStreamResponse>(
          [step, next = std::move(next)](absl::StatusOr<v1::AppendStreamResponse> answer) mutable {
            if (answer.ok()) {
              step.call->Acknowledge(*answer);
            } else {
              step.call->Finish(answer.status());
            }
            next();
          }));
}

void WriteStreamCall::FinishStream(v1::FinishStreamRequest given, absl::AnyInvocable<void()> next) {
  if (given.stream_id().empty()) given.set_stream_id(StreamIdOf());
  const Step<v1::FinishStreamRequest> step{
      shared_from_this(), std::make_shared<v1::FinishStreamRequest>(std::move(given))};
  service_.FinishStream(
      *context_, *step.request,
      Reply<v1::FinishStreamResponse>(
          [step, next = std::move(next)](absl::StatusOr<v1::FinishStreamResponse> answer) mutable {
            if (answer.ok()) {
              step.call->Ended(std::move(*answer->mutable_message()));
            } else {
              step.call->Finish(answer.status());
            }
            next();
          }));
}

void WriteStreamCall::AbortStream(v1::AbortStreamRequest given, absl::AnyInvocable<void()> next) {
  if (given.stream_id().empty()) given.set_stream_id(StreamIdOf());
  const Step<v1::AbortStreamRequest> step{
      shared_from_this(), std::make_shared<v1::AbortStreamRequest>(std::move(given))};
  service_.AbortStream(
      *context_, *step.request,
      Reply<v1::AbortStreamResponse>(
          [step, next = std::move(next)](absl::StatusOr<v1::AbortStreamResponse> answer) mutable {
            if (answer.ok()) {
              step.call->Ended(std::move(*answer->mutable_message()));
            } else {
              step.call->Finish(answer.status());
            }
            next();
          }));
}

void WriteStreamCall::Opened(const v1::Stream& stream) {
  {
    absl::MutexLock lock(&mutex_);
    stream_id_ = stream.id();
  }
  v1::WriteStreamResponse response;
  *response.mutable_stream() = stream;
  outbox_.PushAnyway(FrameOf(std::move(response)), Outbox::Item::kSign);
  outbox_.Wake();
}

void WriteStreamCall::Ended(v1::Message message) {
  FlushAck();
  v1::WriteStreamResponse response;
  *response.mutable_message() = std::move(message);
  outbox_.PushAnyway(FrameOf(std::move(response)), Outbox::Item::kSign);
  Finish(absl::OkStatus());
}

void WriteStreamCall::Acknowledge(const v1::AppendStreamResponse& ack) {
  {
    absl::MutexLock lock(&mutex_);
    ack_ = ack;
    if (std::exchange(ack_pending_, true)) return;
  }
  timers_.After(kWriteStreamAckInterval, [call = weak_from_this()] {
    if (const auto alive = call.lock()) alive->FlushAck();
  });
}

void WriteStreamCall::FlushAck() {
  v1::WriteStreamResponse response;
  {
    absl::MutexLock lock(&mutex_);
    if (!std::exchange(ack_pending_, false)) return;
    *response.mutable_ack() = ack_;
  }
  // An acknowledgement that was not taken yet says less than this one.
  outbox_.PushCursor(FrameOf(std::move(response)));
  outbox_.Wake();
}

void WriteStreamCall::Finish(absl::Status status) {
  FlushAck();
  outbox_.Close(nullptr, std::move(status));
}

FramePtr EventFrame(v1::Event event) { return MakeEventFrame(std::move(event), ""); }

}  // namespace

absl::StatusOr<std::shared_ptr<StreamCall>> StreamService::WriteStream(
    std::shared_ptr<CallContext> context) {
  return std::make_shared<WriteStreamCall>(*this, deps_.clock, deps_.timers, std::move(context));
}

void StreamService::WatchStream(CallContext& context, const v1::WatchStreamRequest& request,
                                Reply<std::shared_ptr<FrameSource>> reply) {
  const StreamId id(request.stream_id());
  const auto stream = Read(context.caller, id);
  if (!stream.ok()) return reply(stream.status());
  if (stream->state() == v1::STREAM_STATE_ACTIVE) {
    auto source = deps_.hub.WatchStream(context.caller, id);
    if (source.ok() || ReasonOf(source.status()) != v1::ERROR_REASON_STREAM_NOT_FOUND) {
      return reply(std::move(source));
    }
  }
  // It has ended: its end and the message that remains.
  std::vector<FramePtr> frames;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const StreamRow row, tx.streams.Get(id));
    v1::Event end;
    end.set_channel_id(row.stream.channel_id());
    end.set_actor_id(row.stream.actor_id());
    v1::Event message = end;
    v1::MessageStreamEnd& payload = *end.mutable_message_stream_end();
    payload.set_stream_id(id.str());
    payload.set_channel_id(row.stream.channel_id());
    payload.set_actor_id(row.stream.actor_id());
    payload.set_message_id(row.stream.message_id());
    payload.set_state(row.stream.state());
    if (!row.outcome.empty()) payload.set_outcome(row.outcome);
    HEIM_ASSIGN_OR_RETURN(*message.mutable_message_new()->mutable_message(),
                          tx.messages.Get(MessageId(row.stream.message_id())));
    frames.push_back(EventFrame(std::move(end)));
    frames.push_back(EventFrame(std::move(message)));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::shared_ptr<FrameSource>(std::make_shared<FixedFrames>(std::move(frames))));
}

}  // namespace heim
