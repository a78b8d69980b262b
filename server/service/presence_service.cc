#include "server/service/presence_service.h"

#include <optional>
#include <string>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/message_writes.h"

namespace heim {

v1::ActorPresence PresenceService::PresenceOf(const v1::Actor& actor) const {
  std::optional<std::string> status;
  if (actor.has_status()) status = actor.status();
  return book_.Get(ActorId(actor.id()), status);
}

void PresenceService::GetPresence(CallContext& context, const v1::GetPresenceRequest& request,
                                  Reply<v1::GetPresenceResponse> reply) {
  v1::Actor actor;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadPresence));
    HEIM_ASSIGN_OR_RETURN(
        actor, AccessActor(tx, context.caller, ResolveMe(context.caller, request.actor_id())));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  v1::GetPresenceResponse response;
  *response.mutable_presence() = PresenceOf(actor);
  reply(std::move(response));
}

void PresenceService::UpdatePresence(CallContext& context, const v1::UpdatePresenceRequest& request,
                                     Reply<v1::UpdatePresenceResponse> reply) {
  const ActorId& self = context.caller.actor_id;
  if (!request.actor_id().empty() && ResolveMe(context.caller, request.actor_id()) != self) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                           "Only the actor itself sets its availability"));
  }
  // The book speaks once the row is committed.
  Reply<v1::UpdatePresenceResponse> shown(
      [this, &context, &request,
       reply = std::move(reply)](absl::StatusOr<v1::UpdatePresenceResponse> answer) mutable {
        if (answer.ok()) {
          std::optional<std::string> new_status;
          if (request.has_status()) new_status = request.status();
          *answer->mutable_presence() =
              book_.Set(context.caller.workspace_id, context.caller.actor_id, request.presence(),
                        std::move(new_status));
        }
        reply(std::move(answer));
      });
  CommitReply<v1::UpdatePresenceResponse>(
      store_, context, std::move(shown),
      [&context, &request](WriteTx& tx, v1::UpdatePresenceResponse*) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kUpdatePresence));
        HEIM_ASSIGN_OR_RETURN(v1::Actor actor, tx.actors.Get(context.caller.actor_id));
        if (request.presence() != v1::PRESENCE_UNSPECIFIED) {
          actor.set_presence(request.presence());
          HEIM_RETURN_IF_ERROR(tx.presence.SetChoice(context.caller.actor_id, request.presence()));
        }
        if (request.has_status()) {
          actor.set_status(request.status());
          if (request.status().empty()) actor.clear_status();
        }
        return tx.actors.Update(actor);
      });
}

void PresenceService::BatchGetPresence(CallContext& context,
                                       const v1::BatchGetPresenceRequest& request,
                                       Reply<v1::BatchGetPresenceResponse> reply) {
  v1::BatchGetPresenceResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadPresence));
    for (const std::string& id : request.actor_ids()) {
      const auto actor = AccessActor(tx, context.caller, ResolveMe(context.caller, id));
      if (actor.ok()) {
        *response.add_presences() = PresenceOf(*actor);
      } else if (ReasonOf(actor.status()) != v1::ERROR_REASON_ACTOR_NOT_FOUND) {
        return actor.status();
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void PresenceService::SendTyping(CallContext& context, const v1::SendTypingRequest& request,
                                 Reply<v1::SendTypingResponse> reply) {
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    const ChannelId channel(request.channel_id());
    HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                          AccessChannel(tx, context.caller, channel, Permission::kTyping));
    if (request.thread_id().empty()) return absl::OkStatus();
    return ThreadRoot(tx, access, MessageId(request.thread_id())).status();
  });
  if (!status.ok()) return reply(status);
  v1::Event event;
  event.set_channel_id(request.channel_id());
  event.set_actor_id(context.caller.actor_id.str());
  v1::Typing& typing = *event.mutable_typing();
  typing.set_channel_id(request.channel_id());
  *typing.mutable_actor() = context.caller.actor;
  if (!request.thread_id().empty()) typing.set_thread_id(request.thread_id());
  hub_.PublishEphemeral(context.caller.workspace_id, std::move(event));
  reply(v1::SendTypingResponse());
}

void PresenceService::WatchPresence(CallContext& context, const v1::WatchPresenceRequest& request,
                                    Reply<std::shared_ptr<FrameSource>> reply) {
  SubscribeOptions options;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(options.caller,
                          EnterWorkspace(tx, context.caller, request.workspace_id()));
    return CheckWorkspace(tx, options.caller, Permission::kReadPresence);
  });
  if (!status.ok()) return reply(status);
  options.only_presence = true;
  options.session_id = context.request_id;
  auto subscription = hub_.Subscribe(std::move(options));
  if (!subscription.ok()) return reply(subscription.status());
  reply(std::shared_ptr<FrameSource>(*std::move(subscription)));
}

}  // namespace heim
