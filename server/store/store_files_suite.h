// FileSuite is the part of the suite about files, with what its tests share. For tests only; one
// thread.
#pragma once

#include <string>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/time.h"
#include "server/store/store_suite.h"

namespace heim {

class FileSuite : public StoreSuite {
 protected:
  FileRow NewFile(const ActorId& actor, int64_t bytes, const std::string& type = "text/plain") {
    FileRow row;
    row.workspace_id = workspace_;
    row.file.set_id(ids_.NewId());
    row.file.set_actor_id(actor.str());
    row.file.set_filename("a");
    row.file.set_mime_type(type);
    row.file.set_size_bytes(bytes);
    *row.file.mutable_created_at() = ToTimestamp(absl::UnixEpoch() + absl::Hours(1));
    row.blob_key = row.file.id();
    return row;
  }
  FileRow AddFile(const ActorId& actor, int64_t bytes, const std::string& type = "text/plain") {
    const FileRow row = NewFile(actor, bytes, type);
    MustCommit([&](WriteTx& tx) { return tx.files.Insert(row); });
    return row;
  }
  void Link(const FileRow& row, const v1::Message& message) {
    MustCommit([&](WriteTx& tx) {
      return tx.files.LinkToMessage(FileId(row.file.id()), MessageId(message.id()), general_);
    });
  }
  FileUsageRow UsageOf(const ActorId& actor) {
    FileUsageRow usage;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(usage, tx.files.Usage(workspace_, actor));
      return absl::OkStatus();
    });
    return usage;
  }
  bool IsThere(const FileRow& row) {
    bool there = false;
    MustRead([&](ReadTx& tx) {
      there = tx.files.Get(FileId(row.file.id())).ok();
      return absl::OkStatus();
    });
    return there;
  }
  std::vector<std::string> DeadBlobs() {
    std::vector<std::string> keys;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(keys, tx.files.DeadBlobs(100));
      return absl::OkStatus();
    });
    return keys;
  }
};

}  // namespace heim
