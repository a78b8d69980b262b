// ImportIds knows what the ids of an import's source have become here: what was committed is at
// hand or looked up, what this run of a batch made comes first. Owned by one import; one thread at
// a time (a batch runs on the writer while its import waits). Looking up blocks on the database.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

class ImportIds {
 public:
  ImportIds(WorkspaceId workspace, std::string source)
      : workspace_(std::move(workspace)), source_(std::move(source)) {}

  const WorkspaceId& workspace() const { return workspace_; }

  // A batch begins, perhaps again: what an earlier run of it made is forgotten.
  void Begin() { fresh_.clear(); }
  // The batch is committed.
  void Keep();

  // Empty: not there, or not yet.
  absl::StatusOr<std::string> Find(ReadTx& tx, ImportedKind kind, std::string_view id);
  absl::Status Put(WriteTx& tx, ImportedKind kind, std::string_view id, std::string new_id);
  // The id that a message has or will have; `fresh` when nobody has named it before.
  absl::StatusOr<std::string> Reserve(WriteTx& tx, std::string_view message, std::string fresh);
  // What was reserved for a message that is written now; empty: nothing.
  absl::StatusOr<std::string> Reserved(ReadTx& tx, std::string_view message);

 private:
  using Key = std::pair<ImportedKind, std::string>;

  SourceId Of(ImportedKind kind, std::string_view id) const {
    return {workspace_, source_, kind, id};
  }

  const WorkspaceId workspace_;
  const std::string source_;
  absl::flat_hash_map<Key, ImportedId> fresh_;
  absl::flat_hash_map<Key, std::string> kept_;  // actors and channels
};

}  // namespace heim
