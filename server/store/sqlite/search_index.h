// SqliteSearchIndex is the MessageIndex on a SQLite file of its own, by FTS5. The file is nobody's
// truth: it is synced lazily, and thrown away when it is damaged, of another version, or does not
// fit the logs. Owned by app; threads and errors as MessageIndex says; Open blocks on the disk.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/store/read_pool.h"
#include "server/store/search.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/database_file.h"
#include "server/store/sqlite/search_functions.h"

namespace heim {

class SqliteSearchIndex final : public MessageIndex {
 public:
  struct Options {
    std::string path;  // ":memory:": an index that goes with the object
    int readers = 3;
    absl::Duration longest_read_wait = absl::Seconds(5);
  };

  // Makes the file if there is none, or none that can be used. FAILED_PRECONDITION when another
  // server holds it. Messages are for the operator.
  static absl::StatusOr<std::unique_ptr<SqliteSearchIndex>> Open(Options options);
  ~SqliteSearchIndex() override;

  absl::StatusOr<IndexState> Load() override;
  absl::Status Health() const override;
  absl::Status Reset() override;
  absl::Status Begin(absl::Span<const IndexPlace> places) override;
  absl::Status Apply(const IndexBatch& batch) override;
  absl::StatusOr<bool> EraseSome(const ChannelId& channel) override;
  bool HasRemains() const override { return has_remains_; }
  absl::StatusOr<bool> Scrub() override;
  absl::StatusOr<IndexAnswer> Find(const IndexSearch& search) override;

 private:
  struct Reader {
    SearchRights rights;
    std::unique_ptr<SqliteConnection> connection;  // null only while the file is replaced
  };
  using Readers = ReadPool<Reader>;

  // Numbers that stand for ids in the file, and how many messages each channel has in it.
  struct Numbers {
    absl::flat_hash_map<std::string, int64_t> of;  // by kind and id: "c" + channel id
    absl::flat_hash_map<int64_t, int64_t> messages;
    int64_t total = 0;
  };
  // What a transaction adds to the numbers, once it is committed.
  struct Changes {
    std::vector<std::pair<std::string, int64_t>> numbers;
    absl::flat_hash_map<int64_t, int64_t> messages;
    bool remains = false;
  };
  // A row of the file.
  struct Row;
  // Names of the channels in which is looked.
  struct Scope;

  SqliteSearchIndex(Options options, std::unique_ptr<DatabaseFile> file);
  // Opens the file as it is; an error when it is none of ours.
  absl::Status OpenFile();
  absl::Status OpenReaders();
  absl::Status CheckVersion();
  absl::Status LoadNumbers();
  absl::Status RemoveFiles();

  absl::Status InTransaction(absl::FunctionRef<absl::Status(Changes*)> write);
  void Keep(const Changes& changes);
  absl::StatusOr<int64_t> NumberOf(char kind, const std::string& id, Changes* changes);
  int64_t KnownNumber(char kind, const std::string& id) const;
  absl::StatusOr<std::vector<Row>> RowsWhere(std::string_view sql, const SqlValue& value);
  // In which order messages of the same moment come.
  enum class Coming { kOldestFirst, kNewestFirst };
  absl::Status Put(const IndexedMessage& message, Coming coming, Changes* changes);
  absl::StatusOr<int64_t> FreePlace(int64_t created_at_ms, Coming coming);
  absl::StatusOr<std::string> KeysOf(const IndexedMessage& message, int64_t channel,
                                     Changes* changes);
  absl::Status Remove(const Row& row, Changes* changes);
  absl::Status KeepPlace(const IndexPlace& place);
  absl::Status LeaveRemains(Changes* changes);
  absl::Status SetMeta(std::string_view key, std::string_view value);
  absl::StatusOr<std::string> GetMeta(std::string_view key);
  void CheckpointNowAndThen();

  Scope ScopeOf(const IndexSearch& search) const;
  std::string ExpressionOf(const IndexSearch& search, const Scope& scope) const;

  const Options options_;
  const std::unique_ptr<DatabaseFile> file_;  // outlives the connections
  std::unique_ptr<SqliteConnection> writer_;
  // The writing thread's.
  bool has_remains_ = false;
  bool scrubbing_ = false;            // a passage is under way
  bool erased_since_ = false;         // it began
  std::atomic<bool> damaged_{false};  // a search found it so
  std::unique_ptr<Readers> readers_;  // the pool lives as long as the object
  mutable absl::Mutex mutex_;
  Numbers numbers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
