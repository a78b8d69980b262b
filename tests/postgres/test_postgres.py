"""The program on PostgreSQL: what it does when the database goes, and what it says when it cannot have it.

Everything else runs on PostgreSQL by the modules of tests/integration (HEIM_TEST_DATABASE=postgres).
"""

import os
import subprocess
import threading
import time

import pytest
import requests

from heim_server import BINARY, DEADLINE, Server, cluster, refuse_findings


@pytest.fixture
def database():
    return cluster().new_database()


@pytest.fixture
def server(database):
    with Server(HEIM_DATABASE_URL=database) as running:
        yield running


class Writer(threading.Thread):
    """Sends, and repeats what failed with the same client_id or key until it is acknowledged."""

    def __init__(self, client, channel_id, name, by_key):
        super().__init__(daemon=True)
        self.client, self.channel_id, self.name_, self.by_key = client, channel_id, name, by_key
        self.acknowledged = {}
        self.refused = 0
        self.stop = threading.Event()
        self.wrong = []

    def run(self):
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.client.token}"
        url = f"{self.client.server.url}/api/v1/channels/{self.channel_id}/messages"
        while not self.stop.is_set():
            content = f"{self.name_}-{len(self.acknowledged)}"
            body, headers = {"content": content}, {}
            if self.by_key:
                headers["Idempotency-Key"] = content
            else:
                body["client_id"] = content
            answer = session.post(url, timeout=DEADLINE, json=body, headers=headers)
            if answer.status_code == 201:
                self.acknowledged[content] = answer.json()["id"]
            elif answer.status_code == 503:
                self.refused += 1
            else:
                self.wrong.append(answer.text)
                return


