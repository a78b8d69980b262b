#include "server/service/admin_service.h"

#include <utility>

#include "server/base/status_macros.h"

namespace heim {
namespace {

v1::Limits LimitsOf(const ServerFacts& facts) {
  v1::Limits limits;
  limits.set_content_max_bytes(kMessageContentMaxBytes);
  limits.set_metadata_max_bytes(kMetadataMaxBytes);
  limits.set_attachments_max(kAttachmentsMax);
  limits.set_parts_max(kPartsMax);
  limits.set_json_body_max_bytes(kJsonBodyMaxBytes);
  limits.set_frame_max_bytes(kFrameMaxBytes);
  limits.set_file_max_bytes(facts.file_max_bytes);
  limits.set_page_max(kPageMax);
  limits.set_subscription_channels_max(kSubscriptionChannelsMax);
  limits.set_commands_in_flight_max(kCommandsInFlightMax);
  limits.set_stream_append_max_bytes(kStreamAppendMaxBytes);
  limits.set_streams_per_actor_max(kStreamsPerActorMax);
  limits.set_reactions_per_message_max(kReactionKindsMax);
  if (!facts.rate_tier.has_value()) return limits;
  limits.set_rate_tier(std::string(RateTierName(*facts.rate_tier)));
  for (int i = v1::RateClass_MIN; i <= v1::RateClass_MAX; ++i) {
    if (!v1::RateClass_IsValid(i) || i == v1::RATE_CLASS_UNSPECIFIED) continue;
    const auto rate_class = static_cast<v1::RateClass>(i);
    const bool log_in = rate_class == v1::RATE_CLASS_AUTH;
    const double factor = log_in ? 1 : RateFactorOf(*facts.rate_tier);
    const BucketRule rule = Widened(BucketOf(rate_class), factor);
    v1::RateLimit& limit = *limits.add_rate_limits();
    limit.set_rate_class(rate_class);
    limit.set_per_second(rule.refill_per_second);
    limit.set_burst(static_cast<uint32_t>(rule.burst));
  }
  return limits;
}

}  // namespace

void AdminService::GetServerInfo(CallContext&, const v1::GetServerInfoRequest&,
                                 Reply<v1::GetServerInfoResponse> reply) {
  if (!set_up_) {
    const absl::Status status = store_.Read([this](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const int64_t humans, tx.actors.CountHumans());
      if (humans > 0) set_up_ = true;
      return absl::OkStatus();
    });
    if (!status.ok()) return reply(status);
  }
  v1::GetServerInfoResponse response;
  response.set_version(facts_.version);
  response.add_api_versions("v1");
  for (const std::string& feature : facts_.features) response.add_features(feature);
  *response.mutable_limits() = LimitsOf(facts_);
  response.set_registration(facts_.registration);
  response.set_setup_required(!set_up_);
  response.set_websocket_path(facts_.websocket_path);
  response.set_grpc_port(facts_.grpc_port);
  reply(std::move(response));
}

}  // namespace heim
