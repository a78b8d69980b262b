"""Pins, bookmarks and saved items, as their users meet them: who may, what others hear, what goes when."""

import uuid

import pytest

from heim_server import error


def heard(socket, type_):
    return socket.until(type_)["data"]


def pins(client, channel):
    answer = client.get(f"/channels/{channel['id']}/pins?limit=200")
    assert answer.status_code == 200, answer.text
    return [pin["message_id"] for pin in answer.json()["pins"]]


@pytest.fixture(name="team")
def make_team(ada, bob):
    """A private channel of ada's with bob in it."""
    channel = ada.channel(f"team-{uuid.uuid4().hex[:8]}", type="private")
    assert ada.post(f"/channels/{channel['id']}/members", {"actor_id": bob.id}).status_code == 200
    return channel


def test_a_pin_is_shared_idempotent_and_told_to_members(ada, bob, team):
    message = ada.send(team["id"], "the plan")
    path = f"/channels/{team['id']}/pins/{message['id']}"
    with ada.socket() as socket:
        socket.until("caught_up")
        first = bob.put(path, {})
        assert first.status_code == 200, first.text
        assert first.json() == bob.put(path, {}).json()
        assert first.json()["pinned_by"] == bob.id and "message" not in first.json()
        event = heard(socket, "pin.added")
        assert event["pin"] == first.json()
        listed = ada.get(f"/channels/{team['id']}/pins").json()
        assert [pin["message"]["content"] for pin in listed["pins"]] == ["the plan"]
        assert listed["has_more"] is False
        gone = ada.delete(path)
        assert gone.status_code == 200 and gone.json()["pin"] == first.json()
        assert ada.delete(path).json() == {}
        assert heard(socket, "pin.removed") == {
            "channel_id": team["id"], "message_id": message["id"], "removed_by": ada.id}
        types = [frame["type"] for frame in socket.seen if frame]
        assert types.count("pin.added") == 1
    assert pins(bob, team) == []


def test_pins_are_newest_first_in_pages_and_go_with_their_message(ada, bob, team):
    sent = [ada.send(team["id"], f"m{i}") for i in range(3)]
    for message in sent:
        assert ada.put(f"/channels/{team['id']}/pins/{message['id']}", {}).status_code == 200
    assert set(pins(ada, team)) == {message["id"] for message in sent}
    page = ada.get(f"/channels/{team['id']}/pins?limit=2").json()
    rest = ada.get(f"/channels/{team['id']}/pins?limit=2&cursor={page['next_cursor']}").json()
    assert page["has_more"] and not rest["has_more"]
    assert [p["message_id"] for p in page["pins"] + rest["pins"]] == pins(ada, team)
    error(bob.get(f"/channels/{ada.channel('pins-elsewhere')['id']}/pins"
                  f"?cursor={page['next_cursor']}"), 400, "invalid_cursor")
    assert ada.delete(f"/messages/{sent[1]['id']}").status_code == 200
    assert sent[1]["id"] not in pins(bob, team) and len(pins(bob, team)) == 2
    error(ada.put(f"/channels/{team['id']}/pins/{sent[1]['id']}", {}), 400, "message_deleted")


def test_who_may_not_post_does_not_pin_and_who_may_not_read_sees_nothing(server, ada, bob, team):
    message = ada.send(team["id"], "secret")
    path = f"/channels/{team['id']}/pins/{message['id']}"
    viewer = server.person(ada, f"viewer{uuid.uuid4().hex[:6]}")
    error(viewer.put(path, {}), 404, "channel_not_found")
    error(viewer.get(f"/channels/{team['id']}/pins"), 404, "channel_not_found")
    assert ada.post(f"/channels/{team['id']}/members",
                    {"actor_id": viewer.id, "role": "viewer"}).status_code == 200
    error(viewer.put(path, {}), 403, "channel_role_required")
    error(viewer.delete(path), 403, "channel_role_required")
    assert pins(viewer, team) == []
    elsewhere = ada.channel(f"else-{uuid.uuid4().hex[:8]}")
    error(ada.put(f"/channels/{elsewhere['id']}/pins/{message['id']}", {}), 404,
          "message_not_found")
    error(ada.put(f"/channels/{team['id']}/pins/{uuid.uuid4()}", {}), 404, "message_not_found")
    assert ada.delete(f"/channels/{team['id']}").status_code == 200
    error(bob.put(path, {}), 400, "channel_archived")


