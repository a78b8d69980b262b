#include "server/store/sqlite/search_index.h"

#include <sqlite3.h>

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kBegin[] = "BEGIN IMMEDIATE";
constexpr char kCommit[] = "COMMIT";
constexpr char kRollback[] = "ROLLBACK";
constexpr char kGetMeta[] = "SELECT value FROM meta WHERE key = $1";
constexpr char kSetMeta[] =
    "INSERT INTO meta (key, value) VALUES ($1, $2) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
constexpr char kPlaces[] = "SELECT workspace_id, epoch, position FROM places";
constexpr char kSetPlace[] =
    "INSERT INTO places (workspace_id, epoch, position) VALUES ($1, $2, $3) "
    "ON CONFLICT (workspace_id) DO UPDATE SET epoch = excluded.epoch, position = excluded.position";
constexpr char kAddNumber[] = "INSERT INTO numbers (id) VALUES ($1) RETURNING number";
#define HEIM_ROW                                                                            \
  "SELECT m.place, m.channel, m.revision, t.words, t.keys FROM messages m JOIN texts t ON " \
  "t.place = m.place "
constexpr char kRowById[] = HEIM_ROW "WHERE m.id = $1";
constexpr char kSomeOfChannel[] = HEIM_ROW "WHERE m.channel = $1 LIMIT 500";
constexpr char kLastPlace[] =
    "SELECT COALESCE(MAX(place), $1 - 1) FROM messages WHERE place >= $1 AND place < $1 + 1024";
constexpr char kFirstPlace[] =
    "SELECT COALESCE(MIN(place), $1 + 1024) FROM messages WHERE place >= $1 AND place < $1 + 1024";
constexpr char kInsert[] =
    "INSERT INTO messages (place, id, channel, seq, revision, words) "
    "VALUES ($1, $2, $3, $4, $5, $6)";
constexpr char kSetRevision[] = "UPDATE messages SET revision = $2, words = $3 WHERE place = $1";
constexpr char kInsertText[] =
    "INSERT INTO texts (place, words, keys) VALUES ($1, $2, $3) "
    "ON CONFLICT (place) DO UPDATE SET words = excluded.words, keys = excluded.keys";
constexpr char kInsertFound[] = "INSERT INTO found (rowid, words, keys) VALUES ($1, $2, $3)";
constexpr char kDeleteFound[] =
    "INSERT INTO found (found, rowid, words, keys) VALUES ('delete', $1, $2, $3)";
constexpr char kDelete[] = "DELETE FROM messages WHERE place = $1";
constexpr char kDeleteText[] = "DELETE FROM texts WHERE place = $1";
// A few pages of the words, joined; below 0: on the way to one piece that holds nothing erased.
constexpr char kMerge[] = "INSERT INTO found (found, rank) VALUES ('merge', $1)";
constexpr int64_t kPagesAtOnce = 400;

constexpr int kPlacesPerMs = 1024;
constexpr int kFramesPerCheckpoint = 2000;

constexpr std::string_view kMetaBegun = "begun";
constexpr std::string_view kMetaBackfill = "backfill_before";
constexpr std::string_view kMetaRemains = "remains";

}  // namespace

struct SqliteSearchIndex::Row {
  int64_t place = 0;
  int64_t channel = 0;
  int64_t revision = 0;
  std::string words;
  std::string keys;
};

absl::StatusOr<std::string> SqliteSearchIndex::GetMeta(std::string_view key) {
  std::string value;
  HEIM_RETURN_IF_ERROR(writer_->Query(kGetMeta, {SqlText(key)}, [&](const SqlRow& row) {
    value = TextOf(row, 0);
    return absl::OkStatus();
  }));
  return value;
}

absl::Status SqliteSearchIndex::SetMeta(std::string_view key, std::string_view value) {
  return writer_->Execute(kSetMeta, {SqlText(key), SqlText(value)}).status();
}

