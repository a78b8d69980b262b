#include <charconv>
#include <limits>

#include "gateway/json/text.h"

namespace heim {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A literal split by the grammar of RFC 8259; the views point into the literal.
struct Literal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  bool exponent_negative = false;
  std::string_view exponent;
};

std::string_view TakeDigits(std::string_view& text) {
  size_t n = 0;
  while (n < text.size() && IsDigit(text[n])) ++n;
  const std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

bool Split(std::string_view text, Literal* out) {
  if (!text.empty() && text.front() == '-') {
    out->negative = true;
    text.remove_prefix(1);
  }
  out->whole = TakeDigits(text);
  if (out->whole.empty() || (out->whole.size() > 1 && out->whole.front() == '0')) return false;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    out->fraction = TakeDigits(text);
    if (out->fraction.empty()) return false;
  }
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
      out->exponent_negative = text.front() == '-';
      text.remove_prefix(1);
    }
    out->exponent = TakeDigits(text);
    if (out->exponent.empty()) return false;
  }
  return text.empty();
}

// The exponent, held within what any literal of sane length can need.
int64_t ExponentOf(const Literal& literal) {
  constexpr int64_t kEnough = int64_t{1} << 40;
  int64_t value = 0;
  for (const char c : literal.exponent) {
    if (value < kEnough) value = value * 10 + (c - '0');
  }
  return literal.exponent_negative ? -value : value;
}

// The absolute value as digits * 10^scale without leading or trailing zeros; empty is zero.
struct Decimal {
  std::string digits;
  int64_t scale = 0;
};

Decimal Normalize(const Literal& literal) {
  Decimal out;
  out.digits.append(literal.whole).append(literal.fraction);
  out.scale = ExponentOf(literal) - static_cast<int64_t>(literal.fraction.size());
  out.digits.erase(0, out.digits.find_first_not_of('0'));
  while (!out.digits.empty() && out.digits.back() == '0') {
    out.digits.pop_back();
    ++out.scale;
  }
  return out;
}

constexpr int64_t kMaxDigits = std::numeric_limits<uint64_t>::digits10 + 1;

NumberError Magnitude(const Literal& literal, uint64_t* out) {
  *out = 0;
  if (literal.fraction.empty() && literal.exponent.empty() &&
      static_cast<int64_t>(literal.whole.size()) < kMaxDigits) {
    for (const char c : literal.whole) *out = *out * 10 + static_cast<uint64_t>(c - '0');
    return NumberError::kNone;
  }
  const Decimal decimal = Normalize(literal);
  if (decimal.digits.empty()) return NumberError::kNone;
  if (decimal.scale < 0) return NumberError::kNotWhole;
  if (static_cast<int64_t>(decimal.digits.size()) + decimal.scale > kMaxDigits) {
    return NumberError::kRange;
  }
  const std::string digits = decimal.digits + std::string(static_cast<size_t>(decimal.scale), '0');
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), *out);
  return result.ec == std::errc() ? NumberError::kNone : NumberError::kRange;
}

template <typename T>
NumberError ParseSigned(std::string_view text, T* out) {
  Literal literal;
  if (!Split(text, &literal)) return NumberError::kSyntax;
  uint64_t magnitude = 0;
  const NumberError error = Magnitude(literal, &magnitude);
  if (error != NumberError::kNone) return error;
  const uint64_t limit =
      static_cast<uint64_t>(std::numeric_limits<T>::max()) + (literal.negative ? 1 : 0);
  if (magnitude > limit) return NumberError::kRange;
  *out = static_cast<T>(literal.negative ? 0 - magnitude : magnitude);
  return NumberError::kNone;
}

template <typename T>
NumberError ParseUnsigned(std::string_view text, T* out) {
  Literal literal;
  if (!Split(text, &literal)) return NumberError::kSyntax;
  uint64_t magnitude = 0;
  const NumberError error = Magnitude(literal, &magnitude);
  if (error != NumberError::kNone) return error;
  if (magnitude > std::numeric_limits<T>::max() || (literal.negative && magnitude != 0)) {
    return NumberError::kRange;
  }
  *out = static_cast<T>(magnitude);
  return NumberError::kNone;
}

}  // namespace

bool IsNumber(std::string_view text) {
  Literal literal;
  return Split(text, &literal);
}

NumberError ParseNumber(std::string_view text, int64_t* out) { return ParseSigned(text, out); }
NumberError ParseNumber(std::string_view text, int32_t* out) { return ParseSigned(text, out); }
NumberError ParseNumber(std::string_view text, uint64_t* out) { return ParseUnsigned(text, out); }
NumberError ParseNumber(std::string_view text, uint32_t* out) { return ParseUnsigned(text, out); }

NumberError ParseNumber(std::string_view text, double* out) {
  Literal literal;
  if (!Split(text, &literal)) return NumberError::kSyntax;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (result.ec == std::errc()) return NumberError::kNone;
  // Too near to zero and too far from it are one error to from_chars.
  const Decimal decimal = Normalize(literal);
  if (static_cast<int64_t>(decimal.digits.size()) + decimal.scale > 0) return NumberError::kRange;
  *out = literal.negative ? -0.0 : 0.0;
  return NumberError::kNone;
}

}  // namespace heim
