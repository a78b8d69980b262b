"""What the RPCs of people and agents ask of their callers, beside those in permission_rows_people.py."""

from permission_cells import Row

# What a key holds when it is made without scopes, beside actors:write: who rotates it must hold them too.
OF_THE_KEY = ("messages:read", "messages:write", "channels:read", "channels:write", "channels:join",
              "files:read", "files:write", "actors:read", "presence:write")


def manages_people(cell):
    return {"owner": "OK", "admin": "OK", "member": "PERMISSION_DENIED"}.get(cell.workspace, "NOT_FOUND")


def own_agent(cell):
    return "NOT_FOUND" if cell.workspace == "guest" else "OK"


ROWS = {
    "ActorService.ReactivateActor": Row(
        lambda c: {"actor_id": c.person}, workspace="admin", also=("admin:*",), expect=manages_people),
    "AgentService.UpdateAgent": Row(
        lambda c: {"agent_id": c.own_agent.id, "agent": {"display_name": c.fresh()},
                   "update_mask": "displayName"}, expect=own_agent),
    "AgentService.RotateAgentKey": Row(
        lambda c: {"agent_id": c.own_agent.id, "key_id": c.own_agent.key["id"]}, expect=own_agent,
        also=OF_THE_KEY),
    "AuthService.RotatePersonalToken": Row(
        lambda c: {"key_id": "00000000-0000-7000-8000-000000000000"}, expect=lambda c: "NOT_FOUND"),
    # No bytes are no picture: that is what who may send one hears.
    "ActorService.UploadAvatar": Row(
        lambda c: {"actor_id": "me", "header": {}}, expect=lambda c: "INVALID_ARGUMENT"),
    "ActorService.GetAvatar": Row(
        lambda c: {"actor_id": c.newcomer}, expect=lambda c: "NOT_FOUND", reads=True,
        also=("actors:read",)),
    "ActorService.DeleteAvatar": Row(lambda c: {"actor_id": "me"}),

    "EmojiService.UploadEmoji": Row(
        lambda c: {"name": c.fresh(), "header": {}},
        expect=lambda c: "PERMISSION_DENIED" if c.workspace == "guest" else "INVALID_ARGUMENT"),
    "EmojiService.ListEmoji": Row(reads=True),
    "EmojiService.GetEmojiImage": Row(
        lambda c: {"emoji_id": "00000000-0000-7000-8000-000000000000"}, expect=lambda c: "NOT_FOUND",
        reads=True),
    "EmojiService.DeleteEmoji": Row(
        lambda c: {"emoji_id": "00000000-0000-7000-8000-000000000000"},
        expect=lambda c: "NOT_FOUND"),
}
