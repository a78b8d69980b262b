// EmojiService: the custom emoji of a workspace (proto/heim/v1/emoji_service.proto says what each
// call needs, emits and fails with). Bytes lie in the blob store, names in the store.
// Owned by app. Thread-safe. Handlers run on the Executor; pictures are made on the one for files.
#pragma once

#include <memory>
#include <string_view>

#include "heim/v1/emoji_service.pb.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/service/pictures.h"

namespace heim {

class EmojiService {
 public:
  explicit EmojiService(const PictureTools& tools) : tools_(tools) {}

  absl::StatusOr<std::shared_ptr<StreamCall>> UploadEmoji(std::shared_ptr<CallContext> context);
  void ListEmoji(CallContext& context, const v1::ListEmojiRequest& request,
                 Reply<v1::ListEmojiResponse> reply);
  void GetEmojiImage(CallContext& context, const v1::GetEmojiImageRequest& request,
                     Reply<std::shared_ptr<FrameSource>> reply);
  void DeleteEmoji(CallContext& context, const v1::DeleteEmojiRequest& request,
                   Reply<v1::DeleteEmojiResponse> reply);

 private:
  struct Addition;  // an upload on its way into the store

  void Finish(std::shared_ptr<Addition> addition, std::string_view given_name,
              std::string_view file);

  const PictureTools tools_;
};

}  // namespace heim
