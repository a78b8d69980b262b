"""What `GET /api/v1/server` tells of limits is what is enforced: at each one a call goes through, one above it does not.

The figures are read from the server; the test knows none of them.
"""

import json

import pytest

from heim_server import DEADLINE, Server


@pytest.fixture(scope="module")
def server():
    with Server(HEIM_MAX_FILE_SIZE="300KB") as running:
        yield running


@pytest.fixture(scope="module")
def ada(server):
    return server.setup()


@pytest.fixture(scope="module")
def told(ada):
    """The limits, once: none of them is missing in the table below."""
    return ada.get("/server").json()["limits"]


@pytest.fixture(scope="module")
def channel(ada):
    return ada.channel("told")


def upload(ada, size, name="f.bin"):
    return ada.http.post(ada.server.url + f"/api/v1/files?filename={name}", data=b"x" * size,
                         headers={"Content-Type": "application/octet-stream"}, timeout=DEADLINE)


def send(ada, channel, **body):
    return ada.post(f"/channels/{channel['id']}/messages", body)


def content(ada, channel, size):
    return send(ada, channel, content="x" * size)


def metadata(ada, channel, size):
    # The serialised size: {"k": "x…"} is a little more than its text.
    around = 0
    for text in range(max(0, size - 40), size):
        value = 1 + (2 if text > 127 else 1) + (1 if text > 16383 else 0) + text
        entry = 3 + 1 + (1 if value < 128 else 2 if value < 16384 else 3) + value
        total = 1 + (1 if entry < 128 else 2 if entry < 16384 else 3) + entry
        if total == size:
            around = text
            break
    assert around, "no text makes metadata of this size"
    return send(ada, channel, content="m", metadata={"k": "x" * around})


def attachments(ada, channel, count):
    files = [{"file_id": upload(ada, 1, f"a{i}").json()["id"]} for i in range(count)]
    return send(ada, channel, content="a", attachments=files)


def parts(ada, channel, count):
    return send(ada, channel, parts=[{"text": {"text": f"p{i}"}} for i in range(count)])


def json_body(ada, channel, size):
    body = json.dumps({"content": "padded"})
    return ada.http.post(ada.server.url + f"/api/v1/channels/{channel['id']}/messages",
                         data=body + " " * (size - len(body)),
                         headers={"Content-Type": "application/json"}, timeout=DEADLINE)


def file(ada, _, size):
    return upload(ada, size)


def reactions(ada, channel, count):
    message = send(ada, channel, content="r").json()["id"]
    answer = None
    for i in range(count):
        answer = ada.post(f"/messages/{message}/reactions", {"emoji": chr(0x1F600 + i)})
    return answer


def append(ada, channel, size):
    stream = ada.post(f"/channels/{channel['id']}/streams").json()["id"]
    answer = ada.post(f"/streams/{stream}/chunks", {"delta": "x" * size})
    ada.post(f"/streams/{stream}/abort").raise_for_status()
    return answer


def streams(ada, channel, count):
    opened = [ada.post(f"/channels/{channel['id']}/streams") for _ in range(count)]
    for answer in opened:
        if answer.ok:
            ada.post(f"/streams/{answer.json()['id']}/abort").raise_for_status()
    return opened[-1]


def subscription(ada, channel, count):
    return ada.http.post(ada.server.url + "/heim.v1.EventService/ListEvents",
                         json={"channelIds": [channel["id"]] * count}, timeout=DEADLINE)


TABLE = {
    "content_max_bytes": (content, "content_too_long"),
    "metadata_max_bytes": (metadata, "invalid_argument"),
    "attachments_max": (attachments, "invalid_argument"),
    "parts_max": (parts, "invalid_argument"),
    "json_body_max_bytes": (json_body, "payload_too_large"),
    "file_max_bytes": (file, "file_too_large"),
    "reactions_per_message_max": (reactions, "too_many_reactions"),
    "stream_append_max_bytes": (append, "content_too_long"),
    "streams_per_actor_max": (streams, "too_many_streams"),
    "subscription_channels_max": (subscription, "invalid_argument"),
}
# Tested below, or elsewhere: a page is capped, not refused; commands in flight wait; rates have a module of their own.
OTHERS = {"frame_max_bytes", "page_max", "commands_in_flight_max", "rate_limits", "rate_tier"}


def test_every_limit_that_is_told_has_a_test(told):
    missing = [name for name in told if name not in OTHERS and name not in TABLE and
               name.endswith(("_max", "_max_bytes"))]
    assert not missing, missing


@pytest.mark.parametrize("name", TABLE)
def test_the_limit_is_the_one_enforced(ada, channel, told, name):
    call, reason = TABLE[name]
    limit = int(told[name])
    taken = call(ada, channel, limit)
    assert taken.status_code in (200, 201), taken.text[:300]
    refused = call(ada, channel, limit + 1)
    found = refused.json()
    assert (found.get("code") or found["error"]["code"]) == reason, refused.text[:300]


def test_a_page_holds_what_is_told_and_no_more(ada, told):
    channel = ada.channel("told-page")
    for i in range(told["page_max"] + 1):
        ada.send(channel["id"], str(i))
    for asked in (told["page_max"], told["page_max"] + 1, 10_000):
        page = ada.get(f"/channels/{channel['id']}/messages?limit={asked}").json()
        assert len(page["messages"]) == told["page_max"]


def test_a_frame_holds_what_is_told_and_no_more(ada, told):
    ping = json.dumps({"type": "ping", "id": "p"})
    with ada.socket() as socket:
        socket.until("caught_up")
        socket.send_raw(ping + " " * (told["frame_max_bytes"] - len(ping)))
        assert socket.until("pong")["id"] == "p"
        socket.send_raw(ping + " " * (told["frame_max_bytes"] - len(ping) + 1))
        while socket.next() is not None:
            pass
