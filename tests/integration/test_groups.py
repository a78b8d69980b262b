"""User groups, and who may mention groups of people, over REST and sockets."""

import itertools
import uuid

from heim_server import error

names = (f"g{n}" for n in itertools.count(1))


def handle():
    return f"team-{uuid.uuid4().hex[:8]}"


def group(admin, *members, **fields):
    answer = admin.post("/groups", {"handle": handle(), "member_ids": [m.id for m in members]} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def room(owner, *members):
    channel = owner.channel(f"c-{uuid.uuid4().hex[:8]}")
    for member in members:
        owner.post(f"/channels/{channel['id']}/members", {"actor_id": member.id}).raise_for_status()
    return channel


def mentions(client, channel):
    states = client.get("/read_states?limit=200").json()["read_states"]
    state, = [s for s in states if s["channel_id"] == channel["id"]]
    return state["mention_count"]


def test_a_groups_life(server, ada, bob):
    cleo = server.person(ada, next(names))
    with bob.socket() as socket:
        socket.until("caught_up")
        made = group(ada, bob, name="The Team", description="All of us")
        assert socket.until("group.created")["data"]["group"] == made
        at = f"/groups/{made['id']}"
        assert made["member_ids"] == [bob.id] and made["member_count"] == 1
        assert bob.get(at).json() == made
        found = bob.get("/groups", params={"q": "the te"}).json()["groups"]
        assert [g["id"] for g in found] == [made["id"]] and not found[0].get("member_ids")
        added = ada.put(f"{at}/members/{cleo.id}", {}).json()
        assert added["member_ids"] == [bob.id, cleo.id] and added["revision"] == 2
        assert socket.until("group.updated")["data"]["group"] == added
        members = bob.get(f"{at}/members").json()["members"]
        assert [m["id"] for m in members] == [bob.id, cleo.id]
        assert bob.delete(f"{at}/members/me").json()["member_ids"] == [cleo.id]
        changed = ada.patch(at, {"name": "Other"}).json()
        assert changed["name"] == "Other" and changed["handle"] == made["handle"]
        error(ada.patch(f"{at}?expected_revision=1", {"name": "X"}), 409, "revision_conflict")
        error(bob.patch(at, {"name": "X"}), 403, "workspace_role_required")
        error(ada.post("/groups", {"handle": made["handle"]}), 409, "group_handle_taken")
        error(ada.post("/groups", {"handle": "bob"}), 409, "group_handle_taken")
        error(ada.post("/groups", {"handle": "Not A Handle"}), 400, "invalid_argument")
        assert ada.delete(at).status_code == 200
        assert socket.until("group.deleted")["data"]["group_id"] == made["id"]
        error(ada.get(at), 404, "group_not_found")


def test_members_manage_groups_where_the_workspace_says_so(server, ada, bob):
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    at = f"/workspaces/{workspace['id']}"
    error(bob.post("/groups", {"handle": handle()}), 403, "workspace_role_required")
    settings = workspace["settings"]
    error(ada.patch(at, {"settings": settings | {"members_manage_groups": "yes"}}), 400,
          "invalid_argument")
    ada.patch(at, {"settings": settings | {"members_manage_groups": True}}).raise_for_status()
    made = group(bob)
    assert bob.delete(f"/groups/{made['id']}").status_code == 200
    ada.patch(at, {"settings": settings}).raise_for_status()
    error(bob.post("/groups", {"handle": handle()}), 403, "workspace_role_required")


def test_guests_hear_nothing_of_groups_and_mention_none(server, ada, bob):
    guest = server.person(ada, next(names), role="guest")
    channel = room(ada, bob)
    ada.post(f"/channels/{channel['id']}/members",
             {"actor_id": guest.id, "role": "guest"}).raise_for_status()
    with guest.socket() as socket:
        socket.until("caught_up")
        made = group(ada, bob)
        sent = ada.send(channel["id"], f"@{made['handle']}")
        socket.until("message.new")
        assert not [f for f in socket.seen if f["type"].startswith("group.")]
    for answer in (guest.get("/groups"), guest.get(f"/groups/{made['id']}"),
                   guest.get(f"/groups/{made['id']}/members")):
        error(answer, 403, "workspace_role_required")
    assert [m["group_id"] for m in sent["mentions"]] == [made["id"]]
    assert mentions(bob, channel) == 1
    for text in ("@channel", "@here", "@everyone", f"@{made['handle']}"):
        assert not guest.send(channel["id"], text).get("mentions"), text


def test_agents_mention_groups_where_the_workspace_lets_them(server, ada, bob, echo):
    channel = room(ada, bob, echo)
    assert not echo.send(channel["id"], "@channel").get("mentions")
    assert len(echo.send(channel["id"], "@bob and @channel")["mentions"]) == 1
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    at = f"/workspaces/{workspace['id']}"
    ada.patch(at, {"settings": workspace["settings"] | {"agents_mention_groups": True}}
              ).raise_for_status()
    assert len(echo.send(channel["id"], "@channel")["mentions"]) == 1
    ada.patch(at, {"settings": workspace["settings"]}).raise_for_status()


def test_here_calls_who_is_connected(server, ada, bob):
    cleo = server.person(ada, next(names))
    channel = room(ada, bob, cleo)
    with cleo.socket() as socket:
        socket.until("caught_up")
        sent = ada.send(channel["id"], "@here")
    assert [m["type"] for m in sent["mentions"]] == ["here"]
    assert mentions(cleo, channel) == 1


def test_who_is_deactivated_or_removed_leaves_groups(server, ada, bob):
    one, two = server.person(ada, next(names)), server.person(ada, next(names))
    made = group(ada, bob, one, two)
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    assert ada.delete(f"/actors/{one.id}").status_code == 200
    assert ada.delete(f"/workspaces/{workspace['id']}/members/{two.id}").status_code == 200
    left = ada.get(f"/groups/{made['id']}").json()
    assert left["member_ids"] == [bob.id] and left["member_count"] == 1
    error(ada.put(f"/groups/{made['id']}/members/{one.id}", {}), 400, "actor_deactivated")
    error(ada.put(f"/groups/{made['id']}/members/{two.id}", {}), 404, "actor_not_found")
