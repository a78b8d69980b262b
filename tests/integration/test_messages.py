"""Messages at the edges: edits and what stays of them, quotes, batches, reactions, parts, and many senders at once."""

import json
import subprocess
import threading
import uuid

import pytest

from heim_server import DEADLINE, GRPCURL, error


@pytest.fixture(scope="module", name="room")
def make_room(ada, bob):
    """A public channel with ada and bob in it."""
    channel = ada.channel("room")
    assert bob.post(f"/channels/{channel['id']}/join").status_code == 200
    return channel


def versions(client, message):
    answer = client.get(f"/messages/{message['id']}/versions")
    assert answer.status_code == 200, answer.text
    return answer.json()["versions"]


# Edits.

def test_an_edit_keeps_its_place_and_what_was_said_before(ada, bob, room):
    root = ada.send(room["id"], "root")
    reply = ada.send(room["id"], "one", thread_id=root["id"])
    assert versions(bob, reply) == []
    first = ada.patch(f"/messages/{reply['id']}", {"content": "two"}).json()
    second = ada.patch(f"/messages/{reply['id']}", {"content": "three"}).json()
    for edited in (first, second):
        assert (edited["seq"], edited["thread_id"]) == (reply["seq"], root["id"])
    assert second["revision"] == 3 and second["created_at"] == reply["created_at"]
    kept = versions(bob, reply)
    assert [(v["revision"], v["content"]) for v in kept] == [(2, "two"), (1, "one")]
    assert kept[0]["created_at"] == first["edited_at"]
    assert kept[1]["created_at"] == reply["created_at"]
    page = bob.get(f"/messages/{reply['id']}/versions?limit=1").json()
    rest = bob.get(f"/messages/{reply['id']}/versions?limit=1&cursor={page['next_cursor']}").json()
    assert page["has_more"] and not rest["has_more"]
    assert page["versions"] + rest["versions"] == kept
    error(bob.get(f"/messages/{root['id']}/versions?cursor={page['next_cursor']}"), 400,
          "invalid_cursor")


def test_versions_are_for_those_who_may_read_the_message(ada, bob):
    private = ada.channel("versions-private", type="private")
    message = ada.send(private["id"], "one")
    ada.patch(f"/messages/{message['id']}", {"content": "two"})
    error(bob.get(f"/messages/{message['id']}/versions"), 404, "message_not_found")
    error(bob.get(f"/messages/{uuid.uuid4()}/versions"), 404, "message_not_found")


def test_the_same_text_again_is_no_edit(ada, room):
    message = ada.send(room["id"], "same")
    assert ada.patch(f"/messages/{message['id']}", {"content": "same"}).json() == message
    assert versions(ada, message) == []


