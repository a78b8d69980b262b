// The steps of an erasure that nobody hears of: the log, kept answers, invites and the actor's own
// rows.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "heim/v1/event.pb.h"
#include "heim/v1/invite.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/erased_actor.h"
#include "server/model/kept_answer.h"
#include "server/store/audit_entries.h"
#include "server/store/erasures.h"
#include "server/store/files.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

// What one step looks at, and deletes of each table, at most.
constexpr uint32_t kEventsAtOnce = 1000;
constexpr uint32_t kAnswersAtOnce = 500;
constexpr uint32_t kEntriesAtOnce = 500;
constexpr uint32_t kInvitesAtOnce = 500;
constexpr uint32_t kRowsAtOnce = 1000;
constexpr uint32_t kFilesAtOnce = 100;

// Between the parts of a place in a table; in no id and no method.
constexpr char kBetween = '\x1f';
// Begins the place in the audit log, which is looked through after the answers.
constexpr char kInAudit = '\x1e';

constexpr char kNextWorkspace[] =
    "SELECT workspace_id FROM workspace_log WHERE workspace_id > $1 ORDER BY workspace_id LIMIT 1";
constexpr char kEvents[] =
    "SELECT position, to_actor_id, payload FROM event_log "
    "WHERE workspace_id = $1 AND position > $2 ORDER BY position LIMIT $3";
constexpr char kSetPayload[] =
    "UPDATE event_log SET payload = $3 WHERE workspace_id = $1 AND position = $2";

constexpr char kAnswers[] =
    "SELECT actor_id, method, key, response FROM idempotency "
    "WHERE (actor_id, method, key) > ($1, $2, $3) ORDER BY actor_id, method, key LIMIT $4";
constexpr char kSetAnswer[] =
    "UPDATE idempotency SET response = $4 WHERE actor_id = $1 AND method = $2 AND key = $3";

constexpr char kAudited[] =
    "SELECT workspace_id, sequence, actor_id, subject_kind, changes FROM audit_entries "
    "WHERE (workspace_id, sequence) > ($1, $2) AND changes IS NOT NULL "
    "ORDER BY workspace_id, sequence LIMIT $3";
constexpr char kForgetChanges[] =
    "UPDATE audit_entries SET changes = NULL WHERE workspace_id = $1 AND sequence = $2";
// What the actor said or gave, as far as the audit log tells of it.
constexpr std::string_view kOwnThings[] = {"invite", "file", "message", "bookmark",
                                           "token",  "key",  "session", "scheduled_message"};

constexpr char kInvites[] =
    "SELECT id, created_by, record FROM invites WHERE id > $1 ORDER BY id LIMIT $2";
constexpr char kDeleteInvite[] = "DELETE FROM invites WHERE id = $1";

// In no message any more, but for copies that are erased behind the deletions.
constexpr char kFilesLeft[] =
    "SELECT f.id FROM files f WHERE f.actor_id = $1 "
    "AND ($2 = 1 OR NOT EXISTS (SELECT 1 FROM file_links l WHERE l.file_id = f.id)) "
    "ORDER BY f.id LIMIT $3";
constexpr char kUnlinkFile[] = "DELETE FROM file_links WHERE file_id = $1";
constexpr char kEraseUsage[] = "DELETE FROM file_usage WHERE actor_id = $1";
// Where an import had the account from: its name there, often.
constexpr char kEraseSources[] = "DELETE FROM import_ids WHERE new_id = $1";
constexpr char kForgetPicture[] = "UPDATE actors SET avatar_url = NULL WHERE id = $1";
constexpr char kEraseLeavings[] = "DELETE FROM presence_choices WHERE actor_id = $1";

struct OwnRows {
  std::string_view kind;
  std::string_view sql;
};

// Some of the actor's rows, told apart by the other columns of the key.
#define HEIM_OWN_ROWS(table, keys)                                                           \
  "DELETE FROM " table " WHERE actor_id = $1 AND (" keys ") IN (SELECT " keys " FROM " table \
  " WHERE actor_id = $1 LIMIT $2)"
