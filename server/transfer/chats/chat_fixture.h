// Tests: an archive in memory, and all that a source says of it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/archive/zip_builder.h"
#include "server/transfer/chats/chat_archives.h"

namespace heim {

class MemoryArchive : public ByteSource {
 public:
  explicit MemoryArchive(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<std::string> Read(uint64_t offset, size_t n) override {
    return offset < bytes_.size() ? bytes_.substr(offset, n) : std::string();
  }

 private:
  const std::string bytes_;
};

using OpenChatArchive =
    absl::StatusOr<std::unique_ptr<RecordSource>> (*)(ByteSource&, const ChatArchiveOptions&);

struct ArchiveContents {
  absl::Status status;
  std::vector<v1::ExportRecord> records;
  std::vector<SourceProblem> problems;

  std::vector<v1::Message> Messages() const {
    std::vector<v1::Message> found;
    for (const v1::ExportRecord& record : records) {
      if (record.has_message()) found.push_back(record.message());
    }
    return found;
  }
  bool HasProblem(std::string_view text) const {
    for (const SourceProblem& problem : problems) {
      if (problem.text.find(text) != std::string::npos) return true;
    }
    return false;
  }
};

inline ArchiveContents Drain(OpenChatArchive open, ByteSource& archive,
                             const ChatArchiveOptions& options = {}) {
  ArchiveContents contents;
  absl::StatusOr<std::unique_ptr<RecordSource>> source = open(archive, options);
  contents.status = source.status();
  while (contents.status.ok()) {
    absl::StatusOr<std::optional<v1::ExportRecord>> next = (*source)->Next();
    for (SourceProblem& problem : (*source)->TakeProblems()) {
      contents.problems.push_back(std::move(problem));
    }
    contents.status = next.status();
    if (!next.ok() || !next->has_value()) break;
    contents.records.push_back(**std::move(next));
  }
  return contents;
}

inline ArchiveContents ReadSlack(const std::vector<ZipPart>& files,
                                 const ChatArchiveOptions& options = {}) {
  MemoryArchive archive(BuildZip(files));
  return Drain(&OpenSlackArchive, archive, options);
}

inline ArchiveContents ReadMattermost(std::string lines, const ChatArchiveOptions& options = {}) {
  MemoryArchive archive(std::move(lines));
  return Drain(&OpenMattermostArchive, archive, options);
}

}  // namespace heim
