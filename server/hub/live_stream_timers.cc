// The half of LiveStreamBook that time drives: merged chunks, snapshots to disk, idle streams.
#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/hub/hub_limits.h"
#include "server/hub/live_stream_book.h"

namespace heim {
namespace {

// Into the stream's row, and into the message, where lists show it.
absl::Status SaveText(WriteTx& tx, const WorkspaceId& workspace, const v1::Stream& state) {
  HEIM_ASSIGN_OR_RETURN(StreamRow row, tx.streams.Get(StreamId(state.id())));
  // The end was committed meanwhile; its text wins.
  if (row.stream.state() != v1::STREAM_STATE_ACTIVE) return absl::OkStatus();
  row.stream = state;
  HEIM_RETURN_IF_ERROR(tx.streams.Update(row));
  HEIM_ASSIGN_OR_RETURN(v1::Message message, tx.messages.Get(MessageId(state.message_id())));
  if (message.state() != v1::MESSAGE_STATE_STREAMING) return absl::OkStatus();
  message.set_content(state.content());
  *message.mutable_parts() = state.parts();
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  return tx.messages.Update(message, position);
}

}  // namespace

void LiveStreamBook::After(absl::Duration delay, const LivePtr& live,
                           std::function<void(const LivePtr&)> callback) {
  timers_.After(
      delay, Gate::Guard(gate_, [weak = std::weak_ptr<Live>(live), callback = std::move(callback)] {
        if (const LivePtr still = weak.lock()) callback(still);
      }));
}

void LiveStreamBook::ArmIdle(const LivePtr& live, absl::Duration delay) {
  After(delay, live, [this](const LivePtr& still) { OnIdleTimer(still); });
}

void LiveStreamBook::OnIdleTimer(const LivePtr& live) {
  absl::Duration next = live->idle_timeout;
  std::function<void(StreamId)> on_idle;
  std::string id;
  {
    absl::MutexLock lock(&mutex_);
    id = live->head.id();
    const auto found = streams_.find(id);
    if (found == streams_.end() || found->second != live) return;
    const absl::Duration silent = clock_.Monotonic() - live->alive_at;
    if (silent < live->idle_timeout) {
      next = live->idle_timeout - silent;
    } else if (live->head.state() == v1::STREAM_STATE_ACTIVE) {
      on_idle = on_idle_;
    }
  }
  if (on_idle) on_idle(StreamId(id));
  // Asked again if the end could not be committed.
  ArmIdle(live, next);
}

void LiveStreamBook::OnMergeTimer(const LivePtr& live) {
  {
    absl::MutexLock lock(&mutex_);
    live->merge_armed = false;
    Cut(live.get());
  }
  Publish(live);
}

void LiveStreamBook::Settle(const LivePtr& live) {
  bool publish = false;
  bool arm_merge = false;
  bool save = false;
  bool arm_save = false;
  {
    absl::MutexLock lock(&mutex_);
    if (live->pending.bytes >= kChunkMaxBytes) {
      Cut(live.get());
      publish = true;
    } else if (live->pending.any && !live->merge_armed) {
      live->merge_armed = arm_merge = true;
    }
    if (live->unsaved_bytes >= kStreamPersistBytes && !live->saving) {
      save = true;
    } else if (live->unsaved_bytes > 0 && !live->saving && !live->save_armed) {
      live->save_armed = arm_save = true;
    }
  }
  if (publish) Publish(live);
  if (arm_merge) {
    After(kChunkMergeFor, live, [this](const LivePtr& still) { OnMergeTimer(still); });
  }
  if (save) Save(live);
  if (arm_save) {
    After(kStreamPersistEvery, live, [this](const LivePtr& still) {
      {
        absl::MutexLock lock(&mutex_);
        still->save_armed = false;
      }
      Save(still);
    });
  }
}

void LiveStreamBook::Save(const LivePtr& live) {
  auto state = std::make_shared<v1::Stream>();
  size_t bytes = 0;
  {
    absl::MutexLock lock(&mutex_);
    const bool active = live->head.state() == v1::STREAM_STATE_ACTIVE;
    if (!active || live->saving || live->unsaved_bytes == 0) return;
    live->saving = true;
    bytes = std::exchange(live->unsaved_bytes, 0);
    *state = StateOf(*live);
    state->set_durable_index(state->next_index());
  }
  Draft draft;
  draft.apply = [state, workspace = live->workspace](WriteTx& tx) {
    return SaveText(tx, workspace, *state);
  };
  const uint32_t index = state->next_index();
  store_.Commit(std::move(draft),
                Gate::Guard(gate_, [this, live, index, bytes](absl::StatusOr<Committed> committed) {
                  if (!committed.ok()) {
                    LogWarn("A stream's text was not saved",
                            {{"stream_id", live->head.id()}, {"status", committed.status()}});
                  }
                  OnSaved(live, index, bytes, committed.ok());
                }));
}

void LiveStreamBook::OnSaved(const LivePtr& live, uint32_t index, size_t bytes, bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    live->saving = false;
    if (ok) {
      live->head.set_durable_index(std::max(live->head.durable_index(), index));
    } else {
      // Less than a full load, so that a failing store is asked once a second and not at once.
      live->unsaved_bytes += std::min(bytes, kStreamPersistBytes - 1);
    }
    if (live->head.state() != v1::STREAM_STATE_ACTIVE) return;
  }
  Settle(live);
}

}  // namespace heim
