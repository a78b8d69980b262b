"""What the RPCs of sessions, passwords and invites ask of their callers."""

from permission_cells import Row


def invite_of_root(cell):
    def make():
        made = cell.world.root.post(f"/workspaces/{cell.world.workspace}/invites")
        made.raise_for_status()
        return made.json()["invite"]["id"]
    return {"workspace_id": cell.world.workspace, "invite_id": cell.keep("invite", make)}


ROWS = {
    # Of log-ins only, whatever their role; keys and tokens are refused.
    "AuthService.ListSessions": None,
    "AuthService.RevokeSession": None,
    "AuthService.RevokeOtherSessions": None,
    "AuthService.ChangePassword": None,
    "InviteService.AcceptInvite": None,
    # Public: the secret in the request is what counts.
    "InviteService.GetInvite": None,
    "PasswordResetService.ResetPassword": None,

    "PasswordResetService.CreatePasswordReset": Row(
        lambda c: {"actor_id": c.newcomer}, workspace="admin", reads=True),
    "InviteService.CreateInvite": Row(
        lambda c: {"workspace_id": c.world.workspace}, workspace="member", reads=True),
    "InviteService.ListInvites": Row(
        lambda c: {"workspace_id": c.world.workspace}, workspace="member", reads=True),
    "InviteService.RevokeInvite": Row(
        invite_of_root, also=("admin:*",),
        expect=lambda c: "OK" if c.workspace in ("owner", "admin") else "NOT_FOUND"),
}
