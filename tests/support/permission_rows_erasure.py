"""What the RPCs of erasures ask of their callers."""

from permission_cells import Row

NOBODY = "00000000-0000-7000-8000-000000000000"


def erases(cell):
    """Nobody is erased without the right name: that is what who may erase hears."""
    return {"owner": "FAILED_PRECONDITION", "guest": "NOT_FOUND"}.get(cell.workspace, "PERMISSION_DENIED")


ROWS = {
    "ErasureService.EraseActor": Row(
        lambda c: {"actor_id": c.person, "confirm": "somebody-else"}, workspace="owner",
        also=("admin:*",), expect=erases, reads=True),
    "ErasureService.GetErasure": Row(
        lambda c: {"erasure_id": NOBODY}, workspace="owner", reads=True,
        expect=lambda c: "NOT_FOUND" if c.workspace == "owner" else "PERMISSION_DENIED"),
    # Nothing is deleted without the right name.
    "WorkspaceDeletionService.DeleteWorkspace": Row(
        lambda c: {"workspace_id": c.world.workspace, "confirm": "something-else"},
        workspace="owner", reads=True,
        expect=lambda c: "FAILED_PRECONDITION" if c.workspace == "owner" else "PERMISSION_DENIED"),
}
