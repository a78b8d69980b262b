"""One server for each test module; tests make their own channels and people."""

import os
import pathlib

import pytest

from heim_server import Server


def pytest_sessionstart():
    """What an earlier run walked does not count."""
    walked = os.environ.get("HEIM_WALKED")
    if walked:
        pathlib.Path(walked).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(walked).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def ada(server):
    """The owner of the workspace."""
    return server.setup("ada")


@pytest.fixture(scope="module")
def bob(server, ada):
    return server.person(ada, "bob", display_name="Bob")


@pytest.fixture(scope="module")
def echo(server, ada):
    return server.agent(ada, "echo", description="Says it again", capabilities=["echo"])
