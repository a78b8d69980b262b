"""The documented limits, through REST: just at the limit it works, one above it is refused with the reason and
the field, and nothing has changed.
"""

import itertools
import json
import threading

import pytest

from heim_server import DEADLINE

KIB = 1024
names = (f"limit-{n}" for n in itertools.count(1))


def refused(answer, code, field=None, status=400):
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    found = answer.json()["error"]
    assert found["code"] == code, found
    if field is not None:
        assert [f["field"] for f in found["fields"]] == [field], found
    return found


def nested(depth):
    """An object that is `depth` levels deep."""
    value = "leaf"
    for _ in range(depth):
        value = {"d": value}
    return value


def text(prefix, size):
    return prefix + "x" * (size - len(prefix))


def part(i):
    return {"text": {"text": f"part {i}"}}


@pytest.fixture(scope="module")
def channel(ada):
    return ada.channel("limits")


@pytest.fixture(scope="module")
def files(ada):
    made = []
    for i in range(21):
        answer = ada.http.post(ada.server.url + f"/api/v1/files?filename=f{i}.txt",
                               data=b"%d" % i, headers={"Content-Type": "text/plain"},
                               timeout=DEADLINE)
        assert answer.status_code == 201, answer.text
        made.append({"file_id": answer.json()["id"]})
    return made


