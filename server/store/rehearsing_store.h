// RehearsingStore runs each draft twice: first in vain, undone at once, then for good. A driver may
// do so when a batch has to be tried again, and a draft that kept something from its first run
// would show here. For tests; owned by the test. As thread-safe as the store it wraps, and blocks
// as that one does.
#pragma once

#include <memory>
#include <utility>

#include "server/store/store.h"

namespace heim {

class RehearsingStore final : public Store {
 public:
  explicit RehearsingStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  void Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) override {
    auto shared = std::make_shared<Draft>(std::move(draft));
    Draft rehearsal;
    rehearsal.apply = [shared](WriteTx& tx) {
      shared->apply(tx).IgnoreError();
      return absl::AbortedError("a rehearsal");
    };
    store_->Commit(std::move(rehearsal), [](absl::StatusOr<Committed>) {});
    Draft performance;
    performance.idempotency = shared->idempotency;
    performance.apply = [shared](WriteTx& tx) { return shared->apply(tx); };
    store_->Commit(std::move(performance), std::move(done));
  }

  absl::Status Read(absl::FunctionRef<absl::Status(ReadTx&)> read) override {
    return store_->Read(read);
  }
  void SetCommitListener(CommitListener* listener) override { store_->SetCommitListener(listener); }
  void Stop() override { store_->Stop(); }

 private:
  const std::unique_ptr<Store> store_;
};

}  // namespace heim
