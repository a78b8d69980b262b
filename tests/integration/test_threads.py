"""Threads as their readers have them: following, the inbox of threads, what is unread, over REST and sockets."""

import itertools
import uuid

from heim_server import Client, error

names = (f"t{n}" for n in itertools.count(1))


def room(owner, *members):
    channel = owner.channel(f"c-{uuid.uuid4().hex[:8]}")
    for member in members:
        owner.post(f"/channels/{channel['id']}/members", {"actor_id": member.id}).raise_for_status()
    return channel


def state(client, message):
    answer = client.get(f"/messages/{message['id']}/thread_state")
    assert answer.status_code == 200, answer.text
    return answer.json()


def inbox(client, **params):
    answer = client.get("/threads", params={k: str(v).lower() for k, v in params.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_who_writes_and_who_is_called_follows(server, ada, bob):
    cleo = server.person(ada, next(names))
    channel = room(ada, bob, cleo)
    root = ada.send(channel["id"], "a plan")
    with ada.socket() as socket:
        socket.until("caught_up")
        reply = bob.send(channel["id"], f"@{cleo.actor['username']} what do you think?",
                         thread_id=root["id"])
        told = socket.until("thread.updated")["data"]["thread"]
        assert told["thread_id"] == root["id"] and told["following"] is True
        assert told["unread_count"] == 1 and "root" not in told
    assert state(ada, reply)["following"] and state(bob, root)["following"]
    called = state(cleo, root)
    assert called["mention_count"] == 1 and called["unread_count"] == 1
    shown = inbox(ada, unread=True)["threads"][0]
    assert shown["root"]["content"] == "a plan" and shown["unread_count"] == 1
    # Reading is told to the reader's other devices.
    with ada.socket() as socket:
        socket.until("caught_up")
        read = ada.post(f"/channels/{channel['id']}/read",
                        {"message_id": reply["id"], "thread_id": root["id"]})
        assert read.json()["unread_count"] == 0, read.text
        moved = socket.until("read.updated")["data"]
        assert moved["thread_id"] == root["id"] and moved["last_read_seq"] == reply["seq"]
    assert root["id"] not in [t["thread_id"] for t in inbox(ada, unread=True)["threads"]]


def test_unfollow_sticks_until_mentioned_again(server, ada, bob):
    cleo = server.person(ada, next(names))
    channel = room(ada, bob, cleo)
    root = cleo.send(channel["id"], "root")
    bob.send(channel["id"], "one", thread_id=root["id"])
    assert cleo.delete(f"/messages/{root['id']}/follow").json()["following"] is False
    bob.send(channel["id"], "two", thread_id=root["id"])
    assert inbox(cleo)["threads"] == []
    bob.send(channel["id"], f"@{cleo.actor['username']}!", thread_id=root["id"])
    assert [t["thread_id"] for t in inbox(cleo)["threads"]] == [root["id"]]
    assert ada.put(f"/messages/{root['id']}/follow", {}).json() | {"last_reply_at": ""} == {
        "channel_id": channel["id"], "thread_id": root["id"], "following": True,
        "last_read_seq": 4, "last_reply_seq": 4, "last_reply_at": "", "unread_count": 0,
        "mention_count": 0}


def test_threads_of_a_channel_and_marking_all_of_them(server, ada, bob):
    cleo = server.person(ada, next(names))
    channel = room(ada, bob, cleo)
    roots = [cleo.send(channel["id"], f"root {i}") for i in range(3)]
    for root in roots:
        bob.send(channel["id"], "reply", thread_id=root["id"])
    listed, cursor = [], ""
    while True:
        page = bob.get(f"/channels/{channel['id']}/threads?limit=2&cursor={cursor}").json()
        listed += page["threads"]
        cursor = page.get("next_cursor", "")
        if not page["has_more"]:
            break
    assert [t["root"]["content"] for t in listed] == ["root 2", "root 1", "root 0"]
    seen = inbox(cleo)["log_cursor"]
    late = bob.send(channel["id"], "late", thread_id=roots[0]["id"])
    marked = cleo.post("/threads/read_all", {"up_to": seen}).json()
    assert len(marked["threads"]) == 3 and marked["has_more"] is False
    left = inbox(cleo, unread=True)["threads"]
    assert [t["thread_id"] for t in left] == [roots[0]["id"]]
    assert left[0]["last_reply_seq"] == late["seq"] and left[0]["unread_count"] == 1
    error(cleo.post("/threads/read_all", {"up_to": "x"}), 400, "invalid_cursor")


def test_threads_of_a_channel_that_was_left_are_gone(server, ada, bob):
    cleo = server.person(ada, next(names))
    secret = ada.channel(f"c-{uuid.uuid4().hex[:8]}", type="private")
    ada.post(f"/channels/{secret['id']}/members", {"actor_id": cleo.id}).raise_for_status()
    root = cleo.send(secret["id"], "root")
    ada.send(secret["id"], "reply", thread_id=root["id"])
    assert len(inbox(cleo)["threads"]) == 1
    ada.delete(f"/channels/{secret['id']}/members/{cleo.id}").raise_for_status()
    assert inbox(cleo)["threads"] == []
    for answer in (cleo.get(f"/messages/{root['id']}/thread_state"),
                   cleo.put(f"/messages/{root['id']}/follow", {}),
                   cleo.delete(f"/messages/{root['id']}/follow")):
        error(answer, 404, "message_not_found")
    error(cleo.get(f"/channels/{secret['id']}/threads"), 404, "channel_not_found")


def test_an_agent_follows_by_the_same_rule(server, ada, echo):
    channel = room(ada, echo)
    root = ada.send(channel["id"], "@echo hello")
    echo.send(channel["id"], "hello", thread_id=root["id"])
    ada.send(channel["id"], "and again", thread_id=root["id"])
    assert state(echo, root)["unread_count"] == 1
    # A key without the scope reads nothing.
    made = ada.post(f"/agents/{echo.id}/keys", {"label": "w", "scopes": ["messages:write"]}).json()
    error(Client(server, made["api_key"]).get("/threads"), 403, "missing_scope")
