// ArchiveFiller makes an archive of what an export adds: each actor once before whatever names it,
// each file before the message that shows it, its bytes copied piece by piece. Owned by one export;
// one thread at a time. Adding reads by the transaction that is given; Drain blocks on the blob
// store: on the Executor for files only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/export.pb.h"
#include "server/blob/blob.h"
#include "server/model/ids.h"
#include "server/store/store.h"
#include "server/transfer/heim_archive.h"

namespace heim {

class ArchiveFiller {
 public:
  // With `owner` only that actor is told whole, and of others what anybody sees of them: the name.
  ArchiveFiller(BlobStore& blobs, const RecordCodec& codec, WorkspaceId workspace, absl::Time at,
                ActorId owner = ActorId())
      : blobs_(blobs),
        workspace_(std::move(workspace)),
        owner_(std::move(owner)),
        writer_(codec, at) {}

  // A record to be filled; after those that were added before.
  v1::ExportRecord& Add() { return records_.emplace_back(); }

  // The actor and those that its profile names, unless they were added; nothing when there is none.
  absl::Status AddActor(ReadTx& tx, const ActorId& id);
  // The file, unless it was added or is gone.
  absl::Status AddFile(ReadTx& tx, const FileId& id);
  // The message after what it shows, then its versions and, when asked for, who reacted.
  enum class Reactions { kAll, kNone };
  absl::Status AddMessage(ReadTx& tx, v1::Message message, Reactions reactions);
  absl::Status AddEmoji(const EmojiRow& row);

  // Appends some of what was added; false, and nothing appended, when there is nothing left.
  absl::StatusOr<bool> Drain(std::string* out);
  void Finish(std::string* out) { writer_.Finish(out); }

 private:
  struct Bytes {
    std::string path;
    std::string blob_key;
  };

  absl::Status AddProfile(ReadTx& tx, v1::Actor actor);
  absl::Status AddVersions(ReadTx& tx, const v1::Message& message);
  absl::Status AddReactions(ReadTx& tx, const v1::Message& message);
  // Whom and what the message names.
  absl::Status AddNamed(ReadTx& tx, const v1::Message& message);
  absl::Status OpenNext(std::string* out);
  absl::Status CopySome(std::string* out);

  BlobStore& blobs_;
  const WorkspaceId workspace_;
  const ActorId owner_;
  HeimArchiveWriter writer_;
  std::vector<v1::ExportRecord> records_;
  std::deque<Bytes> files_;
  // Hashes of ids: what was added before.
  absl::flat_hash_set<uint64_t> added_;
  // The file that is copied.
  std::unique_ptr<BlobReader> reader_;
  uint64_t copied_ = 0;
};

}  // namespace heim
