"""What the RPCs of exports and imports ask of their callers: the owner alone, but for one's own data."""

import uuid

from permission_cells import Row


def nobodys(_):
    return {"import_id": str(uuid.uuid4())}


def missing(cell):
    """For an admin, who may not, there are none; sessions of others do not even hold the scope."""
    return "NOT_FOUND" if cell.workspace in ("owner", "admin") else "PERMISSION_DENIED"


ROWS = {
    "ExportService.ExportWorkspace": Row(
        lambda c: {"workspace_id": c.world.workspace}, workspace="owner", reads=True),
    "ExportService.ExportActor": Row(lambda c: {"actor_id": "me"}, reads=True),
    # Whoever may, may not that much.
    "ImportService.CreateImport": Row(
        lambda c: {"header": {"size_bytes": 1 << 50}}, workspace="owner", reads=True,
        expect=lambda c: "RESOURCE_EXHAUSTED" if c.workspace == "owner" else "PERMISSION_DENIED"),
    "ImportService.GetImport": Row(nobodys, expect=missing, reads=True),
    "ImportService.ListImports": Row(workspace="owner", reads=True),
    "ImportService.StartImport": Row(nobodys, expect=missing, reads=True),
    "ImportService.CancelImport": Row(nobodys, expect=missing, reads=True),
}
