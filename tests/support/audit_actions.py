"""The audited actions, one function each: what somebody does, and what the audit log is to tell of it."""

import itertools
import time
import uuid

from audit_log import head
from heim_server import DEADLINE, PASSWORD
from pictures import png

names = (f"au{n}x{uuid.uuid4().hex[:6]}" for n in itertools.count(1))


def ok(answer, *statuses):
    assert answer.status_code in (statuses or (200, 201)), answer.text
    return answer


def session_of(client):
    return next(s["id"] for s in client.get("/auth/sessions").json()["sessions"] if s["current"])


def channel_of(ada, **fields):
    return ada.channel(next(names), **fields)


class World:
    """Ada, who owns the workspace and is watched; bob; and the number of the last entry before her last call."""

    def __init__(self, server, ada, bob):
        self.server, self.ada, self.bob = server, ada, bob
        self.workspace = ada.get("/auth/me").json()["workspace"]["id"]
        self.session = session_of(ada)
        self.number, self.answer = 0, None

    def ask(self, call):
        self.number = head(self.ada)
        self.answer = ok(call())

    def last(self, method, path, body=None, json=True):
        self.ask(lambda: self.ada.request(method, path, body))
        return self.answer.json() if json else self.answer

    def person(self):
        return self.server.person(self.ada, next(names))

    def agent(self):
        return self.server.agent(self.ada, next(names))


# Each answers (action, kind and id of the subject, before, after) of the last call that it makes.

def creates_a_channel(w):
    name = next(names)
    made = w.last("POST", "/channels", {"name": name, "type": "public", "topic": "Plans"})
    return "channel.create", "channel", made["id"], None, {"name": name, "type": "public", "topic": "Plans"}


def renames_a_channel(w):
    old = channel_of(w.ada, topic="old")
    w.last("PATCH", f"/channels/{old['id']}", {"topic": "new"})
    return "channel.update", "channel", old["id"], {"topic": "old"}, {"topic": "new"}


def archives_a_channel(w):
    made = channel_of(w.ada)
    w.last("DELETE", f"/channels/{made['id']}")
    return "channel.archive", "channel", made["id"], {"archived": False}, {"archived": True}


def unarchives_a_channel(w):
    made = channel_of(w.ada)
    ok(w.ada.delete(f"/channels/{made['id']}"))
    w.last("POST", f"/channels/{made['id']}/unarchive", {})
    return "channel.unarchive", "channel", made["id"], {"archived": True}, {"archived": False}


def purges_a_channel(w):
    made = channel_of(w.ada)
    w.last("POST", f"/channels/{made['id']}/purge", {"confirm": made["name"]})
    return "channel.purge", "channel", made["id"], {"id": made["id"], "type": "public"}, None


def joins_a_channel(w):
    made = channel_of(w.bob)
    w.last("POST", f"/channels/{made['id']}/join", {})
    return "channel.join", "channel", made["id"], None, {"actor_id": w.ada.id, "role": "member"}


def leaves_a_channel(w):
    made = channel_of(w.ada)
    w.last("POST", f"/channels/{made['id']}/leave", {})
    return "channel.leave", "channel", made["id"], {"actor_id": w.ada.id, "role": "owner"}, None


def adds_a_member(w):
    made = channel_of(w.ada)
    w.last("POST", f"/channels/{made['id']}/members", {"actor_id": w.bob.id, "role": "admin"})
    return "channel.member_add", "channel", made["id"], None, {"actor_id": w.bob.id, "role": "admin"}


def adds_members(w):
    made = channel_of(w.ada)
    w.last("POST", f"/channels/{made['id']}/members/batch", {"actor_ids": [w.bob.id, str(uuid.uuid4())]})
    return "channel.member_add", "channel", made["id"], None, {"actor_ids": [w.bob.id], "role": "member"}


def changes_a_member(w):
    made = channel_of(w.ada)
    ok(w.ada.post(f"/channels/{made['id']}/members", {"actor_id": w.bob.id}))
    w.last("PATCH", f"/channels/{made['id']}/members/{w.bob.id}", {"role": "viewer"})
    return ("channel.member_update", "channel", made["id"], {"actor_id": w.bob.id, "role": "member"},
            {"actor_id": w.bob.id, "role": "viewer"})


