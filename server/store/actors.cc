#include "server/store/actors.h"

#include <utility>

#include "absl/strings/str_replace.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/people_limits.h"
#include "server/model/time.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_ACTOR_COLUMNS                                                                     \
  "a.id, a.type, a.username, a.display_name, a.avatar_url, a.status, a.presence, a.metadata, " \
  "a.created_at, a.updated_at, a.deleted_at, a.revision, p.body "
#define HEIM_ACTOR_SELECT \
  "SELECT " HEIM_ACTOR_COLUMNS "FROM actors a LEFT JOIN agent_profiles p ON p.actor_id = a.id "

constexpr char kInsert[] =
    "INSERT INTO actors (id, type, username, display_name, avatar_url, status, presence, metadata, "
    "created_at, updated_at, deleted_at, revision, email, search) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
constexpr char kUpdate[] =
    "UPDATE actors SET username = $2, display_name = $3, avatar_url = $4, status = $5, "
    "presence = $6, metadata = $7, updated_at = $8, deleted_at = $9, revision = $10, search = $11 "
    "WHERE id = $1";
constexpr char kUpsertProfile[] =
    "INSERT INTO agent_profiles (actor_id, owner_id, body, framework) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (actor_id) DO UPDATE SET "
    "owner_id = excluded.owner_id, body = excluded.body, framework = excluded.framework";
constexpr char kIsPaused[] = "SELECT paused FROM agent_profiles WHERE actor_id = $1";
constexpr char kSetPaused[] = "UPDATE agent_profiles SET paused = $2 WHERE actor_id = $1";
constexpr char kDeleteCapabilities[] = "DELETE FROM agent_capabilities WHERE actor_id = $1";
constexpr char kInsertCapability[] =
    "INSERT INTO agent_capabilities (actor_id, capability) VALUES ($1, $2) "
    "ON CONFLICT (actor_id, capability) DO NOTHING";
constexpr char kGet[] = HEIM_ACTOR_SELECT "WHERE a.id = $1";
constexpr char kGetByUsername[] = HEIM_ACTOR_SELECT "WHERE a.username = $1";
constexpr char kGetByEmail[] = HEIM_ACTOR_SELECT "WHERE a.email = $1";
constexpr char kGetRef[] =
    "SELECT id, username, type, display_name, avatar_url FROM actors WHERE id = $1";
constexpr char kResolve[] =
    "SELECT DISTINCT a.username, a.id FROM actors a "
    "JOIN workspace_members w ON w.actor_id = a.id AND w.workspace_id = $1 "
    "WHERE a.deleted_at IS NULL AND a.username IN ({list})";
// A list is kList, then a condition for each filter that is set (so that each can use its index),
// then kListEnd. {n} is the number of the condition's parameter.
constexpr char kList[] = HEIM_ACTOR_SELECT
    "JOIN workspace_members w ON w.actor_id = a.id AND w.workspace_id = $1 "
    "WHERE a.username > $2 AND ($3 = 0 OR a.type = $3) AND ($4 = 1 OR a.deleted_at IS NULL) ";
constexpr char kListMatching[] = "AND a.search LIKE {n} ESCAPE '\\' ";
constexpr char kListAble[] =
    "AND a.id IN (SELECT c.actor_id FROM agent_capabilities c WHERE c.capability = {n}) ";
constexpr char kListOnFramework[] =
    "AND a.id IN (SELECT f.actor_id FROM agent_profiles f "
    "WHERE f.framework = {n} AND f.framework <> '') ";
constexpr char kListOwned[] =
    "AND a.id IN (SELECT o.actor_id FROM agent_profiles o WHERE o.owner_id = {n}) ";
constexpr char kListPaused[] = "AND p.paused = 1 ";
constexpr char kListSharing[] =
    "AND (a.id = {n} OR a.id IN (SELECT y.actor_id FROM channel_members x "
    "JOIN channel_members y ON y.channel_id = x.channel_id "
    "JOIN channels h ON h.id = x.channel_id AND h.workspace_id = $1 WHERE x.actor_id = {n})) ";
constexpr char kListEnd[] = "ORDER BY a.username LIMIT {n}";
constexpr char kGetUsername[] = "SELECT username FROM actors WHERE id = $1";
constexpr char kIsKept[] =
    "SELECT COUNT(*) FROM former_usernames "
    "WHERE username = $1 AND actor_id <> $2 AND kept_until > $3";
constexpr char kKeepUsername[] =
    "INSERT INTO former_usernames (username, actor_id, kept_until) VALUES ($1, $2, $3) "
    "ON CONFLICT (username) DO UPDATE SET actor_id = excluded.actor_id, "
    "kept_until = excluded.kept_until";
