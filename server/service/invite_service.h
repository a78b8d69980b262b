// InviteService: letting people into a workspace (proto/heim/v1/invite_service.proto says what each
// call needs, emits and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include <string>

#include "heim/v1/invite_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/ids.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

struct InviteOptions {
  std::string public_url;  // HEIM_PUBLIC_URL; empty: links are relative
};

class InviteService {
 public:
  InviteService(InviteOptions options, Store& store, Clock& clock, Ids& ids, Entropy& entropy,
                Authenticator& authenticator)
      : options_(std::move(options)),
        store_(store),
        clock_(clock),
        ids_(ids),
        entropy_(entropy),
        authenticator_(authenticator) {}

  void CreateInvite(CallContext& context, const v1::CreateInviteRequest& request,
                    Reply<v1::CreateInviteResponse> reply);
  void ListInvites(CallContext& context, const v1::ListInvitesRequest& request,
                   Reply<v1::ListInvitesResponse> reply);
  void RevokeInvite(CallContext& context, const v1::RevokeInviteRequest& request,
                    Reply<v1::RevokeInviteResponse> reply);
  void GetInvite(CallContext& context, const v1::GetInviteRequest& request,
                 Reply<v1::GetInviteResponse> reply);
  void AcceptInvite(CallContext& context, const v1::AcceptInviteRequest& request,
                    Reply<v1::AcceptInviteResponse> reply);

 private:
  const InviteOptions options_;
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  Entropy& entropy_;
  Authenticator& authenticator_;
};

}  // namespace heim
