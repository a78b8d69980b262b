#include "server/service/audit.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "server/base/crypto.h"
#include "server/base/ids.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/audit_facts.h"
#include "server/model/audit_limits.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Actions on an account, which belongs to no workspace: entered in each that the account is in.
constexpr std::array<std::string_view, 5> kOnAccounts = {"account", "login", "password", "session",
                                                         "token"};
// Verbs after which nothing is left.
constexpr std::array<std::string_view, 5> kEnding = {"delete", "leave", "purge", "remove",
                                                     "avatar_delete"};

std::string_view KindOf(std::string_view action) { return action.substr(0, action.find('.')); }

bool Ends(std::string_view action) {
  return std::any_of(kEnding.begin(), kEnding.end(),
                     [action](std::string_view verb) { return EndsWith(action, verb); });
}

bool OnAccount(std::string_view action) {
  return std::find(kOnAccounts.begin(), kOnAccounts.end(), KindOf(action)) != kOnAccounts.end();
}

const FieldDescriptor* Singular(const Message& message, const std::string& name,
                                FieldDescriptor::CppType type) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  return field != nullptr && !field->is_repeated() && field->cpp_type() == type ? field : nullptr;
}

std::string TextField(const Message* message, const std::string& name) {
  if (message == nullptr) return "";
  const FieldDescriptor* field = Singular(*message, name, FieldDescriptor::CPPTYPE_STRING);
  return field == nullptr ? "" : message->GetReflection()->GetString(*message, field);
}

// The thing that an answer holds: the field called as the kind, else its first message. Null: none.
const Message* ThingIn(const Message& response, const std::string& kind) {
  const google::protobuf::Reflection& reflection = *response.GetReflection();
  const FieldDescriptor* named = Singular(response, kind, FieldDescriptor::CPPTYPE_MESSAGE);
  if (named != nullptr && reflection.HasField(response, named)) {
    return &reflection.GetMessage(response, named);
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(response, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (field->message_type()->file()->package() != "heim.v1") continue;
    return &reflection.GetMessage(response, field);
  }
  return nullptr;
}

// Ids are told as they are only when they are ids: whoever is refused may have sent anything.
std::string IdIn(const Message* request, const std::string& kind, const Caller& caller) {
  const std::string id = TextField(request, kind + "_id");
  if (id == "me") return caller.actor_id.str();
  return IsUuid(id) ? id : "";
}

struct Subject {
  std::string kind;
  std::string id;
};

Subject SubjectOf(const CallContext& context, const std::string& action, const Message* thing) {
  Subject subject{std::string(KindOf(action)), ""};
  const bool is_thing =
      thing != nullptr && EqualsIgnoreCase(thing->GetDescriptor()->name(), subject.kind);
  if (is_thing) subject.id = TextField(thing, "id");
  if (subject.id.empty()) subject.id = IdIn(context.request, subject.kind, context.caller);
  if (subject.id.empty()) subject.id = TextField(thing, "id");
  if (subject.id.empty() && subject.kind == "workspace") {
    subject.id = context.caller.workspace_id.str();
  }
  return subject;
}

// A salt for one part of one entry: of what is left of the others it cannot be found again.
std::string SaltOf(const CallContext& context, std::string_view part) {
  return Sha256(StrCat(context.audit_salt, "/", part));
}

AuditRow RowOf(const CallContext& context, std::string_view action, const ActorId& by) {
  AuditRow row;
  row.action = std::string(action);
  row.actor_id = by;
  row.credential_type = context.caller.credential_type;
  row.credential_id = context.caller.credential_id;
  row.method = context.method;
  row.request_id = context.request_id;
  v1::AuditEntry origin;
  origin.set_address(AuditText(context.address));
  origin.set_user_agent(AuditText(context.user_agent));
  origin.set_client(AuditText(context.client));
  row.origin = SaltedAuditPart(SaltOf(context, "origin"), origin);
  row.changes = SaltedAuditPart(SaltOf(context, "changes"), v1::AuditEntry());
  return row;
}

void SetChange(const CallContext& context, AuditChange change, AuditRow* row) {
  v1::AuditEntry changes;
  if (change.before.has_value()) *changes.mutable_before() = *std::move(change.before);
  if (change.after.has_value()) *changes.mutable_after() = *std::move(change.after);
  row->changes = SaltedAuditPart(SaltOf(context, "changes"), changes);
}

// The owner of an agent, and its owner where that is an agent too.
absl::StatusOr<std::vector<std::string>> OnBehalfOf(ReadTx& tx, const ActorId& actor) {
  std::vector<std::string> chain;
  ActorId id = actor;
  for (int i = 0; i < kAuditChainMax; ++i) {
    const auto found = tx.actors.Get(id);
    if (absl::IsNotFound(found.status())) break;
    HEIM_RETURN_IF_ERROR(found.status());
    if (found->type() != v1::ACTOR_TYPE_AGENT || found->agent().owner_id().empty()) break;
    chain.push_back(found->agent().owner_id());
    id = ActorId(chain.back());
  }
  return chain;
}

absl::StatusOr<std::vector<WorkspaceId>> AllOf(ReadTx& tx, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(std::vector<WorkspaceId> all, tx.actors.WorkspacesOf(actor));
  if (all.size() > kAuditWorkspacesMax) all.resize(kAuditWorkspacesMax);
  return all;
}

absl::StatusOr<std::vector<WorkspaceId>> WorkspacesOf(ReadTx& tx, const CallContext& context,
                                                      const AuditRow& row) {
  if (!context.caller.workspace_id.empty() && !OnAccount(row.action)) {
    return std::vector<WorkspaceId>{context.caller.workspace_id};
  }
  return AllOf(tx, row.actor_id);
}

absl::Status Append(WriteTx& tx, std::vector<WorkspaceId> workspaces, AuditRow row) {
  row.at = tx.now();
  // People act for themselves, and with keys of other kinds.
  if (row.credential_type == v1::CREDENTIAL_TYPE_API_KEY) {
    HEIM_ASSIGN_OR_RETURN(row.on_behalf_of, OnBehalfOf(tx, row.actor_id));
  }
  // Always in the same order, as each locks the head of its log.
  std::sort(workspaces.begin(), workspaces.end());
  for (const WorkspaceId& workspace : workspaces) {
    HEIM_RETURN_IF_ERROR(tx.audit.Append(workspace, row).status());
  }
  return absl::OkStatus();
}

// Enters what changed nothing, where `find` says. Nobody waits for it.
void EnterAlone(Store& store, AuditRow row,
                std::function<absl::StatusOr<std::vector<WorkspaceId>>(ReadTx&)> find) {
  Draft draft;
  draft.apply = [row = std::move(row), find = std::move(find)](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(std::vector<WorkspaceId> workspaces, find(tx));
    return Append(tx, std::move(workspaces), row);
  };
  store.Commit(std::move(draft), [](const absl::StatusOr<Committed>& committed) {
    if (committed.ok()) return;
    LogError("What was refused is not in the audit log", {{"error", committed.status()}});
  });
}

// The workspace that a refused call was about: the one it names, if the caller is in it.
absl::StatusOr<std::vector<WorkspaceId>> RefusedIn(ReadTx& tx, const ActorId& actor,
                                                   const WorkspaceId& own,
                                                   const std::string& named) {
  std::vector<WorkspaceId> in = {own};
  if (named.empty()) return in;
  const auto workspace = tx.workspaces.GetByIdOrSlug(named);
  if (absl::IsNotFound(workspace.status())) return in;
  HEIM_RETURN_IF_ERROR(workspace.status());
  const WorkspaceId id(workspace->id());
  const absl::Status member = tx.workspaces.GetMember(id, actor).status();
  if (member.ok()) in = {id};
  if (!member.ok() && !absl::IsNotFound(member)) return member;
  return in;
}

}  // namespace

