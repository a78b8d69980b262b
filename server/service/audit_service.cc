#include "server/service/audit_service.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "server/base/crypto.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/audit_limits.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/audit.h"
#include "server/service/audit_export.h"
#include "server/service/audit_view.h"

namespace heim {
namespace {

constexpr uint64_t kPastAll = std::numeric_limits<int64_t>::max();
constexpr uint32_t kVerifyPage = 1000;

// ListAuditEntriesRequest and ExportAuditRequest filter alike.
template <class Request>
AuditQuery QueryOf(const Caller& caller, const Request& request) {
  AuditQuery query;
  if (!request.actor_id().empty()) query.actor_id = ResolveMe(caller, request.actor_id()).str();
  query.action = request.action();
  query.subject_kind = request.subject_kind();
  query.subject_id = request.subject_id();
  query.result = request.result();
  query.credential_id = request.credential_id();
  if (request.has_since()) query.since = FromTimestamp(request.since());
  if (request.has_until()) query.until = FromTimestamp(request.until());
  return query;
}

// Binds a cursor to the list that it belongs to.
std::string FilterOf(const Caller& caller, v1::ListAuditEntriesRequest request) {
  request.clear_cursor();
  request.clear_limit();
  return StrCat(caller.workspace_id.str(), "/audit/", request.SerializeAsString());
}

absl::StatusOr<uint64_t> BeforeOf(const v1::ListAuditEntriesRequest& request,
                                  const std::string& filter) {
  if (request.cursor().empty()) return kPastAll;
  HEIM_ASSIGN_OR_RETURN(const std::string key, DecodeCursor(request.cursor(), filter));
  uint64_t before = 0;
  if (!absl::SimpleAtoi(key, &before)) {
    return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
  }
  return before;
}

struct Verification {
  std::string previous;  // hash of the last entry that was looked at
  v1::VerifyAuditResponse found;
};

// Looks at the entries of a page; false at the first that is broken.
bool VerifyRows(const WorkspaceId& workspace, const std::vector<AuditRow>& rows, Verification* at) {
  for (const AuditRow& row : rows) {
    const uint64_t expected = at->found.last_sequence() + 1;
    if (row.sequence != expected || !AuditPartsHold(row) ||
        row.hash != AuditHash(at->previous, workspace, row)) {
      at->found.set_first_broken_sequence(expected);
      return false;
    }
    at->found.set_last_sequence(row.sequence);
    at->found.set_verified_count(at->found.verified_count() + 1);
    at->previous = row.hash;
  }
  return true;
}

// A page of the stretch; false once there is no more to look at.
absl::StatusOr<bool> VerifyPage(ReadTx& tx, const WorkspaceId& workspace, uint64_t limit,
                                Verification* at) {
  HEIM_ASSIGN_OR_RETURN(const AuditHead head, tx.audit.Head(workspace));
  at->found.set_head_sequence(head.sequence);
  const auto wanted =
      static_cast<uint32_t>(std::min<uint64_t>(kVerifyPage, limit - at->found.verified_count()));
  HEIM_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows,
                        tx.audit.List(workspace, {}, AuditEntries::Order::kOldestFirst,
                                      at->found.last_sequence(), kPastAll, wanted));
  if (!VerifyRows(workspace, rows, at)) return false;
  const bool at_end = rows.size() < wanted || at->found.last_sequence() >= head.sequence;
  if (at_end) {
    // The last ones were cut off, or the head was set back.
    if (at->found.last_sequence() != head.sequence || at->previous != head.hash) {
      at->found.set_first_broken_sequence(std::min(at->found.last_sequence(), head.sequence) + 1);
      return false;
    }
    at->found.set_complete(true);
    return false;
  }
  return at->found.verified_count() < limit;
}

// The hash that the stretch begins after.
absl::Status BeginAfter(ReadTx& tx, const WorkspaceId& workspace, uint64_t sequence,
                        Verification* at) {
  at->found.set_last_sequence(sequence);
  if (sequence == 0) return absl::OkStatus();
  if (sequence >= kPastAll) return InvalidField("after_sequence", "the number of an entry");
  HEIM_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows,
                        tx.audit.List(workspace, {}, AuditEntries::Order::kOldestFirst,
                                      sequence - 1, sequence + 1, 1));
  if (rows.empty()) return InvalidField("after_sequence", "the number of an entry");
  at->previous = rows.front().hash;
  return absl::OkStatus();
}

}  // namespace

