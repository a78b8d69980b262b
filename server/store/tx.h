// ReadTx and WriteTx bundle the repositories over one transaction. Lent by a Store for the length
// of a callback; used by one thread at a time; every call may block on the database.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "heim/v1/event.pb.h"
#include "server/model/audit_note.h"
#include "server/model/ids.h"
#include "server/store/actors.h"
#include "server/store/audit_entries.h"
#include "server/store/avatars.h"
#include "server/store/bookmarks.h"
#include "server/store/channel_purges.h"
#include "server/store/channels.h"
#include "server/store/credentials.h"
#include "server/store/custom_emoji.h"
#include "server/store/erasures.h"
#include "server/store/event_log.h"
#include "server/store/exports.h"
#include "server/store/files.h"
#include "server/store/forwards.h"
#include "server/store/imports.h"
#include "server/store/inbox.h"
#include "server/store/invites.h"
#include "server/store/job_cursors.h"
#include "server/store/kept_answers.h"
#include "server/store/link_previews.h"
#include "server/store/message_drafts.h"
#include "server/store/messages.h"
#include "server/store/notifications.h"
#include "server/store/password_resets.h"
#include "server/store/pins.h"
#include "server/store/presence_rows.h"
#include "server/store/saved_items.h"
#include "server/store/scheduled_messages.h"
#include "server/store/search_rows.h"
#include "server/store/sql.h"
#include "server/store/streams.h"
#include "server/store/thread_follows.h"
#include "server/store/user_groups.h"
#include "server/store/workspace_deletions.h"
#include "server/store/workspaces.h"

namespace heim {

class ReadTx {
 public:
  explicit ReadTx(SqlSession& session)
      : workspaces(session),
        workspace_deletions(session),
        actors(session),
        audit(session),
        avatars(session),
        custom_emoji(session),
        credentials(session),
        sessions(session),
        invites(session),
        password_resets(session),
        channels(session),
        members(session),
        purges(session),
        messages(session),
        reactions(session),
        pins(session),
        bookmarks(session),
        saved(session),
        forwards(session),
        follows(session),
        groups(session),
        calls(session),
        streams(session),
        files(session),
        imports(session),
        exports(session),
        notifications(session),
        inbox(session),
        presence(session),
        jobs(session),
        log(session),
        erasures(session),
        answers(session),
        link_previews(session),
        meta(session),
        message_drafts(session),
        scheduled_messages(session),
        search(session) {}

  Workspaces workspaces;
  WorkspaceDeletions workspace_deletions;
  Actors actors;
  AuditEntries audit;
  Avatars avatars;
  CustomEmojis custom_emoji;
  CredentialRows credentials;
  Sessions sessions;
  Invites invites;
  PasswordResets password_resets;
  Channels channels;
  Members members;
  ChannelPurges purges;
  Messages messages;
  Reactions reactions;
  Pins pins;
  Bookmarks bookmarks;
  SavedItems saved;
  Forwards forwards;
  ThreadFollows follows;
  UserGroups groups;
  GroupCalls calls;
  Streams streams;
  Files files;
  Imports imports;
  Exports exports;
  Notifications notifications;
  Inbox inbox;
  PresenceRows presence;
  JobCursors jobs;
  EventLog log;
  Erasures erasures;
  KeptAnswers answers;
  LinkPreviews link_previews;
  Meta meta;
  MessageDrafts message_drafts;
  ScheduledMessages scheduled_messages;
  SearchRows search;
};

class WriteTx : public ReadTx {
 public:
  explicit WriteTx(SqlSession& session) : ReadTx(session) {}
  virtual ~WriteTx() = default;

  // What the handler tells the audit log of its change, in this run of the draft.
  AuditNote note;

  // The time, for what is written by the server itself.
  virtual absl::Time now() const = 0;

  // Gives the next position of the workspace without an event yet, so that rows can carry it
  // (`changed_position`). The following Emit of this workspace uses it. Idempotent until then.
  virtual absl::StatusOr<uint64_t> PeekPosition(const WorkspaceId& workspace) = 0;

  // Writes the event into the workspace's log and answers its position. Sets `position`, and
  // `timestamp` when unset.
  virtual absl::StatusOr<uint64_t> Emit(const WorkspaceId& workspace, v1::Event event) = 0;

  // Keeps the answer and its HTTP status (0: the method's own) under the draft's idempotency key,
  // if it has one. Secrets must be cleared from it before.
  virtual void SetResponse(const google::protobuf::Message& response, int http_status) = 0;
};

}  // namespace heim
