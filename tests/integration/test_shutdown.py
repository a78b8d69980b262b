"""Stopping: SIGTERM drains, SIGKILL loses nothing that was acknowledged, bad settings and second servers do not start."""

import os
import signal
import subprocess
import threading
import time

import pytest
import requests

from heim_server import BINARY, DEADLINE, Server, refuse_findings


def test_sigterm_drains(tmp_path):
    with Server(tmp_path) as server:
        ada = server.setup()
        with ada.socket() as socket:
            socket.until("caught_up")
            assert server.stop() == 0
            goodbye = socket.until("goodbye")
            assert goodbye["data"]["reason"] == "draining"
            while socket.next() is not None:
                pass
            assert socket.ws.protocol.close_rcvd.code == 1001


class Writer(threading.Thread):
    """Sends with its own client ids until the server is gone; remembers what was acknowledged."""

    def __init__(self, client, channel_id, name):
        super().__init__(daemon=True)
        self.client, self.channel_id, self.name_ = client, channel_id, name
        self.acknowledged = {}
        self.pending = None
        self.count = 0

    def run(self):
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.client.token}"
        url = f"{self.client.server.url}/api/v1/channels/{self.channel_id}/messages"
        while True:
            self.pending = f"{self.name_}-{self.count}"
            try:
                answer = session.post(url, timeout=DEADLINE, json={
                    "content": self.pending, "client_id": self.pending})
            except requests.RequestException:
                return
            if answer.status_code != 201:
                return
            self.acknowledged[self.pending] = answer.json()["id"]
            self.count += 1
            if self.progress():
                self.enough.set()

    def progress(self):
        return self.count == self.goal


def crash_cycles(tmp_path, cycles, goal):
    """Kills the server under load again and again; every acknowledged message is there exactly once."""
    acknowledged = {}
    server = Server(tmp_path).start()
    ada = server.setup()
    channel = ada.channel("crash")
    for cycle in range(cycles):
        writers = [Writer(ada, channel["id"], f"c{cycle}w{n}") for n in range(8)]
        for writer in writers:
            writer.enough, writer.goal = threading.Event(), goal
            writer.start()
        assert writers[0].enough.wait(DEADLINE)
        server.kill()
        for writer in writers:
            writer.join(DEADLINE)
            acknowledged |= writer.acknowledged
        server.close()
        server = Server(tmp_path).start()
        ada.server = server
        # What was in flight may be repeated; it must not appear twice.
        for writer in writers:
            answer = ada.post(f"/channels/{channel['id']}/messages",
                              {"content": writer.pending, "client_id": writer.pending})
            assert answer.status_code == 201, answer.text
            acknowledged[writer.pending] = answer.json()["id"]
    found, cursor, seqs = {}, None, []
    while True:
        page = ada.get(f"/channels/{channel['id']}/messages",
                       params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        for message in page["messages"]:
            assert message["content"] not in found, f"doubled: {message['content']}"
            found[message["content"]] = message["id"]
            seqs.append(message["seq"])
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    lost = [content for content, id_ in acknowledged.items() if found.get(content) != id_]
    assert not lost, f"lost {len(lost)} of {len(acknowledged)}: {lost[:5]}"
    assert sorted(seqs) == list(range(1, len(seqs) + 1)), "seq has holes"
    assert server.stop() == 0
    server.close()
    print(f"{cycles} crashes, {len(acknowledged)} acknowledged, 0 lost, 0 doubled")


def test_kill_loses_nothing_acknowledged(tmp_path):
    crash_cycles(tmp_path, cycles=int(os.environ.get("HEIM_CRASH_CYCLES", "3")), goal=25)


def test_streams_come_back_after_a_crash(tmp_path):
    server = Server(tmp_path).start()
    ada = server.setup()
    channel = ada.default_channel()
    stream = ada.post(f"/channels/{channel['id']}/streams", {"idle_timeout": "600s"}).json()
    text = "x" * 5000  # over 4 KiB: written to disk at once
    ada.post(f"/streams/{stream['id']}/chunks", {"index": 0, "delta": text})
    with ada.socket() as socket:
        socket.until("caught_up")

        def durable():
            answer = ada.post(f"/streams/{stream['id']}/chunks", {})
            return answer.json()["durable_index"] == 1

        # A heartbeat asks; the answer changes with the commit.
        deadline = time.monotonic() + DEADLINE
        while not durable():
            assert time.monotonic() < deadline
    server.kill()
    server.close()
    with Server(tmp_path) as server:
        ada.server = server
        back = ada.get(f"/streams/{stream['id']}").json()
        assert back["state"] == "active" and back["next_index"] == 1 and back["content"] == text
        ada.post(f"/streams/{stream['id']}/chunks", {"index": 1, "delta": "y"})
        assert ada.post(f"/streams/{stream['id']}/finish", {}).json()["message"]["content"] == text + "y"


def run_serve(tmp_path, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HEIM_")}
    done = subprocess.run([BINARY, "serve"], text=True, capture_output=True, timeout=DEADLINE,
                          env=clean | {"HEIM_DATA_DIR": str(tmp_path / "d"), "HEIM_HOST": "127.0.0.1",
                                       "HEIM_PORT": "0"} | env)
    refuse_findings(done.stderr)
    return done


@pytest.mark.parametrize("name,value", [
    ("HEIM_PORT", "many"), ("HEIM_DATABASE_URL", "mysql://x"), ("HEIM_LOG_LEVEL", "loud"),
    ("HEIM_REGISTRATION", "maybe"), ("HEIM_MAX_FILE_SIZE", "huge"),
    ("HEIM_SECRET_KEY", "change-me-in-production"), ("HEIM_SECRET_KEY", "short"),
])
def test_a_bad_setting_stops_the_start_with_one_line(tmp_path, name, value):
    done = run_serve(tmp_path, **{name: value})
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1 and name in lines[0], done.stderr
    if name == "HEIM_SECRET_KEY":
        assert value not in done.stderr


def test_a_second_server_does_not_start(tmp_path):
    with Server(tmp_path) as server:
        taken = run_serve(tmp_path, HEIM_PORT=str(server.port))
        assert taken.returncode != 0 and str(server.port) in taken.stderr
        places = ("HEIM_DATA_DIR", "HEIM_DATABASE_URL")
        same_data = run_serve(tmp_path, **{k: server.env[k] for k in places if k in server.env})
        assert same_data.returncode != 0 and "another server" in same_data.stderr


def test_secret_key_file_is_private(tmp_path):
    with Server(tmp_path) as server:
        server.setup()
        keys = [p for p in (tmp_path / "data").iterdir() if "secret" in p.name]
        assert len(keys) == 1 and keys[0].stat().st_mode & 0o777 == 0o600


def test_no_token_or_text_in_the_log(tmp_path):
    with Server(tmp_path) as server:
        ada = server.setup()
        agent = server.agent(ada, "quiet")
        agent.post("/auth/tickets")
        channel = ada.default_channel()
        ada.send(channel["id"], "xylophone in the moonlight")
        with agent.socket() as socket:
            socket.until("caught_up")
        assert server.stop() == 0
        log = server.log_text()
        for secret in (ada.token, agent.token, "xylophone", "correct horse", "setup-token"):
            assert secret not in log
        assert "request_id" in log