constexpr OwnRows kOwnRows[] = {
    {"drafts", HEIM_OWN_ROWS("message_drafts", "channel_id, thread_id")},
    {"scheduled_messages", HEIM_OWN_ROWS("scheduled_messages", "id")},
    {"saved_items", HEIM_OWN_ROWS("saved_items", "message_id")},
    {"inbox_items", HEIM_OWN_ROWS("inbox", "workspace_id, id")},
    {"read_states", HEIM_OWN_ROWS("thread_reads", "root_id")},
    {"settings", HEIM_OWN_ROWS("notification_preferences", "workspace_id")},
    {"settings", HEIM_OWN_ROWS("channel_notifications", "channel_id, thread_id")},
    {"mentions", HEIM_OWN_ROWS("message_mentions", "channel_id, seq")},
    {"mentions", HEIM_OWN_ROWS("group_calls", "channel_id, seq, called_as")},
    {"streams", HEIM_OWN_ROWS("streams", "id")},
    {"kept_answers", HEIM_OWN_ROWS("idempotency", "method, key")},
    {"memberships", HEIM_OWN_ROWS("user_group_members", "group_id")},
    {"memberships",
     HEIM_OWN_ROWS("membership_intervals", "workspace_id, channel_id, from_position")},
    {"presence", HEIM_OWN_ROWS("presence_connected", "workspace_id")},
};
// What goes with the account, in the erasure's first commit and in its first stage.
constexpr std::string_view kWithTheAccount[] = {
    "avatars",     "former_usernames", "password_resets",   "sessions",
    "credentials", "channel_members",  "workspace_members", "agent_capabilities"};

// What the actor alone heard: of its drafts, marks, settings.
std::string BareEvent(uint64_t position, std::string_view to_actor_id) {
  v1::Event bare;
  bare.set_position(position);
  bare.set_to_actor_id(std::string(to_actor_id));
  return bare.SerializeAsString();
}

void ScrubBookmark(const ErasureRow& row, v1::Bookmark* bookmark) {
  if (bookmark->created_by() != row.erasure.actor_id()) return;
  bookmark->clear_title();
  bookmark->clear_url();
  bookmark->clear_emoji();
}

void ScrubEvent(const ErasureRow& row, const v1::Actor& erased, v1::Event* event) {
  RedactActor(erased, event);
  if (row.deletes_messages() && event->has_bookmark_created()) {
    ScrubBookmark(row, event->mutable_bookmark_created()->mutable_bookmark());
  }
  if (row.deletes_messages() && event->has_bookmark_updated()) {
    ScrubBookmark(row, event->mutable_bookmark_updated()->mutable_bookmark());
  }
  v1::Message* message = nullptr;
  if (event->has_message_new()) message = event->mutable_message_new()->mutable_message();
  if (event->has_message_updated()) message = event->mutable_message_updated()->mutable_message();
  if (event->has_message_deleted()) message = event->mutable_message_deleted()->mutable_message();
  if (event->has_message_stream_start()) {
    message = event->mutable_message_stream_start()->mutable_message();
  }
  if (message == nullptr || message->actor().id() != erased.id()) return;
  message->clear_metadata();
  message->clear_client_id();
}

absl::StatusOr<std::string> NextWorkspace(SqlSession& session, const std::string& after) {
  std::string next;
  HEIM_RETURN_IF_ERROR(session.Query(kNextWorkspace, {SqlText(after)}, [&](const SqlRow& row) {
    next = TextOf(row, 0);
    return absl::OkStatus();
  }));
  return next;
}

// Entries that tell of the actor under another name than its own, such as who was added to a
// channel, and those that tell what it gave. Done when the row's place is empty.
absl::Status ScrubAudit(SqlSession& session, ErasureRow* row) {
  std::vector<std::string> place = absl::StrSplit(row->cursor.substr(1), kBetween);
  place.resize(2);
  int64_t after = 0;
  if (!place[1].empty() && !absl::SimpleAtoi(place[1], &after)) {
    return absl::InternalError("the place of an erasure does not parse");
  }
  const std::string id = row->erasure.actor_id();
  std::vector<std::pair<std::string, int64_t>> told;
  uint32_t looked_at = 0;
  HEIM_RETURN_IF_ERROR(session.Query(
      kAudited, {SqlText(place[0]), SqlValue(after), SqlInt(kEntriesAtOnce)},
      [&](const SqlRow& entry) {
        ++looked_at;
        row->cursor = StrCat(std::string_view(&kInAudit, 1), entry.Text(0),
                             std::string_view(&kBetween, 1), entry.Int(1));
        const bool own = entry.Text(2) == id &&
                         std::find(std::begin(kOwnThings), std::end(kOwnThings), entry.Text(3)) !=
                             std::end(kOwnThings);
        if (own || entry.Blob(4).find(id) != std::string_view::npos) {
          told.emplace_back(TextOf(entry, 0), entry.Int(1));
        }
        return absl::OkStatus();
      }));
  for (const auto& [workspace, sequence] : told) {
    HEIM_RETURN_IF_ERROR(
        session.Execute(kForgetChanges, {SqlText(workspace), SqlValue(sequence)}).status());
  }
  row->Count("audit_entries", told.size());
  if (looked_at < kEntriesAtOnce) row->cursor.clear();
  return absl::OkStatus();
}

}  // namespace

