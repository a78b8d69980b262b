// UnreadModel counts what is unread as a client does that knows nothing but events: for every
// actor, channel and thread. Differences says where the server counts otherwise. For tests only;
// one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "heim/v1/event.pb.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

class UnreadModel {
 public:
  // In order, each once.
  void Apply(const v1::Event& event);
  // What differs from the rows of the workspace; empty when the counts are the same.
  std::vector<std::string> Differences(ReadTx& tx, const WorkspaceId& workspace) const;

 private:
  using Key = std::pair<std::string, std::string>;  // channel or root, actor
  struct Thread {
    std::string channel_id;
    bool following = false;
    uint64_t last_read_seq = 0;
  };
  struct Counts {
    uint32_t unread = 0;
    uint32_t mentions = 0;
  };

  void ApplyMessage(const v1::Message& message);
  void ApplyRead(const std::string& actor, const v1::ReadUpdated& read);
  void ApplyThread(const std::string& actor, const v1::ThreadState& thread);
  void Leave(const std::string& channel, const std::string& actor);
  void Forget(const std::string& channel);
  bool Mentions(const v1::Message& message, const std::string& actor) const;
  // Of the channel at top level, or of the thread.
  Counts CountIn(const std::string& channel, const std::string& thread, const std::string& actor,
                 uint64_t cursor) const;

  std::map<std::string, std::map<uint64_t, v1::Message>> messages_;  // by channel and seq
  std::map<Key, uint64_t> cursors_;
  std::map<Key, uint64_t> floors_;  // where history begins
  std::map<Key, Thread> threads_;
  std::map<std::string, v1::UserGroup> groups_;
  // Whom a message called through a group: group and actor, by message.
  std::map<std::string, std::set<Key>> called_;
};

}  // namespace heim
