"""Files: who reads one by which door, what deletion takes and leaves, lists, quotas and the sweep."""

import concurrent.futures
import datetime
import itertools

from file_doors import being_written, doors, holds, share, stored, upload
from heim_server import Server, error, eventually
from pictures import png

numbers = itertools.count(1)


def name(stem="f"):
    return f"{stem}{next(numbers)}"


def picture(client, file=None):
    """An uploaded picture with its preview."""
    made = upload(client, file or png(600, 300), "a.png")
    eventually(lambda: "preview" in client.get(f"/files/{made['id']}/meta").json(), "the preview")
    return client.get(f"/files/{made['id']}/meta").json()


def attachment(client, message):
    return client.get(f"/messages/{message['id']}").json()["attachments"][0]


def test_a_file_is_seen_by_readers_of_its_message_by_every_door_and_by_nobody_else(server, ada):
    member, outsider = server.person(ada, name()), server.person(ada, name())
    guest = server.person(ada, name(), role="guest")
    channel = ada.channel(name("secret"), type="private")
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": member.id})
    file = picture(ada)
    assert not any(doors(member, file["id"], channel["id"]).values()), "attached to nothing yet"
    message = share(ada, channel, file)
    assert all(doors(member, file["id"], channel["id"]).values())
    for stranger in (outsider, guest):
        assert not any(doors(stranger, file["id"], channel["id"]).values())
    ada.delete(f"/channels/{channel['id']}/members/{member.id}").raise_for_status()
    assert not any(doors(member, file["id"], channel["id"]).values()), "the right went with the membership"
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": member.id})
    assert all(doors(member, file["id"], channel["id"]).values())
    ada.delete(f"/messages/{message['id']}").raise_for_status()
    for client in (ada, member):
        assert not any(doors(client, file["id"], channel["id"]).values()), "and with the message"


def test_history_that_one_does_not_see_has_no_files(server, ada):
    late = server.person(ada, name())
    channel = ada.channel(name("since"), type="private", history_visibility="since_joining")
    before, after = picture(ada), picture(ada)
    share(ada, channel, before)
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": late.id})
    share(ada, channel, after)
    assert not any(doors(late, before["id"], channel["id"]).values())
    assert all(doors(late, after["id"], channel["id"]).values())
    # Once it is said again, it is theirs too.
    share(ada, channel, before)
    assert all(doors(late, before["id"], channel["id"]).values())


def test_a_file_that_an_agent_shows_while_it_writes_is_read_with_its_message(server, ada):
    agent, reader = server.agent(ada, name()), server.person(ada, name())
    channel = ada.channel(name("agents"))
    agent.post(f"/channels/{channel['id']}/join").raise_for_status()
    file = upload(agent, b"a chart")
    stream = agent.post(f"/channels/{channel['id']}/streams", {}).json()
    done = agent.post(f"/streams/{stream['id']}/finish", {"parts": [
        {"text": {"text": "See:"}}, {"file": {"file_id": file["id"], "alt": "a chart"}}]})
    assert done.status_code == 200, done.text
    assert reader.get(f"/files/{file['id']}").content == b"a chart"


