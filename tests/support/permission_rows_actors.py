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
}
