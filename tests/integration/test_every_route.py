"""Runs after all other modules here: every route of the contract was called by one of them, and answered with success."""

import os
import pathlib

import pytest
import requests

from heim_server import DEADLINE

METHODS = ("get", "post", "put", "patch", "delete")


def test_every_route_of_the_contract_was_walked(server):
    folder = pathlib.Path(os.environ["HEIM_WALKED"]).parent
    walked = {tuple(line.split(" ", 1)) for file in folder.glob("test_*.txt")
              for line in file.read_text(encoding="utf-8").splitlines()}
    if not walked:
        pytest.fail("no other module has run: run all that has the label integration")
    document = requests.get(server.url + "/api/v1/openapi.json", timeout=DEADLINE).json()
    contract = {(method.upper(), path) for path, item in document["paths"].items()
                for method in item if method in METHODS}
    missing = sorted(contract - walked)
    assert not missing, missing
