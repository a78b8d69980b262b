"""Rights that must hold on every front: revocation, deactivation, deletion, restricted members, guests, hidden channels.

Every test makes its own people and channels, so that what one takes away the others do not miss.
"""

import contextlib
import itertools
import json
import threading
import time
import uuid

import grpc
import pytest
import requests
from heim.v1 import stream_service_pb2 as pb

from heim_server import DEADLINE, PASSWORD, Client, Server, Socket, error, grpcurl

names = (f"p{n}" for n in itertools.count(1))


def key(name):
    return {"Idempotency-Key": f"{name}-{uuid.uuid4()}"}


def sse(client, query=""):
    return client.get("/events" + query, stream=True, headers={"Accept": "text/event-stream"})


def ends(read, within=5.0):
    """Whether `read` comes to an end: a stream that outlives its credential would only be idle."""
    done = threading.Event()

    def run():
        with contextlib.suppress(Exception):
            read()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    return done.wait(within)


def drain(frames):
    while frames.next() is not None:
        pass


# --- Revocation and deactivation

def open_socket(client):
    socket = Socket(client)
    return lambda: drain(socket)


def open_sse(client):
    answer = sse(client)
    return lambda: [line for line in answer.iter_lines()]


def open_poll(client):
    answers = []
    done = threading.Event()

    def poll():
        answers.append(client.get("/events/poll?wait_ms=50000", timeout=60))
        done.set()

    threading.Thread(target=poll, daemon=True).start()
    return lambda: done.wait(60)


def open_presence(client):
    answer = client.get("/presence/events", stream=True)
    return lambda: [line for line in answer.iter_lines()]


@pytest.mark.parametrize("opening", [open_socket, open_sse, open_poll, open_presence])
def test_nothing_outlives_a_key_that_is_revoked_while_it_opens(server, ada, opening):
    """The revocation comes at another moment of the opening each time."""
    for i in range(12):
        agent = server.agent(ada, next(names))
        reads = []

        def run():
            with contextlib.suppress(Exception):  # refused: as good
                reads.append(opening(agent))

        thread = threading.Thread(target=run)
        thread.start()
        threading.Event().wait(0.0007 * i)  # the moments; nothing is waited for
        assert ada.delete(f"/agents/{agent.id}/keys/{agent.key['id']}").status_code == 200
        revoked = time.monotonic()
        thread.join(DEADLINE)
        assert all(ends(read) for read in reads), f"round {i}"
        assert time.monotonic() - revoked < 3, f"round {i}"


def test_a_stream_that_is_written_ends_with_its_key(server, ada):
    """WriteStream over gRPC: the other key of the agent goes on, the revoked one does not."""
    agent = server.agent(ada, next(names))
    other = ada.post(f"/agents/{agent.id}/keys", {"label": "other"}).json()
    channel = ada.channel(f"c-{next(names)}")
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": agent.id})
    more = threading.Semaphore(0)

    def feed():
        yield pb.WriteStreamRequest(start={"channel_id": channel["id"]})
        yield pb.WriteStreamRequest(append={"delta": "before"})
        more.acquire()
        yield pb.WriteStreamRequest(append={"delta": "after"})

    with grpc.insecure_channel(server.address) as wire:
        call = wire.stream_stream(
            "/heim.v1.StreamService/WriteStream",
            request_serializer=pb.WriteStreamRequest.SerializeToString,
            response_deserializer=pb.WriteStreamResponse.FromString)(
                feed(), metadata=[("authorization", f"Bearer {agent.token}")], timeout=DEADLINE)
        stream = next(call).stream.id
        assert ada.delete(f"/agents/{agent.id}/keys/{agent.key['id']}").status_code == 200
        with pytest.raises(grpc.RpcError) as failed:
            while True:
                next(call)
        assert failed.value.code() == grpc.StatusCode.UNAUTHENTICATED, failed.value
        more.release()
    kept = Client(server, other["api_key"])
    done = kept.post(f"/streams/{stream}/finish")
    assert done.status_code == 200 and "after" not in done.json()["message"]["content"]


