// Passwords, sessions, invites and reset links. Through the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

TEST_P(StoreSuite, APasswordIsUsedAsLongAsItIsTheOne) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.credentials.SetPassword(ann_, KeyId("p1"), "first", clock_.Now()));
    HEIM_ASSIGN_OR_RETURN(const PasswordRow first, tx.credentials.PasswordOf(ann_));
    EXPECT_TRUE(*tx.credentials.UsePassword(ann_, {first.id, "first, dearer"}, clock_.Now()));
    EXPECT_EQ(tx.credentials.PasswordOf(ann_)->hash, "first, dearer");
    HEIM_RETURN_IF_ERROR(tx.credentials.SetPassword(ann_, KeyId("p2"), "second", clock_.Now()));
    EXPECT_FALSE(*tx.credentials.UsePassword(ann_, first, clock_.Now()));
    EXPECT_EQ(tx.credentials.PasswordOf(ann_)->hash, "second");
    EXPECT_FALSE(*tx.credentials.UsePassword(bob_, {KeyId("p2"), "x"}, clock_.Now()));
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, SessionsThatAreGoodAreListedNewestFirst) {
  const absl::Time now = clock_.Now();
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 1; i <= 4; ++i) {
      SessionRow session;
      session.id = SessionId(StrCat("s", i));
      session.actor_id = ann_;
      session.created_at = session.last_seen_at = now;
      session.expires_at = now + absl::Hours(i == 4 ? 1 : 2);
      session.address = StrCat("203.0.113.", i);
      HEIM_RETURN_IF_ERROR(tx.sessions.Insert(session));
    }
    EXPECT_TRUE(*tx.sessions.Revoke(SessionId("s1"), now));
    const auto good = tx.sessions.ListOf(ann_, now, "", 10);
    EXPECT_EQ(good->size(), 3u);
    EXPECT_EQ(good->front().id, SessionId("s4"));
    EXPECT_EQ(good->front().address, "203.0.113.4");
    const absl::Time later = now + absl::Hours(1);
    EXPECT_EQ(tx.sessions.ListOf(ann_, later, "", 1)->front().id, SessionId("s3"));
    EXPECT_EQ(tx.sessions.ListOf(ann_, later, "s3", 10)->front().id, SessionId("s2"));
    EXPECT_TRUE(tx.sessions.ListOf(bob_, now, "", 10)->empty());

    const auto revoked = tx.sessions.RevokeAllOf(ann_, now, SessionId("s3"));
    EXPECT_EQ(revoked->size(), 2u);
    EXPECT_EQ(tx.sessions.ListOf(ann_, now, "", 10)->front().id, SessionId("s3"));
    HEIM_RETURN_IF_ERROR(tx.sessions.Sweep(ann_, later));
    EXPECT_FALSE(tx.sessions.Get(SessionId("s4")).ok());
    EXPECT_TRUE(tx.sessions.Get(SessionId("s2")).ok());
    return absl::OkStatus();
  });
}

class InviteMaker {
 public:
  InviteMaker(const WorkspaceId& workspace, const ActorId& by, absl::Time now)
      : workspace_(workspace), by_(by), now_(now) {}
  v1::Invite Make(std::string_view id, uint32_t max_uses) const {
    v1::Invite invite;
    invite.set_id(std::string(id));
    invite.set_workspace_id(workspace_.str());
    invite.set_role(v1::WORKSPACE_ROLE_GUEST);
    invite.add_channel_ids("c1");
    invite.set_max_uses(max_uses);
    *invite.mutable_expires_at() = ToTimestamp(now_ + absl::Hours(1));
    invite.set_created_by(by_.str());
    *invite.mutable_created_at() = ToTimestamp(now_);
    return invite;
  }

 private:
  const WorkspaceId workspace_;
  const ActorId by_;
  const absl::Time now_;
};

