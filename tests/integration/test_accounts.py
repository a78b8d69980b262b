"""Sessions, passwords and reset links through the real server: what is shown, what ends, how soon, and what is not told."""

import itertools
import threading
import time
import uuid

import grpc
import pytest
import requests
from heim.v1 import auth_service_pb2, event_service_pb2

from heim_server import DEADLINE, PASSWORD, Client, Server, error

names = (f"p{n}" for n in itertools.count(1))
NEW = "another good password"


def login(server, username, password=PASSWORD, **headers):
    return requests.post(server.url + "/api/v1/auth/login", headers=headers, timeout=DEADLINE,
                         json={"username": username, "password": password})


def log_in(server, username, password=PASSWORD, **headers):
    answer = login(server, username, password, **headers)
    assert answer.status_code == 200, answer.text
    return Client(server, answer.json()["token"], answer.json()["actor"])


def sessions(client):
    answer = client.get("/auth/sessions")
    assert answer.status_code == 200, answer.text
    return answer.json()["sessions"]


def current(client):
    return next(s["id"] for s in sessions(client) if s["current"])


# --- Sessions

def test_sessions_show_device_address_and_which_one_asks(server, ada):
    person = server.person(ada, next(names))
    phone = log_in(server, person.actor["username"], **{"User-Agent": "Phone 7"})
    listed = sessions(phone)
    assert [s["current"] for s in listed] == [True, False]
    assert listed[0]["user_agent"] == "Phone 7" and listed[0]["address"] == "127.0.0.1"
    for session in listed:
        assert {"id", "created_at", "last_seen_at", "expires_at"} <= set(session)
        assert "revoked_at" not in session
    first = phone.get("/auth/sessions?limit=1").json()
    assert first["has_more"] and [s["id"] for s in first["sessions"]] == [listed[0]["id"]]
    rest = phone.get(f"/auth/sessions?limit=1&cursor={first['next_cursor']}").json()
    assert not rest["has_more"] and rest["sessions"][0]["id"] == listed[1]["id"]
    error(ada.get(f"/auth/sessions?cursor={first['next_cursor']}"), 400, "invalid_cursor")


def test_a_revoked_session_is_refused_at_once_and_only_its_owner_revokes_it(server, ada):
    person = server.person(ada, next(names))
    other = log_in(server, person.actor["username"])
    id_ = current(other)
    error(ada.delete(f"/auth/sessions/{id_}"), 404, "session_not_found")
    for missing in (str(uuid.uuid4()), "no-uuid"):
        error(person.delete(f"/auth/sessions/{missing}"), 404, "session_not_found")
    gone = person.delete(f"/auth/sessions/{id_}")
    assert gone.status_code == 200 and gone.json()["revoked_at"], gone.text
    assert gone.json()["id"] == id_ and not gone.json()["current"]
    error(other.get("/auth/me"), 401, "token_revoked")
    assert person.delete(f"/auth/sessions/{id_}").json() == gone.json()
    assert person.get("/auth/me").status_code == 200


def test_revoking_ones_own_session_is_a_log_out(server, ada):
    answer = login(server, "ada")
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    own = Client(server, answer.json()["token"])
    ended = own.delete(f"/auth/sessions/{current(own)}")
    assert ended.status_code == 200 and "Max-Age=0" in ended.headers["Set-Cookie"]
    by_cookie = requests.get(server.url + "/api/v1/auth/me", headers={"Cookie": cookie},
                             timeout=DEADLINE)
    error(by_cookie, 401, "token_revoked")


def test_all_others_end_together(server, ada):
    person = server.person(ada, next(names))
    others = [log_in(server, person.actor["username"]) for _ in range(3)]
    done = person.post("/auth/sessions/revoke_others")
    assert done.status_code == 200 and done.json()["revoked_count"] == 3, done.text
    for other in others:
        error(other.get("/auth/me"), 401, "token_revoked")
    assert [s["current"] for s in sessions(person)] == [True]
    assert ada.get("/auth/me").status_code == 200


