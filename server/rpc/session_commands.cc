// The commands of a session: which there are follows from the oneof of SessionRequest and the
// method table, so that a new one needs no code here.
#include <utility>

#include "google/protobuf/descriptor.h"
#include "server/auth/key_secret.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/scopes.h"
#include "server/model/validate.h"
#include "server/rpc/ack.h"
#include "server/rpc/method_plan.h"
#include "server/rpc/session_call.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;

constexpr size_t kCommandIdMaxChars = 128;

v1::Reply ErrorReply(const std::string& id, const absl::Status& status,
                     std::string_view request_id) {
  v1::Reply reply;
  reply.set_id(id);
  *reply.mutable_error() = ToError(status, request_id);
  return reply;
}

v1::Reply AckReply(const std::string& id, v1::ReplyAck ack) {
  v1::Reply reply;
  reply.set_id(id);
  *reply.mutable_ack() = std::move(ack);
  return reply;
}

v1::Reply ReplyOf(const std::string& id, const absl::Status& status, std::string_view request_id) {
  if (!status.ok()) return ErrorReply(id, status, request_id);
  v1::ReplyAck ack;
  ack.set_ok(true);
  return AckReply(id, std::move(ack));
}

// Pieces of a stream come by the hundred; only those that name an id want to hear of each.
bool WantsAck(const MethodInfo& method, const std::string& id) {
  return !id.empty() || method.policy.rate_class() != v1::RATE_CLASS_STREAM;
}

const FieldDescriptor* CommandOf(const v1::SessionRequest& request) {
  const OneofDescriptor* oneof = v1::SessionRequest::descriptor()->FindOneofByName("command");
  return request.GetReflection()->GetOneofFieldDescriptor(request, oneof);
}

}  // namespace

void SessionCall::Take(RequestPtr request) {
  if (Utf8Length(request->id()) > kCommandIdMaxChars) {
    return Finished(
        ErrorReply("", InvalidField("id", "at most 128 characters"), context_->request_id));
  }
  switch (request->command_case()) {
    case v1::SessionRequest::COMMAND_NOT_SET:
      return Finished(ErrorReply(request->id(),
                                 MakeError(v1::ERROR_REASON_UNKNOWN_TYPE, "There is no command"),
                                 context_->request_id));
    case v1::SessionRequest::kPing: {
      v1::Reply reply;
      reply.set_id(request->id());
      reply.mutable_pong();
      return Finished(std::move(reply));
    }
    case v1::SessionRequest::kCall:
      return RunCall(std::move(request));
    default:
      return Enqueue(std::move(request));
  }
}

void SessionCall::Enqueue(RequestPtr request) {
  {
    absl::MutexLock lock(&mutex_);
    queue_.push_back(std::move(request));
    if (running_) return;
    running_ = true;
  }
  RunNext();
}

void SessionCall::RunNext() {
  RequestPtr request;
  {
    absl::MutexLock lock(&mutex_);
    if (queue_.empty()) {
      running_ = false;
      return;
    }
    request = std::move(queue_.front());
    queue_.pop_front();
  }
  Run(std::move(request), [self = shared_from_this()](std::optional<v1::Reply> reply) {
    self->Finished(std::move(reply));
    self->RunNext();
  });
}

void SessionCall::Run(RequestPtr request, Done done) {
  switch (request->command_case()) {
    case v1::SessionRequest::kSubscribe:
      return RunSubscribe(std::move(request), std::move(done));
    case v1::SessionRequest::kUnsubscribe:
      return done(
          ReplyOf(request->id(), Unsubscribe(request->unsubscribe()), context_->request_id));
    default:
      return RunMethod(std::move(request), std::move(done));
  }
}

void SessionCall::RunMethod(RequestPtr request, Done done) {
  const FieldDescriptor* field = CommandOf(*request);
  const MethodInfo* method = deps_.invoker.methods().FindByRequest(field->message_type());
  if (method == nullptr) {
    return done(
        ErrorReply(request->id(), MakeError(v1::ERROR_REASON_UNIMPLEMENTED), context_->request_id));
  }
  std::unique_ptr<Message> command(request->GetReflection()->ReleaseMessage(request.get(), field));
  const std::shared_ptr<CallContext> context = ContextOfCommand();
  deps_.invoker.Call(*method, context, std::move(command),
                     [method, context, id = request->id(), done = std::move(done)](
                         absl::StatusOr<std::unique_ptr<Message>> answer) mutable {
                       if (!answer.ok())
                         return done(ErrorReply(id, answer.status(), context->request_id));
                       if (!WantsAck(*method, id)) return done(std::nullopt);
                       done(AckReply(id, MakeAck(method->policy, **answer)));
                     });
}

