// PresenceBook knows who is there: the best of an actor's connections, or what was set by hand. In
// memory, per node. Owned by app. Thread-safe, never blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "heim/v1/actor.pb.h"
#include "server/model/ids.h"

namespace heim {

class PresenceBook {
 public:
  virtual ~PresenceBook() = default;

  // A connection of the actor opened or closed; offline follows 30 s after the last one closes.
  virtual void Connected(const WorkspaceId& workspace, const ActorId& actor) = 0;
  virtual void Disconnected(const WorkspaceId& workspace, const ActorId& actor) = 0;

  // What the actor set by hand: away, dnd and offline (hides) stick until changed; online follows
  // connections again, and without one is a lease of 120 s. Unset arguments leave things as they
  // were. Emits presence.changed on a change.
  virtual v1::ActorPresence Set(const WorkspaceId& workspace, const ActorId& actor,
                                v1::Presence presence, std::optional<std::string> status) = 0;

  // `stored_status`: what the actor's row says, used until the book knows better.
  virtual v1::ActorPresence Get(const ActorId& actor,
                                const std::optional<std::string>& stored_status) const = 0;
};

}  // namespace heim
