"""What the RPCs of channels, messages, streams and read states ask of their callers."""

from permission_cells import STRENGTH, Row

TEXT = "something new"


def update_member(cell):
    """Everybody's own membership is theirs to mute; the roles of others need an admin."""
    return {"channel_id": cell.channel, "actor_id": cell.peer, "member": {"role": "CHANNEL_ROLE_MEMBER"},
            "update_mask": "role"}


def leave(cell):
    """Nobody leaves where it is not."""
    return "NOT_FOUND" if cell.role is None else "OK"


def add_stranger(cell):
    """A guest, whatever it is in the channel, does not know whom it could add."""
    if not cell.readable:
        return "NOT_FOUND"
    if STRENGTH[cell.role] >= STRENGTH["admin"]:
        return "NOT_FOUND" if cell.workspace == "guest" else "OK"
    return "OK" if cell.workspace in ("owner", "admin") else "PERMISSION_DENIED"


def join(cell):
    if not cell.readable:
        return "NOT_FOUND"
    return "PERMISSION_DENIED" if cell.workspace == "guest" else "OK"


def purge(cell):
    """Asked without the name: whoever may purge is asked to confirm."""
    if not cell.readable:
        return "NOT_FOUND"
    owner = cell.role == "owner" or cell.workspace == "owner"
    return "FAILED_PRECONDITION" if owner else "PERMISSION_DENIED"


ROWS = {
    "ChannelService.CreateChannel": Row(lambda c: {"name": c.fresh()}, workspace="member"),
    "ChannelService.ListChannels": Row(reads=True),
    "ChannelService.GetChannel": Row(lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    "ChannelService.UpdateChannel": Row(
        lambda c: {"channel_id": c.channel, "channel": {"topic": c.fresh()}, "update_mask": "topic"},
        channel="admin", instead="admin"),
    "ChannelService.ArchiveChannel": Row(
        lambda c: {"channel_id": c.channel}, channel="owner", instead="admin"),
    "ChannelService.UnarchiveChannel": Row(
        lambda c: {"channel_id": c.channel}, channel="owner", instead="admin"),
    "ChannelService.JoinChannel": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", expect=join),
    "ChannelService.LeaveChannel": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", expect=leave),
    "ChannelService.OpenDirect": Row(lambda c: {"actor_ids": [c.newcomer]},
                                     expect=lambda c: "NOT_FOUND" if c.workspace == "guest" else "OK"),
    "ChannelService.AddMember": Row(
        lambda c: {"channel_id": c.channel, "actor_id": c.newcomer}, channel="admin", expect=add_stranger),
    "ChannelService.PurgeChannel": Row(
        lambda c: {"channel_id": c.channel, "confirm": "not its name"}, channel="owner", instead="owner",
        expect=purge),
    "ChannelService.BatchAddMembers": Row(
        lambda c: {"channel_id": c.channel, "actor_ids": [c.newcomer]}, channel="admin", instead="admin"),
    "ChannelService.ListMembers": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    "ChannelService.UpdateMember": Row(update_member, channel="admin", instead="admin"),
    "ChannelService.RemoveMember": Row(
        lambda c: {"channel_id": c.channel, "actor_id": c.peer}, channel="admin", instead="admin"),

    "MessageService.SendMessage": Row(
        lambda c: {"channel_id": c.channel, "content": TEXT}, channel="guest"),
    "MessageService.ListMessages": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    "MessageService.GetMessage": Row(
        lambda c: {"message_id": c.message}, channel="readable", reads=True),
    "MessageService.UpdateMessage": Row(
        lambda c: {"message_id": c.own, "message": {"content": c.fresh()}, "update_mask": "content"},
        channel="guest"),
    "MessageService.DeleteMessage": Row(
        lambda c: {"message_id": c.message}, channel="admin", instead="admin"),
    "MessageService.ListThread": Row(
        lambda c: {"message_id": c.message}, channel="readable", reads=True),
    "MessageService.AddReaction": Row(
        lambda c: {"message_id": c.message, "emoji": "👍"}, channel="guest"),
    "MessageService.RemoveReaction": Row(
        lambda c: {"message_id": c.message, "emoji": "👍"}, channel="guest"),

    "ReadStateService.MarkRead": Row(
        lambda c: {"channel_id": c.channel, "message_id": c.message}, channel="viewer"),
    "ReadStateService.ListReadStates": Row(reads=True),

    "StreamService.StartStream": Row(lambda c: {"channel_id": c.channel}, channel="guest"),
    # Only who opened a stream writes it.
    "StreamService.AppendStream": Row(
        lambda c: {"stream_id": c.stream, "delta": "x"}, channel="readable",
        expect=lambda c: "NOT_FOUND"),
    "StreamService.FinishStream": Row(
        lambda c: {"stream_id": c.stream}, channel="readable",
        expect=lambda c: "NOT_FOUND"),
    "StreamService.AbortStream": Row(
        lambda c: {"stream_id": c.stream}, channel="admin", instead="admin"),
    "StreamService.GetStream": Row(
        lambda c: {"stream_id": c.stream}, channel="readable", reads=True),
    "StreamService.WatchStream": Row(
        lambda c: {"stream_id": c.stream}, channel="readable", reads=True),
    "StreamService.WriteStream": Row(
        lambda c: {"start": {"channel_id": c.channel}}, channel="guest"),

    "EventService.Subscribe": Row(
        lambda c: {"channel_ids": [c.channel]}, channel="readable", reads=True),
    "EventService.ListEvents": Row(
        lambda c: {"channel_ids": [c.channel]}, channel="readable", reads=True),
    "EventService.Session": Row(lambda c: {"id": "1", "ping": {}}, reads=True),

    "PresenceService.SendTyping": Row(lambda c: {"channel_id": c.channel}, channel="guest"),

    "FileService.UploadFile": Row(lambda c: {"header": {"filename": "a.txt"}}),
    "FileService.DownloadFile": Row(lambda c: {"file_id": c.file}, channel="readable", reads=True),
    "FileService.GetFileMeta": Row(lambda c: {"file_id": c.file}, channel="readable", reads=True),
    # A text has none.
    "FileService.GetPreview": Row(
        lambda c: {"file_id": c.file}, channel="readable", reads=True, expect=lambda c: "NOT_FOUND"),
    "FileService.ListFiles": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    # Of root, who uploaded it: an admin deletes it where it may be read.
    "FileService.DeleteFile": Row(
        lambda c: {"file_id": c.file}, workspace="admin", channel="readable", also=("admin:*",)),
    "FileService.GetFileUsage": Row(reads=True),
}
