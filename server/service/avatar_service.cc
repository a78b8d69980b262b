#include "server/service/avatar_service.h"

#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/people_limits.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/audit.h"
#include "server/service/commit_reply.h"
#include "server/service/picture_upload.h"
#include "server/service/profile_change.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

PictureOrder AvatarOrder() {
  PictureOrder order;
  order.max_bytes = kImageMaxBytes;
  order.max_pixels = kImageMaxPixels;
  order.sides = {kAvatarPixels, kSmallAvatarPixels};
  return order;
}

// The actor, whose picture the caller may choose. People choose their own.
absl::StatusOr<v1::Actor> AccessForPicture(ReadTx& tx, const Caller& caller, const ActorId& id) {
  HEIM_ASSIGN_OR_RETURN(v1::Actor actor, AccessActor(tx, caller, id));
  HEIM_RETURN_IF_ERROR(CheckMayManage(tx, caller, actor));
  if (actor.has_deleted_at()) return ActorNotFound();
  if (actor.type() == v1::ACTOR_TYPE_HUMAN && id != caller.actor_id) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "People choose their own picture");
  }
  return actor;
}

std::string AddressOf(const ActorId& actor, const StoredPicture& picture) {
  return StrCat("/api/v1/actors/", actor.str(), "/avatar?v=", VersionOf(picture));
}

absl::StatusOr<std::vector<std::string>> KeysOf(ReadTx& tx, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const std::optional<AvatarRow> row, tx.avatars.Get(actor));
  if (!row.has_value()) return std::vector<std::string>();
  return std::vector<std::string>{row->large.blob_key, row->small.blob_key};
}

// The bytes go behind the commit; should the server stop in between, they go with the next sweep.
absl::Status GiveUp(WriteTx& tx, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) HEIM_RETURN_IF_ERROR(tx.files.AddDeadBlob(key));
  return absl::OkStatus();
}

}  // namespace

struct AvatarService::Change {
  std::shared_ptr<CallContext> context;
  AvatarRow row;
  PictureUpload::Answer answer;
  // Of the last run of the draft.
  v1::Actor actor;
  std::vector<std::string> replaced;

  absl::Status Apply(WriteTx& tx, absl::Time now) {
    const Caller& caller = context->caller;
    HEIM_ASSIGN_OR_RETURN(actor, AccessForPicture(tx, caller, row.actor_id));
    tx.note.Before(actor);
    HEIM_ASSIGN_OR_RETURN(replaced, KeysOf(tx, row.actor_id));
    HEIM_RETURN_IF_ERROR(GiveUp(tx, replaced));
    HEIM_RETURN_IF_ERROR(tx.avatars.Set(row));
    const std::string address = AddressOf(row.actor_id, row.large);
    if (actor.avatar_url() == address) return absl::OkStatus();
    actor.set_avatar_url(address);
    HEIM_RETURN_IF_ERROR(SaveActor(tx, {caller.actor_id, now}, &actor));
    v1::UploadAvatarResponse response;
    *response.mutable_actor() = actor;
    return EnterAudit(tx, *context, response);
  }
};

absl::StatusOr<std::shared_ptr<StreamCall>> AvatarService::UploadAvatar(
    std::shared_ptr<CallContext> context) {
  PictureUpload::Plan plan;
  plan.max_bytes = kImageMaxBytes;
  plan.read = PictureUpload::ReadPiece<v1::UploadAvatarRequest>;
  plan.finish = [this, context = std::move(context)](const google::protobuf::Message& first,
                                                     std::string_view file,
                                                     PictureUpload::Answer answer) {
    auto change = std::make_shared<Change>();
    change->context = context;
    change->row.actor_id =
        ResolveMe(context->caller, static_cast<const v1::UploadAvatarRequest&>(first).actor_id());
    change->answer = std::move(answer);
    Finish(std::move(change), file);
  };
  return std::make_shared<PictureUpload>(tools_.clock, tools_.executor, std::move(plan));
}

