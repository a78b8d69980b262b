#include "server/hub/event_facts.h"

namespace heim {
namespace {

using Kind = EventFacts::Kind;

void ChannelEvent(const v1::Channel& channel, Kind kind, EventFacts* facts) {
  facts->kind = kind;
  facts->channel_type = channel.type();
  facts->open = channel.type() == v1::CHANNEL_TYPE_PUBLIC &&
                channel.history_visibility() != v1::HISTORY_VISIBILITY_SINCE_JOINING;
}

void MessageEvent(const v1::Message& message, EventFacts* facts) {
  facts->message_id = message.id();
  facts->stream_id = message.stream_id();
  if (facts->message_seq == 0) facts->message_seq = message.seq();
}

void ReadMessagePayload(const v1::Event& event, EventFacts* facts) {
  switch (event.payload_case()) {
    case v1::Event::kMessageNew:
      return MessageEvent(event.message_new().message(), facts);
    case v1::Event::kMessageUpdated:
      facts->erases = event.message_updated().message().forward().has_deleted_at();
      return MessageEvent(event.message_updated().message(), facts);
    case v1::Event::kMessageDeleted:
      MessageEvent(event.message_deleted().message(), facts);
      facts->message_id = event.message_deleted().message_id();
      facts->erases = true;
      return;
    case v1::Event::kMessageStreamStart:
      facts->message_id = event.message_stream_start().message_id();
      facts->stream_id = event.message_stream_start().stream_id();
      return;
    case v1::Event::kMessageStreamEnd:
      facts->message_id = event.message_stream_end().message_id();
      facts->stream_id = event.message_stream_end().stream_id();
      return;
    case v1::Event::kMessageStreamChunk:
      facts->kind = Kind::kChunk;
      facts->stream_id = event.message_stream_chunk().stream_id();
      facts->index = event.message_stream_chunk().index();
      facts->next_index = event.message_stream_chunk().next_index();
      return;
    case v1::Event::kMessageStreamSnapshot:
      facts->kind = Kind::kSnapshot;
      facts->stream_id = event.message_stream_snapshot().stream().id();
      facts->next_index = event.message_stream_snapshot().stream().next_index();
      return;
    default:
      return;
  }
}

void ReadPlacePayload(const v1::Event& event, EventFacts* facts) {
  switch (event.payload_case()) {
    case v1::Event::kChannelCreated:
      return ChannelEvent(event.channel_created().channel(), Kind::kChannelCreated, facts);
    case v1::Event::kChannelUpdated:
      return ChannelEvent(event.channel_updated().channel(), Kind::kChannelChanged, facts);
    case v1::Event::kChannelArchived:
      return ChannelEvent(event.channel_archived().channel(), Kind::kChannelChanged, facts);
    case v1::Event::kChannelUnarchived:
      return ChannelEvent(event.channel_unarchived().channel(), Kind::kChannelChanged, facts);
    case v1::Event::kMemberAdded:
      ChannelEvent(event.member_added().channel(), Kind::kMemberAdded, facts);
      facts->subject_id = event.member_added().member().actor().id();
      facts->history_from_seq = event.member_added().member().history_from_seq();
      return;
    case v1::Event::kMemberRemoved:
      facts->kind = Kind::kMemberRemoved;
      facts->subject_id = event.member_removed().actor_id();
      return;
    case v1::Event::kChannelDeleted:
      facts->kind = Kind::kChannelDeleted;
      facts->channel_type = event.channel_deleted().type();
      return;
    case v1::Event::kActorUpdated:
      facts->kind = Kind::kActorChanged;
      facts->subject_id = event.actor_updated().actor().id();
      facts->deactivated = event.actor_updated().actor().has_deleted_at();
      return;
    case v1::Event::kWorkspaceMemberUpdated:
      facts->kind = Kind::kRoleChanged;
      facts->subject_id = event.workspace_member_updated().member().actor().id();
      facts->workspace_role = event.workspace_member_updated().member().role();
      return;
    case v1::Event::kWorkspaceMemberRemoved:
      facts->kind = Kind::kWorkspaceLeft;
      facts->subject_id = event.workspace_member_removed().actor_id();
      return;
    default:
      return;
  }
}

}  // namespace

EventFacts FactsOf(const v1::Event& event) {
  EventFacts facts;
  facts.payload = event.payload_case();
  facts.position = event.position();
  facts.channel_id = event.channel_id();
  facts.to_actor_id = event.to_actor_id();
  facts.author_id = event.actor_id();
  facts.message_seq = event.message_seq();
  ReadMessagePayload(event, &facts);
  ReadPlacePayload(event, &facts);
  return facts;
}

}  // namespace heim
