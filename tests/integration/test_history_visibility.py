"""Where history begins: what came before a reader's history does not exist for it, by whatever door it comes."""

import itertools
import threading

import pytest

from heim_server import error

names = (f"h{n}" for n in itertools.count(1))


def history(client, channel, query=""):
    answer = client.get(f"/channels/{channel['id']}/messages?include_replies=true{query}")
    assert answer.status_code == 200, answer.text
    return [message["content"] for message in answer.json()["messages"]]


def upload(client, name):
    answer = client.request("POST", f"/files?filename={name}", data=b"bytes of " + name.encode())
    assert answer.status_code == 201, answer.text
    return answer.json()


def log_cursor(client, channel):
    return client.get(f"/channels/{channel['id']}/messages").json()["log_cursor"]


def replayed(client, cursor, query=""):
    """Everything from the cursor to now, as the long poll gives it."""
    events = []
    while True:
        page = client.get(f"/events/poll?cursor={cursor}&wait_ms=0{query}").json()
        assert not page.get("reset"), page
        events += page.get("events", [])
        if not page.get("has_more"):
            return events
        cursor = page["cursor"]


def about(events, message):
    def named(data):
        return (data.get("message_id"), data.get("message", {}).get("id"))
    return [event for event in events if message["id"] in named(event.get("data", {}))]


def heard_until(socket, marker):
    """What a socket hears up to the message with this text."""
    frames = []

    def is_marker(frame):
        frames.append(frame)
        return frame["type"] == "message.new" and frame["data"]["message"]["content"] == marker

    socket.until(is_marker)
    return frames


def test_newcomers_find_nothing_from_before_they_joined(server, ada):
    bob, old = server.person(ada, next(names)), server.person(ada, next(names))
    channel = ada.channel(next(names), history_visibility="since_joining", members=[old.id])
    assert channel["history_visibility"] == "since_joining"
    file = upload(ada, "past.txt")
    past = ada.send(channel["id"], "past", attachments=[{"file_id": file["id"]}])
    ada.send(channel["id"], "past reply", thread_id=past["id"])
    cursor = log_cursor(ada, channel)
    joined = bob.post(f"/channels/{channel['id']}/join").json()
    assert joined["me"]["history_from_seq"] == 3
    reply = ada.send(channel["id"], "late reply", thread_id=past["id"])
    present = ada.send(channel["id"], "present")

    assert history(bob, channel) == ["present", "late reply"]
    assert history(bob, channel, f"&around={present['id']}") == ["late reply", "present"]
    assert history(bob, channel, f"&before={present['id']}") == ["late reply"]
    assert history(old, channel) == ["present", "late reply", "past reply", "past"]
    at = f"/messages/{past['id']}"
    for side in ("before", "after", "around"):
        error(bob.get(f"/channels/{channel['id']}/messages?{side}={past['id']}"), 404,
              "message_not_found")
    for answer in (bob.get(at), bob.get(at + "/thread"), bob.delete(at),
                   bob.post(at + "/reactions", {"emoji": "👍"}), bob.patch(at, {"content": "x"}),
                   bob.post(f"/channels/{channel['id']}/messages",
                            {"content": "x", "thread_id": past["id"]}),
                   bob.post(f"/channels/{channel['id']}/read", {"message_id": past["id"]})):
        error(answer, 404, "message_not_found")
    error(bob.get(f"/files/{file['id']}/meta"), 404, "file_not_found")
    error(bob.get(f"/files/{file['id']}"), 404, "file_not_found")
    assert old.get(f"/files/{file['id']}").status_code == 200
    # A reply is younger than the reader's history, its root is not.
    thread = bob.get(f"/messages/{reply['id']}/thread").json()
    assert [message["content"] for message in thread["messages"]] == ["late reply"]
    assert "root" not in thread
    state = [each for each in bob.get("/read_states").json()["read_states"]
             if each["channel_id"] == channel["id"]][0]
    assert state["unread_count"] == 1
    assert not about(replayed(bob, cursor), past), "nor is it replayed"
    assert about(replayed(old, cursor), past)