def test_deletion_takes_the_bytes_and_leaves_the_name(server, ada):
    reader = server.person(ada, name())
    channel, other = ada.channel(name(), members=[reader.id]), ada.channel(name(), members=[reader.id])
    needle = b"bytes that must go"
    file = picture(ada, png(600, 300) + needle)
    messages = [share(ada, channel, file), share(ada, other, file)]
    copy = reader.post(f"/messages/{messages[0]['id']}/forward", {"channel_id": other["id"]}).json()
    assert holds(server, needle)
    before = len(stored(server))
    with reader.socket() as watching:
        watching.until("caught_up")
        gone = ada.delete(f"/files/{file['id']}")
        assert gone.status_code == 200 and gone.json()["id"] == file["id"]
        told = [watching.until("message.updated")["data"]["message"] for _ in range(3)]
    assert {message["id"] for message in told} == {messages[0]["id"], messages[1]["id"], copy["id"]}
    for message in told:  # state before + its events = state after
        assert message["attachments"] == reader.get(f"/messages/{message['id']}").json()["attachments"]
    eventually(lambda: len(stored(server)) == before - 2 and not holds(server, needle), "the end of the bytes")
    for client in (ada, reader):
        assert not any(doors(client, file["id"], channel["id"]).values())
        for message in (*messages, copy):
            shown = client.get(f"/messages/{message['id']}").json()
            assert shown["revision"] == message["revision"]
            left = shown["attachments"][0]
            assert {k for k, v in left.items() if v} == {"file_id", "filename", "deleted_at"}
            assert left["filename"] == "a.png"
    error(ada.delete(f"/files/{file['id']}"), 404, "file_not_found")
    # It cannot come back: not in a new message, not by what a client says of it.
    error(ada.post(f"/channels/{channel['id']}/messages", {
        "content": "x", "attachments": [{"file_id": file["id"]}]}), 404, "file_not_found")
    error(ada.post(f"/channels/{channel['id']}/messages", {
        "content": "x", "attachments": [{"file_id": file["id"],
                                         "deleted_at": "2024-01-01T00:00:00Z"}]}), 404, "file_not_found")
    again = reader.post(f"/messages/{messages[0]['id']}/forward", {"channel_id": other["id"]})
    assert again.status_code == 201 and "deleted_at" in again.json()["attachments"][0]


def test_a_file_of_very_many_messages_is_gone_from_all_of_them(server, ada):
    channel = ada.channel(name())
    file = upload(ada, b"shared a lot")
    messages = [share(ada, channel, file, text=str(n)) for n in range(120)]
    ada.delete(f"/files/{file['id']}").raise_for_status()
    eventually(lambda: all("deleted_at" in attachment(ada, message) for message in messages[::17]),
               "the deletion in all messages")
    eventually(lambda: "deleted_at" in attachment(ada, messages[-1]))


def test_who_deletes_a_file(server, ada):
    author, reader, admin = (server.person(ada, name()) for _ in range(3))
    ada.patch(f"/workspaces/{ada.get('/workspaces').json()['workspaces'][0]['id']}/members/{admin.id}",
              {"role": "admin"}).raise_for_status()
    channel = author.channel(name("theirs"), type="private")
    author.post(f"/channels/{channel['id']}/members", {"actor_id": reader.id})
    file = upload(author, b"of the author")
    share(author, channel, file)
    error(reader.delete(f"/files/{file['id']}"), 403, "workspace_role_required")
    # An admin has no right to what it may not read.
    error(admin.delete(f"/files/{file['id']}"), 404, "file_not_found")
    author.post(f"/channels/{channel['id']}/members", {"actor_id": admin.id})
    repeated = [admin.delete(f"/files/{file['id']}", headers={"idempotency-key": "gone"}) for _ in range(2)]
    assert [answer.status_code for answer in repeated] == [200, 200]
    assert repeated[0].json() == repeated[1].json()
    error(author.get(f"/files/{file['id']}"), 404, "file_not_found")


