#include "server/service/emoji_service.h"

#include <utility>

#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/people_limits.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/audit.h"
#include "server/service/commit_reply.h"
#include "server/service/picture_upload.h"

namespace heim {
namespace {

constexpr std::string_view kListName = "emoji";

PictureOrder EmojiOrder() {
  PictureOrder order;
  order.max_bytes = kEmojiImageMaxBytes;
  order.max_pixels = kImageMaxPixels;
  order.sides = {kEmojiPixels};
  order.shape = PictureOrder::Shape::kWhole;
  order.quality = WebpQuality::kExact;
  return order;
}

// An emoji of the caller's workspace.
absl::StatusOr<EmojiRow> FindEmoji(ReadTx& tx, const Caller& caller, const std::string& id) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kReadWorkspace));
  if (IsUuid(id)) return tx.custom_emoji.Get(caller.workspace_id, id);
  return tx.custom_emoji.Get(caller.workspace_id, "");
}

v1::Event EmojiEvent(const Caller& caller, absl::Time at) {
  v1::Event event;
  event.set_actor_id(caller.actor_id.str());
  *event.mutable_timestamp() = ToTimestamp(at);
  return event;
}

// Whether one more of this name may be added.
absl::Status CheckRoom(ReadTx& tx, const Caller& caller, std::string_view name) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kAddEmoji));
  HEIM_ASSIGN_OR_RETURN(const bool taken, tx.custom_emoji.Exists(caller.workspace_id, name));
  if (taken) return MakeError(v1::ERROR_REASON_EMOJI_NAME_TAKEN, "Another emoji has this name");
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx.custom_emoji.Count(caller.workspace_id));
  if (count < kCustomEmojiMax) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                   StrCat("The workspace has ", kCustomEmojiMax, " emoji, as many as it may have"));
}

}  // namespace

struct EmojiService::Addition {
  std::shared_ptr<CallContext> context;
  EmojiRow row;
  PictureUpload::Answer answer;

  absl::Status Apply(WriteTx& tx) {
    const Caller& caller = context->caller;
    HEIM_RETURN_IF_ERROR(CheckRoom(tx, caller, row.emoji.name()));
    HEIM_RETURN_IF_ERROR(tx.custom_emoji.Insert(row));
    v1::Event event = EmojiEvent(caller, FromTimestamp(row.emoji.created_at()));
    *event.mutable_emoji_added()->mutable_emoji() = row.emoji;
    HEIM_RETURN_IF_ERROR(tx.Emit(caller.workspace_id, std::move(event)).status());
    v1::UploadEmojiResponse response;
    *response.mutable_emoji() = row.emoji;
    return EnterAudit(tx, *context, response);
  }
};

absl::StatusOr<std::shared_ptr<StreamCall>> EmojiService::UploadEmoji(
    std::shared_ptr<CallContext> context) {
  PictureUpload::Plan plan;
  plan.max_bytes = kEmojiImageMaxBytes;
  plan.read = PictureUpload::ReadPiece<v1::UploadEmojiRequest>;
  plan.finish = [this, context = std::move(context)](const google::protobuf::Message& first,
                                                     std::string_view file,
                                                     PictureUpload::Answer answer) {
    auto addition = std::make_shared<Addition>();
    addition->context = context;
    addition->answer = std::move(answer);
    Finish(std::move(addition), static_cast<const v1::UploadEmojiRequest&>(first).name(), file);
  };
  return std::make_shared<PictureUpload>(tools_.clock, tools_.executor, std::move(plan));
}

