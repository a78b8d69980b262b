"""One server for each test module; tests make their own channels and people."""

import pytest

from heim_server import Server


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