def test_nothing_can_be_done_to_what_is_older(server, ada):
    bob = server.person(ada, next(names))
    channel = ada.channel(next(names), history_visibility="since_joining")
    own = bob.channel(next(names))
    past = ada.send(channel["id"], "past")
    ada.send(channel["id"], "reply", thread_id=past["id"])
    at, within = f"/messages/{past['id']}", f"/channels/{channel['id']}"
    ada.put(f"{within}/pins/{past['id']}", {}).raise_for_status()
    bob.post(f"{within}/join").raise_for_status()
    assert len(ada.get(f"{within}/pins").json()["pins"]) == 1
    assert bob.get(f"{within}/pins").json()["pins"] == []
    assert len(ada.get(f"{within}/threads").json()["threads"]) == 1
    assert bob.get(f"{within}/threads").json()["threads"] == []
    for answer in (bob.get(at + "/versions"), bob.put(f"/saved/{past['id']}", {}),
                   bob.put(f"{within}/pins/{past['id']}", {}),
                   bob.delete(f"{within}/pins/{past['id']}"), bob.put(at + "/follow", {}),
                   bob.get(at + "/reactions"), bob.get(at + "/thread_state"),
                   bob.post(f"/channels/{own['id']}/messages",
                            {"content": "x", "quote_message_id": past["id"]}),
                   bob.post(at + "/forward", {"channel_id": own["id"]})):
        error(answer, 404, "message_not_found")
    with bob.socket() as socket:
        socket.until("caught_up")
        ada.delete(f"{within}/pins/{past['id']}").raise_for_status()
        ada.put(f"{within}/pins/{past['id']}", {}).raise_for_status()
        ada.send(channel["id"], "marker")
        frames = heard_until(socket, "marker")
        assert "pin." not in str([frame["type"] for frame in frames])


def test_what_becomes_of_older_messages_is_not_heard(server, ada):
    bob, old = server.person(ada, next(names)), server.person(ada, next(names))
    channel = ada.channel(next(names), history_visibility="since_joining", members=[old.id])
    past, other = (ada.send(channel["id"], f"past {i}") for i in range(2))
    bob.post(f"/channels/{channel['id']}/join").raise_for_status()
    cursor = log_cursor(ada, channel)
    with bob.socket() as socket, old.socket() as witness:
        for each in (socket, witness):
            each.until("caught_up")
        at = f"/messages/{past['id']}"
        ada.patch(at, {"content": "edited"}).raise_for_status()
        ada.post(at + "/reactions", {"emoji": "👍"}).raise_for_status()
        ada.delete(at + "/reactions/👍").raise_for_status()
        ada.send(channel["id"], "a reply", thread_id=other["id"])
        ada.delete(at).raise_for_status()
        ada.send(channel["id"], "marker")
        frames = heard_until(socket, "marker")
        assert not about(frames, past), frames
        kinds = [frame["type"] for frame in frames if frame["type"].startswith("message")]
        assert kinds == ["message.new", "message.new"], "the reply and the marker"
        seen = about(heard_until(witness, "marker"), past)
        assert [frame["type"] for frame in seen] == [
            "message.updated", "reaction.added", "reaction.removed", "message.deleted"]
    events = replayed(bob, cursor)
    assert not about(events, past)
    kinds = [event["type"] for event in events if event["type"].startswith("message")]
    assert kinds == ["message.new", "message.new"]


