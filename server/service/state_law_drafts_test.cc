// What state_law_test.cc asks of drafts.
#include "server/service/state_law_drafts.h"

#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {

void UnsentModel::Apply(const v1::Event& event) {
  const std::string& actor = event.to_actor_id();
  if (event.has_draft_updated()) {
    const v1::Draft& draft = event.draft_updated().draft();
    drafts_[Place(actor, draft.channel_id(), draft.thread_id())] = draft;
  } else if (event.has_draft_deleted()) {
    const v1::DraftDeleted& deleted = event.draft_deleted();
    drafts_.erase(Place(actor, deleted.channel_id(), deleted.thread_id()));
  }
}

absl::Status UnsentModel::Compare(ReadTx& tx, const WorkspaceId& workspace,
                                  std::vector<std::string>* found) const {
  std::map<std::string, int64_t> counts;
  for (const auto& [place, draft] : drafts_) {
    const auto& [actor, channel, thread] = place;
    ++counts[actor];
    HEIM_ASSIGN_OR_RETURN(
        const std::optional<DraftRow> row,
        tx.message_drafts.Find({ActorId(actor), ChannelId(channel), MessageId(thread)}));
    std::string text = "is in no row";
    if (row.has_value()) {
      google::protobuf::util::MessageDifferencer differencer;
      text.clear();
      differencer.ReportDifferencesToString(&text);
      differencer.Compare(draft, row->draft);
    }
    if (!text.empty()) found->push_back(StrCat("draft in ", channel, ": ", text));
  }
  for (const auto& [actor, count] : counts) {
    HEIM_ASSIGN_OR_RETURN(const int64_t stored, tx.message_drafts.Count(workspace, ActorId(actor)));
    if (stored != count) {
      found->push_back(StrCat("an actor has ", stored, " drafts, by events ", count));
    }
  }
  return absl::OkStatus();
}

}  // namespace heim
