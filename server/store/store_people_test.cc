// Actors, workspaces, credentials, sessions, streams and files. Through the Store interface, for
// every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

using Names = std::vector<std::string>;

TEST_P(StoreSuite, AnActorIsReadAsItWasWritten) {
  v1::Actor agent = NewActor("botty");
  agent.set_type(v1::ACTOR_TYPE_AGENT);
  agent.set_presence(v1::PRESENCE_DND);
  agent.set_avatar_url("https://example.com/a.png");
  (*agent.mutable_metadata()->mutable_fields())["k"].set_number_value(1);
  agent.mutable_agent()->set_framework("langgraph");
  agent.mutable_agent()->set_owner_id(ann_.str());
  agent.mutable_agent()->add_capabilities("search");
  MustCommit([&](WriteTx& tx) { return tx.actors.Insert(agent, "Bot@Example.com"); });
  MustRead([&](ReadTx& tx) -> absl::Status {
    for (const auto& found : {tx.actors.Get(ActorId(agent.id())), tx.actors.GetByUsername("botty"),
                              tx.actors.GetByEmail("bot@example.COM")}) {
      EXPECT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(found->DebugString(), agent.DebugString());
    }
    EXPECT_EQ(tx.actors.GetRef(ActorId(agent.id()))->DebugString(), RefOf(agent).DebugString());
    EXPECT_EQ(tx.actors.AgentsOwnedBy(ann_)->size(), 1u);
    EXPECT_EQ(*tx.actors.CountHumans(), 2);
    EXPECT_EQ(ReasonOf(tx.actors.Get(ActorId("x")).status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, UsernamesAndAddressesAreUnique) {
  const auto insert = [&](const char* username, const char* email) {
    return ReasonOf(
        Commit([&](WriteTx& tx) { return tx.actors.Insert(NewActor(username), email); }).status());
  };
  EXPECT_EQ(insert("ann", ""), v1::ERROR_REASON_USERNAME_TAKEN);
  EXPECT_EQ(insert("cat", "c@example.com"), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(insert("dog", "C@example.com"), v1::ERROR_REASON_EMAIL_TAKEN);
  const auto renamed = Commit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(v1::Actor actor, tx.actors.Get(bob_));
    actor.set_username("ann");
    return tx.actors.Update(actor);
  });
  EXPECT_EQ(ReasonOf(renamed.status()), v1::ERROR_REASON_USERNAME_TAKEN);
}

TEST_P(StoreSuite, PeopleAreFoundByPartsOfTheirNames) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(v1::Actor bob, tx.actors.Get(bob_));
    bob.set_display_name("Robert 100%");
    return tx.actors.Update(bob);
  });
  const ActorId gone = AddPerson("gone");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(v1::Actor actor, tx.actors.Get(gone));
    *actor.mutable_deleted_at() = ToTimestamp(clock_.Now());
    return tx.actors.Update(actor);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    const auto list = [&](auto set) {
      ActorFilter filter;
      set(filter);
      Names names;
      const auto found = tx.actors.List(workspace_, filter);
      EXPECT_TRUE(found.ok()) << found.status();
      for (const v1::Actor& actor : *found) names.push_back(actor.username());
      return names;
    };
    EXPECT_EQ(list([](auto&) {}), Names({"ann", "bob"}));
    EXPECT_EQ(list([&](auto& f) { f.q = "ROB"; }), Names({"bob"}));
    EXPECT_EQ(list([&](auto& f) { f.q = "0%"; }), Names({"bob"}));
    EXPECT_EQ(list([&](auto& f) { f.q = "_"; }), Names()) << "no wildcards";
    EXPECT_EQ(list([&](auto& f) { f.include_deactivated = true; }), Names({"ann", "bob", "gone"}));
    EXPECT_EQ(list([&](auto& f) { f.type = v1::ACTOR_TYPE_AGENT; }), Names());
    EXPECT_EQ(list([&](auto& f) { f.capability = "search"; }), Names());
    EXPECT_EQ(list([&](auto& f) { f.shares_channel_with = ann_; }), Names({"ann", "bob"}));
    EXPECT_EQ(list([&](auto& f) {
                f.include_deactivated = true;
                f.shares_channel_with = gone;
              }),
              Names({"gone"}));
    EXPECT_EQ(list([&](auto& f) { f.after_username = "ann"; }), Names({"bob"}));
    HEIM_ASSIGN_OR_RETURN(const auto resolved,
                          tx.actors.ResolveUsernames(workspace_, {"ann", "gone", "nobody"}));
    EXPECT_EQ(resolved.size(), 1u);
    EXPECT_EQ(resolved.front().second, ann_);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AGuestKnowsOnlyWhomItSharesAChannelWith) {
  const ActorId guest = AddPerson("guest");
  MustCommit([&](WriteTx& tx) {
    return tx.workspaces.SetRole(workspace_, guest, v1::WORKSPACE_ROLE_GUEST);
  });
  const auto share = [&](const ActorId& a, const ActorId& b) {
    bool shared = false;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(shared, tx.actors.ShareChannel(workspace_, a, b));
      return absl::OkStatus();
    });
    return shared;
  };
  EXPECT_TRUE(share(ann_, bob_));
  EXPECT_FALSE(share(guest, ann_));
  EXPECT_FALSE(share(ann_, ActorId("x")));
  AddChannel("shared", {guest, ann_});
  EXPECT_TRUE(share(guest, ann_));
  EXPECT_TRUE(share(ann_, guest));
  EXPECT_FALSE(share(guest, bob_));
}

