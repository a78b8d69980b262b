// InboxJob decides from the log whom a message needs, and keeps the inboxes: it adds items for new
// messages and for mentions that an edit brought, and removes those of what was deleted and of who
// has left. The rules are in server/model/inbox_rules.h. Owned by app, run by a LogReader. Plan is
// for the reader's thread; it blocks on bounded reads.
#pragma once

#include <string>
#include <vector>

#include "heim/v1/message.pb.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/jobs/log_job.h"

namespace heim {

class InboxJob final : public LogJob {
 public:
  InboxJob(Clock& clock, Ids& ids) : clock_(clock), ids_(ids) {}

  // That of the migration, too.
  std::string_view name() const override { return "inbox"; }
  bool Wants(std::string_view type) const override;
  absl::StatusOr<std::vector<Step>> Plan(ReadTx& tx, const WorkspaceId& workspace,
                                         const v1::Event& event) override;

 private:
  // A message that may need somebody, as it was said in this event.
  struct Said;

  absl::StatusOr<std::vector<Step>> PlanMessage(ReadTx& tx, const WorkspaceId& workspace,
                                                const v1::Event& event, const Said& said);
  absl::StatusOr<std::vector<Step>> PlanEdit(ReadTx& tx, const WorkspaceId& workspace,
                                             const v1::Event& event);
  absl::StatusOr<std::vector<Step>> PlanDeletion(ReadTx& tx, const WorkspaceId& workspace,
                                                 const v1::Event& event);
  absl::StatusOr<std::vector<Step>> PlanPurge(ReadTx& tx, const WorkspaceId& workspace,
                                              const v1::Event& event);
  Step Add(const WorkspaceId& workspace, const v1::Event& event, const Said& said,
           const ActorId& reader, v1::InboxItem item);

  Clock& clock_;
  Ids& ids_;
};

}  // namespace heim
