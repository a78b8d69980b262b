"""Channels at their edges: the default one, names, roles, races for the last owner and for direct messages, archive."""

import itertools
import threading

import pytest

from heim_server import error

names = (f"c{n}" for n in itertools.count(1))


def at_once(*calls):
    """Runs the calls in threads that start together; their answers in order."""
    gate, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(i):
        gate.wait()
        answers[i] = calls[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def clone(client):
    """The same actor with a connection of its own."""
    return type(client)(client.server, client.token, client.actor)


def roles(client, channel):
    members = client.get(f"/channels/{channel['id']}/members?limit=200").json()["members"]
    return {member["actor"]["id"]: member["role"] for member in members}


def listed(client, name, query=""):
    return [each["id"] for each in client.get(f"/channels?name={name}{query}").json()["channels"]]


# --- The default channel

def test_the_default_channel_stays_what_it_is_until_another_is_chosen(server, ada):
    bob = server.person(ada, next(names))
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    general = ada.default_channel()
    assert workspace["settings"]["default_channel_id"] == general["id"]
    at = f"/channels/{general['id']}"
    for answer in (bob.post(f"{at}/leave"), ada.delete(at), ada.patch(at, {"type": "private"}),
                   ada.delete(f"{at}/members/{bob.id}"), bob.delete(f"{at}/members/me")):
        error(answer, 400, "default_channel")
    other = ada.channel(next(names))
    secret = ada.channel(next(names), type="private")
    settings = workspace["settings"]
    assert bob.patch(f"/workspaces/{workspace['id']}",
                     {"settings": settings | {"default_channel_id": other["id"]}}).status_code == 403
    for wrong in (secret["id"], "nothing", 7):
        error(ada.patch(f"/workspaces/{workspace['id']}",
                        {"settings": settings | {"default_channel_id": wrong}}), 400,
              "invalid_argument")
    changed = ada.patch(f"/workspaces/{workspace['id']}",
                        {"settings": settings | {"default_channel_id": other["id"]}})
    assert changed.status_code == 200, changed.text
    try:
        carl = server.person(ada, next(names))
        assert carl.id in roles(ada, other) and carl.id not in roles(ada, general)
        error(carl.post(f"/channels/{other['id']}/leave"), 400, "default_channel")
        assert bob.post(f"{at}/leave").status_code == 200
        bob.post(f"{at}/join").raise_for_status()
    finally:
        ada.patch(f"/workspaces/{workspace['id']}", {"settings": settings}).raise_for_status()


# --- Names

@pytest.mark.parametrize("name", ["all", "here", "channel", "everyone", "system", "admin"])
def test_reserved_names_are_nobodys(ada, name):
    error(ada.post("/channels", {"name": name}), 400, "invalid_argument")
    channel = ada.channel(next(names))
    error(ada.patch(f"/channels/{channel['id']}", {"name": name}), 400, "invalid_argument")


def test_a_channel_is_found_by_the_names_it_had_until_another_takes_them(server, ada):
    bob = server.person(ada, next(names))
    first, second, third = (next(names) for _ in range(3))
    channel = ada.channel(first)
    at = f"/channels/{channel['id']}"
    for name in (second, third):
        ada.patch(at, {"name": name}).raise_for_status()
    for name in (first, second, third):
        assert listed(bob, name) == [channel["id"]]
        assert bob.get(f"/channels?name={name}").json()["channels"][0]["name"] == third
    server.run("send", f"#{first}", "by its old name", token=ada.token)
    assert bob.get(f"{at}/messages").json()["messages"][0]["content"] == "by its old name"
    taker = ada.channel(first)
    assert listed(bob, first) == [taker["id"]] and listed(bob, second) == [channel["id"]]
    error(ada.patch(at, {"name": first}), 409, "channel_name_taken")
    # Who takes a name that it had itself, and who gives it up again.
    ada.patch(at, {"name": second}).raise_for_status()
    assert listed(bob, second) == listed(bob, third) == [channel["id"]]
    ada.patch(f"/channels/{taker['id']}", {"name": next(names)}).raise_for_status()
    assert listed(bob, first) == [taker["id"]], "it had the name last"


def test_an_old_name_tells_nothing_of_what_is_hidden(server, ada):
    bob, guest = server.person(ada, next(names)), server.person(ada, next(names), role="guest")
    old, new = next(names), next(names)
    secret = ada.channel(old, type="private")
    ada.patch(f"/channels/{secret['id']}", {"name": new}).raise_for_status()
    assert listed(ada, old) == [secret["id"]]
    for name in (old, new):
        assert listed(bob, name) == [] == listed(guest, name)
    # A hidden channel that took the name does not hide the one that had it.
    shown = ada.channel(next(names))
    first = shown["name"]
    ada.patch(f"/channels/{shown['id']}", {"name": next(names)}).raise_for_status()
    hidden = ada.channel(first, type="private")
    assert listed(bob, first) == [shown["id"]] and listed(ada, first) == [hidden["id"]]
    assert listed(guest, first) == [] == listed(bob, first, "&joined=true")
    ada.delete(f"/channels/{shown['id']}").raise_for_status()
    assert listed(bob, first) == []
    assert listed(bob, first, "&include_archived=true") == [shown["id"]]


def test_names_are_one_whatever_their_case(ada):
    name = next(names)
    ada.channel(name)
    error(ada.post("/channels", {"name": name}), 409, "channel_name_taken")
    error(ada.post("/channels", {"name": name.upper()}), 400, "invalid_argument")


# --- Roles

def test_an_admin_makes_no_owners_and_leaves_owners_alone(server, ada):
    owner, admin, peer = (server.person(ada, next(names)) for _ in range(3))
    channel = owner.channel(next(names), type="private", members=[admin.id, peer.id])
    at = f"/channels/{channel['id']}/members"
    owner.patch(f"{at}/{admin.id}", {"role": "admin"}).raise_for_status()
    for target, role in ((peer, "owner"), (admin, "owner"), (owner, "member"), (owner, "admin")):
        error(admin.patch(f"{at}/{target.id}", {"role": role}), 403, "channel_role_required")
    error(admin.delete(f"{at}/{owner.id}"), 403, "channel_role_required")
    newcomer = server.person(ada, next(names))
    error(admin.post(at, {"actor_id": newcomer.id, "role": "owner"}), 403, "channel_role_required")
    for role in ("viewer", "guest", "admin", "member"):
        assert admin.patch(f"{at}/{peer.id}", {"role": role}).json()["role"] == role
    error(owner.patch(f"{at}/{owner.id}", {"role": "member"}), 400, "last_owner")
    # Nobody of the workspace's own looks into a private channel.
    error(ada.patch(f"{at}/{peer.id}", {"role": "admin"}), 404, "channel_not_found")


def test_owners_and_admins_of_the_workspace_keep_order_in_public_channels(server, ada):
    owner, peer = server.person(ada, next(names)), server.person(ada, next(names))
    admin = server.person(ada, next(names), role="admin")
    channel = owner.channel(next(names), members=[peer.id])
    at = f"/channels/{channel['id']}/members"
    assert admin.patch(f"{at}/{peer.id}", {"role": "admin"}).json()["role"] == "admin"
    error(admin.patch(f"{at}/{peer.id}", {"role": "owner"}), 403, "channel_role_required")
    error(admin.delete(f"{at}/{owner.id}"), 403, "channel_role_required")
    error(ada.patch(f"{at}/{owner.id}", {"role": "member"}), 400, "last_owner")
    assert ada.patch(f"{at}/{peer.id}", {"role": "owner"}).json()["role"] == "owner"
    assert ada.patch(f"{at}/{owner.id}", {"role": "member"}).json()["role"] == "member"


def test_one_owner_stays_however_they_go_at_once(server, ada):
    """Each round two owners leave, or take each other down, in the same moment."""
    one, two, rest = (server.person(ada, next(names)) for _ in range(3))
    for i in range(12):
        channel = one.channel(next(names), type="private", members=[two.id, rest.id])
        at = f"/channels/{channel['id']}"
        one.patch(f"{at}/members/{two.id}", {"role": "owner"}).raise_for_status()
        if i % 3 == 0:
            answers = at_once(lambda: one.post(f"{at}/leave"), lambda: two.post(f"{at}/leave"))
            assert [answer.status_code for answer in answers] == [200, 200]
            assert roles(rest, channel) == {rest.id: "owner"}
            continue
        if i % 3 == 1:
            at_once(lambda: one.patch(f"{at}/members/{two.id}", {"role": "member"}),
                    lambda: two.patch(f"{at}/members/{one.id}", {"role": "member"}))
        else:
            at_once(lambda: one.patch(f"{at}/members/me", {"role": "member"}),
                    lambda: two.patch(f"{at}/members/me", {"role": "member"}))
        left = roles(rest, channel)
        assert sorted([left[one.id], left[two.id]]) == ["member", "owner"], left


def test_muting_is_heard_by_ones_own_sessions_alone(server, ada):
    bob, carl = server.person(ada, next(names)), server.person(ada, next(names))
    channel = ada.channel(next(names), members=[bob.id, carl.id])
    at = f"/channels/{channel['id']}/members"
    error(carl.patch(f"{at}/{bob.id}", {"muted": True}), 403, "channel_role_required")
    with bob.socket() as device, carl.socket() as other:
        for each in (device, other):
            each.until("caught_up")
        muted = bob.patch(f"{at}/me", {"muted": True}).json()
        assert muted["muted"] and muted["revision"] == 1
        assert device.until("member.updated")["data"]["member"]["muted"]
        marker = ada.send(channel["id"], "marker")
        heard = other.until(lambda frame: frame["type"] in ("member.updated", "message.new"))
        assert heard["data"]["message"]["id"] == marker["id"]
    assert bob.get(f"/channels/{channel['id']}").json()["me"]["muted"]
    assert not any(member.get("muted") for member in ada.get(at).json()["members"])


# --- Direct messages

def test_twenty_open_one_conversation(server, ada):
    bob, carl = server.person(ada, next(names)), server.person(ada, next(names))
    for others in ([bob.id], [bob.id, carl.id], [ada.id]):
        callers = [clone(ada if i % 2 or others == [ada.id] else bob) for i in range(20)]
        everyone = set(others) | {ada.id}

        def opening(who):
            return lambda: who.post("/dms", {"actor_ids": sorted(everyone - {who.id}) or [who.id]})

        answers = at_once(*[opening(who) for who in callers])
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert answers[0].json()["member_count"] == len(everyone)


def test_a_direct_message_is_answered_and_not_doubled(server, ada):
    bob, carl = server.person(ada, next(names)), server.person(ada, next(names))
    made = ada.post("/channels", {"type": "dm", "members": [bob.id]})
    assert made.status_code == 201 and made.json()["type"] == "dm"
    for again in (bob.post("/channels", {"type": "dm", "members": [ada.id]}),
                  bob.post("/dms", {"actor_ids": [ada.id]}),
                  ada.post("/dms", {"actor_ids": [bob.id, ada.id]})):
        assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    group = ada.post("/channels", {"type": "group_dm", "members": [bob.id, carl.id]})
    assert group.status_code == 201 and group.json()["type"] == "group_dm"
    assert carl.post("/dms", {"actor_ids": [bob.id, ada.id]}).json()["id"] == group.json()["id"]
    note = bob.post("/channels", {"type": "dm", "members": [bob.id]})
    assert note.status_code == 201 and note.json()["member_count"] == 1
    bob.send(note.json()["id"], "to myself")
    at = f"/channels/{made.json()['id']}"
    for answer in (ada.patch(at, {"type": "public"}), ada.delete(at),
                   ada.post(f"{at}/members", {"actor_id": carl.id})):
        assert answer.status_code == 403, answer.text
    # Who is gone is not written to anew; what was said stays.
    ada.delete(f"/actors/{bob.id}").raise_for_status()
    assert ada.post("/dms", {"actor_ids": [bob.id]}).json()["id"] == made.json()["id"]
    error(carl.post("/dms", {"actor_ids": [bob.id]}), 400, "actor_deactivated")


# --- Members

def test_many_are_added_at_once_each_with_a_result(server, ada):
    people = [server.person(ada, next(names)) for _ in range(3)]
    gone = server.person(ada, next(names))
    ada.delete(f"/actors/{gone.id}").raise_for_status()
    channel = ada.channel(next(names), type="private", members=[people[0].id])
    missing = "01890000-0000-7000-8000-000000000000"
    at = f"/channels/{channel['id']}/members/batch"
    wanted = [person.id for person in people] + [people[1].id, gone.id, missing]
    key = {"Idempotency-Key": next(names) + "batch"}
    with people[0].socket() as socket:
        socket.until("caught_up")
        done = ada.post(at, {"actor_ids": wanted, "role": "viewer"}, headers=key)
        assert done.status_code == 200, done.text
        for person in people[1:]:
            added = socket.until("member.added")["data"]["member"]
            assert (added["actor"]["id"], added["role"]) == (person.id, "viewer")
    results = done.json()["results"]
    assert [result["actor_id"] for result in results] == wanted
    assert [result.get("error", {}).get("code") for result in results] == [
        "already_member", None, None, "already_member", "actor_not_found", "actor_not_found"]
    assert results[1]["member"]["role"] == "viewer"
    assert roles(ada, channel) == {ada.id: "owner", people[0].id: "member",
                                   people[1].id: "viewer", people[2].id: "viewer"}
    assert ada.post(at, {"actor_ids": wanted, "role": "viewer"}, headers=key).json() == done.json()
    error(people[0].post(at, {"actor_ids": [gone.id]}), 403, "channel_role_required")
    outsider = server.person(ada, next(names))
    error(outsider.post(at, {"actor_ids": [gone.id]}), 404, "channel_not_found")
    error(ada.post(at, {"actor_ids": []}), 400, "invalid_argument")
    error(ada.post(at, {"actor_ids": [missing] * 201}), 400, "invalid_argument")


def test_members_come_in_pages_that_hold_each_once(server, ada):
    bots = [server.agent(ada, next(names)) for _ in range(12)]
    channel = ada.channel(next(names), type="private")
    ada.post(f"/channels/{channel['id']}/members/batch",
             {"actor_ids": [bot.id for bot in bots]}).raise_for_status()
    seen, cursor = [], ""
    while True:
        page = ada.get(f"/channels/{channel['id']}/members?limit=5&cursor={cursor}").json()
        seen += [member["actor"]["id"] for member in page["members"]]
        if not seen[5:] and len(seen) == 5:  # somebody of the first page leaves meanwhile
            ada.delete(f"/channels/{channel['id']}/members/{seen[4]}").raise_for_status()
        if not page.get("has_more"):
            break
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted([ada.id] + [bot.id for bot in bots])


# --- Archive

def test_an_archived_channel_is_kept_and_nothing_more(server, ada):
    bob, carl = server.person(ada, next(names)), server.person(ada, next(names))
    channel = ada.channel(next(names), members=[bob.id])
    at = f"/channels/{channel['id']}"
    said = bob.send(channel["id"], "said")
    stream = bob.post(f"{at}/streams").json()
    bob.post(f"/streams/{stream['id']}/chunks", {"delta": "half"}).raise_for_status()
    with bob.socket() as socket:
        socket.until("caught_up")
        assert ada.delete(at).json()["archived"]
        socket.until("channel.archived")
        assert socket.until("message.stream_end")["data"]["outcome"] == "stopped_by_admin"
    error(bob.post(f"/streams/{stream['id']}/chunks", {"delta": "more"}), 400, "stream_stopped")
    for answer in (bob.post(f"{at}/messages", {"content": "x"}), carl.post(f"{at}/join"),
                   ada.post(f"{at}/members", {"actor_id": carl.id}),
                   ada.post(f"{at}/members/batch", {"actor_ids": [carl.id]}),
                   bob.patch(f"/messages/{said['id']}", {"content": "y"}),
                   bob.post(f"/messages/{said['id']}/reactions", {"emoji": "👍"}),
                   ada.patch(at, {"topic": "x"}), bob.post(f"{at}/streams")):
        error(answer, 400, "channel_archived")
    assert listed(bob, channel["name"]) == []
    assert listed(bob, channel["name"], "&include_archived=true") == [channel["id"]]
    assert carl.get(f"/messages/{said['id']}").status_code == 200
    error(ada.post("/channels", {"name": channel["name"]}), 409, "channel_name_taken")
    assert not ada.post(f"{at}/unarchive").json()["archived"]
    assert listed(bob, channel["name"]) == [channel["id"]]
    bob.send(channel["id"], "again")
    assert roles(ada, channel)[bob.id] == "member"
