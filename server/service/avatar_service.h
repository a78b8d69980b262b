// AvatarService: the pictures of actors (the avatar calls of proto/heim/v1/actor_service.proto say
// what each needs, emits and fails with). Bytes lie in the blob store, in two sizes; the actor
// shows their address. Owned by app. Thread-safe. Handlers run on the Executor; pictures are made
// on the one for files.
#pragma once

#include <memory>

#include "heim/v1/actor_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/service/pictures.h"

namespace heim {

class AvatarService {
 public:
  AvatarService(const PictureTools& tools, Authenticator& authenticator)
      : tools_(tools), authenticator_(authenticator) {}

  absl::StatusOr<std::shared_ptr<StreamCall>> UploadAvatar(std::shared_ptr<CallContext> context);
  void GetAvatar(CallContext& context, const v1::GetAvatarRequest& request,
                 Reply<std::shared_ptr<FrameSource>> reply);
  void DeleteAvatar(CallContext& context, const v1::DeleteAvatarRequest& request,
                    Reply<v1::DeleteAvatarResponse> reply);

 private:
  struct Change;  // an upload on its way into the store

  void Finish(std::shared_ptr<Change> change, std::string_view file);

  const PictureTools tools_;
  Authenticator& authenticator_;
};

}  // namespace heim
