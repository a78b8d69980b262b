// ImportRun is one run through the archive of an import: a look at all of it that changes nothing,
// or the writing of what is in it, batch after batch. Every batch is one transaction with the
// count of records that are dealt with, so that a run that was interrupted goes on where it stood.
// Owned by the runner; on its thread. Blocks on the store and the blob store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/import.pb.h"
#include "server/service/import_bytes.h"
#include "server/service/import_check.h"
#include "server/service/import_ids.h"
#include "server/service/import_writer.h"
#include "server/service/pictures.h"
#include "server/store/store.h"
#include "server/transfer/record_source.h"

namespace heim {

// Opens the archive of the import. It outlives what is answered.
using OpenSource =
    std::function<absl::StatusOr<std::unique_ptr<RecordSource>>(const v1::Import&, ByteSource&)>;

// What imports stand on; outlives them.
struct ImportTools {
  const PictureTools& pictures;  // store, blobs, clock, ids
  OpenSource open;
  // Readers of a workspace's log begin anew: its epoch is another one.
  std::function<void(const WorkspaceId&)> on_new_epoch;
};

class ImportRun {
 public:
  // `stopping` is set when the server ends.
  ImportRun(const ImportTools& tools, ImportRow row, const std::atomic<bool>& stopping)
      : tools_(tools), row_(std::move(row)), stopping_(stopping) {}

  // OK when the run has ended, whatever came of it, or is to go on after a restart. Errors are
  // those of store and blob store: it may be tried again, with the row as it is stored.
  absl::Status Go();

 private:
  absl::Status Open();
  absl::Status Look();
  absl::Status LookAtBatch(ImportBytes& bytes, ImportChecker& checker, bool* more);
  absl::Status Write();
  absl::Status WriteBatch(ImportBytes& bytes, bool* more);
  absl::Status ApplyBatch(WriteTx& tx, v1::Import* after);
  // The next records, at most a batch; fewer at the end.
  absl::Status ReadBatch(ImportBytes& bytes);
  absl::Status SkipDone();
  absl::Status JoinDefaultChannel();
  // The state that the import ends in, with its error.
  absl::Status End(v1::ImportState state, const absl::Status& why);
  absl::Status Save(absl::FunctionRef<void(ImportRow*)> change);
  absl::Status CommitAndWait(std::function<absl::Status(WriteTx&)> apply);
  void Count(const PreparedRecord& prepared, const RecordFate& fate, v1::Import* import) const;
  void TakeProblems(v1::Import* import);
  bool WroteSomething() const;

  const ImportTools& tools_;
  ImportRow row_;
  const std::atomic<bool>& stopping_;
  std::unique_ptr<BlobSource> archive_;
  std::unique_ptr<RecordSource> source_;
  std::string source_key_;  // product and id of where it comes from
  std::string source_name_;
  std::unique_ptr<ImportIds> known_;
  ImportWriter::Current current_;
  ImportWriter::Current last_;  // as the last run of the batch left it
  std::vector<PreparedRecord> batch_;
  bool at_end_ = false;
};

}  // namespace heim
