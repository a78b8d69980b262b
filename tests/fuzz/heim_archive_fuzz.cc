// Archives of Heim: the tar and its records. The first byte says whether the rest is an archive as
// it is, or the records of one whose container is sound.
#include <algorithm>
#include <string>

#include "gateway/json/codec.h"
#include "server/model/errors.h"
#include "server/model/transfer_limits.h"
#include "server/transfer/heim_archive.h"
#include "server/transfer/tar.h"
#include "tests/fuzz/fuzz.h"

namespace heim {
namespace {

class Codec final : public RecordCodec {
 public:
  void Append(const google::protobuf::Message& message, std::string* out) const override {
    AppendJson(message, Dialect::kHeim, out);
  }
  absl::Status Parse(std::string_view text, google::protobuf::Message* out) const override {
    return ParseJson(text, JsonOptions(), out);
  }
};

class Bytes final : public ByteSource {
 public:
  explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<std::string> Read(uint64_t offset, size_t n) override {
    if (offset >= bytes_.size()) return std::string();
    return bytes_.substr(static_cast<size_t>(offset), n);
  }

 private:
  const std::string bytes_;
};

void ReadFile(RecordSource& source, std::string_view path) {
  auto opened = source.OpenFile(path);
  if (!opened.ok()) return;
  while (true) {
    const auto piece = (*opened)->Next(100);
    if (!piece.ok() || piece->empty()) return;
  }
}

void ReadAll(Bytes& bytes) {
  const Codec codec;
  auto source = OpenHeimArchive(bytes, codec);
  if (!source.ok()) {
    FUZZ_CHECK(ReasonOf(source.status()) == v1::ERROR_REASON_INVALID_ARCHIVE);
    return;
  }
  bool first = true;
  while (true) {
    const auto record = (*source)->Next();
    if (!record.ok()) {
      FUZZ_CHECK(ReasonOf(record.status()) == v1::ERROR_REASON_INVALID_ARCHIVE);
      return;
    }
    FUZZ_CHECK(!(*source)->Place().empty());
    if (!record->has_value()) return;
    FUZZ_CHECK((*record)->has_header() == first);
    first = false;
    if ((*record)->has_file()) ReadFile(**source, (*record)->file().path());
  }
}

void Walk(Bytes& bytes) {
  TarWalk walk(bytes);
  uint64_t before = 0;
  while (true) {
    const auto entry = walk.Next();
    if (!entry.ok() || !entry->has_value()) return;
    FUZZ_CHECK(IsArchivePath((*entry)->name));
    FUZZ_CHECK((*entry)->offset > before);
    FUZZ_CHECK((*entry)->offset + (*entry)->size <= bytes.size());
    before = (*entry)->offset;
  }
}

}  // namespace
}  // namespace heim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  if ((data[0] & 1) != 0) {
    std::string archive;
    heim::AppendTarHeader("records/00000001.jsonl", text.size(), absl::UnixEpoch(), &archive);
    archive += text;
    heim::AppendTarPadding(text.size(), &archive);
    heim::AppendTarEnd(&archive);
    text = std::move(archive);
  }
  heim::Bytes bytes(std::move(text));
  heim::Walk(bytes);
  heim::ReadAll(bytes);
  return 0;
}
