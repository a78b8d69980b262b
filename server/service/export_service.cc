#include "server/service/export_service.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/archive_download.h"
#include "server/service/audit.h"

namespace heim {
namespace {

template <class Response>
ArchiveFrames FramesOf() {
  return {[](v1::ArchiveHeader header) -> FramePtr {
            auto response = std::make_unique<Response>();
            *response->mutable_header() = std::move(header);
            return MakeMessageFrame(std::move(response));
          },
          [](std::string bytes) -> FramePtr {
            auto response = std::make_unique<Response>();
            response->set_chunk(std::move(bytes));
            return MakeMessageFrame(std::move(response));
          }};
}

}  // namespace

struct ExportService::Opening {
  ExportOrder order;
  v1::ArchiveHeader header;
  ArchiveFrames frames;
  std::unique_ptr<ExportWalk> (*walk)(const ExportTools&, ExportOrder);
};

void ExportService::ExportWorkspace(CallContext& context,
                                    const v1::ExportWorkspaceRequest& request,
                                    Reply<std::shared_ptr<FrameSource>> reply) {
  auto opening = std::make_shared<Opening>();
  opening->frames = FramesOf<v1::ExportWorkspaceResponse>();
  opening->walk = WalkWorkspace;
  Draft draft;
  draft.apply = [this, opening, &context, &request](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const Caller caller,
                          EnterWorkspace(tx, context.caller, request.workspace_id()));
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kExportWorkspace));
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.Get(caller.workspace_id));
    opening->order = {caller, deps_.clock.Now(), deps_.server_version};
    opening->header.set_filename(StrCat("heim-", workspace.slug(), ".tar"));
    tx.note.Subject("workspace", workspace.id());
    tx.note.workspaces = {caller.workspace_id};
    return EnterAudit(tx, context, request);
  };
  Begin(std::move(opening), std::move(draft), std::move(reply));
}

void ExportService::ExportActor(CallContext& context, const v1::ExportActorRequest& request,
                                Reply<std::shared_ptr<FrameSource>> reply) {
  auto opening = std::make_shared<Opening>();
  opening->frames = FramesOf<v1::ExportActorResponse>();
  opening->walk = WalkActor;
  Draft draft;
  draft.apply = [this, opening, &context, &request](WriteTx& tx) -> absl::Status {
    const Caller& caller = context.caller;
    const ActorId id = ResolveMe(caller, request.actor_id());
    HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, AccessActor(tx, caller, id));
    if (id != caller.actor_id) {
      return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Everybody exports its own data only");
    }
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kExportOwnData));
    opening->order = {caller, deps_.clock.Now(), deps_.server_version};
    opening->header.set_filename(StrCat("heim-", actor.username(), ".tar"));
    tx.note.Subject("actor", id.str());
    return EnterAudit(tx, context, request);
  };
  Begin(std::move(opening), std::move(draft), std::move(reply));
}

void ExportService::Begin(std::shared_ptr<Opening> opening, Draft draft,
                          Reply<std::shared_ptr<FrameSource>> reply) {
  auto tools = deps_.tools;
  opening->header.set_mime_type("application/x-tar");
  deps_.tools.store.Commit(
      std::move(draft), [this, opening = std::move(opening), tools, reply = std::move(reply)](
                            const absl::StatusOr<Committed>& committed) mutable {
        if (!committed.ok()) return reply(committed.status());
        // Committers read nothing. Shared, as whoever cannot take it must still answer.
        auto shared = std::make_shared<Reply<std::shared_ptr<FrameSource>>>(std::move(reply));
        const bool posted = deps_.executor.TryPost([this, opening, tools, shared] {
          (*shared)(std::shared_ptr<FrameSource>(ArchiveDownload::Open(
              std::move(opening->header), opening->walk(tools, std::move(opening->order)),
              deps_.clock, deps_.executor, opening->frames)));
        });
        if (posted) return;
        (*shared)(MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
      });
}

}  // namespace heim
