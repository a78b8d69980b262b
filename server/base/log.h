// The log: a static sentence plus key/values, one line each, to stderr, as text or JSON. The one
// door to spdlog. Thread-safe; a write to stderr may block. InitLog once, first thing in main;
// before it, lines go out as text at level info.
//
// Values are outside data: they are redacted, escaped and cut, so that none can forge a line or
// carry a key. Still never pass message text, tokens, e-mail addresses or prompts.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heim {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

void InitLog(const LogOptions& options);

// "debug", "info", "warn" or "warning", "error", in any case.
std::optional<LogLevel> ParseLogLevel(std::string_view text);
std::optional<LogFormat> ParseLogFormat(std::string_view text);

// False, and nothing changes, for an unknown name.
bool SetLogLevel(std::string_view text);

// Whether a line of this level would be written: for values that are dear to compute.
bool LogEnabled(LogLevel level);

// One key and its value. Holds views: use it only in the call it is written in.
class LogField {
 public:
  enum class Kind { kText, kInt, kUint, kBool, kDouble };

  LogField(std::string_view key, std::string_view value) : key_(key), text_(value) {}
  LogField(std::string_view key, absl::string_view value)
      : key_(key), text_(value.data(), value.size()) {}
  LogField(std::string_view key, const char* value) : key_(key), text_(value) {}
  LogField(std::string_view key, const std::string& value) : key_(key), text_(value) {}
  LogField(std::string_view key, bool value) : key_(key), kind_(Kind::kBool), bool_(value) {}
  LogField(std::string_view key, double value) : key_(key), kind_(Kind::kDouble), double_(value) {}
  LogField(std::string_view key, absl::Duration value)
      : key_(key), owned_(absl::FormatDuration(value)) {}
  // Code and message of the status, never its payloads.
  LogField(std::string_view key, const absl::Status& value)
      : key_(key), owned_(value.ToString(absl::StatusToStringMode::kWithNoExtraData)) {}
  template <typename Int,
            std::enable_if_t<std::is_integral_v<Int> && !std::is_same_v<Int, bool>, int> = 0>
  LogField(std::string_view key, Int value) : key_(key) {
    if constexpr (std::is_signed_v<Int>) {
      kind_ = Kind::kInt;
      int_ = value;
    } else {
      kind_ = Kind::kUint;
      uint_ = value;
    }
  }

  std::string_view key() const { return key_; }
  Kind kind() const { return kind_; }
  std::string_view text() const { return owned_.empty() ? text_ : std::string_view(owned_); }
  long long int_value() const { return int_; }
  unsigned long long uint_value() const { return uint_; }
  bool bool_value() const { return bool_; }
  double double_value() const { return double_; }

 private:
  std::string_view key_;
  Kind kind_ = Kind::kText;
  std::string_view text_;
  std::string owned_;
  union {
    long long int_ = 0;
    unsigned long long uint_;
    bool bool_;
    double double_;
  };
};

using LogFields = std::initializer_list<LogField>;

// `sentence` is a constant in the code, not built from data.
void LogDebug(std::string_view sentence, LogFields fields = {});
void LogInfo(std::string_view sentence, LogFields fields = {});
void LogWarn(std::string_view sentence, LogFields fields = {});
void LogError(std::string_view sentence, LogFields fields = {});

// Adds request_id to every line of this thread while it lives; the inner one of two wins.
class ScopedRequestId {
 public:
  explicit ScopedRequestId(std::string_view request_id);
  ~ScopedRequestId();
  ScopedRequestId(const ScopedRequestId&) = delete;
  ScopedRequestId& operator=(const ScopedRequestId&) = delete;

 private:
  std::string previous_;
};

// The request id of this thread; empty outside a ScopedRequestId.
const std::string& CurrentRequestId();

// Replaces by "[redacted]": heim_agent_ and heim_pat_ keys and their kin, JWTs, the values of
// token=, ticket=, secret=, password= and api_key= (also as JSON members), Authorization headers,
// Bearer values and passwords in URLs. The rest is unchanged.
std::string RedactSecrets(std::string_view text);

// One finished line without its newline and time, for tests and other sinks.
std::string FormatLogLine(LogFormat format, LogLevel level, absl::Time time,
                          std::string_view sentence, LogFields fields);

}  // namespace heim