def removes_a_member(w):
    made = channel_of(w.ada)
    ok(w.ada.post(f"/channels/{made['id']}/members", {"actor_id": w.bob.id}))
    w.last("DELETE", f"/channels/{made['id']}/members/{w.bob.id}")
    return "channel.member_remove", "channel", made["id"], {"actor_id": w.bob.id, "role": "member"}, None


def makes_a_group(w):
    handle = next(names)
    made = w.last("POST", "/groups", {"handle": handle, "name": "Team"})
    return "group.create", "group", made["id"], None, {"handle": handle, "name": "Team"}


def renames_a_group(w):
    made = ok(w.ada.post("/groups", {"handle": next(names), "name": "Old"})).json()
    w.last("PATCH", f"/groups/{made['id']}", {"name": "New"})
    return "group.update", "group", made["id"], {"name": "Old"}, {"name": "New"}


def fills_a_group(w):
    made = ok(w.ada.post("/groups", {"handle": next(names)})).json()
    w.last("PUT", f"/groups/{made['id']}/members/{w.bob.id}", {})
    return "group.member_add", "group", made["id"], None, {"actor_id": w.bob.id}


def empties_a_group(w):
    made = ok(w.ada.post("/groups", {"handle": next(names), "member_ids": [w.bob.id]})).json()
    w.last("DELETE", f"/groups/{made['id']}/members/{w.bob.id}")
    return "group.member_remove", "group", made["id"], {"actor_id": w.bob.id}, None


def deletes_a_group(w):
    made = ok(w.ada.post("/groups", {"handle": next(names), "name": "Gone"})).json()
    w.last("DELETE", f"/groups/{made['id']}")
    return "group.delete", "group", made["id"], {"name": "Gone"}, None


def adds_emoji(w):
    name = next(names)
    w.ask(lambda: w.ada.http.post(w.ada.server.url + f"/api/v1/emoji?name={name}", data=png()))
    return "emoji.create", "emoji", w.answer.json()["id"], None, {"name": name}


def removes_emoji(w):
    name = next(names)
    made = ok(w.ada.http.post(w.ada.server.url + f"/api/v1/emoji?name={name}", data=png())).json()
    w.last("DELETE", f"/emoji/{made['id']}")
    return "emoji.delete", "emoji", made["id"], {"name": name}, None


def makes_an_account(w):
    name = next(names)
    made = w.last("POST", "/actors", {"type": "human", "username": name, "password": PASSWORD})
    return "actor.create", "actor", made["id"], None, {"username": name, "type": "human"}


def renames_itself(w):
    w.last("PATCH", "/actors/me", {"display_name": "Lady " + next(names)})
    return "actor.update", "actor", w.ada.id, {}, {"display_name": w.answer.json()["display_name"]}


def deactivates_an_account(w):
    gone = w.person()
    w.last("DELETE", f"/actors/{gone.id}")
    return "actor.deactivate", "actor", gone.id, {"deleted_at": None}, {}


def reactivates_an_account(w):
    gone = w.person()
    ok(w.ada.delete(f"/actors/{gone.id}"))
    w.last("POST", f"/actors/{gone.id}/reactivate", {})
    return "actor.reactivate", "actor", gone.id, {}, {"deleted_at": None}


def changes_its_picture(w):
    w.ask(lambda: w.ada.http.request("POST", w.ada.server.url + "/api/v1/actors/me/avatar", data=png()))
    return "actor.avatar_set", "actor", w.ada.id, {}, {"avatar_url": w.answer.json()["avatar_url"]}


def clears_its_picture(w):
    url = w.ada.server.url + "/api/v1/actors/me/avatar"
    shown = ok(w.ada.http.post(url, data=png())).json()["avatar_url"]
    w.last("DELETE", "/actors/me/avatar")
    return "actor.avatar_clear", "actor", w.ada.id, {"avatar_url": shown}, {"avatar_url": None}


def registers_an_agent(w):
    name = next(names)
    made = w.last("POST", "/agents", {"username": name, "model": "m-1", "config": {"api_key": "hush"}})
    return ("agent.create", "agent", made["agent"]["id"], None,
            {"username": name, "agent.model": "m-1", "agent.config": "(hidden)", "agent.owner_id": w.ada.id})


