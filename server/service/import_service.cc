#include "server/service/import_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/import_upload.h"

namespace heim {
namespace {

// An import into the caller's workspace; what is of another one is not there.
absl::StatusOr<ImportRow> AccessImport(ReadTx& tx, const Caller& caller, const std::string& id) {
  const absl::Status allowed = CheckWorkspace(tx, caller, Permission::kImportWorkspace);
  // For who may not, there are none.
  if (ReasonOf(allowed) == v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED) {
    return NotFound(v1::ERROR_REASON_IMPORT_NOT_FOUND);
  }
  HEIM_RETURN_IF_ERROR(allowed);
  HEIM_ASSIGN_OR_RETURN(ImportRow row, tx.imports.Get(id));
  if (row.import.workspace_id() != caller.workspace_id.str()) {
    return NotFound(v1::ERROR_REASON_IMPORT_NOT_FOUND);
  }
  return row;
}

}  // namespace

absl::StatusOr<std::shared_ptr<StreamCall>> ImportService::CreateImport(
    std::shared_ptr<CallContext> context) {
  return std::make_shared<ImportUpload>(deps_, std::move(context));
}

void ImportService::GetImport(CallContext& context, const v1::GetImportRequest& request,
                              Reply<v1::GetImportResponse> reply) {
  v1::GetImportResponse response;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(ImportRow row, AccessImport(tx, context.caller, request.import_id()));
    *response.mutable_import() = std::move(row.import);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ImportService::ListImports(CallContext& context, const v1::ListImportsRequest& request,
                                Reply<v1::ListImportsResponse> reply) {
  const Caller& caller = context.caller;
  const std::string filter = StrCat(caller.workspace_id.str(), "/imports");
  v1::ListImportsResponse response;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kImportWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    std::string before;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(before, DecodeCursor(request.cursor(), filter));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Import> found,
                          tx.imports.List(caller.workspace_id, before, limit + 1));
    if (found.size() > limit) {
      found.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(filter, found.back().id()));
    }
    for (v1::Import& import : found) *response.add_imports() = std::move(import);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ImportService::StartImport(CallContext& context, const v1::StartImportRequest& request,
                                Reply<v1::StartImportResponse> reply) {
  CommitReply<v1::StartImportResponse>(
      deps_.store, context, std::move(reply),
      [&context, &request](WriteTx& tx, v1::StartImportResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(ImportRow row, AccessImport(tx, context.caller, request.import_id()));
        if (row.import.state() != v1::IMPORT_STATE_CHECKED || row.archive_key.empty()) {
          return NotFound(v1::ERROR_REASON_IMPORT_NOT_FOUND);
        }
        tx.note.Before(row.import);
        row.import.set_dry_run(false);
        row.import.set_state(v1::IMPORT_STATE_CHECKING);
        row.import.set_records_done(0);
        row.import.clear_ended_at();
        // Whoever makes it real is who it acts for.
        row.import.set_created_by(context.caller.actor_id.str());
        HEIM_RETURN_IF_ERROR(tx.imports.Update(row));
        *response->mutable_import() = std::move(row.import);
        return absl::OkStatus();
      },
      [this](const v1::StartImportResponse&) { deps_.wake(); });
}

void ImportService::CancelImport(CallContext& context, const v1::CancelImportRequest& request,
                                 Reply<v1::CancelImportResponse> reply) {
  CommitReply<v1::CancelImportResponse>(
      deps_.store, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::CancelImportResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(ImportRow row, AccessImport(tx, context.caller, request.import_id()));
        tx.note.Before(row.import);
        if (row.import.state() <= v1::IMPORT_STATE_RUNNING ||
            row.import.state() == v1::IMPORT_STATE_CHECKED) {
          const absl::Time now = deps_.clock.Now();
          row.import.set_state(v1::IMPORT_STATE_CANCELLED);
          *row.import.mutable_ended_at() = ToTimestamp(now);
          row.archive_until = now;
          HEIM_RETURN_IF_ERROR(tx.imports.Update(row));
        }
        *response->mutable_import() = std::move(row.import);
        return absl::OkStatus();
      },
      [this](const v1::CancelImportResponse&) { deps_.wake(); });
}

}  // namespace heim