void AvatarService::Finish(std::shared_ptr<Change> change, std::string_view file) {
  // Before the dear work; the commit checks again.
  const absl::Status allowed = tools_.store.Read([&](ReadTx& tx) {
    return AccessForPicture(tx, change->context->caller, change->row.actor_id).status();
  });
  if (!allowed.ok()) return change->answer(allowed);
  auto pictures = StorePictures(tools_, file, AvatarOrder());
  if (!pictures.ok()) return change->answer(pictures.status());
  change->row.large = std::move((*pictures)[0]);
  change->row.small = std::move((*pictures)[1]);
  Draft draft;
  draft.apply = [change, now = tools_.clock.Now()](WriteTx& tx) { return change->Apply(tx, now); };
  tools_.store.Commit(std::move(draft), [this, change](const absl::StatusOr<Committed>& committed) {
    if (!committed.ok()) {
      DropPictures(tools_, {change->row.large.blob_key, change->row.small.blob_key});
      return change->answer(committed.status());
    }
    DropPictures(tools_, std::move(change->replaced));
    authenticator_.DropActor(change->row.actor_id);
    auto response = std::make_unique<v1::UploadAvatarResponse>();
    *response->mutable_actor() = std::move(change->actor);
    change->answer(PictureUpload::MessagePtr(std::move(response)));
  });
}

void AvatarService::GetAvatar(CallContext& context, const v1::GetAvatarRequest& request,
                              Reply<std::shared_ptr<FrameSource>> reply) {
  std::optional<AvatarRow> row;
  const absl::Status status = tools_.store.Read([&](ReadTx& tx) -> absl::Status {
    const ActorId id = ResolveMe(context.caller, request.actor_id());
    if (id != context.caller.actor_id) {
      HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadPresence));
    }
    HEIM_RETURN_IF_ERROR(AccessActor(tx, context.caller, id).status());
    HEIM_ASSIGN_OR_RETURN(row, tx.avatars.Get(id));
    return row.has_value() ? absl::OkStatus() : FileNotFound();
  });
  if (!status.ok()) return reply(status);
  const bool small = request.size() > 0 && request.size() <= kSmallAvatarPixels;
  reply(OpenPicture(tools_, small ? row->small : row->large,
                    DownloadFramesOf<v1::GetAvatarResponse>()));
}

void AvatarService::DeleteAvatar(CallContext& context, const v1::DeleteAvatarRequest& request,
                                 Reply<v1::DeleteAvatarResponse> reply) {
  auto gone = std::make_shared<std::vector<std::string>>();
  CommitReply<v1::DeleteAvatarResponse>(
      tools_.store, context, std::move(reply),
      [this, &context, &request, gone](WriteTx& tx,
                                       v1::DeleteAvatarResponse* response) -> absl::Status {
        const ActorId id = ResolveMe(context.caller, request.actor_id());
        v1::Actor& actor = *response->mutable_actor();
        HEIM_ASSIGN_OR_RETURN(actor, AccessActor(tx, context.caller, id));
        HEIM_RETURN_IF_ERROR(CheckMayManage(tx, context.caller, actor));
        tx.note.Before(actor);
        HEIM_ASSIGN_OR_RETURN(*gone, KeysOf(tx, id));
        if (!actor.has_avatar_url()) return absl::OkStatus();
        HEIM_RETURN_IF_ERROR(GiveUp(tx, *gone));
        HEIM_RETURN_IF_ERROR(tx.avatars.Delete(id));
        actor.clear_avatar_url();
        return SaveActor(tx, {context.caller.actor_id, tools_.clock.Now()}, &actor);
      },
      [this, gone](const v1::DeleteAvatarResponse& response) {
        DropPictures(tools_, std::move(*gone));
        authenticator_.DropActor(ActorId(response.actor().id()));
      });
}

}  // namespace heim
