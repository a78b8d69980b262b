// StoreSuite is what every Store must do, run for each driver (see store_suite_test.cc). A test
// gets a store with one workspace, two people and a channel that both are in. For tests only; one
// thread, but for what a test starts itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/ids.h"
#include "server/model/time.h"
#include "server/store/store.h"

namespace heim {

struct StoreFactory {
  std::string name;
  // Opens the store in the directory, again after it was closed.
  std::function<absl::StatusOr<std::unique_ptr<Store>>(const std::string& directory,
                                                       const Clock& clock)>
      open;
  bool keeps_data = true;  // over a close
};

// A name, not bytes, in the names of tests.
inline void PrintTo(const StoreFactory& factory, std::ostream* out) { *out << factory.name; }

// Remembers what was announced.
class RecordingListener final : public CommitListener {
 public:
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    absl::MutexLock lock(&mutex_);
    events_.insert(events_.end(), events.begin(), events.end());
  }
  std::vector<std::shared_ptr<const CommittedEvent>> events() const {
    absl::MutexLock lock(&mutex_);
    return events_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::shared_ptr<const CommittedEvent>> events_ ABSL_GUARDED_BY(mutex_);
};

class StoreSuite : public ::testing::TestWithParam<StoreFactory> {
 protected:
  using Apply = std::function<absl::Status(WriteTx&)>;

  StoreSuite();
  ~StoreSuite() override;

  void SetUp() override;
  // Closes the store and opens it again.
  void Reopen();

  // Commits and waits for the outcome.
  absl::StatusOr<Committed> Commit(Apply apply, std::optional<IdempotencyKey> key = std::nullopt);
  // The same, which must go well.
  Committed MustCommit(Apply apply);
  // Reads, which must go well.
  void MustRead(const std::function<absl::Status(ReadTx&)>& read);

  v1::Actor NewActor(std::string_view username);
  v1::Channel NewChannel(std::string_view name);
  v1::Message NewMessage(const ActorId& author, std::string_view content);
  v1::Member NewMember(const ChannelId& channel, const ActorId& actor);

  // The way of a message, as a service would go it: seq, row, event. The message as stored.
  absl::Status Post(WriteTx& tx, v1::Message& message);
  v1::Message MustPost(v1::Message message);
  v1::Message MustGet(const std::string& id);
  // (unread, mentions) of bob in the channel `general`, or in the thread.
  std::pair<uint32_t, uint32_t> Unread(std::optional<MessageId> thread = std::nullopt);
  ActorId AddPerson(std::string_view username);
  ChannelId AddChannel(std::string_view name, const std::vector<ActorId>& members);

  std::string directory_;
  ManualClock clock_;
  SeededEntropy entropy_{7};
  UuidV7Ids ids_{clock_, entropy_};
  RecordingListener listener_;
  std::unique_ptr<Store> store_;
  WorkspaceId workspace_;
  ActorId ann_;
  ActorId bob_;
  ChannelId general_;
};

// The same over drivers whose data outlives a close.
class LastingStoreSuite : public StoreSuite {};

// An event of the channel that carries nothing in particular.
v1::Event SomeEvent(const ChannelId& channel);

}  // namespace heim
