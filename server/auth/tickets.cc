#include "server/auth/tickets.h"

#include <utility>

#include "server/auth/key_secret.h"
#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr size_t kTicketChars = 32;

}  // namespace

absl::StatusOr<std::string> Tickets::Make(const Caller& caller, absl::Duration now) {
  std::string ticket = StrCat(kTicketPrefix, RandomBase62(entropy_, kTicketChars));
  absl::MutexLock lock(&mutex_);
  if (entries_.size() >= options_.tickets_max) {
    absl::erase_if(entries_, [now](const auto& item) { return item.second.until <= now; });
  }
  if (entries_.size() >= options_.tickets_max) {
    return MakeError(v1::ERROR_REASON_OVERLOADED, "Too many tickets are open; try again shortly");
  }
  entries_[Sha256(ticket)] = Entry{caller, now + options_.good_for};
  return ticket;
}

std::optional<Caller> Tickets::Take(std::string_view ticket, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(Sha256(ticket));
  if (it == entries_.end()) return std::nullopt;
  Entry entry = std::move(it->second);
  entries_.erase(it);
  if (entry.until <= now) return std::nullopt;
  return std::move(entry.caller);
}

void Tickets::DropCredential(std::string_view credential_id) {
  absl::MutexLock lock(&mutex_);
  absl::erase_if(entries_, [credential_id](const auto& item) {
    return item.second.caller.credential_id == credential_id;
  });
}

void Tickets::DropActor(const ActorId& actor) {
  absl::MutexLock lock(&mutex_);
  absl::erase_if(entries_,
                 [&actor](const auto& item) { return item.second.caller.actor_id == actor; });
}

}  // namespace heim
