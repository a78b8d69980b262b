"""What the RPCs of drafts and scheduled messages ask of their callers. Both are everybody's own: nobody else's can be
named, and those that are named here are nobody's.
"""

import datetime
import uuid

from permission_cells import Row


def in_an_hour():
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return later.strftime("%Y-%m-%dT%H:%M:%SZ")


def nobodys(_):
    return {"scheduled_message_id": str(uuid.uuid4())}


def missing(_):
    return "NOT_FOUND"


ROWS = {
    "ScheduledMessageService.ScheduleMessage": Row(
        lambda c: {"channel_id": c.channel, "content": "later", "send_at": in_an_hour()},
        channel="guest"),
    "ScheduledMessageService.ListScheduledMessages": Row(reads=True),
    "ScheduledMessageService.GetScheduledMessage": Row(nobodys, expect=missing, reads=True),
    "ScheduledMessageService.UpdateScheduledMessage": Row(nobodys, expect=missing, reads=True),
    "ScheduledMessageService.CancelScheduledMessage": Row(nobodys, expect=missing, reads=True),
    "ScheduledMessageService.SendScheduledNow": Row(nobodys, expect=missing, reads=True),

    "DraftService.SaveDraft": Row(
        lambda c: {"channel_id": c.channel, "content": c.fresh()}, channel="guest"),
    # There is none.
    "DraftService.GetDraft": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", expect=lambda c: "NOT_FOUND"),
    "DraftService.DeleteDraft": Row(
        lambda c: {"channel_id": c.channel}, channel="readable", reads=True),
    "DraftService.ListDrafts": Row(reads=True),
}
