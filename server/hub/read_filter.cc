#include "server/hub/read_filter.h"

#include "server/model/errors.h"
#include "server/model/event_type.h"

namespace heim {
uint64_t StableHash(std::string_view text) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

absl::StatusOr<ReadFilter> ReadFilter::From(const v1::SubscribeRequest& request) {
  ReadFilter filter;
  const absl::Status status = filter.Add(request);
  if (!status.ok()) return status;
  return filter;
}

ReadFilter ReadFilter::OnlyPresence() {
  ReadFilter filter;
  filter.only_presence_ = true;
  return filter;
}

absl::Status ReadFilter::SetTypes(const v1::SubscribeRequest& request) {
  std::bitset<256> types;
  for (const std::string& type : request.types()) {
    const int payload = PayloadOfType(type);
    if (payload == v1::Event::PAYLOAD_NOT_SET) {
      return InvalidArgument("types", "not a type of event: " + type);
    }
    types.set(static_cast<size_t>(payload));
  }
  // Whoever reads chunks must be able to take a snapshot in their place.
  if (types.test(v1::Event::kMessageStreamChunk)) types.set(v1::Event::kMessageStreamSnapshot);
  types_ = types;
  any_type_ = false;
  return absl::OkStatus();
}

absl::Status ReadFilter::Add(const v1::SubscribeRequest& request) {
  if (request.shard_count() > 1 && request.shard_index() >= request.shard_count()) {
    return InvalidArgument("shard_index", "must be below shard_count");
  }
  if (request.types_size() > 0) {
    const absl::Status status = SetTypes(request);
    if (!status.ok()) return status;
  }
  if (request.shard_count() > 0) {
    shard_count_ = request.shard_count();
    shard_index_ = request.shard_count() > 1 ? request.shard_index() : 0;
  }
  if (request.durable_only()) durable_only_ = true;
  if (nothing_) {
    nothing_ = false;
    all_channels_ = request.channel_ids_size() == 0;
    named_.clear();
    left_out_.clear();
  }
  if (request.channel_ids_size() > 0) {
    all_channels_ = false;
    for (const std::string& channel : request.channel_ids()) named_.insert(channel);
  }
  return absl::OkStatus();
}

void ReadFilter::Remove(const std::vector<ChannelId>& channels) {
  if (channels.empty()) {
    nothing_ = true;
    return;
  }
  for (const ChannelId& channel : channels) {
    named_.erase(channel.str());
    if (all_channels_) left_out_.insert(channel.str());
  }
}

bool ReadFilter::WantsChannel(const std::string& channel_id) const {
  if (nothing_ || only_presence_) return false;
  if (all_channels_ ? left_out_.contains(channel_id) : !named_.contains(channel_id)) return false;
  return shard_count_ <= 1 || StableHash(channel_id) % shard_count_ == shard_index_;
}

bool ReadFilter::WantsType(v1::Event::PayloadCase payload) const {
  if (nothing_) return false;
  if (only_presence_) return payload == v1::Event::kPresenceChanged;
  if (durable_only_ && IsEphemeral(payload)) return false;
  return any_type_ || (payload > 0 && payload < 256 && types_.test(static_cast<size_t>(payload)));
}

bool ReadFilter::Wants(const EventFacts& event) const {
  if (!WantsType(event.payload)) return false;
  if (event.channel_id.empty()) return shard_index_ == 0;
  return WantsChannel(event.channel_id);
}

}  // namespace heim
