#include "server/service/workspace_service.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/preview_settings.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/joining.h"
#include "server/service/message_service.h"

namespace heim {
namespace {

constexpr std::array<std::string_view, 3> kFields = {"name", "slug", "settings"};
constexpr std::string_view kDefaultChannel = "default_channel_id";

// Switches are true or false, so that a slip of the pen does not leave a right open.
absl::Status CheckSwitches(const v1::Workspace& workspace) {
  for (const std::string_view name :
       {kMembersCreateChannels, kMembersRegisterAgents, kMembersCreateInvites, kMembersManageGroups,
        kAgentsMentionGroups}) {
    const auto found = workspace.settings().fields().find(std::string(name));
    if (found == workspace.settings().fields().end() || found->second.has_bool_value()) continue;
    return InvalidField(StrCat("settings.", name), "true or false");
  }
  return absl::OkStatus();
}

absl::Status CheckEditWindow(const v1::Workspace& workspace) {
  const auto& fields = workspace.settings().fields();
  const auto found = fields.find(std::string(kEditWindowSeconds));
  if (found == fields.end() || found->second.has_null_value()) return absl::OkStatus();
  if (found->second.has_number_value() && found->second.number_value() >= 0) {
    return absl::OkStatus();
  }
  return InvalidField("settings.edit_window_seconds", "a number of seconds; 0: no end");
}

// The default channel is a public one of this workspace, and there always is one.
absl::Status CheckSettings(ReadTx& tx, const v1::Workspace& before, v1::Workspace* after) {
  HEIM_RETURN_IF_ERROR(CheckSwitches(*after));
  HEIM_RETURN_IF_ERROR(CheckEditWindow(*after));
  HEIM_RETURN_IF_ERROR(ReadPreviewSettings(*after).status());
  const ChannelId old_default = DefaultChannelOf(before);
  const ChannelId new_default = DefaultChannelOf(*after);
  if (new_default == old_default) return absl::OkStatus();
  auto& fields = *after->mutable_settings()->mutable_fields();
  if (!fields.contains(std::string(kDefaultChannel))) {
    fields[std::string(kDefaultChannel)].set_string_value(old_default.str());
    return absl::OkStatus();
  }
  const auto channel = tx.channels.Get(new_default);
  if (!channel.ok() || channel->workspace_id() != before.id() ||
      channel->type() != v1::CHANNEL_TYPE_PUBLIC || channel->archived()) {
    return InvalidField("settings.default_channel_id", "a public channel of the workspace");
  }
  return absl::OkStatus();
}

}  // namespace

void WorkspaceService::CreateWorkspace(CallContext& context,
                                       const v1::CreateWorkspaceRequest& request,
                                       Reply<v1::CreateWorkspaceResponse> reply) {
  if (context.caller.actor.type() != v1::ACTOR_TYPE_HUMAN) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Workspaces are made by people"));
  }
  const Acting acting{context.caller.actor_id, clock_.Now()};
  const NewWorkspace description{request.name(), request.slug(), WorkspaceId(ids_.NewId()),
                                 ChannelId(ids_.NewId()), ids_.NewId()};
  CommitReply<v1::CreateWorkspaceResponse>(
      store_, context, std::move(reply),
      [&context, acting, description](WriteTx& tx,
                                      v1::CreateWorkspaceResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kManageWorkspace));
        NewWorkspace wanted = description;
        if (wanted.slug.empty()) {
          HEIM_ASSIGN_OR_RETURN(wanted.slug, FreeSlug(tx, SlugOf(wanted.name)));
        }
        HEIM_ASSIGN_OR_RETURN(const v1::Actor owner, tx.actors.Get(acting.by));
        HEIM_ASSIGN_OR_RETURN(*response->mutable_workspace(),
                              FoundWorkspace(tx, acting, wanted, owner));
        tx.note.workspaces = {WorkspaceId(response->workspace().id())};
        return absl::OkStatus();
      },
      [this, acting](const v1::CreateWorkspaceResponse&) { authenticator_.DropActor(acting.by); });
}

