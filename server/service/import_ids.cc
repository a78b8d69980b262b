#include "server/service/import_ids.h"

#include "server/base/status_macros.h"
#include "server/model/transfer_limits.h"

namespace heim {
namespace {

bool IsNamedOften(ImportedKind kind) {
  return kind == ImportedKind::kActor || kind == ImportedKind::kChannel;
}

}  // namespace

void ImportIds::Keep() {
  for (auto& [key, imported] : fresh_) {
    if (!IsNamedOften(key.first) || !imported.done) continue;
    if (kept_.size() >= kImportIdsAtHand) kept_.clear();
    kept_[key] = std::move(imported.new_id);
  }
  fresh_.clear();
}

absl::StatusOr<std::string> ImportIds::Find(ReadTx& tx, ImportedKind kind, std::string_view id) {
  if (id.empty()) return std::string();
  const Key key(kind, std::string(id));
  if (const auto found = fresh_.find(key); found != fresh_.end() && found->second.done) {
    return found->second.new_id;
  }
  if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
  HEIM_ASSIGN_OR_RETURN(const std::optional<ImportedId> row, tx.imports.Find(Of(kind, id)));
  if (!row.has_value() || !row->done) return std::string();
  if (IsNamedOften(kind)) fresh_[key] = *row;
  return row->new_id;
}

absl::Status ImportIds::Put(WriteTx& tx, ImportedKind kind, std::string_view id,
                            std::string new_id) {
  const ImportedId imported = {std::move(new_id), true};
  HEIM_RETURN_IF_ERROR(tx.imports.Put(Of(kind, id), imported));
  fresh_[Key(kind, std::string(id))] = imported;
  return absl::OkStatus();
}

absl::StatusOr<std::string> ImportIds::Reserved(ReadTx& tx, std::string_view message) {
  HEIM_ASSIGN_OR_RETURN(const std::optional<ImportedId> row,
                        tx.imports.Find(Of(ImportedKind::kMessage, message)));
  return row.has_value() ? row->new_id : std::string();
}

absl::StatusOr<std::string> ImportIds::Reserve(WriteTx& tx, std::string_view message,
                                               std::string fresh) {
  HEIM_ASSIGN_OR_RETURN(std::string known, Reserved(tx, message));
  if (!known.empty()) return known;
  HEIM_RETURN_IF_ERROR(tx.imports.Put(Of(ImportedKind::kMessage, message), {fresh, false}));
  return fresh;
}

}  // namespace heim