def test_drafts_lose_a_deleted_file_and_scheduled_messages_are_not_sent_without_it(server, ada):
    author = server.person(ada, name())
    channel, bare = author.channel(name()), author.channel(name())
    file = upload(author, b"not sent yet")
    here, there = f"/channels/{channel['id']}/draft", f"/channels/{bare['id']}/draft"
    author.put(here, {"content": "words", "attachments": [{"file_id": file["id"]}]}).raise_for_status()
    author.put(there, {"attachments": [{"file_id": file["id"]}]}).raise_for_status()
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    waiting = author.post(f"/channels/{channel['id']}/scheduled_messages", {
        "content": "later", "send_at": later, "attachments": [{"file_id": file["id"]}]}).json()
    with author.socket() as watching:
        watching.until("caught_up")
        author.delete(f"/files/{file['id']}").raise_for_status()
        kinds = {watching.until(lambda f: f["type"].startswith(("draft.", "scheduled_")))["type"]
                 for _ in range(3)}
    assert kinds == {"draft.updated", "draft.deleted", "scheduled_message.updated"}
    left = author.get(here).json()
    assert left["content"] == "words" and not left.get("attachments")
    assert author.get(there).status_code == 404
    shown = author.get(f"/scheduled_messages/{waiting['id']}").json()["attachments"][0]
    assert {k for k, v in shown.items() if v} == {"file_id", "filename", "deleted_at"}
    error(author.post(f"/scheduled_messages/{waiting['id']}/send"), 404, "file_not_found")
    changed = author.patch(f"/scheduled_messages/{waiting['id']}", {"attachments": []})
    assert changed.status_code == 200, changed.text
    sent = author.post(f"/scheduled_messages/{waiting['id']}/send")
    assert sent.status_code in (200, 201), sent.text


def test_lists_hold_what_one_may_read_page_by_page(server, ada):
    person, other = server.person(ada, name()), server.person(ada, name())
    channel = person.channel(name())
    other.post(f"/channels/{channel['id']}/join").raise_for_status()
    kinds = {"a.png": (png(), "image"), "a.txt": (b"text", "document"), "a.bin": (b"\0\1", "other"),
             "a.pdf": (b"%PDF-1.7", "document"), "a.mp3": (b"ID3\3\0", "audio")}
    made = {file: upload(person, data, file) for file, (data, _) in kinds.items()}
    foreign = upload(other, b"of somebody else", "other.txt")
    for file in made.values():
        share(person, channel, file)
    share(other, channel, foreign)
    share(person, channel, made["a.png"], text="again")
    mine = person.get("/files").json()
    assert [f["filename"] for f in mine["files"]] == list(reversed(kinds))
    here = {"channel_id": channel["id"]}
    everything = person.get("/files", params=here).json()["files"]
    assert [f["id"] for f in everything] == [foreign["id"]] + [f["id"] for f in reversed(made.values())]
    for kind in ("image", "document", "audio", "other", "video"):
        listed = person.get("/files", params=here | {"kind": kind, "actor_id": "me"}).json()["files"]
        assert {f["filename"] for f in listed} == {n for n, (_, k) in kinds.items() if k == kind}
    of_other = person.get("/files", params=here | {"actor_id": other.id}).json()["files"]
    assert [f["id"] for f in of_other] == [foreign["id"]]
    pages, cursor = [], ""
    while True:
        page = person.get("/files", params=here | {"limit": 2, "cursor": cursor}).json()
        pages.append([f["id"] for f in page["files"]])
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert [len(page) for page in pages] == [2, 2, 2]
    assert sum(pages, []) == [f["id"] for f in everything]
    first = person.get("/files", params=here | {"limit": 2}).json()["next_cursor"]
    error(person.get("/files", params={"cursor": first}), 400, "invalid_cursor")
    error(person.get("/files", params={"actor_id": other.id}), 400, "invalid_argument")
    error(server.person(ada, name(), role="guest").get("/files", params=here), 404, "channel_not_found")


