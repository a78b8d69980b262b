"""Purging: a channel and all that was in it is gone, for everybody, at once and for ever, also from the disk."""

import contextlib
import datetime
import itertools
import pathlib
import re
import sqlite3
import time

import pytest

from heim_server import DEADLINE, Server, cluster, error

names = (f"g{n}" for n in itertools.count(1))
SECRET = "a secret of seven words and more"


def key(name):
    return {"Idempotency-Key": f"{name}-{next(names)}"}


def purge(client, channel, confirm=None, **kwargs):
    return client.post(f"/channels/{channel['id']}/purge",
                       {"confirm": channel["name"] if confirm is None else confirm}, **kwargs)


def upload(client, name, content):
    answer = client.request("POST", f"/files?filename={name}", data=content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def poll(client, cursor, query=""):
    events = []
    while True:
        page = client.get(f"/events/poll?cursor={cursor}&wait_ms=0{query}").json()
        events += page.get("events", [])
        if not page.get("has_more"):
            return events
        cursor = page["cursor"]


def wait_until(holds):
    """The erasing goes on behind the answer; it has the deadline of every wait."""
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def query(server, sql):
    """Rows as bytes, read beside the server."""
    url = server.env.get("HEIM_DATABASE_URL")
    if url is not None:
        text = cluster().psql(sql, re.search(r"/(\w+)(\?|$)", url).group(1))
        # Bytes are shown as \\x68656c6c6f.
        return [re.sub(rb"\\x((?:[0-9a-f]{2})*)", lambda found: bytes.fromhex(found.group(1).decode()),
                       line.encode()) for line in text.splitlines()]
    with contextlib.closing(sqlite3.connect(f"file:{server.directory}/data/heim.db?mode=ro",
                                            uri=True)) as rows:
        return [b"|".join(value if isinstance(value, bytes) else str(value).encode()
                          for value in row) for row in rows.execute(sql)]


def erased(server):
    return query(server, "SELECT COUNT(*) FROM channel_purges") == [b"0"]


def everything(server):
    """All that the database holds."""
    names = ("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
             if "HEIM_DATABASE_URL" in server.env
             else "SELECT name FROM sqlite_master WHERE type = 'table'")
    return {table.decode(): query(server, f'SELECT * FROM "{table.decode()}"')
            for table in query(server, names)}


def blobs(server):
    return [path.read_bytes() for path in pathlib.Path(server.directory, "data").rglob("*")
            if path.is_file() and "heim.db" not in path.name]


def next_month():
    return (datetime.datetime.now(datetime.timezone.utc)
            + datetime.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")


def fill(client, channel):
    """Something of every kind; returns what a reader could hold on to."""
    root = client.send(channel["id"], SECRET)
    reply = client.send(channel["id"], SECRET + "!", thread_id=root["id"])
    client.patch(f"/messages/{root['id']}", {"content": SECRET + " (edited)"}).raise_for_status()
    client.post(f"/messages/{root['id']}/reactions", {"emoji": "👍"}).raise_for_status()
    file = upload(client, "plan.txt", SECRET.encode() + b" in a file")
    client.send(channel["id"], f"@{client.actor['username']} @channel",
                attachments=[{"file_id": file["id"]}])
    stream = client.post(f"/channels/{channel['id']}/streams").json()
    client.post(f"/streams/{stream['id']}/chunks", {"delta": SECRET}).raise_for_status()
    client.post(f"/streams/{stream['id']}/finish").raise_for_status()
    client.post(f"/channels/{channel['id']}/read", {"message_id": reply["id"],
                                                    "thread_id": root["id"]}).raise_for_status()
    within = f"/channels/{channel['id']}"
    for method, path, body in (
            ("PUT", f"{within}/pins/{root['id']}", {}),
            ("PUT", f"/saved/{root['id']}", {"note": SECRET}),
            ("POST", f"{within}/bookmarks", {"title": SECRET, "url": "https://example.com"}),
            ("PUT", f"{within}/draft", {"content": SECRET}),
            ("PUT", f"{within}/notifications", {"level": "all"}),
            ("POST", f"{within}/scheduled_messages",
             {"content": SECRET, "send_at": next_month()})):
        answer = client.request(method, path, body)
        assert answer.ok, f"{path}: {answer.text}"
    return root, reply, file, stream


def test_a_purged_channel_exists_for_nobody_and_nowhere(server, ada):
    bob, outsider = server.person(ada, next(names)), server.person(ada, next(names))
    owner = server.person(ada, next(names))
    channel = owner.channel(next(names), topic=SECRET, members=[bob.id, ada.id])
    at = f"/channels/{channel['id']}"
    cursor = owner.get(f"{at}/messages").json()["log_cursor"]
    root, reply, file, stream = fill(owner, channel)
    kept = upload(owner, "kept.txt", b"stays")
    elsewhere = owner.channel(next(names))
    for place in (channel, elsewhere):
        owner.send(place["id"], "kept", attachments=[{"file_id": kept["id"]}])
    forward = owner.post(f"/messages/{reply['id']}/forward", {"channel_id": elsewhere["id"]})
    assert SECRET in forward.text
    repeat = key("send")
    owner.post(f"{at}/messages", {"content": SECRET}, headers=repeat).raise_for_status()
    running = bob.post(f"{at}/streams").json()
    bob.post(f"/streams/{running['id']}/chunks", {"delta": SECRET}).raise_for_status()

    held = everything(server)
    assert all(any(SECRET.encode() in row for row in held[table])
               for table in ("messages", "message_versions", "event_log", "idempotency", "channels"))
    assert any(SECRET.encode() in blob for blob in blobs(server))
    watching = outsider.get(f"/streams/{running['id']}/events", stream=True)
    with bob.socket() as socket, outsider.socket() as far:
        for each in (socket, far):
            each.until("caught_up")
        again = key("purge")
        done = purge(owner, channel, headers=again)
        assert (done.status_code, done.json()) == (200, {})
        for each in (socket, far):
            assert each.until("channel.deleted")["data"] == {
                "channel_id": channel["id"], "deleted_by": owner.id, "type": "public"}
    list(watching.iter_lines())  # comes to its end
    assert purge(owner, channel, headers=again).status_code == 200, "a repeat is answered"

    for who in (owner, bob, outsider, ada):
        for path in ("", "/messages", "/members"):
            error(who.get(at + path), 404, "channel_not_found")
        for message in (root, reply):
            error(who.get(f"/messages/{message['id']}"), 404, "message_not_found")
            error(who.get(f"/messages/{message['id']}/thread"), 404, "message_not_found")
        assert channel["id"] not in who.get("/channels").text + who.get("/read_states").text
        for one in (stream, running):
            error(who.get(f"/streams/{one['id']}"), 404, "stream_not_found")
        assert who.get(f"/channels?name={channel['name']}").json()["channels"] == []
    error(purge(owner, channel), 404, "channel_not_found")
    error(owner.post(f"{at}/messages", {"content": SECRET}, headers=repeat), 404,
          "channel_not_found")
    error(bob.post(f"{at}/join"), 404, "channel_not_found")
    error(bob.post(f"/streams/{running['id']}/chunks", {"delta": "x"}), 404, "stream_not_found")

    wait_until(lambda: erased(server))
    error(owner.get(f"/files/{file['id']}"), 404, "file_not_found")
    assert owner.get(f"/files/{kept['id']}").content == b"stays"
    wait_until(lambda: not any(SECRET.encode() in blob for blob in blobs(server)))
    wait_until(lambda: SECRET not in owner.get(f"/channels/{elsewhere['id']}/messages").text)
    for table, rows in everything(server).items():
        for row in rows:
            assert SECRET.encode() not in row, table
            # That there was a channel of this id, the log and the audit log go on telling.
            if table not in ("event_log", "membership_intervals", "audit_entries"):
                assert channel["id"].encode() not in row, table
    # In replay there is nothing but its end, and ids in what was told to one person alone.
    own = ("inbox.", "saved.", "scheduled_message.", "preferences.")
    for who in (owner, bob, outsider):
        heard = [event for event in poll(who, cursor)
                 if channel["id"] in str(event) and not event["type"].startswith(own)]
        assert [event["type"] for event in heard] == ["channel.deleted"]
    # The name is free.
    assert outsider.channel(channel["name"])["id"] != channel["id"]


def test_a_private_channel_goes_without_a_word_to_others(server, ada):
    bob, outsider, former = (server.person(ada, next(names)) for _ in range(3))
    channel = bob.channel(next(names), type="private", members=[former.id])
    cursor = bob.get(f"/channels/{channel['id']}/messages").json()["log_cursor"]
    former.post(f"/channels/{channel['id']}/leave").raise_for_status()
    error(purge(ada, channel), 404, "channel_not_found")
    with outsider.socket() as far, former.socket() as gone:
        for each in (far, gone):
            each.until("caught_up")
        assert purge(bob, channel).status_code == 200
        marker = bob.channel(next(names))
        for each in (far, gone):
            heard = each.until(lambda frame: frame["type"] in ("channel.created", "channel.deleted"))
            assert heard["data"].get("channel", {}).get("id") == marker["id"]
    for who in (outsider, former):
        seen = [event["type"] for event in poll(who, cursor) if channel["id"] in str(event)]
        assert seen == (["member.removed"] if who is former else [])
    assert "channel.deleted" in [event["type"] for event in poll(bob, cursor)]


def test_who_may_purge_and_what_must_be_said(server, ada):
    owner, admin, member = (server.person(ada, next(names)) for _ in range(3))
    manager = server.person(ada, next(names), role="admin")
    channel = owner.channel(next(names), members=[admin.id, member.id])
    owner.patch(f"/channels/{channel['id']}/members/{admin.id}", {"role": "admin"})
    for who in (admin, member, manager):
        error(purge(who, channel), 403, "channel_role_required")
    for confirm in ("", channel["name"] + "x", channel["id"]):
        error(purge(owner, channel, confirm), 400, "confirmation_required")
    general = ada.default_channel()
    error(purge(ada, general), 400, "default_channel")
    for direct in (owner.post("/dms", {"actor_ids": [member.id]}).json(),
                   owner.post("/dms", {"actor_ids": [member.id, admin.id]}).json()):
        error(purge(owner, direct, ""), 403, "permission_denied")
    assert owner.get(f"/channels/{channel['id']}").status_code == 200, "nothing was done"
    owner.delete(f"/channels/{channel['id']}").raise_for_status()
    assert purge(ada, channel).status_code == 200, "the workspace's owner, also when archived"


@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_a_long_channel_is_erased_in_steps_over_restarts(ending):
    with Server() as server:
        ada = server.setup("ada")
        channel, other = ada.channel("long"), ada.channel("other")
        for i in range(40):
            for _ in range(60):
                ada.send(channel["id"], f"{SECRET} {i}")
        ada.send(other["id"], "stays")
        assert purge(ada, channel).status_code == 200
        # The writer serves others meanwhile.
        ada.send(other["id"], "meanwhile")
        getattr(server, ending)()
        server.start()
        error(ada.get(f"/channels/{channel['id']}"), 404, "channel_not_found")
        wait_until(lambda: erased(server))
        for table, rows in everything(server).items():
            assert not any(SECRET.encode() in row for row in rows), table
        messages = ada.get(f"/channels/{other['id']}/messages").json()["messages"]
        assert [message["content"] for message in messages] == ["meanwhile", "stays"]
