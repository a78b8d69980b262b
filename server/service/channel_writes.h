// What creating, changing and ending channels share: the rules of names and kinds, and the events
// that carry a whole channel. Functions over a transaction; same thread as the transaction. Rights
// were checked by the caller.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/event.pb.h"
#include "server/model/caller.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

bool IsDirect(v1::ChannelType type);

// INVALID_ARGUMENT for names that would be taken for a mention or the system.
absl::Status CheckChannelName(std::string_view name);

// PERMISSION_DENIED with the text for a direct message.
absl::Status RefuseDirect(const v1::Channel& channel, std::string_view text);

// DEFAULT_CHANNEL while it is the default of its workspace.
absl::Status RefuseDefault(ReadTx& tx, const v1::Channel& channel);

// A channel of the caller's workspace as it is when it is made.
v1::Channel NewChannel(const Caller& caller, const std::string& id, v1::ChannelType type,
                       absl::Time now);

// Inserts the row and emits channel.created. CHANNEL_NAME_TAKEN.
absl::Status InsertChannel(WriteTx& tx, const Acting& acting, const v1::Channel& channel,
                           std::string_view dm_key);

// Emits one of the events that carry the whole channel.
absl::Status EmitChannel(WriteTx& tx, const Acting& acting, const v1::Channel& channel,
                         absl::FunctionRef<void(v1::Event&, v1::Channel)> set_payload);

}  // namespace heim
