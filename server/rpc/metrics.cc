#include "server/rpc/metrics.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/base/check.h"
#include "server/base/strings.h"

namespace heim {

Metrics::Value& Metrics::Series(Kind kind, std::string_view name, std::string_view help,
                                std::string_view labels, double scale) {
  absl::MutexLock lock(&mutex_);
  Family& family = families_[std::string(name)];
  HEIM_CHECK(family.read == nullptr);
  family.kind = kind;
  family.help = std::string(help);
  family.scale = scale;
  std::unique_ptr<Value>& value = family.series[std::string(labels)];
  if (value == nullptr) value = std::make_unique<Value>(0);
  return *value;
}

void Metrics::AddGauge(std::string_view name, std::string_view help, std::function<double()> read) {
  absl::MutexLock lock(&mutex_);
  Family& family = families_[std::string(name)];
  HEIM_CHECK(family.series.empty());
  family.kind = Kind::kGauge;
  family.help = std::string(help);
  family.read = std::move(read);
}

std::string Metrics::Text() const {
  std::string text;
  std::vector<std::pair<std::string, std::function<double()>>> gauges;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, family] : families_) {
      std::string head = StrCat("# HELP ", name, " ", family.help, "\n# TYPE ", name,
                                family.kind == Kind::kCounter ? " counter\n" : " gauge\n");
      if (family.read != nullptr) {
        gauges.emplace_back(StrCat(head, name, " "), family.read);
        continue;
      }
      text += head;
      for (const auto& [labels, value] : family.series) {
        StrAppend(&text, name);
        if (!labels.empty()) StrAppend(&text, "{", labels, "}");
        const int64_t number = value->load(std::memory_order_relaxed);
        if (family.scale == 1) {
          StrAppend(&text, " ", number, "\n");
        } else {
          absl::StrAppendFormat(&text, " %.9g\n", static_cast<double>(number) / family.scale);
        }
      }
    }
  }
  for (const auto& [head, read] : gauges) StrAppend(&text, head, read(), "\n");
  return text;
}

}  // namespace heim