def test_a_stream_that_began_before_is_not_heard(server, ada):
    bob = server.person(ada, next(names))
    channel = ada.channel(next(names), history_visibility="since_joining")
    stream = ada.post(f"/channels/{channel['id']}/streams").json()
    bob.post(f"/channels/{channel['id']}/join").raise_for_status()
    error(bob.get(f"/streams/{stream['id']}"), 404, "stream_not_found")
    error(bob.get(f"/streams/{stream['id']}/events"), 404, "stream_not_found")
    with bob.socket() as socket:
        socket.until("caught_up")
        ada.post(f"/streams/{stream['id']}/chunks", {"delta": "some text"}).raise_for_status()
        ada.post(f"/streams/{stream['id']}/finish").raise_for_status()
        ada.send(channel["id"], "marker")
        frames = heard_until(socket, "marker")
        assert stream["id"] not in str(frames), frames
    assert history(bob, channel) == ["marker"]


def test_who_comes_back_begins_anew(server, ada):
    bob = server.person(ada, next(names))
    channel = ada.channel(next(names), history_visibility="since_joining")
    join, leave = (lambda: bob.post(f"/channels/{channel['id']}/join").raise_for_status(),
                   lambda: bob.post(f"/channels/{channel['id']}/leave").raise_for_status())
    join()
    mine = bob.send(channel["id"], "mine")
    cursor = log_cursor(ada, channel)
    leave()
    assert history(bob, channel) == []
    ada.send(channel["id"], "between")
    join()
    ada.send(channel["id"], "again")
    assert history(bob, channel) == ["again"]
    error(bob.get(f"/messages/{mine['id']}"), 404, "message_not_found")
    # The rule at the time of joining counts; a later one counts for who joins later.
    ada.patch(f"/channels/{channel['id']}", {"history_visibility": "all"}).raise_for_status()
    assert history(bob, channel) == ["again"]
    leave()
    join()
    assert history(bob, channel) == ["again", "between", "mine"]
    assert [event["type"] for event in replayed(bob, cursor)][-1] == "member.added"


def test_outsiders_of_a_public_channel_read_as_far_as_it_says(server, ada):
    bob, carl = server.person(ada, next(names)), server.person(ada, next(names))
    channel = ada.channel(next(names))
    file = upload(ada, "open.txt")
    said = ada.send(channel["id"], "open", attachments=[{"file_id": file["id"]}])
    cursor = log_cursor(ada, channel)
    assert history(bob, channel) == ["open"]
    with bob.socket() as socket, carl.socket() as joined:
        socket.until("caught_up")
        joined.until("caught_up")
        socket.command("subscribe", {"channel_ids": [channel["id"]]})
        carl.post(f"/channels/{channel['id']}/join").raise_for_status()
        ada.send(channel["id"], "followed")
        heard_until(socket, "followed")
        ada.patch(f"/channels/{channel['id']}",
                  {"history_visibility": "since_joining"}).raise_for_status()
        ada.send(channel["id"], "kept")
        heard_until(joined, "kept")
        # Whom it is kept from reads nothing, also of what it read before.
        assert history(bob, channel) == []
        error(bob.get(f"/messages/{said['id']}"), 404, "message_not_found")
        error(bob.get(f"/files/{file['id']}"), 404, "file_not_found")
        assert bob.get(f"/channels/{channel['id']}").status_code == 200
        assert history(carl, channel) == ["kept", "followed", "open"]
        ada.patch(f"/channels/{channel['id']}", {"history_visibility": "all"}).raise_for_status()
        ada.send(channel["id"], "open again")
        frames = heard_until(socket, "open again")
        assert "kept" not in str(frames), frames
    assert history(bob, channel) == ["open again", "kept", "followed", "open"]
    query = f"&channel_ids={channel['id']}"
    assert "followed" in str(replayed(carl, cursor, query))


