// The part of ChannelService that ends a channel for ever.
#include <string>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/channel_service.h"
#include "server/service/channel_writes.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"

namespace heim {
namespace {

absl::Status CheckPurge(ReadTx& tx, const ChannelAccess& access, const std::string& confirm) {
  HEIM_RETURN_IF_ERROR(RefuseDefault(tx, access.channel()));
  if (confirm == access.channel().name()) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_CONFIRMATION_REQUIRED,
                   "This cannot be undone: give the channel's name in `confirm`");
}

}  // namespace

void ChannelService::PurgeChannel(CallContext& context, const v1::PurgeChannelRequest& request,
                                  Reply<v1::PurgeChannelResponse> reply) {
  CommitReply<v1::PurgeChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::PurgeChannelResponse*) -> absl::Status {
        const ChannelId id(request.channel_id());
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess seen,
                              AccessChannel(tx, context.caller, id, Permission::kReadChannel));
        HEIM_RETURN_IF_ERROR(RefuseDirect(seen.channel(), "A direct message cannot be purged"));
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, id, Permission::kPurgeChannel));
        HEIM_RETURN_IF_ERROR(CheckPurge(tx, access, request.confirm()));
        HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(access.workspace_id()));
        HEIM_RETURN_IF_ERROR(tx.purges.Begin(access.channel(), position));
        // Of what is gone for ever, its id and kind are all that is told, also of earlier changes.
        HEIM_RETURN_IF_ERROR(tx.audit.AnonymiseActor(ActorId(id.str())).status());
        v1::Channel told;
        told.set_id(id.str());
        told.set_type(access.channel().type());
        tx.note.Before(told);
        v1::Event event = ChannelEvent({context.caller.actor_id, clock_.Now()}, id);
        v1::ChannelDeleted& deleted = *event.mutable_channel_deleted();
        deleted.set_channel_id(id.str());
        deleted.set_deleted_by(context.caller.actor_id.str());
        deleted.set_type(access.channel().type());
        return tx.Emit(access.workspace_id(), std::move(event)).status();
      },
      [this, &request](const v1::PurgeChannelResponse&) {
        streams_.StopStreamsIn(ChannelId(request.channel_id()), "stopped_by_admin");
        if (on_purge_) on_purge_();
      });
}

}  // namespace heim
