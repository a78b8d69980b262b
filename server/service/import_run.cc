#include "server/service/import_run.h"

#include <algorithm>
#include <utility>

#include "absl/synchronization/notification.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/model/transfer_limits.h"
#include "server/service/access.h"
#include "server/service/membership.h"
#include "server/transfer/tar.h"

namespace heim {
namespace {

constexpr uint32_t kJoinAtOnce = 100;

std::string KindOf(const v1::ExportRecord& record) {
  const auto* oneof = v1::ExportRecord::descriptor()->oneof_decl(0);
  const auto* field = record.GetReflection()->GetOneofFieldDescriptor(record, oneof);
  return field == nullptr ? std::string() : std::string(field->name());
}

v1::ImportCount& CountOf(const std::string& kind, v1::Import* import) {
  for (v1::ImportCount& count : *import->mutable_counts()) {
    if (count.kind() == kind) return count;
  }
  v1::ImportCount& count = *import->add_counts();
  count.set_kind(kind);
  return count;
}

void AddProblem(std::string_view place, std::string_view text, v1::Import* import) {
  import->set_problem_count(import->problem_count() + 1);
  if (import->problems_size() >= kImportProblemsShown) return;
  v1::ImportProblem& problem = *import->add_problems();
  problem.set_place(std::string(Utf8Prefix(place, kImportProblemMaxBytes)));
  problem.set_text(std::string(Utf8Prefix(text, kImportProblemMaxBytes)));
}

bool Ended(v1::ImportState state) { return state > v1::IMPORT_STATE_RUNNING; }

// As AddToChannel, without an event.
absl::Status AddQuietly(WriteTx& tx, const ChannelId& channel, const ActorId& actor,
                        absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const v1::Channel row, tx.channels.Get(channel));
  v1::Member member;
  member.set_channel_id(channel.str());
  member.mutable_actor()->set_id(actor.str());
  member.set_role(v1::CHANNEL_ROLE_MEMBER);
  *member.mutable_joined_at() = ToTimestamp(now);
  member.set_last_read_seq(row.last_seq());
  member.set_revision(1);
  if (row.history_visibility() == v1::HISTORY_VISIBILITY_SINCE_JOINING && row.last_seq() != 0) {
    member.set_history_from_seq(row.last_seq() + 1);
  } else {
    HEIM_ASSIGN_OR_RETURN(const HistoryStart start, tx.channels.OpenFrom(channel));
    member.set_history_from_seq(start.seq);
  }
  HEIM_ASSIGN_OR_RETURN(const uint64_t next, tx.PeekPosition(WorkspaceId(row.workspace_id())));
  return tx.members.Insert(member, next - 1);
}

bool IsArchiveFault(const absl::Status& status) {
  return ReasonOf(status) == v1::ERROR_REASON_INVALID_ARCHIVE;
}

}  // namespace

absl::Status ImportRun::CommitAndWait(std::function<absl::Status(WriteTx&)> apply) {
  absl::Notification done;
  absl::Status status;
  Draft draft;
  draft.apply = std::move(apply);
  tools_.pictures.store.Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
    status = committed.status();
    done.Notify();
  });
  done.WaitForNotification();
  return status;
}

absl::Status ImportRun::Save(absl::FunctionRef<void(ImportRow*)> change) {
  ImportRow saved;
  HEIM_RETURN_IF_ERROR(CommitAndWait([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(saved, tx.imports.Get(row_.import.id()));
    if (Ended(saved.import.state())) return absl::OkStatus();
    saved.import = row_.import;
    change(&saved);
    return tx.imports.Update(saved);
  }));
  row_ = std::move(saved);
  return absl::OkStatus();
}

absl::Status ImportRun::Go() {
  absl::Status status = Open();
  if (status.ok() && row_.import.state() == v1::IMPORT_STATE_CHECKING) status = Look();
  if (status.ok() && row_.import.state() == v1::IMPORT_STATE_RUNNING) status = Write();
  if (!IsArchiveFault(status)) return status;
  return End(v1::IMPORT_STATE_FAILED, status);
}

