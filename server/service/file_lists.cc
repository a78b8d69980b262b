// The part of FileService that lists files and counts them.
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/file_service.h"

namespace heim {
namespace {

std::string FilterOf(const v1::ListFilesRequest& request, const FilePage& page) {
  return StrCat("files/", request.channel_id(), "/", page.actor, "/", page.kind);
}

absl::StatusOr<FilePage> PageOf(ReadTx& tx, const Caller& caller,
                                const v1::ListFilesRequest& request) {
  FilePage page;
  HEIM_ASSIGN_OR_RETURN(page.limit, PageLimit(request.limit()));
  page.kind = request.kind();
  const bool of_channel = request.has_channel_id();
  if (request.has_actor_id()) {
    const ActorId actor = ResolveMe(caller, request.actor_id());
    HEIM_RETURN_IF_ERROR(AccessActor(tx, caller, actor).status());
    if (!of_channel && actor != caller.actor_id) {
      return InvalidArgument("actor_id", "uploads of others are listed of a channel only");
    }
    page.actor = actor.str();
  } else if (!of_channel) {
    page.actor = caller.actor_id.str();
  }
  if (!request.cursor().empty()) {
    HEIM_ASSIGN_OR_RETURN(page.before_id, DecodeCursor(request.cursor(), FilterOf(request, page)));
  }
  return page;
}

absl::StatusOr<std::vector<v1::File>> ReadPage(ReadTx& tx, const Caller& caller,
                                               const v1::ListFilesRequest& request,
                                               const FilePage& page) {
  if (!request.has_channel_id()) return tx.files.ListUploads(caller.workspace_id, page);
  HEIM_ASSIGN_OR_RETURN(
      const ChannelAccess access,
      AccessChannel(tx, caller, ChannelId(request.channel_id()), Permission::kReadChannel));
  return tx.files.ListInChannel(access.id(), access.history_from_seq(), page);
}

}  // namespace

void FileService::ListFiles(CallContext& context, const v1::ListFilesRequest& request,
                            Reply<v1::ListFilesResponse> reply) {
  v1::ListFilesResponse response;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    const Caller& caller = context.caller;
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kDownloadFile));
    HEIM_ASSIGN_OR_RETURN(FilePage page, PageOf(tx, caller, request));
    const uint32_t limit = page.limit++;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::File> files, ReadPage(tx, caller, request, page));
    if (files.size() > limit) {
      files.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(FilterOf(request, page), files.back().id()));
    }
    for (v1::File& file : files) *response.add_files() = std::move(file);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void FileService::GetFileUsage(CallContext& context, const v1::GetFileUsageRequest&,
                               Reply<v1::GetFileUsageResponse> reply) {
  v1::GetFileUsageResponse response;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    const Caller& caller = context.caller;
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kDownloadFile));
    HEIM_ASSIGN_OR_RETURN(const FileQuota quota,
                          FileQuota::Of(tx, options_.quotas, caller.workspace_id, caller.actor_id));
    *response.mutable_actor() = quota.actor();
    *response.mutable_workspace() = quota.workspace();
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
