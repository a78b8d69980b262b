// StreamStopper ends running streams from outside: archive, removal, revocation, deactivation.
// Implemented by StreamService. Thread-safe, never blocks; the ends are committed one by one
// afterwards.
#pragma once

#include <string_view>

#include "server/model/ids.h"

namespace heim {

class StreamStopper {
 public:
  virtual ~StreamStopper() = default;

  // `outcome` is what message.stream_end says, such as "stopped_by_admin".
  virtual void StopStream(const StreamId& stream, std::string_view outcome) = 0;
  virtual void StopStreamsIn(const ChannelId& channel, std::string_view outcome) = 0;
  virtual void StopStreamsBy(const ActorId& author, std::string_view outcome) = 0;
  virtual void StopStreamsOf(const ActorId& author, const ChannelId& channel,
                             std::string_view outcome) = 0;
};

}  // namespace heim