def test_one_of_two_edits_of_the_same_revision_wins(ada, room):
    message = ada.send(room["id"], "start")
    answers = []

    def edit(text):
        answers.append(ada.patch(f"/messages/{message['id']}", {"content": text},
                                 headers={"If-Match": '"1"'}))

    threads = [threading.Thread(target=edit, args=(f"text {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1 and len(answers) == 8
    for answer in answers:
        if answer is not won[0]:
            error(answer, 409, "revision_conflict")
    now = ada.get(f"/messages/{message['id']}").json()
    assert now["content"] == won[0].json()["content"] and now["revision"] == 2


def test_only_the_author_edits_and_only_what_is_there(ada, bob, room):
    message = bob.send(room["id"], "mine")
    error(ada.patch(f"/messages/{message['id']}", {"content": "yours"}), 403, "permission_denied")
    assert bob.delete(f"/messages/{message['id']}").status_code == 200
    error(bob.patch(f"/messages/{message['id']}", {"content": "back"}), 400, "message_deleted")


def test_a_workspace_may_close_the_window_of_edits(ada, room):
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    path = f"/workspaces/{workspace['id']}"
    settings = workspace.get("settings", {})
    message = ada.send(room["id"], "early")
    for bad in ("soon", True, -1):
        error(ada.patch(path, {"settings": settings | {"edit_window_seconds": bad}}), 400,
              "invalid_argument")
    assert ada.patch(path, {"settings": settings | {"edit_window_seconds": 3600}}).ok
    assert ada.patch(f"/messages/{message['id']}", {"content": "in time"}).status_code == 200
    assert ada.patch(path, {"settings": settings | {"edit_window_seconds": 0.001}}).ok
    error(ada.patch(f"/messages/{message['id']}", {"content": "too late"}), 400,
          "edit_window_closed")
    assert ada.patch(path, {"settings": settings | {"edit_window_seconds": 0}}).ok
    assert ada.patch(f"/messages/{message['id']}", {"content": "open again"}).status_code == 200


def test_a_new_mention_in_an_edit_calls_and_an_old_one_does_not_again(ada, bob, server, room):
    carl = server.person(ada, "carl")
    assert carl.post(f"/channels/{room['id']}/join").status_code == 200

    def calls(client):
        states = client.get("/read_states").json()["read_states"]
        return next(s["mention_count"] for s in states if s["channel_id"] == room["id"])

    before = calls(bob), calls(carl)
    message = ada.send(room["id"], "hello @bob")
    assert (calls(bob), calls(carl)) == (before[0] + 1, before[1])
    ada.patch(f"/messages/{message['id']}", {"content": "hello @bob and @carl"})
    assert (calls(bob), calls(carl)) == (before[0] + 1, before[1] + 1)
    ada.patch(f"/messages/{message['id']}", {"content": "hello @carl, `@bob` in code"})
    assert (calls(bob), calls(carl)) == (before[0], before[1] + 1)


def test_what_was_streamed_is_edited_once_it_is_finished(ada, room):
    stream = ada.post(f"/channels/{room['id']}/streams").json()
    ada.post(f"/streams/{stream['id']}/chunks", {"delta": "half"})
    error(ada.patch(f"/messages/{stream['message_id']}", {"content": "x"}), 403,
          "permission_denied")
    assert ada.post(f"/streams/{stream['id']}/finish").status_code == 200
    edited = ada.patch(f"/messages/{stream['message_id']}", {"content": "whole"})
    assert edited.status_code == 200, edited.text
    assert [v["content"] for v in versions(ada, edited.json())] == ["half"]


# Quotes.

def test_a_quote_refers_and_holds_no_text(ada, bob, room):
    quoted = ada.send(room["id"], "the words")
    answer = bob.send(room["id"], "I agree", quote_message_id=quoted["id"])
    assert answer["quote"] == {"message_id": quoted["id"], "channel_id": room["id"],
                               "actor_id": ada.id}
    assert ada.get(f"/messages/{answer['id']}").json()["quote"] == answer["quote"]
    assert "thread_id" not in answer
    ada.delete(f"/messages/{quoted['id']}")
    error(bob.post(f"/channels/{room['id']}/messages",
                   {"content": "again", "quote_message_id": quoted["id"]}), 400, "message_deleted")
    assert bob.patch(f"/messages/{answer['id']}", {"content": "I agreed"}).json()["quote"]


def test_what_may_not_be_read_may_not_be_quoted(ada, bob, room):
    private = ada.channel("quote-private", type="private")
    hidden = ada.send(private["id"], "hidden")
    for missing in (hidden["id"], str(uuid.uuid4())):
        error(bob.post(f"/channels/{room['id']}/messages",
                       {"content": "look", "quote_message_id": missing}), 404,
              "message_not_found")
    error(bob.post(f"/channels/{room['id']}/messages",
                   {"content": "look", "quote_message_id": "no-id"}), 400, "invalid_argument")


# Batches.

def test_a_batch_answers_each_id_by_itself(ada, bob, room):
    private = ada.channel("batch-private", type="private")
    hidden = ada.send(private["id"], "hidden")
    seen = ada.send(room["id"], "seen")
    deleted = ada.send(room["id"], "deleted")
    ada.delete(f"/messages/{deleted['id']}")
    missing = str(uuid.uuid4())
    asked = [seen["id"], hidden["id"], missing, "nonsense", deleted["id"], seen["id"]]
    answer = bob.post("/messages/batch", {"message_ids": asked})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["message_id"] for result in results] == asked
    assert results[0]["message"] == results[5]["message"] == seen
    assert "deleted_at" in results[4]["message"]
    for i in (1, 2, 3):
        assert results[i]["error"]["code"] == "message_not_found"
        assert "message" not in results[i]
    assert results[1]["error"]["message"] == results[2]["error"]["message"]
    error(bob.post("/messages/batch", {"message_ids": []}), 400, "invalid_argument")
    error(bob.post("/messages/batch", {"message_ids": [missing] * 101}), 400, "invalid_argument")


# Reactions.

def test_reactions_are_listed_with_their_actors_and_times(ada, bob, room):
    message = ada.send(room["id"], "react")
    path = f"/messages/{message['id']}/reactions"
    for client, emoji in ((ada, "👍"), (bob, "👍️"), (bob, ":tada:"), (ada, "+1")):
        assert client.post(path, {"emoji": emoji}).status_code == 200
    listed = ada.get(path).json()
    assert [(r["actor"]["username"], r["emoji"]) for r in listed["reactions"]] == [
        ("ada", "👍"), ("bob", "👍"), ("bob", "tada"), ("ada", "+1")]
    assert all(r["created_at"] for r in listed["reactions"])
    thumbs = ada.get(path, params={"emoji": "👍"}).json()["reactions"]
    assert [r["actor"]["id"] for r in thumbs] == [ada.id, bob.id]
    page = ada.get(f"{path}?limit=3").json()
    rest = ada.get(f"{path}?limit=3&cursor={page['next_cursor']}").json()
    assert page["reactions"] + rest["reactions"] == listed["reactions"] and not rest["has_more"]
    error(ada.get(path, params={"emoji": "no emoji"}), 400, "invalid_emoji")
    error(ada.get(f"/messages/{uuid.uuid4()}/reactions"), 404, "message_not_found")


@pytest.mark.parametrize("emoji, segment", [("+1", "+1"), ("👍🏽", "%F0%9F%91%8D%F0%9F%8F%BD"),
                                            ("-1", "%2D1"), ("❤️", "%E2%9D%A4")])
def test_a_reaction_is_taken_back_by_its_path(ada, room, emoji, segment):
    message = ada.send(room["id"], "react")
    added = ada.post(f"/messages/{message['id']}/reactions", {"emoji": emoji}).json()
    assert len(added["reactions"]) == 1
    removed = ada.delete(f"/messages/{message['id']}/reactions/{segment}")
    assert removed.status_code == 200 and not removed.json().get("reactions"), removed.text


def test_skin_tones_are_kinds_of_their_own(ada, room):
    message = ada.send(room["id"], "react")
    for emoji in ("👍", "👍🏽", "👍🏿"):
        answer = ada.post(f"/messages/{message['id']}/reactions", {"emoji": emoji})
    assert [group["emoji"] for group in answer.json()["reactions"]] == ["👍", "👍🏽", "👍🏿"]


def test_a_message_has_fifty_kinds_of_reactions_at_most(ada, bob, room):
    message = ada.send(room["id"], "react")
    path = f"/messages/{message['id']}/reactions"
    kinds = [chr(code) for code in range(0x1F600, 0x1F600 + 51)]
    for emoji in kinds[:50]:
        assert ada.post(path, {"emoji": emoji}).status_code == 200
    error(ada.post(path, {"emoji": kinds[50]}), 400, "too_many_reactions")
    assert bob.post(path, {"emoji": kinds[0]}).status_code == 200
    assert len(ada.get(path, params={"emoji": kinds[0]}).json()["reactions"]) == 2


# Parts and text.

def call_part(state, call_id="c1", **fields):
    return {"tool_call": {"call_id": call_id, "name": "search", "state": state} | fields}


def test_a_tool_call_only_goes_forward(echo, ada, room):
    assert ada.post(f"/channels/{room['id']}/members", {"actor_id": echo.id}).status_code == 200
    message = echo.send(room["id"], "", parts=[call_part("pending", input={"q": "x"})])
    path = f"/messages/{message['id']}"
    for state in ("awaiting_approval", "running", "running", "completed"):
        answer = echo.patch(path, {"parts": [call_part(state, output={"n": 1})]})
        assert answer.status_code == 200, answer.text
    for state in ("pending", "running", "failed", "denied"):
        refused = error(echo.patch(path, {"parts": [call_part(state)]}), 400, "invalid_argument")
        assert refused["fields"][0]["field"] == "parts[0].tool_call.state"
    fresh = [call_part("completed"), call_part("pending", call_id="c2")]
    assert echo.patch(path, {"parts": fresh}).status_code == 200


@pytest.mark.parametrize("parts, field", [
    ([call_part("pending"), call_part("running")], "parts[1].tool_call.call_id"),
    ([{"tool_call": {"name": "search"}}], "parts[0].tool_call.call_id"),
    ([{"tool_call": {"call_id": "c"}}], "parts[0].tool_call.name"),
    ([{"file": {"alt": "a picture"}}], "parts[0].file.file_id"),
    ([{"source": {"url": "javascript:alert(1)"}}], "parts[0].source.url"),
    ([{"data": {"value": 1}}], "parts[0].data.kind"),
    ([{"task": {}}], "parts[0].task.task_id"),
    ([{"approval": {"approval_id": "x"}}], "parts[0].approval.approval_id"),
    ([{"id": "a", "text": {"text": "x"}}, {"id": "a", "text": {"text": "y"}}], "parts[1].id"),
    ([{"id": "a"}], "parts[0]"),
])
def test_parts_that_name_nothing_are_refused(ada, room, parts, field):
    refused = error(ada.post(f"/channels/{room['id']}/messages", {"parts": parts}), 400,
                    "invalid_argument")
    assert refused["fields"][0]["field"] == field
    message = ada.send(room["id"], "plain")
    error(ada.patch(f"/messages/{message['id']}", {"parts": parts}), 400, "invalid_argument")


def upload(client, name, data):
    answer = client.http.post(client.server.url + f"/api/v1/files?filename={name}", data=data,
                              timeout=DEADLINE)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_file_in_the_parts_is_readable_with_the_message(ada, bob, room):
    shown, added = upload(ada, "a.txt", b"shown"), upload(ada, "b.txt", b"added")
    foreign = upload(bob, "c.txt", b"foreign")
    error(bob.get(f"/files/{shown['id']}"), 404, "file_not_found")
    message = ada.send(room["id"], "", parts=[{"text": {"text": "see"}},
                                              {"file": {"file_id": shown["id"]}}])
    assert bob.get(f"/files/{shown['id']}").content == b"shown"
    more = [{"file": {"file_id": shown["id"]}}, {"file": {"file_id": added["id"]}}]
    assert ada.patch(f"/messages/{message['id']}", {"parts": more}).status_code == 200
    assert bob.get(f"/files/{added['id']}").content == b"added"
    for missing in (foreign["id"], str(uuid.uuid4())):
        parts = [{"file": {"file_id": missing}}]
        error(ada.post(f"/channels/{room['id']}/messages", {"parts": parts}), 404,
              "file_not_found")
        error(ada.patch(f"/messages/{message['id']}", {"parts": parts}), 404, "file_not_found")


def test_text_is_clean_or_refused(ada, room):
    path = f"/channels/{room['id']}/messages"
    assert ada.send(room["id"], "a\r\nb\r\nc")["content"] == "a\nb\nc"
    error(ada.post(path, {"content": "a\u0000b"}), 400, "invalid_argument")
    for empty in ("", " \n\t"):
        error(ada.post(path, {"content": empty}), 400, "content_empty")
    message = ada.send(room["id"], "full")
    error(ada.patch(f"/messages/{message['id']}", {"content": ""}), 400, "content_empty")
    error(ada.post(path, {"content": "x" * (256 * 1024 + 1)}), 400, "content_too_long")
    assert ada.post(path, {"content": "x" * (256 * 1024)}).status_code == 201
    deep = {"a": 1}
    for _ in range(16):
        deep = {"d": deep}
    error(ada.post(path, {"content": "x", "metadata": deep}), 400, "invalid_argument")
    error(ada.post(path, {"content": "x", "metadata": {"a": "x" * 70000}}), 400,
          "invalid_argument")


def test_content_is_the_plain_text_of_the_parts(ada, room):
    message = ada.send(room["id"], "", parts=[
        {"reasoning": {"text": "hidden"}}, {"text": {"text": "one\r\ntwo"}},
        {"data": {"kind": "chart", "value": [1, 2]}}, {"text": {"text": "three"}}])
    assert message["content"] == "one\ntwo\n\nthree"
    edited = ada.patch(f"/messages/{message['id']}", {"content": "plain"}).json()
    assert edited["content"] == "plain" and not edited.get("parts")


# Many senders at once.

def by_grpc(client, request, key=None):
    command = [GRPCURL, "-plaintext", "-H", f"authorization: Bearer {client.token}"]
    if key:
        command += ["-H", f"idempotency-key: {key}"]
    command += ["-d", json.dumps(request), client.server.address,
                "heim.v1.MessageService/SendMessage"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["message"]["id"]


def at_once(work):
    """Runs all of it at the same time; what each answered."""
    answers, start = [None] * len(work), threading.Barrier(len(work))

    def run(i):
        start.wait(DEADLINE)
        answers[i] = work[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    return answers


def count_of(client, channel, content):
    page = client.get(f"/channels/{channel['id']}/messages?limit=200").json()
    return sum(message["content"] == content for message in page["messages"])


def test_fifty_sends_of_one_client_id_by_all_fronts_are_one_message(server, ada):
    channel = ada.channel("one-client-id")
    request = {"channel_id": channel["id"], "content": "once", "client_id": "the-one"}
    sockets = [ada.socket() for _ in range(20)]

    def by_rest():
        return ada.send(channel["id"], "once", client_id="the-one")["id"]

    def by_socket(socket):
        reply = socket.command("message.send", request)
        assert reply["type"] == "ack", reply
        return reply["data"]["message_id"]

    try:
        ids = at_once([by_rest] * 25 + [lambda s=s: by_socket(s) for s in sockets] +
                      [lambda: by_grpc(ada, request)] * 5)
    finally:
        for socket in sockets:
            socket.close()
    assert len(ids) == 50 and len(set(ids)) == 1 and ids[0], ids
    assert count_of(ada, channel, "once") == 1
    error(ada.post(f"/channels/{channel['id']}/messages",
                   {"content": "other", "client_id": "the-one"}), 409, "idempotency_conflict")


def test_fifty_sends_under_one_idempotency_key_are_one_message(server, ada):
    channel = ada.channel("one-key")
    request = {"channel_id": channel["id"], "content": "once"}

    def by_rest():
        answer = ada.post(f"/channels/{channel['id']}/messages", {"content": "once"},
                          headers={"idempotency-key": "the-key"})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    ids = at_once([by_rest] * 45 + [lambda: by_grpc(ada, request, key="the-key")] * 5)
    assert len(ids) == 50 and len(set(ids)) == 1 and ids[0], ids
    assert count_of(ada, channel, "once") == 1