bool Erasures::Erases(std::string_view table) {
  const std::string begin = StrCat("DELETE FROM ", table, " ");
  const bool own = std::any_of(std::begin(kOwnRows), std::end(kOwnRows),
                               [&](const OwnRows& rows) { return StartsWith(rows.sql, begin); });
  return own || table == "files" || StartsWith(kEraseUsage, begin) ||
         StartsWith(kEraseLeavings, begin) || StartsWith(kDeleteInvite, begin) ||
         std::find(std::begin(kWithTheAccount), std::end(kWithTheAccount), table) !=
             std::end(kWithTheAccount);
}

absl::Status Erasures::ScrubLog(ErasureRow* row, const v1::Actor& erased) {
  const std::vector<std::string> place = absl::StrSplit(row->cursor, kBetween);
  std::string workspace = place[0];
  uint64_t after = 0;
  if (place.size() > 1 && !absl::SimpleAtoi(place[1], &after)) {
    return absl::InternalError("the place of an erasure does not parse");
  }
  if (workspace.empty()) {
    HEIM_ASSIGN_OR_RETURN(workspace, NextWorkspace(*session_, ""));
  }
  const std::string id = erased.id();
  std::vector<std::pair<uint64_t, std::string>> changed;
  uint32_t looked_at = 0;
  HEIM_RETURN_IF_ERROR(session_->Query(kEvents,
                                       {SqlText(workspace), SqlInt(after), SqlInt(kEventsAtOnce)},
                                       [&](const SqlRow& logged) -> absl::Status {
                                         ++looked_at;
                                         after = UintOf(logged, 0);
                                         if (logged.Text(1) == id) {
                                           changed.emplace_back(after, BareEvent(after, id));
                                           return absl::OkStatus();
                                         }
                                         if (logged.Blob(2).find(id) == std::string_view::npos)
                                           return absl::OkStatus();
                                         v1::Event event;
                                         HEIM_RETURN_IF_ERROR(ParseColumn(logged, 2, &event));
                                         ScrubEvent(*row, erased, &event);
                                         std::string bytes = event.SerializeAsString();
                                         if (bytes != logged.Blob(2))
                                           changed.emplace_back(after, std::move(bytes));
                                         return absl::OkStatus();
                                       }));
  for (const auto& [position, bytes] : changed) {
    HEIM_RETURN_IF_ERROR(
        session_->Execute(kSetPayload, {SqlText(workspace), SqlInt(position), SqlBlob(bytes)})
            .status());
  }
  row->Count("events", changed.size());
  if (looked_at < kEventsAtOnce) {
    HEIM_ASSIGN_OR_RETURN(workspace, NextWorkspace(*session_, workspace));
    after = 0;
  }
  row->cursor = StrCat(workspace, std::string_view(&kBetween, 1), after);
  if (workspace.empty()) row->Advance();
  return absl::OkStatus();
}

absl::Status Erasures::ScrubAnswers(ErasureRow* row, const v1::Actor& erased) {
  if (!row->cursor.empty() && row->cursor.front() == kInAudit) {
    HEIM_RETURN_IF_ERROR(ScrubAudit(*session_, row));
    if (row->cursor.empty()) row->Advance();
    return absl::OkStatus();
  }
  std::vector<std::string> place = absl::StrSplit(row->cursor, absl::MaxSplits(kBetween, 2));
  place.resize(3);
  struct Answer {
    std::string actor, method, key, response;
  };
  std::vector<Answer> changed;
  uint32_t looked_at = 0;
  const std::string_view between(&kBetween, 1);
  HEIM_RETURN_IF_ERROR(session_->Query(
      kAnswers, {SqlText(place[0]), SqlText(place[1]), SqlText(place[2]), SqlInt(kAnswersAtOnce)},
      [&](const SqlRow& kept) {
        ++looked_at;
        row->cursor = StrCat(kept.Text(0), between, kept.Text(1), between, kept.Text(2));
        if (kept.Text(0) == erased.id()) return absl::OkStatus();  // deleted with its other rows
        if (kept.Blob(3).find(erased.id()) == std::string_view::npos) return absl::OkStatus();
        changed.push_back(
            {TextOf(kept, 0), TextOf(kept, 1), TextOf(kept, 2), std::string(kept.Blob(3))});
        return absl::OkStatus();
      }));
  for (const Answer& answer : changed) {
    const std::string scrubbed = WithRewrittenAnswer(
        answer.method, answer.response,
        [&](google::protobuf::Message* message) { RedactActor(erased, message); });
    HEIM_RETURN_IF_ERROR(session_
                             ->Execute(kSetAnswer, {SqlText(answer.actor), SqlText(answer.method),
                                                    SqlText(answer.key), SqlBlob(scrubbed)})
                             .status());
  }
  if (looked_at < kAnswersAtOnce) row->cursor = std::string(1, kInAudit);
  return absl::OkStatus();
}