def test_agents_rest_while_their_owner_is_deactivated(server, ada):
    owner = server.person(ada, next(names))
    agent = server.agent(owner, next(names))
    below = server.agent(agent, next(names))
    free = server.agent(ada, next(names))
    with agent.socket() as first, below.socket() as second, free.socket() as third:
        for socket in (first, second, third):
            socket.until("caught_up")
        assert ada.delete(f"/actors/{owner.id}").status_code == 200
        for socket in (first, second):
            assert socket.until("goodbye")["data"]["reason"] == "credential_revoked"
            assert socket.next() is None
        assert third.command("ping")["type"] == "pong"
    for client in (owner, agent, below):
        error(client.get("/actors/me"), 401, "token_revoked")
        error(sse(client), 401, "token_revoked")
    # A new key does not wake it either.
    made = ada.post(f"/agents/{agent.id}/keys", {"label": "new"})
    assert made.status_code == 201, made.text
    error(Client(server, made.json()["api_key"]).get("/actors/me"), 401, "token_revoked")
    # What it wrote and what it is stay to be seen.
    assert ada.get(f"/agents/{agent.id}").status_code == 200


# --- Logging in

def test_tries_count_for_the_account_by_whatever_name(tmp_path):
    with Server(HEIM_RATE_LIMITS="on", HEIM_TRUSTED_PROXIES="127.0.0.1") as server:
        ada = server.setup("ada")
        ada.post("/actors", {"type": "human", "username": "eve", "email": "Eve@example.com",
                             "password": PASSWORD}).raise_for_status()

        def login(address, password=PASSWORD, **who):
            return requests.post(server.url + "/auth/login", json=who | {"password": password},
                                 headers={"X-Forwarded-For": address}, timeout=DEADLINE)

        for i in range(10):
            who = [{"username": "eve"}, {"email": "eve@example.com"}, {"username": "EVE"}][i % 3]
            error(login("192.0.2.7", "wrong password", **who), 401, "invalid_credentials")
        for who in ({"username": "eve"}, {"email": "EVE@example.com"}):
            refused = login("192.0.2.7", **who)
            error(refused, 429, "rate_limited")
            assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
        # Elsewhere, and for others here, nothing has happened.
        assert login("198.51.100.1", email="eve@example.com").status_code == 200
        assert login("192.0.2.7", username="ada").status_code == 200
        # Who has no account is counted just so.
        for _ in range(10):
            error(login("192.0.2.9", username="nobody"), 401, "invalid_credentials")
        error(login("192.0.2.9", username="nobody"), 429, "rate_limited")


# --- Repeats

def test_a_repeat_has_the_first_status(server, ada):
    bob = server.person(ada, next(names))
    body = {"type": "dm", "members": [bob.id]}
    made, found = key("dm"), key("dm")
    first = ada.post("/channels", body, headers=made)
    assert first.status_code == 201
    for _ in range(2):
        again = ada.post("/channels", body, headers=made)
        assert (again.status_code, again.json()) == (201, first.json())
    for _ in range(3):
        existing = ada.post("/channels", body, headers=found)
        assert (existing.status_code, existing.json()["id"]) == (200, first.json()["id"])


def test_a_repeat_does_not_bring_a_deleted_text_back(server, ada):
    bob = server.person(ada, next(names))
    channel = ada.channel(f"c-{next(names)}")
    bob.post(f"/channels/{channel['id']}/join")
    path = f"/channels/{channel['id']}/messages"
    secret = "the answer was 7d1f"
    send, edit, react, other = key("send"), key("edit"), key("react"), key("other")
    message = ada.post(path, {"content": secret, "client_id": "c-7d1f"}, headers=send).json()
    at = f"/messages/{message['id']}"
    ada.patch(at, {"content": secret + "!"}, headers=edit).raise_for_status()
    bob.post(at + "/reactions", {"emoji": "👍"}, headers=react).raise_for_status()
    ada.post(path, {"content": "stays"}, headers=other).raise_for_status()
    assert ada.delete(at).status_code == 200
    repeats = [ada.post(path, {"content": secret, "client_id": "c-7d1f"}, headers=send),
               ada.post(path, {"content": secret, "client_id": "c-7d1f"}),
               ada.patch(at, {"content": secret + "!"}, headers=edit),
               bob.post(at + "/reactions", {"emoji": "👍"}, headers=react)]
    for answer in repeats:
        assert answer.status_code in (200, 201), answer.text
        assert "7d1f" not in answer.text.replace("c-7d1f", "")
        assert answer.json()["id"] == message["id"] and answer.json()["deleted_at"]
    assert repeats[0].status_code == 201
    assert ada.post(path, {"content": "stays"}, headers=other).json()["content"] == "stays"
    # The same for a message that a stream wrote.
    stream = ada.post(f"/channels/{channel['id']}/streams").json()
    ada.post(f"/streams/{stream['id']}/chunks", {"delta": secret}).raise_for_status()
    done = key("finish")
    finished = ada.post(f"/streams/{stream['id']}/finish", {"content": secret}, headers=done)
    assert finished.json()["message"]["content"] == secret
    ada.delete(f"/messages/{stream['message_id']}").raise_for_status()
    again = ada.post(f"/streams/{stream['id']}/finish", {"content": secret}, headers=done)
    assert "7d1f" not in again.text
    assert "7d1f" not in ada.get(f"/streams/{stream['id']}").text


