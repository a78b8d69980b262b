// What state_law_test.cc asks of drafts and scheduled messages.
#include "server/service/state_law_drafts.h"

#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

template <typename M>
std::string Difference(const M& by_events, const M& by_read) {
  std::string text;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&text);
  differencer.Compare(by_events, by_read);
  return text;
}

}  // namespace

void UnsentModel::Apply(const v1::Event& event) {
  const std::string& actor = event.to_actor_id();
  if (event.has_draft_updated()) {
    const v1::Draft& draft = event.draft_updated().draft();
    drafts_[Place(actor, draft.channel_id(), draft.thread_id())] = draft;
  } else if (event.has_draft_deleted()) {
    const v1::DraftDeleted& deleted = event.draft_deleted();
    drafts_.erase(Place(actor, deleted.channel_id(), deleted.thread_id()));
  } else if (event.has_scheduled_message_updated()) {
    const v1::ScheduledMessage& message = event.scheduled_message_updated().scheduled_message();
    scheduled_[message.id()] = message;
  } else if (event.has_channel_deleted()) {
    const std::string& id = event.channel_deleted().channel_id();
    const auto is_here = [&](const auto& kept) { return kept.second.channel_id() == id; };
    std::erase_if(drafts_, is_here);
    std::erase_if(scheduled_, is_here);
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
    const std::string text = row.has_value() ? Difference(draft, row->draft) : "is in no row";
    if (!text.empty()) found->push_back(StrCat("draft in ", channel, ": ", text));
  }
  for (const auto& [id, message] : scheduled_) {
    HEIM_ASSIGN_OR_RETURN(const ScheduledRow row, tx.scheduled_messages.Get(id));
    const std::string text = Difference(message, row.message);
    if (!text.empty()) found->push_back(StrCat("scheduled message ", id, ": ", text));
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
