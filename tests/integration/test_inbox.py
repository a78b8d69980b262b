"""The inbox: what needs a reader gets there, once, for the strongest reason, and leaves with its message or its reader."""

import pytest

from heim_server import Server, grpcurl

COMMON = "everyone here"


def item_for(socket, message):
    """The item of the message, as its reader is told of it."""
    return socket.until(lambda f: f["type"] == "inbox.added"
                        and f["data"]["item"]["message_id"] == message["id"])["data"]["item"]


def inbox(client, query=""):
    answer = client.get(f"/inbox{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids_of(page):
    return [item["message_id"] for item in page["items"]]


@pytest.fixture
def room(ada, bob, echo):
    """A channel that ada, bob and echo are in."""
    room.n = getattr(room, "n", 0) + 1
    channel = ada.channel(f"room-{room.n}")
    for client in (bob, echo):
        ada.post(f"/channels/{channel['id']}/members", {"actor_id": client.id})
    return channel


def caught_up(client):
    socket = client.socket()
    socket.until("caught_up")
    return socket


def after_all_before(sender, socket, channel, reader="@bob"):
    """Waits until everything said before was decided: the log is read in its order. Answers the message."""
    message = sender.send(channel["id"], f"{reader} that is all")
    item_for(socket, message)
    return message


def test_a_mention_needs_the_one_who_is_named_and_nobody_else(ada, bob, echo, room):
    with caught_up(bob) as bobs, caught_up(echo) as echos:
        message = ada.send(room["id"], "look at this, @bob")
        item = item_for(bobs, message)
        assert item["reason"] == "mention" and item["channel_id"] == room["id"]
        assert item["actor"]["username"] == "ada" and item["quiet"] is False
        assert "message" not in item and "seen_at" not in item
        other = ada.send(room["id"], "and you, @echo")
        item_for(echos, other)
    listed = inbox(bob, "?unseen=true&reason=mention")
    first = listed["items"][0]
    assert first["message_id"] == message["id"]
    assert first["message"]["content"] == "look at this, @bob"
    assert message["id"] not in ids_of(inbox(echo)) and other["id"] not in ids_of(inbox(bob))
    assert message["id"] not in ids_of(inbox(ada))


def test_what_is_code_or_ordinary_talk_needs_nobody(ada, bob, room):
    with caught_up(bob) as bobs:
        quiet = [ada.send(room["id"], text) for text in
                 ("hello", "`@bob`", "```\n@bob\n```", "mail bob@example.org", COMMON)]
        after_all_before(ada, bobs, room)
    for message in quiet:
        assert message["id"] not in ids_of(inbox(bob))


def test_a_mention_of_all_reaches_the_members_but_not_the_author(ada, bob, echo, room):
    with caught_up(bob) as bobs, caught_up(echo) as echos:
        message = ada.send(room["id"], "@channel lunch")
        assert item_for(bobs, message)["reason"] == "group_mention"
        assert item_for(echos, message)["reason"] == "group_mention"
        both = ada.send(room["id"], "@channel and above all @bob")
        assert item_for(bobs, both)["reason"] == "mention"
    assert message["id"] not in ids_of(inbox(ada))


def test_direct_messages_need_their_readers(ada, bob):
    direct = ada.post("/dms", {"actor_ids": [bob.id]})
    assert direct.status_code in (200, 201), direct.text
    with caught_up(bob) as bobs:
        message = ada.send(direct.json()["id"], "psst")
        assert item_for(bobs, message)["reason"] == "direct_message"


def test_a_finished_stream_counts_like_a_message_and_its_progress_does_not(ada, bob, echo, room):
    with caught_up(bob) as bobs, echo.socket() as writer:
        started = writer.command("message.stream_start", {"channel_id": room["id"]})["data"]
        writer.send({"type": "message.stream_chunk", "data": {
            "stream_id": started["stream_id"], "channel_id": room["id"], "actor_id": echo.id,
            "delta": "done, @bob", "index": 0}})
        writer.command("message.stream_end", {"stream_id": started["stream_id"]})
        assert item_for(bobs, {"id": started["message_id"]})["reason"] == "mention"
        parts = [{"id": "t", "text": {"text": "done, @bob"}}]
        progress = {"tool_call": {"call_id": "1", "name": "build", "state": "completed"}}
        changed = echo.patch(f"/messages/{started['message_id']}",
                             {"parts": parts + [progress]})
        assert changed.status_code == 200, changed.text
        last = after_all_before(ada, bobs, room)
    told = [f["data"]["item"]["message_id"] for f in bobs.seen if f["type"] == "inbox.added"]
    assert told == [started["message_id"], last["id"]]


def test_an_edit_needs_only_whom_it_mentions_anew(ada, bob, echo, room):
    with caught_up(bob) as bobs, caught_up(echo) as echos:
        message = ada.send(room["id"], "@bob see")
        item_for(bobs, message)
        ada.patch(f"/messages/{message['id']}", {"content": "@bob and @echo see"})
        assert item_for(echos, message)["reason"] == "mention"
        last = after_all_before(ada, bobs, room)
    told = [f["data"]["item"]["message_id"] for f in bobs.seen if f["type"] == "inbox.added"]
    assert told == [message["id"], last["id"]]
    assert ids_of(inbox(bob)).count(message["id"]) == 1


def test_reading_the_channel_or_marking_items_is_seeing_them_on_all_devices(ada, bob, room):
    with caught_up(bob) as phone, caught_up(bob) as desk:
        before = inbox(bob)["unseen_count"]
        first, second, third = [ada.send(room["id"], f"@bob {n}") for n in range(3)]
        items = [item_for(phone, message) for message in (first, second, third)]
        assert inbox(bob)["unseen_count"] == before + 3
        bob.post(f"/channels/{room['id']}/read", {"message_id": first["id"]})
        for device in (phone, desk):
            seen = device.until("inbox.seen")["data"]
            assert seen["item_ids"] == [items[0]["id"]] and seen["unseen_count"] == before + 2
        answer = bob.post("/inbox/seen", {"item_ids": [items[1]["id"], items[1]["id"]]})
        assert answer.status_code == 200 and answer.json() == {"unseen_count": before + 1}
        assert desk.until("inbox.seen")["data"]["item_ids"] == [items[1]["id"]]
        until = bob.post("/inbox/seen", {"seen_until": items[2]["id"]}).json()
        assert until == {"unseen_count": 0}
        assert desk.until("inbox.seen")["data"] == {
            "item_ids": [], "seen_until": items[2]["id"], "unseen_count": 0}
        assert bob.post("/inbox/seen", {"seen_until": items[2]["id"]}).json() == until
    page = inbox(bob, "?unseen=true")
    assert page["items"] == [] and page["unseen_count"] == 0
    assert {item["message_id"] for item in inbox(bob)["items"] if "seen_at" in item} >= {
        first["id"], second["id"], third["id"]}
    for body in ({}, {"item_ids": [items[0]["id"]], "seen_until": items[0]["id"]}):
        assert bob.post("/inbox/seen", body).json()["error"]["fields"][0]["field"] == "item_ids"


def test_the_inbox_of_another_is_out_of_reach(ada, bob, echo, room):
    with caught_up(bob) as bobs:
        item = item_for(bobs, ada.send(room["id"], "@bob private to you"))
    unseen = inbox(bob)["unseen_count"]
    assert echo.post("/inbox/seen", {"item_ids": [item["id"]]}).status_code == 200
    assert inbox(bob)["unseen_count"] == unseen


def test_a_deleted_message_takes_its_items_with_it(ada, bob, room):
    with caught_up(bob) as bobs:
        message = ada.send(room["id"], "@bob forget it")
        item = item_for(bobs, message)
        unseen = inbox(bob)["unseen_count"]
        assert ada.delete(f"/messages/{message['id']}").status_code == 200
        page = inbox(bob)
        assert message["id"] not in ids_of(page) and page["unseen_count"] == unseen - 1
        gone = bobs.until("inbox.seen")["data"]
        assert gone == {"item_ids": [item["id"]], "unseen_count": unseen - 1}


def test_who_leaves_a_channel_has_nothing_of_it_left(server, ada, room):
    carl = server.person(ada, "carl")
    ada.post(f"/channels/{room['id']}/members", {"actor_id": carl.id})
    with caught_up(carl) as carls:
        message = ada.send(room["id"], "@carl see")
        item = item_for(carls, message)
        assert ada.delete(f"/channels/{room['id']}/members/{carl.id}").status_code == 200
        assert inbox(carl) == {"items": [], "unseen_count": 0, "has_more": False} | {
            k: v for k, v in inbox(carl).items() if k == "next_cursor"}
        assert carls.until("inbox.seen")["data"]["item_ids"] == [item["id"]]
        # Named where it is no member, it is not told; back again, only of what comes.
        missed = ada.send(room["id"], "@carl are you there?")
        ada.post(f"/channels/{room['id']}/members", {"actor_id": carl.id})
        told = after_all_before(ada, carls, room, "@carl")
    assert ids_of(inbox(carl)) == [told["id"]] and missed["id"] != told["id"]


def test_pages_stay_as_they_are_while_more_comes(ada, bob, room):
    with caught_up(bob) as bobs:
        sent = [ada.send(room["id"], f"@bob page {n}") for n in range(7)]
        item_for(bobs, sent[-1])
        page = inbox(bob, "?limit=3")
        found = ids_of(page)
        item_for(bobs, ada.send(room["id"], "@bob meanwhile"))
        while page["has_more"] and len(found) < 7:
            page = inbox(bob, f"?limit=3&cursor={page['next_cursor']}")
            found += ids_of(page)
    assert found[:7] == [message["id"] for message in reversed(sent)]
    assert bob.get("/inbox?cursor=nonsense").json()["error"]["code"] == "invalid_cursor"
    cursor = inbox(bob, "?limit=1")["next_cursor"]
    assert bob.get(f"/inbox?unseen=true&cursor={cursor}").status_code == 400


def test_the_inbox_by_grpc_and_on_the_socket(server, ada, bob, room):
    with caught_up(bob) as bobs:
        message = ada.send(room["id"], "@bob elsewhere")
        item_for(bobs, message)
        reply = bobs.command("call", {"method": "heim.v1.NotificationService.ListInbox",
                                      "request": {"limit": 1}})
        assert reply["data"]["response"]["items"][0]["message_id"] == message["id"], reply
    answer = grpcurl(server, "heim.v1.NotificationService/ListInbox", token=bob.token,
                     data={"limit": 1})
    assert message["id"] in answer.stdout


def test_nothing_is_lost_or_doubled_over_a_restart(tmp_path):
    with Server(tmp_path) as first:
        ada = first.setup("ada")
        bob = first.person(ada, "bob")
        general = ada.default_channel()["id"]
        sent = [ada.send(general, f"@bob {n}")["id"] for n in range(40)]
        first.kill()
    with Server(tmp_path) as second:
        bob.server = ada.server = second
        with caught_up(bob) as bobs:
            last = ada.send(general, "@bob the last")
            wanted = sorted(sent + [last["id"]])
            while sorted(ids_of(inbox(bob, "?limit=200"))) != wanted:
                bobs.until("inbox.added")
        assert inbox(bob)["unseen_count"] == len(wanted)


def test_deactivated_people_get_nothing_more(server, ada, bob, room):
    dora = server.person(ada, "dora")
    ada.post(f"/channels/{room['id']}/members", {"actor_id": dora.id})
    with caught_up(bob) as bobs:
        assert ada.delete(f"/actors/{dora.id}").status_code == 200
        ada.send(room["id"], "@dora @channel")
        after_all_before(ada, bobs, room)
    assert dora.get("/inbox").status_code == 401


def test_guests_are_told_of_what_needs_them(server, ada, room):
    guest = server.person(ada, "guest-of-the-inbox", role="guest")
    ada.post(f"/channels/{room['id']}/members", {"actor_id": guest.id})
    with caught_up(guest) as socket:
        message = ada.send(room["id"], "@guest-of-the-inbox welcome")
        assert item_for(socket, message)["reason"] == "mention"
        guest.post(f"/channels/{room['id']}/read", {"message_id": message["id"]})
        assert socket.until("inbox.seen")["data"]["unseen_count"] == 0


def test_replies_need_those_who_follow_the_thread(ada, bob, echo, room):
    with caught_up(bob) as bobs, caught_up(echo) as echos:
        root = bob.send(room["id"], "what do you think?")
        reply = ada.send(room["id"], "good", thread_id=root["id"])
        item = item_for(bobs, reply)
        assert item["reason"] == "thread_reply" and item["thread_id"] == root["id"]
        back = bob.send(room["id"], "thanks", thread_id=root["id"])
        bob.post(f"/channels/{room['id']}/read",
                 {"message_id": back["id"], "thread_id": root["id"]})
        assert bobs.until("inbox.seen")["data"]["item_ids"] == [item["id"]]
        answer = bob.delete(f"/messages/{root['id']}/follow")
        assert answer.status_code == 200, answer.text
        unheard = ada.send(room["id"], "one more", thread_id=root["id"])
        # Decided by who follows when the reader of the log gets there, so before the mention brings bob back.
        after_all_before(ada, echos, room, "@echo")
        again = ada.send(room["id"], "really, @bob", thread_id=root["id"])
        assert item_for(bobs, again)["reason"] == "mention"
        after_all_before(ada, echos, room, "@echo")
    assert unheard["id"] not in ids_of(inbox(bob))
    assert reply["id"] not in ids_of(inbox(echo)), "it follows nothing"


def test_a_group_calls_who_is_in_it_and_in_the_channel(ada, bob, echo, room):
    made = ada.post("/groups", {"handle": f"crew-{room['name']}", "name": "Crew",
                                "member_ids": [bob.id, ada.id]})
    assert made.status_code == 201, made.text
    with caught_up(bob) as bobs, caught_up(echo) as echos:
        message = ada.send(room["id"], f"@crew-{room['name']} all hands")
        assert item_for(bobs, message)["reason"] == "group_mention"
        after_all_before(ada, echos, room, "@echo")
    assert message["id"] not in ids_of(inbox(echo)) + ids_of(inbox(ada))


def test_here_calls_those_who_are_there(server, ada, bob, room):
    away = server.person(ada, "nobody-home")
    ada.post(f"/channels/{room['id']}/members", {"actor_id": away.id})
    with caught_up(bob) as bobs:
        message = ada.send(room["id"], "@here anybody?")
        assert item_for(bobs, message)["reason"] == "group_mention"
        after_all_before(ada, bobs, room)
    assert ids_of(inbox(away)) == []
