"""Deleting a workspace: who may, that nobody is in it any more, and that nothing of it is left in rows and files."""

import pytest
import requests

from heim_server import DEADLINE, PASSWORD, Server, error
from test_actor_erasure import inside, ok, rows_with, upload
from test_erasure import files_with
from test_purge import query, wait_until

SECRET = "qzsecret"


@pytest.fixture(name="own")
def make_own():
    with Server() as running:
        yield running


def delete(client, workspace, confirm=None):
    return client.delete(f"/workspaces/{workspace['id']}",
                         params={"confirm": workspace["slug"] if confirm is None else confirm})


def second(server, ada):
    return ok(ada.post("/workspaces", {"name": f"{SECRET} Two", "slug": f"{SECRET}-two"}))


def fill(server, owner, workspace):
    """Something of every kind, all of it with the secret."""
    channel = owner.channel(f"{SECRET}-room", topic=SECRET)
    file = upload(owner, f"{SECRET}.txt", f"bytes of {SECRET}".encode())
    upload(owner, f"{SECRET}-unsent.txt", f"unsent bytes of {SECRET}".encode())
    message = owner.send(channel["id"], SECRET, attachments=[{"file_id": file["id"]}])
    owner.send(owner.default_channel()["id"], SECRET)
    ok(owner.put(f"/saved/{message['id']}", {"note": SECRET}))
    ok(owner.put(f"/channels/{channel['id']}/draft", {"content": SECRET}))
    ok(owner.patch("/preferences/notifications", {"keywords": [SECRET]}))
    group = ok(owner.post("/groups", {"handle": f"{SECRET}-team", "name": SECRET}))
    ok(owner.put(f"/groups/{group['id']}/members/{owner.id}", {}))
    ok(owner.post(f"/workspaces/{workspace['id']}/invites", {"note": SECRET}))
    return channel, message, file


def deleted(server):
    return query(server, "SELECT COUNT(*) FROM workspace_deletions WHERE stage < 4") == [b"0"] and \
        query(server, "SELECT COUNT(*) FROM dead_blobs") == [b"0"]


@pytest.mark.parametrize("ending", ["kill", None])
def test_nothing_of_a_deleted_workspace_is_left(own, ending):
    ada = own.setup()
    first = ok(ada.get("/workspaces"))["workspaces"][0]
    kept = ada.send(ada.default_channel()["id"], "stays")
    workspace = second(own, ada)
    there = inside(ada, workspace)
    bob = own.person(there, "bob")
    agent = own.agent(there, "helper")
    channel, message, file = fill(own, there, workspace)
    assert {"messages", "channels", "files", "workspaces"} <= rows_with(own, SECRET)
    with bob.socket() as watching:
        watching.until("caught_up")
        gone = delete(there, workspace)
        assert gone.status_code == 200, gone.text
        assert watching.until("goodbye")["data"]["reason"] == "lost_access"
    if ending:
        own.kill()
        own.start()
        for client in (ada, bob, agent, there):
            client.server = own
    error(delete(ada, workspace), 404, "workspace_not_found")
    for path in (f"/channels/{channel['id']}", f"/messages/{message['id']}", f"/files/{file['id']}"):
        assert there.get(path).status_code in (403, 404)
    assert agent.get("/actors/me").status_code == 401
    assert [w["id"] for w in ok(ada.get("/workspaces"))["workspaces"]] == [first["id"]]
    assert ok(bob.get("/workspaces"))["workspaces"] == []
    wait_until(lambda: deleted(own))
    assert rows_with(own, SECRET) <= {"audit_entries"}
    assert not files_with(own, f"bytes of {SECRET}")
    # Nobody can read it any more, but it is told.
    assert b"workspace.delete" in query(own, "SELECT action FROM audit_entries")
    # The others go on, and the name is free.
    assert ok(ada.get(f"/messages/{kept['id']}"))["content"] == "stays"
    assert second(own, ada)["id"] != workspace["id"]
    login = requests.post(own.url + "/api/v1/auth/login",
                          json={"username": "bob", "password": PASSWORD}, timeout=DEADLINE)
    assert login.status_code == 200, "accounts stay"


def test_who_may_delete_a_workspace_and_what_must_be_said(own):
    ada = own.setup()
    first = ok(ada.get("/workspaces"))["workspaces"][0]
    error(delete(ada, first), 403, "permission_denied")
    workspace = second(own, ada)
    there = inside(ada, workspace)
    admin = own.person(there, "adam", role="admin")
    outsider = own.person(inside(ada, first), "olga", role="owner")
    error(delete(admin, workspace), 403, "workspace_role_required")
    error(delete(outsider, workspace), 404, "workspace_not_found")
    for confirm in ("", workspace["id"], first["slug"]):
        error(delete(there, workspace, confirm), 400, "confirmation_required")
    assert ok(there.get(f"/workspaces/{workspace['id']}"))["slug"] == workspace["slug"]
    assert delete(ada, workspace).status_code == 200, "also from within another one"
    error(delete(ada, first), 403, "permission_denied")
