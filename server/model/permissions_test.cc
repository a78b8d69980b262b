// Goal: the table of permissions as the product promises it, cell by cell, written down a second
// time by hand. Method: grids of letters over workspace role x channel role.
#include "server/model/permissions.h"

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/model/errors.h"
#include "server/model/scopes.h"

namespace heim {
namespace {

using P = Permission;

constexpr std::array<v1::WorkspaceRole, 5> kWorkspaceRoles = {
    v1::WORKSPACE_ROLE_OWNER, v1::WORKSPACE_ROLE_ADMIN, v1::WORKSPACE_ROLE_MEMBER,
    v1::WORKSPACE_ROLE_GUEST, v1::WORKSPACE_ROLE_UNSPECIFIED};
// The first stands for an actor that is not in the channel.
constexpr std::array<v1::ChannelRole, 6> kChannelRoles = {
    v1::CHANNEL_ROLE_UNSPECIFIED, v1::CHANNEL_ROLE_VIEWER, v1::CHANNEL_ROLE_GUEST,
    v1::CHANNEL_ROLE_MEMBER,      v1::CHANNEL_ROLE_ADMIN,  v1::CHANNEL_ROLE_OWNER};

char LetterOf(const absl::Status& status) {
  if (status.ok()) return '.';
  switch (ReasonOf(status)) {
    case v1::ERROR_REASON_CHANNEL_NOT_FOUND:
    case v1::ERROR_REASON_WORKSPACE_NOT_FOUND:
      return 'h';  // hidden
    case v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED:
      return 'w';
    case v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED:
      return 'c';
    case v1::ERROR_REASON_MISSING_SCOPE:
      return 's';
    case v1::ERROR_REASON_CHANNEL_ARCHIVED:
      return 'a';
    case v1::ERROR_REASON_PERMISSION_DENIED:
      return 'd';
    default:
      return '?';
  }
}

AccessFacts FactsOf(v1::WorkspaceRole workspace_role, v1::ChannelType type,
                    v1::ChannelRole channel_role) {
  AccessFacts facts;
  facts.workspace_role = workspace_role;
  facts.credential_is_session = true;
  facts.channel.emplace();
  facts.channel->type = type;
  facts.channel->is_member = channel_role != v1::CHANNEL_ROLE_UNSPECIFIED;
  facts.channel->role = channel_role;
  return facts;
}

// One letter for each channel role.
std::string Grid(Permission permission, v1::WorkspaceRole role, v1::ChannelType type) {
  std::string row;
  for (const v1::ChannelRole channel_role : kChannelRoles) {
    row += LetterOf(Check(permission, FactsOf(role, type, channel_role)));
  }
  return row;
}

// Of a public channel, by workspace role: owner, admin, member, guest. Six letters each: no member
// of the channel, viewer, guest, member, admin, owner.
struct PublicRow {
  Permission permission;
  std::array<const char*, 4> expected;
};
const std::vector<PublicRow>& PublicRows() {
  static const auto& rows = *new std::vector<PublicRow>{
      {P::kReadChannel, {"......", "......", "......", "h....."}},
      {P::kReadMembers, {"......", "......", "......", "h....."}},
      {P::kReadOwnMembership, {"......", "......", "......", "h....."}},
      {P::kMarkRead, {"c.....", "c.....", "c.....", "h....."}},
      {P::kPost, {"cc....", "cc....", "cc....", "hc...."}},
      {P::kReact, {"cc....", "cc....", "cc....", "hc...."}},
      {P::kTyping, {"cc....", "cc....", "cc....", "hc...."}},
      {P::kPin, {"cc....", "cc....", "cc....", "hc...."}},
      {P::kManageBookmarks, {"ccc...", "ccc...", "ccc...", "hcc..."}},
      {P::kEditOwnMessage, {"cc....", "cc....", "cc....", "hc...."}},
      {P::kDeleteOwnMessage, {"cc....", "cc....", "cc....", "hc...."}},
      {P::kDeleteAnyMessage, {"......", "......", "cccc..", "hccc.."}},
      {P::kStopAnyStream, {"......", "......", "cccc..", "hccc.."}},
      {P::kUpdateChannel, {"......", "......", "cccc..", "hccc.."}},
      {P::kChangeChannelType, {"......", "ccccc.", "ccccc.", "hcccc."}},
      {P::kArchiveChannel, {"......", "......", "ccccc.", "hcccc."}},
      {P::kPurgeChannel, {"......", "ccccc.", "ccccc.", "hcccc."}},
      {P::kAddMember, {"......", "......", "cccc..", "hccc.."}},
      {P::kRemoveMember, {"......", "......", "cccc..", "hccc.."}},
      {P::kUpdateMemberRole, {"......", "......", "cccc..", "hccc.."}},
      {P::kJoin, {"......", "......", "......", "hwwwww"}},
      {P::kLeave, {"......", "......", "......", "h....."}},
  };
  return rows;
}

TEST(PermissionsTest, PublicChannelsFollowTheGrid) {
  for (const PublicRow& row : PublicRows()) {
    for (size_t i = 0; i < row.expected.size(); ++i) {
      EXPECT_EQ(Grid(row.permission, kWorkspaceRoles[i], v1::CHANNEL_TYPE_PUBLIC), row.expected[i])
          << RowOf(row.permission).name << " for " << RoleName(kWorkspaceRoles[i]);
    }
  }
}

TEST(PermissionsTest, PrivateChannelsAreHiddenFromWhoeverIsNotInThem) {
  for (const PublicRow& row : PublicRows()) {
    for (size_t i = 0; i < row.expected.size(); ++i) {
      std::string expected = row.expected[i];
      expected[0] = 'h';
      EXPECT_EQ(Grid(row.permission, kWorkspaceRoles[i], v1::CHANNEL_TYPE_PRIVATE), expected)
          << RowOf(row.permission).name << " for " << RoleName(kWorkspaceRoles[i]);
    }
  }
}

TEST(PermissionsTest, WhoIsNotInTheWorkspaceKnowsNoChannelOfIt) {
  for (const PublicRow& row : PublicRows()) {
    for (const v1::ChannelType type : {v1::CHANNEL_TYPE_PUBLIC, v1::CHANNEL_TYPE_PRIVATE,
                                       v1::CHANNEL_TYPE_DM, v1::CHANNEL_TYPE_GROUP_DM}) {
      EXPECT_EQ(Grid(row.permission, v1::WORKSPACE_ROLE_UNSPECIFIED, type), "hhhhhh");
    }
  }
}

TEST(PermissionsTest, DirectMessagesAllowTalkingAndNothingToThemselves) {
  const std::set<Permission> talking = {P::kReadChannel, P::kReadMembers,    P::kReadOwnMembership,
                                        P::kMarkRead,    P::kPost,           P::kReact,
                                        P::kTyping,      P::kEditOwnMessage, P::kDeleteOwnMessage,
                                        P::kPin,         P::kManageBookmarks};
  for (const PublicRow& row : PublicRows()) {
    for (const v1::ChannelType type : {v1::CHANNEL_TYPE_DM, v1::CHANNEL_TYPE_GROUP_DM}) {
      for (const v1::WorkspaceRole role : kWorkspaceRoles) {
        if (role == v1::WORKSPACE_ROLE_UNSPECIFIED) continue;
        const std::string grid = Grid(row.permission, role, type);
        EXPECT_EQ(grid[0], 'h') << RowOf(row.permission).name;
        if (talking.count(row.permission) > 0) {
          EXPECT_EQ(grid[3], '.') << RowOf(row.permission).name;
        } else {
          EXPECT_EQ(grid.find('.'), std::string::npos) << RowOf(row.permission).name << grid;
        }
      }
    }
  }
}

TEST(PermissionsTest, ArchivedChannelsCanBeReadLeftAndUnarchived) {
  const std::set<Permission> allowed = {P::kReadChannel,  P::kReadMembers,    P::kReadOwnMembership,
                                        P::kMarkRead,     P::kArchiveChannel, P::kStopAnyStream,
                                        P::kRemoveMember, P::kPurgeChannel,   P::kLeave};
  for (const PublicRow& row : PublicRows()) {
    AccessFacts facts =
        FactsOf(v1::WORKSPACE_ROLE_OWNER, v1::CHANNEL_TYPE_PUBLIC, v1::CHANNEL_ROLE_OWNER);
    facts.channel->archived = true;
    EXPECT_EQ(LetterOf(Check(row.permission, facts)), allowed.count(row.permission) ? '.' : 'a')
        << RowOf(row.permission).name;
  }
}

TEST(PermissionsTest, WorkspacePermissionsFollowTheRole) {
  // owner, admin, member, guest, not a member
  const std::map<Permission, std::string> expected = {
      {P::kReadWorkspace, "....h"},    {P::kReadDirectory, "...wh"},
      {P::kReadPresence, "....h"},     {P::kUpdatePresence, "....h"},
      {P::kUpdateOwnProfile, "....h"}, {P::kCreateChannel, "...wh"},
      {P::kOpenDirect, "....h"},       {P::kCreateAgent, "...wh"},
      {P::kManageOwnAgent, "...wh"},   {P::kManageAnyAgent, "..wwh"},
      {P::kCreateHuman, "..wwh"},      {P::kManageMembers, "..wwh"},
      {P::kCreateInvite, "...wh"},     {P::kManageInvites, "..wwh"},
      {P::kManageWorkspace, "..wwh"},  {P::kDeleteWorkspace, ".wwwh"},
      {P::kReadGroups, "...wh"},       {P::kManageGroups, "...wh"},
      {P::kMentionGroups, "...wh"},    {P::kUploadFile, "....h"},
      {P::kDownloadFile, "....h"},     {P::kAddEmoji, "...wh"},
      {P::kManageEmoji, "..wwh"},      {P::kDeleteOwnFile, "....h"},
      {P::kDeleteAnyFile, "..wwh"},    {P::kSearch, "....h"},
      {P::kReadAudit, "..wwh"},        {P::kExportWorkspace, ".wwwh"},
      {P::kImportWorkspace, ".wwwh"},  {P::kExportOwnData, "....h"},
      {P::kEraseActor, ".wwwh"}};
  for (const auto& [permission, grid] : expected) {
    std::string found;
    for (const v1::WorkspaceRole role : kWorkspaceRoles) {
      AccessFacts facts;
      facts.workspace_role = role;
      facts.credential_is_session = true;
      found += LetterOf(Check(permission, facts));
    }
    EXPECT_EQ(found, grid) << RowOf(permission).name;
  }
  EXPECT_EQ(expected.size() + PublicRows().size(), static_cast<size_t>(P::kCount));
}

// The scope that each permission asks of a key; those that are missing ask for none.
const std::map<Permission, std::string_view>& ScopesByHand() {
  static const auto& scopes =
      *new std::map<Permission, std::string_view>{{P::kReadMembers, "channels:read"},
                                                  {P::kMarkRead, "messages:read"},
                                                  {P::kPost, "messages:write"},
                                                  {P::kReact, "messages:write"},
                                                  {P::kTyping, "messages:write"},
                                                  {P::kPin, "messages:write"},
                                                  {P::kManageBookmarks, "channels:write"},
                                                  {P::kEditOwnMessage, "messages:write"},
                                                  {P::kDeleteOwnMessage, "messages:write"},
                                                  {P::kDeleteAnyMessage, "messages:write"},
                                                  {P::kStopAnyStream, "messages:write"},
                                                  {P::kUpdateChannel, "channels:write"},
                                                  {P::kChangeChannelType, "channels:write"},
                                                  {P::kArchiveChannel, "channels:write"},
                                                  {P::kPurgeChannel, "channels:write"},
                                                  {P::kAddMember, "channels:write"},
                                                  {P::kRemoveMember, "channels:write"},
                                                  {P::kUpdateMemberRole, "channels:write"},
                                                  {P::kJoin, "channels:join"},
                                                  {P::kReadDirectory, "actors:read"},
                                                  {P::kReadPresence, "actors:read"},
                                                  {P::kUpdatePresence, "presence:write"},
                                                  {P::kUpdateOwnProfile, "actors:write"},
                                                  {P::kCreateChannel, "channels:write"},
                                                  {P::kOpenDirect, "channels:write"},
                                                  {P::kCreateAgent, "actors:write"},
                                                  {P::kManageOwnAgent, "actors:write"},
                                                  {P::kManageAnyAgent, "admin:*"},
                                                  {P::kCreateHuman, "admin:*"},
                                                  {P::kCreateInvite, "actors:write"},
                                                  {P::kManageInvites, "admin:*"},
                                                  {P::kManageMembers, "admin:*"},
                                                  {P::kManageWorkspace, "admin:*"},
                                                  {P::kDeleteWorkspace, "admin:*"},
                                                  {P::kReadGroups, "actors:read"},
                                                  {P::kManageGroups, "channels:write"},
                                                  {P::kMentionGroups, "messages:write"},
                                                  {P::kUploadFile, "files:write"},
                                                  {P::kDownloadFile, "files:read"},
                                                  {P::kAddEmoji, "files:write"},
                                                  {P::kManageEmoji, "admin:*"},
                                                  {P::kDeleteOwnFile, "files:write"},
                                                  {P::kDeleteAnyFile, "admin:*"},
                                                  {P::kSearch, "messages:read"},
                                                  {P::kReadAudit, "admin:*"},
                                                  {P::kExportWorkspace, "admin:*"},
                                                  {P::kImportWorkspace, "admin:*"},
                                                  {P::kExportOwnData, "actors:read"},
                                                  {P::kEraseActor, "admin:*"}};
  return scopes;
}

TEST(PermissionsTest, KeysNeedExactlyTheScopeOfTheAction) {
  for (int i = 0; i < static_cast<int>(P::kCount); ++i) {
    const auto permission = static_cast<Permission>(i);
    AccessFacts facts =
        FactsOf(v1::WORKSPACE_ROLE_OWNER, v1::CHANNEL_TYPE_PUBLIC, v1::CHANNEL_ROLE_OWNER);
    facts.credential_is_session = false;
    const auto wanted = ScopesByHand().find(permission);
    for (const std::string_view scope : AllScopes()) {
      const std::vector<std::string> held = {std::string(scope)};
      facts.scopes = held;
      const bool enough = wanted == ScopesByHand().end() || wanted->second == scope;
      EXPECT_EQ(LetterOf(Check(permission, facts)), enough ? '.' : 's')
          << RowOf(permission).name << " with " << scope;
    }
  }
}

TEST(PermissionsTest, AScopeNeverMakesUpForARole) {
  std::vector<std::string> all = DefaultScopes();
  all.emplace_back(kScopeAdmin);
  for (const PublicRow& row : PublicRows()) {
    for (const v1::WorkspaceRole role : kWorkspaceRoles) {
      for (const v1::ChannelRole channel_role : kChannelRoles) {
        AccessFacts session = FactsOf(role, v1::CHANNEL_TYPE_PRIVATE, channel_role);
        AccessFacts key = session;
        key.credential_is_session = false;
        key.scopes = all;
        EXPECT_EQ(LetterOf(Check(row.permission, session)), LetterOf(Check(row.permission, key)));
      }
    }
  }
}

TEST(PermissionsTest, WhatIsHiddenIsHiddenBeforeAnythingElseIsSaid) {
  AccessFacts facts =
      FactsOf(v1::WORKSPACE_ROLE_GUEST, v1::CHANNEL_TYPE_PUBLIC, v1::CHANNEL_ROLE_UNSPECIFIED);
  facts.credential_is_session = false;  // nor a scope
  facts.channel->archived = true;
  EXPECT_EQ(Check(P::kJoin, facts), ChannelNotFound());
  facts.channel.reset();
  EXPECT_EQ(Check(P::kPost, facts), ChannelNotFound());
}

TEST(PermissionsTest, ErrorsNameTheLeastRole) {
  AccessFacts facts =
      FactsOf(v1::WORKSPACE_ROLE_MEMBER, v1::CHANNEL_TYPE_PUBLIC, v1::CHANNEL_ROLE_VIEWER);
  const auto role_in = [](const absl::Status& status) {
    return ToError(status, "").details().fields().at("role").string_value();
  };
  EXPECT_EQ(role_in(Check(P::kUpdateChannel, facts)), "admin");
  EXPECT_EQ(role_in(Check(P::kArchiveChannel, facts)), "owner");
  EXPECT_EQ(role_in(Check(P::kManageWorkspace, facts)), "admin");
}

TEST(PermissionsTest, NobodyGrantsARoleAboveItsOwn) {
  const std::array<v1::WorkspaceRole, 4> roles = {
      v1::WORKSPACE_ROLE_OWNER, v1::WORKSPACE_ROLE_ADMIN, v1::WORKSPACE_ROLE_MEMBER,
      v1::WORKSPACE_ROLE_GUEST};
  for (size_t own = 0; own < roles.size(); ++own) {
    for (size_t wanted = 0; wanted < roles.size(); ++wanted) {
      EXPECT_EQ(MayGrant(roles[own], roles[wanted]), wanted >= own);
    }
    EXPECT_FALSE(MayGrant(roles[own], v1::WORKSPACE_ROLE_UNSPECIFIED));
    EXPECT_FALSE(MayGrant(v1::WORKSPACE_ROLE_UNSPECIFIED, roles[own]));
  }
}

TEST(ScopesTest, AdminIsNotAmongTheDefaultsAndImpliesNothing) {
  EXPECT_EQ(DefaultScopes().size() + 1, AllScopes().size());
  EXPECT_FALSE(HasScope(DefaultScopes(), kScopeAdmin));
  EXPECT_FALSE(HasScope(std::vector<std::string>{"admin:*"}, kScopeMessagesRead));
  EXPECT_TRUE(IsKnownScope("admin:*"));
  EXPECT_FALSE(IsKnownScope("admin:all"));
  EXPECT_FALSE(IsKnownScope("messages:*"));
}

TEST(ScopesTest, SubsetsAreExact) {
  const std::vector<std::string> held = {"messages:read", "files:read"};
  EXPECT_TRUE(IsSubset({}, held));
  EXPECT_TRUE(IsSubset({"files:read"}, held));
  EXPECT_FALSE(IsSubset({"files:read", "files:write"}, held));
}

}  // namespace
}  // namespace heim