def test_a_full_quota_says_how_full_and_deletion_makes_room():
    with Server(HEIM_FILE_QUOTA_ACTOR="1000", HEIM_FILE_QUOTA_WORKSPACE="1500") as server:
        ada = server.setup()
        bob = server.person(ada, "bob")
        file = upload(ada, b"x" * 900)
        refused = error(upload(ada, b"y" * 101, status=429), 429, "quota_exceeded")
        assert refused["details"] | {"used_bytes": 900, "quota_bytes": 1000, "quota": "actor"} == refused["details"]
        upload(ada, b"y" * 100)
        upload(ada, b"", "empty")
        refused = error(upload(bob, b"z" * 501, status=429), 429, "quota_exceeded")
        assert refused["details"]["quota"] == "workspace" and refused["details"]["used_bytes"] == 1000
        upload(bob, b"z" * 500)
        usage = bob.get("/files/usage").json()
        assert usage == {"actor": {"used_bytes": 500, "quota_bytes": 1000, "file_count": 1},
                         "workspace": {"used_bytes": 1500, "quota_bytes": 1500, "file_count": 4}}
        ada.delete(f"/files/{file['id']}").raise_for_status()
        assert ada.get("/files/usage").json()["actor"] == {
            "used_bytes": 100, "quota_bytes": 1000, "file_count": 2}
        upload(bob, b"z" * 500)
        eventually(lambda: len(stored(server)) == 4, "the end of what was refused")
        assert not being_written(server)


def test_uploads_at_once_never_pass_the_quota_together():
    with Server(HEIM_FILE_QUOTA_ACTOR="100KB") as server:
        ada = server.setup()
        clients = [type(ada)(server, ada.token) for _ in range(12)]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda c: c.request(
                "POST", "/files", data=b"q" * 10_000,
                headers={"Content-Type": "application/octet-stream"}), clients * 2))
        taken = [answer for answer in answers if answer.status_code == 201]
        assert len(taken) == 10, [answer.status_code for answer in answers]
        assert {answer.status_code for answer in answers} == {201, 429}
        assert ada.get("/files/usage").json()["actor"]["used_bytes"] == 100_000
        eventually(lambda: sum(map(len, stored(server).values())) == 100_000, "the end of what was refused")


def test_what_nothing_is_linked_to_goes_and_the_rest_stays():
    with Server(HEIM_FILE_UNLINKED_KEPT="1s") as server:
        ada = server.setup()
        channel = ada.channel("kept")
        kept = {place: upload(ada, f"kept by {place}".encode()) for place in ("message", "draft", "scheduled")}
        share(ada, channel, kept["message"])
        ada.put(f"/channels/{channel['id']}/draft",
                {"attachments": [{"file_id": kept["draft"]["id"]}]}).raise_for_status()
        later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
        ada.post(f"/channels/{channel['id']}/scheduled_messages", {
            "content": "x", "send_at": later,
            "attachments": [{"file_id": kept["scheduled"]["id"]}]}).raise_for_status()
        lost = upload(ada, png(300, 300), "lost.png")
        eventually(lambda: ada.get(f"/files/{lost['id']}").status_code == 404, "the sweep")
        eventually(lambda: len(stored(server)) == 3, "the end of the bytes, those of the preview too")
        for file in kept.values():
            assert ada.get(f"/files/{file['id']}").status_code == 200
        assert ada.get("/files/usage").json()["actor"]["file_count"] == 3
        # What a draft let go of is swept in its turn.
        ada.delete(f"/channels/{channel['id']}/draft").raise_for_status()
        eventually(lambda: ada.get(f"/files/{kept['draft']['id']}").status_code == 404, "the second look")


def test_a_file_of_a_deleted_message_stays_while_a_draft_has_it(server, ada):
    author = server.person(ada, name())
    channel = author.channel(name())
    file = upload(author, b"twice of use")
    message = share(author, channel, file)
    author.put(f"/channels/{channel['id']}/draft", {"attachments": [{"file_id": file["id"]}]}).raise_for_status()
    author.delete(f"/messages/{message['id']}").raise_for_status()
    assert author.get(f"/files/{file['id']}").status_code == 200
    share(author, channel, file)


def test_what_a_crash_left_half_written_goes_at_the_start(tmp_path):
    with Server(tmp_path) as server:
        server.setup()
    left = tmp_path / "data" / "files" / "tmp" / "left-behind"
    left.write_bytes(b"half")
    with Server(tmp_path):
        assert not left.exists()
