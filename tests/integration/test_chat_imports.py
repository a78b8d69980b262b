"""Teams that move in from Slack and Mattermost: what comes over is compared through the API, an import of theirs happens once
whatever happens to it, and archives that are wrong break nothing.
"""

import io
import json
import struct
import zipfile

import pytest

import chat_archives as chats
from archives import counts, ended, export, imported, upload
from heim_server import Server, eventually

DAY = chats.DAY


@pytest.fixture(name="target")
def make_target():
    with Server() as server:
        yield server, server.setup("ada")


def people(client):
    return {actor["username"]: actor for actor in client.get("/actors?limit=200").json()["actors"]}


def history(client, channel):
    """All messages of a channel, oldest first, replies among them."""
    messages = client.get(f"/channels/{channel['id']}/messages?limit=200").json()["messages"]
    for root in list(messages):
        if root.get("thread"):
            messages += client.get(f"/messages/{root['id']}/thread?limit=200").json()["messages"]
    return sorted({m["id"]: m for m in messages}.values(), key=lambda m: m["seq"])


def channel_named(client, name):
    found = client.get(f"/channels?name={name}&include_archived=true").json()["channels"]
    assert len(found) == 1, (name, found)
    return found[0]


def members(client, channel):
    listed = client.get(f"/channels/{channel['id']}/members?limit=200").json()["members"]
    return {m["actor"]["username"]: m["role"] for m in listed}


def direct(client, type_):
    return client.get(f"/channels?type={type_}&limit=200").json()["channels"]


def reactions(message):
    return {group["emoji"]: group["count"] for group in message.get("reactions", [])}


def problems(found):
    return " | ".join(f"{p['place']}: {p['text']}" for p in found.get("problems", []))


def fields(message):
    return message["actor"]["username"], message["content"]


def test_a_team_moves_in_from_slack(target):
    _, ada = target
    found = imported(ada, chats.packed(chats.slack_files()), format="slack")
    assert found["state"] == "done", found
    who = people(ada)
    assert who["bob"]["display_name"] == "Bobby" and who["helper"]["type"] == "agent"
    assert who["guest"]["type"] == "human"

    talk = channel_named(ada, "general-talk")
    assert talk["type"] == "public" and talk["topic"] == "All & sundry" and talk["purpose"] == "talk"
    assert members(ada, talk) == {"ada": "owner", "bob": "member", "guest": "member"}
    said = history(ada, talk)
    assert [fields(m) for m in said] == [
        ("ada", "Plan for @channel: **ship** it, @bob & @gone!"),
        ("bob", "see [the page](https://a.example/x?a=1&b=2) in #plans\n"
                "File: [lost.pdf](https://heim.slack.example/files/F2)\nFile: F3 (deleted)"),
        ("gone", "```\nx < y\n```"),
        ("bob", "on it"),
        ("ada", "and to all"),
        ("deploys", "> [Build 7](https://ci.example/7)\n> **green**"),
        ("helper", "done"),
        ("stranger", "from elsewhere"),
        ("bob", "answer to what is gone"),
        ("ada", "and one more"),
    ]
    root, file, _, reply, broadcast, *_, stand_in, answer = said
    assert root["created_at"] == "2024-02-05T09:00:00Z" and root["edited_at"] == "2024-02-05T09:01:00Z"
    assert root["thread"]["reply_count"] == 2
    assert reply["thread_id"] == broadcast["thread_id"] == root["id"] and answer["thread_id"] == stand_in["id"]
    assert reactions(root) == {"+1": 1, "tada": 2, ":party_parrot:": 1}
    assert [(m["type"], m.get("actor_id")) for m in root["mentions"]] == [
        ("channel", None), ("actor", who["bob"]["id"]), ("actor", root["mentions"][2]["actor_id"])]
    assert [m["seq"] for m in said] == list(range(1, 11)) and talk["last_seq"] == 10
    shown = file["attachments"]
    assert [a["filename"] for a in shown] == ["report.csv"]
    assert ada.get(f"/files/{shown[0]['file_id']}").content == chats.REPORT
    pins = ada.get(f"/channels/{talk['id']}/pins").json()["pins"]
    assert [p["message_id"] for p in pins] == [root["id"]] and pins[0]["pinned_by"] == who["bob"]["id"]
    assert [e["name"] for e in ada.get("/emoji").json()["emoji"]] == ["party_parrot"]

    assert channel_named(ada, "old")["archived"] is True
    plans = channel_named(ada, "plans")
    assert plans["type"] == "private" and members(ada, plans) == {"ada": "owner", "bob": "member"}
    assert [fields(m) for m in history(ada, plans)] == [("ada", "secret plan")]
    [dm] = direct(ada, "dm")
    assert [fields(m) for m in history(ada, dm)] == [("bob", "psst @ada")]
    assert members(ada, dm) == {"ada": "member", "bob": "member"}
    [group] = direct(ada, "group_dm")
    assert [fields(m) for m in history(ada, group)] == [("guest", "we three")]
    assert members(ada, group) == {"ada": "member", "bob": "member", "guest": "member"}
    text = problems(found)
    for told in ("lost.pdf", "channel_join (1 in all)", "lose their skin tone", "whose they are", "deleted",
                 "thread is not in the archive", "integration_logs.json", "U9"):
        assert told in text, (told, text)


