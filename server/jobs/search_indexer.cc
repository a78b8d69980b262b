#include "server/jobs/search_indexer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/base/check.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/search_text.h"
#include "server/model/time.h"

namespace heim {
namespace {

// Above every id.
constexpr std::string_view kAll = "~";

// The message that the event says something new of; empty: none.
std::string MessageOfEvent(const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kMessageNew:
      return event.message_new().message().id();
    case v1::Event::kMessageUpdated:
      return event.message_updated().message().id();
    case v1::Event::kMessageDeleted:
      return event.message_deleted().message_id();
    case v1::Event::kMessageStreamEnd:
      return event.message_stream_end().message_id();
    case v1::Event::kReactionAdded:
      return event.reaction_added().message_id();
    case v1::Event::kReactionRemoved:
      return event.reaction_removed().message_id();
    default:
      return {};
  }
}

bool Wants(std::string_view type) {
  return StartsWith(type, "message.") || StartsWith(type, "reaction.") || type == "channel.deleted";
}

IndexedMessage Indexed(const v1::Message& message, const WorkspaceId& workspace) {
  IndexedMessage indexed;
  indexed.id = MessageId(message.id());
  indexed.workspace_id = workspace;
  indexed.channel_id = ChannelId(message.channel_id());
  indexed.actor_id = ActorId(message.actor().id());
  indexed.thread_id = SearchThreadOf(message);
  indexed.seq = message.seq();
  indexed.revision = message.revision();
  indexed.created_at_ms = absl::ToUnixMillis(FromTimestamp(message.created_at()));
  indexed.flags = SearchFlagsOf(message);
  for (SearchToken& token : SearchTokens(SearchableText(message))) {
    indexed.words.push_back(std::move(token.text));
  }
  return indexed;
}

// The message as its row has it now, whatever the event said.
absl::Status AddRow(ReadTx& tx, const WorkspaceId& workspace, const MessageId& id,
                    IndexBatch* batch) {
  const auto message = tx.messages.Get(id);
  if (message.ok() && IsSearchable(*message)) {
    batch->messages.push_back(Indexed(*message, workspace));
    return absl::OkStatus();
  }
  if (message.ok() || ReasonOf(message.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) {
    batch->erased.push_back(id);
    return absl::OkStatus();
  }
  if (!absl::IsInternal(message.status())) return message.status();
  LogError("A message cannot be indexed", {{"message", id.str()}, {"error", message.status()}});
  batch->erased.push_back(id);
  return absl::OkStatus();
}

}  // namespace

// What a part of the log comes to.
struct SearchIndexer::Gathered {
  IndexBatch batch;
  std::vector<ChannelId> purged;
  bool gap = false;  // what comes next is not in the log any more
};

void SearchIndexer::Start() {
  HEIM_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void SearchIndexer::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void SearchIndexer::OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) {
  absl::MutexLock lock(&mutex_);
  for (const std::shared_ptr<const CommittedEvent>& event : events) {
    Place& place = places_[event->workspace_id.str()];
    place.head = std::max(place.head, event->position);
    Note(event->workspace_id.str());
  }
}

void SearchIndexer::Note(const std::string& workspace) {
  const Place& place = places_[workspace];
  if (place.done < place.head) {
    behind_.insert(workspace);
  } else {
    behind_.erase(workspace);
  }
}

bool SearchIndexer::IsStopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

void SearchIndexer::Run() {
  pthread_setname_np(pthread_self(), "search-index");
  while (!IsStopping()) {
    bool loaded = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &SearchIndexer::HasWork), Idle());
      if (stopping_) return;
      loaded = loaded_;
    }
    const absl::Status status = loaded ? WorkOn() : Load();
    if (status.ok()) continue;
    LogWarn("The search index has to wait", {{"error", status}});
    if (absl::IsInternal(status)) StartOver(status);
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), options_.retry_delay);
  }
}

absl::Duration SearchIndexer::Idle() const {
  if (backfill_.has_value()) return absl::ZeroDuration();
  absl::Duration next = next_look_;
  if (deps_.index.HasRemains()) next = std::min(next, next_scrub_);
  return std::max(next - deps_.clock.Monotonic(), absl::ZeroDuration());
}

