// The only file that includes spdlog: level, sink and flush are its, the line is ours.
#include "server/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "server/base/text.h"

namespace heim {
namespace {

struct LevelNames {
  std::string_view name;
  LogLevel level;
};
constexpr LevelNames kLevels[] = {
    {"debug", LogLevel::kDebug},  {"info", LogLevel::kInfo},   {"warn", LogLevel::kWarn},
    {"warning", LogLevel::kWarn}, {"error", LogLevel::kError},
};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// The log belongs to the process, like stderr. Never destroyed, so that threads may log to the end.
struct Log {
  spdlog::logger logger{"heim", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  std::atomic<LogFormat> format{LogFormat::kText};

  Log() {
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::info);
    logger.flush_on(spdlog::level::debug);
  }
};

Log& TheLog() {
  static Log& log = *new Log();
  return log;
}

std::string& ThreadRequestId() {
  thread_local std::string request_id;
  return request_id;
}

void Write(LogLevel level, std::string_view sentence, LogFields fields) {
  Log& log = TheLog();
  if (!log.logger.should_log(ToSpdlog(level))) return;
  const std::string line = FormatLogLine(log.format.load(std::memory_order_relaxed), level,
                                         absl::Now(), sentence, fields);
  log.logger.log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void InitLog(const LogOptions& options) {
  TheLog().format.store(options.format, std::memory_order_relaxed);
  TheLog().logger.set_level(ToSpdlog(options.level));
}

std::optional<LogLevel> ParseLogLevel(std::string_view text) {
  const std::string name = AsciiLower(text);
  for (const LevelNames& known : kLevels) {
    if (name == known.name) return known.level;
  }
  return std::nullopt;
}

std::optional<LogFormat> ParseLogFormat(std::string_view text) {
  const std::string name = AsciiLower(text);
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return std::nullopt;
}

bool SetLogLevel(std::string_view text) {
  const std::optional<LogLevel> level = ParseLogLevel(text);
  if (!level.has_value()) return false;
  TheLog().logger.set_level(ToSpdlog(*level));
  return true;
}

bool LogEnabled(LogLevel level) { return TheLog().logger.should_log(ToSpdlog(level)); }

void LogDebug(std::string_view sentence, LogFields fields) {
  Write(LogLevel::kDebug, sentence, fields);
}
void LogInfo(std::string_view sentence, LogFields fields) {
  Write(LogLevel::kInfo, sentence, fields);
}
void LogWarn(std::string_view sentence, LogFields fields) {
  Write(LogLevel::kWarn, sentence, fields);
}
void LogError(std::string_view sentence, LogFields fields) {
  Write(LogLevel::kError, sentence, fields);
}

ScopedRequestId::ScopedRequestId(std::string_view request_id)
    : previous_(std::exchange(ThreadRequestId(), std::string(request_id))) {}

ScopedRequestId::~ScopedRequestId() { ThreadRequestId() = std::move(previous_); }

const std::string& CurrentRequestId() { return ThreadRequestId(); }

}  // namespace heim
