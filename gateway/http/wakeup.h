// Wakeup lets one coroutine wait for events that others bring about. Owned by what the coroutine
// serves; everything on that connection's strand. Whoever ends the connection notifies once more,
// else the coroutine would never leave.
#pragma once

#include <utility>

#include "absl/functional/any_invocable.h"
#include "gateway/http/net.h"

namespace heim {

class Wakeup {
 public:
  // Returns with the next Notify, at once when there was one since the last Wait. Check what was
  // waited for: one Wakeup may serve several events.
  Task<void> Wait() {
    if (std::exchange(set_, false)) co_return;
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [this](auto handler) { waiter_ = std::move(handler); }, asio::use_awaitable);
  }

  void Notify() {
    if (waiter_ == nullptr) {
      set_ = true;
    } else {
      std::exchange(waiter_, nullptr)();
    }
  }

 private:
  absl::AnyInvocable<void()> waiter_;
  bool set_ = false;
};

}  // namespace heim
