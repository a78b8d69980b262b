// Fakes for the tests of rpc and of the fronts: an authenticator, a hub, sources of frames, and
// services whose answers the test gives. They hold state and obey the contracts. Thread-safe where
// the contract is. For tests only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "heim/v1/auth_service.pb.h"
#include "heim/v1/channel_service.pb.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/file_service.pb.h"
#include "heim/v1/message_service.pb.h"
#include "heim/v1/stream_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/hub/hub.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/model/scopes.h"
#include "server/rpc/method_table.h"
#include "server/rpc/ready_signal.h"
#include "server/rpc/server_invoker.h"

namespace heim {

inline Caller MakeCaller(const std::string& name) {
  Caller caller;
  caller.actor_id = ActorId("actor-" + name);
  caller.workspace_id = WorkspaceId("workspace");
  caller.workspace_role = v1::WORKSPACE_ROLE_MEMBER;
  caller.credential_type = v1::CREDENTIAL_TYPE_API_KEY;
  caller.credential_id = "credential-" + name;
  caller.scopes = DefaultScopes();
  return caller;
}

// Knows the callers it was given, by bearer token.
class FakeAuthenticator final : public Authenticator {
 public:
  absl::StatusOr<Caller> Authenticate(const Credential& credential) override {
    absl::MutexLock lock(&mutex_);
    ++asked_;
    selector_ = credential.workspace_selector;
    if (credential.bearer.empty()) return Caller();
    const auto found = callers_.find(credential.bearer);
    if (found == callers_.end()) return Unauthenticated("unknown");
    return found->second;
  }
  absl::Status Recheck(const Caller& caller) override {
    absl::MutexLock lock(&mutex_);
    return revoked_.count(caller.credential_id) > 0 ? MakeError(v1::ERROR_REASON_TOKEN_REVOKED)
                                                    : absl::OkStatus();
  }
  void DropCredential(std::string_view credential_id) override {
    if (on_drop_) on_drop_(credential_id, ActorId());
  }
  void DropActor(const ActorId& actor) override {
    if (on_drop_) on_drop_("", actor);
  }
  void SetOnDrop(OnDrop on_drop) override { on_drop_ = std::move(on_drop); }

  // From now on a Recheck fails, while Authenticate still answers.
  void Revoke(const std::string& credential_id) {
    absl::MutexLock lock(&mutex_);
    revoked_.insert(credential_id);
  }

  void Add(const std::string& bearer, Caller caller) {
    absl::MutexLock lock(&mutex_);
    callers_[bearer] = std::move(caller);
  }
  void Remove(const std::string& bearer) {
    absl::MutexLock lock(&mutex_);
    callers_.erase(bearer);
  }
  int asked() const {
    absl::MutexLock lock(&mutex_);
    return asked_;
  }
  std::string selector() const {
    absl::MutexLock lock(&mutex_);
    return selector_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, Caller> callers_ ABSL_GUARDED_BY(mutex_);
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string selector_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> revoked_ ABSL_GUARDED_BY(mutex_);
  OnDrop on_drop_;
};

// A source that the test fills and ends. `Base` is FrameSource or something wider.
template <class Base>
class FakeSource : public Base {
 public:
  using State = FrameSource::State;

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    absl::MutexLock lock(&mutex_);
    size_t bytes = 0;
    while (!frames_.empty() && bytes < max_bytes) {
      bytes += frames_.front()->proto().size() + 1;
      out->push_back(std::move(frames_.front()));
      frames_.pop_front();
    }
    if (!frames_.empty()) return State::kMore;
    return ended_ ? State::kEnded : State::kIdle;
  }
  absl::Status status() const override {
    absl::MutexLock lock(&mutex_);
    return status_;
  }
  void SetReady(std::function<void()> on_ready) override { ready_.Set(std::move(on_ready)); }
  void Cancel() override {
    {
      absl::MutexLock lock(&mutex_);
      cancelled_ = true;
    }
    ready_.Cancel();
  }

  void Push(FramePtr frame) {
    {
      absl::MutexLock lock(&mutex_);
      frames_.push_back(std::move(frame));
    }
    ready_.Notify();
  }
  void Finish(absl::Status status) {
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
      status_ = std::move(status);
    }
    ready_.Notify();
  }
  bool cancelled() const {
    absl::MutexLock lock(&mutex_);
    return cancelled_;
  }
  // False when it was not cancelled in time.
  bool WaitCancelled() const {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&cancelled_), absl::Seconds(10));
  }

 private:
  mutable absl::Mutex mutex_;
  std::deque<FramePtr> frames_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  ReadySignal ready_;
};

