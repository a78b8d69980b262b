#include "server/jobs/link_previewer.h"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/preview_limits.h"
#include "server/model/time.h"
#include "server/service/membership.h"
#include "server/service/message_previews.h"

namespace heim {
namespace {

constexpr int kThreads = 3;
// More than the threads have in hand.
constexpr uint32_t kJobsAtOnce = 16;
constexpr int64_t kTriesMax = 3;
constexpr absl::Duration kRest = absl::Seconds(1);

bool HasUrl(const std::vector<WantedLink>& links, const std::string& url) {
  return std::any_of(links.begin(), links.end(),
                     [&](const WantedLink& link) { return link.url == url; });
}

// The message, unless it is gone, with its channel or alone.
absl::StatusOr<std::optional<v1::Message>> FindMessage(ReadTx& tx, const MessageId& id) {
  absl::StatusOr<v1::Message> message = tx.messages.Get(id);
  if (ReasonOf(message.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) {
    return std::optional<v1::Message>();
  }
  HEIM_RETURN_IF_ERROR(message.status());
  const auto channel = tx.channels.Get(ChannelId(message->channel_id()));
  if (ReasonOf(channel.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) {
    return std::optional<v1::Message>();
  }
  HEIM_RETURN_IF_ERROR(channel.status());
  if (message->has_deleted_at()) return std::optional<v1::Message>();
  return std::make_optional(*std::move(message));
}

absl::Time LastSaid(const v1::Message& message) {
  return FromTimestamp(message.has_edited_at() ? message.edited_at() : message.created_at());
}

const v1::LinkPreview* FindPreview(const v1::Message& message, const std::string& url) {
  for (const v1::LinkPreview& preview : message.previews()) {
    if (preview.url() == url) return &preview;
  }
  return nullptr;
}

}  // namespace

// One message under way.
struct LinkPreviewer::Look {
  MessageId message_id;
  WorkspaceId workspace_id;
  absl::Time now;
  v1::Message message;  // as it was read
  std::vector<WantedLink> wanted;
  absl::flat_hash_set<std::string> removed;     // urls
  std::map<std::string, PreviewPage> pages;     // by key
  absl::flat_hash_set<std::string> fetched;     // keys
  std::map<std::string, StoredPicture> stored;  // by key; bytes that are not a file's yet
  std::vector<std::string> used;                // blobs that a file has now
  bool gone = false;
};

LinkPreviewer::~LinkPreviewer() { Stop(); }

void LinkPreviewer::Start() {
  if (!on_) return;
  Committed();
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Run(); });
}

void LinkPreviewer::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool LinkPreviewer::Wants(std::string_view type) const {
  return on_ && (type == "message.new" || type == "message.updated");
}

absl::StatusOr<std::vector<LogJob::Step>> LinkPreviewer::Plan(ReadTx& tx,
                                                              const WorkspaceId& workspace,
                                                              const v1::Event& event) {
  const v1::Message& message =
      event.has_message_new() ? event.message_new().message() : event.message_updated().message();
  const std::vector<std::string> links = LinksOf(message);
  if (links.empty() && (event.has_message_new() || message.revision() <= 1)) {
    return std::vector<Step>();
  }
  const MessageId id(message.id());
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace settings, tx.workspaces.Get(workspace));
  HEIM_ASSIGN_OR_RETURN(const std::vector<PreviewLinkRow> known, tx.link_previews.LinksOf(id));
  const std::vector<WantedLink> wanted = WantedLinks(settings, message);
  const bool all_known = std::all_of(wanted.begin(), wanted.end(), [&](const WantedLink& link) {
    return std::any_of(known.begin(), known.end(),
                       [&](const PreviewLinkRow& row) { return row.url == link.url; });
  });
  const bool none_left = std::all_of(known.begin(), known.end(), [&](const PreviewLinkRow& row) {
    return HasUrl(wanted, row.url) ||
           (row.removed && std::find(links.begin(), links.end(), row.url) != links.end());
  });
  if (all_known && none_left) return std::vector<Step>();
  return std::vector<Step>{
      [id, workspace](WriteTx& write) { return write.link_previews.Ask(id, workspace); }};
}

void LinkPreviewer::Committed() {
  absl::MutexLock lock(&mutex_);
  noted_ = true;
}

void LinkPreviewer::Run() {
  pthread_setname_np(pthread_self(), "previews");
  while (std::optional<PreviewJobRow> job = Take()) {
    LookAt(*job);
    GiveBack(*job);
  }
}

std::optional<PreviewJobRow> LinkPreviewer::Take() {
  while (true) {
    {
      const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || noted_;
      };
      absl::MutexLock lock(&mutex_, absl::Condition(&has_work));
      if (stopping_) return std::nullopt;
      noted_ = false;
    }
    std::vector<PreviewJobRow> jobs;
    const absl::Status read = tools_.store.Read([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(jobs, tx.link_previews.Asked(kJobsAtOnce));
      return absl::OkStatus();
    });
    absl::MutexLock lock(&mutex_);
    if (!read.ok()) {
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kRest);
      noted_ = true;
      continue;
    }
    for (PreviewJobRow& job : jobs) {
      if (!taken_.insert(job.message_id.str()).second) continue;
      noted_ = true;  // there may be another one for the next thread
      return std::move(job);
    }
  }
}

