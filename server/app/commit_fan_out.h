// CommitFanOut tells several listeners of each commit, in the order of their list. Owned by app;
// the listeners outlive the store's threads. Thread-safe; never blocks, as its listeners do not.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "server/store/store.h"

namespace heim {

class CommitFanOut final : public CommitListener {
 public:
  explicit CommitFanOut(std::vector<CommitListener*> listeners)
      : listeners_(std::move(listeners)) {}

  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    for (CommitListener* const listener : listeners_) listener->OnCommitted(events);
  }

 private:
  const std::vector<CommitListener*> listeners_;
};

}  // namespace heim