@pytest.mark.parametrize("expose", [False, True], ids=["hidden", "exposed"])
def test_a_private_channel_that_opens_keeps_its_past_unless_told_otherwise(server, ada, expose):
    bob, old = server.person(ada, next(names)), server.person(ada, next(names))
    channel = ada.channel(next(names), type="private", members=[old.id])
    secret = ada.send(channel["id"], "secret")
    cursor = log_cursor(ada, channel)
    ada.send(channel["id"], "second secret")
    error(bob.get(f"/channels/{channel['id']}"), 404, "channel_not_found")
    query = "?expose_history=true" if expose else ""
    with bob.socket() as socket:
        socket.until("caught_up")
        opened = ada.patch(f"/channels/{channel['id']}{query}", {"type": "public"})
        assert opened.status_code == 200, opened.text
        socket.until("channel.updated")
        socket.command("subscribe", {"channel_ids": [channel["id"]]})
        ada.patch(f"/messages/{secret['id']}", {"content": "secret, edited"}).raise_for_status()
        ada.send(channel["id"], "open")
        frames = heard_until(socket, "open")
        assert bool(about(frames, secret)) == expose
    past = ["second secret", "secret, edited"] if expose else []
    assert history(bob, channel) == ["open"] + past
    assert bob.get(f"/messages/{secret['id']}").status_code == (200 if expose else 404)
    assert history(old, channel) == ["open", "second secret", "secret, edited"]
    seen = str(replayed(bob, cursor, f"&channel_ids={channel['id']}"))
    assert ("secret" in seen) == expose
    assert "open" in seen
    bob.post(f"/channels/{channel['id']}/join").raise_for_status()
    assert history(bob, channel) == ["open"] + past
    if not expose:
        assert "secret" not in str(replayed(bob, cursor))


def test_a_public_channel_that_closes_is_lost_to_outsiders(server, ada):
    bob, member = server.person(ada, next(names)), server.person(ada, next(names))
    channel = ada.channel(next(names), members=[member.id])
    said = ada.send(channel["id"], "open")
    cursor = log_cursor(ada, channel)
    stream = ada.post(f"/channels/{channel['id']}/streams").json()
    watching = bob.get(f"/streams/{stream['id']}/events", stream=True)
    assert watching.status_code == 200
    ended = threading.Event()
    threading.Thread(target=lambda: (list(watching.iter_lines()), ended.set()), daemon=True).start()
    with bob.socket() as socket, member.socket() as inside:
        for each in (socket, inside):
            each.until("caught_up")
        other = ada.channel(next(names))
        socket.command("subscribe", {"channel_ids": [channel["id"], other["id"]]})
        ada.patch(f"/channels/{channel['id']}", {"type": "private"}).raise_for_status()
        assert ended.wait(5), "the stream is watched on"
        ada.send(channel["id"], "closed")
        heard_until(inside, "closed")
        ada.send(other["id"], "marker")
        frames = heard_until(socket, "marker")
        assert "closed" not in str(frames), frames
    for path in (f"/channels/{channel['id']}", f"/channels/{channel['id']}/messages",
                 f"/channels/{channel['id']}/members"):
        error(bob.get(path), 404, "channel_not_found")
    error(bob.get(f"/messages/{said['id']}"), 404, "message_not_found")
    error(bob.get(f"/events/poll?cursor={cursor}&channel_ids={channel['id']}"), 404,
          "channel_not_found")
    assert not about(replayed(bob, cursor), said)
    assert channel["name"] not in [each["name"] for each in bob.get("/channels").json()["channels"]]
    assert "closed" in history(member, channel)


def test_who_may_read_is_for_owners_to_say(server, ada):
    owner, admin = server.person(ada, next(names)), server.person(ada, next(names))
    channel = owner.channel(next(names), type="private", members=[admin.id])
    at = f"/channels/{channel['id']}"
    owner.patch(f"{at}/members/{admin.id}", {"role": "admin"}).raise_for_status()
    for change in ({"history_visibility": "since_joining"}, {"type": "public"}):
        error(admin.patch(at, change), 403, "channel_role_required")
        assert owner.patch(at, change).status_code == 200
    error(owner.patch(at, {"history_visibility": None}), 400, "invalid_argument")
    error(owner.patch(at, {"history_visibility": "sometimes"}), 400, "invalid_argument")
    assert owner.get(at).json()["history_visibility"] == "since_joining"