def test_sessions_are_served_by_every_front(server, ada):
    with ada.socket() as socket:
        socket.until("caught_up")
        reply = socket.command("call", {"method": "heim.v1.AuthService.ListSessions", "request": {}})
        assert reply["type"] == "result", reply
        assert [s for s in reply["data"]["response"]["sessions"] if s["current"]]
    connect = ada.http.post(server.url + "/heim.v1.AuthService/ListSessions", json={},
                            timeout=DEADLINE)
    assert connect.status_code == 200 and connect.json()["sessions"], connect.text
    with grpc.insecure_channel(server.address) as wire:
        call = wire.unary_unary(
            "/heim.v1.AuthService/ListSessions",
            request_serializer=auth_service_pb2.ListSessionsRequest.SerializeToString,
            response_deserializer=auth_service_pb2.ListSessionsResponse.FromString)
        answer = call(auth_service_pb2.ListSessionsRequest(), timeout=DEADLINE,
                      metadata=[("authorization", f"Bearer {ada.token}")])
        assert [s for s in answer.sessions if s.current]


# --- What is open ends within a second

def session_of(server, ada):
    person = server.person(ada, next(names))
    other = log_in(server, person.actor["username"])
    id_ = current(other)
    return other, lambda: person.delete(f"/auth/sessions/{id_}")


def other_sessions_of(server, ada):
    person = server.person(ada, next(names))
    return log_in(server, person.actor["username"]), lambda: person.post(
        "/auth/sessions/revoke_others")


def password_of(server, ada):
    person = server.person(ada, next(names))
    return log_in(server, person.actor["username"]), lambda: person.post(
        "/auth/password", {"current_password": PASSWORD, "new_password": NEW})


def reset_of(server, ada):
    person = server.person(ada, next(names))
    token = ada.post(f"/actors/{person.id}/password_reset").json()["reset_token"]
    return person, lambda: requests.post(
        server.url + "/api/v1/auth/password_reset", timeout=DEADLINE,
        json={"token": token, "new_password": NEW})


def personal_token_of(server, ada):
    person = server.person(ada, next(names))
    made = person.post("/auth/tokens", {"label": "t"}).json()
    return Client(server, made["api_key"]), lambda: person.delete(
        f"/auth/tokens/{made['key']['id']}")


def agent_key_of(server, ada):
    agent = server.agent(ada, next(names))
    return agent, lambda: ada.delete(f"/agents/{agent.id}/keys/{agent.key['id']}")


@pytest.mark.parametrize("credential", [
    session_of, other_sessions_of, password_of, reset_of, personal_token_of, agent_key_of])
def test_open_connections_of_what_is_revoked_close_within_a_second(server, ada, credential):
    """A WebSocket and a Subscribe over gRPC, each with a goodbye that says why."""
    client, revoke = credential(server, ada)
    with client.socket() as socket, grpc.insecure_channel(server.address) as wire:
        socket.until("caught_up")
        stream = wire.unary_stream(
            "/heim.v1.EventService/Subscribe",
            request_serializer=event_service_pb2.SubscribeRequest.SerializeToString,
            response_deserializer=event_service_pb2.SubscribeResponse.FromString)(
                event_service_pb2.SubscribeRequest(), timeout=DEADLINE,
                metadata=[("authorization", f"Bearer {client.token}")])
        while not next(stream).control.HasField("hello"):
            pass
        done = revoke()
        assert done.status_code == 200, done.text
        revoked = time.monotonic()
        assert socket.until("goodbye")["data"]["reason"] == "credential_revoked"
        assert socket.next() is None
        assert socket.ws.protocol.close_rcvd.code == 4401
        seen = []
        with pytest.raises(grpc.RpcError) as ended:
            for response in stream:
                seen.append(response)
        assert time.monotonic() - revoked < 1.0
        assert ended.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert seen[-1].control.goodbye.reason == "credential_revoked"
    error(client.get("/auth/me"), 401, "token_revoked")


# --- Passwords

