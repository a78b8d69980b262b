// AuditNote is what a handler adds to the audit entry of its call, beside what the call and its
// answer say by themselves. It lives as long as one run of a draft; one thread. Never blocks.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/message.h"
#include "server/model/ids.h"

namespace heim {

struct AuditNote {
  // Nothing was changed: there is no entry.
  bool nothing = false;
  // That it was done is all that is told.
  bool bare = false;
  // Who did it, where no credential says. Empty: the caller.
  ActorId by;
  // Where it is entered. Empty: in the workspace of the call; without one, and for what concerns an
  // account rather than a workspace, in each workspace of whoever did it.
  std::vector<WorkspaceId> workspaces;
  // What it was done to. Empty: as action, answer and request have it.
  std::string subject_kind;
  std::string subject_id;
  // The changed thing as it was; null: there was none, or nothing is told of it.
  std::unique_ptr<google::protobuf::Message> before;
  // The changed thing as it is; null: as the answer has it.
  std::unique_ptr<google::protobuf::Message> after;

  void Subject(std::string kind, std::string id) {
    subject_kind = std::move(kind);
    subject_id = std::move(id);
  }
  void Before(const google::protobuf::Message& message) { before = Copy(message); }
  void After(const google::protobuf::Message& message) { after = Copy(message); }

 private:
  static std::unique_ptr<google::protobuf::Message> Copy(const google::protobuf::Message& message) {
    std::unique_ptr<google::protobuf::Message> copy(message.New());
    copy->CopyFrom(message);
    return copy;
  }
};

}  // namespace heim
