"""The WebSocket: the specification's envelope and examples as printed, live streams, resume, and bad frames."""

import base64
import json
import pathlib
import re
import threading

import pytest
import requests
from websockets.exceptions import InvalidStatus

from heim_server import DEADLINE, PASSWORD

EXAMPLES = json.loads((pathlib.Path(__file__).parent / "ws_examples.json").read_text())


def test_spec_commands_work_as_printed(ada):
    """Each command of the specification, ids filled in, gets an ack (or pong) that carries its id."""
    channel = ada.channel("as-printed")
    other = ada.channel("as-printed-2")
    parent = ada.send(channel["id"], "a question")
    ids = {"ch-uuid": channel["id"], "ch-1": channel["id"], "ch-2": other["id"],
           "msg-uuid": parent["id"], "msg-parent-uuid": parent["id"], "agent-uuid": ada.id}
    with ada.socket() as socket:
        socket.until("hello")
        stream = None
        for example in EXAMPLES["commands"]:
            text = json.dumps(example)
            for placeholder, value in ids.items():
                text = text.replace(f'"{placeholder}"', f'"{value}"')
            if stream:
                text = text.replace('"stream-uuid"', f'"{stream}"')
            frame = json.loads(text)
            socket.send(frame)
            if "id" not in frame:
                continue
            reply = socket.until(lambda f, i=frame["id"]: f.get("id") == i)
            if frame["type"] == "ping":
                assert reply == {"type": "pong", "id": frame["id"]} | (
                    {"timestamp": reply["timestamp"]} if "timestamp" in reply else {})
                continue
            assert reply["type"] == "ack" and reply["data"]["ok"] is True, (frame, reply)
            if frame["type"] == "message.send":
                assert re.fullmatch(r"[0-9a-f-]{36}", reply["data"]["message_id"])
            if frame["type"] == "message.stream_start":
                stream = reply["data"]["stream_id"]
        assert stream


def test_spec_events_have_the_printed_fields(ada, bob):
    channel = ada.channel("printed-events")
    bob.post(f"/channels/{channel['id']}/join")
    with bob.socket() as listener, ada.socket() as speaker:
        listener.until("caught_up")
        speaker.until("caught_up")
        speaker.command("typing.start", {"channel_id": channel["id"]})
        seen = {"typing": listener.until("typing")}
        speaker.command("message.send", {
            "channel_id": channel["id"], "content": "Here's the analysis...",
            "content_type": "markdown", "thread_id": None, "metadata": {"confidence": 0.95}})
        seen["message.new"] = listener.until("message.new")
        speaker.command("presence.update", {"presence": "dnd", "status": "Reviewing PR #42"})
        seen["presence.changed"] = listener.until(
            lambda f: f["type"] == "presence.changed" and f["data"]["actor_id"] == ada.id)
        for example in EXAMPLES["events"]:
            found = seen[example["type"]]
            assert_has_shape(example, found, example["type"])
        assert seen["message.new"]["data"]["message"]["content"] == "Here's the analysis..."
        assert "cursor" in seen["message.new"] and "cursor" not in seen["typing"]
        speaker.command("presence.update", {"presence": "online", "status": ""})


def assert_has_shape(example, found, where):
    """Every key that the specification prints is there, with the printed type."""
    for key, value in example.items():
        assert key in found, f"{where}: {key} is missing in {found}"
        if isinstance(value, dict):
            assert_has_shape(value, found[key], f"{where}.{key}")
        else:
            assert isinstance(found[key], type(value)), f"{where}.{key}"


def test_spec_error_example(ada):
    with ada.socket() as socket:
        reply = socket.command("message.send", {
            "channel_id": "0190a6a0-0000-7000-8000-000000000000", "content": "x"})
        assert reply["type"] == "error"
        assert reply["data"]["code"] == "channel_not_found"
        assert reply["data"]["message"] == "Channel does not exist or you lack access"


def test_a_stream_is_seen_live_and_ends_as_one_message(ada, bob, echo):
    channel = ada.channel("streaming")
    for client in (bob, echo):
        ada.post(f"/channels/{channel['id']}/members", {"actor_id": client.id})
    with bob.socket() as reader, echo.socket() as writer:
        reader.until("caught_up")
        started = writer.command("message.stream_start", {"channel_id": channel["id"]})["data"]
        start = reader.until("message.stream_start")
        assert start["data"]["stream_id"] == started["stream_id"]
        assert start["data"]["message_id"] == started["message_id"]
        words = ["Here's ", "what ", "I ", "found", "."]
        for index, word in enumerate(words):
            writer.send({"type": "message.stream_chunk", "data": {
                "stream_id": started["stream_id"], "channel_id": channel["id"],
                "actor_id": echo.id, "delta": word, "index": index}})
        text, next_index = "", 0
        while next_index < len(words):
            chunk = reader.until("message.stream_chunk")["data"]
            assert chunk["index"] == next_index
            text, next_index = text + chunk["delta"], chunk["next_index"]
        assert text == "Here's what I found."
        running = bob.get(f"/messages/{started['message_id']}").json()
        assert running["state"] == "streaming"
        end = writer.command("message.stream_end", {
            "stream_id": started["stream_id"], "metadata": {"tokens_used": 1523}})
        assert end["data"]["message_id"] == started["message_id"]
        assert reader.until("message.stream_end")["data"]["state"] == "finished"
        final = reader.until("message.new")["data"]["message"]
        assert final["id"] == started["message_id"]
        assert final["content"] == text and final["state"] == "final"
        assert final["metadata"] == {"tokens_used": 1523}