absl::StatusOr<IndexState> SqliteSearchIndex::Load() {
  if (writer_ == nullptr) HEIM_RETURN_IF_ERROR(Reset());
  IndexState state;
  HEIM_ASSIGN_OR_RETURN(const std::string begun, GetMeta(kMetaBegun));
  state.fresh = begun.empty();
  HEIM_RETURN_IF_ERROR(writer_->Query(kPlaces, {}, [&](const SqlRow& row) {
    state.places.push_back({WorkspaceId(row.Text(0)), TextOf(row, 1), UintOf(row, 2)});
    return absl::OkStatus();
  }));
  HEIM_ASSIGN_OR_RETURN(const std::string before, GetMeta(kMetaBackfill));
  if (!before.empty()) state.backfill_before = before;
  HEIM_ASSIGN_OR_RETURN(const std::string remains, GetMeta(kMetaRemains));
  has_remains_ = !remains.empty();
  return state;
}

absl::Status SqliteSearchIndex::InTransaction(absl::FunctionRef<absl::Status(Changes*)> write) {
  if (writer_ == nullptr) return absl::InternalError("the search index is not open");
  Changes changes;
  HEIM_RETURN_IF_ERROR(writer_->Execute(kBegin, {}).status());
  absl::Status status = write(&changes);
  if (status.ok()) status = writer_->Execute(kCommit, {}).status();
  if (!status.ok()) {
    if (writer_->in_transaction()) writer_->Execute(kRollback, {}).IgnoreError();
    return status;
  }
  Keep(changes);
  CheckpointNowAndThen();
  return absl::OkStatus();
}

void SqliteSearchIndex::Keep(const Changes& changes) {
  if (changes.remains) {
    has_remains_ = true;
    erased_since_ = scrubbing_;
  }
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, number] : changes.numbers) numbers_.of[id] = number;
  for (const auto& [channel, added] : changes.messages) {
    numbers_.messages[channel] += added;
    numbers_.total += added;
  }
}

void SqliteSearchIndex::CheckpointNowAndThen() {
  if (writer_->wal_frames() < kFramesPerCheckpoint) return;
  const auto done = writer_->RunCheckpoint(false);
  if (!done.ok()) LogWarn("The search index was not checkpointed", {{"error", done.status()}});
}

absl::Status SqliteSearchIndex::Begin(absl::Span<const IndexPlace> places) {
  return InTransaction([&](Changes*) -> absl::Status {
    for (const IndexPlace& place : places) HEIM_RETURN_IF_ERROR(KeepPlace(place));
    HEIM_RETURN_IF_ERROR(SetMeta(kMetaBackfill, "~"));  // above every id
    return SetMeta(kMetaBegun, "1");
  });
}

absl::Status SqliteSearchIndex::KeepPlace(const IndexPlace& place) {
  return writer_
      ->Execute(kSetPlace,
                {SqlId(place.workspace_id), SqlText(place.epoch), SqlInt(place.position)})
      .status();
}

absl::Status SqliteSearchIndex::Apply(const IndexBatch& batch) {
  return InTransaction([&](Changes* changes) -> absl::Status {
    const Coming coming =
        batch.backfill_before.has_value() ? Coming::kNewestFirst : Coming::kOldestFirst;
    for (const IndexedMessage& message : batch.messages) {
      HEIM_RETURN_IF_ERROR(Put(message, coming, changes));
    }
    for (const MessageId& id : batch.erased) {
      HEIM_ASSIGN_OR_RETURN(const std::vector<Row> rows, RowsWhere(kRowById, SqlId(id)));
      for (const Row& row : rows) HEIM_RETURN_IF_ERROR(Remove(row, changes));
    }
    if (batch.place.has_value()) HEIM_RETURN_IF_ERROR(KeepPlace(*batch.place));
    if (!batch.backfill_before.has_value()) return absl::OkStatus();
    return SetMeta(kMetaBackfill, *batch.backfill_before);
  });
}

