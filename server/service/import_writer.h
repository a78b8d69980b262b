// ImportWriter writes one batch of an import's records: rows without events, each at most once
// (proto/heim/v1/export.proto says what the records are). Lives for one run of a draft, on the
// writer's thread. Bounded by the batch.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/export.pb.h"
#include "server/base/ids.h"
#include "server/model/ids.h"
#include "server/service/import_ids.h"
#include "server/store/store.h"

namespace heim {

// A record with what was made of its bytes before the batch.
struct PreparedRecord {
  v1::ExportRecord record;
  std::string place;
  std::string new_id;                   // for what it makes
  std::optional<FileRow> file;          // of a file; unset: its bytes are not there
  std::vector<StoredPicture> pictures;  // of an actor (large, small) or an emoji
  std::string problem;                  // with its bytes
};

// What became of a record.
struct RecordFate {
  enum class Kind { kCreated, kMatched, kSkipped };
  Kind kind = Kind::kCreated;
  std::string problem;  // empty: none
};

inline RecordFate Created(std::string problem = "") {
  return {RecordFate::Kind::kCreated, std::move(problem)};
}
inline RecordFate Matched() { return {RecordFate::Kind::kMatched, ""}; }
inline RecordFate Skipped(std::string problem) {
  return {RecordFate::Kind::kSkipped, std::move(problem)};
}

struct ImportOrder {
  ActorId by;  // who began the import
  absl::Time now;
  bool take_settings = false;
};

class ImportWriter {
 public:
  // The message that versions and reactions follow; survives batches.
  struct Current {
    std::string external_id;
    std::string id;
    bool created = false;  // else what follows it is there already
  };

  ImportWriter(WriteTx& tx, ImportIds& known, Ids& ids, const ImportOrder& order, Current* current)
      : tx_(tx), known_(known), ids_(ids), order_(order), current_(current) {}

  // The error is the database's; whatever is wrong with the record is in its fate.
  absl::StatusOr<RecordFate> Write(const PreparedRecord& prepared);
  // After the last record of the batch.
  absl::Status Finish();

 private:
  using Fate = absl::StatusOr<RecordFate>;
  // How far a channel's messages go.
  struct ChannelEnd {
    uint64_t before = 0;
    uint64_t now = 0;
    std::string workspace_id;
    v1::ChannelType type = v1::CHANNEL_TYPE_UNSPECIFIED;
  };
  struct ThreadEnd {
    std::string channel;
    uint64_t before = 0;
    uint64_t now = 0;
  };

  // import_people.cc
  Fate WriteActor(const PreparedRecord& prepared);
  absl::StatusOr<v1::Actor> NewProfile(const PreparedRecord& prepared, std::string* problem);
  Fate WriteEmoji(const PreparedRecord& prepared);
  Fate WriteGroup(const PreparedRecord& prepared);

  // import_channels.cc
  Fate WriteChannel(const PreparedRecord& prepared);
  absl::Status FurnishChannel(const std::string& id, const v1::Channel& given);
  absl::StatusOr<std::string> DirectKey(const v1::ExportChannel& record);
  Fate InsertChannel(const PreparedRecord& prepared, v1::Channel channel, std::string_view dm_key);
  Fate WriteMember(const PreparedRecord& prepared);
  Fate WriteBookmark(const PreparedRecord& prepared);
  Fate WritePin(const PreparedRecord& prepared);
  Fate WriteWorkspace(const PreparedRecord& prepared);

  // import_messages.cc
  Fate WriteFile(const PreparedRecord& prepared);
  Fate WriteMessage(const PreparedRecord& prepared);
  Fate WriteVersion(const PreparedRecord& prepared);
  Fate WriteReaction(const PreparedRecord& prepared);
  // Ids of the message as they are here; the problem, when something had to be left out. A status
  // with a reason: the message cannot be taken.
  absl::StatusOr<std::string> Translate(v1::Message* message);
  absl::Status TranslateMentions(v1::Message* message);
  absl::StatusOr<std::string> TranslateFiles(v1::Message* message);
  absl::Status TranslateQuoted(v1::Message* message);
  absl::Status TranslateThread(const std::string& channel, v1::Message* message);
  absl::Status InsertMessage(const v1::Message& message);
  absl::StatusOr<ChannelEnd*> EndOf(const std::string& channel);

  absl::StatusOr<std::string> ActorOr(std::string_view id, const ActorId& otherwise);
  google::protobuf::Timestamp TimeOr(bool given, const google::protobuf::Timestamp& at) const;
  absl::StatusOr<bool> IsWorkspaceMember(const std::string& actor);

  WriteTx& tx_;
  ImportIds& known_;
  Ids& ids_;
  const ImportOrder& order_;
  Current* const current_;
  std::map<std::string, ChannelEnd> channels_;
  std::map<std::string, ThreadEnd> threads_;
};

// Decisions that a dry run makes too.

// The member of the workspace that an actor of the archive is: by e-mail address, else by username
// unless the addresses differ. Empty: nobody.
absl::StatusOr<std::string> MatchActor(ReadTx& tx, const WorkspaceId& workspace,
                                       const v1::ExportActor& record);
// The channel that a channel of the archive becomes: one of the same name and kind in which nobody
// has said anything yet. Empty: a new one.
absl::StatusOr<std::string> MatchChannel(ReadTx& tx, const WorkspaceId& workspace,
                                         const v1::Channel& channel);
// A name of a channel, group or person as it may be here; of what is no such name a new one is
// made.
std::string ChannelNameOf(std::string_view name);
std::string UsernameOf(std::string_view name);
// What is wrong with the text of a message; fills what may be missing.
absl::Status CheckImportedMessage(v1::Message* message);

}  // namespace heim
