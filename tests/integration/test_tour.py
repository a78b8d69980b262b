"""The README's tour, run as it is printed against a real server.

Each marked block is run in order; the addresses are the test server's. `./scripts/run` is the one
thing not run: the fixture has started the same program.
"""

import os
import pathlib
import sys

import pytest

from heim_server import BINARY, DEADLINE, GRPCURL, SETUP_TOKEN, Server
from readme import Terminal, blocks

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
WSCAT = pathlib.Path(__file__).resolve().parents[1] / "support" / "wscat"


@pytest.fixture
def commands(tmp_path):
    """A directory with the programs that the tour calls by name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "heim").symlink_to(pathlib.Path(BINARY).resolve())
    (folder / "grpcurl").symlink_to(pathlib.Path(GRPCURL).resolve())
    wscat = folder / "wscat"
    wscat.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{WSCAT}" "$@"\n')
    wscat.chmod(0o755)
    return folder


def test_the_tour_works_as_printed(tmp_path, commands):
    found = blocks(README)
    assert sum(block.kind == "run" for block in found) >= 8
    assert sum(block.kind == "output" for block in found) >= 8
    (tmp_path / "home").mkdir()
    terminals = {}
    with Server(tmp_path) as server:
        env = {k: v for k, v in os.environ.items() if not k.startswith("HEIM_")} | {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "HOME": str(tmp_path / "home"),
            "HEIM_SERVER": f"http://localhost:{server.port}",
            "SETUP_TOKEN": SETUP_TOKEN,
        }
        env.pop("XDG_CONFIG_HOME", None)

        def local(text):
            return text.replace("localhost:3000", f"localhost:{server.port}")

        try:
            terminals[1] = Terminal(env, tmp_path)
            for block in found:
                if block.kind == "run":
                    terminals[1].run(local(block.text), DEADLINE)
                elif block.kind == "terminal":
                    terminals[block.terminal] = Terminal(env, tmp_path, local(block.text))
                else:
                    terminals[block.terminal].expect(local(block.text), DEADLINE)
        except AssertionError:
            print(server.log_text()[-4000:])
            raise
        finally:
            for terminal in terminals.values():
                terminal.close()
        saved = tmp_path / "home" / ".config" / "heim" / "credentials.json"
        assert saved.stat().st_mode & 0o777 == 0o600
        assert server.stop() == 0
