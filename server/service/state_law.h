// The law that tests everything: state before + events = state after. LogModel is a client that
// knows nothing but events; Differences says where what reads return is not what it came to. For
// tests only; one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "heim/v1/event.pb.h"
#include "server/model/ids.h"
#include "server/service/state_law_drafts.h"
#include "server/service/state_law_keepsakes.h"
#include "server/service/unread_law.h"
#include "server/store/store.h"

namespace heim {

class LogModel {
 public:
  // In order, each once. Finds faults in the events themselves too: a gap in the positions,
  // reactions that do not add up.
  void Apply(const v1::Event& event);
  const std::vector<std::string>& faults() const { return faults_; }

  // What differs from the rows of the workspace, and faults; empty when the law holds.
  std::vector<std::string> Differences(ReadTx& tx, const WorkspaceId& workspace) const;

 private:
  using Key = std::pair<std::string, std::string>;  // channel, actor

  void ApplyChannel(const v1::Channel& channel);
  void ApplyMessage(const v1::Message& message);
  void ForgetChannel(const std::string& id);
  void ApplyReaction(const std::string& message, const std::string& emoji, const std::string& actor,
                     uint32_t count, bool added);
  void SetReactions(const std::string& message);
  absl::Status CompareChannel(ReadTx& tx, const v1::Channel& stored,
                              std::vector<std::string>* found) const;

  uint64_t position_ = 0;
  std::map<std::string, v1::Channel> channels_;
  std::map<Key, v1::Member> members_;
  std::map<std::string, v1::Message> messages_;
  // Emoji and actor in the order of their coming, by message.
  std::map<std::string, std::vector<Key>> reactions_;
  UnsentModel unsent_;
  KeepsakeModel keepsakes_;
  std::vector<std::string> faults_;
  UnreadModel unread_;
};

}  // namespace heim