void AuditService::ListAuditEntries(CallContext& context,
                                    const v1::ListAuditEntriesRequest& request,
                                    Reply<v1::ListAuditEntriesResponse> reply) {
  const Caller& caller = context.caller;
  v1::ListAuditEntriesResponse response;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kReadAudit));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    const std::string filter = FilterOf(caller, request);
    HEIM_ASSIGN_OR_RETURN(const uint64_t before, BeforeOf(request, filter));
    HEIM_ASSIGN_OR_RETURN(std::vector<AuditRow> rows,
                          tx.audit.List(caller.workspace_id, QueryOf(caller, request),
                                        AuditEntries::Order::kNewestFirst, 0, before, limit + 1));
    if (rows.size() > limit) {
      rows.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(filter, StrCat(rows.back().sequence)));
    }
    AuditView view;
    for (const AuditRow& row : rows) {
      HEIM_ASSIGN_OR_RETURN(*response.add_entries(), view.EntryOf(tx, row));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void AuditService::ExportAudit(CallContext& context, const v1::ExportAuditRequest& request,
                               Reply<std::shared_ptr<FrameSource>> reply) {
  auto order = std::make_shared<AuditExportOrder>();
  order->caller = context.caller;
  order->query = QueryOf(context.caller, request);
  order->format =
      request.format() == v1::AUDIT_FORMAT_CSV ? request.format() : v1::AUDIT_FORMAT_JSON;
  Draft draft;
  draft.apply = [&context, &request, order](WriteTx& tx) -> absl::Status {
    const WorkspaceId& workspace = order->caller.workspace_id;
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, order->caller, Permission::kReadAudit));
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace row, tx.workspaces.Get(workspace));
    const bool csv = order->format == v1::AUDIT_FORMAT_CSV;
    order->header.set_filename(StrCat("audit-", row.slug(), csv ? ".csv" : ".jsonl"));
    order->header.set_mime_type(csv ? "text/csv" : "application/jsonl");
    tx.note.Subject("workspace", workspace.str());
    tx.note.After(request);
    HEIM_RETURN_IF_ERROR(EnterAudit(tx, context, request));
    HEIM_ASSIGN_OR_RETURN(const AuditHead head, tx.audit.Head(workspace));
    order->header.set_last_sequence(head.sequence);
    return absl::OkStatus();
  };
  deps_.store.Commit(std::move(draft), [this, order, reply = std::move(reply)](
                                           const absl::StatusOr<Committed>& committed) mutable {
    if (!committed.ok()) return reply(committed.status());
    // Committers read nothing. Shared, as whoever cannot take it must still answer.
    auto shared = std::make_shared<Reply<std::shared_ptr<FrameSource>>>(std::move(reply));
    const bool posted = deps_.executor.TryPost([this, order, shared] {
      (*shared)(std::shared_ptr<FrameSource>(AuditExport::Open(deps_, std::move(*order))));
    });
    if (posted) return;
    (*shared)(MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
  });
}

void AuditService::VerifyAudit(CallContext& context, const v1::VerifyAuditRequest& request,
                               Reply<v1::VerifyAuditResponse> reply) {
  const Caller& caller = context.caller;
  const uint32_t limit = request.limit() == 0 ? kAuditVerifyMax : request.limit();
  if (limit > kAuditVerifyMax) {
    return reply(InvalidField("limit", StrCat("at most ", kAuditVerifyMax)));
  }
  Verification at;
  absl::StatusOr<bool> more = true;
  for (bool first = true; more.ok() && *more; first = false) {
    const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
      HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kReadAudit));
      if (first) {
        HEIM_RETURN_IF_ERROR(BeginAfter(tx, caller.workspace_id, request.after_sequence(), &at));
      }
      HEIM_ASSIGN_OR_RETURN(more, VerifyPage(tx, caller.workspace_id, limit, &at));
      return absl::OkStatus();
    });
    if (!status.ok()) return reply(status);
  }
  at.found.set_last_hash(HexEncode(at.previous));
  reply(std::move(at.found));
}

}  // namespace heim
