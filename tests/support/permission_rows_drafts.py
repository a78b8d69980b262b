"""What the RPCs of drafts ask of their callers. Drafts are everybody's own: nobody else's can be named."""

from permission_cells import Row

ROWS = {
    "DraftService.SaveDraft": Row(
        lambda c: {"channel_id": c.channel, "content": c.fresh()}, channel="guest"),
    # There is none.
    "DraftService.GetDraft": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", expect=lambda c: "NOT_FOUND"),
    "DraftService.DeleteDraft": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    "DraftService.ListDrafts": Row(reads=True),
}