def test_a_new_password_keeps_this_session_and_ends_the_others(server, ada):
    person = server.person(ada, next(names))
    username = person.actor["username"]
    other = log_in(server, username)
    change = {"current_password": PASSWORD, "new_password": NEW}
    error(person.post("/auth/password", change | {"current_password": "wrong"}), 401,
          "invalid_credentials")
    done = person.post("/auth/password", change)
    assert done.status_code == 200 and done.json() == {"revoked_count": 1}, done.text
    assert person.get("/auth/me").status_code == 200
    error(other.get("/auth/me"), 401, "token_revoked")
    error(login(server, username), 401, "invalid_credentials")
    assert login(server, username, NEW).status_code == 200


def test_only_a_log_in_changes_a_password(server, ada):
    person = server.person(ada, next(names))
    token = Client(server, person.post("/auth/tokens", {"label": "t"}).json()["api_key"])
    agent = server.agent(ada, next(names))
    change = {"current_password": PASSWORD, "new_password": NEW}
    for client in (token, agent):
        error(client.post("/auth/password", change), 403, "permission_denied")
        error(client.get("/auth/sessions"), 403, "permission_denied")
        error(client.post("/auth/sessions/revoke_others"), 403, "permission_denied")
    anonymous = requests.post(server.url + "/api/v1/auth/password", json=change, timeout=DEADLINE)
    error(anonymous, 401, "unauthenticated")


def test_short_passwords_are_refused_and_long_ones_are_not_cut(server, ada):
    person = server.person(ada, next(names))
    for wrong in ("seven c", "x" * 1025, ""):
        refused = person.post("/auth/password",
                              {"current_password": PASSWORD, "new_password": wrong})
        error(refused, 400, "invalid_argument")
        assert refused.json()["error"]["fields"][0]["field"] == "new_password"
    long = "ä" * 1024
    assert person.post("/auth/password", {"current_password": PASSWORD,
                                          "new_password": long}).status_code == 200
    error(login(server, person.actor["username"], long[:-1]), 401, "invalid_credentials")
    error(login(server, person.actor["username"], long[:-1] + "a"), 401, "invalid_credentials")
    assert login(server, person.actor["username"], long).status_code == 200


def test_of_a_log_in_and_a_change_at_once_none_with_the_old_password_is_left(server, ada):
    """Whichever commits first: a session that was opened with the old password does not outlive it."""
    person = server.person(ada, next(names))
    username, old = person.actor["username"], PASSWORD
    for n in range(8):
        new = f"password number {n}"
        tokens = []

        def open_sessions():
            for _ in range(4):
                answer = login(server, username, old)
                if answer.status_code == 200:
                    tokens.append(answer.json()["token"])

        threads = [threading.Thread(target=open_sessions) for _ in range(2)]
        for thread in threads:
            thread.start()
        changed = person.post("/auth/password", {"current_password": old, "new_password": new})
        assert changed.status_code == 200, changed.text
        for thread in threads:
            thread.join(DEADLINE)
        for token in tokens:
            error(Client(server, token).get("/auth/me"), 401, "token_revoked")
        error(login(server, username, old), 401, "invalid_credentials")
        old = new


def test_wrong_current_passwords_count_as_failed_log_ins():
    with Server(HEIM_RATE_LIMITS="on", HEIM_TRUSTED_PROXIES="127.0.0.1") as server:
        ada = server.setup("ada")
        change = {"current_password": "wrong", "new_password": NEW}
        here = {"X-Forwarded-For": "192.0.2.7"}
        for _ in range(10):
            error(ada.post("/auth/password", change, headers=here), 401, "invalid_credentials")
        refused = ada.post("/auth/password", change | {"current_password": PASSWORD}, headers=here)
        error(refused, 429, "rate_limited")
        assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
        error(login(server, "ada", **here), 429, "rate_limited")
        # Nobody is locked out who sits elsewhere.
        there = {"X-Forwarded-For": "198.51.100.1"}
        assert login(server, "ada", **there).status_code == 200
        assert ada.post("/auth/password", change | {"current_password": PASSWORD},
                        headers=there).status_code == 200