def test_a_channel_has_a_hundred_pins_at_most(ada):
    channel = ada.channel(f"many-{uuid.uuid4().hex[:8]}")
    for i in range(100):
        message = ada.send(channel["id"], f"m{i}")
        assert ada.put(f"/channels/{channel['id']}/pins/{message['id']}", {}).status_code == 200
    last = ada.send(channel["id"], "one too many")
    full = error(ada.put(f"/channels/{channel['id']}/pins/{last['id']}", {}), 400, "limit_reached")
    assert "100" in full["message"]
    assert ada.delete(f"/channels/{channel['id']}/pins/{message['id']}").status_code == 200
    assert ada.put(f"/channels/{channel['id']}/pins/{last['id']}", {}).status_code == 200


def test_bookmarks_are_made_changed_and_removed(ada, bob, team):
    path = f"/channels/{team['id']}/bookmarks"
    with bob.socket() as socket:
        socket.until("caught_up")
        made = ada.post(path, {"title": "Handbook", "url": "https://example.com/handbook",
                               "emoji": ":books:"})
        assert made.status_code == 201, made.text
        mark = made.json()
        assert mark["emoji"] == "books" and mark["revision"] == 1 and mark["created_by"] == ada.id
        assert heard(socket, "bookmark.created")["bookmark"] == mark
        changed = bob.patch(f"{path}/{mark['id']}", {"title": "The handbook", "emoji": None},
                            headers={"If-Match": '"1"'})
        assert changed.status_code == 200, changed.text
        assert changed.json()["title"] == "The handbook" and "emoji" not in changed.json()
        assert changed.json()["revision"] == 2 and "updated_at" in changed.json()
        assert heard(socket, "bookmark.updated")["bookmark"] == changed.json()
        error(bob.patch(f"{path}/{mark['id']}?expected_revision=1", {"title": "x"}), 409,
              "revision_conflict")
        again = bob.patch(f"{path}/{mark['id']}", {"title": "The handbook"}).json()
        assert again["revision"] == 2, "the same values are no change"
        assert ada.get(path).json()["bookmarks"] == [changed.json()]
        assert ada.delete(f"{path}/{mark['id']}").json() == changed.json()
        assert heard(socket, "bookmark.deleted") == {
            "channel_id": team["id"], "bookmark_id": mark["id"], "removed_by": ada.id}
    error(ada.delete(f"{path}/{mark['id']}"), 404, "bookmark_not_found")
    error(ada.patch(f"{path}/{mark['id']}", {"title": "x"}), 404, "bookmark_not_found")


@pytest.mark.parametrize("url", ["http://example.com", "https://example.com/a?b#c",
                                 "mailto:ada@example.com?subject=Hi"])
def test_a_bookmark_leads_where_people_may_follow(ada, team, url):
    path = f"/channels/{team['id']}/bookmarks"
    made = ada.post(path, {"title": "a", "url": url})
    assert made.status_code == 201, made.text
    assert ada.patch(f"{path}/{made.json()['id']}", {"url": url}).status_code == 200


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "ftp://example.com",
                                 "mailto:", "mailto:a@b c", "https://a:b@example.com", ""])
def test_a_bookmark_leads_nowhere_else(ada, team, url):
    error(ada.post(f"/channels/{team['id']}/bookmarks", {"title": "a", "url": url}), 400,
          "invalid_argument")


def test_bookmarks_have_a_title_a_limit_and_belong_to_members(server, ada, team):
    path = f"/channels/{team['id']}/bookmarks"
    error(ada.post(path, {"title": "", "url": "https://example.com"}), 400, "invalid_argument")
    error(ada.post(path, {"title": "\u202e", "url": "https://example.com"}), 400,
          "invalid_argument")
    error(ada.post(path, {"title": "x" * 81, "url": "https://example.com"}), 400,
          "invalid_argument")
    error(ada.post(path, {"title": "x", "url": "https://example.com", "emoji": "no emoji"}), 400,
          "invalid_emoji")
    guest = server.person(ada, f"guest{uuid.uuid4().hex[:6]}")
    error(guest.get(path), 404, "channel_not_found")
    assert ada.post(f"/channels/{team['id']}/members",
                    {"actor_id": guest.id, "role": "guest"}).status_code == 200
    error(guest.post(path, {"title": "x", "url": "https://example.com"}), 403,
          "channel_role_required")
    titles = [f"mark {i}" for i in range(50)]
    for title in titles:
        assert ada.post(path, {"title": title, "url": "https://example.com"}).status_code == 201
    error(ada.post(path, {"title": "x", "url": "https://example.com"}), 400, "limit_reached")
    page = guest.get(f"{path}?limit=30").json()
    rest = guest.get(f"{path}?limit=30&cursor={page['next_cursor']}").json()
    assert [mark["title"] for mark in page["bookmarks"] + rest["bookmarks"]] == titles