def test_a_team_moves_in_from_mattermost(target):
    _, ada = target
    data = chats.packed(chats.mattermost_files())
    refused = imported(ada, data, format="mattermost")
    assert refused["state"] == "failed" and refused["error"] == "INVALID_ARCHIVE"
    assert "heim, other" in refused["error_text"]
    found = imported(ada, data, format="mattermost", team="heim")
    assert found["state"] == "done", found
    who = people(ada)
    assert who["bob"]["display_name"] == "Bob M."
    square = channel_named(ada, "town-square")
    assert square["topic"] == "all" and members(ada, square) == {"ada": "member", "bob": "member"}
    said = history(ada, square)
    assert [fields(m) for m in said] == [
        ("ada", "**Plan** for @bob"), ("gone", "first"), ("bob", "later, see @channel and @ada\nFile: lost.pdf"),
        ("bob", "on it"), ("botty", "> [Build 7](https://ci.example/7)\n> **green**"), ("far", "from another team")]
    root, first, later, reply, *_ = said
    assert root["created_at"] == "2024-02-05T09:00:00Z" and root["edited_at"] == "2024-02-05T09:00:09Z"
    assert first["thread_id"] == reply["thread_id"] == root["id"] and root["thread"]["reply_count"] == 2
    assert reactions(root) == {"+1": 1, ":mm_parrot:": 1}
    assert root["mentions"][0]["actor_id"] == who["bob"]["id"]
    assert [m["type"] for m in later["mentions"]] == ["channel", "actor"]
    assert ada.get(f"/files/{later['attachments'][0]['file_id']}").content == chats.REPORT
    assert [p["message_id"] for p in ada.get(f"/channels/{square['id']}/pins").json()["pins"]] == [root["id"]]
    plans = channel_named(ada, "plans")
    assert plans["type"] == "private" and members(ada, plans) == {"ada": "admin"}
    assert [fields(m) for m in history(ada, plans)] == [("ada", "secret plan")]
    [dm] = direct(ada, "dm")
    assert [fields(m) for m in history(ada, dm)] == [("bob", "psst @ada")]
    assert members(ada, dm) == {"ada": "member", "bob": "member"}
    [group] = direct(ada, "group_dm")
    assert [fields(m) for m in history(ada, group)] == [("ada", "we three")]
    assert not ada.get("/channels?name=elsewhere").json()["channels"]
    text = problems(found)
    for told in ("import.jsonl:14: A file that is not in the archive", "Mattermost itself", "Other teams"):
        assert told in text, (told, text)


def test_the_lines_of_mattermost_are_an_archive_without_files(target):
    _, ada = target
    found = imported(ada, chats.as_lines(chats.mattermost_lines()).encode(), format="mattermost", team="heim")
    assert found["state"] == "done", found
    said = history(ada, channel_named(ada, "town-square"))
    assert "File: report.csv" in said[2]["content"] and not said[2].get("attachments")


@pytest.mark.parametrize("format_,data,more", [
    ("slack", chats.packed(chats.slack_files()), {}),
    ("mattermost", chats.packed(chats.mattermost_files()), {"team": "heim"})], ids=["slack", "mattermost"])
