// Archives: names that stay within, contents as long as the table says, and memory that is bounded.
#include <memory>
#include <string>

#include "server/archive/json_elements.h"
#include "server/archive/zip_reader.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(heim::FuzzText(data, size));
  const heim::ZipLimits limits = {.entries = 1000,
                                  .name_bytes = 100,
                                  .entry_bytes = 1 << 20,
                                  .total_bytes = 4 << 20,
                                  .ratio = 250,
                                  .ratio_free_bytes = 1 << 16};
  const auto zip = heim::ZipReader::Open(
      {size,
       [&bytes](uint64_t offset, size_t n) -> absl::StatusOr<std::string> {
         return offset < bytes.size() ? bytes.substr(offset, n) : std::string();
       }},
      limits);
  if (!zip.ok()) return 0;
  FUZZ_CHECK((*zip)->entries().size() <= limits.entries);
  const heim::ZipEntry* before = nullptr;
  int opened = 0;
  for (const heim::ZipEntry& entry : (*zip)->entries()) {
    FUZZ_CHECK(before == nullptr || before->name < entry.name);
    before = &entry;
    FUZZ_CHECK(!entry.name.empty() && entry.name.size() <= limits.name_bytes);
    FUZZ_CHECK(entry.name.front() != '/' && entry.name.find('\\') == std::string::npos);
    FUZZ_CHECK(("/" + entry.name + "/").find("/../") == std::string::npos);
    FUZZ_CHECK((*zip)->Find(entry.name) == &entry);
    if (++opened > 8) continue;
    auto stream = (*zip)->OpenEntry(entry);
    if (!stream.ok()) continue;
    const auto all = heim::ReadAll(**stream, limits.entry_bytes);
    FUZZ_CHECK(!all.ok() || all->size() == entry.size);
    auto again = (*zip)->OpenEntry(entry);
    if (!again.ok()) continue;
    heim::JsonElements elements(*std::move(again), 1000);
    std::string element;
    while (true) {
      const absl::StatusOr<bool> more = elements.Next(&element);
      FUZZ_CHECK(element.size() <= 1000);
      if ((more.ok() && !*more) || (!more.ok() && !absl::IsResourceExhausted(more.status()))) break;
    }
  }
  return 0;
}
