"""What is deleted is gone: from every row of the database, from the log that readers resume from, and from the disk."""

import re
import sqlite3
import subprocess

import pytest

from heim_server import DEADLINE, Server, cluster, eventually

NEEDLE = "needle-4f1c"


@pytest.fixture(name="own")
def make_own():
    """A server of one's own, which a test may stop."""
    with Server() as running:
        yield running


def rows_with(server, needle):
    """The tables with a row that holds the needle."""
    url = server.env.get("HEIM_DATABASE_URL")
    return in_postgres(url, needle) if url else in_sqlite(server, needle)


def in_sqlite(server, needle):
    wanted, found = needle.encode(), set()
    file = next((server.directory / "data").glob("**/*.db"))
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert "messages" in tables and "event_log" in tables
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):
                values = (v.encode() if isinstance(v, str) else v for v in row)
                if any(isinstance(v, bytes) and wanted in v for v in values):
                    found.add(table)
    finally:
        connection.close()
    return found


def in_postgres(url, needle):
    dump = subprocess.run([f"{cluster().bin}/pg_dump", "--data-only", "--inserts", url],
                          capture_output=True, text=True, check=True, timeout=DEADLINE).stdout
    rows = re.findall(r"^INSERT INTO public\.(\w+) (.*)$", dump, re.MULTILINE)
    assert {"messages", "event_log"} <= {table for table, _ in rows}
    return {table for table, row in rows if needle in row or needle.encode().hex() in row}


def files_with(server, needle):
    wanted = needle.encode()
    return [path for path in server.directory.rglob("*")
            if path.is_file() and path.name != "server.log" and wanted in path.read_bytes()]


def upload(client, name, data):
    answer = client.http.post(client.server.url + f"/api/v1/files?filename={name}", data=data,
                              timeout=DEADLINE)
    assert answer.status_code == 201, answer.text
    return answer.json()


def say_it_everywhere(ada, bob, channel):
    """A message whose text lies in as many places as can be; answers all messages with it."""
    file = upload(ada, f"{NEEDLE}.txt", f"bytes of {NEEDLE}".encode())
    path = f"/channels/{channel['id']}/messages"
    body = {"content": f"first {NEEDLE}", "attachments": [{"file_id": file["id"]}],
            "metadata": {"k": NEEDLE}, "client_id": "erased"}
    message = ada.post(path, body, headers={"idempotency-key": "k1"}).json()
    edit = {"parts": [{"text": {"text": f"second {NEEDLE}"}},
                      {"reasoning": {"text": f"because {NEEDLE}"}},
                      {"data": {"kind": "note", "value": NEEDLE}}]}
    answer = ada.patch(f"/messages/{message['id']}", edit, headers={"idempotency-key": "k2"})
    assert answer.status_code == 200, answer.text
    assert bob.post(f"/messages/{message['id']}/reactions", {"emoji": "👍"},
                    headers={"idempotency-key": "k3"}).status_code == 200
    pin = f"/channels/{channel['id']}/pins/{message['id']}"
    assert bob.put(pin, {}, headers={"idempotency-key": "k4"}).status_code == 200
    assert bob.put(f"/saved/{message['id']}", {"note": f"about {NEEDLE}"}).status_code == 200
    assert bob.send(channel["id"], "a reply", thread_id=message["id"])
    copy = bob.post(f"/messages/{message['id']}/forward",
                    {"channel_id": channel["id"], "content": "words of my own"},
                    headers={"idempotency-key": "k5"})
    assert copy.status_code == 201, copy.text
    assert bob.patch(f"/messages/{copy.json()['id']}", {"content": "other words"}).ok
    return message, copy.json()


def test_a_deleted_message_is_in_no_row_no_replay_and_no_file(own):
    ada = own.setup()
    bob = own.person(ada, "bob")
    channel = ada.default_channel()
    cursor = ada.get(f"/channels/{channel['id']}/messages").json()["log_cursor"]
    message, copy = say_it_everywhere(ada, bob, channel)
    assert rows_with(own, NEEDLE) >= {
        "messages", "message_versions", "event_log", "idempotency", "files", "saved_items"}
    assert files_with(own, f"bytes of {NEEDLE}")

    gone = ada.delete(f"/messages/{message['id']}")
    assert gone.status_code == 200, gone.text
    tombstone = gone.json()
    assert tombstone["seq"] == message["seq"] and tombstone["content"] == ""
    assert not {"parts", "attachments", "metadata", "mentions", "reactions"} & {
        key for key, value in tombstone.items() if value}
    assert rows_with(own, NEEDLE) == set()
    eventually(lambda: not files_with(own, f"bytes of {NEEDLE}"))
    for path in (f"/messages/{message['id']}/versions", f"/messages/{message['id']}/reactions",
                 f"/channels/{channel['id']}/pins", "/saved"):
        answer = bob.get(path)
        assert answer.status_code == 200 and message["id"] not in answer.text
    thread = bob.get(f"/messages/{message['id']}/thread").json()
    assert [reply["content"] for reply in thread["messages"]] == ["a reply"]
    assert bob.get(f"/messages/{copy['id']}").json()["content"] == "other words"
    repeat = ada.post(f"/channels/{channel['id']}/messages", {
        "content": f"first {NEEDLE}", "attachments": message["attachments"],
        "metadata": {"k": NEEDLE}, "client_id": "erased"})
    assert NEEDLE not in str(repeat.json().get("content", ""))
    with bob.socket(f"cursor={cursor}") as socket:
        socket.until("caught_up")
        assert message["id"] in str(socket.seen) and NEEDLE not in str(socket.seen)
    assert NEEDLE not in own.log_text()

    own.stop()
    assert files_with(own, NEEDLE) == [], "what was freed is overwritten"


def test_a_streamed_message_that_is_deleted_while_it_is_written_leaves_nothing(own):
    ada = own.setup()
    channel = ada.default_channel()
    stream = ada.post(f"/channels/{channel['id']}/streams").json()
    for i in range(20):
        ada.post(f"/streams/{stream['id']}/chunks", {"delta": f"{NEEDLE} {i} " * 100})
    assert ada.delete(f"/messages/{stream['message_id']}").status_code == 200
    eventually(lambda: rows_with(own, NEEDLE) == set())


def test_a_file_goes_with_the_last_message_that_shows_it(own):
    ada = own.setup()
    channel = ada.default_channel()
    file = upload(ada, "twice.txt", b"bytes shown twice")
    attachments = [{"file_id": file["id"]}]
    first = ada.send(channel["id"], "one", attachments=attachments)
    second = ada.send(channel["id"], "two", attachments=attachments)
    ada.delete(f"/messages/{first['id']}")
    assert ada.get(f"/files/{file['id']}").content == b"bytes shown twice"
    ada.delete(f"/messages/{second['id']}")
    assert ada.get(f"/files/{file['id']}").status_code == 404
    eventually(lambda: not files_with(own, "bytes shown twice"))