def test_a_look_first_then_the_import_then_again_adds_nothing(target, format_, data, more):
    _, ada = target
    before = export(ada)
    looked = imported(ada, data, format=format_, dry_run="true", **more)
    assert looked["state"] == "checked", looked
    assert export(ada).records[1:] == before.records[1:]
    ada.post(f"/imports/{looked['id']}/start").raise_for_status()
    done = ended(ada, looked["id"])
    assert done["state"] == "done" and counts(done) == counts(looked), (counts(done), counts(looked))
    whole = export(ada)
    again = imported(ada, data, format=format_, **more)
    assert again["state"] == "done"
    assert all(created == 0 for created, _, _ in counts(again).values()), counts(again)
    assert export(ada).normal() == whole.normal()


def test_a_later_export_of_the_same_workspace_adds_what_is_new(target):
    _, ada = target
    files = chats.slack_files()
    assert imported(ada, chats.packed(files), format="slack")["state"] == "done"
    talk = channel_named(ada, "general-talk")
    before = [m["id"] for m in history(ada, talk)]
    files["general-talk/2024-02-07.json"] = [
        chats.say("U2", f"{DAY + 2 * 86400}.000000", "new", thread_ts=f"{DAY}.000100"),
        chats.say("U1", f"{DAY + 2 * 86400 + 1}.000000", "newer")]
    assert imported(ada, chats.packed(files), format="slack")["state"] == "done"
    after = history(ada, talk)
    assert [m["id"] for m in after][:len(before)] == before
    assert [m["content"] for m in after][len(before):] == ["new", "newer"]
    assert after[len(before)]["thread_id"] == before[0]


def long_slack(count):
    """Messages of three channels and twenty days, threads among them."""
    files = {"users.json": [chats.slack_user(f"U{i}", f"user{i}", f"User {i}") for i in range(5)],
             "channels.json": [{"id": f"C{c}", "name": f"lots-{c}", "created": DAY, "creator": "U0",
                                "members": [f"U{i}" for i in range(5)]} for c in range(3)]}
    for c in range(3):
        for day in range(20):
            messages = []
            for n in range(count // 60):
                ts = f"{DAY + day * 86400 + n}.000000"
                root = f"{DAY + day * 86400 + n // 10 * 10}.000000"
                messages.append(chats.say(f"U{n % 5}", ts, f"{c} {day} {n} <@U{(n + 1) % 5}>", thread_ts=root,
                                          reactions=[{"name": "+1", "users": ["U1"], "count": 1}]))
            files[f"lots-{c}/2024-02-{day + 5:02}.json"] = messages
    return chats.packed(files)


def long_mattermost(count):
    lines = chats.mattermost_lines()
    for n in reversed(range(count)):
        lines.append({"type": "post", "post": chats.post(
            "ada" if n % 2 else "bob", DAY + 1000 + n, f"number {n} @bob",
            replies=[{"user": "bob", "create_at": (DAY + 2000 + n) * 1000, "message": f"answer {n}"}])})
    return chats.packed({"import.jsonl": chats.as_lines(lines)})


def progress(client, import_id, before):
    now = client.get(f"/imports/{import_id}").json()
    return now["state"] == "done" or (now["state"] == "running" and
                                      now.get("records_done", 0) > before.get("records_done", 0))


@pytest.mark.parametrize("format_,data,more", [
    ("slack", long_slack(6000), {}), ("mattermost", long_mattermost(2000), {"team": "heim"})],
    ids=["slack", "mattermost"])
def test_a_killed_import_ends_as_one_that_was_not(tmp_path, format_, data, more):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    with Server(tmp_path / "whole") as calm, Server(tmp_path / "killed") as killed:
        ada = calm.setup("ada")
        assert imported(ada, data, format=format_, **more)["state"] == "done"
        expected = export(ada).normal()
        ada = killed.setup("ada")
        begun = upload(ada, data, format=format_, **more).json()
        for _ in range(2):
            before = ada.get(f"/imports/{begun['id']}").json()
            eventually(lambda: progress(ada, begun["id"], before), "progress")
            killed.kill()
            killed.start()
        assert ended(ada, begun["id"])["state"] == "done"
        assert export(ada).normal() == expected


def entry_of(name, content=b"x"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, content)
    return out.getvalue()


def overlapping():
    """Many entries in the table for the bytes of one."""
    data = bytearray(chats.packed({"users.json": "[]", "channels.json": b"[" + b" " * 4000 + b"]"}, zipfile.ZIP_STORED))
    end = data.rindex(b"PK\x05\x06")
    size, offset = struct.unpack("<II", data[end + 12:end + 20])
    table = bytes(data[offset:offset + size])
    entry = table[table.rindex(b"PK\x01\x02"):]
    extra = b"".join(entry.replace(b"channels.json", b"channel%02d.jsn" % n) for n in range(50))
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 52, 52, size + len(extra), offset, 0)
    return bytes(data[:offset]) + table + extra + tail


