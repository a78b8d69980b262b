"""People and agents: the directory, profiles, deactivation and reactivation, agents' owners, keys and their rotation.

Every test makes its own people, so that what one takes away the others do not miss.
"""

import datetime
import itertools
import threading
import time
import uuid

import pytest
import requests

from heim_server import DEADLINE, PASSWORD, Client, Server, Socket, error, grpcurl

numbers = itertools.count(1)


def name(stem="p"):
    return f"{stem}{next(numbers)}"


def login(server, username):
    answer = requests.post(server.url + "/auth/login",
                           json={"username": username, "password": PASSWORD}, timeout=DEADLINE)
    answer.raise_for_status()
    return Client(server, answer.json()["token"], answer.json()["actor"])


def listed(client, path, key, query="", limit=2):
    """All pages of a list, two items each; usernames."""
    names, cursor = [], ""
    while True:
        answer = client.get(f"{path}?limit={limit}{query}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page[key]) <= limit
        names += [each["username"] for each in page[key]]
        if not page["has_more"]:
            assert not page["next_cursor"]
            return names
        cursor = page["next_cursor"]


# --- Directory

@pytest.fixture(scope="module")
def crowd(server, ada):
    """Agents of two owners, by framework and capability."""
    owners = [server.person(ada, name("owner")) for _ in range(2)]
    made = []
    for i, (owner, framework, skills) in enumerate(itertools.product(
            owners, ("langgraph", "autogen"), (["search"], ["search", "draw"], []))):
        agent = server.agent(owner, f"crowd{i:02}", framework=framework, capabilities=skills)
        made.append((agent, owner, framework, skills))
    return owners, made


def test_filters_of_the_directory_add_up_on_every_page(crowd, ada):
    owners, made = crowd
    for owner, framework, skill in itertools.product(
            [None, *owners], (None, "langgraph", "autogen"), (None, "search", "draw")):
        wanted = [agent.actor["username"] for agent, by, on, skills in made
                  if owner in (None, by) and framework in (None, on)
                  and (skill is None or skill in skills)]
        query = "&q=crowd"
        query += f"&owner_id={owner.id}" if owner else ""
        query += f"&framework={framework}" if framework else ""
        query += f"&capability={skill}" if skill else ""
        assert listed(ada, "/agents", "agents", query) == wanted, query
        assert listed(ada, "/actors", "actors", query + "&type=agent") == wanted, query
        assert listed(ada, "/actors", "actors", query + "&type=human") == [], query
    mine = listed(owners[0], "/agents", "agents", "&owner_id=me")
    assert mine == [agent.actor["username"] for agent, by, *_ in made if by is owners[0]]


def test_a_cursor_belongs_to_its_filters(crowd, ada):
    first = ada.get("/agents?limit=1&q=crowd&framework=autogen").json()
    for other in ("q=crowd", "q=crowd&framework=langgraph", "framework=autogen",
                  "q=crowd&framework=autogen&paused=true",
                  "q=crowd&framework=autogen&include_deactivated=true"):
        error(ada.get(f"/agents?limit=1&{other}&cursor={first['next_cursor']}"), 400,
              "invalid_cursor")
    error(ada.get(f"/actors?limit=1&q=crowd&framework=autogen&cursor={first['next_cursor']}"), 400,
          "invalid_cursor")


def test_guests_find_only_whom_they_share_a_channel_with(crowd, server, ada):
    owners, made = crowd
    guest = server.person(ada, name(), role="guest")
    assert listed(guest, "/agents", "agents") == []
    friend = made[0][0]
    owners[0].channel(f"c-{name()}", type="private", members=[guest.id, friend.id])
    assert listed(guest, "/agents", "agents") == [friend.actor["username"]]
    assert listed(guest, "/agents", "agents", f"&owner_id={owners[0].id}") == [
        friend.actor["username"]]
    assert listed(guest, "/agents", "agents", f"&owner_id={owners[1].id}") == []
    assert set(listed(guest, "/actors", "actors")) == {
        guest.actor["username"], friend.actor["username"], owners[0].actor["username"]}
    error(guest.get(f"/actors/{made[-1][0].id}"), 404, "actor_not_found")


def test_the_deactivated_are_listed_only_when_asked_for(server, ada):
    gone = server.person(ada, name("gone"))
    ada.delete(f"/actors/{gone.id}").raise_for_status()
    username = gone.actor["username"]
    assert listed(ada, "/actors", "actors", f"&q={username}") == []
    assert listed(ada, "/actors", "actors", f"&q={username}&include_deactivated=true") == [username]


# --- Profiles

@pytest.mark.parametrize("given,kept", [
    ("e\u0301mile", "émile"), ("  Bob\u202e\u200b ", "Bob"), ("\u2066Ann\u2069", "Ann"),
    ("\U0001f389", "\U0001f389"), ("\u1100\u1161", "가"), ("\u200b \u00ad", None)])
def test_display_names_are_what_they_look_like(server, ada, given, kept):
    username = name()
    made = ada.post("/actors", {"type": "agent", "username": username, "display_name": given})
    assert made.json()["display_name"] == (kept or username)
    person = server.person(ada, name())
    changed = person.patch("/actors/me", {"display_name": given})
    assert changed.json()["display_name"] == (kept or person.actor["username"])


@pytest.mark.parametrize("username", ["a", "a" * 33, "Ann", ".ann", "ann.", "a b", "änn", "a@b", ""])
def test_usernames_have_a_form(ada, username):
    error(ada.post("/agents", {"username": username}), 400, "invalid_argument")


@pytest.mark.parametrize("username", ["all", "here", "channel", "everyone", "system", "admin"])
def test_usernames_that_mean_something_else_are_reserved(server, ada, username):
    error(ada.post("/agents", {"username": username}), 409, "username_taken")
    error(server.person(ada, name()).patch("/actors/me", {"username": username}), 409,
          "username_taken")


def test_a_name_that_was_given_up_is_nobody_elses_for_a_while(server, ada):
    person, other = server.person(ada, name()), server.person(ada, name())
    old, new = person.actor["username"], name("renamed")
    assert person.patch("/actors/me", {"username": new}).json()["username"] == new
    error(other.patch("/actors/me", {"username": old}), 409, "username_taken")
    error(ada.post("/agents", {"username": old}), 409, "username_taken")
    assert login(server, new).id == person.id
    assert person.patch("/actors/me", {"username": old}).status_code == 200
    error(other.patch("/actors/me", {"username": new}), 409, "username_taken")


def test_two_who_take_one_name_at_once(server, ada):
    people = [server.person(ada, name()) for _ in range(6)]
    wanted = name("wanted")
    answers = []
    threads = [threading.Thread(target=lambda who=who: answers.append(
        who.patch("/actors/me", {"username": wanted}).status_code)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(answers) == [200] + [409] * 5


def test_type_owner_and_picture_are_not_the_clients_to_set(server, ada):
    agent = server.agent(ada, name())
    for field, value in (("type", "human"), ("avatar_url", "https://example.com/a.png"),
                         ("revision", 7), ("deleted_at", "2026-01-01T00:00:00Z")):
        answer = agent.patch(f"/actors/me?update_mask={field}", {field: value})
        error(answer, 400, "invalid_mask")
    error(agent.patch("/actors/me?update_mask=agent.owner_id", {"agent": {"owner_id": agent.id}}),
          400, "invalid_mask")
    now = agent.get("/actors/me").json()
    assert now["type"] == "agent" and "avatar_url" not in now
    assert now["agent"]["owner_id"] == ada.id and now["revision"] == agent.actor["revision"]


def test_a_lost_update_is_refused(server, ada):
    person = server.person(ada, name())
    seen = person.get("/actors/me").json()["revision"]
    tag = {"If-Match": f'"{seen}"'}
    first = person.patch("/actors/me", {"status": "out", "metadata": {"k": [1, {"x": None}]}},
                         headers=tag)
    assert first.status_code == 200 and first.json()["revision"] == seen + 1
    assert first.json()["metadata"] == {"k": [1, {"x": None}]}
    error(person.patch("/actors/me", {"status": "in"}, headers=tag), 409, "revision_conflict")
    assert person.get("/actors/me").json()["status"] == "out"
    # Clearing it.
    gone = person.patch("/actors/me?update_mask=status", {})
    assert gone.status_code == 200 and "status" not in gone.json()


def test_profiles_of_agents_change_by_either_door(server, ada):
    agent = server.agent(ada, name(), capabilities=["a"])
    one = ada.patch(f"/actors/{agent.id}", {"agent": {"model": "m-1"}})
    assert one.json()["agent"]["model"] == "m-1" and one.json()["agent"]["capabilities"] == ["a"]
    two = agent.patch("/agents/me", {"display_name": "Two", "agent": {"capabilities": ["b", "c"]}})
    assert two.status_code == 200, two.text
    assert two.json()["agent"]["capabilities"] == ["b", "c"]
    assert two.json()["agent"]["model"] == "m-1" and two.json()["display_name"] == "Two"
    revision = two.json()["revision"]
    error(ada.patch(f"/agents/{agent.id}", {"agent": {"model": "m-2"}},
                    headers={"If-Match": f'"{revision - 1}"'}), 409, "revision_conflict")
    error(ada.patch(f"/agents/{ada.id}", {"display_name": "x"}), 404, "agent_not_found")
    stranger = server.person(ada, name())
    error(stranger.patch(f"/agents/{agent.id}", {"display_name": "x"}), 403,
          "workspace_role_required")


# --- Deactivation and reactivation

def ends_within(socket, seconds):
    start = time.monotonic()
    while socket.next() is not None:
        pass
    took = time.monotonic() - start
    assert took < seconds, f"the socket closed after {took:.2f} s"


def test_deactivation_ends_sessions_keys_and_streams_within_a_second(server, ada):
    person = server.person(ada, name())
    second = login(server, person.actor["username"])
    token = person.post("/auth/tokens", {"label": "t"}).json()["api_key"]
    agent = server.agent(person, name())
    channel = ada.channel(f"c-{name()}", members=[person.id, agent.id])
    stream = agent.post(f"/channels/{channel['id']}/streams").json()
    sockets = [Socket(person), Socket(second), Socket(Client(server, token)), Socket(agent)]
    with ada.socket() as watching:
        for socket in [watching, *sockets]:
            socket.until("caught_up")
        assert ada.delete(f"/actors/{person.id}").status_code == 200
        for socket in sockets:
            ends_within(socket, 1.0)
        ended = watching.until("message.stream_end")
        assert ended["data"]["stream_id"] == stream["id"], ended
    for client in (person, second, Client(server, token), agent):
        error(client.get("/actors/me"), 401, "token_revoked")
    refused = requests.post(server.url + "/auth/login", timeout=DEADLINE, json={
        "username": person.actor["username"], "password": PASSWORD})
    error(refused, 401, "invalid_credentials")
    # What it is and wrote stays its own.
    shown = ada.get(f"/actors/{person.id}").json()
    assert shown["username"] == person.actor["username"] and shown["deleted_at"]
    error(ada.post("/agents", {"username": person.actor["username"]}), 409, "username_taken")


def test_who_comes_back_logs_in_anew(server, ada):
    admin = server.person(ada, name(), role="admin")
    person = server.person(ada, name())
    token = person.post("/auth/tokens", {"label": "t"}).json()["api_key"]
    agent = server.agent(person, name())
    message = person.send(ada.default_channel()["id"], "before")
    ada.delete(f"/actors/{person.id}").raise_for_status()
    paused = "&paused=true"
    assert agent.actor["username"] in listed(admin, "/agents", "agents", paused, limit=50)
    with ada.socket() as watching:
        watching.until("caught_up")
        back = admin.post(f"/actors/{person.id}/reactivate")
        assert back.status_code == 200 and "deleted_at" not in back.json(), back.text
        assert watching.until("actor.updated")["data"]["actor"] == back.json() | {
            "presence": "offline"}
    assert agent.actor["username"] not in listed(admin, "/agents", "agents", paused, limit=50)
    again = admin.post(f"/actors/{person.id}/reactivate")
    assert again.status_code == 200 and again.json()["revision"] == back.json()["revision"]
    # Sessions and tokens of before are dead; the agent's key was never revoked.
    for client in (person, Client(server, token)):
        error(client.get("/actors/me"), 401, "token_revoked")
    anew = login(server, person.actor["username"])
    assert anew.get(f"/messages/{message['id']}").json()["actor"]["id"] == person.id
    assert agent.get("/actors/me").status_code == 200


def test_who_may_reactivate(server, ada):
    admin = server.person(ada, name(), role="admin")
    member, other = server.person(ada, name()), server.person(ada, name())
    guest = server.person(ada, name(), role="guest")
    boss = server.person(ada, name(), role="owner")
    agent = server.agent(member, name())
    for target in (other, agent, boss):
        ada.delete(f"/actors/{target.id}").raise_for_status()
    error(member.post(f"/actors/{other.id}/reactivate"), 403, "workspace_role_required")
    error(guest.post(f"/actors/{other.id}/reactivate"), 404, "actor_not_found")
    error(ada.post(f"/actors/{uuid.uuid4()}/reactivate"), 404, "actor_not_found")
    error(admin.post(f"/actors/{boss.id}/reactivate"), 403, "workspace_role_required")
    assert member.post(f"/actors/{agent.id}/reactivate").status_code == 200
    # An agent's keys stay revoked.
    error(agent.get("/actors/me"), 401, "token_revoked")
    made = member.post(f"/agents/{agent.id}/keys", {"label": "new"})
    assert Client(server, made.json()["api_key"]).get("/actors/me").status_code == 200


def test_two_owners_who_leave_at_once_leave_one():
    for _ in range(3):
        with Server() as server:
            owners = [server.setup()]
            owners.append(server.person(owners[0], "olga", role="owner"))
            start, answers = threading.Barrier(2), []

            def leave(who):
                start.wait(DEADLINE)
                answers.append(who.delete("/actors/me"))

            threads = [threading.Thread(target=leave, args=(who,)) for who in owners]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE)
            assert sorted(answer.status_code for answer in answers) == [200, 400], answers
            error(max(answers, key=lambda answer: answer.status_code), 400, "last_owner")


# --- Agents and their owners

def test_resting_agents_are_offered_to_admins(server, ada):
    admin = server.person(ada, name(), role="admin")
    old, new = server.person(ada, name()), server.person(ada, name())
    agent = server.agent(old, name(), framework="langgraph")
    below = server.agent(agent, name())
    username = agent.actor["username"]
    resting = "&paused=true"
    assert username not in listed(admin, "/agents", "agents", resting, limit=50)
    ada.delete(f"/actors/{old.id}").raise_for_status()
    found = listed(admin, "/agents", "agents", resting, limit=50)
    assert username in found and below.actor["username"] in found
    error(agent.get("/actors/me"), 401, "token_revoked")

    at = f"/agents/{agent.id}"
    error(new.patch(at, {"agent": {"owner_id": new.id}}), 403, "workspace_role_required")
    guest = server.person(ada, name(), role="guest")
    for unfit in (guest.id, below.id, agent.id, str(uuid.uuid4()), "nobody"):
        error(admin.patch(at, {"agent": {"owner_id": unfit}}), 400, "invalid_argument")
    handed = admin.patch(at, {"agent": {"owner_id": new.id}})
    assert handed.status_code == 200, handed.text
    assert handed.json()["agent"]["owner_id"] == new.id
    # It and what it owns wake, with their keys.
    for each in (agent, below):
        assert each.get("/actors/me").status_code == 200
        assert each.actor["username"] not in listed(admin, "/agents", "agents", resting, limit=50)
    assert new.post(at + "/keys", {"label": "mine"}).status_code == 201
    # Who comes back has it no more.
    admin.post(f"/actors/{old.id}/reactivate").raise_for_status()
    error(login(server, old.actor["username"]).get(at + "/keys"), 403, "workspace_role_required")


def test_an_agent_has_no_more_rights_than_its_new_owner(server, ada):
    strong = server.agent(ada, name(), role="admin", scopes=["actors:write", "admin:*"])
    member = server.person(ada, name())
    error(ada.patch(f"/agents/{strong.id}", {"agent": {"owner_id": member.id}}), 400,
          "invalid_argument")
    admin = server.person(ada, name(), role="admin")
    assert ada.patch(f"/agents/{strong.id}", {"agent": {"owner_id": admin.id}}).status_code == 200


# --- Keys

def keys_of(client, agent):
    return client.get(f"/agents/{agent.id}/keys").json()["keys"]


def test_a_rotated_key_goes_on_for_its_overlap_and_no_longer(server, ada):
    agent = server.agent(ada, name())
    at = f"/agents/{agent.id}/keys/{agent.key['id']}/rotate"
    first = ada.post(at, {"overlap": "2s"})
    assert first.status_code == 200, first.text
    rotated = first.json()
    new = Client(server, rotated["api_key"])
    assert rotated["key"]["scopes"] == agent.key["scopes"]
    assert rotated["key"]["prefix"] != agent.key["prefix"]
    assert rotated["old_key"]["id"] == agent.key["id"]
    with agent.socket() as old_socket, new.socket() as new_socket:
        for socket in (old_socket, new_socket):
            socket.until("caught_up")
        assert agent.get("/actors/me").status_code == new.get("/actors/me").status_code == 200
        goodbye = old_socket.until("goodbye")
        assert goodbye["data"]["reason"] == "credential_revoked"
        assert old_socket.next() is None
        late = time.time() - expiry(rotated["old_key"])
        assert late < 1.0, f"the socket closed {late:.2f} s after the key ended"
        assert new_socket.command("ping")["type"] == "pong"
    assert agent.get("/actors/me").status_code == 401
    shown = {key["id"]: key for key in keys_of(ada, agent)}
    assert shown[rotated["key"]["id"]].get("last_used_at")
    assert not shown[agent.key["id"]].get("revoked_at")
    error(ada.post(at, {}), 400, "invalid_argument")


def expiry(key):
    return datetime.datetime.fromisoformat(key["expires_at"].replace("Z", "+00:00")).timestamp()


def test_rotation_without_an_overlap_and_by_default(server, ada):
    agent = server.agent(ada, name())
    start = time.time()
    rotated = ada.post(f"/agents/{agent.id}/keys/{agent.key['id']}/rotate").json()
    assert 3590 < expiry(rotated["old_key"]) - start < 3700
    second = f"/agents/{agent.id}/keys/{rotated['key']['id']}/rotate"
    for wrong in ("-1s", "604801s", "8 days", 5):
        error(ada.post(second, {"overlap": wrong}), 400, "invalid_argument")
    new = Client(server, rotated["api_key"])
    with new.socket() as socket:
        socket.until("caught_up")
        at_once = ada.post(second, {"overlap": "0s"})
        assert at_once.json()["old_key"]["revoked_at"]
        ends_within(socket, 1.0)
    error(new.get("/actors/me"), 401, "token_revoked")
    assert Client(server, at_once.json()["api_key"]).get("/actors/me").status_code == 200


def test_a_repeated_rotation_shows_no_secret(server, ada):
    agent = server.agent(ada, name())
    at = f"/agents/{agent.id}/keys/{agent.key['id']}/rotate"
    once = {"Idempotency-Key": str(uuid.uuid4())}
    first, again = (ada.post(at, {}, headers=once).json() for _ in range(2))
    assert first["api_key"] and not again.get("api_key")
    assert first["key"]["id"] == again["key"]["id"]
    assert len(keys_of(ada, agent)) == 2


def test_who_may_rotate(server, ada):
    owner = server.person(ada, name())
    agent = server.agent(owner, name())
    at = f"/agents/{agent.id}/keys/{agent.key['id']}/rotate"
    error(agent.post(at), 403, "workspace_role_required")
    error(server.person(ada, name()).post(at), 403, "workspace_role_required")
    error(server.person(ada, name(), role="guest").post(at), 404, "agent_not_found")
    narrow = owner.post("/auth/tokens", {"scopes": ["actors:write"]}).json()["api_key"]
    error(Client(server, narrow).post(at), 403, "missing_scope")
    other = server.agent(owner, name())
    error(owner.post(f"/agents/{other.id}/keys/{agent.key['id']}/rotate"), 404, "key_not_found")
    assert owner.post(at).status_code == 200
    # An admin gives nothing that the owner could not give.
    error(ada.post(f"/agents/{agent.id}/keys", {"scopes": ["admin:*"]}), 403, "missing_scope")


def test_people_rotate_their_tokens(server, ada):
    person, other = server.person(ada, name()), server.person(ada, name())
    made = person.post("/auth/tokens", {"label": "ci", "scopes": ["messages:read", "actors:write"]})
    old = Client(server, made.json()["api_key"])
    at = f"/auth/tokens/{made.json()['key']['id']}/rotate"
    error(other.post(at), 404, "key_not_found")
    narrow = person.post("/auth/tokens", {"scopes": ["actors:write"]}).json()["api_key"]
    error(Client(server, narrow).post(at), 403, "missing_scope")
    with old.socket() as socket:
        socket.until("caught_up")
        rotated = old.post(at, {"overlap": "1.5s"})
        assert rotated.status_code == 200, rotated.text
        assert rotated.json()["key"]["label"] == "ci"
        assert sorted(rotated.json()["key"]["scopes"]) == ["actors:write", "messages:read"]
        new = Client(server, rotated.json()["api_key"])
        assert new.get("/actors/me").status_code == old.get("/actors/me").status_code == 200
        assert socket.until("goodbye")["data"]["reason"] == "credential_revoked"
        assert time.time() - expiry(rotated.json()["old_key"]) < 1.0
    error(old.get("/actors/me"), 401, "token_expired")
    error(person.post(at), 400, "invalid_argument")


def test_a_key_with_an_end_ends(server, ada):
    agent = server.agent(ada, name())
    ends = time.time() + 2
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ends)) + f".{int(ends % 1 * 1000):03}Z"
    made = ada.post(f"/agents/{agent.id}/keys", {"expires_at": stamp})
    assert made.status_code == 201, made.text
    short = Client(server, made.json()["api_key"])
    with short.socket() as socket:
        socket.until("caught_up")
        assert socket.until("goodbye")["data"]["reason"] == "credential_revoked"
        assert socket.next() is None
        assert time.time() - ends < 2.0
    error(short.get("/actors/me"), 401, "token_expired")
    error(ada.post(f"/agents/{agent.id}/keys", {"expires_at": "2020-01-01T00:00:00Z"}), 400,
          "invalid_argument")


