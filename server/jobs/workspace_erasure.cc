#include "server/jobs/workspace_erasure.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/service/membership.h"

namespace heim {
namespace {

using Stage = WorkspaceDeletion::Stage;

constexpr uint32_t kChannelsAtOnce = 20;
// Between looks at whether the channels are gone.
constexpr absl::Duration kLookAgain = absl::Milliseconds(200);

absl::StatusOr<std::optional<absl::Time>> NextDue(Store& store, const Clock& clock) {
  std::optional<absl::Time> due;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto deletion, tx.workspace_deletions.Next());
    if (!deletion.has_value()) return absl::OkStatus();
    due = clock.Now();
    if (deletion->stage != Stage::kPurges) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(const bool purging,
                          tx.workspace_deletions.IsPurging(deletion->workspace_id));
    if (purging) *due += kLookAgain;
    return absl::OkStatus();
  }));
  return due;
}

// The same end as that of any purged channel, so that whoever reads the log forgets it.
absl::Status PurgeSome(WriteTx& tx, WorkspaceDeletion* deletion, absl::Time now) {
  const WorkspaceId& workspace = deletion->workspace_id;
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace row, tx.workspaces.Get(workspace));
  HEIM_ASSIGN_OR_RETURN(const std::vector<ChannelId> channels,
                        tx.workspace_deletions.Channels(workspace, kChannelsAtOnce));
  for (const ChannelId& id : channels) {
    HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, tx.channels.Get(id));
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
    HEIM_RETURN_IF_ERROR(tx.purges.Begin(channel, position));
    const ActorId by(row.owner_id());
    v1::Event event = ChannelEvent({by, now}, id);
    v1::ChannelDeleted& deleted = *event.mutable_channel_deleted();
    deleted.set_channel_id(id.str());
    deleted.set_deleted_by(by.str());
    deleted.set_type(channel.type());
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  }
  if (channels.size() < kChannelsAtOnce) deletion->stage = Stage::kPurges;
  return tx.workspace_deletions.SetStage(*deletion);
}

absl::Status Step(WriteTx& tx, WorkspaceDeletion deletion, absl::Time now) {
  const WorkspaceId workspace = deletion.workspace_id;
  switch (deletion.stage) {
    case Stage::kChannels:
      return PurgeSome(tx, &deletion, now);
    case Stage::kPurges: {
      HEIM_ASSIGN_OR_RETURN(const bool purging, tx.workspace_deletions.IsPurging(workspace));
      if (purging) return absl::OkStatus();
      deletion.stage = Stage::kRows;
      return tx.workspace_deletions.SetStage(deletion);
    }
    case Stage::kRows: {
      HEIM_ASSIGN_OR_RETURN(const bool done, tx.workspace_deletions.EraseRows(workspace));
      if (!done) return absl::OkStatus();
      deletion.stage = Stage::kLog;
      return tx.workspace_deletions.SetStage(deletion);
    }
    case Stage::kLog:
      return tx.workspace_deletions.EraseLog(workspace).status();
  }
  return absl::InternalError("a deletion is at no stage that is known");
}

}  // namespace

DueWork WorkspaceErasure(Store& store, const Clock& clock, std::function<void()> purged,
                         std::function<void()> swept) {
  DueWork work;
  work.name = "erasure of deleted workspaces";
  work.next_due = [&store, &clock] { return NextDue(store, clock); };
  work.run = [&store, purged = std::move(purged), swept = std::move(swept)](absl::Time now,
                                                                            DueWork::Done done) {
    auto stage = std::make_shared<Stage>(Stage::kPurges);
    Draft draft;
    draft.apply = [now, stage](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto deletion, tx.workspace_deletions.Next());
      if (!deletion.has_value()) return absl::OkStatus();
      *stage = deletion->stage;
      return Step(tx, *deletion, now);
    };
    store.Commit(std::move(draft), [stage, purged, swept, done = std::move(done)](
                                       const absl::StatusOr<Committed>& committed) mutable {
      if (!committed.ok()) return done(committed.status());
      if (*stage == Stage::kChannels) purged();
      if (*stage == Stage::kRows) swept();
      done(1);
    });
  };
  return work;
}

}  // namespace heim