def changes_an_agent(w):
    agent = w.agent()
    w.last("PATCH", f"/agents/{agent.id}", {"agent": {"model": "m-2", "config": {"api_key": "hush"}}})
    return ("agent.update", "agent", agent.id, {"agent.model": None},
            {"agent.model": "m-2", "agent.config": "(hidden)"})


def makes_a_key(w):
    agent = w.agent()
    made = w.last("POST", f"/agents/{agent.id}/keys", {"label": "second", "scopes": ["messages:read"]})
    return ("key.create", "key", made["key"]["id"], None,
            {"label": "second", "actor_id": agent.id, "scopes": ["messages:read"]})


def rotates_a_key(w):
    agent = w.agent()
    made = w.last("POST", f"/agents/{agent.id}/keys/{agent.key['id']}/rotate", {})
    return "key.rotate", "key", agent.key["id"], {"id": agent.key["id"]}, {"id": made["key"]["id"]}


def revokes_a_key(w):
    agent = w.agent()
    w.last("DELETE", f"/agents/{agent.id}/keys/{agent.key['id']}")
    return "key.revoke", "key", agent.key["id"], {"revoked_at": None}, {}


def makes_a_token(w):
    made = w.last("POST", "/auth/tokens", {"label": "mine", "scopes": ["messages:read"]})
    return "token.create", "token", made["key"]["id"], None, {"label": "mine", "scopes": ["messages:read"]}


def rotates_a_token(w):
    old = ok(w.ada.post("/auth/tokens", {"label": "mine"})).json()["key"]
    made = w.last("POST", f"/auth/tokens/{old['id']}/rotate", {})
    return "token.rotate", "token", old["id"], {"id": old["id"]}, {"id": made["key"]["id"]}


def revokes_a_token(w):
    old = ok(w.ada.post("/auth/tokens", {"label": "mine"})).json()["key"]
    w.last("DELETE", f"/auth/tokens/{old['id']}")
    return "token.revoke", "token", old["id"], {"revoked_at": None}, {}


def makes_an_invite(w):
    made = w.last("POST", f"/workspaces/{w.workspace}/invites", {"role": "member", "email": "eve@example.com",
                                                                 "note": "for Eve"})
    return ("invite.create", "invite", made["invite"]["id"], None,
            {"role": "member", "note": "(hidden)", "workspace_id": w.workspace})


def revokes_an_invite(w):
    made = ok(w.ada.post(f"/workspaces/{w.workspace}/invites", {})).json()["invite"]
    w.last("DELETE", f"/workspaces/{w.workspace}/invites/{made['id']}")
    return "invite.revoke", "invite", made["id"], {"revoked_at": None}, {}


def makes_a_reset_link(w):
    person = w.person()
    w.last("POST", f"/actors/{person.id}/password_reset", {})
    return "password_reset.create", "actor", person.id, None, None


def changes_a_role(w):
    person = w.person()
    w.last("PATCH", f"/workspaces/{w.workspace}/members/{person.id}", {"role": "admin"})
    return ("workspace.member_update", "actor", person.id, {"actor_id": person.id, "role": "member"},
            {"actor_id": person.id, "role": "admin"})


def removes_a_colleague(w):
    person = w.person()
    w.last("DELETE", f"/workspaces/{w.workspace}/members/{person.id}")
    return "workspace.member_remove", "actor", person.id, {"actor_id": person.id, "role": "member"}, None


def changes_the_workspace(w):
    before = ok(w.ada.get(f"/workspaces/{w.workspace}")).json()
    flag = not before.get("settings", {}).get("members_create_invites", True)
    w.last("PATCH", f"/workspaces/{w.workspace}",
           {"settings": before["settings"] | {"members_create_invites": flag}})
    return "workspace.update", "workspace", w.workspace, {}, {"settings.members_create_invites": flag}


def deletes_a_message_of_another(w):
    made = channel_of(w.ada)
    ok(w.bob.post(f"/channels/{made['id']}/join", {}))
    message = w.bob.send(made["id"], "rude words")
    w.last("DELETE", f"/messages/{message['id']}")
    return ("message.delete", "message", message["id"],
            {"actor_id": w.bob.id, "channel_id": made["id"], "seq": message["seq"]}, None)