# --- Settings

@pytest.mark.parametrize("setting,make", [
    ("members_create_channels", lambda who: who.post("/channels", {"name": f"c-{next(names)}"})),
    ("members_register_agents", lambda who: who.post("/agents", {"username": next(names)})),
    ("members_register_agents",
     lambda who: who.post("/actors", {"type": "agent", "username": next(names)})),
], ids=["channels", "agents", "agents as actors"])
def test_a_workspace_may_leave_it_to_admins(server, ada, setting, make):
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    at = f"/workspaces/{workspace['id']}"
    member = server.person(ada, next(names))
    admin = server.person(ada, next(names), role="admin")
    own_agent = server.agent(member, next(names))
    assert make(member).status_code == 201
    for wrong in ("false", 0, {}, None):
        bad = ada.patch(at, {"settings": workspace["settings"] | {setting: wrong}})
        error(bad, 400, "invalid_argument")
        assert bad.json()["error"]["fields"][0]["field"] == f"settings.{setting}"
    closed = ada.patch(at, {"settings": workspace["settings"] | {setting: False}})
    assert closed.status_code == 200, closed.text
    try:
        for who in (member, own_agent):
            error(make(who), 403, "workspace_role_required")
        for who in (ada, admin):
            assert make(who).status_code == 201
        # Direct messages are nobody's to forbid.
        assert member.post("/dms", {"actor_ids": [admin.id]}).status_code in (200, 201)
    finally:
        ada.patch(at, {"settings": workspace["settings"] | {setting: True}}).raise_for_status()
    assert make(member).status_code == 201


# --- Guests

def make_guest(server, ada):
    return server.person(ada, next(names), role="guest")


