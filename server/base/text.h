// Rules on text that are the same everywhere: UTF-8, newlines, unsafe characters, near misses.
// Pure functions; any thread; never block.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace heim {

// Strict: no surrogates, no overlong forms, nothing above U+10FFFF. U+0000 is valid.
bool IsValidUtf8(std::string_view text);

// Code points of valid UTF-8; for other bytes, the bytes that do not continue a sequence.
size_t Utf8Length(std::string_view text);

// The longest prefix of at most `max_bytes` that does not cut a code point.
std::string_view Utf8Prefix(std::string_view text, size_t max_bytes);

// CR LF becomes LF; a lone CR stays.
std::string NormalizeNewlines(std::string_view text);

// Removes what can fool a reader of a display name: C0 and C1 controls, bidi controls, zero-width
// and other invisible characters. Expects valid UTF-8; stray bytes are removed too.
std::string StripUnsafeControls(std::string_view text);

// Whether there is a C0 control (tab and newlines included), DEL or a C1 control.
bool HasControl(std::string_view text);

// Whether StripUnsafeControls would keep this code point.
bool IsSafeCodePoint(char32_t code_point);

// Reads the code point at the front and removes it from `text`; nullopt, and one byte removed, for
// invalid UTF-8. `text` must not be empty.
std::optional<char32_t> TakeCodePoint(std::string_view& text);

// A-Z only; bytes of other characters are left alone.
std::string AsciiLower(std::string_view text);

// The closest candidate for "did you mean", at most 3 edits (a swap of neighbours is one) and less
// than half of the longer one away, case ignored; the first of equals. Nothing when none is near.
std::optional<std::string_view> Nearest(std::string_view word,
                                        absl::Span<const std::string_view> candidates);

}  // namespace heim