absl::Status ImportRun::Open() {
  source_.reset();
  auto reader = tools_.pictures.blobs.Open(row_.archive_key);
  if (absl::IsNotFound(reader.status())) return BadArchive("", "the archive is gone");
  if (!reader.ok()) return reader.status();
  archive_ = std::make_unique<BlobSource>(*std::move(reader));
  HEIM_ASSIGN_OR_RETURN(source_, tools_.open(row_.import, *archive_));
  HEIM_ASSIGN_OR_RETURN(const std::optional<v1::ExportRecord> first, source_->Next());
  if (!first.has_value() || !first->has_header()) {
    return BadArchive(source_->Place(), "the header is the first record");
  }
  const v1::ExportHeader& header = first->header();
  if (header.product().empty() || header.source_id().empty()) {
    return BadArchive(source_->Place(), "the header does not say where the archive comes from");
  }
  source_key_ = StrCat(Utf8Prefix(header.product(), 32), ":", Utf8Prefix(header.source_id(), 200));
  source_name_ = std::string(Utf8Prefix(header.source_name(), 200));
  known_ = std::make_unique<ImportIds>(WorkspaceId(row_.import.workspace_id()), source_key_);
  return absl::OkStatus();
}

void ImportRun::Count(const PreparedRecord& prepared, const RecordFate& fate,
                      v1::Import* import) const {
  v1::ImportCount& count = CountOf(KindOf(prepared.record), import);
  count.set_read(count.read() + 1);
  if (fate.kind == RecordFate::Kind::kCreated) count.set_created(count.created() + 1);
  if (fate.kind == RecordFate::Kind::kMatched) count.set_matched(count.matched() + 1);
  if (fate.kind == RecordFate::Kind::kSkipped) count.set_skipped(count.skipped() + 1);
  if (!fate.problem.empty()) AddProblem(prepared.place, fate.problem, import);
}

void ImportRun::TakeProblems(v1::Import* import) {
  for (const SourceProblem& problem : source_->TakeProblems()) {
    AddProblem(problem.place, problem.text, import);
  }
}

