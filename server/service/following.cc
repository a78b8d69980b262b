#include "server/service/following.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"

namespace heim {
namespace {

// By name: a group that is mentioned does not follow, so a reply to thousands stays one reply.
std::set<std::string_view> MentionedIn(const v1::Message& message) {
  std::set<std::string_view> mentioned;
  for (const v1::Mention& mention : message.mentions()) {
    if (mention.type() == v1::MENTION_TYPE_ACTOR) mentioned.insert(mention.actor_id());
  }
  return mentioned;
}

void AddAuthor(const v1::Message& message, std::set<std::string_view>* to) {
  if (message.content_type() == v1::CONTENT_TYPE_SYSTEM) return;
  to->insert(message.actor().id());
}

// `called` follow in any case, `concerned` unless they have unfollowed.
struct Followers {
  std::set<std::string_view> called;
  std::set<std::string_view> concerned;
};

absl::Status Follow(WriteTx& tx, const Acting& acting, const ThreadPlace& place,
                    const Followers& who, uint64_t cursor) {
  std::set<std::string_view> all = who.called;
  all.insert(who.concerned.begin(), who.concerned.end());
  const std::vector<std::string_view> asked(all.begin(), all.end());
  HEIM_ASSIGN_OR_RETURN(const std::vector<ThreadStanding> members,
                        tx.follows.StandingOf(place, asked));
  for (const ThreadStanding& member : members) {
    if (member.following == Following::kFollows) continue;
    const bool called = who.called.count(member.actor.str()) != 0;
    if (member.following == Following::kUnfollowed && !called) continue;
    HEIM_RETURN_IF_ERROR(tx.follows.Set(place, member.actor, Following::kFollows, cursor));
    HEIM_RETURN_IF_ERROR(EmitThreadUpdated(tx, acting, place, member.actor).status());
  }
  return absl::OkStatus();
}

}  // namespace

ThreadPlace PlaceOf(const WorkspaceId& workspace, const v1::Message& root) {
  return {workspace, ChannelId(root.channel_id()), MessageId(root.id())};
}

absl::Status FollowWithReply(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                             const v1::Message& root, const v1::Message& reply) {
  Followers who;
  who.called = MentionedIn(reply);
  who.concerned = MentionedIn(root);
  AddAuthor(root, &who.concerned);
  AddAuthor(reply, &who.concerned);
  return Follow(tx, acting, PlaceOf(workspace, root), who, reply.seq() - 1);
}

absl::Status FollowWithEdit(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                            const v1::Message& before, const v1::Message& after) {
  Followers who;
  who.called = MentionedIn(after);
  for (const std::string_view old : MentionedIn(before)) who.called.erase(old);
  if (who.called.empty()) return absl::OkStatus();
  if (!after.has_thread_id() && !after.has_thread()) return absl::OkStatus();
  ThreadPlace place = PlaceOf(workspace, after);
  if (after.has_thread_id()) place.root = MessageId(after.thread_id());
  return Follow(tx, acting, place, who, after.seq() - 1);
}

absl::StatusOr<v1::ThreadState> EmitThreadUpdated(WriteTx& tx, const Acting& acting,
                                                  const ThreadPlace& place, const ActorId& reader) {
  HEIM_ASSIGN_OR_RETURN(v1::ThreadState state, tx.follows.StateOf(place, reader));
  v1::Event event = ChannelEvent(acting, place.channel);
  event.set_to_actor_id(reader.str());
  *event.mutable_thread_updated()->mutable_thread() = state;
  HEIM_RETURN_IF_ERROR(tx.Emit(place.workspace, std::move(event)).status());
  return state;
}

}  // namespace heim
