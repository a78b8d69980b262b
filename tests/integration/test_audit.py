"""The audit log: every action leaves one entry that says who, for whom, with what, from where, before and after; what did
not happen leaves none, and nobody but owners and admins of the workspace reads it."""

import json
import pathlib
import uuid

import pytest
import requests

import audit_actions
import contract
from audit_actions import ACTIONS, World, channel_of, names, ok, session_of
from audit_log import NOT_AUDITED, entries, head, since, soon
from contract import policy
from heim_server import DEADLINE, PASSWORD, Client, error

def one(client, number):
    found = since(client, number)
    assert len(found) == 1, [(e["action"], e["subject_id"]) for e in found]
    return found[0]


@pytest.fixture(autouse=True, scope="module")
def stay_at_home(ada):
    """Who is in two workspaces is where it was last, unless it says where it wants to be."""
    ada.http.headers["heim-workspace"] = ada.get("/auth/me").json()["workspace"]["id"]


@pytest.fixture(name="world", scope="module")
def make_world(server, ada, bob):
    return World(server, ada, bob)


def holds(told, wanted):
    """Whether what an entry tells of one side has these fields; None: the side is not there."""
    if wanted is None:
        return told is None
    return told is not None and all(told.get(k) == v for k, v in wanted.items())


@pytest.mark.parametrize("act", ACTIONS, ids=[act.__name__ for act in ACTIONS])
def test_an_action_leaves_one_entry_that_tells_all_of_it(world, act):
    action, kind, subject, before, after = act(world)
    entry = one(world.ada, world.number)
    assert (entry["action"], entry["result"]) == (action, "succeeded")
    assert (entry["subject_kind"], entry["subject_id"]) == (kind, subject)
    assert entry["actor"]["id"] == world.ada.id and entry["actor"]["username"] == "ada"
    assert entry["credential_id"] == world.session and entry["credential_type"] == "password"
    assert entry["address"] == "127.0.0.1" and entry["user_agent"].startswith("python-requests/")
    assert entry["request_id"] == world.answer.headers["X-Request-Id"]
    assert entry["method"].startswith("heim.v1.") and entry["sequence"] == world.number + 1
    assert not entry.get("on_behalf_of") and not entry.get("redacted")
    assert holds(entry.get("before"), before), entry
    assert holds(entry.get("after"), after), entry
    assert "hush" not in json.dumps(entry) and "rude words" not in json.dumps(entry)


def test_each_audited_action_is_named_by_a_test():
    folder = pathlib.Path(__file__).parent
    text = "".join(file.read_text(encoding="utf-8") for file in
                   [*folder.glob("test_*.py"), *(folder.parent / "support").glob("*.py")])
    audited = {policy(m).audit for m in contract.methods().values() if policy(m).audit}
    # Its pictures and titles come from servers of other tests.
    elsewhere = {"message.preview_remove"}
    assert not {action for action in audited - elsewhere if f'"{action}"' not in text}


def test_every_method_that_changes_something_is_audited_or_says_why_not():
    reasons = {name: why for why, some in NOT_AUDITED.items() for name in some}
    methods = contract.methods()
    assert not set(reasons) - set(methods), "an exception for what is not there"
    for name, method in methods.items():
        http = contract.http(method)
        reads = http is not None and http.WhichOneof("pattern") == "get"
        if policy(method).audit:
            assert name not in reasons, f"{name} is audited and excepted"
            kind, _, verb = policy(method).audit.partition(".")
            assert kind.replace("_", "").isalpha() and verb.replace("_", "").isalpha(), name
        else:
            assert reads or name in reasons, f"{name} changes something: set `audit`, or say in NOT_AUDITED why not"


def test_an_agent_acts_for_its_owner_with_its_key(ada, echo):
    number = head(ada)
    made = ok(echo.post("/channels", {"name": next(names)}, headers={
        "User-Agent": "robot/1", "heim-client": "heim-py/2"})).json()
    entry = one(ada, number)
    assert entry["subject_id"] == made["id"] and entry["actor"]["id"] == echo.id
    assert [a["id"] for a in entry["on_behalf_of"]] == [ada.id]
    assert (entry["credential_type"], entry["credential_id"]) == ("api_key", echo.key["id"])
    assert (entry["user_agent"], entry["client"]) == ("robot/1", "heim-py/2")


