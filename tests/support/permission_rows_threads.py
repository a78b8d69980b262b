"""What the RPCs of threads, unread counts and user groups ask of their callers."""

from permission_cells import Row


def here(cell):
    """A place in the log."""
    return cell.world.root.get("/threads").json()["log_cursor"]


def group(cell):
    """A group of root with the newcomer in it."""
    return cell.keep("group", lambda: cell.world.root.post(
        "/groups", {"handle": cell.fresh(), "member_ids": [cell.newcomer]}).json()["id"])


ROWS = {
    "ThreadService.FollowThread": Row(lambda c: {"message_id": c.message}, channel="viewer"),
    "ThreadService.UnfollowThread": Row(lambda c: {"message_id": c.message}, channel="viewer"),
    "ThreadService.GetThreadState": Row(
        lambda c: {"message_id": c.message}, channel="readable", reads=True),
    "ThreadService.ListThreads": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    "ThreadService.ListFollowedThreads": Row(reads=True),
    "ThreadService.MarkThreadsRead": Row(lambda c: {"up_to": here(c)}, reads=True),

    "ReadStateService.MarkUnread": Row(
        lambda c: {"channel_id": c.channel, "message_id": c.message}, channel="viewer"),
    # What the caller is not in is left out.
    "ReadStateService.MarkAllRead": Row(
        lambda c: {"channels": [{"channel_id": c.channel, "seq": 1}]}, reads=True),
    "ReadStateService.GetUnreadSummary": Row(reads=True),

    "GroupService.CreateGroup": Row(lambda c: {"handle": c.fresh()}, workspace="admin"),
    "GroupService.ListGroups": Row(workspace="member", reads=True),
    "GroupService.GetGroup": Row(
        lambda c: {"group_id": group(c)}, workspace="member", reads=True),
    "GroupService.ListGroupMembers": Row(
        lambda c: {"group_id": group(c)}, workspace="member", reads=True),
    "GroupService.UpdateGroup": Row(
        lambda c: {"group_id": group(c), "group": {"name": c.fresh()}, "update_mask": "name"},
        workspace="admin"),
    "GroupService.DeleteGroup": Row(lambda c: {"group_id": group(c)}, workspace="admin"),
    "GroupService.AddGroupMember": Row(
        lambda c: {"group_id": group(c), "actor_id": c.world.bystander.id}, workspace="admin"),
    "GroupService.RemoveGroupMember": Row(
        lambda c: {"group_id": group(c), "actor_id": c.newcomer}, workspace="admin"),
}