absl::StatusOr<std::vector<SqliteSearchIndex::Row>> SqliteSearchIndex::RowsWhere(
    std::string_view sql, const SqlValue& value) {
  std::vector<Row> rows;
  HEIM_RETURN_IF_ERROR(writer_->Query(sql, {value}, [&](const SqlRow& row) {
    rows.push_back({row.Int(0), row.Int(1), row.Int(2), TextOf(row, 3), TextOf(row, 4)});
    return absl::OkStatus();
  }));
  return rows;
}

int64_t SqliteSearchIndex::KnownNumber(char kind, const std::string& id) const {
  absl::MutexLock lock(&mutex_);
  const auto found = numbers_.of.find(StrCat(std::string(1, kind), id));
  return found == numbers_.of.end() ? 0 : found->second;
}

absl::StatusOr<int64_t> SqliteSearchIndex::NumberOf(char kind, const std::string& id,
                                                    Changes* changes) {
  if (const int64_t known = KnownNumber(kind, id); known != 0) return known;
  const std::string name = StrCat(std::string(1, kind), id);
  for (const auto& [added, number] : changes->numbers) {
    if (added == name) return number;
  }
  HEIM_ASSIGN_OR_RETURN(const int64_t number, QueryInt(*writer_, kAddNumber, {SqlText(name)}));
  changes->numbers.emplace_back(name, number);
  return number;
}

// What is filtered by, as words of a column of its own.
absl::StatusOr<std::string> SqliteSearchIndex::KeysOf(const IndexedMessage& message,
                                                      int64_t channel, Changes* changes) {
  HEIM_ASSIGN_OR_RETURN(const int64_t workspace,
                        NumberOf('w', message.workspace_id.str(), changes));
  HEIM_ASSIGN_OR_RETURN(const int64_t actor, NumberOf('a', message.actor_id.str(), changes));
  std::string keys = StrCat("w", workspace, " c", channel, " a", actor);
  for (uint32_t flag = 1; flag != 0 && flag <= message.flags; flag <<= 1) {
    if ((message.flags & flag) != 0) StrAppend(&keys, " f", flag);
  }
  if (message.thread_id.empty()) return keys;
  HEIM_ASSIGN_OR_RETURN(const int64_t thread, NumberOf('t', message.thread_id, changes));
  return StrCat(keys, " t", thread);
}

// A place beside those of the same millisecond; when very many came at once, further off.
absl::StatusOr<int64_t> SqliteSearchIndex::FreePlace(int64_t created_at_ms, Coming coming) {
  const bool up = coming == Coming::kOldestFirst;
  // Far enough from 0 for places below.
  int64_t first = std::max<int64_t>(created_at_ms, kPlacesPerMs) * kPlacesPerMs;
  while (true) {
    const SqlValue from = SqlValue(first);
    if (up) {
      HEIM_ASSIGN_OR_RETURN(const int64_t last, QueryInt(*writer_, kLastPlace, {from}));
      if (last + 1 < first + kPlacesPerMs) return last + 1;
      first += kPlacesPerMs;
    } else {
      HEIM_ASSIGN_OR_RETURN(const int64_t lowest, QueryInt(*writer_, kFirstPlace, {from}));
      if (lowest > first) return lowest - 1;
      first -= kPlacesPerMs;
    }
  }
}