class FakeSubscription final : public FakeSource<Subscription> {
 public:
  explicit FakeSubscription(SubscribeOptions opened) : options(std::move(opened)) {}

  absl::Status Subscribe(const v1::SubscribeRequest& request) override {
    absl::MutexLock lock(&calls_mutex);
    subscribed.push_back(request);
    return absl::OkStatus();
  }
  void Unsubscribe(const std::vector<ChannelId>& channels) override {
    absl::MutexLock lock(&calls_mutex);
    unsubscribed.push_back(channels);
  }
  void End(std::string_view, absl::Status status) override { Finish(std::move(status)); }

  const SubscribeOptions options;
  absl::Mutex calls_mutex;
  std::vector<v1::SubscribeRequest> subscribed ABSL_GUARDED_BY(calls_mutex);
  std::vector<std::vector<ChannelId>> unsubscribed ABSL_GUARDED_BY(calls_mutex);
};

// Gives out FakeSubscriptions that say hello, or the error it was told.
class FakeHub final : public Hub {
 public:
  absl::StatusOr<std::shared_ptr<Subscription>> Subscribe(SubscribeOptions options) override {
    absl::MutexLock lock(&mutex_);
    if (!error_.ok()) return error_;
    auto made = std::make_shared<FakeSubscription>(std::move(options));
    v1::Control hello;
    hello.mutable_hello()->set_session_id(made->options.session_id);
    made->Push(MakeControlFrame(hello, "1.0"));
    last_ = made;
    return std::shared_ptr<Subscription>(std::move(made));
  }
  absl::StatusOr<std::shared_ptr<FrameSource>> WatchStream(const Caller&,
                                                           const StreamId&) override {
    return StreamNotFound();
  }
  void PublishEphemeral(const WorkspaceId&, v1::Event) override {}
  void EndCredential(std::string_view, std::string_view) override {}
  void EndActor(const ActorId&, std::string_view) override {}
  void Drain() override {}
  size_t subscription_count() const override { return 0; }
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>&) override {}

  std::shared_ptr<FakeSubscription> last() const {
    absl::MutexLock lock(&mutex_);
    return last_;
  }
  void set_error(absl::Status error) {
    absl::MutexLock lock(&mutex_);
    error_ = std::move(error);
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<FakeSubscription> last_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

// The handlers that tests call; each runs what the test put there.
class FakeServices {
 public:
  template <class Request, class Response>
  using Handler = std::function<void(CallContext&, const Request&, Reply<Response>)>;

  void SendMessage(CallContext& context, const v1::SendMessageRequest& request,
                   Reply<v1::SendMessageResponse> reply) {
    send(context, request, std::move(reply));
  }
  void UpdateChannel(CallContext& context, const v1::UpdateChannelRequest& request,
                     Reply<v1::UpdateChannelResponse> reply) {
    update(context, request, std::move(reply));
  }
  void ListChannels(CallContext&, const v1::ListChannelsRequest&,
                    Reply<v1::ListChannelsResponse> reply) {
    v1::ListChannelsResponse response;
    response.add_channels()->set_name("general");
    reply(response);
  }
  void AppendStream(CallContext&, const v1::AppendStreamRequest&,
                    Reply<v1::AppendStreamResponse> reply) {
    v1::AppendStreamResponse response;
    response.set_next_index(7);
    reply(response);
  }
  void Login(CallContext&, const v1::LoginRequest&, Reply<v1::LoginResponse> reply) {
    reply(v1::LoginResponse());
  }
  void ListEvents(CallContext& context, const v1::ListEventsRequest& request,
                  Reply<v1::ListEventsResponse> reply) {
    list_events(context, request, std::move(reply));
  }
  void Subscribe(CallContext& context, const v1::SubscribeRequest& request,
                 Reply<std::shared_ptr<FrameSource>> reply) {
    Handler<v1::SubscribeRequest, std::shared_ptr<FrameSource>> handler;
    {
      absl::MutexLock lock(&mutex_);
      handler = subscribe_;
    }
    handler(context, request, std::move(reply));
  }
  // While calls may still come in that a client gave up.
  void SetSubscribe(Handler<v1::SubscribeRequest, std::shared_ptr<FrameSource>> handler) {
    absl::MutexLock lock(&mutex_);
    subscribe_ = std::move(handler);
  }
  absl::StatusOr<std::shared_ptr<StreamCall>> UploadFile(std::shared_ptr<CallContext> context) {
    return upload(std::move(context));
  }

  absl::StatusOr<std::shared_ptr<StreamCall>> WriteStream(std::shared_ptr<CallContext> context) {
    return write(std::move(context));
  }

  void BindTo(MethodTable& table) {
    table.Bind<&FakeServices::SendMessage>("heim.v1.MessageService.SendMessage", *this);
    table.Bind<&FakeServices::UpdateChannel>("heim.v1.ChannelService.UpdateChannel", *this);
    table.Bind<&FakeServices::ListChannels>("heim.v1.ChannelService.ListChannels", *this);
    table.Bind<&FakeServices::AppendStream>("heim.v1.StreamService.AppendStream", *this);
    table.Bind<&FakeServices::Login>("heim.v1.AuthService.Login", *this);
    table.Bind<&FakeServices::ListEvents>("heim.v1.EventService.ListEvents", *this);
    table.Bind<&FakeServices::Subscribe>("heim.v1.EventService.Subscribe", *this);
    table.Bind<&FakeServices::UploadFile>("heim.v1.FileService.UploadFile", *this);
    table.Bind<&FakeServices::WriteStream>("heim.v1.StreamService.WriteStream", *this);
  }

  // Answers with a message that has the request's content.
  Handler<v1::SendMessageRequest, v1::SendMessageResponse> send =
      [](CallContext&, const v1::SendMessageRequest& request,
         Reply<v1::SendMessageResponse> reply) {
        v1::SendMessageResponse response;
        response.mutable_message()->set_id("m-" + request.content());
        response.mutable_message()->set_content(request.content());
        reply(response);
      };
  Handler<v1::UpdateChannelRequest, v1::UpdateChannelResponse> update;
  Handler<v1::ListEventsRequest, v1::ListEventsResponse> list_events;
  std::function<absl::StatusOr<std::shared_ptr<StreamCall>>(std::shared_ptr<CallContext>)> upload;
  std::function<absl::StatusOr<std::shared_ptr<StreamCall>>(std::shared_ptr<CallContext>)> write;

 private:
  absl::Mutex mutex_;
  Handler<v1::SubscribeRequest, std::shared_ptr<FrameSource>> subscribe_ ABSL_GUARDED_BY(mutex_);
};

inline std::unique_ptr<MethodTable> MakeTable() {
  auto table = MethodTable::CreateFrom({v1::LoginRequest::descriptor()->file()->service(0),
                                        v1::ListChannelsRequest::descriptor()->file()->service(0),
                                        v1::SubscribeRequest::descriptor()->file()->service(0),
                                        v1::UploadFileRequest::descriptor()->file()->service(0),
                                        v1::SendMessageRequest::descriptor()->file()->service(0),
                                        v1::AppendStreamRequest::descriptor()->file()->service(0)});
  HEIM_CHECK(table.ok());
  return *std::move(table);
}

// An Invoker with everything around it. "ann" may do all but administer; "reader" only read.
struct RpcWorld {
  RpcWorld(Clock& clock_in, Timers& timers_in, Executor& executor_in)
      : clock(clock_in), timers(timers_in), executor(executor_in) {
    services.BindTo(*table);
    authenticator.Add("ann", MakeCaller("ann"));
    Caller reader = MakeCaller("reader");
    reader.scopes = {std::string(kScopeMessagesRead)};
    authenticator.Add("reader", reader);
  }

  std::shared_ptr<CallContext> Context(const std::string& bearer = "ann") const {
    auto context = std::make_shared<CallContext>();
    context->bearer = bearer;
    context->address = "192.0.2.1";
    return context;
  }

  Clock& clock;
  Timers& timers;
  Executor& executor;
  SeededEntropy entropy{1};
  UuidV7Ids ids{clock, entropy};
  FakeAuthenticator authenticator;
  CallLimits limits{{}, clock};
  Metrics metrics;
  FakeHub hub;
  FakeServices services;
  std::unique_ptr<MethodTable> table = MakeTable();
  ServerInvoker invoker{{}, {*table, authenticator, executor, limits, clock, timers, ids, metrics}};
};

}  // namespace heim
