"""Forwarded messages: what the copy holds, who may read it, and that it goes with its original."""

import uuid

import pytest

from heim_server import DEADLINE, error


def forward(client, message, channel, **fields):
    answer = client.post(f"/messages/{message['id']}/forward",
                         {"channel_id": channel["id"]} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def upload(client, name, data):
    answer = client.http.post(client.server.url + f"/api/v1/files?filename={name}", data=data,
                              timeout=DEADLINE)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(name="source")
def make_source(ada):
    """A private channel of ada's."""
    return ada.channel(f"source-{uuid.uuid4().hex[:8]}", type="private")


@pytest.fixture(scope="module", name="target")
def make_target(ada, bob):
    """A public channel with both in it."""
    channel = ada.channel("target")
    assert bob.post(f"/channels/{channel['id']}/join").status_code == 200
    return channel


def test_a_forward_is_a_copy_with_the_authors_name(ada, bob, source, target):
    file = upload(ada, "plan.txt", b"the plan")
    original = ada.send(source["id"], "the words", attachments=[{"file_id": file["id"]}])
    error(bob.get(f"/messages/{original['id']}"), 404, "message_not_found")
    error(bob.get(f"/files/{file['id']}"), 404, "file_not_found")
    with bob.socket() as socket:
        socket.until("caught_up")
        copy = forward(ada, original, target, content="look, @bob")
        event = socket.until("message.new")["data"]["message"]
    assert event == copy == bob.get(f"/messages/{copy['id']}").json()
    assert copy["content"] == "look, @bob" and copy["mentions"][0]["actor_id"] == bob.id
    assert copy["forward"] == {
        "message_id": original["id"], "actor": original["actor"], "content": "the words",
        "content_type": "markdown", "created_at": original["created_at"]}
    assert copy["attachments"] == original["attachments"]
    assert bob.get(f"/files/{file['id']}").content == b"the plan"


def test_a_forward_needs_no_words_of_its_own_and_may_be_a_reply(ada, source, target):
    original = ada.send(source["id"], "x")
    root = ada.send(target["id"], "root")
    copy = forward(ada, original, target, thread_id=root["id"])
    assert copy["content"] == "" and copy["thread_id"] == root["id"]
    edited = ada.patch(f"/messages/{copy['id']}", {"content": "now with words"}).json()
    assert edited["forward"] == copy["forward"] and edited["content"] == "now with words"
    ada.patch(f"/messages/{original['id']}", {"content": "changed"})
    assert ada.get(f"/messages/{copy['id']}").json()["forward"]["content"] == "x"


def test_a_forward_of_a_forward_passes_on_the_original(ada, bob, source, target):
    original = ada.send(source["id"], "from the source")
    first = forward(ada, original, target, content="first words")
    mine = bob.channel(f"mine-{uuid.uuid4().hex[:8]}", type="private")
    second = forward(bob, first, mine)
    assert second["forward"] == first["forward"] and second["content"] == ""
    ada.delete(f"/messages/{first['id']}")
    assert bob.get(f"/messages/{second['id']}").json()["forward"]["content"] == "from the source"
    ada.delete(f"/messages/{original['id']}")
    erased = bob.get(f"/messages/{second['id']}").json()["forward"]
    assert erased.get("content", "") == "" and "deleted_at" in erased


def test_what_cannot_be_forwarded(ada, bob, source, target):
    hidden = ada.send(source["id"], "hidden")
    for message in (hidden["id"], str(uuid.uuid4())):
        error(bob.post(f"/messages/{message}/forward", {"channel_id": target["id"]}), 404,
              "message_not_found")
    error(bob.post(f"/messages/{ada.send(target['id'], 'x')['id']}/forward",
                   {"channel_id": source["id"]}), 404, "channel_not_found")
    copy = forward(ada, hidden, target)
    ada.delete(f"/messages/{hidden['id']}")
    error(ada.post(f"/messages/{hidden['id']}/forward", {"channel_id": target["id"]}), 400,
          "message_deleted")
    error(bob.post(f"/messages/{copy['id']}/forward", {"channel_id": target["id"]}), 400,
          "message_deleted")
    stream = ada.post(f"/channels/{target['id']}/streams").json()
    error(ada.post(f"/messages/{stream['message_id']}/forward", {"channel_id": target["id"]}),
          403, "permission_denied")
    ada.post(f"/streams/{stream['id']}/abort")


def test_a_repeat_answers_the_first_copy(ada, source, target):
    original = ada.send(source["id"], "x")
    first = forward(ada, original, target, client_id="f1", content="words")
    assert forward(ada, original, target, client_id="f1", content="words") == first
    error(ada.post(f"/messages/{original['id']}/forward",
                   {"channel_id": target["id"], "client_id": "f1", "content": "others"}), 409,
          "idempotency_conflict")
    ada.delete(f"/messages/{original['id']}")
    again = forward(ada, original, target, client_id="f1", content="words")
    assert again["id"] == first["id"] and "deleted_at" in again["forward"]


def test_copies_go_with_their_original_and_readers_are_told(ada, bob, source, target):
    file = upload(ada, "secret.txt", b"secret bytes")
    original = ada.send(source["id"], "secret words", attachments=[{"file_id": file["id"]}])
    cursor = ada.get(f"/channels/{target['id']}/messages").json()["log_cursor"]
    copy = forward(ada, original, target, content="my own words")
    with bob.socket() as socket:
        socket.until("caught_up")
        assert ada.delete(f"/messages/{original['id']}").status_code == 200
        event = socket.until("message.updated")["data"]["message"]
    assert event["id"] == copy["id"] and event == bob.get(f"/messages/{copy['id']}").json()
    assert event["content"] == "my own words" and not event.get("attachments")
    assert event["forward"].get("content", "") == "" and "deleted_at" in event["forward"]
    error(bob.get(f"/files/{file['id']}"), 404, "file_not_found")
    # Who was away reads no more than who was there.
    with bob.socket(f"cursor={cursor}") as socket:
        socket.until("caught_up")
        replay = str(socket.seen)
    assert copy["id"] in replay and "my own words" in replay and "secret words" not in replay


def test_more_copies_than_one_commit_erases_all_go(ada, bob, source, target):
    original = ada.send(source["id"], "often passed on")
    copies = [forward(ada, original, target)["id"] for _ in range(120)]
    with bob.socket() as socket:
        socket.until("caught_up")
        assert ada.delete(f"/messages/{original['id']}").status_code == 200
        told = [socket.until("message.updated")["data"]["message"]["id"] for _ in copies]
    assert sorted(told) == sorted(copies)
    batch = bob.post("/messages/batch", {"message_ids": copies[:100]}).json()["results"]
    assert all("deleted_at" in result["message"]["forward"] for result in batch)
