// AccountFixture is the services of accounts over a real store in memory, with a hub, a presence
// book and a stream stopper that remember what they were told, for tests only. Calls go the way of
// a front: a token, the authenticator, the handler, its reply. One test thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/ids.h"
#include "server/base/strings.h"
#include "server/base/timers.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/actor_service.h"
#include "server/service/admin_service.h"
#include "server/service/agent_service.h"
#include "server/service/auth_service.h"
#include "server/service/invite_service.h"
#include "server/service/membership.h"
#include "server/service/password_reset_service.h"
#include "server/service/presence_service.h"
#include "server/service/workspace_service.h"
#include "server/store/store.h"

namespace heim {

// A store in memory.
absl::StatusOr<std::unique_ptr<Store>> OpenStoreInMemory(const Clock& clock);

// A subscription that never has anything to say.
class SilentSubscription final : public Subscription {
 public:
  State Pull(size_t, std::vector<FramePtr>*) override { return State::kIdle; }
  absl::Status status() const override { return absl::OkStatus(); }
  void SetReady(std::function<void()>) override {}
  void Cancel() override {}
  absl::Status Subscribe(const v1::SubscribeRequest&) override { return absl::OkStatus(); }
  void Unsubscribe(const std::vector<ChannelId>&) override {}
  void End(std::string_view, absl::Status) override {}
};

// A hub that keeps committed events and what it was told.
class RememberingHub final : public Hub {
 public:
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    absl::MutexLock lock(&mutex_);
    committed_.insert(committed_.end(), events.begin(), events.end());
  }
  absl::StatusOr<std::shared_ptr<Subscription>> Subscribe(SubscribeOptions options) override {
    subscribed.push_back(std::move(options));
    return std::make_shared<SilentSubscription>();
  }
  absl::StatusOr<std::shared_ptr<FrameSource>> WatchStream(const Caller&,
                                                           const StreamId&) override {
    return StreamNotFound();
  }
  void PublishEphemeral(const WorkspaceId&, v1::Event event) override {
    ephemeral.push_back(std::move(event));
  }
  void EndCredential(std::string_view id, std::string_view reason) override {
    ended.push_back(StrCat(reason, " ", id));
  }
  void EndActor(const ActorId& actor, std::string_view reason) override {
    ended.push_back(StrCat(reason, " ", actor.str()));
  }
  void Drain() override {}
  size_t subscription_count() const override { return subscribed.size(); }

  // Committed events since the last call, in order.
  std::vector<v1::Event> TakeEvents() {
    absl::MutexLock lock(&mutex_);
    std::vector<v1::Event> events;
    for (const auto& committed : committed_) events.push_back(*committed->event);
    committed_.clear();
    return events;
  }

  std::vector<SubscribeOptions> subscribed;
  std::vector<v1::Event> ephemeral;
  std::vector<std::string> ended;

 private:
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<const CommittedEvent>> committed_ ABSL_GUARDED_BY(mutex_);
};

class RememberingStopper final : public StreamStopper {
 public:
  void StopStream(const StreamId&, std::string_view) override {}
  void StopStreamsIn(const ChannelId&, std::string_view) override {}
  void StopStreamsBy(const ActorId& author, std::string_view) override {
    stopped.push_back(author.str());
  }
  void StopStreamsOf(const ActorId&, const ChannelId&, std::string_view) override {}
  std::vector<std::string> stopped;
};

// Everybody is what it set last.
class PlainPresence final : public PresenceBook {
 public:
  void Connected(const WorkspaceId&, const ActorId&) override {}
  void Disconnected(const WorkspaceId&, const ActorId&) override {}
  v1::ActorPresence Set(const WorkspaceId&, const ActorId& actor, v1::Presence presence,
                        std::optional<std::string> status) override {
    v1::ActorPresence& kept = kept_[actor.str()];
    kept.set_actor_id(actor.str());
    if (presence != v1::PRESENCE_UNSPECIFIED) kept.set_presence(presence);
    if (status.has_value()) kept.set_status(*status);
    return kept;
  }
  v1::ActorPresence Get(const ActorId& actor,
                        const std::optional<std::string>& stored_status) const override {
    const auto it = kept_.find(actor.str());
    if (it != kept_.end()) return it->second;
    v1::ActorPresence presence;
    presence.set_actor_id(actor.str());
    presence.set_presence(v1::PRESENCE_OFFLINE);
    if (stored_status.has_value()) presence.set_status(*stored_status);
    return presence;
  }

