// ImportChecker tells what an import would do with its records, and changes nothing. Owned by one
// import; one thread at a time. Keeps a hash of each id that later records may name; of messages
// only those of the channel at hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "server/service/import_ids.h"
#include "server/service/import_writer.h"
#include "server/store/store.h"

namespace heim {

class ImportChecker {
 public:
  ImportChecker(ImportIds& known, bool take_settings)
      : known_(known), take_settings_(take_settings) {}

  // As ImportWriter::Write, as far as it can be told before.
  absl::StatusOr<RecordFate> Check(ReadTx& tx, const PreparedRecord& prepared);

 private:
  using Fate = absl::StatusOr<RecordFate>;

  Fate CheckActor(ReadTx& tx, const PreparedRecord& prepared);
  Fate CheckChannel(ReadTx& tx, const v1::ExportChannel& record);
  Fate CheckMember(ReadTx& tx, const v1::Member& member);
  Fate CheckMessage(ReadTx& tx, const v1::Message& message);
  Fate CheckPicture(ReadTx& tx, const PreparedRecord& prepared);
  Fate CheckFollowing(std::string_view message_id, std::string_view actor_id);
  // Created unless it is known by this id.
  Fate NewUnlessKnown(ReadTx& tx, ImportedKind kind, std::string_view id);

  bool Seen(ImportedKind kind, std::string_view id) const;
  void See(ImportedKind kind, std::string_view id);

  ImportIds& known_;
  const bool take_settings_;
  absl::flat_hash_set<uint64_t> seen_;
  absl::flat_hash_set<uint64_t> messages_;
  absl::flat_hash_map<std::string, std::string> matched_;  // actors and channels that are here
  std::string message_;                                    // that versions and reactions follow
  RecordFate::Kind message_fate_ = RecordFate::Kind::kSkipped;
};

}  // namespace heim
