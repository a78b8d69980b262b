"""Invites through the real server: who lets whom in, as what, how often, and what a code tells a stranger."""

import datetime
import itertools
import threading
import uuid

import pytest
import requests

from heim_server import DEADLINE, PASSWORD, Client, Server, error

names = (f"n{n}" for n in itertools.count(1))


def place(client):
    return f"/workspaces/{client.get('/auth/me').json()['workspace']['id']}/invites"


def invite(client, **fields):
    answer = client.post(place(client), fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def sign_up(server, code, path="/auth/register", **fields):
    body = {"username": next(names), "password": PASSWORD, "invite_code": code} | fields
    return requests.post(server.url + "/api/v1" + path, json=body, timeout=DEADLINE)


def join(server, code, **fields):
    answer = sign_up(server, code, **fields)
    assert answer.status_code == 201, answer.text
    return Client(server, answer.json()["token"], answer.json()["actor"])


def preview(server, code):
    return requests.get(server.url + f"/api/v1/invites/{code}", timeout=DEADLINE)


def channels_of(client):
    return sorted(c["name"] for c in client.get("/channels").json()["channels"] if c.get("me"))


def in_days(days):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_newcomer_gets_role_default_channel_and_the_named_ones(server, ada):
    open_, closed = ada.channel("for-all"), ada.channel("for-few", type="private")
    made = invite(ada, role="admin", channel_ids=[open_["id"], closed["id"]], note="the board")
    code = made["code"]
    assert len(code) == 26 and made["url"] == f"/invite/{code}"
    shown = preview(server, code)
    assert shown.status_code == 200 and shown.json() == {"workspace_name": "Acme", "role": "admin"}
    stale = requests.get(server.url + f"/api/v1/invites/{code}", timeout=DEADLINE,
                         headers={"Authorization": "Bearer " + "x" * 40})
    assert stale.json() == shown.json()
    with ada.socket() as socket:
        socket.until("caught_up")
        newcomer = join(server, code)
        created = socket.until("actor.created")
        assert created["data"]["actor"]["id"] == newcomer.id
        added = [socket.until("member.added")["data"]["channel"]["name"] for _ in range(3)]
        assert sorted(added) == ["for-all", "for-few", "general"]
    assert newcomer.get("/auth/me").json()["role"] == "admin"
    assert channels_of(newcomer) == ["for-all", "for-few", "general"]
    listed = next(i for i in ada.get(place(ada)).json()["invites"] if i["id"] == made["invite"]["id"])
    assert listed["use_count"] == 1 and listed["note"] == "the board"
    assert listed["code_prefix"] == code[:4] and listed["created_by"] == ada.id
    assert code not in ada.get(place(ada)).text and code not in server.log_text()


def test_a_guest_is_in_the_named_channels_only(server, ada):
    error(ada.post(place(ada), {"role": "guest"}), 400, "invalid_argument")
    project = ada.channel("the-project")
    guest = join(server, invite(ada, role="guest", channel_ids=[project["id"]])["code"])
    assert guest.get("/auth/me").json()["role"] == "guest"
    assert channels_of(guest) == ["the-project"]
    error(guest.get(f"/channels/{ada.default_channel()['id']}"), 404, "channel_not_found")
    error(guest.post(place(guest), {}), 403, "workspace_role_required")


def test_nobody_lets_in_above_itself(server, ada):
    member = server.person(ada, next(names))
    secret = ada.channel("secret-one", type="private")
    assert member.post(place(member), {}).status_code == 201
    error(member.post(place(member), {"role": "admin"}), 403, "workspace_role_required")
    error(member.post(place(member), {"channel_ids": [secret["id"]]}), 404, "channel_not_found")
    dm = ada.post("/dms", {"actor_ids": [member.id]}).json()
    error(ada.post(place(ada), {"channel_ids": [dm["id"]]}), 403, "channel_role_required")
    agent = server.agent(ada, next(names))
    error(agent.post(place(ada), {}), 403, "permission_denied")
    admin = server.person(ada, next(names), role="admin")
    error(admin.post(place(admin), {"role": "owner"}), 403, "workspace_role_required")
    narrow = Client(server, member.post("/auth/tokens", {"scopes": ["actors:read"]}).json()["api_key"])
    error(narrow.post(place(member), {}), 403, "missing_scope")
    elsewhere = ada.post(f"/workspaces/{uuid.uuid4()}/invites")
    error(elsewhere, 404, "workspace_not_found")


def test_what_is_wrong_with_a_code_is_not_told(server, ada):
    used, revoked, bound = (invite(ada, max_uses=1), invite(ada), invite(ada, email="x@example.org"))
    join(server, used["code"])
    gone = ada.delete(f"{place(ada)}/{revoked['invite']['id']}")
    assert gone.status_code == 200 and gone.json()["revoked_at"], gone.text
    assert ada.delete(f"{place(ada)}/{revoked['invite']['id']}").json() == gone.json()
    owner = server.person(ada, next(names), role="owner")
    orphan = invite(owner, role="owner")
    assert ada.delete(f"/actors/{owner.id}").status_code == 200
    shown = []
    for code in ("x" * 26, "x", used["code"], revoked["code"], orphan["code"], bound["code"]):
        for path, more in (("/auth/register", {}), ("/actors", {"type": "human"})):
            answer = sign_up(server, code, path, **more)
            error(answer, 403, "invite_invalid")
            shown.append(answer.json()["error"] | {"request_id": ""})
        if code != bound["code"]:
            error(preview(server, code), 403, "invite_invalid")
    assert all(each == shown[0] for each in shown)
    error(sign_up(server, bound["code"], email="y@example.org"), 403, "invite_invalid")
    assert sign_up(server, bound["code"], email="X@Example.org").status_code == 201


def test_an_invite_ends_by_itself(server, ada):
    short = ada.post(place(ada), {"expires_at": in_days(1)})
    assert short.status_code == 201, short.text
    for days in (-1, 400):
        error(ada.post(place(ada), {"expires_at": in_days(days)}), 400, "invalid_argument")


def test_of_many_who_use_the_last_use_at_once_one_joins(server, ada):
    for _ in range(5):
        code = invite(ada, max_uses=1)["code"]
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(sign_up(server, code)))
                   for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert sorted(a.status_code for a in answers) == [201] + [403] * 5
        for answer in answers:
            if answer.status_code == 403:
                error(answer, 403, "invite_invalid")


