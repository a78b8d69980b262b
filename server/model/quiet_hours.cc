#include "server/model/quiet_hours.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr int kMinutesOfDay = 24 * 60;

std::optional<int> Digits(std::string_view two, int below) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (two.size() != 2 || !is_digit(two[0]) || !is_digit(two[1])) return std::nullopt;
  const int value = (two[0] - '0') * 10 + (two[1] - '0');
  return value < below ? std::optional<int>(value) : std::nullopt;
}

// Minutes since midnight.
std::optional<int> MinutesOf(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const std::optional<int> hours = Digits(text.substr(0, 2), 24);
  const std::optional<int> minutes = Digits(text.substr(3), 60);
  if (!hours.has_value() || !minutes.has_value()) return std::nullopt;
  return *hours * 60 + *minutes;
}

// Only names of the database: no paths of the system, no zone of this machine.
std::optional<absl::TimeZone> ZoneOf(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '/';
  };
  if (name.empty() || name.front() == '/' || name == "localtime") return std::nullopt;
  if (!std::all_of(name.begin(), name.end(), is_plain)) return std::nullopt;
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(ToAbsl(name), &zone)) return std::nullopt;
  return zone;
}

v1::Weekday WeekdayOf(absl::CivilDay day) {
  switch (absl::GetWeekday(day)) {
    case absl::Weekday::monday:
      return v1::WEEKDAY_MONDAY;
    case absl::Weekday::tuesday:
      return v1::WEEKDAY_TUESDAY;
    case absl::Weekday::wednesday:
      return v1::WEEKDAY_WEDNESDAY;
    case absl::Weekday::thursday:
      return v1::WEEKDAY_THURSDAY;
    case absl::Weekday::friday:
      return v1::WEEKDAY_FRIDAY;
    case absl::Weekday::saturday:
      return v1::WEEKDAY_SATURDAY;
    case absl::Weekday::sunday:
      return v1::WEEKDAY_SUNDAY;
  }
  return v1::WEEKDAY_UNSPECIFIED;
}

bool BeginOn(const v1::QuietHours& hours, absl::CivilDay day) {
  return hours.days().empty() ||
         std::find(hours.days().begin(), hours.days().end(), WeekdayOf(day)) != hours.days().end();
}

}  // namespace

absl::Status CheckQuietHours(const v1::QuietHours& hours, std::string_view path) {
  const bool needed = hours.enabled();
  for (const auto& [name, value] :
       {std::pair<std::string_view, const std::string&>("start", hours.start()),
        std::pair<std::string_view, const std::string&>("end", hours.end())}) {
    if (value.empty() && !needed) continue;
    if (!MinutesOf(value).has_value()) {
      return InvalidField(StrCat(path, ".", name), "a time HH:MM from 00:00 to 23:59");
    }
  }
  if ((needed || !hours.time_zone().empty()) && !ZoneOf(hours.time_zone()).has_value()) {
    return InvalidField(StrCat(path, ".time_zone"), "an IANA time zone such as Europe/Berlin");
  }
  for (int i = 0; i < hours.days_size(); ++i) {
    if (hours.days(i) == v1::WEEKDAY_UNSPECIFIED || !v1::Weekday_IsValid(hours.days(i))) {
      return InvalidField(StrCat(path, ".days[", i, "]"), "monday to sunday");
    }
  }
  return absl::OkStatus();
}

bool IsQuietAt(const v1::QuietHours& hours, absl::Time moment) {
  if (!hours.enabled()) return false;
  const std::optional<int> start = MinutesOf(hours.start());
  const std::optional<int> end = MinutesOf(hours.end());
  const std::optional<absl::TimeZone> zone = ZoneOf(hours.time_zone());
  if (!start.has_value() || !end.has_value() || !zone.has_value()) return false;
  const absl::CivilMinute local = absl::ToCivilMinute(moment, *zone);
  const absl::CivilDay today(local);
  const int now = local.hour() * 60 + local.minute();
  // What began yesterday reaches this far into today.
  const int length = *end > *start ? *end - *start : *end - *start + kMinutesOfDay;
  if (BeginOn(hours, today) && now >= *start && now < *start + length) return true;
  return BeginOn(hours, today - 1) && now + kMinutesOfDay < *start + length;
}

}  // namespace heim
