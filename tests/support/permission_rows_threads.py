"""What the RPCs of threads, unread counts and user groups ask of their callers."""

from permission_cells import Row


def here(cell):
    """A place in the log."""
    return cell.world.root.get("/threads").json()["log_cursor"]


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
}