def test_stream_index_rules(ada):
    channel = ada.channel("indexes")
    stream = ada.post(f"/channels/{channel['id']}/streams", {}).json()
    path = f"/streams/{stream['id']}"
    assert ada.post(path + "/chunks", {"index": 0, "delta": "a"}).json()["next_index"] == 1
    assert ada.post(path + "/chunks", {"index": 0, "delta": "again"}).json()["next_index"] == 1
    gap = ada.post(path + "/chunks", {"index": 5, "delta": "b"})
    assert gap.status_code == 409 and gap.json()["error"]["code"] == "stream_index_gap"
    assert gap.json()["error"]["details"]["next_index"] == 1
    assert ada.post(path + "/chunks", {"delta": "b"}).json()["next_index"] == 2
    assert ada.post(path + "/chunks", {}).json()["next_index"] == 2  # a heartbeat
    done = ada.post(path + "/finish", {"metadata": {"n": 1}}).json()["message"]
    assert done["content"] == "ab"
    assert ada.post(path + "/finish", {}).json()["message"]["id"] == done["id"]
    late = ada.post(path + "/chunks", {"delta": "c"})
    assert late.status_code == 400 and late.json()["error"]["code"] == "stream_finished"


def test_aborted_streams_keep_their_text(ada, bob):
    channel = ada.channel("aborts")
    stream = ada.post(f"/channels/{channel['id']}/streams", {}).json()
    ada.post(f"/streams/{stream['id']}/chunks", {"delta": "half"})
    kept = ada.post(f"/streams/{stream['id']}/abort", {}).json()["message"]
    assert kept["state"] == "interrupted" and kept["content"] == "half"
    empty = ada.post(f"/channels/{channel['id']}/streams", {}).json()
    gone = ada.post(f"/streams/{empty['id']}/abort", {}).json()["message"]
    assert "deleted_at" in gone


def test_late_reader_gets_a_snapshot(ada, bob):
    channel = ada.channel("late-reader")
    bob.post(f"/channels/{channel['id']}/join")
    stream = ada.post(f"/channels/{channel['id']}/streams", {}).json()
    ada.post(f"/streams/{stream['id']}/chunks", {"delta": "so far"})
    with bob.socket() as reader:
        snapshot = reader.until(
            lambda f: f["type"] == "message.stream_snapshot"
            and f["data"]["stream"]["id"] == stream["id"])["data"]["stream"]
        assert snapshot["content"] == "so far"
        ada.post(f"/streams/{stream['id']}/chunks", {"delta": ", and on"})
        chunk = reader.until("message.stream_chunk")["data"]
        assert chunk["index"] == snapshot["next_index"] and chunk["delta"] == ", and on"
    ada.post(f"/streams/{stream['id']}/finish", {})


def test_resume_delivers_what_was_missed_once_and_in_order(ada, bob):
    channel = ada.channel("resume")
    bob.post(f"/channels/{channel['id']}/join")
    with bob.socket() as socket:
        cursor = socket.until("caught_up")["cursor"]
    sent = [ada.send(channel["id"], f"missed {n}")["id"] for n in range(50)]
    with bob.socket(f"cursor={cursor}") as socket:
        hello = socket.until("hello")
        assert hello["data"]["resumed"] is True
        got = []
        while True:
            frame = socket.next()
            if frame["type"] == "caught_up":
                break
            if frame["type"] == "message.new":
                got.append(frame["data"]["message"]["id"])
        assert got == sent
        live = ada.send(channel["id"], "live")["id"]
        assert socket.until("message.new")["data"]["message"]["id"] == live


@pytest.mark.parametrize("cursor,reason", [("nonsense", "invalid_cursor"),
                                           ("0000.1", "epoch_changed")])
def test_unusable_cursor_is_a_reset_then_live(ada, cursor, reason):
    channel = ada.default_channel()
    with ada.socket(f"cursor={cursor}") as socket:
        assert socket.until("reset")["data"]["reason"] == reason
        socket.until("caught_up")
        message = ada.send(channel["id"], "after the reset")
        assert socket.until("message.new")["data"]["message"]["id"] == message["id"]


def test_subscribe_narrows_and_unsubscribe_silences(ada):
    one, two = ada.channel("sub-one"), ada.channel("sub-two")
    with ada.socket() as socket:
        socket.until("caught_up")
        assert socket.command("subscribe", {"channel_ids": [one["id"]]})["type"] == "ack"
        ada.send(two["id"], "not heard")
        heard = ada.send(one["id"], "heard")
        assert socket.until("message.new")["data"]["message"]["id"] == heard["id"]
        assert socket.command("subscribe", {"channel_ids": [two["id"]]})["type"] == "ack"
        also = ada.send(two["id"], "heard now")
        assert socket.until("message.new")["data"]["message"]["id"] == also["id"]
        socket.command("unsubscribe", {"channel_ids": [one["id"]]})
        ada.send(one["id"], "silent")
        last = ada.send(two["id"], "still here")
        assert socket.until("message.new")["data"]["message"]["id"] == last["id"]


