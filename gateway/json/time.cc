#include <algorithm>
#include <cstdlib>

#include "gateway/json/text.h"

namespace heim {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kMinTime = -62135596800;  // 0001-01-01T00:00:00Z
constexpr int64_t kMaxTime = 253402300799;  // 9999-12-31T23:59:59Z
constexpr int64_t kMaxDuration = 315576000000;

struct Date {
  int64_t year;
  int month;
  int day;
};

// Days since 1970-01-01 in the proleptic Gregorian calendar, and back; years are counted from
// March, so that the leap day is the last one.
int64_t DaysOf(Date date) {
  const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t month = (date.month + 9) % 12;
  const int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

Date DateOf(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month = (5 * day_of_year + 2) / 153;
  Date date;
  date.day = static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysInMonth(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// Writes `width` digits and moves past them.
void PutPadded(uint32_t value, int width, char*& to) {
  for (int i = width - 1; i >= 0; --i) {
    to[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  to += width;
}

void AppendDecimals(int64_t nanos, Decimals decimals, std::string* out) {
  int width = 9;
  if (decimals == Decimals::kHeim || nanos % 1000000 == 0) {
    width = 3;
    nanos /= 1000000;
  } else if (nanos % 1000 == 0) {
    width = 6;
    nanos /= 1000;
  }
  if (nanos == 0) return;
  char text[10] = {'.'};
  char* end = text + 1;
  PutPadded(static_cast<uint32_t>(nanos), width, end);
  out->append(text, static_cast<size_t>(end - text));
}

// Reads exactly `count` digits and removes them; -1 when they are not there.
int64_t TakeNumber(std::string_view& text, size_t count) {
  if (text.size() < count) return -1;
  int64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool TakeChar(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".123" at the front, as nanoseconds; 0 when there is none, -1 when it is malformed.
int64_t TakeDecimals(std::string_view& text) {
  if (!TakeChar(text, '.')) return 0;
  int64_t nanos = 0;
  int width = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++width > 9) return -1;
    nanos = nanos * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (width == 0) return -1;
  for (; width < 9; ++width) nanos *= 10;
  return nanos;
}

// "Z" or "+02:00", in seconds; nullopt when it is malformed.
std::optional<int64_t> TakeOffset(std::string_view& text) {
  if (TakeChar(text, 'Z') || TakeChar(text, 'z')) return 0;
  const bool negative = TakeChar(text, '-');
  if (!negative && !TakeChar(text, '+')) return std::nullopt;
  const int64_t hours = TakeNumber(text, 2);
  if (hours < 0 || hours > 23 || !TakeChar(text, ':')) return std::nullopt;
  const int64_t minutes = TakeNumber(text, 2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  const int64_t offset = hours * 3600 + minutes * 60;
  return negative ? -offset : offset;
}

std::optional<int64_t> TakeDate(std::string_view& text) {
  const int64_t year = TakeNumber(text, 4);
  if (year < 1 || !TakeChar(text, '-')) return std::nullopt;
  const int month = static_cast<int>(TakeNumber(text, 2));
  if (month < 1 || month > 12 || !TakeChar(text, '-')) return std::nullopt;
  const int day = static_cast<int>(TakeNumber(text, 2));
  if (day < 1 || day > DaysInMonth(year, month)) return std::nullopt;
  return DaysOf({year, month, day}) * kSecondsPerDay;
}

std::optional<int64_t> TakeClock(std::string_view& text) {
  const int64_t hour = TakeNumber(text, 2);
  if (hour < 0 || hour > 23 || !TakeChar(text, ':')) return std::nullopt;
  const int64_t minute = TakeNumber(text, 2);
  if (minute < 0 || minute > 59 || !TakeChar(text, ':')) return std::nullopt;
  const int64_t second = TakeNumber(text, 2);
  if (second < 0 || second > 59) return std::nullopt;
  return hour * 3600 + minute * 60 + second;
}

}  // namespace

void AppendTime(const google::protobuf::Timestamp& time, Decimals decimals, std::string* out) {
  const int64_t seconds = std::clamp<int64_t>(time.seconds(), kMinTime, kMaxTime);
  int64_t days = seconds / kSecondsPerDay;
  int64_t rest = seconds % kSecondsPerDay;
  if (rest < 0) {
    rest += kSecondsPerDay;
    --days;
  }
  const Date date = DateOf(days);
  const auto second = static_cast<uint32_t>(rest);
  char text[20];
  char* to = text;
  PutPadded(static_cast<uint32_t>(date.year), 4, to);
  *to++ = '-';
  PutPadded(static_cast<uint32_t>(date.month), 2, to);
  *to++ = '-';
  PutPadded(static_cast<uint32_t>(date.day), 2, to);
  *to++ = 'T';
  PutPadded(second / 3600, 2, to);
  *to++ = ':';
  PutPadded(second / 60 % 60, 2, to);
  *to++ = ':';
  PutPadded(second % 60, 2, to);
  out->append(text, static_cast<size_t>(to - text));
  AppendDecimals(std::clamp<int64_t>(time.nanos(), 0, 999999999), decimals, out);
  out->push_back('Z');
}

std::optional<google::protobuf::Timestamp> ParseTime(std::string_view text) {
  const std::optional<int64_t> date = TakeDate(text);
  if (!date || (!TakeChar(text, 'T') && !TakeChar(text, 't'))) return std::nullopt;
  const std::optional<int64_t> clock = TakeClock(text);
  if (!clock) return std::nullopt;
  const int64_t nanos = TakeDecimals(text);
  if (nanos < 0) return std::nullopt;
  const std::optional<int64_t> offset = TakeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const int64_t seconds = *date + *clock - *offset;
  if (seconds < kMinTime || seconds > kMaxTime) return std::nullopt;
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>(nanos));
  return time;
}

void AppendSeconds(const google::protobuf::Duration& duration, Decimals decimals,
                   std::string* out) {
  const int64_t seconds = std::clamp(duration.seconds(), -kMaxDuration, kMaxDuration);
  const int64_t nanos = std::clamp<int64_t>(duration.nanos(), -999999999, 999999999);
  if (seconds < 0 || nanos < 0) out->push_back('-');
  AppendInteger(std::llabs(seconds), out);
  const size_t before = out->size();
  AppendDecimals(std::llabs(nanos), Decimals::kCanonical, out);
  // Heim JSON writes 1.5s, where canonical JSON writes 1.500s.
  if (decimals == Decimals::kHeim && out->size() > before) {
    while (out->back() == '0') out->pop_back();
  }
  out->push_back('s');
}

std::optional<google::protobuf::Duration> ParseSeconds(std::string_view text) {
  const bool negative = TakeChar(text, '-');
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  if (digits == 0 || digits > 12) return std::nullopt;
  const int64_t seconds = TakeNumber(text, digits);
  const int64_t nanos = TakeDecimals(text);
  if (nanos < 0 || text != "s" || seconds > kMaxDuration) return std::nullopt;
  google::protobuf::Duration duration;
  duration.set_seconds(negative ? -seconds : seconds);
  duration.set_nanos(static_cast<int32_t>(negative ? -nanos : nanos));
  return duration;
}

}  // namespace heim