absl::Status Erasures::EraseInvites(ErasureRow* row) {
  std::vector<std::string> gone;
  uint32_t looked_at = 0;
  const std::string from = row->cursor;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kInvites, {SqlText(from), SqlInt(kInvitesAtOnce)}, [&](const SqlRow& kept) -> absl::Status {
        ++looked_at;
        row->cursor = TextOf(kept, 0);
        v1::Invite invite;
        HEIM_RETURN_IF_ERROR(ParseColumn(kept, 2, &invite));
        const bool for_it = !row->email.empty() && AsciiLower(invite.email()) == row->email;
        if (for_it || kept.Text(1) == row->erasure.actor_id()) gone.push_back(row->cursor);
        return absl::OkStatus();
      }));
  for (const std::string& invite : gone) {
    HEIM_RETURN_IF_ERROR(session_->Execute(kDeleteInvite, {SqlText(invite)}).status());
  }
  row->Count("invites", gone.size());
  if (looked_at < kInvitesAtOnce) {
    row->email.clear();
    row->Advance();
  }
  return absl::OkStatus();
}

absl::Status Erasures::EraseFiles(ErasureRow* row, bool* more) {
  std::vector<std::string> ids;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kFilesLeft, {SqlId(row->actor_id()), SqlBool(row->deletes_messages()), SqlInt(kFilesAtOnce)},
      [&](const SqlRow& file) {
        ids.push_back(TextOf(file, 0));
        return absl::OkStatus();
      }));
  for (const std::string& id : ids) {
    HEIM_RETURN_IF_ERROR(session_->Execute(kUnlinkFile, {SqlText(id)}).status());
    HEIM_RETURN_IF_ERROR(Files(*session_).DropUnlinked(id));
  }
  row->Count("files", ids.size());
  *more = *more || ids.size() == kFilesAtOnce;
  return absl::OkStatus();
}

absl::Status Erasures::EraseRows(ErasureRow* row) {
  const SqlValue actor = SqlText(row->erasure.actor_id());
  bool more = false;
  for (const OwnRows& rows : kOwnRows) {
    HEIM_ASSIGN_OR_RETURN(const int64_t erased,
                          session_->Execute(rows.sql, {actor, SqlInt(kRowsAtOnce)}));
    row->Count(rows.kind, static_cast<uint64_t>(erased));
    more = more || erased == kRowsAtOnce;
  }
  HEIM_RETURN_IF_ERROR(EraseFiles(row, &more));
  if (more) return absl::OkStatus();
  // What was on its way when the account was closed, such as a picture that was being made.
  HEIM_RETURN_IF_ERROR(EraseIdentity(row));
  HEIM_RETURN_IF_ERROR(session_->Execute(kForgetPicture, {actor}).status());
  // Files that stay are counted on.
  if (row->deletes_messages()) {
    HEIM_RETURN_IF_ERROR(session_->Execute(kEraseUsage, {actor}).status());
  }
  HEIM_RETURN_IF_ERROR(session_->Execute(kEraseLeavings, {actor}).status());
  HEIM_RETURN_IF_ERROR(session_->Execute(kEraseSources, {actor}).status());
  HEIM_ASSIGN_OR_RETURN(const int64_t entries,
                        AuditEntries(*session_).AnonymiseActor(row->actor_id()));
  row->Count("audit_entries", static_cast<uint64_t>(entries));
  row->Advance();
  return absl::OkStatus();
}

}  // namespace heim
