// What a file is by its content, never by its name: a small table of first bytes, and the size of
// images whose header says it. Values; one thread at a time. Never blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "heim/v1/file.pb.h"

namespace heim {

struct ImageSize {
  uint32_t width = 0;
  uint32_t height = 0;
};

// The type that the first bytes give away; empty when none does.
std::string_view TypeByFirstBytes(std::string_view head);

// Of a png, gif or jpeg, from its first bytes; nullopt when they do not say, or say zero.
std::optional<ImageSize> ImageSizeOf(std::string_view mime_type, std::string_view head);

// Whether a preview can be made: a png, jpeg or webp that is not too large.
bool MayHavePreview(const v1::File& file);

// FileProbe looks at the bytes of a file as they pass. Markup that a browser would run (HTML, SVG)
// is text to it.
class FileProbe {
 public:
  void Add(std::string_view bytes);

  // After the last byte: of the table, else text/plain for UTF-8 without NUL, else
  // application/octet-stream.
  std::string mime_type() const;
  std::optional<ImageSize> image_size() const;

 private:
  std::string head_;
  bool text_ = true;
  std::string cut_;  // a code point that the last piece broke off
};

}  // namespace heim