TEST_P(StoreSuite, WorkspacesAndTheirMembers) {
  v1::Workspace second;
  second.set_id(ids_.NewId());
  second.set_name("Beta");
  second.set_slug("beta");
  *second.mutable_created_at() = ToTimestamp(clock_.Now());
  const WorkspaceId beta(second.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.workspaces.Insert(second, "e"));
    return tx.workspaces.InsertMember(beta, ann_, v1::WORKSPACE_ROLE_OWNER, clock_.Now());
  });
  v1::Workspace taken = second;
  taken.set_id(ids_.NewId());
  EXPECT_EQ(
      ReasonOf(Commit([&](WriteTx& tx) { return tx.workspaces.Insert(taken, "e"); }).status()),
      v1::ERROR_REASON_SLUG_TAKEN);
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(tx.workspaces.First()->id(), workspace_.str());
    EXPECT_EQ(tx.workspaces.GetByIdOrSlug("beta")->id(), beta.str());
    EXPECT_EQ(tx.workspaces.GetByIdOrSlug(beta.str())->name(), "Beta");
    EXPECT_EQ(tx.workspaces.ListOf(ann_, "", "", 10)->size(), 2u);
    EXPECT_EQ(tx.workspaces.ListOf(ann_, "Acme", "~", 10)->size(), 1u);
    EXPECT_EQ(*tx.workspaces.CountOwners(beta), 1);
    EXPECT_EQ(tx.workspaces.GetMember(beta, ann_)->role(), v1::WORKSPACE_ROLE_OWNER);
    EXPECT_EQ(ReasonOf(tx.workspaces.GetMember(beta, bob_).status()),
              v1::ERROR_REASON_MEMBER_NOT_FOUND);
    EXPECT_EQ(tx.workspaces.ListMembers(workspace_, "ann", 10)->size(), 1u);
    EXPECT_EQ(tx.actors.WorkspacesOf(ann_)->size(), 2u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, TheCurrentWorkspaceIsTheLastUsedElseTheFirstJoined) {
  clock_.Advance(absl::Seconds(1));
  v1::Workspace second;
  second.set_id(ids_.NewId());
  second.set_slug("beta");
  const WorkspaceId beta(second.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.workspaces.Insert(second, "e"));
    return tx.workspaces.InsertMember(beta, ann_, v1::WORKSPACE_ROLE_MEMBER, clock_.Now());
  });
  const auto current = [&] {
    WorkspaceId found;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(found, tx.workspaces.CurrentOf(ann_));
      return absl::OkStatus();
    });
    return found;
  };
  EXPECT_EQ(current(), workspace_);
  MustCommit([&](WriteTx& tx) { return tx.workspaces.SetCurrent(ann_, beta); });
  EXPECT_EQ(current(), beta);
  MustCommit([&](WriteTx& tx) { return tx.workspaces.SetCurrent(ann_, workspace_); });
  EXPECT_EQ(current(), workspace_);
  MustCommit([&](WriteTx& tx) { return tx.workspaces.RemoveMember(workspace_, ann_); });
  EXPECT_EQ(current(), beta);
}

