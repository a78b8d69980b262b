// ChannelService: channels, members and direct messages (proto/heim/v1/channel_service.proto says
// what each call needs, emits and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include <functional>
#include <utility>

#include "heim/v1/channel_service.pb.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/service/call.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

class ChannelService {
 public:
  // `on_purge` is called after each purge and must not block: rows are left to be erased.
  ChannelService(Store& store, Clock& clock, Ids& ids, StreamStopper& streams,
                 std::function<void()> on_purge = {})
      : store_(store),
        clock_(clock),
        ids_(ids),
        streams_(streams),
        on_purge_(std::move(on_purge)) {}

  void CreateChannel(CallContext& context, const v1::CreateChannelRequest& request,
                     Reply<v1::CreateChannelResponse> reply);
  void ListChannels(CallContext& context, const v1::ListChannelsRequest& request,
                    Reply<v1::ListChannelsResponse> reply);
  void GetChannel(CallContext& context, const v1::GetChannelRequest& request,
                  Reply<v1::GetChannelResponse> reply);
  void UpdateChannel(CallContext& context, const v1::UpdateChannelRequest& request,
                     Reply<v1::UpdateChannelResponse> reply);
  void ArchiveChannel(CallContext& context, const v1::ArchiveChannelRequest& request,
                      Reply<v1::ArchiveChannelResponse> reply);
  void UnarchiveChannel(CallContext& context, const v1::UnarchiveChannelRequest& request,
                        Reply<v1::UnarchiveChannelResponse> reply);
  void PurgeChannel(CallContext& context, const v1::PurgeChannelRequest& request,
                    Reply<v1::PurgeChannelResponse> reply);
  void JoinChannel(CallContext& context, const v1::JoinChannelRequest& request,
                   Reply<v1::JoinChannelResponse> reply);
  void LeaveChannel(CallContext& context, const v1::LeaveChannelRequest& request,
                    Reply<v1::LeaveChannelResponse> reply);
  void OpenDirect(CallContext& context, const v1::OpenDirectRequest& request,
                  Reply<v1::OpenDirectResponse> reply);
  void AddMember(CallContext& context, const v1::AddMemberRequest& request,
                 Reply<v1::AddMemberResponse> reply);
  void BatchAddMembers(CallContext& context, const v1::BatchAddMembersRequest& request,
                       Reply<v1::BatchAddMembersResponse> reply);
  void ListMembers(CallContext& context, const v1::ListMembersRequest& request,
                   Reply<v1::ListMembersResponse> reply);
  void UpdateMember(CallContext& context, const v1::UpdateMemberRequest& request,
                    Reply<v1::UpdateMemberResponse> reply);
  void RemoveMember(CallContext& context, const v1::RemoveMemberRequest& request,
                    Reply<v1::RemoveMemberResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  StreamStopper& streams_;
  const std::function<void()> on_purge_;
};

}  // namespace heim
