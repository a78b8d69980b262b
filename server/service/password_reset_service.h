// PasswordResetService: a new password for whom has forgotten the old one
// (proto/heim/v1/password_reset_service.proto says what each call needs and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; ResetPassword blocks for the length of a
// password hash when its token is right.
#pragma once

#include <string>
#include <utility>

#include "heim/v1/password_reset_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/auth/passwords.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/ids.h"
#include "server/hub/hub.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

struct PasswordResetOptions {
  std::string public_url;    // HEIM_PUBLIC_URL; empty: links are relative
  std::string operator_key;  // of OperatorLinkKey; empty: the operator makes no links
};

class PasswordResetService {
 public:
  struct Dependencies {
    Store& store;
    Clock& clock;
    Ids& ids;
    Entropy& entropy;
    Passwords& passwords;
    Authenticator& authenticator;
    Hub& hub;
  };

  PasswordResetService(PasswordResetOptions options, const Dependencies& dependencies)
      : options_(std::move(options)), deps_(dependencies) {}

  void CreatePasswordReset(CallContext& context, const v1::CreatePasswordResetRequest& request,
                           Reply<v1::CreatePasswordResetResponse> reply);
  void ResetPassword(CallContext& context, const v1::ResetPasswordRequest& request,
                     Reply<v1::ResetPasswordResponse> reply);

 private:
  const PasswordResetOptions options_;
  const Dependencies deps_;
};

}  // namespace heim