def test_a_failed_sign_up_uses_nothing(server, ada):
    code = invite(ada, max_uses=1)["code"]
    error(sign_up(server, code, username="ada"), 409, "username_taken")
    error(sign_up(server, code, password="short"), 400, "invalid_argument")
    join(server, code)
    error(sign_up(server, code), 403, "invite_invalid")


def test_actors_takes_a_code_from_strangers_and_the_role_is_the_invites(server, ada):
    code = invite(ada, role="admin")["code"]
    name = next(names)
    made = sign_up(server, code, "/actors", type="human", username=name, role="owner")
    assert made.status_code == 201, made.text
    at = place(ada).removesuffix("/invites")
    roles = {m["actor"]["username"]: m["role"]
             for m in ada.get(f"{at}/members?limit=200").json()["members"]}
    assert roles[name] == "admin"
    mixed = ada.post("/actors", {"type": "human", "username": next(names), "password": PASSWORD,
                                 "invite_code": code})
    error(mixed, 400, "invalid_argument")


def test_a_repeat_of_the_call_shows_no_code_again(server, ada):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (ada.post(place(ada), {"note": "once"}, headers=key) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json()["code"] and not second.json().get("code") and not second.json().get("url")
    assert first.json()["invite"]["id"] == second.json()["invite"]["id"]


def test_admins_see_and_revoke_all_others_their_own(server, ada):
    member, admin = server.person(ada, next(names)), server.person(ada, next(names), role="admin")
    own, foreign = invite(member)["invite"], invite(ada)["invite"]
    assert [i["id"] for i in member.get(place(member)).json()["invites"]] == [own["id"]]
    seen = {i["id"] for i in admin.get(place(admin)).json()["invites"]}
    assert {own["id"], foreign["id"]} <= seen
    error(member.delete(f"{place(member)}/{foreign['id']}"), 404, "invite_not_found")
    error(member.delete(f"{place(member)}/{uuid.uuid4()}"), 404, "invite_not_found")
    assert admin.delete(f"{place(admin)}/{own['id']}").status_code == 200
    assert member.get(place(member)).json()["invites"] == []
    ended = member.get(place(member) + "?include_ended=true").json()["invites"]
    assert [i["id"] for i in ended] == [own["id"]] and ended[0]["revoked_at"]
    page = admin.get(place(admin) + "?limit=1").json()
    assert page["has_more"]
    rest = admin.get(place(admin) + f"?limit=200&cursor={page['next_cursor']}").json()
    assert page["invites"][0]["id"] not in {i["id"] for i in rest["invites"]}


# --- People who have an account: several workspaces

@pytest.fixture(scope="module")
def lab(server, ada):
    """A second workspace; its owner, who is also in the first one, works there."""
    made = ada.post("/workspaces", {"name": "Lab", "slug": "lab"})
    assert made.status_code == 201, made.text
    code = ada.post(f"/workspaces/{made.json()['id']}/invites", {"role": "owner"}).json()["code"]
    owner = server.person(ada, next(names))
    accepted = owner.post(f"/invites/{code}/accept")
    assert accepted.status_code == 200 and accepted.json()["joined"], accepted.text
    owner.http.headers["heim-workspace"] = "lab"
    owner.workspace = made.json()
    return owner


def test_accepting_joins_the_other_workspace_and_its_header_selects_it(server, ada, lab):
    person = server.person(ada, next(names))
    error(person.get("/channels", headers={"heim-workspace": "lab"}), 404, "workspace_not_found")
    bench = lab.channel("bench", type="private")
    code = invite(lab, channel_ids=[bench["id"]], max_uses=1)["code"]
    with lab.socket("workspace_id=lab") as socket:
        socket.until("caught_up")
        accepted = person.post(f"/invites/{code}/accept")
        assert accepted.status_code == 200, accepted.text
        assert socket.until("actor.created")["data"]["actor"]["id"] == person.id
    answer = accepted.json()
    assert answer["joined"] and answer["workspace"]["slug"] == "lab"
    assert answer["member"]["role"] == "member" and answer["member"]["actor"]["id"] == person.id
    there = Client(server, person.token)
    there.http.headers["heim-workspace"] = "lab"
    assert channels_of(there) == ["bench", "general"]
    there.send(bench["id"], "hello")
    # Where it came from nothing has changed.
    home = ada.get("/auth/me").json()["workspace"]["slug"]
    here = person.get("/auth/me", headers={"heim-workspace": home}).json()
    assert here["role"] == "member" and here["workspace"]["slug"] == home
    slugs = {w["slug"] for w in person.get("/workspaces").json()["workspaces"]}
    assert slugs == {home, "lab"}


def test_accepting_again_changes_nothing_and_uses_nothing(server, ada, lab):
    person = server.person(ada, next(names))
    made = invite(lab, max_uses=1)
    assert not lab.post(f"/invites/{made['code']}/accept").json().get("joined")
    first = person.post(f"/invites/{made['code']}/accept").json()
    again = person.post(f"/invites/{made['code']}/accept")
    assert again.status_code == 200 and not again.json().get("joined")
    assert again.json()["member"] == first["member"]
    error(server.person(ada, next(names)).post(f"/invites/{made['code']}/accept"), 403,
          "invite_invalid")
    # An invite for less than what somebody is takes nothing away.
    less = lab.post(f"/invites/{invite(lab)['code']}/accept").json()
    assert less["member"]["role"] == "owner"


def test_only_a_person_who_is_logged_in_accepts(server, ada, lab):
    code = invite(lab)["code"]
    person = server.person(ada, next(names))
    token = Client(server, person.post("/auth/tokens", {"label": "t"}).json()["api_key"])
    agent = server.agent(ada, next(names))
    for key in (token, agent):
        error(key.post(f"/invites/{code}/accept"), 403, "permission_denied")
    anonymous = requests.post(server.url + f"/api/v1/invites/{code}/accept", json={}, timeout=DEADLINE)
    error(anonymous, 401, "unauthenticated")


def test_a_newcomer_of_one_workspace_finds_no_other(server, ada, lab):
    person = join(server, invite(lab)["code"])
    assert person.get("/auth/me").json()["workspace"]["slug"] == "lab"
    home = ada.get("/auth/me").json()["workspace"]
    error(person.get("/channels", headers={"heim-workspace": home["slug"]}), 404,
          "workspace_not_found")
    error(person.post(f"/workspaces/{home['id']}/invites"), 404, "workspace_not_found")


# --- What the operator and the owner decide

def test_a_setting_leaves_invites_to_admins():
    with Server() as server:
        ada = server.setup("ada")
        bob = server.person(ada, "bob")
        code = invite(bob)["code"]
        workspace = ada.get("/auth/me").json()["workspace"]
        settings = workspace["settings"] | {"members_create_invites": False}
        assert ada.patch(f"/workspaces/{workspace['id']}", {"settings": settings}).status_code == 200
        error(bob.post(place(bob), {}), 403, "workspace_role_required")
        error(preview(server, code), 403, "invite_invalid")
        assert invite(ada)["code"]


@pytest.mark.parametrize("registration, status", [("open", 201), ("invite", 201), ("disabled", 403)])
def test_where_sign_up_is_closed_a_code_does_not_help(registration, status):
    with Server(HEIM_REGISTRATION=registration, HEIM_PUBLIC_URL="https://chat.example") as server:
        ada = server.setup("ada")
        made = invite(ada, role="admin")
        assert made["url"] == f"https://chat.example/invite/{made['code']}"
        answer = sign_up(server, made["code"])
        assert answer.status_code == status, answer.text
        if status == 201:
            newcomer = Client(server, answer.json()["token"])
            assert newcomer.get("/auth/me").json()["role"] == "admin"
        else:
            error(answer, 403, "registration_disabled")


def test_the_command_line_makes_lists_and_revokes(tmp_path):
    with Server(tmp_path) as server:
        ada = server.setup("ada")
        ada.channel("plans")
        link = server.run("admin", "invite", "create", "--role", "guest", "--channel", "plans",
                          "--max-uses", "1", "--days", "2", "--note", "for Eve",
                          token=ada.token).stdout.strip()
        assert link.startswith(server.url + "/invite/"), link
        code = link.rsplit("/", 1)[1]
        listed = server.run("admin", "invite", "list", token=ada.token).stdout
        assert "guest" in listed and "for Eve" in listed and code not in listed
        id_ = listed.split()[0]
        server.run("admin", "invite", "revoke", id_, token=ada.token)
        error(sign_up(server, code), 403, "invite_invalid")
        assert server.run("admin", "invite", "list", token=ada.token).stdout == ""
        assert id_ in server.run("admin", "invite", "list", "--all", token=ada.token).stdout