 private:
  std::map<std::string, v1::ActorPresence> kept_;
};

class AccountFixture : public ::testing::Test {
 protected:
  static constexpr std::string_view kSetupToken = "the set-up token of this test";
  static constexpr std::string_view kPassword = "correct horse";

  void SetUp() override {
    auto store = OpenStoreInMemory(clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    store_->SetCommitListener(&hub_);
    authenticator_ = std::make_unique<StoreAuthenticator>(AuthenticatorOptions{}, *store_, tokens_,
                                                          clock_, entropy_);
    MakeServices(/*open_registration=*/false);
  }
  void TearDown() override { store_->Stop(); }

  void MakeServices(bool open_registration) {
    const AuthTools auth_tools{tokens_, passwords_, throttle_, setup_token_, *authenticator_};
    auth_ =
        std::make_unique<AuthService>(AuthOptions{.open_registration = open_registration}, *store_,
                                      clock_, ids_, entropy_, timers_, auth_tools, hub_);
    const ActorTools actor_tools{passwords_, *authenticator_, hub_, presence_, stopper_};
    actors_ = std::make_unique<ActorService>(ActorOptions{open_registration}, *store_, clock_, ids_,
                                             actor_tools);
    const AgentTools agent_tools{*authenticator_, hub_, presence_, stopper_};
    agents_ = std::make_unique<AgentService>(*store_, clock_, ids_, entropy_, timers_, agent_tools);
    workspaces_ =
        std::make_unique<WorkspaceService>(*store_, clock_, ids_, *authenticator_, stopper_);
    invites_ = std::make_unique<InviteService>(InviteOptions{"https://heim.example"}, *store_,
                                               clock_, ids_, entropy_, *authenticator_);
    resets_ = std::make_unique<PasswordResetService>(
        PasswordResetOptions{"https://heim.example", /*operator_key=*/""},
        PasswordResetService::Dependencies{*store_, clock_, ids_, entropy_, passwords_,
                                           *authenticator_, hub_});
    presences_ = std::make_unique<PresenceService>(*store_, presence_, hub_);
    ServerFacts facts;
    facts.version = "1.2.3";
    admin_ = std::make_unique<AdminService>(std::move(facts), *store_);
  }

  absl::StatusOr<Caller> Authenticate(const std::string& token, const std::string& workspace = "") {
    return authenticator_->Authenticate({token, workspace, false});
  }
  absl::StatusOr<Caller> OpenSocket(const std::string& ticket) {
    return authenticator_->Authenticate({ticket, "", true});
  }

  // A call as a front would make it. `token` empty: anonymous.
  std::unique_ptr<CallContext> ContextOf(const std::string& token) {
    auto context = std::make_unique<CallContext>();
    context->bearer = token;
    context->address = "203.0.113.7";
    const auto caller = Authenticate(token);
    EXPECT_TRUE(caller.ok()) << caller.status();
    if (caller.ok()) context->caller = *caller;
    return context;
  }

  template <class Service, class Request, class Response>
  absl::StatusOr<Response> Call(void (Service::*handler)(CallContext&, const Request&,
                                                         Reply<Response>),
                                Service& service, CallContext& context,
                                const std::type_identity_t<Request>& request) {
    absl::StatusOr<Response> answer = absl::UnknownError("no answer");
    absl::Notification done;
    (service.*handler)(context, request, Reply<Response>([&](absl::StatusOr<Response> given) {
                         answer = std::move(given);
                         done.Notify();
                       }));
    EXPECT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(20)));
    return answer;
  }
  template <class Service, class Request, class Response>
  absl::StatusOr<Response> As(const std::string& token,
                              void (Service::*handler)(CallContext&, const Request&,
                                                       Reply<Response>),
                              Service& service, const std::type_identity_t<Request>& request) {
    const std::unique_ptr<CallContext> context = ContextOf(token);
    return Call(handler, service, *context, request);
  }

  absl::StatusOr<v1::RegisterResponse> Register(const std::string& username,
                                                std::string_view setup_token) {
    v1::RegisterRequest request;
    request.set_username(username);
    request.set_password(std::string(kPassword));
    request.set_setup_token(std::string(setup_token));
    return As("", &AuthService::Register, *auth_, request);
  }
  absl::StatusOr<v1::LoginResponse> Login(const std::string& username, std::string_view password) {
    v1::LoginRequest request;
    request.set_username(username);
    request.set_password(std::string(password));
    return As("", &AuthService::Login, *auth_, request);
  }

  // The first account; its token.
  std::string SetUpServer() {
    const auto answer = Register("ann", kSetupToken);
    EXPECT_TRUE(answer.ok()) << answer.status();
    owner_ = ActorId(answer->actor().id());
    workspace_ = WorkspaceId(answer->workspace().id());
    return answer->token();
  }
  // Another person with a role, made by the owner; its token.
  std::string AddPerson(const std::string& owner_token, const std::string& username,
                        v1::WorkspaceRole role) {
    v1::CreateActorRequest request;
    request.set_type(v1::ACTOR_TYPE_HUMAN);
    request.set_username(username);
    request.set_password(std::string(kPassword));
    request.set_role(role);
    const auto made = As(owner_token, &ActorService::CreateActor, *actors_, request);
    EXPECT_TRUE(made.ok()) << made.status();
    const auto login = Login(username, kPassword);
    EXPECT_TRUE(login.ok()) << login.status();
    return login->token();
  }
  absl::StatusOr<v1::RegisterAgentResponse> AddAgent(const std::string& token,
                                                     const std::string& username) {
    v1::RegisterAgentRequest request;
    request.set_username(username);
    return As(token, &AgentService::RegisterAgent, *agents_, request);
  }

  v1::ErrorReason ReasonFor(const std::string& token) {
    return ReasonOf(Authenticate(token).status());
  }
  std::string IdOf(const std::string& token) { return Authenticate(token)->actor_id.str(); }
  void Read(const std::function<absl::Status(ReadTx&)>& read) {
    const absl::Status status = store_->Read(read);
    EXPECT_TRUE(status.ok()) << status;
  }

  ManualClock clock_;
  ManualTimers timers_{clock_};
  SeededEntropy entropy_{7};
  UuidV7Ids ids_{clock_, entropy_};
  SessionTokens tokens_{"a secret of the test, long enough", clock_};
  Passwords passwords_{{.cost = {.passes = 1, .memory_bytes = 8192}}, entropy_};
  LoginThrottle throttle_{{}, clock_};
  SetupToken setup_token_{std::string(kSetupToken), entropy_};
  RememberingHub hub_;
  RememberingStopper stopper_;
  PlainPresence presence_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<StoreAuthenticator> authenticator_;
  std::unique_ptr<AuthService> auth_;
  std::unique_ptr<ActorService> actors_;
  std::unique_ptr<AgentService> agents_;
  std::unique_ptr<WorkspaceService> workspaces_;
  std::unique_ptr<InviteService> invites_;
  std::unique_ptr<PasswordResetService> resets_;
  std::unique_ptr<PresenceService> presences_;
  std::unique_ptr<AdminService> admin_;
  ActorId owner_;
  WorkspaceId workspace_;
};

// The kinds of the events, in order.
inline std::vector<v1::Event::PayloadCase> KindsOf(const std::vector<v1::Event>& events) {
  std::vector<v1::Event::PayloadCase> kinds;
  for (const v1::Event& event : events) kinds.push_back(event.payload_case());
  return kinds;
}

}  // namespace heim
