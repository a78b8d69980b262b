#include "server/jobs/file_previews.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/people_limits.h"
#include "server/service/file_links.h"
#include "server/service/file_type.h"

namespace heim {
namespace {

constexpr int64_t kTriesMax = 2;
constexpr char kPreviewType[] = "image/webp";

absl::StatusOr<std::optional<UnlookedFile>> FindNext(Store& store) {
  std::optional<UnlookedFile> next;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(next, tx.files.NextUnlooked());
    return absl::OkStatus();
  }));
  return next;
}

PictureOrder PreviewOrder() {
  PictureOrder order;
  order.max_bytes = kPreviewSourceMaxBytes;
  order.max_pixels = kPreviewSourceMaxPixels;
  order.sides = {kPreviewPixels};
  order.shape = PictureOrder::Shape::kWhole;
  return order;
}

// One file under way. Held by its own tasks and commits.
class Making : public std::enable_shared_from_this<Making> {
 public:
  Making(const PictureTools& tools, const std::function<void()>& changed, DueWork::Done done)
      : tools_(tools), changed_(changed), done_(std::move(done)) {}

  void Begin() {
    absl::StatusOr<std::optional<UnlookedFile>> next = FindNext(tools_.store);
    if (!next.ok()) return done_(next.status());
    if (!next->has_value()) return done_(1);  // it went meanwhile
    file_ = **std::move(next);
    if (!MayHavePreview(file_.row.file) || file_.tries >= kTriesMax) return Finish();
    // Noted first: whatever happens to the server now, the picture is not tried for ever.
    SetTries(file_.tries + 1, [self = shared_from_this()](const absl::Status& status) {
      if (!status.ok()) return self->done_(status);
      if (self->tools_.executor.TryPost([self] { self->Make(); })) return;
      self->GiveUp(absl::UnavailableError("the executor is full"));
    });
  }

 private:
  void SetTries(int64_t tries, std::function<void(const absl::Status&)> then) {
    Draft draft;
    draft.apply = [id = FileId(file_.row.file.id()), tries](WriteTx& tx) {
      return tx.files.SetPreviewTries(id, tries);
    };
    tools_.store.Commit(std::move(draft), [then](const absl::StatusOr<Committed>& committed) {
      then(committed.status());
    });
  }

  // It is not the file's fault: it is tried again later.
  void GiveUp(const absl::Status& why) {
    SetTries(file_.tries,
             [self = shared_from_this(), why](const absl::Status&) { self->done_(why); });
  }

  // On the Executor for files.
  void Make() {
    absl::StatusOr<std::string> bytes = ReadAll();
    if (absl::IsNotFound(bytes.status())) return Finish();
    if (!bytes.ok()) return GiveUp(bytes.status());
    const auto pictures = tools_.mill.Make(*bytes, PreviewOrder());
    if (!pictures.ok()) {
      LogInfo("A picture has no preview",
              {{"file_id", file_.row.file.id()}, {"error", pictures.status()}});
      return Finish();
    }
    auto stored = StorePicture(tools_, pictures->front());
    if (!stored.ok()) return GiveUp(stored.status());
    file_.row.preview = *std::move(stored);
    v1::ImagePreview& preview = *file_.row.file.mutable_preview();
    preview.set_width(pictures->front().width);
    preview.set_height(pictures->front().height);
    preview.set_mime_type(kPreviewType);
    Finish();
  }

  absl::StatusOr<std::string> ReadAll() {
    HEIM_ASSIGN_OR_RETURN(const auto reader, tools_.blobs.Open(file_.row.blob_key));
    return reader->Read(0, static_cast<size_t>(file_.row.file.size_bytes()));
  }

  void Finish() {
    Draft draft;
    draft.apply = [row = file_.row, now = tools_.clock.Now()](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const bool there, tx.files.FinishPreview(row));
      if (!there) return tx.files.AddDeadBlob(row.preview.blob_key);
      return RefreshAttachments(tx, FileId(row.file.id()), now, kFileLinksAtOnce).status();
    };
    tools_.store.Commit(std::move(draft),
                        [self = shared_from_this()](const absl::StatusOr<Committed>& committed) {
                          if (!committed.ok()) {
                            if (!self->file_.row.preview.blob_key.empty()) {
                              DropPictures(self->tools_, {self->file_.row.preview.blob_key});
                            }
                            return self->done_(committed.status());
                          }
                          self->changed_();
                          self->done_(1);
                        });
  }

  const PictureTools& tools_;
  const std::function<void()>& changed_;
  DueWork::Done done_;
  UnlookedFile file_;
};

}  // namespace

DueWork FilePreviews(const PictureTools& tools, std::function<void()> changed) {
  DueWork work;
  work.name = "previews of files";
  work.next_due = [&tools]() -> absl::StatusOr<std::optional<absl::Time>> {
    HEIM_ASSIGN_OR_RETURN(const std::optional<UnlookedFile> next, FindNext(tools.store));
    if (!next.has_value()) return std::optional<absl::Time>();
    return std::optional<absl::Time>(tools.clock.Now());
  };
  auto tell = std::make_shared<const std::function<void()>>(std::move(changed));
  work.run = [&tools, tell](absl::Time, DueWork::Done done) {
    std::make_shared<Making>(tools, *tell, std::move(done))->Begin();
  };
  return work;
}

}  // namespace heim
