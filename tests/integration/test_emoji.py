"""Custom emoji: uploading, names, use in reactions, removal, workspaces as islands, what guests may."""

import itertools
import threading
import uuid

import grpc
import pytest
import requests
from heim.v1 import emoji_service_pb2 as pb

from heim_server import DEADLINE, Client, error
from pictures import comment, png, webp_size

numbers = itertools.count(1)


def name(stem="e"):
    return f"{stem}{next(numbers)}"


def upload(client, emoji, data=None, **kwargs):
    return client.request("POST", f"/emoji?name={emoji}", data=png() if data is None else data,
                          headers={"Content-Type": "image/png"} | kwargs.pop("headers", {}), **kwargs)


def image(client, url, **kwargs):
    return client.http.get(client.server.url + url, timeout=DEADLINE, **kwargs)


def names_of(client, **kwargs):
    found, cursor = [], ""
    while True:
        page = client.get("/emoji?limit=2" + (f"&cursor={cursor}" if cursor else ""), **kwargs).json()
        found += [emoji["name"] for emoji in page["emoji"]]
        if not page["has_more"]:
            return found
        cursor = page["next_cursor"]


def test_an_emoji_is_announced_listed_and_shown(server, ada):
    guest = server.person(ada, name(), role="guest")
    member = server.person(ada, name())
    with ada.socket() as first, guest.socket() as second:
        for socket in (first, second):
            socket.until("caught_up")
        made = upload(member, ":acme_1:", png(400, 200, extra=comment("secret")))
        assert made.status_code == 201, made.text
        emoji = made.json()
        for socket in (first, second):
            assert socket.until("emoji.added")["data"]["emoji"] == emoji
    assert emoji["name"] == "acme_1" and emoji["created_by"] == member.id
    assert "acme_1" in names_of(guest)
    for who in (ada, guest):
        shown = image(who, emoji["url"])
        assert shown.status_code == 200 and shown.headers["Content-Type"] == "image/webp"
        assert webp_size(shown.content) == (128, 64) and b"secret" not in shown.content
    again = image(ada, emoji["url"], headers={"If-None-Match": shown.headers["ETag"]})
    assert again.status_code == 304
    error(requests.get(server.url + emoji["url"], timeout=DEADLINE), 401, "unauthenticated")
    small = upload(member, name(), png(20, 30))
    assert webp_size(image(ada, small.json()["url"]).content) == (20, 30)


def test_pages_are_by_name(ada):
    made = sorted(name("page") for _ in range(5))
    for each in reversed(made):
        upload(ada, each).raise_for_status()
    listed = names_of(ada)
    assert listed == sorted(listed) and set(made) <= set(listed)
    error(ada.get("/emoji?cursor=bogus"), 400, "invalid_cursor")


@pytest.mark.parametrize("emoji", ["", "A", "a b", "ä", "tada", "%2B1", ":tada:", "a" * 33, "a:b", "100"])
def test_names_have_a_form_and_are_no_standard_ones(ada, emoji):
    refused = upload(ada, emoji)
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["code"] in ("invalid_emoji", "invalid_argument")