TEST_P(StoreSuite, AnInviteIsReadAsItWasWrittenAndCountsItsUses) {
  const absl::Time now = clock_.Now();
  const v1::Invite twice = InviteMaker(workspace_, ann_, now).Make("i1", 2);
  const InviteId id("i1");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.invites.Insert(twice, "hash of i1"));
    EXPECT_EQ(tx.invites.Get(id)->DebugString(), twice.DebugString());
    EXPECT_EQ(tx.invites.FindByHash("hash of i1")->DebugString(), twice.DebugString());
    EXPECT_EQ(ReasonOf(tx.invites.FindByHash("i1").status()), v1::ERROR_REASON_INVITE_NOT_FOUND);
    EXPECT_FALSE(*tx.invites.TakeUse(id, now + absl::Hours(1)));
    EXPECT_TRUE(*tx.invites.TakeUse(id, now));
    EXPECT_TRUE(*tx.invites.TakeUse(id, now));
    EXPECT_FALSE(*tx.invites.TakeUse(id, now));
    EXPECT_EQ(tx.invites.Get(id)->use_count(), 2u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, InvitesAreListedWithAndWithoutThoseThatHaveEnded) {
  const absl::Time now = clock_.Now();
  const InviteMaker by_ann(workspace_, ann_, now);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.invites.Insert(by_ann.Make("i1", 0), "h1"));
    HEIM_RETURN_IF_ERROR(tx.invites.Insert(by_ann.Make("i2", 1), "h2"));
    HEIM_RETURN_IF_ERROR(tx.invites.Insert(InviteMaker(workspace_, bob_, now).Make("i3", 0), "h3"));
    EXPECT_EQ(*tx.invites.CountOpen(workspace_, now), 3);
    EXPECT_TRUE(*tx.invites.TakeUse(InviteId("i2"), now));
    EXPECT_EQ(*tx.invites.CountOpen(workspace_, now), 2);
    EXPECT_TRUE(*tx.invites.Revoke(InviteId("i1"), now));
    EXPECT_FALSE(*tx.invites.Revoke(InviteId("i1"), now));
    EXPECT_FALSE(*tx.invites.TakeUse(InviteId("i1"), now));
    EXPECT_TRUE(tx.invites.Get(InviteId("i1"))->has_revoked_at());
    const auto ids = [&](const InviteFilter& filter) {
      std::string found;
      const auto listed = tx.invites.ListOf(workspace_, filter);
      for (const v1::Invite& invite : *listed) found += invite.id();
      return found;
    };
    InviteFilter all;
    all.now = now;
    EXPECT_EQ(ids(all), "i3i2i1");
    InviteFilter open = all;
    open.include_ended = false;
    EXPECT_EQ(ids(open), "i3");
    InviteFilter of_ann = all;
    of_ann.created_by = ann_;
    EXPECT_EQ(ids(of_ann), "i2i1");
    InviteFilter next = all;
    next.before_id = "i3";
    next.limit = 1;
    EXPECT_EQ(ids(next), "i2");
    EXPECT_EQ(*tx.invites.CountOpen(workspace_, now + absl::Hours(1)), 0);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AResetLinkTakesThePlaceOfTheOneBefore) {
  PasswordResetRow row;
  row.actor_id = bob_;
  row.token_hash = "first";
  row.workspace_id = workspace_;
  row.created_by = ann_;
  row.expires_at = clock_.Now();
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.password_resets.Put(row));
    row.token_hash = "second";
    HEIM_RETURN_IF_ERROR(tx.password_resets.Put(row));
    EXPECT_EQ(ReasonOf(tx.password_resets.FindByHash("first").status()),
              v1::ERROR_REASON_RESET_TOKEN_INVALID);
    const auto found = tx.password_resets.FindByHash("second");
    EXPECT_EQ(found->actor_id, bob_);
    EXPECT_EQ(found->created_by, ann_);
    EXPECT_EQ(found->workspace_id, workspace_);
    EXPECT_EQ(found->expires_at, row.expires_at);
    HEIM_RETURN_IF_ERROR(tx.password_resets.RemoveOf(bob_));
    EXPECT_FALSE(tx.password_resets.FindByHash("second").ok());
    return tx.password_resets.RemoveOf(bob_);
  });
}

}  // namespace
}  // namespace heim
