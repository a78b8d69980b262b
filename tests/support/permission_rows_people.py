"""What the RPCs of accounts, agents, presence and workspaces ask of their callers."""

from permission_cells import Row


def guests_know_no_strangers(cell):
    return "NOT_FOUND" if cell.workspace == "guest" else "OK"


def own_agent(cell):
    """Agents are managed by their owner, if it is more than a guest, and by admins."""
    return "NOT_FOUND" if cell.workspace == "guest" else "OK"


ROWS = {
    # Public, or about nothing but the login itself.
    "AuthService.Login": None,
    "AuthService.Register": None,
    "AuthService.Refresh": None,
    "AuthService.Logout": None,
    "AdminService.GetServerInfo": None,
    "ActorService.CreateActor": Row(
        lambda c: {"type": "ACTOR_TYPE_HUMAN", "username": c.fresh(), "password": c.world.password},
        workspace="admin", also=("admin:*",)),
    "AuthService.GetSession": Row(reads=True),
    "AuthService.CreatePersonalToken": Row(lambda c: {"label": "more", "scopes": ["actors:write"]}),
    "AuthService.ListPersonalTokens": Row(reads=True),
    "AuthService.RevokePersonalToken": Row(
        lambda c: {"key_id": "00000000-0000-7000-8000-000000000000"}, expect=lambda c: "NOT_FOUND"),
    "AuthService.CreateTicket": Row(),

    "ActorService.GetActor": Row(
        lambda c: {"actor_id": c.newcomer}, expect=guests_know_no_strangers, reads=True,
        also=("actors:read",)),
    "ActorService.UpdateActor": Row(
        lambda c: {"actor_id": "me", "actor": {"display_name": c.fresh()}, "update_mask": "displayName"}),
    "ActorService.DeactivateActor": Row(
        lambda c: {"actor_id": c.person}, workspace="admin", also=("admin:*",),
        expect=lambda c: {"owner": "OK", "admin": "OK", "member": "PERMISSION_DENIED"}.get(
            c.workspace, "NOT_FOUND")),
    "ActorService.ListActors": Row(reads=True),

    "AgentService.RegisterAgent": Row(lambda c: {"username": c.fresh()}, workspace="member"),
    "AgentService.ListAgents": Row(reads=True),
    "AgentService.GetAgent": Row(
        lambda c: {"agent_id": c.agent.id}, expect=guests_know_no_strangers, reads=True),
    "AgentService.CreateAgentKey": Row(
        lambda c: {"agent_id": c.own_agent.id, "label": "more"}, expect=own_agent),
    "AgentService.ListAgentKeys": Row(
        lambda c: {"agent_id": c.own_agent.id}, expect=own_agent, reads=True,
        also=("actors:write",)),
    "AgentService.RevokeAgentKey": Row(
        lambda c: {"agent_id": c.own_agent.id, "key_id": c.own_agent.key["id"]}, expect=own_agent),

    "PresenceService.GetPresence": Row(
        lambda c: {"actor_id": c.newcomer}, expect=guests_know_no_strangers, reads=True),
    "PresenceService.BatchGetPresence": Row(lambda c: {"actor_ids": [c.newcomer]}, reads=True),
    "PresenceService.UpdatePresence": Row(
        lambda c: {"actor_id": "me", "presence": "PRESENCE_AWAY"}),
    "PresenceService.WatchPresence": Row(reads=True),

    "WorkspaceService.CreateWorkspace": Row(lambda c: {"name": c.fresh()}, workspace="admin"),
    "WorkspaceService.ListWorkspaces": Row(reads=True),
    "WorkspaceService.GetWorkspace": Row(
        lambda c: {"workspace_id": c.world.workspace}, reads=True),
    "WorkspaceService.UpdateWorkspace": Row(
        lambda c: {"workspace_id": c.world.workspace, "workspace": {"name": c.fresh()},
                   "update_mask": "name"}, workspace="admin"),
    "WorkspaceService.ListWorkspaceMembers": Row(
        lambda c: {"workspace_id": c.world.workspace}, workspace="member", reads=True),
    "WorkspaceService.UpdateWorkspaceMember": Row(
        lambda c: {"workspace_id": c.world.workspace, "actor_id": c.person,
                   "role": "WORKSPACE_ROLE_GUEST"}, workspace="admin"),
    "WorkspaceService.RemoveWorkspaceMember": Row(
        lambda c: {"workspace_id": c.world.workspace, "actor_id": c.person}, workspace="admin",
        also=("admin:*",)),
}
