"""What the RPCs of pins, bookmarks, saved items, forwards and the further reads of messages ask of their callers."""

from permission_cells import Row

URL = "https://example.com/"


def pinned(cell):
    return {"channel_id": cell.channel, "message_id": cell.message}


def bookmark(cell):
    """A bookmark of root's."""
    at = f"/channels/{cell.channel}/bookmarks"
    made = cell.keep("bookmark", lambda: cell.world.root.post(at, {"title": "a", "url": URL}).json())
    return {"channel_id": cell.channel, "bookmark_id": made["id"]}


ROWS = {
    "PinService.PinMessage": Row(pinned, channel="guest"),
    "PinService.UnpinMessage": Row(pinned, channel="guest"),
    "PinService.ListPins": Row(lambda c: {"channel_id": c.channel}, channel="readable", reads=True),

    "BookmarkService.CreateBookmark": Row(
        lambda c: {"channel_id": c.channel, "title": c.fresh(), "url": URL}, channel="member"),
    "BookmarkService.ListBookmarks": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    "BookmarkService.UpdateBookmark": Row(
        lambda c: bookmark(c) | {"bookmark": {"title": c.fresh()}}, channel="member"),
    "BookmarkService.DeleteBookmark": Row(bookmark, channel="member"),

    "SavedService.SaveMessage": Row(lambda c: {"message_id": c.message}, channel="readable"),
    # Whoever saved it may let go of it, whatever it may read now.
    "SavedService.UnsaveMessage": Row(lambda c: {"message_id": c.key()}),
    "SavedService.ListSaved": Row(reads=True),

    "MessageService.BatchGetMessages": Row(lambda c: {"message_ids": [c.key()]}, reads=True),
    "MessageService.ForwardMessage": Row(pinned, channel="guest"),
    "MessageService.ListMessageVersions": Row(
        lambda c: {"message_id": c.message}, channel="readable", reads=True),
    "MessageService.ListReactions": Row(
        lambda c: {"message_id": c.message}, channel="readable", reads=True),
}