# --- Other fronts

def test_every_front_has_them(server, ada):
    person = server.person(ada, name())
    agent = server.agent(person, name())
    ada.delete(f"/actors/{person.id}").raise_for_status()
    with ada.socket() as socket:
        socket.until("caught_up")
        called = socket.command("call", {"method": "heim.v1.AgentService.UpdateAgent", "request": {
            "agent_id": agent.id, "agent": {"agent": {"owner_id": ada.id}}}})
        assert called["type"] == "result", called
    assert ada.get(f"/agents/{agent.id}").json()["agent"]["owner_id"] == ada.id
    grpcurl(server, "heim.v1.ActorService/ReactivateActor", token=ada.token,
            data={"actor_id": person.id})
    connect = requests.post(server.url + "/heim.v1.AgentService/RotateAgentKey", timeout=DEADLINE,
                            headers={"Authorization": f"Bearer {ada.token}"},
                            json={"agent_id": agent.id, "key_id": agent.key["id"], "overlap": "60s"})
    assert connect.status_code == 200 and connect.json()["api_key"], connect.text


def test_an_agent_has_so_many_keys_that_work_and_no_more(server, ada):
    agent = server.agent(ada, name())
    at = f"/agents/{agent.id}/keys"
    for _ in range(49):
        assert ada.post(at).status_code == 201
    error(ada.post(at), 400, "limit_reached")
    error(ada.post(f"{at}/{agent.key['id']}/rotate"), 400, "limit_reached")
    # One that ends at once makes room for the one in its place.
    rotated = ada.post(f"{at}/{agent.key['id']}/rotate", {"overlap": "0s"})
    assert rotated.status_code == 200, rotated.text
    error(ada.post(at), 400, "limit_reached")
    assert ada.delete(f"{at}/{rotated.json()['key']['id']}").status_code == 200
    assert ada.post(at).status_code == 201
