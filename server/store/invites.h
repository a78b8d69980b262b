// Invites: rows and nothing else; who may make and use them is judged by services. Codes are kept
// as hashes. A view over a transaction's session: cheap to copy, same thread as the transaction.
// Calls block on the database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/invite.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct InviteFilter {
  ActorId created_by;         // empty: by anybody
  bool include_ended = true;  // also revoked ones, used up ones and those too old at `now`
  absl::Time now;
  std::string before_id;  // empty: from the newest
  uint32_t limit = 50;
};

class Invites {
 public:
  explicit Invites(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const v1::Invite& invite, std::string_view code_hash);
  // INVITE_NOT_FOUND. Ended ones are found.
  absl::StatusOr<v1::Invite> Get(const InviteId& id);
  absl::StatusOr<v1::Invite> FindByHash(std::string_view code_hash);
  // Newest first.
  absl::StatusOr<std::vector<v1::Invite>> ListOf(const WorkspaceId& workspace,
                                                 const InviteFilter& filter);
  // Those of the workspace that have not ended.
  absl::StatusOr<int64_t> CountOpen(const WorkspaceId& workspace, absl::Time now);
  // Counts one use. False when the invite has ended: of two last uses at once one is counted.
  absl::StatusOr<bool> TakeUse(const InviteId& id, absl::Time now);
  // False when it was revoked already.
  absl::StatusOr<bool> Revoke(const InviteId& id, absl::Time at);

 private:
  SqlSession* session_;
};

}  // namespace heim