TEST_P(StoreSuite, KeysAreFoundByHashListedNewestFirstAndRevokedOnce) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    CredentialRow row;
    row.type = v1::CREDENTIAL_TYPE_API_KEY;
    row.workspace_id = workspace_;
    row.secret_hash = StrCat("hash", i);
    row.record.set_id(ids_.NewId());
    row.record.set_actor_id(ann_.str());
    row.record.add_scopes("messages:read");
    *row.record.mutable_created_at() = ToTimestamp(clock_.Now());
    ids.push_back(row.record.id());
    MustCommit([&](WriteTx& tx) { return tx.credentials.Insert(row); });
  }
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const CredentialRow found, tx.credentials.FindByHash("hash1"));
    EXPECT_EQ(found.record.id(), ids[1]);
    EXPECT_EQ(found.record.scopes(0), "messages:read");
    EXPECT_EQ(found.workspace_id, workspace_);
    EXPECT_EQ(ReasonOf(tx.credentials.FindByHash("x").status()), v1::ERROR_REASON_KEY_NOT_FOUND);
    HEIM_ASSIGN_OR_RETURN(const auto keys, tx.credentials.ListOf(ann_, found.type, ids[2], 10));
    EXPECT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys[0].id(), ids[1]);
    HEIM_RETURN_IF_ERROR(tx.credentials.TouchLastUsed(KeyId(ids[1]), clock_.Now()));
    EXPECT_TRUE(*tx.credentials.Revoke(KeyId(ids[1]), clock_.Now()));
    EXPECT_FALSE(*tx.credentials.Revoke(KeyId(ids[1]), clock_.Now()));
    HEIM_ASSIGN_OR_RETURN(const CredentialRow revoked, tx.credentials.Get(KeyId(ids[1])));
    EXPECT_TRUE(revoked.record.has_revoked_at() && revoked.record.has_last_used_at());
    EXPECT_EQ(tx.credentials.RevokeAllOf(ann_, clock_.Now())->size(), 2u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, APasswordIsReplacedAndNoKeyFindsIt) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    EXPECT_EQ(ReasonOf(tx.credentials.PasswordOf(ann_).status()), v1::ERROR_REASON_KEY_NOT_FOUND);
    for (const char* hash : {"first", "second"}) {
      HEIM_RETURN_IF_ERROR(
          tx.credentials.SetPassword(ann_, KeyId(ids_.NewId()), hash, clock_.Now()));
      EXPECT_EQ(tx.credentials.PasswordOf(ann_)->hash, hash);
    }
    EXPECT_FALSE(tx.credentials.FindByHash("second").ok());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, SessionsAreExtendedAndRevoked) {
  SessionRow session;
  session.id = SessionId(ids_.NewId());
  session.actor_id = ann_;
  session.created_at = session.last_seen_at = clock_.Now();
  session.expires_at = clock_.Now() + absl::Hours(12);
  session.user_agent = "browser";
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.sessions.Insert(session));
    const absl::Time later = clock_.Now() + absl::Hours(1);
    HEIM_RETURN_IF_ERROR(tx.sessions.Extend(session.id, later, later + absl::Hours(12)));
    HEIM_ASSIGN_OR_RETURN(const SessionRow found, tx.sessions.Get(session.id));
    EXPECT_EQ(found.last_seen_at, later);
    EXPECT_EQ(found.user_agent, "browser");
    EXPECT_FALSE(found.revoked_at.has_value());
    EXPECT_TRUE(*tx.sessions.Revoke(session.id, later));
    EXPECT_FALSE(*tx.sessions.Revoke(session.id, later));
    EXPECT_EQ(tx.sessions.Get(session.id)->revoked_at, later);
    EXPECT_TRUE(tx.sessions.RevokeAllOf(ann_, later)->empty());
    EXPECT_EQ(ReasonOf(tx.sessions.Get(SessionId("x")).status()), v1::ERROR_REASON_UNAUTHENTICATED);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ActiveStreamsAreFoundUntilTheyEnd) {
  StreamRow row;
  row.workspace_id = workspace_;
  row.stream.set_id(ids_.NewId());
  row.stream.set_actor_id(ann_.str());
  row.stream.set_state(v1::STREAM_STATE_ACTIVE);
  row.stream.set_content("so far");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.streams.Insert(row));
    EXPECT_EQ(*tx.streams.CountActive(ann_), 1);
    EXPECT_EQ(tx.streams.ListActive()->front().stream.content(), "so far");
    EXPECT_EQ(tx.streams.ListActiveIn(workspace_)->size(), 1u);
    EXPECT_TRUE(tx.streams.ListActiveIn(WorkspaceId("x"))->empty());
    row.stream.set_state(v1::STREAM_STATE_ABORTED);
    row.outcome = "stopped_by_reader";
    HEIM_RETURN_IF_ERROR(tx.streams.Update(row));
    EXPECT_EQ(*tx.streams.CountActive(ann_), 0);
    EXPECT_EQ(tx.streams.Get(StreamId(row.stream.id()))->outcome, "stopped_by_reader");
    EXPECT_EQ(ReasonOf(tx.streams.Get(StreamId("x")).status()), v1::ERROR_REASON_STREAM_NOT_FOUND);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, FilesKnowTheChannelsTheyWerePostedIn) {
  FileRow row;
  row.workspace_id = workspace_;
  row.blob_key = "blob";
  row.file.set_id(ids_.NewId());
  row.file.set_filename("a.png");
  const FileId file(row.file.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.files.Insert(row));
    EXPECT_EQ(tx.files.Get(file)->blob_key, "blob");
    EXPECT_EQ(tx.files.Get(file)->file.filename(), "a.png");
    HEIM_RETURN_IF_ERROR(tx.files.LinkToMessage(file, MessageId("m1"), general_));
    HEIM_RETURN_IF_ERROR(tx.files.LinkToMessage(file, MessageId("m1"), general_));
    HEIM_RETURN_IF_ERROR(tx.files.LinkToMessage(file, MessageId("m2"), general_));
    EXPECT_EQ(tx.files.PlacesOf(file)->size(), 1u);
    HEIM_RETURN_IF_ERROR(tx.files.ReleaseMessage(MessageId("m1")));
    EXPECT_EQ(tx.files.PlacesOf(file)->size(), 1u);
    HEIM_RETURN_IF_ERROR(tx.files.ReleaseMessage(MessageId("m2")));
    EXPECT_TRUE(tx.files.PlacesOf(file)->empty());
    EXPECT_EQ(ReasonOf(tx.files.Get(FileId("x")).status()), v1::ERROR_REASON_FILE_NOT_FOUND);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AFileGoesWithItsLastMessageAndLeavesTheKeyOfItsBytes) {
  FileRow row;
  row.workspace_id = workspace_;
  row.blob_key = "blob";
  row.file.set_id(ids_.NewId());
  const FileId file(row.file.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.files.Insert(row));
    HEIM_RETURN_IF_ERROR(tx.files.ReleaseMessage(MessageId("m1")));
    EXPECT_TRUE(tx.files.Get(file).ok()) << "what was never linked is not released";
    HEIM_RETURN_IF_ERROR(tx.files.LinkToMessage(file, MessageId("m1"), general_));
    HEIM_RETURN_IF_ERROR(tx.files.LinkToMessage(file, MessageId("m2"), general_));
    HEIM_RETURN_IF_ERROR(tx.files.ReleaseMessage(MessageId("m1")));
    EXPECT_TRUE(tx.files.Get(file).ok());
    EXPECT_TRUE(tx.files.DeadBlobs(10)->empty());
    HEIM_RETURN_IF_ERROR(tx.files.ReleaseMessage(MessageId("m2")));
    EXPECT_EQ(ReasonOf(tx.files.Get(file).status()), v1::ERROR_REASON_FILE_NOT_FOUND);
    EXPECT_EQ(*tx.files.DeadBlobs(10), std::vector<std::string>{"blob"});
    HEIM_RETURN_IF_ERROR(tx.files.ForgetDeadBlob("blob"));
    EXPECT_TRUE(tx.files.DeadBlobs(10)->empty());
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
