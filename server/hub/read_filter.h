// ReadFilter is what a reader asked to hear, apart from what it may hear. A value owned by one
// subscription; one thread at a time; never blocks.
//
// Events without a channel pass every channel filter; with shards they belong to shard 0 alone, so
// that all shards together hear every event once. A channel's shard is FNV-1a (64 bit) of its id
// modulo shard_count: stable over versions and nodes.
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "heim/v1/event_service.pb.h"
#include "server/hub/event_facts.h"
#include "server/model/ids.h"

namespace heim {

class ReadFilter {
 public:
  ReadFilter() = default;

  // INVALID_ARGUMENT for an unknown type or a shard_index that is not below shard_count.
  static absl::StatusOr<ReadFilter> From(const v1::SubscribeRequest& request);
  static ReadFilter OnlyPresence();

  // A further `subscribe` of a session: its first channels replace "all", later ones add. Types,
  // durable_only and shards, when given, replace what was.
  absl::Status Add(const v1::SubscribeRequest& request);
  // Empty: nothing is heard any more.
  void Remove(const std::vector<ChannelId>& channels);

  bool WantsChannel(const std::string& channel_id) const;
  // By payload type alone.
  bool WantsType(v1::Event::PayloadCase payload) const;
  bool Wants(const EventFacts& event) const;

  const absl::flat_hash_set<std::string>& named() const { return named_; }
  bool only_presence() const { return only_presence_; }

 private:
  absl::Status SetTypes(const v1::SubscribeRequest& request);

  bool all_channels_ = true;
  bool nothing_ = false;
  bool only_presence_ = false;
  bool durable_only_ = false;
  bool any_type_ = true;
  std::bitset<256> types_;  // by field number of the payload
  uint32_t shard_index_ = 0;
  uint32_t shard_count_ = 1;
  absl::flat_hash_set<std::string> named_;
  absl::flat_hash_set<std::string> left_out_;  // of all, by Remove
};

// FNV-1a, 64 bit.
uint64_t StableHash(std::string_view text);

}  // namespace heim
