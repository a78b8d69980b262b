#include "server/rpc/call_metrics.h"

#include <utility>

#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr double kMicrosecondsPerSecond = 1e6;

std::string MethodLabel(const std::string& method) { return StrCat("method=\"", method, "\""); }

bool IsServerFault(const absl::Status& status) { return HttpStatusOf(status) >= 500; }

}  // namespace

CallMetrics::CallMetrics(Metrics& metrics, std::string method, bool streaming)
    : metrics_(metrics),
      method_(std::move(method)),
      streaming_(streaming),
      in_flight_(metrics.Series(Metrics::Kind::kGauge, "heim_calls_in_flight",
                                "Calls and streams under way", MethodLabel(method_))),
      time_us_(metrics.Series(Metrics::Kind::kCounter, "heim_call_seconds_total",
                              "Time that ended calls and streams took, in all",
                              MethodLabel(method_), kMicrosecondsPerSecond)),
      ok_(Ended("ok")) {}

Metrics::Value& CallMetrics::Ended(const std::string& code) {
  return metrics_.Series(Metrics::Kind::kCounter, "heim_calls_total",
                         "Calls and streams that ended, by error code",
                         StrCat(MethodLabel(method_), ",code=\"", code, "\""));
}

void CallMetrics::Begin() { in_flight_.fetch_add(1, std::memory_order_relaxed); }

void CallMetrics::End(const CallContext& context, const absl::Status& status, absl::Duration took) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  time_us_.fetch_add(absl::ToInt64Microseconds(took), std::memory_order_relaxed);
  const std::string code = status.ok() ? "ok" : ReasonCode(ShownReasonOf(status));
  Metrics::Value& ended = status.ok() ? ok_ : Ended(code);
  ended.fetch_add(1, std::memory_order_relaxed);

  const bool fault = IsServerFault(status);
  if (!fault && !LogEnabled(LogLevel::kDebug)) return;
  const ScopedRequestId scope(context.request_id);
  // After a timeout the call may still be finding out who calls.
  const bool late = ReasonOf(status) == v1::ERROR_REASON_TIMEOUT;
  const std::string actor = late ? "" : context.caller.actor_id.str();
  const double ms = absl::ToDoubleMilliseconds(took);
  const std::string_view sentence = streaming_ ? "A stream ended" : "A call ended";
  if (!fault) {
    LogDebug(sentence, {{"method", method_},
                        {"code", code},
                        {"ms", ms},
                        {"actor_id", actor},
                        {"address", context.address}});
  } else {
    // The text of a status without reason goes nowhere else.
    LogWarn(
        sentence,
        {{"method", method_}, {"code", code}, {"ms", ms}, {"actor_id", actor}, {"cause", status}});
  }
}

}  // namespace heim
