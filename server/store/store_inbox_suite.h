// InboxSuite is the part of the suite about inboxes, with what its tests share: everything happens
// to bob, in the channel `general`. For tests only; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/base/status_macros.h"
#include "server/store/store_suite.h"

namespace heim {

class InboxSuite : public StoreSuite {
 protected:
  InboxOwner Bob() const { return {workspace_, bob_}; }

  NewInboxItem ItemFor(const v1::Message& message, uint64_t position = 1'000'000) {
    NewInboxItem added;
    added.item.set_id(ids_.NewId());
    added.item.set_reason(v1::INBOX_REASON_MENTION);
    added.item.set_channel_id(message.channel_id());
    if (message.has_thread_id()) added.item.set_thread_id(message.thread_id());
    added.item.set_message_id(message.id());
    *added.item.mutable_created_at() = ToTimestamp(clock_.Now());
    added.seq = message.seq();
    added.position = position;
    return added;
  }
  // Whether it was stored; with its seen_at.
  std::optional<v1::InboxItem> Add(const NewInboxItem& added) {
    std::optional<v1::InboxItem> stored;
    MustCommit([&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(stored, tx.inbox.Insert(Bob(), added, clock_.Now()));
      return absl::OkStatus();
    });
    return stored;
  }
  std::vector<std::string> Listed(InboxFilter filter = {}) {
    std::vector<std::string> ids;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto items, tx.inbox.List(Bob(), filter));
      for (const v1::InboxItem& item : items) ids.push_back(item.id());
      return absl::OkStatus();
    });
    return ids;
  }
  uint32_t Unseen() {
    uint32_t unseen = 0;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(unseen, tx.inbox.CountUnseen(Bob()));
      return absl::OkStatus();
    });
    return unseen;
  }
  v1::Message Say(const std::string& text) { return MustPost(NewMessage(ann_, text)); }
};

}  // namespace heim