void EmojiService::Finish(std::shared_ptr<Addition> addition, std::string_view given_name,
                          std::string_view file) {
  const Caller& caller = addition->context->caller;
  auto name = CustomEmojiName(given_name);
  if (!name.ok()) return addition->answer(name.status());
  // Before the dear work; the commit checks again.
  const absl::Status allowed =
      tools_.store.Read([&](ReadTx& tx) { return CheckRoom(tx, caller, *name); });
  if (!allowed.ok()) return addition->answer(allowed);
  auto pictures = StorePictures(tools_, file, EmojiOrder());
  if (!pictures.ok()) return addition->answer(pictures.status());
  addition->row.picture = std::move(pictures->front());
  v1::CustomEmoji& emoji = addition->row.emoji;
  emoji.set_id(tools_.ids.NewId());
  emoji.set_workspace_id(caller.workspace_id.str());
  emoji.set_name(*std::move(name));
  emoji.set_url(
      StrCat("/api/v1/emoji/", emoji.id(), "/image?v=", VersionOf(addition->row.picture)));
  emoji.set_created_by(caller.actor_id.str());
  *emoji.mutable_created_at() = ToTimestamp(tools_.clock.Now());
  Draft draft;
  draft.apply = [addition](WriteTx& tx) { return addition->Apply(tx); };
  tools_.store.Commit(std::move(draft),
                      [this, addition](const absl::StatusOr<Committed>& committed) {
                        if (!committed.ok()) {
                          DropPictures(tools_, {addition->row.picture.blob_key});
                          return addition->answer(committed.status());
                        }
                        auto response = std::make_unique<v1::UploadEmojiResponse>();
                        *response->mutable_emoji() = addition->row.emoji;
                        addition->answer(PictureUpload::MessagePtr(std::move(response)));
                      });
}

void EmojiService::ListEmoji(CallContext& context, const v1::ListEmojiRequest& request,
                             Reply<v1::ListEmojiResponse> reply) {
  v1::ListEmojiResponse response;
  const absl::Status status = tools_.store.Read([&](ReadTx& tx) -> absl::Status {
    const Caller& caller = context.caller;
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    std::string after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(after, DecodeCursor(request.cursor(), kListName));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::CustomEmoji> found,
                          tx.custom_emoji.List(caller.workspace_id, after, limit + 1));
    if (found.size() > limit) {
      found.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(kListName, found.back().name()));
    }
    for (v1::CustomEmoji& emoji : found) *response.add_emoji() = std::move(emoji);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void EmojiService::GetEmojiImage(CallContext& context, const v1::GetEmojiImageRequest& request,
                                 Reply<std::shared_ptr<FrameSource>> reply) {
  StoredPicture picture;
  const absl::Status status = tools_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(EmojiRow row, FindEmoji(tx, context.caller, request.emoji_id()));
    picture = std::move(row.picture);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(OpenPicture(tools_, picture, DownloadFramesOf<v1::GetEmojiImageResponse>()));
}

void EmojiService::DeleteEmoji(CallContext& context, const v1::DeleteEmojiRequest& request,
                               Reply<v1::DeleteEmojiResponse> reply) {
  auto gone = std::make_shared<std::string>();
  CommitReply<v1::DeleteEmojiResponse>(
      tools_.store, context, std::move(reply),
      [this, &context, &request, gone](WriteTx& tx,
                                       v1::DeleteEmojiResponse* response) -> absl::Status {
        const Caller& caller = context.caller;
        HEIM_ASSIGN_OR_RETURN(EmojiRow row, FindEmoji(tx, caller, request.emoji_id()));
        const bool own = row.emoji.created_by() == caller.actor_id.str();
        HEIM_RETURN_IF_ERROR(
            CheckWorkspace(tx, caller, own ? Permission::kAddEmoji : Permission::kManageEmoji));
        HEIM_RETURN_IF_ERROR(tx.custom_emoji.Delete(caller.workspace_id, row.emoji.id()));
        *gone = row.picture.blob_key;
        // Should the server stop before they are deleted, the bytes go with the next sweep.
        HEIM_RETURN_IF_ERROR(tx.files.AddDeadBlob(*gone));
        v1::Event event = EmojiEvent(caller, tools_.clock.Now());
        event.mutable_emoji_removed()->set_emoji_id(row.emoji.id());
        event.mutable_emoji_removed()->set_name(row.emoji.name());
        event.mutable_emoji_removed()->set_removed_by(caller.actor_id.str());
        *response->mutable_emoji() = std::move(row.emoji);
        return tx.Emit(caller.workspace_id, std::move(event)).status();
      },
      [this, gone](const v1::DeleteEmojiResponse&) { DropPictures(tools_, {*gone}); });
}

}  // namespace heim
