// Erasures of actors: how far each has come, and the rows that it takes away. What others see go
// (messages, memberships) is erased with events by the services; here is the rest, in bounded steps
// that a restart goes on with.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/erasure.pb.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct ErasureRow {
  // In this order. The numbers are kept.
  enum class Stage {
    kMemberships = 0,
    kMessages = 1,
    kBookmarks = 2,
    kLog = 3,
    kAnswers = 4,
    kInvites = 5,
    kRows = 6,
    kBytes = 7,
  };

  v1::Erasure erasure;
  WorkspaceId workspace_id;  // in which it was asked for
  Stage stage = Stage::kMemberships;
  std::string cursor;  // within the stage; empty: at its beginning
  std::string email;   // until the stage that looks for it

  ActorId actor_id() const { return ActorId(erasure.actor_id()); }
  bool deletes_messages() const { return erasure.messages() == v1::ERASED_MESSAGES_DELETE; }
  // To the beginning of the next stage.
  void Advance();
  void Count(std::string_view kind, uint64_t count);
};

class Erasures {
 public:
  explicit Erasures(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const ErasureRow& row);
  // ACTOR_NOT_FOUND.
  absl::StatusOr<ErasureRow> Get(std::string_view id);
  // That of the actor, running or done.
  absl::StatusOr<std::optional<ErasureRow>> OfActor(const ActorId& actor);
  // One of those that run.
  absl::StatusOr<std::optional<ErasureRow>> Next();
  absl::Status Update(const ErasureRow& row);

  // Takes e-mail address, former names, picture, passwords and keys, sessions: what must not be
  // left for a moment. The actor's row itself is for Actors::Update.
  absl::StatusOr<std::string> TakeEmail(const ActorId& actor);
  absl::Status EraseIdentity(ErasureRow* row);

  // A message that is the actor's, or that holds something of it.
  struct Trace {
    MessageId id;
    bool own = false;
  };
  struct Reacted {
    MessageId message_id;
    std::string emoji;
  };
  // What the next messages after row.cursor hold. Sets the cursor behind them; empty at the end.
  struct Window {
    std::vector<Trace> messages;
    std::vector<Reacted> reactions;
  };
  absl::StatusOr<Window> NextMessages(ErasureRow* row);
  // What an author may not be known by beside its name: how it called its message, earlier
  // versions.
  absl::Status AnonymiseMessage(const MessageId& message);
  // Takes the name out of the versions before edits of somebody else's message.
  absl::Status RedactVersions(const MessageId& message, const v1::Actor& erased);

  // Ids and channels of bookmarks by the actor after row.cursor; sets the cursor.
  absl::StatusOr<std::vector<std::pair<std::string, ChannelId>>> NextBookmarks(ErasureRow* row);
  // One step each; they advance the row when they are done with their stage.
  absl::Status ScrubLog(ErasureRow* row, const v1::Actor& erased);
  absl::Status ScrubAnswers(ErasureRow* row, const v1::Actor& erased);
  absl::Status EraseInvites(ErasureRow* row);
  absl::Status EraseRows(ErasureRow* row);

  // Whether rows of the table go with the actor: every table that names actors must be one of
  // those, or be named in the test with the reason why not.
  static bool Erases(std::string_view table);

 private:
  absl::Status EraseFiles(ErasureRow* row, bool* more);

  SqlSession* session_;
};

}  // namespace heim
