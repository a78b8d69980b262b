// Metrics of the server as Prometheus text: counters and gauges by name and labels, and gauges read
// from others when asked. Owned by app. Thread-safe. What is counted on the way of a call is an
// atomic; only Text and the making of a series take the lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace heim {

class Metrics {
 public:
  using Value = std::atomic<int64_t>;
  enum class Kind { kCounter, kGauge };

  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The series of that name and labels, made at the first call; lives as long as this. `labels` as
  // Prometheus writes them: `method="x",code="OK"`, values from a fixed set. Shown divided by
  // `scale`.
  Value& Series(Kind kind, std::string_view name, std::string_view help,
                std::string_view labels = {}, double scale = 1);

  // A gauge that `read` gives when the text is made. `read` may lock, but not call this.
  void AddGauge(std::string_view name, std::string_view help, std::function<double()> read);

  std::string Text() const;

 private:
  struct Family {
    Kind kind = Kind::kCounter;
    std::string help;
    double scale = 1;
    std::map<std::string, std::unique_ptr<Value>> series;  // by labels
    std::function<double()> read;
  };

  mutable absl::Mutex mutex_;
  std::map<std::string, Family, std::less<>> families_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
