#include "server/auth/passwords.h"

#include "server/base/check.h"
#include "server/model/errors.h"

namespace heim {

// Holds one of the places to hash in, while it lives.
class Passwords::Slot {
 public:
  explicit Slot(Passwords& owner) : owner_(owner), entered_(owner.Enter()) {}
  ~Slot() {
    if (entered_) owner_.Leave();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool entered() const { return entered_; }

 private:
  Passwords& owner_;
  const bool entered_;
};

namespace {

absl::Status TooMany() {
  return MakeError(v1::ERROR_REASON_OVERLOADED, "Too many log-ins at once; try again shortly");
}

}  // namespace

Passwords::Passwords(PasswordOptions options, Entropy& entropy) : options_(options) {
  auto dummy = HashPassword(RandomBase62(entropy, 32), options_.cost);
  HEIM_CHECK(dummy.ok());
  dummy_hash_ = *std::move(dummy);
}

bool Passwords::Enter() {
  absl::MutexLock lock(&mutex_);
  if (!HasRoom() && waiting_ >= options_.waiting_max) return false;
  ++waiting_;
  mutex_.Await(absl::Condition(this, &Passwords::HasRoom));
  --waiting_;
  ++running_;
  return true;
}

void Passwords::Leave() {
  absl::MutexLock lock(&mutex_);
  --running_;
}

absl::StatusOr<std::string> Passwords::Hash(std::string_view password) {
  const Slot slot(*this);
  if (!slot.entered()) return TooMany();
  auto hash = HashPassword(password, options_.cost);
  if (!hash.ok()) return TooMany();
  return hash;
}

absl::StatusOr<Passwords::Verdict> Passwords::Verify(std::string_view hash,
                                                     std::string_view password) {
  const Slot slot(*this);
  if (!slot.entered()) return TooMany();
  const bool known = !hash.empty();
  const bool matches = VerifyPassword(known ? hash : std::string_view(dummy_hash_), password);
  Verdict verdict;
  verdict.matches = known && matches;
  verdict.needs_rehash = verdict.matches && NeedsRehash(hash, options_.cost);
  return verdict;
}

}  // namespace heim