void SearchIndexer::StartOver(const absl::Status& why) {
  LogWarn("The search index is built anew", {{"error", why}});
  const absl::Status status = deps_.index.Reset();
  if (!status.ok()) LogError("The search index cannot be made", {{"error", status}});
  absl::MutexLock lock(&mutex_);
  loaded_ = false;
}

absl::Status SearchIndexer::Load() {
  HEIM_ASSIGN_OR_RETURN(IndexState state, deps_.index.Load());
  absl::flat_hash_map<std::string, Place> known;
  std::vector<IndexPlace> heads;
  bool fits = true;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    known.clear();
    heads.clear();
    HEIM_ASSIGN_OR_RETURN(const std::vector<JobCursor> workspaces, tx.jobs.List("search"));
    for (const JobCursor& workspace : workspaces) {
      HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace.workspace_id));
      heads.push_back({workspace.workspace_id, head.epoch, head.position});
      known[workspace.workspace_id.str()] = {head.epoch, 0, head.position};
    }
    for (const IndexPlace& place : state.places) {
      const auto found = known.find(place.workspace_id.str());
      fits = fits && found != known.end() && found->second.epoch == place.epoch &&
             found->second.head >= place.position;
      if (found != known.end()) found->second.done = place.position;
    }
    return absl::OkStatus();
  }));
  if (!fits) return absl::InternalError("it was made from another database");
  if (state.fresh) {
    HEIM_RETURN_IF_ERROR(deps_.index.Begin(heads));
    for (auto& [workspace, place] : known) place.done = place.head;
    state.backfill_before = std::string(kAll);
  }
  backfill_ = state.backfill_before;
  deps_.progress.SetRebuilding(backfill_.has_value());
  // What was said just before the beginning is among the first rows.
  if (backfill_.has_value()) HEIM_RETURN_IF_ERROR(Backfill());
  for (const auto& [workspace, place] : known) {
    deps_.progress.Reached(WorkspaceId(workspace), place.done);
  }
  absl::MutexLock lock(&mutex_);
  for (const auto& [workspace, place] : known) {
    Place& kept = places_[workspace];
    kept = {place.epoch, place.done, std::max(kept.head, place.head)};
    Note(workspace);
  }
  loaded_ = true;
  return absl::OkStatus();
}

// A batch of each kind of work in turn, so that none waits for the end of another.
absl::Status SearchIndexer::WorkOn() {
  HEIM_RETURN_IF_ERROR(deps_.index.Health());
  std::string workspace;
  {
    absl::MutexLock lock(&mutex_);
    if (!behind_.empty()) {
      const auto next = behind_.upper_bound(last_);
      workspace = next == behind_.end() ? *behind_.begin() : *next;
    }
  }
  if (!workspace.empty()) {
    last_ = workspace;
    HEIM_RETURN_IF_ERROR(ReadOn(workspace));
  }
  if (deps_.clock.Monotonic() >= next_look_) HEIM_RETURN_IF_ERROR(LookAtEpochs());
  if (backfill_.has_value()) HEIM_RETURN_IF_ERROR(Backfill());
  if (!deps_.index.HasRemains() || deps_.clock.Monotonic() < next_scrub_) return absl::OkStatus();
  return ScrubSome();
}

// A log goes on under a new epoch when rows came into the workspace without events: all are read
// again. What is indexed already stays as it is.
absl::Status SearchIndexer::LookAtEpochs() {
  absl::flat_hash_map<std::string, Place> places;
  {
    absl::MutexLock lock(&mutex_);
    places = places_;
  }
  std::vector<IndexPlace> renewed;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    renewed.clear();
    for (const auto& [workspace, place] : places) {
      const auto head = tx.log.Head(WorkspaceId(workspace));
      if (ReasonOf(head.status()) == v1::ERROR_REASON_WORKSPACE_NOT_FOUND) continue;
      HEIM_RETURN_IF_ERROR(head.status());
      if (place.epoch.empty() || place.epoch == head->epoch) continue;
      renewed.push_back({WorkspaceId(workspace), head->epoch, place.done});
    }
    return absl::OkStatus();
  }));
  next_look_ = deps_.clock.Monotonic() + options_.look_again;
  for (const IndexPlace& place : renewed) {
    IndexBatch batch;
    batch.place = place;
    batch.backfill_before = std::string(kAll);
    HEIM_RETURN_IF_ERROR(deps_.index.Apply(batch));
    backfill_ = std::string(kAll);
    deps_.progress.SetRebuilding(true);
    absl::MutexLock lock(&mutex_);
    places_[place.workspace_id.str()].epoch = place.epoch;
  }
  return absl::OkStatus();
}