def test_removed_members_hear_nothing_more(ada, bob):
    channel = ada.channel("removed", type="private")
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": bob.id})
    with bob.socket() as socket:
        socket.until("caught_up")
        ada.delete(f"/channels/{channel['id']}/members/{bob.id}")
        ada.send(channel["id"], "behind closed doors")
        removed = socket.until("member.removed")
        assert removed["data"]["actor_id"] == bob.id
        shared = ada.send(ada.default_channel()["id"], "in the open")
        found = socket.until("message.new")
        assert found["data"]["message"]["id"] == shared["id"]


def test_bad_frames_are_answered_and_the_socket_stays(ada):
    with ada.socket() as socket:
        for text, code in (("not json", "invalid_json"), ("[1]", "invalid_json"),
                           ('{"type":"no.such","id":"x"}', "unknown_type"),
                           ('{"id":"y"}', "unknown_type"),
                           ('{"type":"message.send","id":"z","data":{"contnet":1}}', "unknown_field"),
                           ('{"type":"message.send","id":"q","data":{"content":1}}', "invalid_argument")):
            socket.send_raw(text)
            frame = socket.until("error")
            assert frame["data"]["code"] == code, (text, frame)
        assert socket.command("ping")["type"] == "pong"


def test_call_reaches_other_methods(ada):
    with ada.socket() as socket:
        reply = socket.command("call", {"method": "heim.v1.ChannelService.ListChannels",
                                        "request": {"limit": 1}})
        assert reply["type"] == "result", reply
        assert len(reply["data"]["response"]["channels"]) == 1
        refused = socket.command("call", {"method": "heim.v1.AuthService.Login", "request": {}})
        assert refused["type"] == "error"


def test_ways_to_bring_a_credential(server, ada):
    token = ada.token.encode()
    subprotocol = "heim.bearer." + base64.urlsafe_b64encode(token).decode().rstrip("=")
    with ada.socket(in_url=False, subprotocols=["heim.v1", subprotocol]) as socket:
        assert socket.ws.subprotocol == "heim.v1"
        assert socket.until("hello")["data"]["actor"]["id"] == ada.id
    with ada.socket(in_url=False,
                    additional_headers={"Authorization": f"Bearer {ada.token}"}) as socket:
        socket.until("hello")
    ticket = ada.post("/auth/tickets").json()["ticket"]
    with ada.socket(f"token={ticket}", in_url=False) as socket:
        socket.until("hello")
    with pytest.raises(InvalidStatus) as refused:  # a ticket opens one socket
        ada.socket(f"token={ticket}", in_url=False)
    assert refused.value.response.status_code == 401
    login = requests.post(server.url + "/auth/login", timeout=DEADLINE,
                          json={"username": "ada", "password": PASSWORD})
    cookie = login.headers["Set-Cookie"].split(";")[0]
    with ada.socket(in_url=False, additional_headers={"Cookie": cookie},
                    origin=server.url) as socket:
        socket.until("hello")
    with pytest.raises(InvalidStatus) as hijack:
        ada.socket(in_url=False, additional_headers={"Cookie": cookie},
                   origin="https://evil.example")
    assert hijack.value.response.status_code == 403
    assert ada.token not in server.log_text()


def test_revoked_key_closes_the_socket(server, ada):
    agent = server.agent(ada, "shortlived")
    with agent.socket() as socket:
        socket.until("caught_up")
        ada.delete(f"/agents/{agent.id}/keys/{agent.key['id']}")
        assert socket.until("goodbye", timeout=5)["data"]["reason"] == "credential_revoked"
        assert socket.next(timeout=5) is None
        assert socket.ws.protocol.close_rcvd.code == 4401


def test_many_senders_on_one_socket_keep_their_order(ada):
    channel = ada.channel("ordered")
    with ada.socket() as socket:
        socket.until("caught_up")
        for n in range(100):
            socket.send({"type": "message.send", "id": str(n),
                         "data": {"channel_id": channel["id"], "content": str(n)}})
        contents, acks = [], set()
        while len(contents) < 100 or len(acks) < 100:
            frame = socket.next()
            if frame["type"] == "message.new":
                contents.append(frame["data"]["message"]["content"])
            elif frame["type"] == "ack":
                acks.add(frame["id"])
        assert contents == [str(n) for n in range(100)]


def test_fifty_sends_with_one_client_id_are_one_message(ada):
    channel = ada.channel("one-of-fifty")
    answers = []

    def send():
        answers.append(requests.post(
            f"{ada.server.url}/api/v1/channels/{channel['id']}/messages", timeout=DEADLINE,
            headers={"Authorization": f"Bearer {ada.token}"},
            json={"content": "same", "client_id": "fifty"}))

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == 1
