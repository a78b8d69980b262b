"""What the RPCs of the audit log ask of their callers."""

from permission_cells import Row

ROWS = {
    "AuditService.ListAuditEntries": Row(workspace="admin", reads=True),
    "AuditService.ExportAudit": Row(workspace="admin", reads=True),
    "AuditService.VerifyAudit": Row(workspace="admin", reads=True),
}
