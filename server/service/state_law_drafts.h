// The part of the state law that is about what was written and not sent yet: drafts and scheduled
// messages, as their author's events tell of them. For tests only; one thread.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "heim/v1/event.pb.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

class UnsentModel {
 public:
  void Apply(const v1::Event& event);
  absl::Status Compare(ReadTx& tx, const WorkspaceId& workspace,
                       std::vector<std::string>* found) const;

 private:
  using Place = std::tuple<std::string, std::string, std::string>;  // actor, channel, thread

  std::map<Place, v1::Draft> drafts_;
  std::map<std::string, v1::ScheduledMessage> scheduled_;
};

}  // namespace heim
