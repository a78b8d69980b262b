#include "server/service/file_quota.h"

#include <string_view>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

v1::FileUsage UsageOf(const FileUsageRow& row, int64_t quota_bytes) {
  v1::FileUsage usage;
  usage.set_used_bytes(row.bytes);
  usage.set_file_count(row.files);
  usage.set_quota_bytes(quota_bytes);
  return usage;
}

absl::Status Check(std::string_view whose, const v1::FileUsage& usage, int64_t used, int64_t more) {
  if (usage.quota_bytes() == 0 || more <= usage.quota_bytes() - used) return absl::OkStatus();
  const std::string_view who = whose == "actor" ? "You keep" : "The workspace keeps";
  return ErrorBuilder(v1::ERROR_REASON_QUOTA_EXCEEDED,
                      StrCat(who, " ", used, " of at most ", usage.quota_bytes(),
                             " bytes of files; delete some first"))
      .Detail("quota", whose)
      .Detail("used_bytes", used)
      .Detail("quota_bytes", usage.quota_bytes())
      .Build();
}

}  // namespace

absl::StatusOr<FileQuota> FileQuota::Of(ReadTx& tx, const FileQuotas& quotas,
                                        const WorkspaceId& workspace, const ActorId& actor) {
  FileQuota quota;
  HEIM_ASSIGN_OR_RETURN(const FileUsageRow own, tx.files.Usage(workspace, actor));
  HEIM_ASSIGN_OR_RETURN(const FileUsageRow all, tx.files.Usage(workspace, ActorId()));
  quota.actor_ = UsageOf(own, quotas.actor_bytes);
  quota.workspace_ = UsageOf(all, quotas.workspace_bytes);
  return quota;
}

absl::Status FileQuota::CheckMore(int64_t bytes) const {
  HEIM_RETURN_IF_ERROR(Check("actor", actor_, actor_.used_bytes(), bytes));
  return Check("workspace", workspace_, workspace_.used_bytes(), bytes);
}

absl::Status FileQuota::CheckCounted(int64_t bytes) const {
  HEIM_RETURN_IF_ERROR(Check("actor", actor_, actor_.used_bytes() - bytes, bytes));
  return Check("workspace", workspace_, workspace_.used_bytes() - bytes, bytes);
}

}  // namespace heim