# body at the limit, body above it, reason, field
MESSAGES = {
    "20 attachments": (
        lambda files: {"content": "a", "attachments": files[:20]},
        lambda files: {"content": "a", "attachments": files}, "invalid_argument", "attachments"),
    "128 parts": (
        lambda _: {"parts": [part(i) for i in range(128)]},
        lambda _: {"parts": [part(i) for i in range(129)]}, "invalid_argument", "parts"),
    "256 KiB of text": (
        lambda _: {"content": text("at", 256 * KIB)},
        lambda _: {"content": text("above", 256 * KIB + 1)}, "content_too_long", "content"),
    "256 KiB of text in bytes": (
        lambda _: {"content": "ü" * (128 * KIB)},
        lambda _: {"content": "ü" * (128 * KIB) + "u"}, "content_too_long", "content"),
    "256 KiB in parts": (
        lambda _: {"parts": [{"text": {"text": text("at", 256 * KIB)}}]},
        lambda _: {"parts": [{"text": {"text": text("above", 256 * KIB + 1)}}]},
        "content_too_long", None),
    "64 KiB of metadata": (
        lambda _: {"content": "a", "metadata": {"k": "x" * (64 * KIB - 20)}},
        lambda _: {"content": "a", "metadata": {"k": "x" * (64 * KIB)}},
        "invalid_argument", "metadata"),
    "metadata of depth 16": (
        lambda _: {"content": "a", "metadata": nested(16)},
        lambda _: {"content": "a", "metadata": nested(17)}, "invalid_argument", "metadata"),
    "client_id of 128": (
        lambda _: {"content": "a", "client_id": "c" * 128},
        lambda _: {"content": "a", "client_id": "c" * 129}, "invalid_argument", "client_id"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_limits_of_a_message(ada, channel, files, name):
    at, above, reason, field = MESSAGES[name]
    path = f"/channels/{channel['id']}"

    def state():
        shown = ada.get(path).json()
        return shown["last_seq"], ada.get("/events/poll").json()["cursor"]

    taken = ada.post(path + "/messages", at(files))
    assert taken.status_code == 201, taken.text[:300]
    before = state()
    refused(ada.post(path + "/messages", above(files)), reason, field)
    assert state() == before
    # An edit knows the same limits.
    if "attachments" in above(files) or "client_id" in above(files):
        return
    message = ada.send(channel["id"], "to be edited")
    before = state()
    edited = ada.patch(f"/messages/{message['id']}", above(files))
    found = refused(edited, reason)
    if field is not None:
        assert [f["field"] for f in found["fields"]] in ([field], [f"message.{field}"])
    assert state() == before
    assert ada.get(f"/messages/{message['id']}").json() == message


def test_fifty_kinds_of_reactions(ada, bob, channel):
    message = ada.send(channel["id"], "react")
    at = f"/messages/{message['id']}/reactions"
    for i in range(50):
        assert ada.post(at, {"emoji": chr(0x1F600 + i)}).ok
    before = ada.get(f"/messages/{message['id']}").json()
    assert len(before["reactions"]) == 50
    refused(ada.post(at, {"emoji": ":tada:"}), "too_many_reactions")
    assert ada.get(f"/messages/{message['id']}").json() == before
    # A kind that is there may grow, and one that goes makes room.
    bob.post(f"/channels/{channel['id']}/join")
    assert bob.post(at, {"emoji": chr(0x1F600)}).ok
    assert ada.delete(at + "/" + chr(0x1F601)).status_code == 200
    assert ada.post(at, {"emoji": ":tada:"}).ok


def test_sixty_four_streams_of_an_actor(server, ada, channel):
    writer = server.agent(ada, "writer")
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": writer.id}).raise_for_status()
    path = f"/channels/{channel['id']}/streams"
    opened = [writer.post(path) for _ in range(64)]
    assert {answer.status_code for answer in opened} <= {200, 201}
    before = ada.get(f"/channels/{channel['id']}").json()["last_seq"]
    refused(writer.post(path), "too_many_streams", status=429)
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == before
    # Others are not held up, and one that ends makes room.
    other = ada.post(path)
    assert other.status_code in (200, 201), other.text
    first = opened[0].json()["id"]
    assert writer.post(f"/streams/{first}/finish", {"content": "done"}).status_code == 200
    last = writer.post(path)
    assert last.status_code in (200, 201), last.text
    for answer in opened[1:] + [last]:
        writer.post(f"/streams/{answer.json()['id']}/abort").raise_for_status()
    ada.post(f"/streams/{other.json()['id']}/abort").raise_for_status()


def test_an_append_and_a_streams_text_are_bounded(ada, channel):
    stream = ada.post(f"/channels/{channel['id']}/streams").json()
    at = f"/streams/{stream['id']}"
    assert ada.post(at + "/chunks", {"delta": "y" * (64 * KIB)}).status_code == 200
    before = ada.get(at).json()
    refused(ada.post(at + "/chunks", {"delta": "z" * (64 * KIB + 1)}), "content_too_long")
    assert ada.get(at).json()["next_index"] == before["next_index"]
    for _ in range(3):
        assert ada.post(at + "/chunks", {"delta": "y" * (64 * KIB)}).status_code == 200
    refused(ada.post(at + "/chunks", {"delta": "z"}), "content_too_long")
    done = ada.post(at + "/finish")
    assert done.status_code == 200, done.text[:300]
    assert done.json()["message"]["content"] == "y" * (256 * KIB)


def test_idle_timeouts_are_bounded(ada, channel):
    path = f"/channels/{channel['id']}/streams"
    before = ada.get(f"/channels/{channel['id']}").json()["last_seq"]
    for bad in ("4.999s", "0s", "-1s", "3600.001s"):
        refused(ada.post(path, {"idle_timeout": bad}), "invalid_argument", "idle_timeout")
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == before


def test_ten_thousand_channels_of_a_subscription(ada, channel):
    """Over the socket and Connect, where so many fit into a request."""
    with ada.socket() as socket:
        socket.until("caught_up")
        many = [channel["id"]] * 10_000
        assert socket.command("subscribe", {"channel_ids": many})["type"] == "ack"
        reply = socket.command("subscribe", {"channel_ids": many + [channel["id"]]})
        assert (reply["type"], reply["data"]["code"]) == ("error", "invalid_argument"), reply
        assert [f["field"] for f in reply["data"]["fields"]] == ["channel_ids"]
        # The subscription stands as it was.
        ada.send(channel["id"], "still here")
        socket.until(lambda f: f["type"] == "message.new" and
                     f["data"]["message"]["content"] == "still here")
    polled = ada.http.post(ada.server.url + "/heim.v1.EventService/ListEvents",
                           json={"channel_ids": many + [channel["id"]]}, timeout=DEADLINE)
    assert polled.status_code == 400, polled.text[:300]
    assert polled.json()["code"] == "invalid_argument"


def test_thirty_two_commands_in_flight(ada, channel):
    """A client that sends more and does not read is read no further, and loses nothing."""
    count = 400
    with ada.socket() as socket:
        socket.until("caught_up")
        sender = threading.Thread(target=lambda: [
            socket.send({"type": "message.send", "id": f"m{i}",
                         "data": {"channel_id": channel["id"], "content": f"burst {i}"}})
            for i in range(count)])
        sender.start()
        acks = []
        while len(acks) < count:
            frame = socket.next()
            assert frame is not None
            if frame["type"] == "ack":
                acks.append(frame["id"])
        sender.join(DEADLINE)
        assert acks == [f"m{i}" for i in range(count)]


@pytest.mark.parametrize("query,limit", [("limit=200", 200), ("limit=201", 200), ("limit=0", 50),
                                         ("", 50)])
def test_pages_are_capped(ada, query, limit):
    paged = ada.get("/channels?name=limits-pages").json()["channels"] or [ada.channel("limits-pages")]
    missing = 201 - paged[0]["last_seq"]
    for i in range(missing):
        ada.send(paged[0]["id"], f"{i}")
    page = ada.get(f"/channels/{paged[0]['id']}/messages?{query}").json()
    assert len(page["messages"]) == limit and page["has_more"]


def test_a_body_has_a_mebibyte_and_64_levels(ada, channel):
    path = ada.server.url + f"/api/v1/channels/{channel['id']}/messages"
    before = ada.get(f"/channels/{channel['id']}").json()["last_seq"]

    def post(body):
        return ada.http.post(path, data=body, headers={"Content-Type": "application/json"},
                             timeout=DEADLINE)

    padded = json.dumps({"content": "padded"})
    assert post(padded + " " * (KIB * KIB - len(padded))).status_code == 201
    refused(post(padded + " " * (KIB * KIB - len(padded) + 1)), "payload_too_large", status=413)
    deep = '{"metadata":' + '{"a":' * 64 + "1" + "}" * 64 + ',"content":"x"}'
    refused(post(deep), "invalid_json")
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == before + 1


def test_the_server_tells_its_limits(ada):
    limits = ada.get("/server").json()["limits"]
    assert limits["content_max_bytes"] == 256 * KIB
    assert limits["metadata_max_bytes"] == 64 * KIB
    assert limits["json_body_max_bytes"] == limits["frame_max_bytes"] == KIB * KIB
    assert limits["stream_append_max_bytes"] == 64 * KIB
