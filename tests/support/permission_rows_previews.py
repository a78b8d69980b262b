"""What the RPCs of link previews ask of their callers."""

from permission_cells import Row

ROWS = {
    # Of a message of root's: whoever may delete it.
    "LinkPreviewService.DeleteLinkPreview": Row(
        lambda c: {"message_id": c.message}, channel="admin", instead="admin"),
}
