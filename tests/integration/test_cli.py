"""The command line against a real server: set-up, log-in, chat, agents as processes, administration."""

import json
import os
import queue
import stat
import subprocess
import textwrap
import threading

import pytest

from heim_server import BINARY, DEADLINE, PASSWORD, SETUP_TOKEN, Server, refuse_findings


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        running.env["HEIM_PASSWORD"] = PASSWORD
        running.run("setup", "--setup-token", SETUP_TOKEN, "--username", "ada",
                    "--workspace-name", "Acme")
        yield running


class Background:
    """A command that keeps running; its stdout comes line by line, its stderr too."""

    def __init__(self, server, *arguments, token=None):
        env = server.env | {"HEIM_SERVER": server.url}
        if token:
            env["HEIM_TOKEN"] = token
        self.process = subprocess.Popen([BINARY, *arguments], env=env, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, cwd=server.directory)
        self.lines, self.notices = queue.Queue(), queue.Queue()
        self.said = []
        self.readers = [
            threading.Thread(target=self._read, args=arguments, daemon=True)
            for arguments in ((self.process.stdout, self.lines, []),
                              (self.process.stderr, self.notices, self.said))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, into, said):
        for line in stream:
            said.append(line)
            into.put(line.rstrip("\n"))
        into.put(None)

    @staticmethod
    def _until(source, text):
        seen = []
        while True:
            line = source.get(timeout=DEADLINE)
            assert line is not None, f"ended while waiting for {text!r}; saw {seen}"
            seen.append(line)
            if text in line:
                return line

    def until(self, text):
        return self._until(self.lines, text)

    def until_notice(self, text):
        return self._until(self.notices, text)

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE)
        for reader in self.readers:
            reader.join(DEADLINE)
        refuse_findings("".join(self.said))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_version_and_help_and_wrong_arguments(server):
    assert server.run("version").stdout.startswith("heim ")
    assert json.loads(server.run("version", "--json").stdout)["version"]
    assert "agent" in server.run("--help").stdout
    wrong = server.run("agent", "register", check=False)
    assert wrong.returncode == 2 and "--name" in wrong.stderr + wrong.stdout


def test_login_is_saved_for_the_owner_alone(server):
    server.run("login", "--username", "ada")
    saved = server.directory / "cli" / "credentials.json"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    wrong = subprocess.run([BINARY, "login", "--server", server.url, "--username", "ada"],
                           env=server.env | {"HEIM_PASSWORD": "wrong password"}, text=True,
                           capture_output=True, timeout=DEADLINE)
    assert wrong.returncode == 1 and "invalid_credentials" in wrong.stderr


def test_errors_say_what_to_try_next(server):
    missing = server.run("send", "nowhere", "hello", check=False)
    assert missing.returncode == 1 and "heim channels" in missing.stderr
    bare = server.env | {"HEIM_CONFIG_DIR": str(server.directory / "empty"),
                         "HEIM_SERVER": server.url}
    nobody = subprocess.run([BINARY, "channels"], env=bare, text=True, capture_output=True,
                            timeout=DEADLINE)
    assert nobody.returncode == 1 and "heim login" in nobody.stderr


def test_doctor(server):
    well = server.run("doctor")
    assert well.stdout.count("ok ") >= 3 and "WRONG" not in well.stdout
    ill = server.run("doctor", "--server", "http://127.0.0.1:9", check=False)
    assert ill.returncode == 1 and "WRONG" in ill.stdout


def test_channels_send_and_tail(server):
    assert "#general" in server.run("channels").stdout
    listed = [json.loads(line) for line in server.run("channels", "--json").stdout.splitlines()]
    assert listed[0]["name"] == "general"
    with Background(server, "tail", "general") as tail:
        tail.until_notice("following")
        server.run("send", "general", "hello", "from", "the", "terminal")
        assert tail.until("hello from the terminal").startswith("#general ada:")
        server.run("send", "general", stdin="two\nlines\n")
        tail.until("two")


def test_agent_send_as_the_specification_prints_it(server):
    out = server.run("agent", "register", "--name", "my-research-agent", "--description",
                     "Summarizes papers", "--capabilities", "code,search").stdout
    assert "heim_agent_" in out
    sent = server.run("agent", "send", "--channel", "general", "--json",
                      stdin='{"content": "Hello!"}\n')
    message = json.loads(sent.stdout)
    assert message["content"] == "Hello!" and message["actor"]["username"] == "my-research-agent"
    bad = server.run("agent", "send", "--channel", "general", stdin='{"contnet": "x"}\n', check=False)
    assert bad.returncode == 1 and "content" in bad.stderr


