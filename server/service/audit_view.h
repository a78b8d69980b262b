// Entries of the audit log as readers see them: with the names that actors have now. Functions and
// values; transactions are used on their own thread, and block on the database.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/audit.pb.h"
#include "server/store/store.h"

namespace heim {

// Looks up each name once. For one reader and a bounded time; one thread at a time.
class AuditView {
 public:
  absl::StatusOr<v1::AuditEntry> EntryOf(ReadTx& tx, const AuditRow& row);

 private:
  absl::StatusOr<v1::ActorRef> NameOf(ReadTx& tx, const std::string& id);

  absl::flat_hash_map<std::string, v1::ActorRef> names_;
};

// The line of names and a line of an entry in RFC 4180, each with its end. What a spreadsheet would
// take for a formula begins with an apostrophe. `json` turns before and after into text.
std::string AuditCsvHead();
std::string AuditCsvLine(const v1::AuditEntry& entry, const std::string& before,
                         const std::string& after);

}  // namespace heim