absl::Status SqliteSearchIndex::Put(const IndexedMessage& message, Coming coming,
                                    Changes* changes) {
  HEIM_ASSIGN_OR_RETURN(const int64_t channel, NumberOf('c', message.channel_id.str(), changes));
  HEIM_ASSIGN_OR_RETURN(const std::string keys, KeysOf(message, channel, changes));
  const std::string words = absl::StrJoin(message.words, " ");
  const auto count = static_cast<uint64_t>(message.words.size());
  HEIM_ASSIGN_OR_RETURN(const std::vector<Row> rows, RowsWhere(kRowById, SqlId(message.id)));
  int64_t place = 0;
  if (rows.empty()) {
    HEIM_ASSIGN_OR_RETURN(place, FreePlace(message.created_at_ms, coming));
    HEIM_RETURN_IF_ERROR(
        writer_
            ->Execute(kInsert, {SqlValue(place), SqlId(message.id), SqlValue(channel),
                                SqlInt(message.seq), SqlInt(message.revision), SqlInt(count)})
            .status());
    ++changes->messages[channel];
  } else {
    const Row& row = rows.front();
    place = row.place;
    const bool same = row.words == words && row.keys == keys;
    if (same && row.revision == static_cast<int64_t>(message.revision)) return absl::OkStatus();
    HEIM_RETURN_IF_ERROR(
        writer_->Execute(kSetRevision, {SqlValue(place), SqlInt(message.revision), SqlInt(count)})
            .status());
    if (same) return absl::OkStatus();
    HEIM_RETURN_IF_ERROR(
        writer_->Execute(kDeleteFound, {SqlValue(place), SqlText(row.words), SqlText(row.keys)})
            .status());
    if (row.words != words) HEIM_RETURN_IF_ERROR(LeaveRemains(changes));
  }
  HEIM_RETURN_IF_ERROR(
      writer_->Execute(kInsertText, {SqlValue(place), SqlText(words), SqlText(keys)}).status());
  return writer_->Execute(kInsertFound, {SqlValue(place), SqlText(words), SqlText(keys)}).status();
}

absl::Status SqliteSearchIndex::Remove(const Row& row, Changes* changes) {
  HEIM_RETURN_IF_ERROR(
      writer_->Execute(kDeleteFound, {SqlValue(row.place), SqlText(row.words), SqlText(row.keys)})
          .status());
  HEIM_RETURN_IF_ERROR(writer_->Execute(kDelete, {SqlValue(row.place)}).status());
  HEIM_RETURN_IF_ERROR(writer_->Execute(kDeleteText, {SqlValue(row.place)}).status());
  --changes->messages[row.channel];
  return LeaveRemains(changes);
}

absl::Status SqliteSearchIndex::LeaveRemains(Changes* changes) {
  if (std::exchange(changes->remains, true)) return absl::OkStatus();
  return SetMeta(kMetaRemains, "1");
}

absl::StatusOr<bool> SqliteSearchIndex::EraseSome(const ChannelId& channel) {
  const int64_t number = KnownNumber('c', channel.str());
  if (number == 0) return false;
  bool some = false;
  HEIM_RETURN_IF_ERROR(InTransaction([&](Changes* changes) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::vector<Row> rows, RowsWhere(kSomeOfChannel, SqlValue(number)));
    some = !rows.empty();
    for (const Row& row : rows) HEIM_RETURN_IF_ERROR(Remove(row, changes));
    return absl::OkStatus();
  }));
  return some;
}

// FTS5 marks what is deleted and forgets it when all pieces of its index have become one. That is
// done a few pages at a time: the first step says which pieces are to be joined, the others go on
// with them, whatever comes in; a step that changes nothing says that it is done.
absl::StatusOr<bool> SqliteSearchIndex::Scrub() {
  bool done = false;
  HEIM_RETURN_IF_ERROR(InTransaction([&](Changes*) -> absl::Status {
    const int64_t before = sqlite3_total_changes64(writer_->handle());
    const int64_t pages = scrubbing_ ? kPagesAtOnce : -kPagesAtOnce;
    HEIM_RETURN_IF_ERROR(writer_->Execute(kMerge, {SqlValue(pages)}).status());
    done = sqlite3_total_changes64(writer_->handle()) - before < 2;
    return done && !erased_since_ ? SetMeta(kMetaRemains, "") : absl::OkStatus();
  }));
  scrubbing_ = !done;
  if (!done) return false;
  has_remains_ = std::exchange(erased_since_, false);
  // The log of changes holds old pages: it is emptied.
  HEIM_RETURN_IF_ERROR(writer_->RunCheckpoint(true).status());
  return true;
}

}  // namespace heim