ECHO = textwrap.dedent("""
    import json, sys
    for line in sys.stdin:
        message = json.loads(line)
        words = ("You said: " + message["content"]).split(" ")
        for word in words[:-1]:
            print(word + " ", end="", flush=True)
        print(words[-1], flush=True)
""")


@pytest.mark.parametrize("stream", [False, True])
def test_agent_connect_runs_a_process(server, stream):
    name = "streamer" if stream else "liner"
    program = server.directory / f"{name}.py"
    program.write_text(ECHO)
    token = json.loads(server.run("agent", "register", "--name", name, "--json").stdout)["api_key"]
    flags = ["--stream"] if stream else []
    with Background(server, "agent", "connect", *flags, "--", "python3", str(program),
                    token=token) as agent, Background(server, "tail", "--json") as tail:
        agent.until_notice("connected as @" + name)
        tail.until_notice("following")
        server.run("send", "general", f"@{name} are you there")
        events, deadline = [], DEADLINE
        while True:
            event = json.loads(tail.lines.get(timeout=deadline))
            events.append(event)
            message = event.get("message_new", {}).get("message", {})
            if message.get("actor", {}).get("username") == name:
                break
        assert message["content"] == f"You said: @{name} are you there"
        chunks = [e for e in events if "message_stream_chunk" in e]
        assert bool(chunks) == stream


def test_agent_connect_comes_back_after_a_restart(tmp_path):
    server = Server(tmp_path, HEIM_PORT="0").start()
    server.env["HEIM_PASSWORD"] = PASSWORD
    server.run("setup", "--setup-token", SETUP_TOKEN, "--username", "ada")
    program = tmp_path / "echo.py"
    program.write_text(ECHO)
    server.run("agent", "register", "--name", "echo")
    port = server.port
    with Background(server, "agent", "connect", "--", "python3", str(program)) as agent:
        agent.until_notice("connected as @echo")
        server.kill()
        server.close()
        server = Server(tmp_path, HEIM_PORT=port).start()
        server.run("send", "general", "@echo still there?", token=None)
        with Background(server, "tail", "general") as tail:
            agent.until_notice("connected as @echo")
            tail.until_notice("following")
            server.run("send", "general", "@echo again")
            tail.until("You said: @echo again")
    history = server.run("tail", "--help")  # the server still answers the command line
    assert history.returncode == 0
    assert server.stop() == 0
    server.close()


def test_keys_are_listed_made_and_revoked(server):
    server.run("agent", "register", "--name", "keyed")
    made = server.run("agent", "keys", "create", "keyed", "--label", "second").stdout.strip()
    assert made.startswith("heim_agent_")
    keys = [json.loads(line) for line in
            server.run("agent", "keys", "list", "keyed", "--json").stdout.splitlines()]
    assert len(keys) == 2 and made not in json.dumps(keys)
    second = next(k for k in keys if k["label"] == "second")
    server.run("agent", "keys", "revoke", "keyed", second["id"])
    refused = server.run("channels", token=made, check=False)
    assert refused.returncode == 1 and "token_revoked" in refused.stderr


def test_administration_of_day_one(server):
    env = dict(server.env)
    server.env.pop("HEIM_PASSWORD")
    made = server.run("admin", "actor", "create", "grace", "--display-name", "Grace")
    assert "password, shown only now" in made.stderr
    server.env = env
    assert "@grace" in server.run("admin", "actor", "list").stdout
    server.run("admin", "workspace", "role", "grace", "admin")
    assert "@grace  admin" in server.run("admin", "workspace", "members").stdout
    server.run("admin", "workspace", "rename", "Acme Labs")
    assert "Acme Labs" in server.run("admin", "workspace", "show").stdout
    server.run("admin", "channel", "create", "launch", "--topic", "Soon", "--private")
    server.run("admin", "channel", "add", "launch", "grace", "--role", "admin")
    server.run("admin", "channel", "remove", "launch", "grace")
    server.run("admin", "channel", "archive", "launch")
    late = server.run("send", "launch", "x", check=False)
    assert late.returncode == 1
    server.run("admin", "actor", "deactivate", "grace")
    assert "@grace" not in server.run("admin", "actor", "list").stdout
