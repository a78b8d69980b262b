// SearchIndexer keeps the search index: it follows every workspace's log on a thread of its own,
// reads the rows of the messages that the events name, and writes them into the index together with
// how far it got. A new index is also filled from the rows of all messages, newest first, while the
// log is followed, and so is an old one when a log gets a new epoch; one that does not fit the logs
// at the start is thrown away. What was erased is scrubbed out
// of the index's files when there is time.
// Owned by app; store, clock, index and progress outlive it. Thread-safe. OnCommitted never
// blocks; Stop does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/service/search_progress.h"
#include "server/store/search.h"
#include "server/store/store.h"

namespace heim {

struct SearchIndexerOptions {
  uint32_t batch_events = 512;
  size_t batch_bytes = 2u << 20;
  uint32_t backfill_messages = 500;
  absl::Duration retry_delay = absl::Seconds(1);
  // How often the logs are looked at for a new epoch: rows came that no event told of.
  absl::Duration look_again = absl::Seconds(5);
  // After scrubbing, this many times as long as it took without.
  int scrub_rest = 10;
};

class SearchIndexer final : public CommitListener {
 public:
  struct Dependencies {
    Store& store;
    Clock& clock;
    MessageIndex& index;
    SearchProgress& progress;
  };

  SearchIndexer(SearchIndexerOptions options, const Dependencies& dependencies)
      : options_(options), deps_(dependencies) {}
  ~SearchIndexer() override { Stop(); }

  // Catches up, then follows. Once.
  void Start();
  // Finishes the batch under way; the store still runs meanwhile.
  void Stop();

  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override;

 private:
  struct Place {
    std::string epoch;
    uint64_t done = 0;
    uint64_t head = 0;  // last event known of
  };
  struct Gathered;

  void Run();
  void Follow();
  absl::Status Load();
  absl::Status WorkOn();
  absl::Status LookAtEpochs();
  absl::Status ReadOn(const std::string& workspace);
  absl::Status Backfill();
  absl::Status ScrubSome();
  // The index is damaged, or was made from other logs than these.
  void StartOver(const absl::Status& why);
  // How long nothing needs to be done, unless something comes.
  absl::Duration Idle() const;

  void Note(const std::string& workspace) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !loaded_ || !behind_.empty();
  }
  bool IsStopping() const;

  const SearchIndexerOptions options_;
  const Dependencies deps_;

  // Of the indexer's thread alone.
  std::string last_;                     // the workspace whose turn it was
  std::optional<std::string> backfill_;  // messages below this id are still to come
  absl::Duration next_look_;             // at the epochs
  absl::Duration next_scrub_;            // not before; on the monotonic clock
  absl::Duration scrubbed_for_;          // how long the scrubbing under way took

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool loaded_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<std::string, Place> places_ ABSL_GUARDED_BY(mutex_);
  absl::btree_set<std::string> behind_ ABSL_GUARDED_BY(mutex_);  // workspaces not read to the head
  std::thread thread_;
};

}  // namespace heim
