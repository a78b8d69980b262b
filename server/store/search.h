// MessageIndex finds messages by their words. It is a reader of the log and never the truth: what
// it answers are candidates, each of which is read again, with the caller's rights, before it is
// shown. It keeps with its rows how far it has read, and can be thrown away and built again from
// the messages. Kept apart from the store, so that indexing never touches the writer.
// Owned by app. Find is for any thread; the rest is for one thread, that of the indexer. All calls
// block on the disk. Errors: UNAVAILABLE may pass; INTERNAL is an index that is damaged: Reset it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/model/ids.h"
#include "server/model/search_query.h"

namespace heim {

// How far a workspace's log has been read.
struct IndexPlace {
  WorkspaceId workspace_id;
  std::string epoch;
  uint64_t position = 0;
};

struct IndexState {
  bool fresh = false;  // nothing was ever indexed: Begin comes first
  std::vector<IndexPlace> places;
  // Messages below this id are still to be indexed from their rows; nullopt: none are.
  std::optional<std::string> backfill_before;
};

// A message as it is found.
struct IndexedMessage {
  MessageId id;
  WorkspaceId workspace_id;
  ChannelId channel_id;
  ActorId actor_id;
  std::string thread_id;  // root; empty: none
  uint64_t seq = 0;
  uint32_t revision = 0;
  int64_t created_at_ms = 0;
  uint32_t flags = 0;              // SearchFlag
  std::vector<std::string> words;  // as SearchTokens makes them
};

// What is written in one transaction. Doing it again changes nothing.
struct IndexBatch {
  std::vector<IndexedMessage> messages;  // new, or as they are now
  std::vector<MessageId> erased;
  std::optional<IndexPlace> place;  // to be kept with it
  // To be kept; empty: all is indexed. The messages then come newest first.
  std::optional<std::string> backfill_before;
};

// A channel that the caller may read, from a seq on.
struct IndexChannel {
  ChannelId id;
  uint64_t from_seq = 0;
};

// A message that was found, and its place in the order of the answer.
struct IndexHit {
  MessageId id;
  double score = 0;   // 0 in the order of time
  int64_t place = 0;  // greater is newer; of one message alone
};

struct IndexSearch {
  WorkspaceId workspace_id;
  const SearchQuery& query;                 // names in it are ids
  absl::Span<const IndexChannel> channels;  // nothing else is looked at
  v1::SearchOrder order = v1::SEARCH_ORDER_NEWEST;
  std::optional<IndexHit> after;  // where the answer goes on
  int64_t newest = 0;             // places above are left out; 0: none are
  uint32_t limit = 0;
};

struct IndexAnswer {
  std::vector<IndexHit> hits;  // in order, at most as many as asked for
  int64_t newest = 0;  // greatest place that was looked at: further pages leave out the rest
};

class MessageIndex {
 public:
  virtual ~MessageIndex() = default;

  virtual absl::StatusOr<IndexState> Load() = 0;
  // INTERNAL when a search found the index damaged.
  virtual absl::Status Health() const = 0;
  // Forgets everything.
  virtual absl::Status Reset() = 0;
  // Marks where the logs stand; all messages there are now will come from their rows.
  virtual absl::Status Begin(absl::Span<const IndexPlace> places) = 0;
  virtual absl::Status Apply(const IndexBatch& batch) = 0;
  // Erases some messages of a channel; false when none was left.
  virtual absl::StatusOr<bool> EraseSome(const ChannelId& channel) = 0;
  // Whether erased words are left in the files, until Scrub has taken them out.
  virtual bool HasRemains() const = 0;
  // A bounded step of it; true when one passage is done. What was erased meanwhile asks for another.
  virtual absl::StatusOr<bool> Scrub() = 0;

  // UNAVAILABLE also for a damaged index.
  virtual absl::StatusOr<IndexAnswer> Find(const IndexSearch& search) = 0;
};

}  // namespace heim
