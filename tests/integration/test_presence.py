"""Presence through real sockets: any device counts, choices by hand hold, a crash leaves nobody behind as a ghost."""

import time

import pytest

from heim_server import DEADLINE, Server

# Longer than it takes from the last connection's end to offline.
GRACE = 30 + DEADLINE


def presence(reader, client):
    return reader.get(f"/actors/{client.id}/presence").json()["presence"]


def changed(socket, client, timeout=DEADLINE):
    """The next presence of the client that the socket is told."""
    return socket.until(lambda f: f["type"] == "presence.changed"
                        and f["data"]["actor_id"] == client.id, timeout)["data"]["presence"]


def choose(client, value, **fields):
    answer = client.put("/actors/me/presence", {"presence": value} | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["presence"]


@pytest.fixture
def eyes(ada):
    """A socket of ada's that watches."""
    with ada.socket() as socket:
        socket.until("caught_up")
        yield socket


@pytest.fixture
def person(server, ada):
    person.n = getattr(person, "n", 0) + 1
    return server.person(ada, f"person{person.n}")


def test_any_device_counts_and_offline_follows_the_last(ada, person, eyes):
    assert presence(ada, person) == "offline"
    phone = person.socket()
    phone.until("caught_up")
    assert changed(eyes, person) == "online"
    desk = person.socket()
    desk.until("caught_up")
    phone.close()
    assert presence(ada, person) == "online"
    desk.close()
    assert presence(ada, person) == "online", "a short break is none"
    again = person.socket()
    again.until("caught_up")
    again.close()
    began = time.monotonic()
    assert changed(eyes, person, GRACE) == "offline"
    assert time.monotonic() - began > 15, "a reconnect in between would have been shown as a flash"
    assert presence(ada, person) == "offline"
    told = [f["data"]["presence"] for f in eyes.seen
            if f["type"] == "presence.changed" and f["data"]["actor_id"] == person.id]
    assert told == ["online", "offline"]


def test_away_and_dnd_by_hand_hold_over_reconnects_until_online_is_set(ada, person, eyes):
    with person.socket() as socket:
        socket.until("caught_up")
        assert changed(eyes, person) == "online"
        for value in ("away", "dnd"):
            assert choose(person, value) == value
            assert changed(eyes, person) == value
    with person.socket() as socket:
        socket.until("caught_up")
        assert presence(ada, person) == "dnd"
        assert choose(person, "online") == "online"
        assert changed(eyes, person) == "online"


def test_offline_by_hand_hides(ada, person, eyes):
    with person.socket() as socket:
        socket.until("caught_up")
        assert changed(eyes, person) == "online"
        choose(person, "offline")
        assert changed(eyes, person) == "offline"
        with person.socket() as other:
            other.until("caught_up")
            assert presence(ada, person) == "offline"
        choose(person, "online")
        assert changed(eyes, person) == "online"


def test_agents_are_there_by_the_same_rule(ada, echo, eyes):
    with echo.socket() as socket:
        socket.until("caught_up")
        assert changed(eyes, echo) == "online"
        assert presence(ada, echo) == "online"


def test_typing_is_heard_by_others_and_not_by_oneself(ada, person):
    channel = ada.channel("typing-here")
    person.post(f"/channels/{channel['id']}/join")
    with ada.socket() as own, person.socket() as other:
        own.until("caught_up")
        other.until("caught_up")
        assert ada.post(f"/channels/{channel['id']}/typing").status_code == 200
        assert other.until("typing")["data"]["actor"]["id"] == ada.id
        last = ada.send(channel["id"], "typed")
        own.until(lambda f: f["type"] == "message.new" and f["data"]["message"]["id"] == last["id"])
        assert not [f for f in own.seen if f["type"] == "typing"]


def test_watchers_hear_the_workspace_over_sse(server, ada, person):
    with ada.http.get(server.url + "/api/v1/presence/events", stream=True,
                      headers={"Accept": "text/event-stream"}, timeout=DEADLINE) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        assert stream.status_code == 200
        next(line for line in lines if "hello" in line)
        with person.socket() as socket:
            socket.until("caught_up")
            assert any(person.id in line and "online" in line for line in lines)


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_a_restart_flashes_nobody_and_leaves_no_ghost(tmp_path, ending):
    with Server(tmp_path) as first:
        ada = first.setup("ada")
        bob = first.person(ada, "bob")
        carl = first.person(ada, "carl")
        sockets = [client.socket() for client in (bob, carl)]
        for socket in sockets:
            socket.until("caught_up")
        choose(bob, "dnd")
        # A change after the connections: what came before it is on the disk by then.
        ada.channel("witness")
        getattr(first, ending)()
    with Server(tmp_path) as second:
        for client in (ada, bob, carl):
            client.server = second
        assert presence(ada, bob) == "dnd" and presence(ada, carl) == "online"
        with ada.socket() as eyes, bob.socket() as again:
            eyes.until("caught_up")
            again.until("caught_up")
            assert changed(eyes, carl, GRACE) == "offline", "carl did not come again"
            assert presence(ada, bob) == "dnd"
            told = [f for f in eyes.seen if f["type"] == "presence.changed"
                    and f["data"]["actor_id"] == bob.id]
            assert told == []