def test_guests_hear_of_those_they_share_a_channel_with(server, ada):
    guest = make_guest(server, ada)
    friend, stranger = (server.person(ada, next(names)) for _ in range(2))
    shared = ada.channel(f"c-{next(names)}", type="private", members=[guest.id, friend.id])
    other = ada.channel(f"c-{next(names)}", members=[friend.id, stranger.id])

    def tell(who, text):
        """Presence, profile and typing of someone, the stranger's first."""
        for each in (stranger, who):
            each.put("/actors/me/presence", {"presence": "dnd", "status": text}).raise_for_status()
            each.patch("/actors/me", {"display_name": text}).raise_for_status()
        stranger.post(f"/channels/{other['id']}/typing").raise_for_status()
        friend.post(f"/channels/{other['id']}/typing").raise_for_status()

    def hears(socket, marker):
        """All that comes up to a message in the shared channel."""
        ada.send(shared["id"], marker)
        frames = []
        socket.until(lambda f: frames.append(f) or (
            f["type"] == "message.new" and f["data"]["message"]["content"] == marker))
        return frames

    def about(frames, who, kind):
        return [f for f in frames if f["type"] == kind and who.id in json.dumps(f["data"])]

    with guest.socket() as socket:
        socket.until("caught_up")
        tell(friend, "one")
        frames = hears(socket, "first")
        assert about(frames, friend, "presence.changed") and about(frames, friend, "actor.updated")
        assert not [f for f in frames if stranger.id in json.dumps(f)]
        assert not [f for f in frames if f["type"] == "typing"]
        friend.post(f"/channels/{shared['id']}/typing").raise_for_status()
        assert socket.until("typing")["data"]["actor"]["id"] == friend.id

        # The stranger comes in: from now on it is known.
        ada.post(f"/channels/{shared['id']}/members", {"actor_id": stranger.id}).raise_for_status()
        tell(friend, "two")
        frames = hears(socket, "second")
        assert about(frames, stranger, "presence.changed")
        assert about(frames, stranger, "actor.updated")

        # And gone, although another of its channels goes on.
        ada.delete(f"/channels/{shared['id']}/members/{stranger.id}").raise_for_status()
        tell(friend, "three")
        frames = hears(socket, "third")
        gone = next(i for i, f in enumerate(frames) if f["type"] == "member.removed")
        assert not [f for f in frames[gone + 1:] if stranger.id in json.dumps(f)]
        assert about(frames, friend, "presence.changed")

        # The guest itself comes into the stranger's channel.
        ada.post(f"/channels/{other['id']}/members", {"actor_id": guest.id}).raise_for_status()
        socket.until("member.added")
        tell(friend, "four")
        socket.until(lambda f: f["type"] == "actor.updated" and
                     f["data"]["actor"]["id"] == stranger.id)

    # What a guest reads says the same.
    lone = make_guest(server, ada)
    assert guest.get(f"/actors/{stranger.id}").status_code == 200
    error(lone.get(f"/actors/{stranger.id}"), 404, "actor_not_found")
    error(lone.get(f"/actors/{stranger.id}/presence"), 404, "actor_not_found")
    assert lone.get(f"/presence?actor_ids={stranger.id}").json()["presences"] == []
    listed = [actor["id"] for actor in lone.get("/actors").json()["actors"]]
    assert listed == [lone.id]


def test_watching_presence_shows_guests_only_those_they_know(server, ada):
    guest = make_guest(server, ada)
    friend, stranger = (server.person(ada, next(names)) for _ in range(2))
    ada.channel(f"c-{next(names)}", members=[guest.id, friend.id])
    watching = guest.get("/presence/events", stream=True)
    assert watching.status_code == 200
    lines = watching.iter_lines(decode_unicode=True)
    for line in lines:
        if "caught_up" in line:
            break
    stranger.put("/actors/me/presence", {"presence": "away"}).raise_for_status()
    friend.put("/actors/me/presence", {"presence": "away"}).raise_for_status()
    for line in lines:
        assert stranger.id not in line
        if friend.id in line:
            break
    watching.close()


# --- Hidden channels

def test_hidden_channels_are_answered_alike_on_every_front(server, ada):
    bob = server.person(ada, next(names))
    guest = make_guest(server, ada)
    private = ada.channel(f"c-{next(names)}", type="private")
    public = ada.channel(f"c-{next(names)}")
    missing = str(uuid.uuid4())
    readable = ada.default_channel()["id"]
    cases = [(bob, private["id"]), (bob, missing), (guest, public["id"]), (guest, private["id"])]
    texts = set()
    for who, hidden in cases:
        with_readable = "" if who is guest else f"channel_ids={readable}&"
        query = f"?{with_readable}channel_ids={hidden}"
        answers = [who.get("/events/poll" + query), sse(who, query),
                   who.get(f"/channels/{hidden}"), who.get(f"/channels/{hidden}/messages")]
        for answer in answers:
            error(answer, 404, "channel_not_found")
            texts.add(answer.json()["error"]["message"])
        with who.socket() as socket:
            socket.until("caught_up")
            reply = socket.command("subscribe", {"channel_ids": [hidden]})
            assert (reply["type"], reply["data"]["code"]) == ("error", "channel_not_found")
            texts.add(reply["data"]["message"])
            # It hears on as before.
            assert socket.command("ping")["type"] == "pong"
        called = grpcurl(server, "heim.v1.EventService/Subscribe", token=who.token,
                         data={"channel_ids": [hidden]}, check=False)
        assert "NotFound" in called.stderr and "CHANNEL_NOT_FOUND" in called.stderr, called.stderr
    assert len(texts) == 1, texts
    # A public channel may be followed by members.
    assert bob.get(f"/events/poll?channel_ids={public['id']}").status_code == 200
