// LogJob is what a LogReader does about each event of the log: first it plans, from a snapshot,
// what is to be written; then the steps of the plan are committed together with the reader's
// cursor. Owned by app, outlives its LogReader.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/event.pb.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

class LogJob {
 public:
  // One small write of the plan, in a transaction on the writer's thread; the rules of Draft::apply
  // hold. A plan of many steps goes into several transactions; when the server stops between them
  // the event is planned and done again as a whole, so a step that was done already changes
  // nothing.
  using Step = std::function<absl::Status(WriteTx&)>;

  virtual ~LogJob() = default;

  // Names its cursors. Never changes.
  virtual std::string_view name() const = 0;
  // Whether events of this wire type matter. Any thread.
  virtual bool Wants(std::string_view type) const = 0;
  // What is to be done about the event; empty: nothing. On the reader's thread; the snapshot holds
  // the event and whatever came after it. An error is tried again a few times, then the event is
  // left out.
  virtual absl::StatusOr<std::vector<Step>> Plan(ReadTx& tx, const WorkspaceId& workspace,
                                                 const v1::Event& event) = 0;
  // Steps of earlier plans are durable. On the reader's thread; must not block.
  virtual void Committed() {}
};

}  // namespace heim