absl::Status ImportRun::ReadBatch(ImportBytes& bytes) {
  batch_.clear();
  size_t size = 0;
  while (batch_.size() < kImportBatchRecords && size < kImportBatchBytes) {
    HEIM_ASSIGN_OR_RETURN(std::optional<v1::ExportRecord> record, source_->Next());
    if (!record.has_value()) {
      at_end_ = true;
      return absl::OkStatus();
    }
    size += record->ByteSizeLong();
    PreparedRecord& prepared = batch_.emplace_back();
    prepared.record = *std::move(record);
    prepared.place = source_->Place();
    prepared.new_id = tools_.pictures.ids.NewId();
    // What an earlier import brought has its bytes already.
    if (prepared.record.has_file()) {
      std::string known;
      HEIM_RETURN_IF_ERROR(tools_.pictures.store.Read([&](ReadTx& tx) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(
            known, known_->Find(tx, ImportedKind::kFile, prepared.record.file().file().id()));
        return absl::OkStatus();
      }));
      if (!known.empty()) {
        prepared.file.emplace();
        continue;
      }
    }
    HEIM_RETURN_IF_ERROR(bytes.Take(&prepared));
    if (stopping_) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status ImportRun::LookAtBatch(ImportBytes& bytes, ImportChecker& checker, bool* more) {
  HEIM_RETURN_IF_ERROR(ReadBatch(bytes));
  *more = !at_end_ && !stopping_;
  HEIM_RETURN_IF_ERROR(tools_.pictures.store.Read([&](ReadTx& tx) -> absl::Status {
    for (const PreparedRecord& prepared : batch_) {
      HEIM_ASSIGN_OR_RETURN(const RecordFate fate, checker.Check(tx, prepared));
      Count(prepared, fate, &row_.import);
    }
    return absl::OkStatus();
  }));
  row_.import.set_records_done(row_.import.records_done() + batch_.size());
  TakeProblems(&row_.import);
  return absl::OkStatus();
}

// Looks at everything before anything is written, so that an archive that cannot be read changes
// nothing.
absl::Status ImportRun::Look() {
  v1::Import& import = row_.import;
  import.clear_counts();
  import.clear_problems();
  import.set_problem_count(0);
  import.set_records_done(0);
  import.set_source_name(source_name_);
  ImportBytes bytes(tools_.pictures, *source_, "", BytesUse::kLook, stopping_);
  ImportChecker checker(*known_, import.take_settings());
  bool more = true;
  int batches = 0;
  while (more) {
    HEIM_RETURN_IF_ERROR(LookAtBatch(bytes, checker, &more));
    known_->Begin();
    // How far it is, now and then; also learns of a cancel.
    if (++batches % 20 == 0) HEIM_RETURN_IF_ERROR(Save([](ImportRow*) {}));
    if (Ended(row_.import.state())) return absl::OkStatus();
  }
  if (stopping_) return absl::OkStatus();
  row_.import.set_records_total(row_.import.records_done());
  if (row_.import.dry_run()) return End(v1::IMPORT_STATE_CHECKED, absl::OkStatus());
  HEIM_RETURN_IF_ERROR(Save([](ImportRow* row) {
    row->import.set_state(v1::IMPORT_STATE_RUNNING);
    row->import.set_records_done(0);
    row->import.clear_counts();
    row->import.clear_problems();
    row->import.set_problem_count(0);
  }));
  at_end_ = false;
  return Open();
}

// What was committed before an interruption is read again and passed over.
absl::Status ImportRun::SkipDone() {
  for (uint64_t i = 0; i < row_.import.records_done(); ++i) {
    HEIM_ASSIGN_OR_RETURN(const std::optional<v1::ExportRecord> record, source_->Next());
    if (!record.has_value()) return BadArchive("", "the archive is not the one that it was");
    // Versions and reactions that are still to come follow a message that this import made.
    if (record->has_message()) current_ = {record->message().id(), "", true};
  }
  if (current_.external_id.empty()) return absl::OkStatus();
  return tools_.pictures.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(current_.id,
                          known_->Find(tx, ImportedKind::kMessage, current_.external_id));
    return absl::OkStatus();
  });
}

absl::Status ImportRun::ApplyBatch(WriteTx& tx, v1::Import* after) {
  HEIM_ASSIGN_OR_RETURN(ImportRow stored, tx.imports.Get(row_.import.id()));
  *after = stored.import;
  // Cancelled meanwhile.
  if (Ended(stored.import.state())) return absl::OkStatus();
  if (stored.import.records_done() != row_.import.records_done()) {
    return absl::InternalError("an import is written twice at once");
  }
  known_->Begin();
  ImportWriter::Current current = current_;
  const ImportOrder order = {ActorId(row_.import.created_by()), tools_.pictures.clock.Now(),
                             row_.import.take_settings()};
  ImportWriter writer(tx, *known_, tools_.pictures.ids, order, &current);
  stored.import = row_.import;
  for (const PreparedRecord& prepared : batch_) {
    HEIM_ASSIGN_OR_RETURN(const RecordFate fate, writer.Write(prepared));
    Count(prepared, fate, &stored.import);
  }
  HEIM_RETURN_IF_ERROR(writer.Finish());
  stored.import.set_records_done(stored.import.records_done() + batch_.size());
  HEIM_RETURN_IF_ERROR(tx.imports.Update(stored));
  *after = stored.import;
  last_ = current;
  return absl::OkStatus();
}

