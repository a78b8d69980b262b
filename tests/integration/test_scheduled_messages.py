"""Scheduled messages: sent once, at their time, with the rights of that moment, on every front."""

import datetime
import threading
import time
import uuid

import grpc
import pytest
from heim.v1 import scheduled_message_service_pb2 as pb

from heim_server import DEADLINE, Client, Server


@pytest.fixture(scope="module")
def channel(ada, bob):
    made = ada.channel("later")
    bob.post(f"/channels/{made['id']}/join").raise_for_status()
    return made


def at(seconds):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def schedule(client, channel, content, seconds=3600, **fields):
    answer = client.post(f"/channels/{channel['id']}/scheduled_messages",
                         {"content": content, "send_at": at(seconds)} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def code(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["code"]


def of_it(id_, state):
    return lambda frame: (frame["type"] == "scheduled_message.updated" and
                          frame["data"]["scheduled_message"]["id"] == id_ and
                          frame["data"]["scheduled_message"]["state"] == state)


def test_a_message_is_sent_at_its_time(ada, bob, channel):
    root = bob.send(channel["id"], "root")
    with ada.socket() as author, bob.socket() as reader:
        author.until("caught_up")
        reader.until("caught_up")
        made = schedule(ada, channel, "Good morning, @bob", seconds=11, thread_id=root["id"])
        assert made["state"] == "pending" and made["revision"] == 1
        assert author.until(of_it(made["id"], "pending"))
        assert code(bob.get(f"/scheduled_messages/{made['id']}"), 404) == \
            "scheduled_message_not_found"
        message = reader.until(lambda f: f["type"] == "message.new")["data"]["message"]
        assert message["content"] == "Good morning, @bob" and message["thread_id"] == root["id"]
        assert message["actor"]["id"] == ada.id
        assert moment(message["created_at"]) >= moment(made["send_at"])
        assert [m["actor_id"] for m in message["mentions"]] == [bob.id]
        sent = author.until(of_it(made["id"], "sent"))["data"]["scheduled_message"]
        assert sent["message_id"] == message["id"] and sent["content"] == ""
    # The reader heard nothing of it before.
    assert not [f for f in reader.seen if f and f["type"].startswith("scheduled")]
    shown = ada.get(f"/scheduled_messages/{made['id']}").json()
    assert shown == sent
    assert made["id"] not in str(ada.get("/scheduled_messages").json())
    assert made["id"] in str(ada.get("/scheduled_messages?state=sent").json())
    assert code(ada.patch(f"/scheduled_messages/{made['id']}", {"content": "x"}), 400) == \
        "scheduled_message_sent"
    assert code(ada.delete(f"/scheduled_messages/{made['id']}"), 400) == "scheduled_message_sent"
    again = ada.post(f"/scheduled_messages/{made['id']}/send")
    assert again.status_code == 200 and again.json() == sent


def test_lists_are_by_time_and_private(ada, bob, channel):
    other = ada.channel("later-elsewhere")
    ids = [schedule(ada, channel, f"n{i}", seconds=3600 - i)["id"] for i in range(3)]
    far = schedule(ada, other, "elsewhere", seconds=7200)["id"]
    listed = ada.get("/scheduled_messages").json()["scheduled_messages"]
    assert [m["id"] for m in listed] == ids[::-1] + [far]
    assert [m["id"] for m in ada.get(f"/scheduled_messages?channel_id={other['id']}").json()
            ["scheduled_messages"]] == [far]
    seen, cursor = [], ""
    while True:
        page = ada.get("/scheduled_messages", params={"limit": 2, "cursor": cursor}).json()
        seen += [m["id"] for m in page["scheduled_messages"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == ids[::-1] + [far] and cursor == ""
    assert code(ada.get("/scheduled_messages?cursor=garbage"), 400) == "invalid_cursor"
    assert bob.get("/scheduled_messages").json()["scheduled_messages"] == []
    for id_ in ids + [far]:
        assert ada.delete(f"/scheduled_messages/{id_}").status_code == 200


def test_times_are_bounded(ada, channel):
    path = f"/channels/{channel['id']}/scheduled_messages"
    for seconds in (-60, 0, 9, 366 * 24 * 3600):
        answer = ada.post(path, {"content": "x", "send_at": at(seconds)})
        assert code(answer, 400) == "invalid_argument"
        assert [f["field"] for f in answer.json()["error"]["fields"]] == ["send_at"]
    assert code(ada.post(path, {"content": "x"}), 400) == "invalid_argument"
    assert code(ada.post(path, {"content": " ", "send_at": at(60)}), 400) == "content_empty"
    year = schedule(ada, channel, "next year", seconds=364 * 24 * 3600)
    assert ada.delete(f"/scheduled_messages/{year['id']}").status_code == 200


def test_it_can_be_changed_and_cancelled(ada, bob, channel):
    made = schedule(ada, channel, "first", metadata={"k": 1})
    path = f"/scheduled_messages/{made['id']}"
    changed = ada.patch(path, {"content": "second", "send_at": at(1800)})
    assert changed.status_code == 200, changed.text
    assert changed.json()["content"] == "second" and changed.json()["revision"] == 2
    assert changed.json()["metadata"] == {"k": 1} and changed.json()["send_at"] < made["send_at"]
    assert code(ada.patch(path, {"content": "x"}, headers={"If-Match": '"1"'}), 409) == \
        "revision_conflict"
    assert code(ada.patch(path, {"state": "sent"}), 400) in ("invalid_mask", "invalid_argument")
    assert ada.patch(path, {}).json() == changed.json()
    assert code(bob.patch(path, {"content": "x"}), 404) == "scheduled_message_not_found"
    assert code(bob.delete(path), 404) == "scheduled_message_not_found"
    assert code(bob.post(path + "/send"), 404) == "scheduled_message_not_found"
    with ada.socket() as socket:
        socket.until("caught_up")
        gone = ada.delete(path)
        assert gone.status_code == 200 and gone.json()["state"] == "cancelled"
        assert gone.json()["content"] == "" and "metadata" not in gone.json()
        socket.until(of_it(made["id"], "cancelled"))
    assert ada.delete(path).json() == gone.json()
    assert code(ada.patch(path, {"content": "x"}), 404) == "scheduled_message_not_found"
    assert code(ada.post(path + "/send"), 404) == "scheduled_message_not_found"
    assert ada.get(path).json() == gone.json()


def test_it_can_be_sent_at_once_and_only_once(ada, channel):
    made = schedule(ada, channel, "now after all")
    before = ada.get(f"/channels/{channel['id']}").json()["last_seq"]
    answers = []

    def send():
        answers.append(ada.post(f"/scheduled_messages/{made['id']}/send"))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["message_id"] for a in answers}) == 1
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == before + 1
    message = ada.get(f"/messages/{answers[0].json()['message_id']}").json()
    assert message["content"] == "now after all"


def test_a_repeat_with_a_key_schedules_once(ada, channel):
    key = {"Idempotency-Key": f"later-{uuid.uuid4()}"}
    body = {"content": "once", "send_at": at(3600)}
    path = f"/channels/{channel['id']}/scheduled_messages"
    first = ada.post(path, body, headers=key)
    again = ada.post(path, body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert len(ada.get("/scheduled_messages").json()["scheduled_messages"]) == 1
    ada.delete(f"/scheduled_messages/{first.json()['id']}").raise_for_status()


def test_rights_when_it_is_written(server, ada, channel):
    outsider = server.person(ada, "later-guest", role="guest")
    path = f"/channels/{channel['id']}/scheduled_messages"
    body = {"content": "x", "send_at": at(60)}
    assert code(outsider.post(path, body), 404) == "channel_not_found"
    made = ada.post("/auth/tokens", {"label": "reads", "scopes": ["messages:read"]})
    reader = Client(server, made.json()["api_key"])
    assert code(reader.post(path, body), 403) == "missing_scope"
    assert code(reader.get("/scheduled_messages"), 403) == "missing_scope"
    agent = server.agent(ada, "later-agent")
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": agent.id}).raise_for_status()
    assert agent.post(path, body).status_code == 201


def test_two_hundred_wait_and_no_more(server, ada, channel):
    busy = server.person(ada, "later-busy")
    busy.post(f"/channels/{channel['id']}/join").raise_for_status()
    ids = [schedule(busy, channel, f"{i}")["id"] for i in range(200)]
    path = f"/channels/{channel['id']}/scheduled_messages"
    over = busy.post(path, {"content": "x", "send_at": at(60)})
    assert code(over, 400) == "limit_reached" and "200" in over.json()["error"]["message"]
    assert busy.delete(f"/scheduled_messages/{ids[0]}").status_code == 200
    assert schedule(busy, channel, "room again")


def test_every_front_schedules(server, ada, channel):
    with ada.socket() as socket:
        socket.until("caught_up")
        reply = socket.command("call", {
            "method": "heim.v1.ScheduledMessageService.ScheduleMessage",
            "request": {"channel_id": channel["id"], "content": "by socket", "send_at": at(600)}})
        made = reply["data"]["response"]["scheduled_message"]
        assert made["content"] == "by socket", reply
    connect = ada.http.post(server.url + "/heim.v1.ScheduledMessageService/ListScheduledMessages",
                            json={}, timeout=DEADLINE)
    assert [m["id"] for m in connect.json()["scheduled_messages"]] == [made["id"]]
    with grpc.insecure_channel(server.address) as connection:
        answer = connection.unary_unary(
            "/heim.v1.ScheduledMessageService/CancelScheduledMessage",
            request_serializer=pb.CancelScheduledMessageRequest.SerializeToString,
            response_deserializer=pb.CancelScheduledMessageResponse.FromString)(
                pb.CancelScheduledMessageRequest(scheduled_message_id=made["id"]),
                metadata=[("authorization", f"Bearer {ada.token}")], timeout=DEADLINE)
    assert answer.scheduled_message.state == 4


# --- Around the due time

def wait_until(seconds):
    """To the moment itself: what is tested happens at a time."""
    threading.Event().wait(max(0.0, seconds - time.time()))


def messages_of(client, channel):
    return [m["content"] for m in
            client.get(f"/channels/{channel['id']}/messages?limit=200").json()["messages"]]


@pytest.mark.parametrize("offset", [-0.02, 0.0, 0.005, 0.02, 0.05])
def test_a_crash_around_the_due_time_loses_and_doubles_nothing(tmp_path, offset):
    with Server(tmp_path) as server:
        ada = server.setup()
        channel = ada.channel("crash")
        due = time.time() + 13
        made = [schedule(ada, channel, f"m{i}", seconds=due - time.time()) for i in range(20)]
        wait_until(due + offset)
        server.kill()
    with Server(tmp_path) as server:
        ada = Client(server, ada.token, ada.actor)
        with ada.socket() as socket:
            socket.until("caught_up")
            # What was not sent before the crash is sent at the start.
            while {m["id"] for m in ada.get("/scheduled_messages?state=sent").json()
                   ["scheduled_messages"]} != {m["id"] for m in made}:
                socket.until("scheduled_message.updated")
        assert sorted(messages_of(ada, channel)) == sorted(f"m{i}" for i in range(20))


def test_rights_when_it_fires(tmp_path):
    """Each of these may write when it schedules and may not when its time comes."""
    with Server(tmp_path) as server:
        ada = server.setup()
        archived, private, watched = (ada.channel("archived"), ada.channel("private", type="private"),
                                      ada.channel("watched"))
        people = {name: server.person(ada, name) for name in ("cut", "gone", "mute", "fine")}
        for person in people.values():
            for channel in (archived, private, watched):
                ada.post(f"/channels/{channel['id']}/members",
                         {"actor_id": person.id}).raise_for_status()
        agent = server.agent(people["gone"], "orphan")
        ada.post(f"/channels/{watched['id']}/members", {"actor_id": agent.id}).raise_for_status()
        token = people["fine"].post("/auth/tokens", {"label": "short-lived"}).json()
        by_token = Client(server, token["api_key"])
        due = 12
        lost = {
            "channel_archived": schedule(people["fine"], archived, "archived", due)["id"],
            "channel_not_found": schedule(people["cut"], private, "removed", due)["id"],
            "channel_role_required": schedule(people["mute"], watched, "viewer", due)["id"],
        }
        schedule(people["gone"], watched, "deactivated", due)
        schedule(agent, watched, "of a deactivated owner", due)
        kept = schedule(by_token, watched, "its token is gone, its author is not", due)["id"]
        with people["fine"].socket() as socket, people["cut"].socket() as cut, \
                people["mute"].socket() as mute:
            for each in (socket, cut, mute):
                each.until("caught_up")
            ada.delete(f"/channels/{archived['id']}").raise_for_status()
            ada.delete(f"/channels/{private['id']}/members/{people['cut'].id}").raise_for_status()
            ada.patch(f"/channels/{watched['id']}/members/{people['mute'].id}",
                      {"role": "viewer"}).raise_for_status()
            ada.delete(f"/actors/{people['gone'].id}").raise_for_status()
            people["fine"].delete(f"/auth/tokens/{token['key']['id']}").raise_for_status()
            failed = socket.until(of_it(lost["channel_archived"], "failed"))
            assert failed["data"]["scheduled_message"]["error"] == "channel_archived"
            # The text is still there for its author to use.
            assert failed["data"]["scheduled_message"]["content"] == "archived"
            failed = cut.until(of_it(lost["channel_not_found"], "failed"))
            assert failed["data"]["scheduled_message"]["error"] == "channel_not_found"
            failed = mute.until(of_it(lost["channel_role_required"], "failed"))
            assert failed["data"]["scheduled_message"]["error"] == "channel_role_required"
            socket.until(lambda f: f["type"] == "message.new")
        assert people["fine"].get(f"/scheduled_messages/{kept}").json()["state"] == "sent"
        assert messages_of(ada, watched) == ["its token is gone, its author is not"]
        assert messages_of(ada, private) == []
        # Once there is a reason to hope, it waits again.
        path = f"/scheduled_messages/{lost['channel_archived']}"
        fine = people["fine"]
        assert code(fine.post(path + "/send"), 400) == "channel_archived"
        assert code(fine.patch(path, {"content": "x"}), 400) == "channel_archived"
        ada.post(f"/channels/{archived['id']}/unarchive").raise_for_status()
        assert code(fine.patch(path, {"content": "x"}), 400) == "invalid_argument"
        again = fine.patch(path, {"send_at": at(3600)})
        assert again.status_code == 200 and again.json()["state"] == "pending", again.text
        assert "error" not in again.json()
        assert fine.post(path + "/send").json()["state"] == "sent"
        assert messages_of(ada, archived) == ["archived"]


def test_the_text_is_in_no_log_once_it_is_sent_or_cancelled(tmp_path):
    with Server(tmp_path) as server:
        ada = server.setup()
        channel = ada.channel("unsaid")
        start = ada.get("/events/poll").json()["cursor"]
        made = schedule(ada, channel, "secret-51c2")
        ada.patch(f"/scheduled_messages/{made['id']}", {"content": "secret-51c2-again"})
        ada.delete(f"/scheduled_messages/{made['id']}").raise_for_status()
        sent = schedule(ada, channel, "told-8e1d")
        message = ada.post(f"/scheduled_messages/{sent['id']}/send").json()["message_id"]
        ada.delete(f"/messages/{message}").raise_for_status()
        server.stop()
        assert "51c2" not in server.log_text() and "8e1d" not in server.log_text()
        with Server(tmp_path) as again:
            ada = Client(again, ada.token, ada.actor)
            events = ada.get("/events/poll", params={"cursor": start}).text
            assert "scheduled_message.updated" in events
            assert "51c2" not in events and "8e1d" not in events