def history(client, channel_id):
    messages, cursor = [], None
    while True:
        page = client.get(f"/channels/{channel_id}/messages",
                          params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        messages += page["messages"]
        if not page["has_more"]:
            return messages
        cursor = page["next_cursor"]


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "in vain"


def test_restarts_under_load_lose_nothing_and_double_nothing(server):
    ada = server.setup()
    channel = ada.channel("load")
    with ada.socket() as socket:
        socket.until("caught_up")
        writers = [Writer(ada, channel["id"], f"w{n}", by_key=n % 2 == 1) for n in range(6)]
        for writer in writers:
            writer.start()

        def all_go_on():
            goals = [len(writer.acknowledged) + 5 for writer in writers]
            wait_for(lambda: any(w.wrong for w in writers) or all(
                len(w.acknowledged) >= goal for w, goal in zip(writers, goals)))

        for mode in ("fast", "immediate"):
            all_go_on()
            cluster().stop(mode)
            cluster().start()
        all_go_on()
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join(DEADLINE)
            assert not writer.wrong, writer.wrong
        acknowledged = {}
        for writer in writers:
            acknowledged |= writer.acknowledged
        messages = history(ada, channel["id"])
        found = {message["content"]: message["id"] for message in messages}
        assert len(found) == len(messages), "doubled"
        lost = [content for content, id_ in acknowledged.items() if found.get(content) != id_]
        assert not lost, f"lost {len(lost)} of {len(acknowledged)}: {lost[:5]}"
        assert sorted(m["seq"] for m in messages) == list(range(1, len(messages) + 1))
        # The one socket, open all the time, heard each once and in order.
        heard = []
        while len(heard) < len(messages):
            frame = socket.until("message.new")
            if frame["data"]["message"]["channel_id"] == channel["id"]:
                heard.append(frame["data"]["message"]["seq"])
        assert heard == list(range(1, len(messages) + 1))


def test_without_database_calls_fail_clearly_and_go_on_when_it_is_back(server):
    ada = server.setup()
    channel = ada.channel("calls")
    cluster().stop("fast")
    try:
        answer = ada.post(f"/channels/{channel['id']}/messages", {"content": "x"})
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "store_unavailable"
        assert ada.get("/channels").status_code == 503
        assert requests.get(server.url + "/readyz", timeout=DEADLINE).status_code == 503
        assert requests.get(server.url + "/livez", timeout=DEADLINE).status_code == 200
    finally:
        cluster().start()
    wait_for(lambda: requests.get(server.url + "/readyz", timeout=DEADLINE).status_code == 200)
    ada.send(channel["id"], "back")
    assert [m["content"] for m in history(ada, channel["id"])] == ["back"]


def test_a_database_that_stands_still_stops_nothing_for_good(server):
    ada = server.setup()
    channel = ada.channel("still")
    cluster().pause()
    try:
        sent = []
        thread = threading.Thread(target=lambda: sent.append(ada.send(channel["id"], "waits")))
        thread.start()
        assert requests.get(server.url + "/livez", timeout=DEADLINE).status_code == 200
    finally:
        cluster().resume()
    thread.join(DEADLINE)
    assert len(sent) == 1


def refused(tmp_path, url, **env):
    """Starts a server that is not to start; returns its one line."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HEIM_", "PG"))}
    done = subprocess.run([BINARY, "serve"], text=True, capture_output=True, timeout=DEADLINE,
                          env=clean | {"HEIM_DATA_DIR": str(tmp_path / "d"), "HEIM_PORT": "0",
                                       "HEIM_HOST": "127.0.0.1", "HEIM_DATABASE_URL": url} | env)
    refuse_findings(done.stderr)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_database_that_cannot_be_had_is_named_in_one_line(tmp_path):
    wrong_password = refused(tmp_path, cluster().tcp_url(password="s3cret"))
    assert "password authentication failed" in wrong_password and "s3cret" not in wrong_password
    unreachable = refused(tmp_path, "postgres://ada:s3cret@127.0.0.1:1/chat")
    assert "ada@127.0.0.1:1/chat" in unreachable and "s3cret" not in unreachable
    missing = refused(tmp_path, cluster().url("nothing"))
    assert 'database "nothing" does not exist' in missing
    mistyped = refused(tmp_path, "postgres://ada:s3cret@db:port/chat")
    assert "HEIM_DATABASE_URL" in mistyped and "s3cret" not in mistyped


def test_a_newer_schema_is_refused_in_one_line(tmp_path, database):
    with Server(HEIM_DATABASE_URL=database):
        pass
    name = database.split("/")[3].split("?")[0]
    cluster().psql("INSERT INTO schema_versions VALUES (9999, 'x')", name)
    assert "9999" in refused(tmp_path, database)


def test_a_second_server_on_the_database_is_refused_in_one_line(tmp_path, server, database):
    assert "another server" in refused(tmp_path, database)


def test_the_password_is_in_no_log(tmp_path, database):
    name = database.split("/")[3].split("?")[0]
    cluster().psql("CREATE ROLE chatter LOGIN PASSWORD 's3/cret%'")
    cluster().psql(f"ALTER DATABASE {name} OWNER TO chatter")
    url = cluster().tcp_url(name, "chatter", "s3/cret%")
    with Server(HEIM_DATABASE_URL=url) as server:
        server.setup()
        report = server.run("doctor").stdout
        assert f"PostgreSQL at chatter@127.0.0.1:{cluster().port}/{name}" in report
        log = server.log_text() + report
    assert "s3/cret" not in log and "s3%2F" not in log


def test_a_dump_is_a_backup(server, database):
    ada = server.setup()
    channel = ada.channel("kept")
    ada.send(channel["id"], "in the dump ä 😀")
    dump = subprocess.run([f"{cluster().bin}/pg_dump", "--no-owner", database], text=True,
                          capture_output=True, timeout=DEADLINE, check=True).stdout
    restored = cluster().new_database()
    subprocess.run([f"{cluster().bin}/psql", "-q", "-v", "ON_ERROR_STOP=1", restored], input=dump,
                   text=True, capture_output=True, timeout=DEADLINE, check=True)
    ada.send(channel["id"], "after the dump")
    server.stop()
    with Server(server.directory, HEIM_DATABASE_URL=restored) as again:
        ada.server = again
        assert [m["content"] for m in history(ada, channel["id"])] == ["in the dump ä 😀"]


def test_the_program_itself_does_not_need_libpq():
    needed = subprocess.run(["ldd", BINARY], text=True, capture_output=True, check=True).stdout
    assert "libc.so" in needed and "libpq" not in needed
