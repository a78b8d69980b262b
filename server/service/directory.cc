#include "server/service/directory.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"

namespace heim {
namespace {

// What a cursor belongs to. Lengths keep two queries apart whatever stands in them.
std::string NameOf(const ActorFilter& filter) {
  std::string name = StrCat(filter.type, "/", filter.include_deactivated, filter.only_paused);
  for (const std::string& part :
       {filter.q, filter.capability, filter.framework, filter.owner.value_or(ActorId()).str()}) {
    StrAppend(&name, "/", part.size(), ":", part);
  }
  return name;
}

}  // namespace

absl::StatusOr<DirectoryPage> ListDirectory(Store& store, const Caller& caller,
                                            DirectoryQuery query) {
  ActorFilter& filter = query.filter;
  const std::string name = NameOf(filter);
  DirectoryPage page;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role,
                          CheckWorkspaceRole(tx, caller, Permission::kReadPresence));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(query.limit));
    if (role == v1::WORKSPACE_ROLE_GUEST) filter.shares_channel_with = caller.actor_id;
    filter.limit = limit + 1;
    if (!query.cursor.empty()) {
      HEIM_ASSIGN_OR_RETURN(filter.after_username, DecodeCursor(query.cursor, name));
    }
    HEIM_ASSIGN_OR_RETURN(page.actors, tx.actors.List(caller.workspace_id, filter));
    if (page.actors.size() > limit) {
      page.actors.resize(limit);
      page.next_cursor = EncodeCursor(name, page.actors.back().username());
    }
    return absl::OkStatus();
  }));
  return page;
}

}  // namespace heim