def stops_a_stream_of_another(w):
    agent, made = w.agent(), channel_of(w.ada)
    ok(w.ada.post(f"/channels/{made['id']}/members", {"actor_id": agent.id}))
    stream = ok(agent.post(f"/channels/{made['id']}/streams", {})).json()
    ok(agent.post(f"/streams/{stream['id']}/chunks", {"delta": "half"}))
    w.last("POST", f"/streams/{stream['id']}/abort", {})
    return "stream.stop", "message", stream["message_id"], {"actor_id": agent.id}, None


def exports_the_log(w):
    w.last("GET", "/audit/export?format=csv&action=channel.", json=False)
    return "audit.export", "workspace", w.workspace, None, {"format": "csv", "action": "channel."}


def deletes_a_file(w):
    made = ok(w.ada.http.post(w.server.url + "/api/v1/files?filename=diary.txt", data=b"dear diary")).json()
    w.last("DELETE", f"/files/{made['id']}")
    return ("file.delete", "file", made["id"], {"filename": "(hidden)", "size_bytes": 10, "actor_id": w.ada.id},
            None)


def exports_the_workspace(w):
    w.last("GET", f"/workspaces/{w.workspace}/export", json=False)
    return "workspace.export", "workspace", w.workspace, None, None


def exports_itself(w):
    w.last("GET", "/actors/me/export", json=False)
    return "actor.export", "actor", w.ada.id, None, None


def erases_a_person(w):
    gone = w.person()
    w.last("POST", f"/actors/{gone.id}/erase", {"confirm": gone.actor["username"]})
    return "actor.erase", "actor", gone.id, None, None


def look_at(w, archive):
    return w.ada.http.post(w.server.url + "/api/v1/imports?format=heim&dry_run=true", data=archive)


def checked_import(w):
    """One that was looked at, and waits to be made real."""
    archive = ok(w.ada.get(f"/workspaces/{w.workspace}/export")).content
    made = ok(look_at(w, archive)).json()
    until = time.monotonic() + DEADLINE
    while made["state"] in ("waiting", "checking", "running"):
        assert time.monotonic() < until, made
        made = ok(w.ada.get(f"/imports/{made['id']}")).json()
    assert made["state"] == "checked", made
    return made


def begins_an_import(w):
    archive = ok(w.ada.get(f"/workspaces/{w.workspace}/export")).content
    w.ask(lambda: look_at(w, archive))
    return "import.create", "import", w.answer.json()["id"], None, {"dry_run": True}


def starts_an_import(w):
    made = checked_import(w)
    w.last("POST", f"/imports/{made['id']}/start", {})
    return ("import.start", "import", made["id"], {"dry_run": True, "state": "checked"},
            {"dry_run": False, "state": "checking"})


def cancels_an_import(w):
    made = checked_import(w)
    w.last("POST", f"/imports/{made['id']}/cancel", {})
    return "import.cancel", "import", made["id"], {"state": "checked"}, {"state": "cancelled"}


ACTIONS = [creates_a_channel, renames_a_channel, archives_a_channel, unarchives_a_channel, purges_a_channel,
           joins_a_channel, leaves_a_channel, adds_a_member, adds_members, changes_a_member, removes_a_member,
           makes_a_group, renames_a_group, fills_a_group, empties_a_group, deletes_a_group, adds_emoji,
           removes_emoji, makes_an_account, renames_itself, deactivates_an_account, reactivates_an_account,
           changes_its_picture, clears_its_picture, registers_an_agent, changes_an_agent, makes_a_key,
           rotates_a_key, revokes_a_key, makes_a_token, rotates_a_token, revokes_a_token, makes_an_invite,
           revokes_an_invite, makes_a_reset_link, changes_a_role, removes_a_colleague, changes_the_workspace,
           deletes_a_message_of_another, stops_a_stream_of_another, exports_the_log, deletes_a_file,
           exports_the_workspace, exports_itself, erases_a_person, begins_an_import, cancels_an_import,
           starts_an_import]