def test_unknown_account_and_wrong_password_answer_alike(server, ada):
    answers = [login(server, "nobody-of-that-name"), login(server, "ada", "wrong password")]
    shown = [(a.status_code, a.json()["error"] | {"request_id": ""}) for a in answers]
    assert shown[0] == shown[1] and shown[0][0] == 401


# --- Reset links

def reset(server, token, password=NEW, **headers):
    return requests.post(server.url + "/api/v1/auth/password_reset", headers=headers,
                         json={"token": token, "new_password": password}, timeout=DEADLINE)


def test_a_reset_link_works_once_and_ends_all_sessions(server, ada):
    person = server.person(ada, next(names))
    made = ada.post(f"/actors/{person.id}/password_reset")
    assert made.status_code == 201, made.text
    token = made.json()["reset_token"]
    assert made.json()["reset_url"] == f"/reset?token={token}" and made.json()["expires_at"]
    error(reset(server, token, "short"), 400, "invalid_argument")
    done = reset(server, token)
    assert done.status_code == 200 and done.json() == {}, done.text
    error(person.get("/auth/me"), 401, "token_revoked")
    assert login(server, person.actor["username"], NEW).status_code == 200
    error(login(server, person.actor["username"]), 401, "invalid_credentials")
    error(reset(server, token), 403, "reset_token_invalid")
    log = server.log_text()
    assert token not in log and NEW not in log
    assert f"A link to reset a password was made actor={person.id} by={ada.id}" in log


def test_wrong_used_and_replaced_links_are_told_apart_by_nobody(server, ada):
    person = server.person(ada, next(names))
    replaced, used = (ada.post(f"/actors/{person.id}/password_reset").json()["reset_token"]
                      for _ in range(2))
    assert reset(server, used).status_code == 200
    shown = []
    for token in ("x", replaced, used):
        answer = reset(server, token)
        error(answer, 403, "reset_token_invalid")
        shown.append(answer.json()["error"] | {"request_id": ""})
    assert shown[0] == shown[1] == shown[2]


def test_of_many_who_use_a_link_at_once_one_does(server, ada):
    person = server.person(ada, next(names))
    token = ada.post(f"/actors/{person.id}/password_reset").json()["reset_token"]
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(
        reset(server, token, f"the password of {n}").status_code)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(answers) == [200] + [403] * 5


def test_who_may_make_a_reset_link(server, ada):
    admin = server.person(ada, next(names), role="admin")
    peer = server.person(ada, next(names), role="admin")
    member = server.person(ada, next(names))
    agent = server.agent(ada, next(names))

    def ask(client, actor):
        return client.post(f"/actors/{actor}/password_reset")

    assert ask(admin, member.id).status_code == 201
    assert ask(admin, peer.id).status_code == 201
    error(ask(admin, ada.id), 403, "workspace_role_required")
    error(ask(member, peer.id), 403, "missing_scope")
    error(ask(admin, "me"), 403, "permission_denied")
    error(ask(ada, agent.id), 403, "permission_denied")
    error(ask(ada, str(uuid.uuid4())), 404, "actor_not_found")
    assert ada.delete(f"/actors/{peer.id}").status_code == 200
    error(ask(ada, peer.id), 400, "actor_deactivated")