constexpr char kFreeUsername[] = "DELETE FROM former_usernames WHERE username = $1";
// Nobody holds more than a few names that it does not use.
constexpr char kForgetUsernames[] =
    "DELETE FROM former_usernames WHERE actor_id = $1 AND kept_until < (SELECT MIN(n.kept_until) "
    "FROM (SELECT kept_until FROM former_usernames WHERE actor_id = $1 "
    "ORDER BY kept_until DESC LIMIT $2) n)";
// 4 is the role of guests.
constexpr char kShareChannel[] =
    "SELECT CASE WHEN x.role <> 4 AND y.role <> 4 THEN 1 "
    "WHEN x.actor_id = y.actor_id THEN 1 "
    "WHEN EXISTS (SELECT 1 FROM channel_members m "
    "JOIN channel_members n ON n.channel_id = m.channel_id AND n.actor_id = $3 "
    "JOIN channels c ON c.id = m.channel_id AND c.workspace_id = $1 WHERE m.actor_id = $2) "
    "THEN 1 ELSE 0 END "
    "FROM workspace_members x JOIN workspace_members y "
    "ON y.workspace_id = x.workspace_id AND y.actor_id = $3 "
    "WHERE x.workspace_id = $1 AND x.actor_id = $2";
constexpr char kCountHumans[] = "SELECT COUNT(*) FROM actors WHERE type = 1";
constexpr char kAgentsOwnedBy[] =
    "SELECT p.actor_id FROM agent_profiles p JOIN actors a ON a.id = p.actor_id "
    "WHERE p.owner_id = $1 AND a.deleted_at IS NULL ORDER BY p.actor_id";
constexpr char kWorkspacesOf[] =
    "SELECT workspace_id FROM workspace_members WHERE actor_id = $1 ORDER BY workspace_id";

absl::StatusOr<v1::Actor> ReadActor(const SqlRow& row) {
  v1::Actor actor;
  actor.set_id(TextOf(row, 0));
  actor.set_type(static_cast<v1::ActorType>(row.Int(1)));
  actor.set_username(TextOf(row, 2));
  actor.set_display_name(TextOf(row, 3));
  if (!row.IsNull(4)) actor.set_avatar_url(TextOf(row, 4));
  if (!row.IsNull(5)) actor.set_status(TextOf(row, 5));
  actor.set_presence(static_cast<v1::Presence>(row.Int(6)));
  if (!row.IsNull(7)) HEIM_RETURN_IF_ERROR(ParseColumn(row, 7, actor.mutable_metadata()));
  *actor.mutable_created_at() = TimestampOfMillis(row.Int(8));
  if (!row.IsNull(9)) *actor.mutable_updated_at() = TimestampOfMillis(row.Int(9));
  if (!row.IsNull(10)) *actor.mutable_deleted_at() = TimestampOfMillis(row.Int(10));
  actor.set_revision(static_cast<uint32_t>(row.Int(11)));
  if (!row.IsNull(12)) HEIM_RETURN_IF_ERROR(ParseColumn(row, 12, actor.mutable_agent()));
  return actor;
}

absl::StatusOr<v1::Actor> GetActor(SqlSession& session, std::string_view sql,
                                   std::string_view key) {
  v1::Actor actor;
  HEIM_RETURN_IF_ERROR(
      QueryOne(session, sql, {SqlText(key)}, ActorNotFound, [&](const SqlRow& row) {
        HEIM_ASSIGN_OR_RETURN(actor, ReadActor(row));
        return absl::OkStatus();
      }));
  return actor;
}

// What ActorFilter.q looks into.
std::string SearchText(const v1::Actor& actor) {
  return AsciiLower(StrCat(actor.username(), "\n", actor.display_name()));
}

absl::Status UsernameTaken() {
  return MakeError(v1::ERROR_REASON_USERNAME_TAKEN, "This username is in use");
}

absl::Status ActorTaken(const absl::Status& status) {
  if (IsTaken(status, "username")) return UsernameTaken();
  if (IsTaken(status, "email")) {
    return MakeError(v1::ERROR_REASON_EMAIL_TAKEN, "This e-mail address is in use");
  }
  return status;
}

absl::Status WriteProfile(SqlSession& session, const v1::Actor& actor) {
  if (!actor.has_agent()) return absl::OkStatus();
  const std::string body = actor.agent().SerializeAsString();
  HEIM_RETURN_IF_ERROR(
      session.Execute(kUpsertProfile, {SqlText(actor.id()), SqlTextOrNull(actor.agent().owner_id()),
                                       SqlBlob(body), SqlText(actor.agent().framework())}));
  HEIM_RETURN_IF_ERROR(session.Execute(kDeleteCapabilities, {SqlText(actor.id())}));
  for (const std::string& capability : actor.agent().capabilities()) {
    HEIM_RETURN_IF_ERROR(
        session.Execute(kInsertCapability, {SqlText(actor.id()), SqlText(capability)}));
  }
  return absl::OkStatus();
}