void WorkspaceService::ListWorkspaces(CallContext& context,
                                      const v1::ListWorkspacesRequest& request,
                                      Reply<v1::ListWorkspacesResponse> reply) {
  v1::ListWorkspacesResponse response;
  const Caller& caller = context.caller;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    if (caller.credential_type == v1::CREDENTIAL_TYPE_API_KEY) {  // a key belongs to one
      HEIM_ASSIGN_OR_RETURN(const Caller inside, EnterWorkspace(tx, caller, ""));
      HEIM_ASSIGN_OR_RETURN(*response.add_workspaces(), tx.workspaces.Get(inside.workspace_id));
      return absl::OkStatus();
    }
    std::pair<std::string, std::string> after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key,
                            DecodeCursor(request.cursor(), caller.actor_id.str()));
      // Ids hold no bar; names may.
      const size_t bar = key.rfind('|');
      if (bar != std::string::npos) after = {key.substr(0, bar), key.substr(bar + 1)};
    }
    HEIM_ASSIGN_OR_RETURN(
        std::vector<v1::Workspace> workspaces,
        tx.workspaces.ListOf(caller.actor_id, after.first, after.second, limit + 1));
    if (workspaces.size() > limit) {
      workspaces.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(
          caller.actor_id.str(), StrCat(workspaces.back().name(), "|", workspaces.back().id())));
    }
    for (v1::Workspace& workspace : workspaces) *response.add_workspaces() = std::move(workspace);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void WorkspaceService::GetWorkspace(CallContext& context, const v1::GetWorkspaceRequest& request,
                                    Reply<v1::GetWorkspaceResponse> reply) {
  v1::GetWorkspaceResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const Caller inside,
                          EnterWorkspace(tx, context.caller, request.workspace_id()));
    HEIM_ASSIGN_OR_RETURN(*response.mutable_workspace(), tx.workspaces.Get(inside.workspace_id));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void WorkspaceService::UpdateWorkspace(CallContext& context,
                                       const v1::UpdateWorkspaceRequest& request,
                                       Reply<v1::UpdateWorkspaceResponse> reply) {
  auto mask = EffectiveMask(request.update_mask(), request.workspace(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateWorkspaceResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *std::move(mask)](
          WriteTx& tx, v1::UpdateWorkspaceResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const Caller inside,
                              EnterWorkspace(tx, context.caller, request.workspace_id()));
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, inside, Permission::kManageWorkspace));
        HEIM_ASSIGN_OR_RETURN(const v1::Workspace before, tx.workspaces.Get(inside.workspace_id));
        if (request.has_expected_revision() && request.expected_revision() != before.revision()) {
          return RevisionConflict(before.revision());
        }
        tx.note.workspaces = {inside.workspace_id};
        tx.note.Before(before);
        v1::Workspace workspace = before;
        ApplyMask(mask, request.workspace(), &workspace);
        workspace.set_name(StripUnsafeControls(workspace.name()));
        if (workspace.name().empty()) return InvalidField("name", "a name of 1 to 80 characters");
        if (workspace.slug().empty()) return InvalidField("slug", "a short name");
        HEIM_RETURN_IF_ERROR(CheckSettings(tx, before, &workspace));
        if (!google::protobuf::util::MessageDifferencer::Equals(workspace, before)) {
          workspace.set_revision(before.revision() + 1);
          HEIM_RETURN_IF_ERROR(tx.workspaces.Update(workspace));
          v1::Event event;
          event.set_actor_id(inside.actor_id.str());
          *event.mutable_timestamp() = ToTimestamp(clock_.Now());
          *event.mutable_workspace_updated()->mutable_workspace() = workspace;
          HEIM_RETURN_IF_ERROR(tx.Emit(inside.workspace_id, std::move(event)).status());
        }
        *response->mutable_workspace() = std::move(workspace);
        return absl::OkStatus();
      });
}

}  // namespace heim