def test_a_name_is_given_once(server, ada):
    taken = name()
    upload(ada, taken).raise_for_status()
    error(upload(ada, taken), 409, "emoji_name_taken")
    raced, answers = name(), []
    threads = [threading.Thread(target=lambda: answers.append(upload(
        Client(server, ada.token), raced).status_code)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(answers) == [201] + [409] * 5


@pytest.mark.parametrize("file", [b"", b"GIF89a...", png()[:-20], png(8, 8, told=(60000, 60000)),
                                  png(8, 8, extra=b"\0" * (256 << 10))],
                         ids=["empty", "gif", "cut", "bomb", "large"])
def test_what_is_no_picture_is_refused(ada, file):
    wanted = name()
    error(upload(ada, wanted, file), 400, "invalid_image")
    assert wanted not in names_of(ada)


def test_reactions_with_custom_emoji(server, ada):
    bob = server.person(ada, name())
    mine = name()
    emoji = upload(bob, mine).json()
    message = ada.send(ada.default_channel()["id"], f"look :{mine}:")
    at = f"/messages/{message['id']}/reactions"
    for given in (mine, f":{mine}:"):
        reacted = bob.post(at, {"emoji": given})
        assert reacted.status_code == 200, reacted.text
    assert reacted.json()["reactions"] == [{"emoji": f":{mine}:", "count": 1, "actor_ids": [bob.id]}]
    error(bob.post(at, {"emoji": f":{name()}:"}), 400, "invalid_emoji")
    error(bob.post(at, {"emoji": "not_an_emoji"}), 400, "invalid_emoji")
    with bob.socket() as socket:
        socket.until("caught_up")
        gone = ada.delete(f"/emoji/{emoji['id']}")
        assert gone.status_code == 200 and gone.json()["name"] == mine
        assert socket.until("emoji.removed")["data"] == {
            "emoji_id": emoji["id"], "name": mine, "removed_by": ada.id}
    # Its uses stay as text; nobody adds to them, who reacted may take its own back.
    assert ada.get(f"/messages/{message['id']}").json()["reactions"][0]["emoji"] == f":{mine}:"
    error(ada.post(at, {"emoji": mine}), 400, "invalid_emoji")
    taken = bob.delete(at + f"/:{mine}:")
    assert taken.status_code == 200 and not taken.json().get("reactions")
    error(image(ada, emoji["url"]), 404, "emoji_not_found")
    # The name is free again.
    assert upload(ada, mine).status_code == 201


def test_who_adds_and_who_removes(server, ada):
    admin = server.person(ada, name(), role="admin")
    member, other = server.person(ada, name()), server.person(ada, name())
    guest = server.person(ada, name(), role="guest")
    agent = server.agent(member, name())
    error(upload(guest, name()), 403, "workspace_role_required")
    own, second, third = (upload(who, name()).json() for who in (member, member, agent))
    error(other.delete(f"/emoji/{own['id']}"), 403, "workspace_role_required")
    error(guest.delete(f"/emoji/{own['id']}"), 403, "workspace_role_required")
    assert member.delete(f"/emoji/{own['id']}").status_code == 200
    error(member.delete(f"/emoji/{own['id']}"), 404, "emoji_not_found")
    assert admin.delete(f"/emoji/{second['id']}").status_code == 200
    assert agent.delete(f"/emoji/{third['id']}").status_code == 200
    for missing in (str(uuid.uuid4()), "nothing"):
        error(ada.delete(f"/emoji/{missing}"), 404, "emoji_not_found")
        error(ada.get(f"/emoji/{missing}/image"), 404, "emoji_not_found")
    narrow = member.post("/auth/tokens", {"scopes": ["messages:read"]}).json()["api_key"]
    error(upload(Client(server, narrow), name()), 403, "missing_scope")
    assert Client(server, narrow).get("/emoji").status_code == 200


def test_workspaces_are_islands(server, ada):
    mine = name()
    here = upload(ada, mine).json()
    space = ada.post("/workspaces", {"name": "Other", "slug": name("other")})
    assert space.status_code == 201, space.text
    there = {"heim-workspace": space.json()["id"]}
    assert names_of(ada, headers=there) == []
    error(ada.delete(f"/emoji/{here['id']}", headers=there), 404, "emoji_not_found")
    error(image(ada, here["url"], headers=there), 404, "emoji_not_found")
    # The same name is another emoji there, and of no use where it is not.
    twin = upload(ada, mine, headers=there)
    assert twin.status_code == 201, twin.text
    only_there = upload(ada, name(), headers=there).json()["name"]
    back = {"heim-workspace": here["workspace_id"]}
    general = ada.get("/channels?name=general", headers=back).json()["channels"][0]
    message = ada.post(f"/channels/{general['id']}/messages", {"content": "x"}, headers=back).json()
    error(ada.post(f"/messages/{message['id']}/reactions", {"emoji": only_there}, headers=back), 400,
          "invalid_emoji")


def test_by_grpc_and_by_form(server, ada):
    wanted = name()
    with grpc.insecure_channel(server.address) as wire:
        send = wire.stream_unary("/heim.v1.EmojiService/UploadEmoji",
                                 request_serializer=pb.UploadEmojiRequest.SerializeToString,
                                 response_deserializer=pb.UploadEmojiResponse.FromString)
        made = send(iter([pb.UploadEmojiRequest(name=wanted, header={}),
                          pb.UploadEmojiRequest(chunk=png())]),
                    metadata=[("authorization", f"Bearer {ada.token}")], timeout=DEADLINE)
    assert made.emoji.name == wanted
    form = ada.http.post(server.url + f"/api/v1/emoji?name={name()}", timeout=DEADLINE,
                         files={"file": ("x.png", png(), "image/png")})
    assert form.status_code == 201, form.text
    with ada.socket() as socket:
        called = socket.command("call", {"method": "heim.v1.EmojiService.ListEmoji", "request": {}})
        assert wanted in str(called)
