// AdminService: what the server is and offers (proto/heim/v1/admin_service.proto).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "heim/v1/admin_service.pb.h"
#include "server/model/limits.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

// What GetServerInfo tells that is not a constant.
struct ServerFacts {
  std::string version;
  std::vector<std::string> features;
  std::string registration = "invite";  // open, invite or disabled
  std::string websocket_path = "/ws";
  uint32_t grpc_port = 0;  // 0: shares the HTTP port
  int64_t file_max_bytes = kFileMaxBytesDefault;
  std::optional<RateTier> rate_tier = RateTier::kPro;  // unset: calls are not limited
};

class AdminService {
 public:
  AdminService(ServerFacts facts, Store& store) : facts_(std::move(facts)), store_(store) {}

  void GetServerInfo(CallContext& context, const v1::GetServerInfoRequest& request,
                     Reply<v1::GetServerInfoResponse> reply);

 private:
  const ServerFacts facts_;
  Store& store_;
  std::atomic<bool> set_up_{false};  // once true, always
};

}  // namespace heim