void SessionCall::RunCall(RequestPtr request) {
  const MethodInfo* method = deps_.invoker.methods().Find(request->call().method());
  if (method == nullptr || !method->policy.callable()) {
    return Finished(ErrorReply(request->id(),
                               InvalidField("method", "the full name of a callable method"),
                               context_->request_id));
  }
  std::unique_ptr<Message> message(method->request_prototype->New());
  const absl::Status status = deps_.codec.ToMessage(request->call().request(), message.get());
  if (!status.ok()) return Finished(ErrorReply(request->id(), status, context_->request_id));
  const std::shared_ptr<CallContext> context = ContextOfCommand();
  deps_.invoker.Call(
      *method, context, std::move(message),
      [self = shared_from_this(), context,
       id = request->id()](absl::StatusOr<std::unique_ptr<Message>> answer) {
        if (!answer.ok()) {
          return self->Finished(ErrorReply(id, answer.status(), context->request_id));
        }
        auto value = self->deps_.codec.ToStruct(**answer);
        if (!value.ok()) {
          return self->Finished(ErrorReply(id, value.status(), context->request_id));
        }
        v1::Reply reply;
        reply.set_id(id);
        *reply.mutable_call_result()->mutable_response() = *std::move(value);
        self->Finished(std::move(reply));
      });
}

void SessionCall::RunSubscribe(RequestPtr request, Done done) {
  // Shared, because a refused post destroys what it was given.
  struct Work {
    RequestPtr request;
    Done done;
  };
  auto work = std::make_shared<Work>(Work{std::move(request), std::move(done)});
  const bool posted = deps_.executor.TryPost([self = shared_from_this(), work] {
    const ScopedRequestId scope(self->context_->request_id);
    const absl::Status status = self->Subscribe(work->request->subscribe());
    work->done(ReplyOf(work->request->id(), status, self->context_->request_id));
  });
  if (posted) return;
  work->done(ErrorReply(work->request->id(), MakeError(v1::ERROR_REASON_OVERLOADED),
                        context_->request_id));
}

absl::Status SessionCall::Subscribe(const v1::SubscribeRequest& request) {
  const Caller& caller = context_->caller;
  if (!HasScope(caller.scopes, kScopeMessagesRead)) return MissingScope(kScopeMessagesRead);
  CallContext command;
  command.caller = caller;
  HEIM_RETURN_IF_ERROR(deps_.limits.TakeForCall(v1::RATE_CLASS_READ, command));
  HEIM_RETURN_IF_ERROR(Validate(request));
  if (!request.workspace_id().empty() && request.workspace_id() != caller.workspace_id.str()) {
    return InvalidField("workspace_id", "the session's workspace; another one has its own session");
  }
  if (request.channel_ids_size() > 0) {
    std::vector<ChannelId> channels;
    channels.reserve(static_cast<size_t>(request.channel_ids_size()));
    for (const std::string& id : request.channel_ids()) channels.emplace_back(id);
    HEIM_RETURN_IF_ERROR(deps_.check_channels(caller, channels));
  }
  return subscription_->Subscribe(request);
}

absl::Status SessionCall::Unsubscribe(const v1::UnsubscribeRequest& request) {
  HEIM_RETURN_IF_ERROR(Validate(request));
  std::vector<ChannelId> channels;
  for (const std::string& id : request.channel_ids()) channels.emplace_back(id);
  subscription_->Unsubscribe(channels);
  return absl::OkStatus();
}

// Each command is authenticated anew, so that a session has never more rights than its credential.
// A ticket is good only once: its session keeps the caller that it was opened by.
std::shared_ptr<CallContext> SessionCall::ContextOfCommand() {
  uint64_t number = 0;
  {
    absl::MutexLock lock(&mutex_);
    number = ++commands_;
  }
  auto context = std::make_shared<CallContext>();
  context->request_id = absl::StrCat(context_->request_id, ".", number);
  if (!IsRequestId(context->request_id)) context->request_id = deps_.invoker.NewRequestId();
  context->bearer = context_->bearer;
  context->bearer_from_cookie = context_->bearer_from_cookie;
  context->address = context_->address;
  context->user_agent = context_->user_agent;
  context->client = context_->client;
  context->base_url = context_->base_url;
  context->workspace_selector = context_->caller.workspace_id.str();
  if (StartsWith(context_->bearer, kTicketPrefix)) {
    context->caller_known = true;
    context->caller = context_->caller;
  }
  return context;
}

}  // namespace heim