def saved(client, query=""):
    answer = client.get(f"/saved{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["saved_items"]


def test_what_is_saved_is_ones_own(ada, bob, team):
    message = ada.send(team["id"], "read this later")
    with bob.socket() as mine, ada.socket() as others:
        mine.until("caught_up")
        others.until("caught_up")
        put = bob.put(f"/saved/{message['id']}", {"note": "for Monday"})
        assert put.status_code == 200, put.text
        item = put.json()
        assert item["note"] == "for Monday" and "done_at" not in item and "message" not in item
        assert heard(mine, "saved.updated")["item"] == item
        done = bob.put(f"/saved/{message['id']}", {"note": "for Monday", "done": True}).json()
        assert done["saved_at"] == item["saved_at"] and "done_at" in done
        assert heard(mine, "saved.updated")["item"] == done
        again = bob.put(f"/saved/{message['id']}", {"note": "for Monday", "done": True}).json()
        assert again == done
        assert bob.delete(f"/saved/{message['id']}").json() == {}
        assert bob.delete(f"/saved/{message['id']}").json() == {}
        assert heard(mine, "saved.removed") == {"message_id": message["id"]}
        ada.send(team["id"], "after it")
        others.until("message.new")
        assert not [frame for frame in others.seen if frame["type"].startswith("saved.")]
    assert saved(ada) == [] and saved(bob) == []


def test_saved_items_are_listed_last_saved_first_by_whether_they_are_done(server, ada):
    reader = server.person(ada, f"reader{uuid.uuid4().hex[:6]}")
    channel = ada.default_channel()
    sent = [ada.send(channel["id"], f"m{i}") for i in range(5)]
    for i, message in enumerate(sent):
        assert reader.put(f"/saved/{message['id']}", {"done": i % 2 == 1}).status_code == 200
    everything = [item["message"]["content"] for item in saved(reader)]
    assert sorted(everything) == ["m0", "m1", "m2", "m3", "m4"]
    assert {i["message"]["content"] for i in saved(reader, "?done=true")} == {"m1", "m3"}
    assert {i["message"]["content"] for i in saved(reader, "?done=false")} == {"m0", "m2", "m4"}
    listed, cursor = [], ""
    while True:
        page = reader.get(f"/saved?limit=2&cursor={cursor}").json()
        listed += [item["message"]["content"] for item in page["saved_items"]]
        cursor = page.get("next_cursor", "")
        if not page["has_more"]:
            break
    assert listed == everything
    error(reader.get(f"/saved?done=true&cursor={'x' * 20}"), 400, "invalid_cursor")


def test_saved_items_hide_with_their_channel_and_go_with_their_message(ada, bob, team):
    kept, deleted = ada.send(team["id"], "kept"), ada.send(team["id"], "deleted")
    for message in (kept, deleted):
        assert bob.put(f"/saved/{message['id']}", {"note": "mine"}).status_code == 200
    assert ada.delete(f"/messages/{deleted['id']}").status_code == 200
    assert [item["message_id"] for item in saved(bob)] == [kept["id"]]
    error(bob.put(f"/saved/{deleted['id']}", {}), 400, "message_deleted")
    assert ada.delete(f"/channels/{team['id']}/members/{bob.id}").status_code == 200
    assert saved(bob) == []
    error(bob.put(f"/saved/{kept['id']}", {}), 404, "message_not_found")
    error(bob.put(f"/saved/{uuid.uuid4()}", {}), 404, "message_not_found")
    assert ada.post(f"/channels/{team['id']}/members", {"actor_id": bob.id}).status_code == 200
    assert [item["note"] for item in saved(bob)] == ["mine"]
    assert ada.delete(f"/channels/{team['id']}/members/{bob.id}").status_code == 200
    with bob.socket() as socket:
        socket.until("caught_up")
        assert bob.delete(f"/saved/{kept['id']}").status_code == 200
        assert heard(socket, "saved.removed")["message_id"] == kept["id"]


def test_guests_hear_of_what_they_saved(server, ada, team):
    guest = server.person(ada, f"visitor{uuid.uuid4().hex[:6]}", role="guest")
    assert ada.post(f"/channels/{team['id']}/members", {"actor_id": guest.id}).status_code == 200
    message = ada.send(team["id"], "for the guest")
    with guest.socket() as socket:
        socket.until("caught_up")
        item = guest.put(f"/saved/{message['id']}", {"note": "!"}).json()
        assert heard(socket, "saved.updated")["item"] == item


def test_a_note_is_short_and_never_logged(server, ada):
    message = ada.send(ada.default_channel()["id"], "x")
    error(ada.put(f"/saved/{message['id']}", {"note": "n" * 1001}), 400, "invalid_argument")
    assert ada.put(f"/saved/{message['id']}", {"note": "nobody-reads-this"}).status_code == 200
    assert "nobody-reads-this" not in server.log_text()