void LinkPreviewer::GiveBack(const PreviewJobRow& job) {
  absl::MutexLock lock(&mutex_);
  taken_.erase(job.message_id.str());
  noted_ = true;
}

void LinkPreviewer::LookAt(const PreviewJobRow& job) {
  const absl::Status status = TryToLookAt(job);
  if (status.ok() || absl::IsCancelled(status)) return;
  LogWarn("the links of a message could not be looked at",
          {{"message_id", job.message_id.str()}, {"error", status}});
  // Whatever it is, it is not to go on for ever.
  (void)Commit([&](WriteTx& tx) {
    return job.tries + 1 >= kTriesMax ? tx.link_previews.Done(job.message_id)
                                      : tx.link_previews.CountTry(job.message_id);
  });
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kRest);
}

absl::Status LinkPreviewer::TryToLookAt(const PreviewJobRow& job) {
  Look look;
  look.message_id = job.message_id;
  look.workspace_id = job.workspace_id;
  HEIM_RETURN_IF_ERROR(Read(&look));
  HEIM_RETURN_IF_ERROR(FetchMissing(&look));
  StorePictures(&look);
  look.now = tools_.clock.Now();
  const absl::Status status = Commit([&](WriteTx& tx) { return Write(tx, &look); });
  std::vector<std::string> unused;
  for (const auto& [key, picture] : look.stored) {
    const bool used = status.ok() && std::find(look.used.begin(), look.used.end(),
                                               picture.blob_key) != look.used.end();
    if (!used) unused.push_back(picture.blob_key);
  }
  DropPictures(tools_, std::move(unused));
  sweeper_.Sweep();
  return status;
}

absl::Status LinkPreviewer::Read(Look* look) {
  return tools_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(std::optional<v1::Message> message, FindMessage(tx, look->message_id));
    look->gone = !message.has_value();
    if (look->gone) return absl::OkStatus();
    look->message = *std::move(message);
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.Get(look->workspace_id));
    look->wanted = WantedLinks(workspace, look->message);
    look->removed.clear();
    look->pages.clear();
    HEIM_ASSIGN_OR_RETURN(const std::vector<PreviewLinkRow> rows,
                          tx.link_previews.LinksOf(look->message_id));
    for (const PreviewLinkRow& row : rows) {
      if (row.removed) look->removed.insert(row.url);
    }
    for (const WantedLink& link : look->wanted) {
      HEIM_ASSIGN_OR_RETURN(
          std::optional<PreviewPage> page,
          tx.link_previews.GetPage(look->workspace_id, link.key, tools_.clock.Now()));
      if (page.has_value()) look->pages.emplace(link.key, *std::move(page));
    }
    return absl::OkStatus();
  });
}

absl::Status LinkPreviewer::FetchMissing(Look* look) {
  const absl::Duration enough = tools_.clock.Monotonic() + kPreviewMessageTime;
  if (tools_.clock.Now() - LastSaid(look->message) > kPreviewLate) return absl::OkStatus();
  for (const WantedLink& link : look->wanted) {
    const bool settled = look->removed.contains(link.url) || look->pages.count(link.key) != 0 ||
                         FindPreview(look->message, link.url) != nullptr;
    if (settled || tools_.clock.Monotonic() >= enough) continue;
    HEIM_ASSIGN_OR_RETURN(PreviewPage page, pages_.Fetch(link));
    look->pages.emplace(link.key, std::move(page));
    look->fetched.insert(link.key);
  }
  return absl::OkStatus();
}

void LinkPreviewer::StorePictures(Look* look) {
  for (const WantedLink& link : look->wanted) {
    const auto page = look->pages.find(link.key);
    const bool settled = look->removed.contains(link.url) || look->stored.count(link.key) != 0 ||
                         FindPreview(look->message, link.url) != nullptr;
    if (settled || page == look->pages.end() || page->second.image.empty()) continue;
    auto stored = StorePicture(tools_, Picture{page->second.image, 0, 0});
    // A preview without its picture is one, too.
    if (stored.ok()) look->stored.emplace(link.key, *std::move(stored));
  }
}

absl::Status LinkPreviewer::Write(WriteTx& tx, Look* look) {
  look->used.clear();
  if (look->gone) return tx.link_previews.Done(look->message_id);
  HEIM_ASSIGN_OR_RETURN(std::optional<v1::Message> message, FindMessage(tx, look->message_id));
  if (!message.has_value()) return tx.link_previews.Done(look->message_id);
  // The next round has to do with what it says now.
  if (message->content() != look->message.content() ||
      message->content_type() != look->message.content_type() ||
      message->state() != look->message.state()) {
    return absl::OkStatus();
  }
  HEIM_RETURN_IF_ERROR(WriteLinks(tx, *message, *look));
  HEIM_RETURN_IF_ERROR(WritePreviews(tx, &*message, look));
  return tx.link_previews.Done(look->message_id);
}

