"""Who may sign up: the set-up link, then open, invite or disabled."""

import re

import pytest
import requests

from heim_server import DEADLINE, PASSWORD, SETUP_TOKEN, Server


def sign_up(server, path="/api/v1/auth/register", **fields):
    return requests.post(server.url + path, timeout=DEADLINE,
                         json={"username": "newcomer", "password": PASSWORD} | fields)


def test_open_registration_takes_everybody_as_member(tmp_path):
    with Server(tmp_path, HEIM_REGISTRATION="open") as server:
        ada = server.setup()
        answer = sign_up(server)
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) >= {"actor", "workspace", "token", "expires_at"}
        role = requests.get(server.url + "/api/v1/auth/me", timeout=DEADLINE,
                            headers={"Authorization": "Bearer " + answer.json()["token"]}).json()["role"]
        assert role == "member"
        assert sign_up(server).json()["error"]["code"] == "username_taken"
        anonymous = requests.post(server.url + "/api/v1/actors", timeout=DEADLINE, json={
            "type": "human", "username": "by-actors", "password": PASSWORD, "role": "owner"})
        assert anonymous.status_code in (201, 403)
        roles = {m["actor"]["username"]: m["role"] for m in ada.get(
            f"/workspaces/{answer.json()['workspace']['id']}/members").json()["members"]}
        assert roles.get("by-actors", "member") == "member"


@pytest.mark.parametrize("registration", ["invite", "disabled"])
def test_closed_registration_takes_nobody(tmp_path, registration):
    with Server(tmp_path, HEIM_REGISTRATION=registration) as server:
        server.setup()
        answer = sign_up(server)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "registration_disabled"


def test_nobody_signs_up_before_the_set_up(tmp_path):
    with Server(tmp_path, HEIM_REGISTRATION="open") as server:
        answer = sign_up(server)
        assert answer.status_code == 403, answer.text
        wrong = sign_up(server, setup_token="x" * 24)
        assert wrong.json()["error"]["code"] == "setup_token_invalid"
        right = sign_up(server, path="/auth/register", setup_token=SETUP_TOKEN)
        assert right.status_code == 201, right.text


def test_the_printed_link_makes_the_first_account_once(tmp_path):
    server = Server(tmp_path)
    del server.env["HEIM_SETUP_TOKEN"]
    with server:
        line = next(line for line in server.stdout if "/setup?token=" in line)
        token = re.search(r"token=(\S+)", line).group(1)
        page = requests.get(f"{server.url}/setup?token={token}", timeout=DEADLINE)
        assert page.status_code == 200 and "text/html" in page.headers["Content-Type"]
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert sign_up(server, setup_token=token).status_code == 201
        assert sign_up(server, username="second", setup_token=token).status_code == 403
        assert token not in server.log_text()


def test_presence_is_watched_by_sse(tmp_path):
    with Server(tmp_path) as server:
        ada = server.setup()
        bob = server.person(ada, "bob")
        stream = ada.get("/presence/events", stream=True, headers={"Accept": "text/event-stream"})
        assert stream.status_code == 200, stream.text
        lines = stream.iter_lines(decode_unicode=True)
        next(lines)
        bob.put("/actors/me/presence", {"presence": "away", "status": "Lunch"})
        for line in lines:
            if line.startswith("data:") and bob.id in line and "Lunch" in line:
                break
        stream.close()
