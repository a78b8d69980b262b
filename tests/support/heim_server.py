"""A real Heim for tests: the program in a temporary directory on a free port, and clients of its fronts.

Nothing here waits for a time: every wait is for an event, with a deadline.
"""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import requests
from websockets.sync.client import connect as ws_connect

from postgres_cluster import PostgresCluster

BINARY = os.path.abspath(os.environ.get("HEIM_BINARY") or "build/release/heim")
GRPCURL = os.path.abspath(os.environ.get("HEIM_GRPCURL") or ".tools/bin/grpcurl")
DEADLINE = 30.0
SETUP_TOKEN = "setup-token-of-the-tests"
PASSWORD = "correct horse battery"
FINDING = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")


_cluster = None
_databases = {}


def cluster():
    """The PostgreSQL server of this run of the tests, started by the first who asks."""
    global _cluster
    if _cluster is None:
        _cluster = PostgresCluster()
        atexit.register(_cluster.close)
    return _cluster


def database_of(directory):
    """Settings for the database of the servers in this directory: with HEIM_TEST_DATABASE=postgres one in the
    cluster, which outlives them as a file would."""
    if os.environ.get("HEIM_TEST_DATABASE") != "postgres":
        return {}
    if directory not in _databases:
        _databases[directory] = cluster().new_database()
    return {"HEIM_DATABASE_URL": _databases[directory]}


def walked_routes(log):
    """The routes, as (method, template), that the server's log says were answered with success."""
    routes = set()
    for line in log.splitlines():
        if " request method=" not in line:
            continue
        fields = dict(part.split("=", 1) for part in line.split(" request ", 1)[1].split(" "))
        if fields["status"][0] in "23":
            routes.add((fields["method"], fields["path"]))
    return routes


def keep_walked(log):
    """Adds them to the module's file, which test_every_route.py reads when all modules have run."""
    path = os.environ.get("HEIM_WALKED")
    if path:
        with open(path, "a", encoding="utf-8") as kept:
            kept.writelines(f"{method} {template}\n" for method, template in walked_routes(log))


def refuse_findings(text):
    """Raises when the output of a program holds what a sanitizer found."""
    found = FINDING.search(text)
    if found:
        start = text.rfind("\n", 0, found.start()) + 1
        raise AssertionError("a sanitizer reports:\n" + text[start:start + 8000])