absl::Status ImportRun::WriteBatch(ImportBytes& bytes, bool* more) {
  HEIM_RETURN_IF_ERROR(ReadBatch(bytes));
  if (stopping_) {
    *more = false;
    return absl::OkStatus();
  }
  *more = !at_end_;
  TakeProblems(&row_.import);
  v1::Import after;
  HEIM_RETURN_IF_ERROR(CommitAndWait([&](WriteTx& tx) { return ApplyBatch(tx, &after); }));
  row_.import = std::move(after);
  known_->Keep();
  current_ = last_;
  return absl::OkStatus();
}

absl::Status ImportRun::Write() {
  HEIM_RETURN_IF_ERROR(SkipDone());
  ImportBytes bytes(tools_.pictures, *source_, StrCat(row_.import.workspace_id(), "/", source_key_),
                    BytesUse::kKeep, stopping_);
  bool more = true;
  while (more) {
    HEIM_RETURN_IF_ERROR(WriteBatch(bytes, &more));
    if (Ended(row_.import.state())) return End(row_.import.state(), absl::OkStatus());
  }
  if (stopping_) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(JoinDefaultChannel());
  return End(v1::IMPORT_STATE_DONE, absl::OkStatus());
}

// Everybody in the workspace but guests is in its default channel.
absl::Status ImportRun::JoinDefaultChannel() {
  const WorkspaceId workspace(row_.import.workspace_id());
  bool more = true;
  while (more) {
    HEIM_RETURN_IF_ERROR(CommitAndWait([&](WriteTx& tx) -> absl::Status {
      more = false;
      HEIM_ASSIGN_OR_RETURN(const v1::Workspace row, tx.workspaces.Get(workspace));
      const ChannelId channel = DefaultChannelOf(row);
      if (channel.empty()) return absl::OkStatus();
      HEIM_ASSIGN_OR_RETURN(const std::vector<ActorId> missing,
                            tx.imports.Missing(workspace, source_key_, channel, kJoinAtOnce));
      for (const ActorId& actor : missing) {
        HEIM_RETURN_IF_ERROR(AddQuietly(tx, channel, actor, tools_.pictures.clock.Now()));
      }
      more = missing.size() == kJoinAtOnce;
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

bool ImportRun::WroteSomething() const {
  return std::any_of(row_.import.counts().begin(), row_.import.counts().end(),
                     [](const v1::ImportCount& count) { return count.created() != 0; });
}

absl::Status ImportRun::End(v1::ImportState state, const absl::Status& why) {
  const bool wrote = row_.import.state() != v1::IMPORT_STATE_CHECKING && WroteSomething();
  const WorkspaceId workspace(row_.import.workspace_id());
  const absl::Time now = tools_.pictures.clock.Now();
  const bool kept = state == v1::IMPORT_STATE_CHECKED;
  const std::string epoch = tools_.pictures.ids.NewId();
  ImportRow saved;
  HEIM_RETURN_IF_ERROR(CommitAndWait([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(saved, tx.imports.Get(row_.import.id()));
    const bool cancelled = Ended(saved.import.state());
    if (!cancelled) {
      saved.import = row_.import;
      saved.import.set_state(state);
      *saved.import.mutable_ended_at() = ToTimestamp(now);
    }
    if (!why.ok()) {
      saved.import.set_error(InfoOf(ShownReasonOf(why)).name);
      saved.import.set_error_text(std::string(ToStd(why.message())));
    }
    saved.archive_until = kept ? now + kCheckedArchiveKept : now;
    HEIM_RETURN_IF_ERROR(tx.imports.Update(saved));
    if (!wrote) return absl::OkStatus();
    HEIM_RETURN_IF_ERROR(tx.imports.ForgetReserved(workspace, source_key_));
    return tx.imports.RenewEpoch(workspace, epoch);
  }));
  row_ = std::move(saved);
  LogInfo("An import has ended", {{"import_id", row_.import.id()},
                                  {"state", static_cast<int64_t>(row_.import.state())},
                                  {"records", row_.import.records_done()}});
  if (wrote) tools_.on_new_epoch(workspace);
  return absl::OkStatus();
}

}  // namespace heim
