// EventFacts is what of an event decides who may see it, taken out once, so that the fan-out looks
// at plain fields instead of payloads. A value; pure functions; any thread; never blocks.
#pragma once

#include <cstdint>
#include <string>

#include "heim/v1/channel.pb.h"
#include "heim/v1/event.pb.h"
#include "heim/v1/workspace.pb.h"

namespace heim {

struct EventFacts {
  enum class Kind {
    kPlain,           // whoever may read its channel (or the workspace) sees it
    kChannelCreated,  // public: the workspace; else its creator
    kChannelChanged,  // public: the workspace; else its members
    kMemberAdded,     // the channel's members, and the one added
    kMemberRemoved,   // the channel's members, and the one removed
    kChannelDeleted,  // public: the workspace; else its members, who are none any more
    kActorChanged,    // the workspace; ends the actor's own streams when it was deactivated
    kRoleChanged,     // the workspace; a role decides what its holder sees
    kWorkspaceLeft,   // the workspace; ends the leaver's streams
    kChunk,           // ephemeral: text of a stream
    kSnapshot,        // ephemeral: a stream as it stands
  };

  Kind kind = Kind::kPlain;
  v1::Event::PayloadCase payload = v1::Event::PAYLOAD_NOT_SET;
  uint64_t position = 0;  // 0: ephemeral
  std::string channel_id;
  std::string to_actor_id;
  std::string author_id;
  std::string subject_id;  // whom a member, role or actor event is about
  std::string stream_id;   // of stream events and of messages that a stream wrote
  std::string message_id;  // of message events
  v1::ChannelType channel_type = v1::CHANNEL_TYPE_UNSPECIFIED;  // where the payload says it
  bool open = false;              // with channel_type: who is not a member may read what is said
  uint64_t message_seq = 0;       // of the message that the event is about; 0: about none
  uint64_t history_from_seq = 0;  // kMemberAdded: where history begins for the new member
  bool erases = false;            // what earlier events of the message said must not be read again
  v1::WorkspaceRole workspace_role = v1::WORKSPACE_ROLE_UNSPECIFIED;  // kRoleChanged
  bool deactivated = false;                                           // kActorChanged
  uint32_t index = 0;                                                 // kChunk: first append in it
  uint32_t next_index = 0;  // kChunk, kSnapshot: first append after it
};

EventFacts FactsOf(const v1::Event& event);

// Plain events of one channel for everyone in it: neighbours of this kind are delivered in one
// step.
inline bool IsPlain(const EventFacts& facts) {
  return facts.kind == EventFacts::Kind::kPlain && !facts.channel_id.empty() &&
         facts.to_actor_id.empty();
}

}  // namespace heim
