// Messages, thread summaries, reactions. Rows and nothing else; rights are checked by services.
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
#include "heim/v1/message.pb.h"
#include "heim/v1/message_read.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// A page by seq. Exactly one direction: descending before `before_seq` (0: from the newest), or
// ascending after `after_seq`.
struct MessagePage {
  bool ascending = false;
  uint64_t before_seq = 0;
  uint64_t after_seq = 0;
  bool include_replies = false;
  uint64_t from_seq = 0;  // nothing older
  uint32_t limit = 50;
};

class Messages {
 public:
  explicit Messages(SqlSession& session) : session_(&session) {}

  // Inserts the message as given (id, seq and times set). `position` is that of its first event.
  // ALREADY_EXISTS when the author used the client_id before.
  absl::Status Insert(const v1::Message& message, const WorkspaceId& workspace, uint64_t position);
  // With author, reactions and thread summary. MESSAGE_NOT_FOUND.
  absl::StatusOr<v1::Message> Get(const MessageId& id);
  // The author's message with that client_id, or nullopt.
  absl::StatusOr<std::optional<v1::Message>> FindByClientId(const ActorId& author,
                                                            std::string_view client_id);
  // SHA-256 of the request that made the message under its client_id; empty when none was kept.
  absl::StatusOr<std::string> RequestHashOf(const MessageId& id);
  absl::Status SetRequestHash(const MessageId& id, std::string_view hash);
  // Writes text, parts, attachments, metadata, mentions, state, revision, edited_at, deleted_at;
  // keeps the version before in the history unless the message is now deleted (then all versions
  // are erased).
  absl::Status Update(const v1::Message& message, uint64_t position);
  // What the message said before its edits, newest first, below the revision.
  absl::StatusOr<std::vector<v1::MessageVersion>> ListVersions(const v1::Message& message,
                                                               uint32_t before_revision,
                                                               uint32_t limit);
  absl::StatusOr<std::vector<v1::Message>> List(const ChannelId& channel, const MessagePage& page);
  // Replies of a root, ascending after `after_seq`.
  absl::StatusOr<std::vector<v1::Message>> ListThread(const MessageId& root, uint64_t after_seq,
                                                      uint32_t limit);
  // Counts the reply into the root's summary, or a deleted one out of it.
  absl::Status AddReply(const MessageId& root, const v1::Message& reply, uint64_t position);
  absl::Status RemoveReply(const MessageId& root, uint64_t position);

 private:
  // `body` is that of the row before the edit. The oldest of very many versions are let go.
  absl::Status KeepVersion(const MessageId& id, uint32_t revision, std::string_view body);
  absl::Status EraseVersions(const MessageId& id);

  SqlSession* session_;
};

// A reaction and its place among those of its message.
struct PlacedReaction {
  uint64_t place = 0;
  v1::Reaction reaction;
};

class Reactions {
 public:
  explicit Reactions(SqlSession& session) : session_(&session) {}

  // False when it was there already.
  absl::StatusOr<bool> Add(const MessageId& message, const ActorId& actor, std::string_view emoji,
                           absl::Time at);
  // False when it was not there.
  absl::StatusOr<bool> Remove(const MessageId& message, const ActorId& actor,
                              std::string_view emoji);
  absl::Status RemoveAll(const MessageId& message);
  absl::StatusOr<uint32_t> Count(const MessageId& message, std::string_view emoji);
  // Oldest first, after the place; only of that emoji unless it is empty.
  absl::StatusOr<std::vector<PlacedReaction>> List(const MessageId& message, std::string_view emoji,
                                                   uint64_t after_place, uint32_t limit);
  // Kinds of reactions on the message.
  absl::StatusOr<uint32_t> Kinds(const MessageId& message);

 private:
  SqlSession* session_;
};

}  // namespace heim