def test_a_repeat_of_the_call_shows_no_link_again(server, ada):
    person = server.person(ada, next(names))
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (ada.post(f"/actors/{person.id}/password_reset", headers=key)
                     for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json()["reset_token"] and not second.json().get("reset_token")
    assert not second.json().get("reset_url")
    assert reset(server, first.json()["reset_token"]).status_code == 200


def test_guessing_links_is_slowed_down():
    with Server(HEIM_RATE_LIMITS="on", HEIM_TRUSTED_PROXIES="127.0.0.1") as server:
        server.setup("ada")
        here = {"X-Forwarded-For": "192.0.2.7"}
        codes = [reset(server, f"guess {n}", **here).status_code for n in range(201)]
        assert codes[0] == 403 and codes[-1] == 429, codes
        assert reset(server, "guess", **{"X-Forwarded-For": "192.0.2.8"}).status_code == 403


def test_the_command_line_prints_a_link(tmp_path):
    with Server(tmp_path, HEIM_PUBLIC_URL="https://chat.example/") as server:
        ada = server.setup("ada")
        bob = server.person(ada, "bob")
        link = server.run("admin", "actor", "reset-password", "bob", token=ada.token).stdout.strip()
        assert link.startswith("https://chat.example/reset?token="), link
        assert reset(server, link.split("token=")[1]).status_code == 200
        error(bob.get("/auth/me"), 401, "token_revoked")


def test_the_operator_of_the_machine_lets_the_only_owner_in_again(tmp_path):
    with Server(tmp_path, HEIM_PUBLIC_URL="https://chat.example/") as server:
        ada = server.setup("ada")

        def link(name):
            made = server.run("admin", "reset-password", name).stdout.strip()
            assert made.startswith("https://chat.example/reset?token=op."), made
            return made.split("token=")[1]

        first, second = link("ada"), link("ada")
        assert reset(server, first).status_code == 200
        error(ada.get("/auth/me"), 401, "token_revoked")
        for used in (first, second, link("nobody"), first[:-1] + "x"):
            error(reset(server, used), 403, "reset_token_invalid")
        server.env["HEIM_DATA_DIR"] = str(tmp_path / "nothing")
        elsewhere = server.run("admin", "reset-password", "ada", check=False)
        assert elsewhere.returncode == 1 and "no server's data" in elsewhere.stderr
        assert "op." not in server.log_text()


# --- The last owner

def at_once(*acts):
    """What they answer, all started together."""
    answers = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def go(i, act):
        start.wait(DEADLINE)
        answers[i] = act()

    threads = [threading.Thread(target=go, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    return answers


def test_of_two_owners_who_go_at_once_one_stays():
    """Fifty rounds: leaving and stepping down race each other, and a workspace always has an owner."""
    with Server() as server:
        ada = server.setup("ada")
        pair = [ada, server.person(ada, "bob", role="owner")]
        at = f"/workspaces/{ada.get('/auth/me').json()['workspace']['id']}"

        def leave(who):
            return lambda: who.delete(f"{at}/members/{who.id}")

        def step_down(who):
            return lambda: who.patch(f"{at}/members/{who.id}", {"role": "member"})

        ways = itertools.cycle([(leave, leave), (step_down, step_down), (leave, step_down)])
        for n in range(50):
            answers = at_once(*(way(who) for way, who in zip(next(ways), pair)))
            went = [i for i in range(2) if answers[i].status_code == 200]
            assert len(went) == 1, f"round {n}: {[a.text for a in answers]}"
            error(answers[1 - went[0]], 400, "last_owner")
            gone, kept = pair[went[0]], pair[1 - went[0]]
            members = kept.get(f"{at}/members").json()["members"]
            roles = {m["actor"]["id"]: m["role"] for m in members}
            assert [a for a, role in roles.items() if role == "owner"] == [kept.id], f"round {n}"
            assert kept.get(at).json()["owner_id"] == kept.id, f"round {n}"
            if gone.id in roles:
                back = kept.patch(f"{at}/members/{gone.id}", {"role": "owner"})
            else:
                code = kept.post(f"{at}/invites", {"role": "owner", "max_uses": 1}).json()["code"]
                back = gone.post(f"/invites/{code}/accept")
            assert back.status_code == 200, back.text


def test_of_an_owner_who_leaves_and_one_who_is_deactivated_at_once_one_stays():
    with Server() as server:
        ada = server.setup("ada")
        at = f"/workspaces/{ada.get('/auth/me').json()['workspace']['id']}"
        bob = server.person(ada, "bob", role="owner")
        answers = at_once(lambda: ada.delete(f"{at}/members/{ada.id}"),
                          lambda: bob.delete("/actors/me"))
        assert sorted(a.status_code for a in answers) == [200, 400], [a.text for a in answers]
        refused = next(a for a in answers if a.status_code == 400)
        error(refused, 400, "last_owner")