absl::Status LinkPreviewer::WriteLinks(WriteTx& tx, const v1::Message& message, const Look& look) {
  const std::vector<std::string> links = LinksOf(message);
  HEIM_ASSIGN_OR_RETURN(const std::vector<PreviewLinkRow> rows,
                        tx.link_previews.LinksOf(look.message_id));
  absl::flat_hash_set<std::string> removed;
  for (const PreviewLinkRow& row : rows) {
    const bool stays = row.removed ? std::find(links.begin(), links.end(), row.url) != links.end()
                                   : HasUrl(look.wanted, row.url);
    if (row.removed) removed.insert(row.url);
    if (stays) continue;
    HEIM_RETURN_IF_ERROR(tx.link_previews.DropLink(look.message_id, look.workspace_id, row));
  }
  for (const WantedLink& link : look.wanted) {
    if (removed.contains(link.url)) continue;
    HEIM_RETURN_IF_ERROR(
        tx.link_previews.PutLink(look.message_id, look.workspace_id,
                                 {.url = link.url, .page_key = link.key, .removed = false}));
    if (!look.fetched.contains(link.key)) continue;
    HEIM_RETURN_IF_ERROR(tx.link_previews.PutPage(look.workspace_id, look.pages.at(link.key),
                                                  look.now, kPreviewPagesPerWorkspace));
  }
  return absl::OkStatus();
}

absl::Status LinkPreviewer::WritePreviews(WriteTx& tx, v1::Message* message, Look* look) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<PreviewLinkRow> rows,
                        tx.link_previews.LinksOf(look->message_id));
  absl::flat_hash_set<std::string> shown;
  for (const PreviewLinkRow& row : rows) {
    if (!row.removed) shown.insert(row.url);
  }
  HEIM_ASSIGN_OR_RETURN(bool changed, DropPreviews(tx, message, [&](const std::string& url) {
                          return !shown.contains(url);
                        }));
  google::protobuf::RepeatedPtrField<v1::LinkPreview> previews;
  for (const WantedLink& link : look->wanted) {
    if (!shown.contains(link.url)) continue;
    if (const v1::LinkPreview* before = FindPreview(*message, link.url); before != nullptr) {
      *previews.Add() = *before;
      continue;
    }
    const auto page = look->pages.find(link.key);
    if (page == look->pages.end() || page->second.found.title().empty()) continue;
    v1::LinkPreview& preview = *previews.Add();
    preview = page->second.found;
    preview.set_url(link.url);
    HEIM_ASSIGN_OR_RETURN(const std::string file, WritePicture(tx, *message, look, page->second));
    if (file.empty()) {
      preview.clear_image_width();
      preview.clear_image_height();
    } else {
      preview.set_image_file_id(file);
    }
    changed = true;
  }
  if (!changed) return absl::OkStatus();
  message->mutable_previews()->Swap(&previews);
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(look->workspace_id));
  HEIM_RETURN_IF_ERROR(tx.messages.Update(*message, position));
  v1::Event event = MessageEvent({ActorId(message->actor().id()), look->now}, *message);
  *event.mutable_message_updated()->mutable_message() = *message;
  return tx.Emit(look->workspace_id, std::move(event)).status();
}

absl::StatusOr<std::string> LinkPreviewer::WritePicture(WriteTx& tx, const v1::Message& message,
                                                        Look* look, const PreviewPage& page) {
  const auto stored = look->stored.find(page.key);
  if (stored == look->stored.end()) return std::string();
  // Two links of the text that lead to one page: the first has the picture.
  if (std::find(look->used.begin(), look->used.end(), stored->second.blob_key) !=
      look->used.end()) {
    return std::string();
  }
  FileRow row;
  row.workspace_id = look->workspace_id;
  row.blob_key = stored->second.blob_key;
  row.hidden = true;
  v1::File& file = row.file;
  file.set_id(tools_.ids.NewId());
  file.set_actor_id(message.actor().id());
  file.set_filename("preview.webp");
  file.set_mime_type("image/webp");
  file.set_size_bytes(stored->second.size_bytes);
  file.set_sha256(stored->second.sha256);
  file.set_width(page.found.image_width());
  file.set_height(page.found.image_height());
  *file.mutable_created_at() = ToTimestamp(look->now);
  HEIM_RETURN_IF_ERROR(tx.files.Insert(row));
  HEIM_RETURN_IF_ERROR(
      tx.files.LinkToMessage(FileId(file.id()), look->message_id, ChannelId(message.channel_id())));
  look->used.push_back(row.blob_key);
  return file.id();
}

absl::Status LinkPreviewer::Commit(std::function<absl::Status(WriteTx&)> apply) {
  absl::Notification done;
  absl::Status status;
  Draft draft;
  draft.apply = std::move(apply);
  tools_.store.Commit(std::move(draft), [&](const absl::StatusOr<heim::Committed>& committed) {
    status = committed.status();
    done.Notify();
  });
  done.WaitForNotification();
  return status;
}

}  // namespace heim
