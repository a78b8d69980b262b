#include "server/store/link_previews.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kAsk[] =
    "INSERT INTO preview_jobs (message_id, workspace_id, tries) VALUES ($1, $2, 0) "
    "ON CONFLICT (message_id) DO UPDATE SET tries = 0";
// Ids rise with time.
constexpr char kAsked[] =
    "SELECT message_id, workspace_id, tries FROM preview_jobs ORDER BY message_id LIMIT $1";
constexpr char kCountTry[] = "UPDATE preview_jobs SET tries = tries + 1 WHERE message_id = $1";
constexpr char kDone[] = "DELETE FROM preview_jobs WHERE message_id = $1";

constexpr char kLinksOf[] =
    "SELECT url, page_key, removed, workspace_id FROM preview_links WHERE message_id = $1 "
    "ORDER BY url";
constexpr char kPageOfLink[] =
    "SELECT page_key FROM preview_links WHERE message_id = $1 AND url = $2";
constexpr char kPutLink[] =
    "INSERT INTO preview_links (message_id, url, workspace_id, page_key, removed) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (message_id, url) "
    "DO UPDATE SET page_key = excluded.page_key, removed = excluded.removed";
constexpr char kDropLink[] = "DELETE FROM preview_links WHERE message_id = $1 AND url = $2";
constexpr char kDropLinks[] = "DELETE FROM preview_links WHERE message_id = $1";

constexpr char kGetPage[] =
    "SELECT expires_at, body, image FROM preview_pages "
    "WHERE workspace_id = $1 AND page_key = $2 AND expires_at > $3";
constexpr char kPutPage[] =
    "INSERT INTO preview_pages (workspace_id, page_key, expires_at, body, image) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, page_key) "
    "DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body, image = excluded.image";
constexpr char kDropOld[] = "DELETE FROM preview_pages WHERE expires_at <= $1";
constexpr char kDropBeyond[] =
    "DELETE FROM preview_pages WHERE workspace_id = $1 AND page_key IN "
    "(SELECT x.page_key FROM preview_pages x WHERE x.workspace_id = $1 "
    "ORDER BY x.expires_at DESC, x.page_key LIMIT 1000000 OFFSET $2)";
constexpr char kDropPage[] =
    "DELETE FROM preview_pages WHERE workspace_id = $1 AND page_key = $2 "
    "AND NOT EXISTS (SELECT 1 FROM preview_links l WHERE l.workspace_id = $1 AND l.page_key = $2)";

}  // namespace

absl::Status LinkPreviews::Ask(const MessageId& message, const WorkspaceId& workspace) {
  return session_->Execute(kAsk, {SqlId(message), SqlId(workspace)}).status();
}

absl::StatusOr<std::vector<PreviewJobRow>> LinkPreviews::Asked(uint32_t limit) {
  std::vector<PreviewJobRow> jobs;
  HEIM_RETURN_IF_ERROR(session_->Query(kAsked, {SqlInt(limit)}, [&](const SqlRow& row) {
    jobs.push_back({MessageId(row.Text(0)), WorkspaceId(row.Text(1)), row.Int(2)});
    return absl::OkStatus();
  }));
  return jobs;
}

absl::Status LinkPreviews::CountTry(const MessageId& message) {
  return session_->Execute(kCountTry, {SqlId(message)}).status();
}

absl::Status LinkPreviews::Done(const MessageId& message) {
  return session_->Execute(kDone, {SqlId(message)}).status();
}

absl::StatusOr<std::vector<PreviewLinkRow>> LinkPreviews::LinksOf(const MessageId& message) {
  std::vector<PreviewLinkRow> links;
  HEIM_RETURN_IF_ERROR(session_->Query(kLinksOf, {SqlId(message)}, [&](const SqlRow& row) {
    links.push_back({TextOf(row, 0), TextOf(row, 1), row.Int(2) != 0});
    return absl::OkStatus();
  }));
  return links;
}

absl::Status LinkPreviews::DropPage(const SqlValue& workspace, std::string_view key) {
  if (key.empty()) return absl::OkStatus();
  return session_->Execute(kDropPage, {workspace, SqlText(key)}).status();
}

absl::Status LinkPreviews::PutLink(const MessageId& message, const WorkspaceId& workspace,
                                   const PreviewLinkRow& link) {
  std::string before;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kPageOfLink, {SqlId(message), SqlText(link.url)}, [&](const SqlRow& row) {
        before = TextOf(row, 0);
        return absl::OkStatus();
      }));
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kPutLink, {SqlId(message), SqlText(link.url), SqlId(workspace),
                                   SqlText(link.page_key), SqlBool(link.removed)}));
  return DropPage(SqlId(workspace), before);
}

absl::Status LinkPreviews::DropLink(const MessageId& message, const WorkspaceId& workspace,
                                    const PreviewLinkRow& link) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kDropLink, {SqlId(message), SqlText(link.url)}));
  return DropPage(SqlId(workspace), link.page_key);
}

absl::Status LinkPreviews::Forget(const MessageId& message) {
  HEIM_RETURN_IF_ERROR(Done(message));
  std::vector<std::pair<std::string, std::string>> pages;
  HEIM_RETURN_IF_ERROR(session_->Query(kLinksOf, {SqlId(message)}, [&](const SqlRow& row) {
    pages.emplace_back(TextOf(row, 3), TextOf(row, 1));
    return absl::OkStatus();
  }));
  HEIM_RETURN_IF_ERROR(session_->Execute(kDropLinks, {SqlId(message)}));
  for (const auto& [workspace, key] : pages) {
    HEIM_RETURN_IF_ERROR(DropPage(SqlText(workspace), key));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<PreviewPage>> LinkPreviews::GetPage(const WorkspaceId& workspace,
                                                                 std::string_view key,
                                                                 absl::Time now) {
  std::optional<PreviewPage> page;
  HEIM_RETURN_IF_ERROR(session_->Query(kGetPage, {SqlId(workspace), SqlText(key), SqlTime(now)},
                                       [&](const SqlRow& row) {
                                         page.emplace();
                                         page->key = std::string(key);
                                         page->expires_at = TimeOfMillis(row.Int(0));
                                         page->image = std::string(row.Blob(2));
                                         return ParseColumn(row, 1, &page->found);
                                       }));
  return page;
}

absl::Status LinkPreviews::PutPage(const WorkspaceId& workspace, const PreviewPage& page,
                                   absl::Time now, uint32_t max) {
  const std::string body = page.found.SerializeAsString();
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kPutPage, {SqlId(workspace), SqlText(page.key), SqlTime(page.expires_at),
                                   SqlBlob(body), SqlBlob(page.image)}));
  HEIM_RETURN_IF_ERROR(session_->Execute(kDropOld, {SqlTime(now)}));
  return session_->Execute(kDropBeyond, {SqlId(workspace), SqlInt(max)}).status();
}

}  // namespace heim
