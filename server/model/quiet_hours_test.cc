// Quiet hours by the clock on the wall, over midnight, on their days, through changes of summer
// time; and which settings are refused. Needs the system's time zone database.
#include "server/model/quiet_hours.h"

#include "gtest/gtest.h"
#include "server/model/errors.h"

namespace heim {
namespace {

v1::QuietHours Hours(const std::string& start, const std::string& end,
                     const std::string& zone = "Europe/Berlin") {
  v1::QuietHours hours;
  hours.set_enabled(true);
  hours.set_start(start);
  hours.set_end(end);
  hours.set_time_zone(zone);
  return hours;
}

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << error;
  return time;
}

TEST(QuietHoursTest, HoursOfOneDayHoldFromTheStartToBeforeTheEnd) {
  const v1::QuietHours hours = Hours("12:00", "13:30");
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-05 10:59")));
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-05 11:00")));
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-05 12:29")));
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-05 12:30")));
}

TEST(QuietHoursTest, AnEndBeforeTheStartIsOnTheNextDay) {
  const v1::QuietHours hours = Hours("22:00", "07:00");
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-05 20:59")));
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-05 21:00")));
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-06 05:59")));
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-06 06:00")));
}

TEST(QuietHoursTest, EqualTimesAreAWholeDay) {
  v1::QuietHours hours = Hours("09:00", "09:00");
  hours.add_days(v1::WEEKDAY_SATURDAY);
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-10 07:59")));
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-10 08:00")));
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-11 07:59")));
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-11 08:00")));
}

TEST(QuietHoursTest, DaysAreThoseOnWhichTheHoursBegin) {
  v1::QuietHours hours = Hours("22:00", "07:00");
  hours.add_days(v1::WEEKDAY_FRIDAY);
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-09 04:00"))) << "the night from Thursday";
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-09 22:00")));
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-10 04:00"))) << "Saturday morning";
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-10 22:00")));
}

TEST(QuietHoursTest, TheyMoveWithSummerTime) {
  const v1::QuietHours hours = Hours("22:00", "07:00");
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-03-28 21:00"))) << "22:00 of winter";
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-03-29 05:00"))) << "07:00 of summer, an hour early";
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-10-25 05:59"))) << "06:59 of winter, an hour late";
  EXPECT_TRUE(IsQuietAt(Hours("02:10", "02:50"), Utc("2026-10-25 00:30"))) << "once,";
  EXPECT_TRUE(IsQuietAt(Hours("02:10", "02:50"), Utc("2026-10-25 01:30"))) << "and again";
}

TEST(QuietHoursTest, TheyAreOfTheZoneThatIsNamed) {
  EXPECT_TRUE(IsQuietAt(Hours("22:00", "07:00", "Asia/Kolkata"), Utc("2026-01-05 16:30")));
  EXPECT_FALSE(IsQuietAt(Hours("22:00", "07:00", "UTC"), Utc("2026-01-05 16:30")));
  EXPECT_FALSE(IsQuietAt(Hours("22:00", "07:00", "Nowhere/Land"), Utc("2026-01-05 23:00")));
}

TEST(QuietHoursTest, OffIsOff) {
  v1::QuietHours hours = Hours("00:00", "00:00");
  EXPECT_TRUE(IsQuietAt(hours, Utc("2026-01-05 12:00")));
  hours.set_enabled(false);
  EXPECT_FALSE(IsQuietAt(hours, Utc("2026-01-05 12:00")));
}

TEST(QuietHoursTest, WhatCannotBeIsRefusedByTheNameOfTheField) {
  const auto field = [](const v1::QuietHours& hours) {
    const absl::Status status = CheckQuietHours(hours, "q");
    if (status.ok()) return std::string("ok");
    return ToError(status, "").fields(0).field();
  };
  EXPECT_EQ(field(Hours("22:00", "07:00")), "ok");
  EXPECT_EQ(field(Hours("22:00", "07:00", "America/Argentina/Buenos_Aires")), "ok");
  EXPECT_EQ(field(v1::QuietHours()), "ok");
  for (const char* bad : {"", "7:00", "24:00", "22:60", "22-00", "2a:00", "22:000"}) {
    EXPECT_EQ(field(Hours(bad, "07:00")), "q.start") << bad;
    EXPECT_EQ(field(Hours("07:00", bad)), "q.end") << bad;
  }
  for (const char* bad :
       {"", "Nowhere/Land", "/etc/localtime", "../UTC", "localtime", "UTC\n", "Europe/Berlin "}) {
    EXPECT_EQ(field(Hours("22:00", "07:00", bad)), "q.time_zone") << bad;
  }
  v1::QuietHours days = Hours("22:00", "07:00");
  days.add_days(v1::WEEKDAY_MONDAY);
  days.add_days(static_cast<v1::Weekday>(9));
  EXPECT_EQ(field(days), "q.days[1]");
}

}  // namespace
}  // namespace heim
