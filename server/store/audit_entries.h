// The audit log: entries of each workspace, numbered without gaps and chained by hashes. Rows and
// nothing else; rights are checked by services. Entries are added; no statement here changes or
// deletes one but AnonymiseActor, which empties the two columns that the chain does not need.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/agent.pb.h"
#include "heim/v1/audit.pb.h"
#include "heim/v1/error.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct AuditRow {
  // Given by Append.
  uint64_t sequence = 0;
  std::string hash;  // 32 bytes
  // Append never goes back: an entry is no older than the one before it.
  absl::Time at;

  std::string action;
  v1::AuditResult result = v1::AUDIT_RESULT_SUCCEEDED;
  ActorId actor_id;
  std::vector<std::string> on_behalf_of;  // ids of actors
  v1::CredentialType credential_type = v1::CREDENTIAL_TYPE_UNSPECIFIED;
  std::string credential_id;
  std::string subject_kind;
  std::string subject_id;
  std::string method;
  std::string request_id;
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;

  // What can be erased: AuditEntry with address, user_agent and client, and one with before and
  // after, each serialised behind a salt of its own. Nullopt: erased.
  std::optional<std::string> origin;
  std::optional<std::string> changes;
  std::string origin_digest;
  std::string changes_digest;
};

// Bytes that can be erased: the salt, then the fields. The salt is 32 bytes that nobody can guess.
std::string SaltedAuditPart(const std::string& salt, const v1::AuditEntry& fields);

// Which entries are wanted; what is empty asks for nothing.
struct AuditQuery {
  std::string actor_id = {};
  std::string action = {};  // with a point at its end: all that begin so
  std::string subject_kind = {};
  std::string subject_id = {};
  v1::AuditResult result = v1::AUDIT_RESULT_UNSPECIFIED;
  std::string credential_id = {};
  std::optional<absl::Time> since = {};
  std::optional<absl::Time> until = {};
};

struct AuditHead {
  uint64_t sequence = 0;  // 0: there is no entry
  std::string hash;
};

class AuditEntries {
 public:
  enum class Order { kNewestFirst, kOldestFirst };

  explicit AuditEntries(SqlSession& session) : session_(&session) {}

  // Numbers, chains and writes the entry; both parts must be there. In a WriteTx only. Entries of a
  // workspace are written one after the other: the head's row is locked until the commit.
  absl::StatusOr<uint64_t> Append(const WorkspaceId& workspace, AuditRow row);
  // Entries with `after` < sequence < `before` that pass, at most `limit`.
  absl::StatusOr<std::vector<AuditRow>> List(const WorkspaceId& workspace, const AuditQuery& query,
                                             Order order, uint64_t after, uint64_t before,
                                             uint32_t limit);
  absl::StatusOr<AuditHead> Head(const WorkspaceId& workspace);

  // Takes out of all workspaces what is personal: where the actor acted from, what was told of it
  // as a subject, and of its keys, which bear names that it gave. The number of entries that lost
  // something.
  absl::StatusOr<int64_t> AnonymiseActor(const ActorId& actor);

 private:
  SqlSession* session_;
};

// What the entry's hash must be after an entry with the hash `previous` (empty: it is the first),
// and whether the parts that are there are the ones it was made with.
std::string AuditHash(const std::string& previous, const WorkspaceId& workspace,
                      const AuditRow& row);
bool AuditPartsHold(const AuditRow& row);

}  // namespace heim
