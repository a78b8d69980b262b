// Unicode's normal form, and letters as a search compares them. Pure functions; any thread; never
// block. The only door to utf8proc.
#pragma once

#include <string>
#include <string_view>

namespace heim {

// Canonical composition (NFC), so that what looks the same is the same bytes. Text that is not
// valid UTF-8 comes back as it is.
std::string NormalizeNfc(std::string_view text);

// What a code point is to somebody who looks for words.
enum class LetterKind {
  kNone,   // between words: spaces, punctuation, symbols
  kWord,   // part of a word
  kAlone,  // a word of its own, of a script that puts no spaces between words
  kMark,   // belongs to the letter before it
};
LetterKind LetterKindOf(char32_t code_point);

// Appends what the letter or mark is compared by: lower case, without accents, of several forms of
// a letter the plain one. Nothing for what does not count. Never ASCII but letters and digits.
void AppendFolded(char32_t code_point, std::string* out);

}  // namespace heim
