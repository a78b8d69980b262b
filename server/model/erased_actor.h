// What is shown of an actor that was erased, and how it takes the place of what was known of the
// actor before: in events, kept answers and copies of messages. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/message.pb.h"

namespace heim {

// The actor without anything that it was known by: its id, type and times stay. `chance` is an id
// that nobody could foresee: the username comes from it, so that nobody can have taken it.
v1::Actor ErasedActor(const v1::Actor& before, std::string_view chance, absl::Time at);

// Puts what is left of the actor in the place of everything that the message, of whatever type,
// shows of it. False when it shows nothing.
bool RedactActor(const v1::Actor& erased, google::protobuf::Message* message);

// Replaces the actor's name where the text calls it, and forgets that it was called. False when the
// message does not call it.
bool RedactMentions(const v1::Actor& erased, v1::Message* message);

}  // namespace heim
