#include "server/service/inbox_marks.h"

#include <utility>

#include "server/base/status_macros.h"

namespace heim {
namespace {

absl::Status Emit(WriteTx& tx, const Acting& acting, const InboxOwner& owner,
                  v1::InboxSeen payload) {
  HEIM_ASSIGN_OR_RETURN(const uint32_t unseen, tx.inbox.CountUnseen(owner));
  payload.set_unseen_count(unseen);
  v1::Event event = ChannelEvent(acting, ChannelId());
  event.set_to_actor_id(owner.actor_id.str());
  *event.mutable_inbox_seen() = std::move(payload);
  return tx.Emit(owner.workspace_id, std::move(event)).status();
}

}  // namespace

absl::Status EmitInboxSeen(WriteTx& tx, const Acting& acting, const InboxOwner& owner,
                           const std::vector<std::string>& item_ids) {
  if (item_ids.empty()) return absl::OkStatus();
  v1::InboxSeen payload;
  for (const std::string& id : item_ids) payload.add_item_ids(id);
  return Emit(tx, acting, owner, std::move(payload));
}

absl::Status EmitInboxSeenUntil(WriteTx& tx, const Acting& acting, const InboxOwner& owner,
                                const std::string& seen_until) {
  v1::InboxSeen payload;
  payload.set_seen_until(seen_until);
  return Emit(tx, acting, owner, std::move(payload));
}

absl::Status MarkInboxRead(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                           const v1::ReadState& state) {
  const InboxOwner owner{workspace, acting.by};
  HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> seen,
                        tx.inbox.MarkRead(owner, ChannelId(state.channel_id()), state.thread_id(),
                                          state.last_read_seq(), acting.at));
  return EmitInboxSeen(tx, acting, owner, seen);
}

}  // namespace heim