absl::Status SearchIndexer::ReadOn(const std::string& workspace) {
  const WorkspaceId id(workspace);
  Place place;
  {
    absl::MutexLock lock(&mutex_);
    place = places_[workspace];
  }
  Gathered gathered;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    gathered = Gathered();
    if (place.epoch.empty()) {
      HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(id));
      place.epoch = head.epoch;
    }
    HEIM_ASSIGN_OR_RETURN(const std::vector<LogEntry> entries,
                          tx.log.Read(id, place.done, options_.batch_events, options_.batch_bytes));
    gathered.gap = entries.empty() || entries.front().position != place.done + 1;
    if (gathered.gap) return absl::OkStatus();
    absl::flat_hash_set<std::string> seen;
    for (const LogEntry& entry : entries) {
      if (!Wants(entry.type)) continue;
      v1::Event event;
      if (!event.ParseFromString(entry.bytes)) continue;
      if (event.has_channel_deleted()) {
        gathered.purged.emplace_back(event.channel_deleted().channel_id());
      }
      const std::string message = MessageOfEvent(event);
      if (message.empty() || !seen.insert(message).second) continue;
      HEIM_RETURN_IF_ERROR(AddRow(tx, id, MessageId(message), &gathered.batch));
    }
    place.done = entries.back().position;
    return absl::OkStatus();
  }));
  if (gathered.gap) return absl::InternalError("the log does not reach back to it");
  gathered.batch.place = IndexPlace{id, place.epoch, place.done};
  // Rows of a purged channel go by and by: those that are still there do not come in again.
  std::erase_if(gathered.batch.messages, [&](const IndexedMessage& message) {
    return std::find(gathered.purged.begin(), gathered.purged.end(), message.channel_id) !=
           gathered.purged.end();
  });
  for (const ChannelId& channel : gathered.purged) {
    bool some = true;
    while (some && !IsStopping()) {
      HEIM_ASSIGN_OR_RETURN(some, deps_.index.EraseSome(channel));
    }
    if (some) return absl::OkStatus();  // it goes on at the next start
  }
  HEIM_RETURN_IF_ERROR(deps_.index.Apply(gathered.batch));
  {
    absl::MutexLock lock(&mutex_);
    Place& kept = places_[workspace];
    kept.epoch = place.epoch;
    kept.done = place.done;
    kept.head = std::max(kept.head, kept.done);
    Note(workspace);
  }
  deps_.progress.Reached(id, place.done);
  return absl::OkStatus();
}

absl::Status SearchIndexer::Backfill() {
  IndexBatch batch;
  std::string before;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    batch = IndexBatch();
    HEIM_ASSIGN_OR_RETURN(const std::vector<MessageOf> messages,
                          tx.search.MessagesBefore(*backfill_, options_.backfill_messages));
    before = messages.empty() ? std::string() : messages.back().id.str();
    for (const MessageOf& message : messages) {
      if (message.workspace_id.empty()) continue;  // of a channel that is being purged
      HEIM_RETURN_IF_ERROR(AddRow(tx, message.workspace_id, message.id, &batch));
    }
    return absl::OkStatus();
  }));
  batch.backfill_before = before;
  HEIM_RETURN_IF_ERROR(deps_.index.Apply(batch));
  backfill_ = before;
  if (!before.empty()) return absl::OkStatus();
  backfill_.reset();
  deps_.progress.SetRebuilding(false);
  return absl::OkStatus();
}

absl::Status SearchIndexer::ScrubSome() {
  const absl::Duration begin = deps_.clock.Monotonic();
  HEIM_ASSIGN_OR_RETURN(const bool done, deps_.index.Scrub());
  const absl::Duration end = deps_.clock.Monotonic();
  scrubbed_for_ += end - begin;
  if (!done) return absl::OkStatus();
  next_scrub_ = end + options_.scrub_rest * std::exchange(scrubbed_for_, absl::ZeroDuration());
  return absl::OkStatus();
}

}  // namespace heim
