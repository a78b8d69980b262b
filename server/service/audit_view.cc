#include "server/service/audit_view.h"

#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {
namespace {

// A reader that goes through millions of entries forgets and asks again.
constexpr size_t kNamesMax = 10'000;
constexpr size_t kSaltBytes = 32;

constexpr std::array<std::string_view, 21> kColumns = {
    "sequence",     "created_at", "action",       "result",          "actor_id",
    "actor",        "actor_type", "on_behalf_of", "credential_type", "credential_id",
    "subject_kind", "subject_id", "address",      "user_agent",      "client",
    "method",       "request_id", "reason",       "before",          "after",
    "hash",
};

// The fields of a part that was not erased.
absl::Status MergePart(const std::optional<std::string>& part, v1::AuditEntry* entry) {
  if (!part.has_value()) {
    entry->set_redacted(true);
    return absl::OkStatus();
  }
  v1::AuditEntry fields;
  if (part->size() < kSaltBytes ||
      !fields.ParseFromArray(part->data() + kSaltBytes,
                             static_cast<int>(part->size() - kSaltBytes))) {
    // Tampered with: VerifyAudit says so, and the rest can still be read.
    LogError("An entry of the audit log is damaged", {{"sequence", entry->sequence()}});
    return absl::OkStatus();
  }
  entry->MergeFrom(fields);
  return absl::OkStatus();
}

// "AUDIT_RESULT_DENIED" is "denied".
template <class Enum>
std::string NameOf(const google::protobuf::EnumDescriptor& type, Enum value) {
  const auto* found = type.FindValueByNumber(static_cast<int>(value));
  if (found == nullptr || found->number() == 0) return "";
  std::string_view prefix = type.FindValueByNumber(0)->name();
  prefix.remove_suffix(std::string_view("UNSPECIFIED").size());
  return AsciiLower(std::string_view(found->name()).substr(prefix.size()));
}

// A spreadsheet runs what begins like this, quoted or not.
bool LooksLikeFormula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
}

std::string Quoted(std::string_view text) {
  std::string out = LooksLikeFormula(text) ? "\"'" : "\"";
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

template <class Cells>
std::string LineOf(const Cells& cells) {
  return absl::StrCat(
      absl::StrJoin(cells, ",",
                    [](std::string* out, std::string_view cell) { StrAppend(out, Quoted(cell)); }),
      "\r\n");
}

}  // namespace

absl::StatusOr<v1::ActorRef> AuditView::NameOf(ReadTx& tx, const std::string& id) {
  const auto known = names_.find(id);
  if (known != names_.end()) return known->second;
  auto found = tx.actors.GetRef(ActorId(id));
  v1::ActorRef ref;
  ref.set_id(id);
  if (found.ok()) {
    ref = *std::move(found);
  } else if (ReasonOf(found.status()) != v1::ERROR_REASON_ACTOR_NOT_FOUND) {
    return found.status();
  }
  if (names_.size() >= kNamesMax) names_.clear();
  names_[id] = ref;
  return ref;
}

absl::StatusOr<v1::AuditEntry> AuditView::EntryOf(ReadTx& tx, const AuditRow& row) {
  v1::AuditEntry entry;
  entry.set_sequence(row.sequence);
  HEIM_RETURN_IF_ERROR(MergePart(row.origin, &entry));
  HEIM_RETURN_IF_ERROR(MergePart(row.changes, &entry));
  *entry.mutable_created_at() = ToTimestamp(row.at);
  entry.set_action(row.action);
  entry.set_result(row.result);
  if (!row.actor_id.empty()) {
    HEIM_ASSIGN_OR_RETURN(*entry.mutable_actor(), NameOf(tx, row.actor_id.str()));
  }
  for (const std::string& id : row.on_behalf_of) {
    HEIM_ASSIGN_OR_RETURN(*entry.add_on_behalf_of(), NameOf(tx, id));
  }
  entry.set_credential_type(row.credential_type);
  entry.set_credential_id(row.credential_id);
  entry.set_subject_kind(row.subject_kind);
  entry.set_subject_id(row.subject_id);
  entry.set_method(row.method);
  entry.set_request_id(row.request_id);
  entry.set_reason(row.reason);
  entry.set_hash(HexEncode(row.hash));
  return entry;
}

std::string AuditCsvHead() { return LineOf(kColumns); }

std::string AuditCsvLine(const v1::AuditEntry& entry, const std::string& before,
                         const std::string& after) {
  const std::string behalf =
      absl::StrJoin(entry.on_behalf_of(), " ",
                    [](std::string* out, const v1::ActorRef& ref) { StrAppend(out, ref.id()); });
  const std::array<std::string, kColumns.size()> cells = {
      StrCat(entry.sequence()),
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", FromTimestamp(entry.created_at()),
                       absl::UTCTimeZone()),
      entry.action(),
      heim::NameOf(*v1::AuditResult_descriptor(), entry.result()),
      entry.actor().id(),
      entry.actor().username(),
      heim::NameOf(*v1::ActorType_descriptor(), entry.actor().type()),
      behalf,
      heim::NameOf(*v1::CredentialType_descriptor(), entry.credential_type()),
      entry.credential_id(),
      entry.subject_kind(),
      entry.subject_id(),
      entry.address(),
      entry.user_agent(),
      entry.client(),
      entry.method(),
      entry.request_id(),
      heim::NameOf(*v1::ErrorReason_descriptor(), entry.reason()),
      before,
      after,
      entry.hash(),
  };
  return LineOf(cells);
}

}  // namespace heim
