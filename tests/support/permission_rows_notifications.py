"""What the RPCs of the inbox and of notification settings ask of their callers: everything in them is the caller's own."""

from permission_cells import Row

ROWS = {
    "NotificationService.ListInbox": Row(reads=True),
    "NotificationService.MarkInboxSeen": Row(
        lambda c: {"seen_until": "ffffffff-ffff-7fff-bfff-ffffffffffff"}),
    "NotificationService.GetPreferences": Row(reads=True),
    "NotificationService.UpdatePreferences": Row(
        lambda c: {"preferences": {"keywords": [c.fresh()]}, "update_mask": "keywords"}),
    "NotificationService.SetChannelNotification": Row(
        lambda c: {"channel_id": c.channel, "level": "NOTIFICATION_LEVEL_ALL"}, channel="viewer"),
    "NotificationService.ListChannelNotifications": Row(reads=True),
}
