// LinkPreviews: messages whose links are to be looked at, what was found, and which links are to
// have no preview. The previews themselves lie in the messages. Rows and nothing else; rights are
// checked by services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct PreviewJobRow {
  MessageId message_id;
  WorkspaceId workspace_id;
  int64_t tries = 0;
};

struct PreviewLinkRow {
  std::string url;
  std::string page_key;
  bool removed = false;
};

struct PreviewPage {
  std::string key;
  // Without url and image_file_id; with no title there is nothing to show.
  v1::LinkPreview found;
  std::string image;  // webp; empty: none
  absl::Time expires_at;
};

class LinkPreviews {
 public:
  explicit LinkPreviews(SqlSession& session) : session_(&session) {}

  // --- What is to be done
  absl::Status Ask(const MessageId& message, const WorkspaceId& workspace);
  absl::StatusOr<std::vector<PreviewJobRow>> Asked(uint32_t limit);
  absl::Status CountTry(const MessageId& message);
  absl::Status Done(const MessageId& message);

  // --- Links of a message, by url
  absl::StatusOr<std::vector<PreviewLinkRow>> LinksOf(const MessageId& message);
  // Replaces the row of the link; the page that it had goes if no other link has it.
  absl::Status PutLink(const MessageId& message, const WorkspaceId& workspace,
                       const PreviewLinkRow& link);
  absl::Status DropLink(const MessageId& message, const WorkspaceId& workspace,
                        const PreviewLinkRow& link);
  // All that is kept of the message, and pages that no other message has.
  absl::Status Forget(const MessageId& message);

  // --- Pages
  // nullopt when there is none, or it is too old.
  absl::StatusOr<std::optional<PreviewPage>> GetPage(const WorkspaceId& workspace,
                                                     std::string_view key, absl::Time now);
  // Keeps at most `max` pages of the workspace, those that live longest, and no old ones.
  absl::Status PutPage(const WorkspaceId& workspace, const PreviewPage& page, absl::Time now,
                       uint32_t max);

 private:
  absl::Status DropPage(const SqlValue& workspace, std::string_view key);

  SqlSession* session_;
};

}  // namespace heim
