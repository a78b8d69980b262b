#include "server/store/streams.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_STREAM_SELECT "SELECT workspace_id, outcome, body FROM streams "

// 1 is the state of active streams; written out, so that the partial index is used.
constexpr char kInsert[] =
    "INSERT INTO streams (id, workspace_id, actor_id, state, outcome, body, channel_id) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)";
constexpr char kGet[] = HEIM_STREAM_SELECT "WHERE id = $1";
constexpr char kUpdate[] = "UPDATE streams SET state = $2, outcome = $3, body = $4 WHERE id = $1";
constexpr char kListActive[] = HEIM_STREAM_SELECT "WHERE state = 1 ORDER BY id";
constexpr char kListActiveIn[] =
    HEIM_STREAM_SELECT "WHERE state = 1 AND workspace_id = $1 ORDER BY id";
constexpr char kCountActive[] = "SELECT COUNT(*) FROM streams WHERE actor_id = $1 AND state = 1";

absl::StatusOr<std::vector<StreamRow>> ReadStreams(SqlSession& session, std::string_view sql,
                                                   absl::Span<const SqlValue> parameters) {
  std::vector<StreamRow> rows;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    StreamRow stream;
    stream.workspace_id = WorkspaceId(row.Text(0));
    stream.outcome = TextOf(row, 1);
    HEIM_RETURN_IF_ERROR(ParseColumn(row, 2, &stream.stream));
    rows.push_back(std::move(stream));
    return absl::OkStatus();
  }));
  return rows;
}

}  // namespace

absl::Status Streams::Insert(const StreamRow& row) {
  const std::string body = row.stream.SerializeAsString();
  return session_
      ->Execute(kInsert, {SqlText(row.stream.id()), SqlId(row.workspace_id),
                          SqlText(row.stream.actor_id()), SqlEnum(row.stream.state()),
                          SqlText(row.outcome), SqlBlob(body), SqlText(row.stream.channel_id())})
      .status();
}

absl::StatusOr<StreamRow> Streams::Get(const StreamId& id) {
  HEIM_ASSIGN_OR_RETURN(std::vector<StreamRow> rows, ReadStreams(*session_, kGet, {SqlId(id)}));
  if (rows.empty()) return StreamNotFound();
  return std::move(rows.front());
}

absl::Status Streams::Update(const StreamRow& row) {
  const std::string body = row.stream.SerializeAsString();
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(kUpdate, {SqlText(row.stream.id()), SqlEnum(row.stream.state()),
                                  SqlText(row.outcome), SqlBlob(body)}));
  return changed == 0 ? StreamNotFound() : absl::OkStatus();
}

absl::StatusOr<std::vector<StreamRow>> Streams::ListActive() {
  return ReadStreams(*session_, kListActive, {});
}

absl::StatusOr<std::vector<StreamRow>> Streams::ListActiveIn(const WorkspaceId& workspace) {
  return ReadStreams(*session_, kListActiveIn, {SqlId(workspace)});
}

absl::StatusOr<int64_t> Streams::CountActive(const ActorId& author) {
  return QueryInt(*session_, kCountActive, {SqlId(author)});
}

}  // namespace heim
