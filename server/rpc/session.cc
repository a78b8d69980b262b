#include "server/rpc/session.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/scopes.h"
#include "server/rpc/session_call.h"

namespace heim {
namespace {

// A filter that nothing passes: presence is never durable.
v1::SubscribeRequest HearNothing() {
  v1::SubscribeRequest request;
  request.add_types("presence.changed");
  request.set_durable_only(true);
  return request;
}

}  // namespace

absl::StatusOr<std::shared_ptr<StreamCall>> SessionService::Session(
    std::shared_ptr<CallContext> context) {
  const Caller& caller = context->caller;
  if (!caller.authenticated()) return Unauthenticated("A session needs a credential");
  if (caller.workspace_id.empty()) return WorkspaceNotFound();
  SubscribeOptions options;
  options.caller = caller;
  options.session_id = deps_.ids.NewId();
  if (HasScope(caller.scopes, kScopeMessagesRead)) {
    options.request.set_cursor(context->resume_cursor);
  } else {
    options.request = HearNothing();
  }
  HEIM_ASSIGN_OR_RETURN(std::shared_ptr<Subscription> subscription,
                        deps_.hub.Subscribe(std::move(options)));
  return std::shared_ptr<StreamCall>(
      std::make_shared<SessionCall>(deps_, std::move(context), std::move(subscription)));
}

}  // namespace heim
