// StreamService: messages written token by token (proto/heim/v1/stream_service.proto says what each
// call needs, emits and fails with). The live half is LiveStreams'; here are the start and the end,
// which are durable.
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "heim/v1/stream_service.pb.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/hub/hub.h"
#include "server/hub/live_streams.h"
#include "server/hub/presence.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

class StreamService : public StreamStopper {
 public:
  struct Dependencies {
    Store& store;
    Clock& clock;
    Ids& ids;
    Timers& timers;
    LiveStreams& live;
    Hub& hub;
    const PresenceBook* presence = nullptr;  // for @here
  };

  // Ends streams whose idle timer fires from now on.
  explicit StreamService(const Dependencies& dependencies);

  // Takes up the streams that were active when the server stopped, each with a fresh idle timer.
  // Called once, before the fronts serve. Blocks.
  absl::Status Recover();

  void StartStream(CallContext& context, const v1::StartStreamRequest& request,
                   Reply<v1::StartStreamResponse> reply);
  void AppendStream(CallContext& context, const v1::AppendStreamRequest& request,
                    Reply<v1::AppendStreamResponse> reply);
  void FinishStream(CallContext& context, const v1::FinishStreamRequest& request,
                    Reply<v1::FinishStreamResponse> reply);
  void AbortStream(CallContext& context, const v1::AbortStreamRequest& request,
                   Reply<v1::AbortStreamResponse> reply);
  void GetStream(CallContext& context, const v1::GetStreamRequest& request,
                 Reply<v1::GetStreamResponse> reply);
  void WatchStream(CallContext& context, const v1::WatchStreamRequest& request,
                   Reply<std::shared_ptr<FrameSource>> reply);
  absl::StatusOr<std::shared_ptr<StreamCall>> WriteStream(std::shared_ptr<CallContext> context);

  void StopStream(const StreamId& stream, std::string_view outcome) override;
  void StopStreamsIn(const ChannelId& channel, std::string_view outcome) override;
  void StopStreamsBy(const ActorId& author, std::string_view outcome) override;
  void StopStreamsOf(const ActorId& author, const ChannelId& channel,
                     std::string_view outcome) override;

 private:
  // How a stream is to end.
  struct Ending {
    v1::StreamState state = v1::STREAM_STATE_FINISHED;
    std::string outcome;                             // empty when it finished
    ActorId by;                                      // empty: its author
    std::optional<v1::FinishStreamRequest> request;  // final text, parts and metadata
    const CallContext* audited = nullptr;            // the call of somebody else than its author
  };

  // Ends the stream durably; `done` gets the message that remains. Exactly one of several endings
  // wins. A failed commit leaves the stream active.
  void End(const StreamId& stream, Ending ending,
           absl::AnyInvocable<void(absl::StatusOr<v1::Message>)> done);
  absl::Status EndIn(WriteTx& tx, const v1::Stream& closed, const Ending& ending,
                     v1::Message* remains);

  void AnswerRepeat(const CallContext& context, const StreamId& id,
                    Reply<v1::FinishStreamResponse> reply);

  // The stream of a caller that may read its channel, with its live text. STREAM_NOT_FOUND.
  absl::StatusOr<v1::Stream> Read(const Caller& caller, const StreamId& id);
  // Why a stream that is not live takes no append from this author.
  // Whether it is active, but not the caller's own in the workspace of the call.
  bool IsOfOthers(const Caller& caller, const StreamId& id);
  absl::Status WhyEnded(const Caller& caller, const StreamId& id);
  // The outcome that the caller's abort has. STREAM_NOT_FOUND, CHANNEL_ROLE_REQUIRED.
  absl::StatusOr<std::string> AbortOutcome(const Caller& caller, const StreamId& id);

  const Dependencies deps_;
};

}  // namespace heim
