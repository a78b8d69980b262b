// MessageService: messages, threads and reactions (proto/heim/v1/message_service.proto says what
// each call needs, emits and fails with). Owned by app. Thread-safe. Handlers run on the Executor;
// reads block for a bounded time.
#pragma once

#include <string_view>

#include "heim/v1/message_service.pb.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/hub/presence.h"
#include "server/service/blob_sweeper.h"
#include "server/service/call.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

// Setting of a workspace: for how many seconds after it was sent a message can be edited. Absent or
// 0: for ever.
inline constexpr std::string_view kEditWindowSeconds = "edit_window_seconds";

class MessageService {
 public:
  MessageService(Store& store, Clock& clock, Ids& ids, StreamStopper& streams,
                 const PresenceBook& presence, BlobSweeper& sweeper)
      : store_(store),
        clock_(clock),
        ids_(ids),
        streams_(streams),
        sweeper_(sweeper),
        presence_(presence) {}

  void SendMessage(CallContext& context, const v1::SendMessageRequest& request,
                   Reply<v1::SendMessageResponse> reply);
  void ListMessages(CallContext& context, const v1::ListMessagesRequest& request,
                    Reply<v1::ListMessagesResponse> reply);
  void GetMessage(CallContext& context, const v1::GetMessageRequest& request,
                  Reply<v1::GetMessageResponse> reply);
  void BatchGetMessages(CallContext& context, const v1::BatchGetMessagesRequest& request,
                        Reply<v1::BatchGetMessagesResponse> reply);
  void ForwardMessage(CallContext& context, const v1::ForwardMessageRequest& request,
                      Reply<v1::ForwardMessageResponse> reply);
  void UpdateMessage(CallContext& context, const v1::UpdateMessageRequest& request,
                     Reply<v1::UpdateMessageResponse> reply);
  void ListMessageVersions(CallContext& context, const v1::ListMessageVersionsRequest& request,
                           Reply<v1::ListMessageVersionsResponse> reply);
  void DeleteMessage(CallContext& context, const v1::DeleteMessageRequest& request,
                     Reply<v1::DeleteMessageResponse> reply);
  void ListThread(CallContext& context, const v1::ListThreadRequest& request,
                  Reply<v1::ListThreadResponse> reply);
  void AddReaction(CallContext& context, const v1::AddReactionRequest& request,
                   Reply<v1::AddReactionResponse> reply);
  void ListReactions(CallContext& context, const v1::ListReactionsRequest& request,
                     Reply<v1::ListReactionsResponse> reply);
  void RemoveReaction(CallContext& context, const v1::RemoveReactionRequest& request,
                      Reply<v1::RemoveReactionResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  StreamStopper& streams_;
  BlobSweeper& sweeper_;
  const PresenceBook& presence_;  // for @here
};

}  // namespace heim