def test_what_fails_or_changes_nothing_or_repeats_is_not_entered_and_what_is_refused_is(ada, bob):
    made = channel_of(ada)
    ok(ada.delete(f"/channels/{made['id']}"))
    number = head(ada)
    ok(ada.delete(f"/channels/{made['id']}"))  # archived already
    assert ada.post("/channels", {"name": "Bad Name!"}).status_code == 400
    assert ada.patch(f"/channels/{uuid.uuid4()}", {"topic": "x"}).status_code == 404
    assert ada.patch(f"/channels/{made['id']}", {"topic": "x"}).status_code >= 400
    private = channel_of(ada, type="private")
    number += 1
    error(bob.delete(f"/channels/{private['id']}"), 404, "channel_not_found")
    assert head(ada) == number
    key = {"Idempotency-Key": uuid.uuid4().hex}
    name = next(names)
    first = ok(ada.post("/channels", {"name": name}, headers=key)).json()
    assert ok(ada.post("/channels", {"name": name}, headers=key)).json() == first
    assert one(ada, number)["action"] == "channel.create"

    number = head(ada)
    public = channel_of(ada)
    error(bob.delete(f"/channels/{public['id']}"), 403, "channel_role_required")
    entry = soon(ada, number + 1)[0]
    assert (entry["action"], entry["result"], entry["reason"]) == (
        "channel.archive", "denied", "channel_role_required")
    assert entry["actor"]["id"] == bob.id and entry["subject_id"] == public["id"]
    assert entry.get("before") is None and entry.get("after") is None
    assert ada.get(f"/channels/{public['id']}").json()["archived"] is False
    assert [e["sequence"] for e in entries(ada, result="denied")][0] == entry["sequence"]


def test_a_key_without_the_scope_is_entered_as_refused(server, ada):
    token = ok(ada.post("/auth/tokens", {"label": "small", "scopes": ["messages:read"]})).json()
    number = head(ada)
    small = Client(server, token["api_key"], ada.actor)
    error(small.post("/channels", {"name": next(names)}), 403, "missing_scope")
    entry = soon(ada, number)[0]
    assert (entry["result"], entry["reason"]) == ("denied", "missing_scope")
    assert (entry["credential_type"], entry["credential_id"]) == ("pat", token["key"]["id"])


def login(server, name, password):
    return requests.post(server.url + "/api/v1/auth/login", json={"username": name, "password": password},
                         timeout=DEADLINE)


def test_log_ins_are_entered_and_failed_ones_name_the_account_but_no_password(server, ada):
    person = server.person(ada, next(names))
    name = person.actor["username"]
    number = head(ada)
    assert login(server, name, "Wr0ng-guess-of-mine").status_code == 401
    failed = soon(ada, number)[0]
    assert (failed["action"], failed["result"], failed["reason"]) == (
        "login.failed", "failed", "invalid_credentials")
    assert (failed["actor"]["id"], failed["subject_id"]) == (person.id, person.id)
    assert failed["address"] == "127.0.0.1" and "Wr0ng" not in json.dumps(failed)
    assert login(server, "nobody-" + name, "whatever it is").status_code == 401
    number = head(ada)
    ok(login(server, name, PASSWORD))
    entry = one(ada, number)
    assert (entry["action"], entry["subject_kind"]) == ("login.succeeded", "session")
    assert entry["actor"]["id"] == person.id
    assert [e["action"] for e in since(ada, number - 1, action="login.")][-1] == "login.succeeded"


def test_a_wrong_password_in_changing_it_is_entered_as_failed(server, ada):
    person = server.person(ada, next(names))
    number = head(ada)
    error(person.post("/auth/password", {"current_password": "not it at all", "new_password": "a better horse"}),
          401, "invalid_credentials")
    entry = soon(ada, number)[0]
    assert (entry["action"], entry["result"], entry["actor"]["id"]) == ("password.change", "failed", person.id)
    assert entry["credential_id"] == session_of(person) and "not it" not in json.dumps(entry)


def test_what_is_refused_in_another_workspace_is_entered_there(server, ada, bob):
    second = ok(ada.post("/workspaces", {"name": "Third " + next(names)})).json()
    there = Client(server, ada.token, ada.actor)
    there.http.headers["heim-workspace"] = second["id"]
    invite = ok(there.post(f"/workspaces/{second['id']}/invites")).json()
    ok(bob.post(f"/invites/{invite['code']}/accept"))
    bob.http.headers["heim-workspace"] = ada.http.headers["heim-workspace"]
    number, mine = head(there), head(ada)
    answer = bob.patch(f"/workspaces/{second['id']}", {"name": "Mine"})
    assert answer.status_code == 403, answer.text
    entry = soon(there, number)[0]
    assert (entry["action"], entry["result"], entry["subject_id"]) == ("workspace.update", "denied", second["id"])
    assert head(ada) == mine


