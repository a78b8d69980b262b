// AuthService: sign-up, log-in, sessions, personal tokens and tickets
// (proto/heim/v1/auth_service.proto says what each call needs, emits and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; Login, Register and ChangePassword block
// for the length of a password hash or two.
#pragma once

#include <atomic>
#include <string>

#include "absl/time/time.h"
#include "heim/v1/auth_service.pb.h"
#include "server/auth/login_throttle.h"
#include "server/auth/passwords.h"
#include "server/auth/session_tokens.h"
#include "server/auth/setup_token.h"
#include "server/auth/store_authenticator.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/hub/hub.h"
#include "server/model/limits.h"
#include "server/service/call.h"
#include "server/service/key_ender.h"
#include "server/store/store.h"

namespace heim {

struct AuthOptions {
  bool open_registration = false;                // HEIM_REGISTRATION=open
  bool by_invite = true;                         // unless HEIM_REGISTRATION=disabled
  absl::Duration token_for = kSessionLifetime;   // a bearer token; Refresh renews it
  absl::Duration session_for = kCookieLifetime;  // cookie and session, sliding with Refresh
};

// What the handlers of accounts work with; all of it outlives them.
struct AuthTools {
  const SessionTokens& tokens;
  Passwords& passwords;
  LoginThrottle& throttle;
  SetupToken& setup_token;
  StoreAuthenticator& authenticator;
};

class AuthService {
 public:
  AuthService(AuthOptions options, Store& store, Clock& clock, Ids& ids, Entropy& entropy,
              Timers& timers, AuthTools tools, Hub& hub)
      : options_(options),
        store_(store),
        clock_(clock),
        ids_(ids),
        entropy_(entropy),
        tools_(tools),
        hub_(hub),
        key_ender_(tools.authenticator, hub, clock, timers) {}

  void Login(CallContext& context, const v1::LoginRequest& request, Reply<v1::LoginResponse> reply);
  void Register(CallContext& context, const v1::RegisterRequest& request,
                Reply<v1::RegisterResponse> reply);
  void Refresh(CallContext& context, const v1::RefreshRequest& request,
               Reply<v1::RefreshResponse> reply);
  void Logout(CallContext& context, const v1::LogoutRequest& request,
              Reply<v1::LogoutResponse> reply);
  void GetSession(CallContext& context, const v1::GetSessionRequest& request,
                  Reply<v1::GetSessionResponse> reply);
  void CreatePersonalToken(CallContext& context, const v1::CreatePersonalTokenRequest& request,
                           Reply<v1::CreatePersonalTokenResponse> reply);
  void ListPersonalTokens(CallContext& context, const v1::ListPersonalTokensRequest& request,
                          Reply<v1::ListPersonalTokensResponse> reply);
  void RotatePersonalToken(CallContext& context, const v1::RotatePersonalTokenRequest& request,
                           Reply<v1::RotatePersonalTokenResponse> reply);
  void RevokePersonalToken(CallContext& context, const v1::RevokePersonalTokenRequest& request,
                           Reply<v1::RevokePersonalTokenResponse> reply);
  void ListSessions(CallContext& context, const v1::ListSessionsRequest& request,
                    Reply<v1::ListSessionsResponse> reply);
  void RevokeSession(CallContext& context, const v1::RevokeSessionRequest& request,
                     Reply<v1::RevokeSessionResponse> reply);
  void RevokeOtherSessions(CallContext& context, const v1::RevokeOtherSessionsRequest& request,
                           Reply<v1::RevokeOtherSessionsResponse> reply);
  void ChangePassword(CallContext& context, const v1::ChangePasswordRequest& request,
                      Reply<v1::ChangePasswordResponse> reply);
  void CreateTicket(CallContext& context, const v1::CreateTicketRequest& request,
                    Reply<v1::CreateTicketResponse> reply);

 private:
  // A session about to be written: the tokens that name it are made before its row is.
  struct NewSession {
    SessionRow row;
    std::string token;
    absl::Time token_expires_at;
    SessionCookie cookie;
  };
  // Whether somebody may sign up like this, before anything dear is done.
  absl::Status CheckSignUp(const CallContext& context, const v1::RegisterRequest& request);
  NewSession MakeSession(const CallContext& context, const ActorId& actor);
  void NameSession(NewSession& session);

  const AuthOptions options_;
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  Entropy& entropy_;
  const AuthTools tools_;
  Hub& hub_;
  KeyEnder key_ender_;
};

}  // namespace heim
