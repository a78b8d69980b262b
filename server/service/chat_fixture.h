// ChatFixture is the services of channels, messages, streams and files over a real store, hub and
// blob store, for tests only. A call goes to the handler as a front makes it and is waited for. One
// workspace with people of every role; time stands still until a test moves it. One test thread,
// but for what a test starts itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/blob/local/local_blob_store.h"
#include "server/bus/local/local_bus.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/live_stream_book.h"
#include "server/hub/presence_table.h"
#include "server/model/errors.h"
#include "server/service/bookmark_service.h"
#include "server/service/channel_service.h"
#include "server/service/event_service.h"
#include "server/service/file_service.h"
#include "server/service/group_service.h"
#include "server/service/message_service.h"
#include "server/service/pin_service.h"
#include "server/service/read_state_service.h"
#include "server/service/saved_service.h"
#include "server/service/stream_service.h"
#include "server/service/thread_service.h"

namespace heim {

// Hands commits to the hub and keeps what went by, as a reader that was there all the time.
class EventTape final : public CommitListener {
 public:
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override;
  void SetTarget(CommitListener* target);
  std::vector<v1::Event> events() const;
  // Of the events since the last call.
  std::vector<v1::Event::PayloadCase> TakeKinds();

 private:
  mutable absl::Mutex mutex_;
  CommitListener* target_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<std::shared_ptr<const CommittedEvent>> events_ ABSL_GUARDED_BY(mutex_);
  size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A reply that a test waits for.
template <typename Response>
class Waiter {
 public:
  Reply<Response> MakeReply() {
    return Reply<Response>([this](absl::StatusOr<Response> given) {
      answer_ = std::move(given);
      done_.Notify();
    });
  }
  bool done() const { return done_.HasBeenNotified(); }
  absl::StatusOr<Response> Take() {
    if (!done_.WaitForNotificationWithTimeout(absl::Seconds(30))) {
      ADD_FAILURE() << "no answer in time";
      std::abort();  // the reply refers to this object
    }
    return std::move(answer_);
  }

 private:
  absl::StatusOr<Response> answer_ = absl::UnknownError("no answer");
  absl::Notification done_;
};

class ChatFixture : public ::testing::Test {
 protected:
  ChatFixture();
  ~ChatFixture() override;
  void SetUp() override;
  void TearDown() override;

  // The server stops and starts again on the same files.
  void Restart();

  template <class Service, class Request, class Response>
  absl::StatusOr<Response> Call(
      const Caller& caller, void (Service::*handler)(CallContext&, const Request&, Reply<Response>),
      std::unique_ptr<Service>& service, const std::type_identity_t<Request>& request,
      std::string_view idempotency_key = {}) {
    CallContext context;
    context.caller = caller;
    context.method = Request::descriptor()->full_name();
    context.idempotency_key = std::string(idempotency_key);
    context.request_hash = request.SerializeAsString();
    Waiter<Response> waiter;
    (service.get()->*handler)(context, request, waiter.MakeReply());
    return waiter.Take();
  }

  // Somebody new in the workspace.
  Caller AddPerson(const std::string& username, v1::WorkspaceRole role,
                   v1::ActorType type = v1::ACTOR_TYPE_HUMAN);

  absl::StatusOr<v1::Channel> CreateChannel(const Caller& caller, const std::string& name,
                                            v1::ChannelType type = v1::CHANNEL_TYPE_PUBLIC);
  absl::StatusOr<v1::Channel> OpenDirect(const Caller& caller,
                                         const std::vector<const Caller*>& others);
  absl::StatusOr<v1::Member> AddMember(const Caller& caller, const std::string& channel,
                                       const Caller& who,
                                       v1::ChannelRole role = v1::CHANNEL_ROLE_MEMBER);
  absl::StatusOr<v1::Member> SetRole(const Caller& caller, const std::string& channel,
                                     const Caller& who, v1::ChannelRole role);
  absl::StatusOr<v1::Member> RemoveMember(const Caller& caller, const std::string& channel,
                                          const Caller& who);
  absl::Status Join(const Caller& caller, const std::string& channel);
  absl::Status Leave(const Caller& caller, const std::string& channel);
  absl::StatusOr<v1::Channel> Archive(const Caller& caller, const std::string& channel);
  absl::StatusOr<v1::Channel> Unarchive(const Caller& caller, const std::string& channel);