class Server:
    """One `heim serve`. `stop` drains it, `kill` does not."""

    def __init__(self, directory=None, **env):
        self._own = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="heim-test-"))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HEIM_")}
        self.env |= {
            "HEIM_HOST": "127.0.0.1",
            "HEIM_PORT": "0",
            "HEIM_DATA_DIR": str(self.directory / "data"),
            "HEIM_SETUP_TOKEN": SETUP_TOKEN,
            "HEIM_RATE_LIMITS": "off",
            # Texts of tests have links that lead nowhere; who is about previews switches them on.
            "HEIM_LINK_PREVIEWS": "off",
            "HEIM_LOG_LEVEL": "debug",
            "HEIM_CONFIG_DIR": str(self.directory / "cli"),
        } | {k: str(v) for k, v in env.items()}
        if "HEIM_DATABASE_URL" not in self.env:
            self.env |= database_of(self.directory)
        self.process = None
        self.port = 0
        self.log_path = self.directory / "server.log"

    def start(self):
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [BINARY, "serve"], env=self.env, stdout=subprocess.PIPE, stderr=self.log,
            cwd=self.directory, text=True)
        self.stdout = []
        ready = threading.Event()

        def read():
            for line in self.process.stdout:
                self.stdout.append(line.rstrip("\n"))
                found = re.search(r"ready at http://[^:]+:(\d+)", line)
                if found:
                    self.port = int(found.group(1))
                    ready.set()
            ready.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        if not ready.wait(DEADLINE) or self.port == 0:
            self.kill()
            raise AssertionError("the server did not start:\n" + self.log_text()[-4000:])
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; returns the exit code, which is 0."""
        self.signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        refuse_findings(self.log_text())
        assert code == 0, f"the server ended with {code}:\n" + self.log_text()[-4000:]
        return code

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)

    def close(self):
        """Drains the server if it runs: a sanitizer looks for leaks and races to the very end."""
        died = False
        if self.process:
            if self.process.poll() is None:
                self.signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(DEADLINE)
            died = self.process.poll() not in (0, -signal.SIGKILL)
            self.kill()
            self._reader.join(DEADLINE)
            self.process.stdout.close()
            self.log.close()
        log = self.log_text()
        keep_walked(log)
        if self._own:
            shutil.rmtree(self.directory, ignore_errors=True)
        refuse_findings(log)
        assert not died, f"the server ended with {self.process.returncode}:\n" + log[-4000:]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # What a newcomer does first.

    def setup(self, username="ada"):
        """Makes the first account; returns its client."""
        answer = requests.post(self.url + "/auth/register", json={
            "username": username, "password": PASSWORD, "display_name": username.title(),
            "workspace_name": "Acme", "setup_token": SETUP_TOKEN}, timeout=DEADLINE)
        assert answer.status_code == 201, answer.text
        return Client(self, answer.json()["token"], answer.json()["actor"])

    def person(self, owner, username, **fields):
        """A further person, made by the owner; returns its client."""
        answer = owner.post("/actors", {"type": "human", "username": username,
                                        "password": PASSWORD} | fields)
        assert answer.status_code == 201, answer.text
        login = requests.post(self.url + "/api/v1/auth/login",
                              json={"username": username, "password": PASSWORD}, timeout=DEADLINE)
        assert login.status_code == 200, login.text
        return Client(self, login.json()["token"], login.json()["actor"])

    def agent(self, owner, username, **fields):
        """A new agent of the owner; returns its client."""
        answer = owner.post("/agents", {"username": username} | fields)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        client = Client(self, made["api_key"], made["agent"])
        client.key = made["key"]
        return client

    def run(self, *arguments, token=None, stdin=None, check=True, timeout=DEADLINE):
        """The command line, against this server."""
        env = self.env | {"HEIM_SERVER": self.url}
        if token:
            env["HEIM_TOKEN"] = token
        done = subprocess.run([BINARY, *arguments], env=env, input=stdin, text=True,
                              capture_output=True, timeout=timeout, cwd=self.directory)
        refuse_findings(done.stderr)
        if check:
            assert done.returncode == 0, f"heim {arguments}: {done.returncode}\n{done.stderr}"
        return done


class Client:
    """REST and WebSocket as one actor."""

    def __init__(self, server, token, actor=None):
        self.server = server
        self.token = token
        self.actor = actor
        self.id = actor["id"] if actor else None
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {token}"

    def request(self, method, path, body=None, **kwargs):
        if body is not None:
            kwargs["json"] = body
        return self.http.request(method, self.server.url + "/api/v1" + path,
                                 timeout=kwargs.pop("timeout", DEADLINE), **kwargs)

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, path, body=None, **kwargs):
        return self.request("POST", path, {} if body is None else body, **kwargs)

    def patch(self, path, body, **kwargs):
        return self.request("PATCH", path, body, **kwargs)

    def put(self, path, body, **kwargs):
        return self.request("PUT", path, body, **kwargs)

    def delete(self, path, **kwargs):
        return self.request("DELETE", path, **kwargs)

    def channel(self, name, **fields):
        answer = self.post("/channels", {"name": name} | fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def default_channel(self):
        channels = self.get("/channels?name=general").json()["channels"]
        assert len(channels) == 1, channels
        return channels[0]

    def send(self, channel_id, content, **fields):
        answer = self.post(f"/channels/{channel_id}/messages", {"content": content} | fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def socket(self, query="", **kwargs):
        return Socket(self, query, **kwargs)


class Socket:
    """A plain WebSocket client; reads frames in the background."""

    def __init__(self, client, query="", in_url=True, **kwargs):
        url = f"ws://{client.server.address}/ws"
        if in_url:
            url += f"?token={client.token}" + (f"&{query}" if query else "")
        elif query:
            url += f"?{query}"
        self.ws = ws_connect(url, open_timeout=DEADLINE, close_timeout=5, max_size=None,
                             compression=None, **kwargs)
        self.frames = queue.Queue()
        self.seen = []
        self._n = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        with contextlib.suppress(Exception):
            for text in self.ws:
                self.frames.put(json.loads(text))
        self.frames.put(None)

    def send_raw(self, text):
        self.ws.send(text)

    def send(self, frame):
        self.ws.send(json.dumps(frame))

    def next(self, timeout=DEADLINE):
        """The next frame; None when the server closed."""
        frame = self.frames.get(timeout=timeout)
        self.seen.append(frame)
        return frame

    def until(self, want, timeout=2 * DEADLINE):
        """Reads up to the first frame that `want` (a type or a function) accepts; heartbeats do not prolong the wait."""
        accepts = want if callable(want) else lambda frame: frame["type"] == want
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            assert left > 0, f"nothing of the kind came; saw {self.seen[-5:]}"
            frame = self.next(left)
            assert frame is not None, f"closed while waiting; saw {self.seen[-5:]}"
            if accepts(frame):
                return frame

    def command(self, type_, data=None):
        """Sends a command and returns its reply."""
        self._n += 1
        id_ = f"c{self._n}"
        self.send({"type": type_, "id": id_} | ({"data": data} if data is not None else {}))
        return self.until(lambda frame: frame.get("id") == id_)

    def close(self):
        self.ws.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def error(answer, status, code):
    """Demands a refusal by REST with this status and code, and the request id of its header; answers the error."""
    assert answer.status_code == status, answer.text
    body = answer.json()["error"]
    assert body["code"] == code, body
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body


def eventually(check, what="what was waited for"):
    """Looks until the check holds, for what no event tells of: rows and files after a commit, lines of the log."""
    deadline = time.monotonic() + DEADLINE
    while not check():
        assert time.monotonic() < deadline, f"{what} did not come"
        threading.Event().wait(0.02)


def resident(server):
    """Bytes of memory that the server holds now."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


@functools.cache
def sanitized():
    """Whether the program under test has sanitizers, which keep shadows of memory and what was freed."""
    return any(mark in pathlib.Path(BINARY).read_bytes() for mark in (b"__asan_init", b"__tsan_init"))


def demand_flat_memory(before, most, spare):
    """Demands that the server's memory grew by less than `spare` bytes; says nothing of a sanitized program."""
    assert sanitized() or most - before < spare, f"{before >> 20} MiB grew to {most >> 20} MiB"


def grpcurl(server, *arguments, token=None, data=None, check=True, timeout=DEADLINE):
    """Plain grpcurl against the one port."""
    command = [GRPCURL, "-plaintext"]
    if token:
        command += ["-H", f"authorization: Bearer {token}"]
    if data is not None:
        command += ["-d", data if isinstance(data, str) else json.dumps(data)]
    done = subprocess.run(command + [server.address, *arguments], capture_output=True, text=True,
                          timeout=timeout)
    if check:
        assert done.returncode == 0, done.stderr
    return done
