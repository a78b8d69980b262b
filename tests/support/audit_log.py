"""The audit log as tests read it, and the list of what may stay out of it."""

import time

from heim_server import DEADLINE

# What changes something and is not audited, by the reason why.
NOT_AUDITED = {
    "words of their author, which the log of the workspace tells": {
        "MessageService.SendMessage", "MessageService.UpdateMessage", "MessageService.ForwardMessage",
        "MessageService.AddReaction", "MessageService.RemoveReaction", "StreamService.StartStream",
        "StreamService.AppendStream", "StreamService.FinishStream", "StreamService.WriteStream",
        "PinService.PinMessage", "PinService.UnpinMessage", "BookmarkService.CreateBookmark",
        "BookmarkService.UpdateBookmark", "BookmarkService.DeleteBookmark", "FileService.UploadFile",
        "ScheduledMessageService.ScheduleMessage", "ScheduledMessageService.UpdateScheduledMessage",
        "ScheduledMessageService.CancelScheduledMessage", "ScheduledMessageService.SendScheduledNow",
    },
    "private to those who talk": {"ChannelService.OpenDirect"},
    "one's own and nobody else's": {
        "DraftService.SaveDraft", "DraftService.DeleteDraft", "SavedService.SaveMessage",
        "SavedService.UnsaveMessage", "NotificationService.MarkInboxSeen",
        "NotificationService.UpdatePreferences", "NotificationService.SetChannelNotification",
        "PresenceService.UpdatePresence", "ReadStateService.MarkRead", "ReadStateService.MarkUnread",
        "ReadStateService.MarkAllRead", "ThreadService.FollowThread", "ThreadService.UnfollowThread",
        "ThreadService.MarkThreadsRead",
    },
    "nothing lasting": {"PresenceService.SendTyping", "AuthService.CreateTicket", "EventService.Session"},
    "goes on with what a log-in gave": {"AuthService.Refresh"},
    "reads, with a body because it asks for much": {
        "MessageService.BatchGetMessages", "PresenceService.BatchGetPresence"},
}


def entries(client, **wanted):
    """All entries that pass, newest first."""
    found, cursor = [], ""
    while True:
        answer = client.get("/audit", params=wanted | {"limit": 200, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["entries"]
        cursor = page.get("next_cursor")
        assert bool(cursor) == page["has_more"]
        if not cursor:
            return found


def head(client):
    """Number of the newest entry."""
    newest = client.get("/audit?limit=1").json()["entries"]
    return newest[0]["sequence"] if newest else 0


def since(client, number, **wanted):
    """The entries after a number, oldest first."""
    return [e for e in reversed(entries(client, **wanted)) if e["sequence"] > number]


def soon(client, number, count=1, **wanted):
    """The same, once there are so many: what is refused is entered after its answer."""
    until = time.monotonic() + DEADLINE
    while True:
        found = since(client, number, **wanted)
        if len(found) >= count or time.monotonic() > until:
            assert len(found) == count, found
            return found
