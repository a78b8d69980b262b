// The items of actors' inboxes. Rows and nothing else; rights are checked by services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/notification.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// Whose inbox: an actor has one in each of its workspaces.
struct InboxOwner {
  WorkspaceId workspace_id;
  ActorId actor_id;
};

struct NewInboxItem {
  v1::InboxItem item;  // `actor` and `message` are not kept
  uint64_t seq = 0;    // of the message
  uint64_t position = 0;
  // Whether a reader whose cursor is past the message has seen the item already.
  bool read_counts = true;
};

struct InboxFilter {
  bool unseen = false;
  v1::InboxReason reason = v1::INBOX_REASON_UNSPECIFIED;
  std::string before_id;  // empty: from the newest
  uint32_t limit = 50;
};

struct RemovedItem {
  std::string id;
  bool was_seen = false;
};

class Inbox {
 public:
  explicit Inbox(SqlSession& session) : session_(&session) {}

  // The item as stored, with `seen_at` when it was read before. Nothing is stored, and nullopt
  // answered, when the message is deleted, the owner is not in the channel since before `position`,
  // or has an item for this message.
  absl::StatusOr<std::optional<v1::InboxItem>> Insert(const InboxOwner& owner,
                                                      const NewInboxItem& item, absl::Time now);
  // Removes all but the newest `keep`.
  absl::StatusOr<std::vector<RemovedItem>> Trim(const InboxOwner& owner, uint32_t keep);

  // Newest first, with the author of the message. Left out is what lies in channels that the owner
  // is not in, and what was deleted.
  absl::StatusOr<std::vector<v1::InboxItem>> List(const InboxOwner& owner,
                                                  const InboxFilter& filter);
  absl::StatusOr<uint32_t> CountUnseen(const InboxOwner& owner);

  // The items that were not seen before.
  absl::StatusOr<std::vector<std::string>> MarkSeen(const InboxOwner& owner,
                                                    const std::vector<std::string>& ids,
                                                    absl::Time at);
  absl::StatusOr<std::vector<std::string>> MarkSeenUntil(const InboxOwner& owner,
                                                         std::string_view id, absl::Time at);
  // Of messages up to `seq` in the channel's top level, or in the thread.
  absl::StatusOr<std::vector<std::string>> MarkRead(const InboxOwner& owner,
                                                    const ChannelId& channel,
                                                    std::string_view thread_id, uint64_t seq,
                                                    absl::Time at);

  // Who has an item for the message, or of the channel.
  absl::StatusOr<std::vector<ActorId>> OwnersByMessage(const MessageId& message);
  absl::StatusOr<std::vector<ActorId>> OwnersByChannel(const ChannelId& channel);
  absl::StatusOr<std::vector<RemovedItem>> RemoveMessage(const InboxOwner& owner,
                                                         const MessageId& message);
  // Items that events before `position` made.
  absl::StatusOr<std::vector<RemovedItem>> RemoveChannel(const InboxOwner& owner,
                                                         const ChannelId& channel,
                                                         uint64_t position);
  absl::StatusOr<std::vector<RemovedItem>> RemoveAll(const InboxOwner& owner, uint64_t position);

  // The oldest items of all inboxes: when the first came, and whose are older than `before`.
  absl::StatusOr<std::optional<absl::Time>> OldestItem();
  absl::StatusOr<std::vector<InboxOwner>> OwnersBefore(absl::Time before, uint32_t limit);
  absl::StatusOr<std::vector<RemovedItem>> RemoveBefore(const InboxOwner& owner, absl::Time before);

 private:
  SqlSession* session_;
};

}  // namespace heim