def broken_bytes():
    data = bytearray(chats.packed(chats.slack_files()))
    at = data.index(b"general-talk/2024-02-05.json") + 60
    data[at:at + 20] = bytes(20)
    return bytes(data)


def refused():
    good = chats.packed(chats.slack_files())
    version = json.dumps({"type": "version", "version": 1}) + "\n"
    return {
        "empty": ("slack", b""), "no zip": ("slack", b"hello" * 1000), "cut": ("slack", good[:len(good) * 2 // 3]),
        "without its end": ("slack", good[:-5]), "other files": ("slack", entry_of("README")),
        "traversal alone": ("slack", entry_of("../users.json", b"[]")),
        "absolute alone": ("slack", entry_of("/users.json", b"[]")),
        "no list of users": ("slack", chats.packed({"users.json": {}, "channels.json": []})),
        "no json": ("slack", chats.packed({"users.json": "[", "channels.json": "[]"})),
        "no channels": ("slack", chats.packed({"users.json": []})),
        "bomb": ("slack", chats.packed({"users.json": b"[" + b" " * (64 << 20) + b"]", "channels.json": []})),
        "overlap": ("slack", overlapping()), "damaged": ("slack", broken_bytes()),
        "no lines": ("mattermost", b""), "no version": ("mattermost", b"{}\n"),
        "zip without lines": ("mattermost", entry_of("README")), "slack's": ("mattermost", good),
        "no team": ("mattermost", version.encode()), "nonsense": ("mattermost", b"\xff\xfe\x00" * 100),
        "version 9": ("mattermost", b'{"type":"version","version":9}\n'),
        "long line": ("mattermost", version.encode()[:-1] + b" " * 100 + b"\n" + b"x" * (17 << 20)),
    }


def test_hostile_archives_are_refused_and_change_nothing(target):
    server, ada = target
    before = export(ada)
    for name, (format_, data) in refused().items():
        found = imported(ada, data, format=format_)
        assert found["state"] == "failed" and found["error"] == "INVALID_ARCHIVE", (name, found)
        assert found["error_text"], name
    assert export(ada).records[1:] == before.records[1:]
    assert server.process.poll() is None


def test_what_is_wrong_within_an_archive_is_left_out_with_its_place(target):
    _, ada = target
    files = chats.slack_files("w-")
    name = "w-general-talk/2024-02-08.json"
    late = DAY + 3 * 86400
    files[name] = json.dumps([
        chats.say("U1", f"{late}.000000", "good"), 7, {"ts": "nonsense"},
        chats.say("U1", "4000000000.000000", "from the future"),
        chats.say("U1", f"{late + 1}.000000", "round", thread_ts=f"{late + 2}.000000"),
        chats.say("U1", f"{late + 2}.000000", "and round", thread_ts=f"{late + 1}.000000"),
        chats.say("", f"{late + 3}.000000", "by nobody"),
        chats.say("U1", f"{late + 4}.000000", "x" * 300_000)])[:-1] + ",{"
    data = io.BytesIO(chats.packed(files))
    with zipfile.ZipFile(data, "a") as archive:
        for bad in ("../up.json", "/abs.json", "a\\b.json", "w-general-talk//2024-02-09.json"):
            info = zipfile.ZipInfo("x")
            info.filename = bad
            archive.writestr(info, "[]")
    found = imported(ada, data.getvalue(), format="slack")
    assert found["state"] == "done", found
    said = history(ada, channel_named(ada, "w-general-talk"))
    texts = [m["content"] for m in said][10:]
    assert texts[:4] == ["good", "round", "and round", "by nobody"] and len(texts[4].encode()) == 256 << 10
    assert said[12]["thread_id"] == said[11]["id"]
    text = problems(found)
    for told in (f"{name}:3", f"{name}:4", f"{name}:8", "An entry of the archive is left out", "from the future"):
        assert told in text, (told, text)


def test_an_archive_of_a_hundred_thousand_entries_is_read_in_time(target):
    _, ada = target
    files = {f"notes/{n}.txt": "" for n in range(100_000)}
    data = chats.packed({**chats.slack_files(), **files}, zipfile.ZIP_STORED)
    assert imported(ada, data, format="slack", dry_run="true")["state"] == "checked"
