"""Erasing a person: a marker in every field that the API takes, then a search for it in every row, file and log line."""

import contextlib
import datetime
import itertools
import sqlite3
import threading
import time

import pytest
import requests

from audit_log import entries
from heim_server import DEADLINE, PASSWORD, Client, Server, error
from pictures import comment, png
from test_erasure import files_with, in_postgres
from test_purge import wait_until

MARK = "qzmark"  # of the person; part of everything that it gives
TEXT = "qztext"  # of what others may keep when messages are anonymised
numbers = itertools.count(1)


@pytest.fixture(name="own")
def make_own():
    """A server of one's own, which a test may stop."""
    with Server() as running:
        yield running


def later():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)).isoformat()


def rows_with(server, needle, but="nothing"):
    """The tables with a row that holds the needle, in whatever column; without those of files called so."""
    url = server.env.get("HEIM_DATABASE_URL")
    if url:
        return in_postgres(url, needle)
    found = set()
    for file in (server.directory / "data").glob("**/*.db"):
        if but in file.name:
            continue
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as rows:
            names = [row[0] for row in rows.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'")]
            for table in names:
                for row in rows.execute(f'SELECT * FROM "{table}"'):
                    values = (v.encode() if isinstance(v, str) else v for v in row)
                    if any(isinstance(v, bytes) and needle.encode() in v.lower() for v in values):
                        found.add(table)
    return found


def erase(who, actor_id, username, **fields):
    return who.post(f"/actors/{actor_id}/erase", {"confirm": username} | fields)


def wait_done(owner, erasure):
    """The erasing goes on behind the answer; it has the deadline of every wait."""
    end = time.monotonic() + 2 * DEADLINE
    while True:
        answer = owner.get(f"/erasures/{erasure['id']}")
        assert answer.status_code == 200, answer.text
        if answer.json()["state"] == "done":
            return answer.json()
        assert time.monotonic() < end, answer.text
        threading.Event().wait(0.02)


def ok(answer):
    assert answer.ok, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json()


def inside(client, workspace):
    """The same person, every call in that workspace."""
    moved = Client(client.server, client.token, client.actor)
    moved.http.headers["heim-workspace"] = workspace["id"]
    return moved


def upload(client, name, data):
    return ok(client.http.post(client.server.url + f"/api/v1/files?filename={name}", data=data,
                               timeout=DEADLINE))


def marked_person(server, owner):
    """A person with the marker in all that an account holds."""
    invite = ok(owner.post(f"/workspaces/{owner.workspace}/invites",
                           {"email": f"{MARK}@example.com", "note": "for a newcomer"}))
    made = requests.post(server.url + "/api/v1/actors", json={
        "type": "human", "username": f"{MARK}-bob", "display_name": f"{MARK} Bob",
        "email": f"{MARK}@example.com", "password": PASSWORD, "invite_code": invite["code"]},
        timeout=DEADLINE)
    assert made.status_code == 201, made.text
    login = requests.post(server.url + "/api/v1/auth/login",
                          json={"email": f"{MARK}@example.com", "password": PASSWORD},
                          headers={"User-Agent": f"{MARK}-browser/1"}, timeout=DEADLINE)
    assert login.status_code == 200, login.text
    bob = Client(server, login.json()["token"], login.json()["actor"])
    bob.http.headers["User-Agent"] = f"{MARK}-browser/1"
    ok(bob.patch("/actors/me", {"username": f"{MARK}-robert", "status": f"{MARK} is out",
                                "metadata": {MARK: {"deep": [MARK]}}},
                 headers={"idempotency-key": f"{MARK}-profile"}))
    ok(bob.request("POST", "/actors/me/avatar", data=png(extra=comment(MARK)),
                   headers={"Content-Type": "image/png"}))
    ok(bob.post("/auth/tokens", {"label": f"{MARK} token"}))
    ok(bob.patch("/preferences/notifications", {"keywords": [MARK]}))
    return bob


def say_everything(bob, ann, channel):
    """The marker in all that is said and kept; answers what others have of it."""
    at = f"/channels/{channel['id']}"
    file = upload(bob, f"{MARK}.txt", f"bytes of {MARK}".encode())
    upload(bob, f"{MARK}-unsent.txt", f"unsent bytes of {MARK}".encode())
    said = bob.send(channel["id"], f"{TEXT} first", attachments=[{"file_id": file["id"]}],
                    metadata={"k": MARK}, client_id=f"{MARK}-1")
    ok(bob.patch(f"/messages/{said['id']}", {"parts": [
        {"text": {"text": f"{TEXT} second"}}, {"data": {"kind": "note", "value": TEXT}}]}))
    reply = bob.send(channel["id"], f"{TEXT} reply", thread_id=said["id"])
    hello = ann.send(channel["id"], f"hello @{MARK}-robert and @channel")
    ok(ann.patch(f"/messages/{hello['id']}", {"content": f"hello, @{MARK}-robert, and @channel"}))
    ok(bob.post(f"/messages/{hello['id']}/reactions", {"emoji": "👍"}))
    ok(ann.post(f"/messages/{said['id']}/reactions", {"emoji": "🎉"}))
    copy = ok(ann.post(f"/messages/{said['id']}/forward", {"channel_id": channel["id"]},
                       headers={"idempotency-key": "copied"}))
    quote = ann.send(channel["id"], "as he says", quote_message_id=said["id"])
    dm = ok(bob.post("/dms", {"actor_ids": [ann.id]}))
    private = bob.send(dm["id"], f"{TEXT} in private")
    ann.send(dm["id"], "an answer")
    ok(bob.put(f"{at}/draft", {"content": f"{MARK} draft"}))
    ok(bob.post(f"{at}/scheduled_messages", {"content": f"{MARK} later", "send_at": later()}))
    ok(bob.put(f"/saved/{hello['id']}", {"note": f"{MARK} note"}))
    ok(ann.put(f"/saved/{said['id']}", {"note": "of somebody else"}))
    ok(bob.put(f"{at}/pins/{hello['id']}", {}))
    ok(bob.post(f"{at}/bookmarks", {"title": f"{TEXT} link", "url": f"https://e.com/{TEXT}"}))
    ok(bob.post(f"{at}/read", {"message_id": hello["id"]}))
    ok(bob.put(f"{at}/notifications", {"level": "all"}))
    stream = ok(bob.post(f"{at}/streams"))
    ok(bob.post(f"/streams/{stream['id']}/chunks", {"delta": f"{TEXT} streamed"}))
    ok(bob.post(f"/streams/{stream['id']}/finish"))
    ok(bob.post("/workspaces/" + bob.workspace + "/invites", {"note": f"{MARK} invites"}))
    return {"said": said, "reply": reply, "hello": hello, "copy": copy, "quote": quote,
            "private": private, "dm": dm, "file": file}


def stage(server):
    """Owner, erased-to-be, witness, and what was said."""
    ada = server.setup()
    ada.workspace = ok(ada.get("/workspaces"))["workspaces"][0]["id"]
    ann = server.person(ada, "ann")
    bob = marked_person(server, ada)
    bob.workspace = ada.workspace
    group = ok(ada.post("/groups", {"handle": "crew"}))
    ok(ada.put(f"/groups/{group['id']}/members/{bob.id}", {}))
    channel = ada.default_channel()
    return ada, bob, ann, channel, say_everything(bob, ann, channel)


def test_nothing_of_an_erased_person_is_in_any_row_file_or_log(own):
    ada, bob, ann, channel, made = stage(own)
    cursor = ok(ada.get("/events/poll"))["cursor"]
    held = rows_with(own, MARK)
    assert held >= {"actors", "sessions", "event_log", "files", "message_drafts", "saved_items",
                    "scheduled_messages", "former_usernames", "invites", "credentials",
                    "notification_preferences", "messages", "idempotency"}, held
    assert files_with(own, f"unsent bytes of {MARK}")
    with ann.socket() as watching, bob.socket() as cut:
        for each in (watching, cut):
            each.until("caught_up")
        began = erase(ada, bob.id, f"{MARK}-robert")
        assert began.status_code == 201, began.text
        assert began.json()["state"] == "running" and began.json()["messages"] == "delete"
        shown = watching.until("actor.updated")["data"]["actor"]
        assert shown["display_name"] == "Deleted user" and "status" not in shown
        cut.until("goodbye")
        assert bob.get("/actors/me").status_code == 401
        watching.until(lambda frame: frame["type"] == "message.deleted"
                       and frame["data"]["message_id"] == made["said"]["id"])
    done = wait_done(ada, began.json())
    counts = {kind["kind"]: kind["count"] for kind in done["erased"]}
    assert counts["messages"] == 4 and counts["reactions"] == 1 and counts["sessions"] >= 1
    assert counts["bookmarks"] == 1 and counts["drafts"] == 1 and counts["saved_items"] == 1

    for needle in (MARK, TEXT):
        assert rows_with(own, needle, but="search") == set(), needle
        # The search index reads the log, a moment behind.
        wait_until(lambda: rows_with(own, needle) == set())
        assert [f for f in files_with(own, needle) if ".db" not in f.name] == []
        assert needle not in own.log_text().lower() and needle not in "".join(own.stdout).lower()
    # Others go on with what is theirs.
    assert ok(ann.get(f"/messages/{made['said']['id']}"))["deleted_at"]
    hello = ok(ann.get(f"/messages/{made['hello']['id']}"))
    name = shown["username"]
    assert hello["content"] == f"hello, @{name}, and @channel" and not hello["reactions"]
    copy = ok(ann.get(f"/messages/{made['copy']['id']}"))
    assert copy["forward"]["actor"]["display_name"] == "Deleted user"
    assert [m["content"] for m in ok(ann.get(f"/channels/{made['dm']['id']}/messages"))["messages"]
            if "deleted_at" not in m] == ["an answer"]
    # Who did it, and to whom, is told by ids.
    told = entries(ada, action="actor.erase")
    assert [(each["actor"]["id"], each["subject_id"]) for each in told] == [(ada.id, bob.id)]
    # Who replays the log hears nothing of it either.
    replayed = ada.get(f"/events/poll?cursor={cursor}&wait_ms=0").text
    assert "message.deleted" in replayed and MARK not in replayed and TEXT not in replayed
    # The name and the address are free again, and the account is nobody's.
    again = requests.post(own.url + "/api/v1/auth/login", json={
        "email": f"{MARK}@example.com", "password": PASSWORD}, timeout=DEADLINE)
    assert again.status_code == 401
    own.stop()
    for needle in (MARK, TEXT):
        assert files_with(own, needle) == [], "what was freed is overwritten"


def test_what_was_said_stays_with_nobodys_name_when_it_is_anonymised(own):
    ada, bob, ann, channel, made = stage(own)
    began = erase(ada, bob.id, f"{MARK}-robert", messages="anonymise")
    assert began.status_code == 201, began.text
    done = wait_done(ada, began.json())
    assert done["messages"] == "anonymise"
    # A file's name and bytes were said, as texts were.
    assert rows_with(own, MARK) <= {"files", "messages", "event_log", "idempotency"}
    said = ok(ann.get(f"/messages/{made['said']['id']}"))
    assert TEXT in said["content"] and said["actor"]["display_name"] == "Deleted user"
    assert not said.get("metadata") and "client_id" not in said
    assert said["reactions"][0]["emoji"] == "🎉"
    assert ok(ann.get(f"/messages/{made['said']['id']}/versions"))["versions"] == []
    assert ann.get(f"/files/{made['file']['id']}").content == f"bytes of {MARK}".encode()
    assert not files_with(own, f"unsent bytes of {MARK}")
    assert MARK not in str(ok(ann.get(f"/messages/{made['hello']['id']}")))
    assert ok(ann.get(f"/channels/{channel['id']}/bookmarks"))["bookmarks"]
    for table in ("actors", "sessions", "credentials", "message_drafts", "invites"):
        assert table not in rows_with(own, MARK)


def test_a_person_erases_itself_with_its_password(own):
    ada = own.setup()
    ann = own.person(ada, "ann")
    channel = ada.default_channel()
    message = ann.send(channel["id"], "hello")
    error(erase(ann, "me", "ann"), 401, "invalid_credentials")
    error(erase(ann, "me", "ann", password="wrong"), 401, "invalid_credentials")
    error(erase(ann, "me", "", password=PASSWORD), 400, "confirmation_required")
    token = ok(ann.post("/auth/tokens", {"label": "t", "scopes": ["actors:write"]}))
    by_key = Client(own, token["api_key"], ann.actor)
    error(erase(by_key, "me", "ann", password=PASSWORD), 403, "permission_denied")
    assert ann.get("/actors/me").status_code == 200, "nothing was done"
    began = erase(ann, "me", "ann", password=PASSWORD)
    assert began.status_code == 201, began.text
    assert ann.get("/actors/me").status_code == 401
    done = wait_done(ada, began.json())
    assert done["requested_by"] == ann.id
    assert ok(ada.get(f"/messages/{message['id']}"))["deleted_at"]
    error(ada.get(f"/actors/{ann.id}"), 404, "actor_not_found")
    own.person(ada, "ann")


def test_who_may_erase_whom(own):
    ada = own.setup()
    admin = own.person(ada, "adam", role="admin")
    ann, olga = own.person(ada, "ann"), own.person(ada, "olga", role="owner")
    error(erase(admin, ann.id, "ann"), 403, "workspace_role_required")
    error(erase(ann, admin.id, "adam"), 403, "workspace_role_required")
    error(erase(ada, ann.id, "anne"), 400, "confirmation_required")
    missing = "00000000-0000-7000-8000-000000000000"
    error(erase(ada, missing, "ann"), 404, "actor_not_found")
    error(ada.get(f"/erasures/{missing}"), 404, "actor_not_found")
    # A workspace keeps an owner; of two at once one stays.
    assert erase(ada, olga.id, "olga").status_code == 201
    error(erase(ada, "me", "ada", password=PASSWORD), 400, "last_owner")
    # An account that is elsewhere too is not one owner's to erase.
    other = ok(ada.post("/workspaces", {"name": "Other", "slug": "other"}))
    carol = own.person(ada, "carol", role="owner")
    there = inside(ada, other)
    code = ok(there.post(f"/workspaces/{other['id']}/invites"))["code"]
    ok(ann.post(f"/invites/{code}/accept"))
    error(erase(carol, ann.id, "ann"), 403, "workspace_role_required")
    began = erase(ada, ann.id, "ann")
    assert began.status_code == 201, began.text
    assert erase(ada, ann.id, "ann").status_code in (201, 404), "a repeat begins nothing"
    error(ann.get("/actors/me"), 401, "unauthenticated")
    wait_done(ada, began.json())
    error(there.get(f"/erasures/{began.json()['id']}"), 404, "actor_not_found")
    error(admin.get(f"/erasures/{began.json()['id']}"), 403, "workspace_role_required")


def test_who_left_is_erased_by_an_owner_of_where_it_was(own):
    ada = own.setup()
    first = ok(ada.get("/workspaces"))["workspaces"][0]
    ann = own.person(ada, "ann")
    message = ann.send(ada.default_channel()["id"], f"{TEXT} before leaving")
    other = ok(ada.post("/workspaces", {"name": "Other", "slug": "other"}))
    carol = own.person(inside(ada, other), "carol", role="owner")
    here = inside(ada, first)
    ok(here.delete(f"/workspaces/{first['id']}/members/{ann.id}"))
    error(erase(carol, ann.id, "ann"), 404, "actor_not_found")
    error(erase(here, ann.id, "anne"), 400, "confirmation_required")
    began = erase(here, ann.id, "ann")
    assert began.status_code == 201, began.text
    wait_done(here, began.json())
    assert ok(here.get(f"/messages/{message['id']}"))["deleted_at"]
    wait_until(lambda: rows_with(own, TEXT) == set())
    error(erase(here, ann.id, "ann"), 404, "actor_not_found")


def test_the_command_line_erases_who_is_named_twice(own):
    ada = own.setup()
    own.person(ada, "ann")
    asked = own.run("admin", "actor", "erase", "ann", token=ada.token, check=False)
    assert asked.returncode == 1 and "--confirm ann" in asked.stderr
    began = own.run("admin", "actor", "erase", "ann", "--confirm", "ann", token=ada.token).stdout
    wait_done(ada, {"id": began.split()[-1]})


def test_agents_of_an_erased_person_rest_until_somebody_takes_them(own):
    ada = own.setup()
    ann = own.person(ada, "ann")
    agent = own.agent(ann, "helper")
    began = erase(ada, ann.id, "ann")
    wait_done(ada, began.json())
    assert agent.get("/actors/me").status_code == 401
    handed = ada.patch(f"/agents/{agent.id}", {"agent": {"owner_id": ada.id}})
    assert handed.status_code == 200, handed.text
    assert agent.get("/actors/me").status_code == 200


@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_a_long_erasure_goes_on_after_a_restart(ending):
    with Server() as server:
        ada = server.setup()
        ann = server.person(ada, "ann")
        channel = ada.default_channel()
        for i in range(700):
            ann.send(channel["id"], f"{TEXT} {i}")
        began = erase(ada, ann.id, "ann")
        # The writer serves others meanwhile.
        ada.send(channel["id"], "meanwhile")
        getattr(server, ending)()
        server.start()
        done = wait_done(ada, began.json())
        assert {"kind": "messages", "count": 700} in [
            {"kind": k["kind"], "count": int(k["count"])} for k in done["erased"]]
        assert rows_with(server, TEXT) == set()
        left = ok(ada.get(f"/channels/{channel['id']}/messages"))["messages"]
        assert [m["content"] for m in left if "deleted_at" not in m] == ["meanwhile"]


def test_an_agent_is_erased_like_a_person(own):
    ada = own.setup()
    agent = own.agent(ada, f"{MARK}-bot")
    ok(ada.patch(f"/agents/{agent.id}", {"agent": {
        "description": f"{MARK} helps", "model": f"{MARK}-1", "framework": MARK,
        "capabilities": [f"{MARK}-able"], "config": {MARK: 1},
        "webhook_url": f"https://example.com/{MARK}"}}))
    channel = ada.default_channel()
    stream = ok(agent.post(f"/channels/{channel['id']}/streams"))
    ok(agent.post(f"/streams/{stream['id']}/chunks", {"delta": f"{TEXT} half"}))
    assert {"agent_profiles", "agent_capabilities"} <= rows_with(own, MARK)
    began = erase(ada, agent.id, f"{MARK}-bot")
    assert began.status_code == 201, began.text
    wait_done(ada, began.json())
    error(agent.get("/actors/me"), 401, "unauthenticated")
    assert ok(ada.get(f"/messages/{stream['message_id']}"))["actor"]["display_name"] == "Deleted agent"
    for needle in (MARK, TEXT):
        wait_until(lambda: rows_with(own, needle) == set())