def test_sessions_and_passwords_are_entered(server, ada):
    person = server.person(ada, next(names))
    name = person.actor["username"]
    other = ok(login(server, name, PASSWORD)).json()["token"]
    number = head(ada)
    listed = {s["id"] for s in person.get("/auth/sessions").json()["sessions"] if not s["current"]}
    gone = listed.pop()
    ok(person.delete(f"/auth/sessions/{gone}"))
    entry = one(ada, number)
    assert (entry["action"], entry["subject_kind"], entry["subject_id"]) == ("session.revoke", "session", gone)
    number = head(ada)
    ok(login(server, name, PASSWORD))
    ok(person.post("/auth/sessions/revoke_others"))
    assert [e["action"] for e in since(ada, number)] == ["login.succeeded", "session.revoke_others"]
    number = head(ada)
    ok(person.post("/auth/password", {"current_password": PASSWORD, "new_password": "another horse staple"}))
    assert (one(ada, number)["action"], one(ada, number)["subject_id"]) == ("password.change", person.id)
    number = head(ada)
    link = ok(ada.post(f"/actors/{person.id}/password_reset")).json()
    ok(requests.post(server.url + "/api/v1/auth/password_reset", timeout=DEADLINE, json={
        "token": link["reset_token"], "new_password": "yet another staple"}))
    made, used = since(ada, number)
    assert (made["action"], made["actor"]["id"]) == ("password_reset.create", ada.id)
    assert (used["action"], used["actor"]["id"]) == ("password.reset", person.id)
    again = Client(server, ok(login(server, name, "yet another staple")).json()["token"])
    number = head(ada)
    ok(again.post("/auth/logout"))
    assert one(ada, number)["action"] == "session.logout"
    told = json.dumps(entries(ada))
    for secret in (PASSWORD, "staple", link["reset_token"], other, person.token):
        assert secret not in told


def test_sign_up_by_invite_and_a_second_workspace_each_enter_where_they_belong(server, ada):
    workspace = ada.get("/auth/me").json()["workspace"]["id"]
    invite = ok(ada.post(f"/workspaces/{workspace}/invites")).json()
    number, name = head(ada), next(names)
    made = ok(requests.post(server.url + "/api/v1/auth/register", timeout=DEADLINE, json={
        "username": name, "password": PASSWORD, "invite_code": invite["code"]})).json()
    entry = one(ada, number)
    assert (entry["action"], entry["subject_id"]) == ("account.register", made["actor"]["id"])
    assert entry["actor"]["id"] == made["actor"]["id"] and entry["after"]["username"] == name

    number = head(ada)
    second = ok(ada.post("/workspaces", {"name": "Second " + name})).json()
    assert head(ada) == number, "entered in the workspace that was made"
    there = Client(server, ada.token, ada.actor)
    there.http.headers["heim-workspace"] = second["id"]
    assert [e["action"] for e in entries(there)] == ["workspace.create"]
    invite = ok(there.post(f"/workspaces/{second['id']}/invites")).json()
    guest = Client(server, made["token"], made["actor"])
    ok(guest.post(f"/invites/{invite['code']}/accept"))
    accepted = entries(there)[0]
    assert (accepted["action"], accepted["subject_id"]) == ("invite.accept", invite["invite"]["id"])
    assert accepted["actor"]["id"] == guest.id and invite["code"] not in json.dumps(entries(there))
    assert head(ada) == number

    # What concerns an account is told in each of its workspaces.
    mine = head(there)
    ok(login(server, name, PASSWORD))
    assert one(there, mine)["action"] == one(ada, number)["action"] == "login.succeeded"
    assert {e["sequence"] for e in entries(there)} == set(range(1, mine + 2))


def test_what_is_private_stays_out(ada, bob):
    secret = channel_of(ada, type="private", topic="the merger")
    number = head(ada)
    ok(ada.patch(f"/channels/{secret['id']}", {"topic": "the sale"}))
    entry = one(ada, number)
    assert entry["before"] == entry["after"] == {"topic": "(hidden)"}
    made = next(e for e in entries(ada, subject_id=secret["id"]) if e["action"] == "channel.create")
    assert made["after"]["name"] == "(hidden)" and made["after"]["type"] == "private"
    number = head(ada)
    dm = ok(ada.post("/dms", {"actor_ids": [bob.id]})).json()
    own = ada.send(dm["id"], "between us")
    ok(ada.post("/channels", {"type": "dm", "members": [bob.id]}))
    ok(ada.delete(f"/messages/{own['id']}"))
    ok(ada.patch("/actors/me", {"status": "at the dentist"}))
    ok(ada.patch(f"/channels/{dm['id']}/members/me", {"muted": True}))
    assert head(ada) == number