SqlValue OptionalText(bool set, const std::string& text) {
  return set ? SqlText(text) : SqlValue(nullptr);
}

SqlValue OptionalBlob(bool set, const std::string& bytes) {
  return set ? SqlBlob(bytes) : SqlValue(nullptr);
}

// A statement that grows by conditions, each with one parameter.
struct GrowingQuery {
  std::string sql;
  std::vector<SqlValue> parameters;

  void Add(std::string_view condition, SqlValue value) {
    parameters.push_back(value);
    const std::string place = StrCat("$", parameters.size());
    StrAppend(&sql, absl::StrReplaceAll(ToAbsl(condition), {{"{n}", place}}));
  }
};

template <typename Id>
absl::StatusOr<std::vector<Id>> QueryIds(SqlSession& session, std::string_view sql,
                                         const ActorId& actor) {
  std::vector<Id> ids;
  HEIM_RETURN_IF_ERROR(session.Query(sql, {SqlId(actor)}, [&](const SqlRow& row) {
    ids.emplace_back(row.Text(0));
    return absl::OkStatus();
  }));
  return ids;
}

}  // namespace

absl::Status Actors::Insert(const v1::Actor& actor, std::string_view email) {
  const std::string metadata = actor.metadata().SerializeAsString();
  const std::string folded = AsciiLower(email);
  const std::string search = SearchText(actor);
  HEIM_RETURN_IF_ERROR(CheckNotKept(actor, actor.created_at()));
  const absl::Status status =
      session_
          ->Execute(kInsert,
                    {SqlText(actor.id()), SqlEnum(actor.type()), SqlText(actor.username()),
                     SqlText(actor.display_name()),
                     OptionalText(actor.has_avatar_url(), actor.avatar_url()),
                     OptionalText(actor.has_status(), actor.status()), SqlEnum(actor.presence()),
                     OptionalBlob(actor.has_metadata(), metadata), SqlTime(actor.created_at()),
                     SqlTimeOrNull(actor.has_updated_at(), actor.updated_at()),
                     SqlTimeOrNull(actor.has_deleted_at(), actor.deleted_at()),
                     SqlInt(actor.revision()), SqlTextOrNull(folded), SqlText(search)})
          .status();
  if (!status.ok()) return ActorTaken(status);
  return WriteProfile(*session_, actor);
}

absl::StatusOr<v1::Actor> Actors::Get(const ActorId& id) {
  return GetActor(*session_, kGet, id.str());
}

absl::StatusOr<v1::Actor> Actors::GetByUsername(std::string_view username) {
  return GetActor(*session_, kGetByUsername, AsciiLower(username));
}

absl::StatusOr<v1::Actor> Actors::GetByEmail(std::string_view email) {
  return GetActor(*session_, kGetByEmail, AsciiLower(email));
}

absl::StatusOr<v1::ActorRef> Actors::GetRef(const ActorId& id) {
  v1::ActorRef ref;
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kGetRef, {SqlId(id)}, ActorNotFound, [&](const SqlRow& row) {
        ReadActorRef(row, 0, &ref);
        return absl::OkStatus();
      }));
  return ref;
}

absl::StatusOr<std::vector<std::pair<std::string, ActorId>>> Actors::ResolveUsernames(
    const WorkspaceId& workspace, absl::Span<const std::string> usernames) {
  std::vector<std::pair<std::string, ActorId>> found;
  const std::vector<std::string_view> names(usernames.begin(), usernames.end());
  HEIM_RETURN_IF_ERROR(
      QueryList(*session_, kResolve, {SqlId(workspace)}, names, [&](const SqlRow& row) {
        found.emplace_back(TextOf(row, 0), ActorId(row.Text(1)));
        return absl::OkStatus();
      }));
  return found;
}

absl::Status Actors::Update(const v1::Actor& actor) {
  const std::string metadata = actor.metadata().SerializeAsString();
  const std::string search = SearchText(actor);
  HEIM_RETURN_IF_ERROR(KeepFormerName(actor));
  const absl::StatusOr<int64_t> changed = session_->Execute(
      kUpdate, {SqlText(actor.id()), SqlText(actor.username()), SqlText(actor.display_name()),
                OptionalText(actor.has_avatar_url(), actor.avatar_url()),
                OptionalText(actor.has_status(), actor.status()), SqlEnum(actor.presence()),
                OptionalBlob(actor.has_metadata(), metadata),
                SqlTimeOrNull(actor.has_updated_at(), actor.updated_at()),
                SqlTimeOrNull(actor.has_deleted_at(), actor.deleted_at()), SqlInt(actor.revision()),
                SqlText(search)});
  if (!changed.ok()) return ActorTaken(changed.status());
  if (*changed == 0) return ActorNotFound();
  return WriteProfile(*session_, actor);
}