absl::Status EnterAudit(WriteTx& tx, const CallContext& context, const Message& response) {
  const AuditNote& note = tx.note;
  if (context.audit_action.empty() || note.nothing) return absl::OkStatus();
  const std::string& action = context.audit_action;
  const Message* thing = note.bare ? nullptr : ThingIn(response, std::string(KindOf(action)));
  const Message* before = note.before.get();
  const Message* after = note.after != nullptr ? note.after.get() : thing;
  if (Ends(action) && note.after == nullptr) {
    if (before == nullptr) before = thing;
    after = nullptr;
  }
  AuditChange change = ChangeForAudit(before, after);
  if (change.nothing()) return absl::OkStatus();

  AuditRow row = RowOf(context, action, note.by.empty() ? context.caller.actor_id : note.by);
  SetChange(context, std::move(change), &row);
  const Subject subject = SubjectOf(context, action, thing != nullptr ? thing : before);
  row.subject_kind = note.subject_kind.empty() ? subject.kind : note.subject_kind;
  row.subject_id = note.subject_kind.empty() ? subject.id : note.subject_id;
  if (!note.workspaces.empty()) return Append(tx, note.workspaces, std::move(row));
  HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> workspaces, WorkspacesOf(tx, context, row));
  return Append(tx, workspaces, std::move(row));
}

void EnterRefusal(Store& store, const CallContext& context, const absl::Status& status) {
  const Caller& caller = context.caller;
  if (context.audit_action.empty() || !caller.authenticated() || caller.workspace_id.empty()) {
    return;
  }
  AuditRow row = RowOf(context, context.audit_action, caller.actor_id);
  row.result = v1::AUDIT_RESULT_DENIED;
  row.reason = ReasonOf(status);
  const Subject subject = SubjectOf(context, row.action, nullptr);
  row.subject_kind = subject.kind;
  row.subject_id = subject.id;
  EnterAlone(store, std::move(row),
             [actor = caller.actor_id, own = caller.workspace_id,
              named = TextField(context.request, "workspace_id")](ReadTx& tx) {
               return RefusedIn(tx, actor, own, named);
             });
}

void EnterFailure(Store& store, const CallContext& context, std::string_view action,
                  const ActorId& account, const absl::Status& status) {
  AuditRow row = RowOf(context, action, account);
  row.result = v1::AUDIT_RESULT_FAILED;
  row.reason = ReasonOf(status);
  row.subject_kind = "actor";
  row.subject_id = account.str();
  EnterAlone(store, std::move(row), [account](ReadTx& tx) { return AllOf(tx, account); });
}

}  // namespace heim