  // `thread` empty: at top level.
  absl::StatusOr<v1::Message> Send(const Caller& caller, const std::string& channel,
                                   const std::string& text, const std::string& thread = {});
  absl::StatusOr<v1::Message> Edit(const Caller& caller, const std::string& message,
                                   const std::string& text);
  absl::StatusOr<v1::Message> Delete(const Caller& caller, const std::string& message);
  absl::StatusOr<v1::Message> React(const Caller& caller, const std::string& message,
                                    const std::string& emoji);
  absl::StatusOr<v1::Message> Unreact(const Caller& caller, const std::string& message,
                                      const std::string& emoji);
  absl::StatusOr<v1::Message> Get(const Caller& caller, const std::string& message);
  absl::StatusOr<v1::Message> Forward(const Caller& caller, const std::string& message,
                                      const std::string& channel, const std::string& words);
  absl::Status Pin(const Caller& caller, const std::string& channel, const std::string& message);
  absl::Status Unpin(const Caller& caller, const std::string& channel, const std::string& message);
  // Ids of the pinned messages.
  std::vector<std::string> Pinned(const Caller& caller, const std::string& channel);
  absl::StatusOr<v1::Bookmark> AddBookmark(const Caller& caller, const std::string& channel,
                                           const std::string& title);
  absl::StatusOr<v1::SavedItem> Save(const Caller& caller, const std::string& message,
                                     const std::string& note, bool done = false);
  absl::Status Unsave(const Caller& caller, const std::string& message);
  std::vector<v1::SavedItem> Saved(const Caller& caller);
  absl::StatusOr<v1::ListMessagesResponse> List(const Caller& caller,
                                                v1::ListMessagesRequest request);

  absl::StatusOr<v1::Stream> StartStream(const Caller& caller, const std::string& channel,
                                         const std::string& thread = {});
  absl::StatusOr<v1::AppendStreamResponse> Append(const Caller& caller, const std::string& stream,
                                                  const std::string& delta, int index = -1);
  absl::StatusOr<v1::Message> FinishStream(const Caller& caller, const std::string& stream);
  absl::StatusOr<v1::Message> AbortStream(const Caller& caller, const std::string& stream);

  // Uploads in pieces of `piece` bytes.
  absl::StatusOr<v1::File> Upload(const Caller& caller, const std::string& name,
                                  const std::string& bytes, size_t piece = 1000);

  v1::ReadState ReadStateOf(const Caller& caller, const std::string& channel,
                            const std::string& thread = {});
  void Read(const std::function<absl::Status(ReadTx&)>& read);
  // Changes that are queued are committed and announced.
  void Settle();
  // All events of the log as it is stored.
  std::vector<v1::Event> ReadLog();

  ManualClock clock_;
  ManualTimers timers_{clock_};
  SeededEntropy entropy_{7};
  UuidV7Ids ids_{clock_, entropy_};
  std::string directory_;
  LocalBus bus_;
  EventTape tape_;
  FileOptions file_options_{.max_file_bytes = 1 << 20};
  std::unique_ptr<Store> store_;
  std::unique_ptr<LocalBlobStore> blobs_;
  std::unique_ptr<ThreadPoolExecutor> executor_;
  std::unique_ptr<LiveStreamBook> live_;
  std::unique_ptr<PresenceTable> presence_;
  std::unique_ptr<FanOutHub> hub_;
  std::unique_ptr<StreamService> streams_;
  std::unique_ptr<ChannelService> channels_;
  std::unique_ptr<BlobSweeper> sweeper_;
  std::unique_ptr<MessageService> messages_;
  std::unique_ptr<PinService> pins_;
  std::unique_ptr<BookmarkService> bookmarks_;
  std::unique_ptr<SavedService> saved_;
  std::unique_ptr<GroupService> groups_;
  std::unique_ptr<ReadStateService> reads_;
  std::unique_ptr<ThreadService> threads_;
  std::unique_ptr<EventService> events_;
  std::unique_ptr<FileService> files_;

  WorkspaceId workspace_;
  std::string general_;  // the default channel
  Caller olga_;          // owner of the workspace
  Caller ada_;           // admin
  Caller ann_;           // members
  Caller bob_;
  Caller bot_;  // a member that is an agent
  Caller gus_;  // guest, in no channel
  Caller eve_;  // in no workspace

 private:
  void Start();
  void Stop();
};

}  // namespace heim
