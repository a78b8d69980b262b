"""Unread counts that never lie: read and unread marks, totals, mutes, deletions, edits; on all devices."""

import itertools
import uuid

from heim_server import error

names = (f"u{n}" for n in itertools.count(1))


def room(owner, *members):
    channel = owner.channel(f"c-{uuid.uuid4().hex[:8]}")
    for member in members:
        owner.post(f"/channels/{channel['id']}/members", {"actor_id": member.id}).raise_for_status()
    return channel


def states(client, **params):
    found, cursor = [], ""
    while True:
        page = client.get("/read_states", params=params | {"cursor": cursor, "limit": 2}).json()
        found += page["read_states"]
        if not page["has_more"]:
            return found
        cursor = page["next_cursor"]


def counts(client, channel):
    state, = [s for s in states(client) if s["channel_id"] == channel["id"]]
    return state["unread_count"], state["mention_count"]


def test_marks_go_back_and_forth_on_all_devices(server, ada, bob):
    channel = room(ada, bob)
    messages = [ada.send(channel["id"], f"m{i}") for i in range(4)]
    at = f"/channels/{channel['id']}"
    with bob.socket() as phone:
        phone.until("caught_up")
        assert bob.post(f"{at}/read", {"seq": 4}).json()["unread_count"] == 0
        assert phone.until("read.updated")["data"]["unread_count"] == 0
        back = bob.post(f"{at}/unread", {"message_id": messages[1]["id"]}).json()
        assert (back["last_read_seq"], back["unread_count"]) == (1, 3)
        assert phone.until("read.updated")["data"]["last_read_seq"] == 1
    # Only back: a message behind the first unread one is unread already.
    assert bob.post(f"{at}/unread", {"seq": 4}).json()["last_read_seq"] == 1
    # And reading goes only forward.
    assert bob.post(f"{at}/read", {"seq": 0}).json()["last_read_seq"] == 1
    error(bob.post(f"{at}/unread", {}), 400, "invalid_argument")
    error(bob.post(f"{at}/unread", {"seq": 1, "message_id": messages[0]["id"]}), 400,
          "invalid_argument")
    elsewhere = ada.send(room(ada)["id"], "x")
    error(bob.post(f"{at}/unread", {"message_id": elsewhere["id"]}), 404, "message_not_found")


def test_a_reply_is_marked_unread_in_its_thread(ada, bob):
    channel = room(ada, bob)
    at = f"/channels/{channel['id']}"
    root = bob.send(channel["id"], "root")
    replies = [ada.send(channel["id"], f"r{i}", thread_id=root["id"]) for i in range(3)]
    bob.post(f"{at}/read", {"seq": 4, "thread_id": root["id"]}).raise_for_status()
    bob.post(f"{at}/read", {"seq": 4}).raise_for_status()
    back = bob.post(f"{at}/unread", {"message_id": replies[1]["id"]}).json()
    assert back["thread_id"] == root["id"] and back["unread_count"] == 2
    assert counts(bob, channel) == (0, 0)
    threads = [s for s in states(bob, include_threads="true") if "thread_id" in s]
    assert [(s["thread_id"], s["unread_count"]) for s in threads] == [(root["id"], 2)]


def test_counts_follow_deletions_and_edits(ada, bob):
    channel = room(ada, bob)
    first = ada.send(channel["id"], "for @bob")
    second = ada.send(channel["id"], "for nobody")
    assert counts(bob, channel) == (2, 1)
    ada.patch(f"/messages/{second['id']}", {"content": "for @bob too"}).raise_for_status()
    assert counts(bob, channel) == (2, 2)
    ada.patch(f"/messages/{second['id']}", {"content": "`@bob`"}).raise_for_status()
    assert counts(bob, channel) == (2, 1)
    ada.delete(f"/messages/{first['id']}").raise_for_status()
    assert counts(bob, channel) == (1, 0)
    bob.send(channel["id"], "my own")
    assert counts(bob, channel) == (1, 0)


def test_marking_all_read_loses_nothing_that_came_since(server, ada, bob):
    cleo = server.person(ada, next(names))
    one, two = room(ada, cleo), room(ada, cleo)
    for channel in (one, two):
        ada.send(channel["id"], "seen")
    ada.send(one["id"], "since")
    hidden = ada.channel(f"c-{uuid.uuid4().hex[:8]}", type="private")
    marked = cleo.post("/read_states/read_all", {"channels": [
        {"channel_id": one["id"], "seq": 1}, {"channel_id": two["id"], "seq": 1},
        {"channel_id": hidden["id"], "seq": 1}]}).json()["read_states"]
    assert [(s["channel_id"], s["unread_count"]) for s in marked] == [(one["id"], 1), (two["id"], 0)]
    error(cleo.post("/read_states/read_all", {"channels": []}), 400, "invalid_argument")


def test_totals_leave_muted_channels_out(server, ada):
    cleo = server.person(ada, next(names))
    loud, quiet = room(ada, cleo), room(ada, cleo)
    root = cleo.send(loud["id"], "root")
    ada.send(loud["id"], f"@{cleo.actor['username']}", thread_id=root["id"])
    ada.send(loud["id"], f"@{cleo.actor['username']}")
    ada.send(quiet["id"], f"@{cleo.actor['username']}")
    before = cleo.get("/read_states/summary").json()
    assert before == {"unread_channels": 2, "unread_count": 2, "mention_count": 2,
                      "unread_threads": 1, "thread_unread_count": 1, "thread_mention_count": 1}
    cleo.patch(f"/channels/{quiet['id']}/members/me", {"muted": True}).raise_for_status()
    after = cleo.get("/read_states/summary").json()
    assert (after["unread_channels"], after["unread_count"], after["mention_count"]) == (1, 1, 1)
    assert counts(cleo, quiet) == (1, 1), "still counted where it is"
    muted = [s["channel_id"] for s in states(cleo) if s["muted"]]
    assert muted == [quiet["id"]]


def test_the_channel_list_brings_counts_along(server, ada):
    cleo = server.person(ada, next(names))
    rooms = [room(ada, cleo) for _ in range(3)]
    ada.send(rooms[1]["id"], f"@{cleo.actor['username']}")
    plain = cleo.get("/channels?limit=200").json()
    assert not plain.get("read_states")
    listed = cleo.get("/channels?limit=200&include_read_states=true").json()
    by_id = {s["channel_id"]: s for s in listed["read_states"]}
    mine = {c["id"] for c in listed["channels"] if "me" in c}
    assert set(by_id) == mine >= {r["id"] for r in rooms}
    assert [(by_id[r["id"]]["unread_count"], by_id[r["id"]]["mention_count"]) for r in rooms] == [
        (0, 0), (1, 1), (0, 0)]
