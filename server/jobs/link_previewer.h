// LinkPreviewer gives messages previews of the pages that they link to: it reads from the log which
// messages have links to be looked at, notes them durably, and looks at them on threads of its own,
// several messages at a time. What was found goes into the message in one commit with
// message.updated, if the message still says what it said. Owned by app; outlives its LogReader.
// Thread-safe. Plan is for the reader's thread; Stop blocks until the threads have ended, the
// EgressClient is to be stopped before.
#pragma once

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "server/jobs/log_job.h"
#include "server/jobs/page_fetcher.h"
#include "server/service/blob_sweeper.h"
#include "server/service/pictures.h"

namespace heim {

class LinkPreviewer final : public LogJob {
 public:
  enum class Switch { kOff, kOn };

  LinkPreviewer(Switch on, const PictureTools& tools, PageFetcher& pages, BlobSweeper& sweeper)
      : on_(on == Switch::kOn), tools_(tools), pages_(pages), sweeper_(sweeper) {}
  ~LinkPreviewer() override;

  // Looks at what an earlier run left. Once.
  void Start();
  void Stop();

  std::string_view name() const override { return "link_previews"; }
  bool Wants(std::string_view type) const override;
  absl::StatusOr<std::vector<Step>> Plan(ReadTx& tx, const WorkspaceId& workspace,
                                         const v1::Event& event) override;
  void Committed() override;

 private:
  struct Look;

  void Run();
  // A message to look at that no other thread has; nullopt at the end.
  std::optional<PreviewJobRow> Take();
  void GiveBack(const PreviewJobRow& job);
  void LookAt(const PreviewJobRow& job);
  absl::Status TryToLookAt(const PreviewJobRow& job);
  absl::Status Read(Look* look);
  absl::Status FetchMissing(Look* look);
  void StorePictures(Look* look);
  // On the writer's thread.
  absl::Status Write(WriteTx& tx, Look* look);
  absl::Status WriteLinks(WriteTx& tx, const v1::Message& message, const Look& look);
  absl::Status WritePreviews(WriteTx& tx, v1::Message* message, Look* look);
  absl::StatusOr<std::string> WritePicture(WriteTx& tx, const v1::Message& message, Look* look,
                                           const PreviewPage& page);
  absl::Status Commit(std::function<absl::Status(WriteTx&)> apply);

  const bool on_;
  const PictureTools& tools_;
  PageFetcher& pages_;
  BlobSweeper& sweeper_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Something was noted since somebody last looked for it.
  bool noted_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<std::string> taken_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace heim