absl::Status Actors::CheckNotKept(const v1::Actor& actor, const google::protobuf::Timestamp& at) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t kept,
      QueryInt(*session_, kIsKept, {SqlText(actor.username()), SqlText(actor.id()), SqlTime(at)}));
  return kept == 0 ? absl::OkStatus() : UsernameTaken();
}

absl::Status Actors::KeepFormerName(const v1::Actor& actor) {
  std::string former;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGetUsername, {SqlText(actor.id())}, ActorNotFound,
                                [&](const SqlRow& row) {
                                  former = TextOf(row, 0);
                                  return absl::OkStatus();
                                }));
  if (former == actor.username()) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(CheckNotKept(actor, actor.updated_at()));
  HEIM_RETURN_IF_ERROR(session_->Execute(kFreeUsername, {SqlText(actor.username())}));
  const absl::Time until = FromTimestamp(actor.updated_at()) + kFormerUsernameKept;
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kKeepUsername, {SqlText(former), SqlText(actor.id()), SqlTime(until)}));
  return session_->Execute(kForgetUsernames, {SqlText(actor.id()), SqlInt(kFormerUsernamesMax)})
      .status();
}

absl::StatusOr<std::vector<v1::Actor>> Actors::List(const WorkspaceId& workspace,
                                                    const ActorFilter& filter) {
  const std::string pattern = LikePattern(AsciiLower(filter.q));
  GrowingQuery query{kList,
                     {SqlId(workspace), SqlText(filter.after_username), SqlEnum(filter.type),
                      SqlBool(filter.include_deactivated)}};
  if (!filter.q.empty()) query.Add(kListMatching, SqlText(pattern));
  if (!filter.capability.empty()) query.Add(kListAble, SqlText(filter.capability));
  if (!filter.framework.empty()) query.Add(kListOnFramework, SqlText(filter.framework));
  if (filter.owner.has_value()) query.Add(kListOwned, SqlId(*filter.owner));
  if (filter.only_paused) StrAppend(&query.sql, kListPaused);
  if (filter.shares_channel_with) query.Add(kListSharing, SqlId(*filter.shares_channel_with));
  query.Add(kListEnd, SqlInt(filter.limit));
  std::vector<v1::Actor> actors;
  HEIM_RETURN_IF_ERROR(session_->Query(query.sql, query.parameters, [&](const SqlRow& row) {
    HEIM_ASSIGN_OR_RETURN(v1::Actor actor, ReadActor(row));
    actors.push_back(std::move(actor));
    return absl::OkStatus();
  }));
  return actors;
}

absl::StatusOr<bool> Actors::ShareChannel(const WorkspaceId& workspace, const ActorId& a,
                                          const ActorId& b) {
  HEIM_ASSIGN_OR_RETURN(const int64_t share,
                        QueryInt(*session_, kShareChannel, {SqlId(workspace), SqlId(a), SqlId(b)}));
  return share == 1;
}

absl::StatusOr<int64_t> Actors::CountHumans() { return QueryInt(*session_, kCountHumans, {}); }

absl::StatusOr<std::vector<ActorId>> Actors::AgentsOwnedBy(const ActorId& owner) {
  return QueryIds<ActorId>(*session_, kAgentsOwnedBy, owner);
}

absl::StatusOr<bool> Actors::IsPaused(const ActorId& agent) {
  HEIM_ASSIGN_OR_RETURN(const int64_t paused, QueryInt(*session_, kIsPaused, {SqlId(agent)}));
  return paused == 1;
}

absl::Status Actors::SetPaused(const ActorId& agent, bool paused) {
  return session_->Execute(kSetPaused, {SqlId(agent), SqlBool(paused)}).status();
}

absl::StatusOr<std::vector<WorkspaceId>> Actors::WorkspacesOf(const ActorId& id) {
  return QueryIds<WorkspaceId>(*session_, kWorkspacesOf, id);
}

v1::ActorRef RefOf(const v1::Actor& actor) {
  v1::ActorRef ref;
  ref.set_id(actor.id());
  ref.set_username(actor.username());
  ref.set_type(actor.type());
  ref.set_display_name(actor.display_name());
  if (actor.has_avatar_url()) ref.set_avatar_url(actor.avatar_url());
  return ref;
}

}  // namespace heim
