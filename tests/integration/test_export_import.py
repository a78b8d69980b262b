"""Export and import: what is exported is read back equal, an import happens once whatever happens to it, and hostile
archives change nothing.
"""

import io
import json
import tarfile
import uuid

import pytest
import requests

from archives import HEADER, Archive, add, counts, ended, export, imported, tar_of, upload, with_end
from heim_server import DEADLINE, Client, Server, error, eventually
from pictures import png


def rich(server, ada):
    """A workspace with one of everything. Answers its channel."""
    bob = server.person(ada, "bob", display_name="Bob B.")
    cara = server.person(ada, "cara")
    echo = server.agent(ada, "echo", description="Says it again", capabilities=["echo"])
    bob.request("POST", "/actors/me/avatar", data=png(300, 200), headers={"Content-Type": "image/png"}).raise_for_status()
    ada.request("POST", "/emoji?name=acme", data=png(64, 64), headers={"Content-Type": "image/png"}).raise_for_status()
    group = ada.post("/groups", {"handle": "crew", "name": "Crew", "member_ids": [bob.id, cara.id]})
    assert group.status_code == 201, group.text
    plans = ada.channel("plans", topic="What next", purpose="Plans")
    for each in (bob, cara, echo):
        ada.post(f"/channels/{plans['id']}/members", {"actor_id": each.id}).raise_for_status()
    file = bob.request("POST", "/files?filename=notes.txt", data=b"some notes", headers={"Content-Type": "text/plain"}).json()
    picture = ada.request("POST", "/files?filename=p.png", data=png(50, 40), headers={"Content-Type": "image/png"}).json()
    root = bob.send(plans["id"], "hello @cara and @crew", attachments=[{"file_id": file["id"]}])
    reply = cara.send(plans["id"], "in a thread", thread_id=root["id"])
    ada.send(plans["id"], "a second reply", thread_id=root["id"])
    edited = ada.send(plans["id"], "first words", attachments=[{"file_id": picture["id"]}])
    for words in ("second words", "third words"):
        ada.patch(f"/messages/{edited['id']}", {"content": words}).raise_for_status()
    gone = bob.send(plans["id"], "never mind")
    bob.delete(f"/messages/{gone['id']}").raise_for_status()
    for who, emoji in ((ada, "👍"), (bob, "👍"), (cara, ":acme:")):
        who.post(f"/messages/{root['id']}/reactions", {"emoji": emoji}).raise_for_status()
    ada.send(plans["id"], "see above", quote_message_id=root["id"])
    echo.send(plans["id"], "with parts", parts=[{"id": "p1", "text": {"text": "with parts"}},
                                                {"id": "p2", "tool_call": {"call_id": "c1", "name": "look", "input": {"q": 1}}}],
              metadata={"run": "7", "deep": {"list": [1, 2.5, None, True]}})
    ada.put(f"/channels/{plans['id']}/pins/{root['id']}", {}).raise_for_status()
    ada.post(f"/channels/{plans['id']}/bookmarks", {"title": "Site", "url": "https://example.com/"}).raise_for_status()
    hidden = cara.channel("hidden", type="private")
    cara.send(hidden["id"], "between us")
    forwarded = cara.post(f"/messages/{reply['id']}/forward", {"channel_id": hidden["id"], "content": "look"})
    assert forwarded.status_code == 201, forwarded.text
    dm = bob.post("/dms", {"actor_ids": [cara.id]}).json()
    bob.send(dm["id"], "just you")
    old = ada.channel("old")
    ada.send(old["id"], "from before")
    ada.delete(f"/channels/{old['id']}").raise_for_status()
    late = ada.channel("late", history_visibility="since_joining")
    ada.send(late["id"], "before bob")
    ada.post(f"/channels/{late['id']}/members", {"actor_id": bob.id}).raise_for_status()
    ada.send(late["id"], "after bob")
    left = server.person(ada, "gone")
    left.post(f"/channels/{plans['id']}/join").raise_for_status()
    left.send(plans["id"], "I was here")
    ada.delete(f"/actors/{left.id}").raise_for_status()
    return plans


@pytest.fixture(scope="module")
def source():
    with Server() as server:
        ada = server.setup("ada")
        rich(server, ada)
        yield server, ada


@pytest.fixture(scope="module")
def archive(source):
    return export(source[1])


@pytest.fixture()
def target():
    with Server() as server:
        yield server, server.setup("ada")


def test_export_then_import_then_export_gives_the_same_but_for_ids_and_times(archive, target):
    server, ada = target
    found = imported(ada, archive.data, take_settings="true")
    assert found["state"] == "done", found
    assert found.get("problem_count", 0) == 0, found
    again = export(ada)
    records, files = archive.normal()
    their_records, their_files = again.normal()
    assert their_records == records
    assert their_files == files


def test_an_archive_holds_everything_and_no_secrets(source, archive):
    server, ada = source
    kinds = {next(iter(record)) for record in archive.records}
    assert kinds == {"header", "actor", "emoji", "group", "channel", "member", "file", "message", "version", "reaction",
                     "pin", "bookmark", "workspace", "end"}
    assert next(iter(archive.records[0])) == "header" and "end" in archive.records[-1]
    names = {channel["channel"].get("name", "") for channel in archive.of("channel")}
    assert names == {"general", "plans", "hidden", "", "old", "late"}
    assert b"some notes" in archive.files.values()
    text = archive.data.decode("utf-8", errors="replace")
    assert "never mind" not in text
    for secret in ("argon2", "password", ada.token, "heim_"):
        assert secret not in text, secret


def test_what_was_imported_is_there_for_those_who_come(archive, target):
    server, ada = target
    imported(ada, archive.data)
    people = {actor["username"]: actor for actor in ada.get("/actors?limit=50").json()["actors"]}
    assert {"ada", "bob", "cara", "echo"} <= set(people)
    assert requests.post(server.url + "/api/v1/auth/login", json={"username": "bob", "password": "correct horse battery"},
                         timeout=DEADLINE).status_code == 401
    link = ada.post(f"/actors/{people['bob']['id']}/password_reset").json()
    done = requests.post(server.url + "/api/v1/auth/password_reset", json={"token": link["reset_token"], "new_password": "another good one"},
                         timeout=DEADLINE)
    assert done.status_code == 200, done.text
    login = requests.post(server.url + "/api/v1/auth/login", json={"username": "bob", "password": "another good one"},
                          timeout=DEADLINE).json()
    bob = Client(server, login["token"], login["actor"])
    summary = bob.get("/read_states/summary").json()
    assert summary.get("unread_count", 0) == 0 and summary.get("thread_unread_count", 0) == 0, summary
    assert bob.get("/inbox").json().get("items", []) == []
    plans = bob.get("/channels?name=plans").json()["channels"][0]
    messages = bob.get(f"/channels/{plans['id']}/messages?limit=50").json()["messages"]
    root = next(m for m in messages if m["content"].startswith("hello"))
    assert root["actor"]["id"] == bob.id and root["thread"]["reply_count"] == 2
    assert root["mentions"][0]["actor_id"] == people["cara"]["id"]
    assert bob.get(f"/files/{root['attachments'][0]['file_id']}").content == b"some notes"
    assert bob.get(f"/actors/{bob.id}/avatar").status_code == 200
    # A reply now reaches whoever took part before.
    ada.post(f"/channels/{plans['id']}/join")
    ada.send(plans["id"], "still here?", thread_id=root["id"])
    eventually(lambda: bob.get("/inbox").json().get("items"), "the reply in the inbox")


def test_the_same_archive_again_adds_nothing(archive, target):
    server, ada = target
    imported(ada, archive.data)
    before = export(ada).normal()
    again = imported(ada, archive.data)
    assert again["state"] == "done"
    assert all(created == 0 for created, _, _ in counts(again).values()), counts(again)
    assert export(ada).normal() == before


def test_what_was_deleted_here_does_not_come_back(archive, target):
    server, ada = target
    imported(ada, archive.data)
    plans = ada.get("/channels?name=plans").json()["channels"][0]
    messages = ada.get(f"/channels/{plans['id']}/messages?limit=50").json()["messages"]
    root = next(m for m in messages if m["content"].startswith("hello"))
    ada.delete(f"/messages/{root['id']}").raise_for_status()
    assert imported(ada, archive.data)["state"] == "done"
    after = ada.get(f"/messages/{root['id']}").json()
    assert after["deleted_at"] and not after["reactions"] and after["content"] == ""


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(archive, target):
    server, ada = target
    before = export(ada)
    looked = imported(ada, archive.data, dry_run="true")
    assert looked["state"] == "checked" and looked["records_total"] == len(archive.records) - 2
    assert export(ada).records[1:] == before.records[1:]
    told = counts(looked)
    started = ada.post(f"/imports/{looked['id']}/start")
    assert started.status_code == 200, started.text
    done = ended(ada, looked["id"])
    assert done["state"] == "done"
    assert counts(done) == told


def test_subscribers_are_told_to_begin_anew(archive, target):
    server, ada = target
    with ada.socket() as socket:
        cursor = socket.until("caught_up")["cursor"]
        imported(ada, archive.data)
        assert socket.until("goodbye")["data"].get("reconnect_after_ms", 0) >= 0
        assert not [f for f in socket.seen if f and f["type"] in ("message.new", "channel.created")]
    with ada.socket(f"cursor={cursor}") as socket:
        assert socket.until("reset")["data"]["reason"] == "epoch_changed"
        socket.until("caught_up")
        plans = ada.get("/channels?name=plans").json()["channels"][0]
        ada.post(f"/channels/{plans['id']}/join")
        ada.send(plans["id"], "live again")
        socket.until(lambda f: f["type"] == "message.new" and f["data"]["message"]["content"] == "live again")


def many(count):
    records = [HEADER, {"actor": {"actor": {"id": "u1", "type": "human", "username": "zoe"}, "role": "member"}},
               {"channel": {"channel": {"id": "c1", "name": "lots", "type": "public"}}},
               {"member": {"channel_id": "c1", "actor": {"id": "u1"}, "role": "owner"}}]
    for n in range(count):
        message = {"id": f"m{n}", "channel_id": "c1", "actor": {"id": "u1"}, "content": f"number {n}",
                   "created_at": "2020-01-01T00:00:00Z"}
        if n % 10 == 9:
            message["thread_id"] = f"m{n - 9}"
        records.append({"message": message})
        records.append({"reaction": {"message_id": f"m{n}", "emoji": "👍", "actor_id": "u1"}})
    return tar_of(with_end(records))


def test_a_killed_import_goes_on_where_it_stood(tmp_path):
    data = many(6000)
    with Server(tmp_path) as server:
        ada = server.setup("ada")
        begun = upload(ada, data).json()
        for _ in range(3):
            before = ada.get(f"/imports/{begun['id']}").json()
            eventually(lambda: progress(ada, begun["id"], before), "progress")
            server.kill()
            server.start()
            ada.server = server
        found = ended(ada, begun["id"])
        assert found["state"] == "done", found
        assert counts(found)["message"] == (6000, 0, 0)
        lots = ada.get("/channels?name=lots").json()["channels"][0]
        assert lots["last_seq"] == 6000
        messages = export(ada).of("message")
        assert [m["content"] for m in messages if m["channel_id"] == lots["id"]] == [f"number {n}" for n in range(6000)]
        assert len(export(ada).of("reaction")) == 6000


def progress(client, import_id, before):
    now = client.get(f"/imports/{import_id}").json()
    return now["state"] == "done" or (now["state"] == "running" and
                                      now.get("records_done", 0) > before.get("records_done", 0))


def test_a_cancelled_import_stops_and_can_be_made_again(target):
    server, ada = target
    data = many(5000)
    begun = upload(ada, data).json()
    error(upload(ada, data), 400, "import_running")
    eventually(lambda: progress(ada, begun["id"], {}), "progress")
    assert ada.post(f"/imports/{begun['id']}/cancel").json()["state"] in ("cancelled", "done")
    eventually(lambda: upload(ada, data, dry_run="true").status_code == 201, "a free place")
    listed = ada.get("/imports").json()["imports"]
    assert [i["id"] for i in listed][-1] == begun["id"]


HOSTILE = {
    "no tar": b"hello" * 1000,
    "empty": b"",
    "zeros": bytes(10240),
    "no records": tar_of([], names="README"),
    "no header": tar_of(with_end([{"workspace": {"name": "x"}}])),
    "no end": tar_of([HEADER]),
    "wrong end": tar_of([HEADER, {"end": {"records": 7}}]),
    "after the end": tar_of([HEADER, {"end": {"records": 1}}, HEADER]),
    "two headers": tar_of(with_end([HEADER, HEADER])),
    "another format": tar_of(with_end([{"header": HEADER["header"] | {"format": 9}}])),
    "one person's": tar_of(with_end([{"header": HEADER["header"] | {"scope": "actor"}}])),
    "no json": tar_of([HEADER, "{"]),
    "unknown field": tar_of(with_end([HEADER, {"actor": {"shoe": 1}}])),
    "unknown kind": tar_of(with_end([HEADER, {"shoe": {}}])),
    "no kind": tar_of(with_end([HEADER, {}])),
    "no utf-8": tar_of([HEADER, b'{"workspace": {"name": "\xff\xfe"}}']),
    "deep": tar_of([HEADER, '{"workspace": {"settings": ' + '{"a":' * 5000 + "1" + "}" * 5000 + "}}"]),
    "long line": tar_of([HEADER, '{"workspace": {"name": "' + "a" * (9 << 20) + '"}}']),
    "gap": tar_of(with_end([HEADER]), names="records/00000002.jsonl"),
    "other scheme": tar_of(with_end([{"header": HEADER["header"] | {"product": "", "source_id": ""}}])),
}


def linked(kind, name="records/00000001.jsonl", target="/etc/passwd"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.linkname = target
        tar.addfile(entry)
    return out.getvalue()


def escaping(name):
    return tar_of(with_end([HEADER]), files={name: b"x"})


HOSTILE |= {"symlink": linked(tarfile.SYMTYPE), "hard link": linked(tarfile.LNKTYPE), "device": linked(tarfile.CHRTYPE),
            "fifo": linked(tarfile.FIFOTYPE), "up": escaping("../up"), "root": escaping("/etc/passwd"),
            "dots": escaping("files/../../x"), "windows": escaping("files\\..\\x"), "long name": escaping("a" * 300),
            "control": escaping("files/a\nb"), "twice": None}


def test_hostile_archives_are_refused_with_their_place_and_change_nothing(target):
    server, ada = target
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        add(tar, "records/00000001.jsonl", tar_lines(with_end([HEADER])))
        add(tar, "files/a", b"1")
        add(tar, "files/a", b"2")
    HOSTILE["twice"] = out.getvalue()
    whole = many(20)
    HOSTILE["cut off"] = whole[:len(whole) // 2]
    huge = bytearray(whole)
    huge[124:136] = b"\x80" + b"\x7f" * 11
    HOSTILE["size beyond all"] = bytes(huge)
    before = export(ada)
    for name, data in HOSTILE.items():
        found = imported(ada, data)
        assert found["state"] == "failed" and found["error"] == "INVALID_ARCHIVE", (name, found)
        assert found["error_text"], name
    assert "records/00000001.jsonl:2" in imported(ada, HOSTILE["unknown field"])["error_text"]
    assert export(ada).records[1:] == before.records[1:]
    assert server.process.poll() is None


def tar_lines(records):
    return tarfile.open(fileobj=io.BytesIO(tar_of(records))).extractfile("records/00000001.jsonl").read()


def test_records_that_lie_are_left_out_one_by_one(target):
    server, ada = target
    general = ada.default_channel()
    ada.send(general["id"], "ours")
    person = {"actor": {"actor": {"id": "u1", "type": "human", "username": "Zoë The Great!"}, "role": "owner"}}
    channel = {"channel": {"channel": {"id": "c1", "name": "general", "type": "public"}}}
    other = {"channel": {"channel": {"id": "c2", "name": "other", "type": "public"}}}
    at = {"channel_id": "c1", "actor": {"id": "u1"}}
    records = [
        HEADER, person,
        {"actor": {"actor": {"id": "s", "type": "system", "username": "system"}}},
        channel, {"member": {"channel_id": "c9", "actor": {"id": "u1"}}},
        {"message": {"id": "m1", "content": "good"} | at},
        {"message": {"id": "m2", "content": ""} | at},
        {"message": {"id": "m3", "content": "x" * 300_000} | at},
        {"message": {"id": "m4", "content": "of nobody", "channel_id": "c1", "actor": {"id": "u9"}}},
        {"message": {"id": "m5", "content": "to nothing", "thread_id": "m9"} | at},
        {"message": {"id": "m6", "content": "a nul \0 in it"} | at},
        {"message": {"id": "m0", "content": "", "parts": [{"file": {"alt": "nothing"}}]} | at},
        {"message": {"id": "m7", "content": "mentions", "previews": [{"url": "javascript:alert(1)", "title": "x"}], "mentions": [{"type": "actor", "actor_id": "u1", "start": 4000000000,
                                                                      "length": 4000000000}]} | at},
        {"reaction": {"message_id": "m7", "emoji": "no emoji at all", "actor_id": "u1"}},
        {"reaction": {"message_id": "m1", "emoji": "👍", "actor_id": "u1"}},
        {"version": {"message_id": "m7", "version": {"revision": 0, "content": "x"}}},
        {"file": {"file": {"id": "f1", "filename": "../../etc/passwd"}, "path": "files/none"}},
        {"pin": {"channel_id": "c1", "message_id": "m9"}},
        {"bookmark": {"id": "b1", "channel_id": "c1", "title": "x", "url": "javascript:alert(1)"}},
        other, {"message": {"id": "m8", "content": "a reply across", "thread_id": "m1", "channel_id": "c2",
                            "actor": {"id": "u1"}}},
        {"draft": {"channel_id": "c1", "content": "somebody's own"}},
    ]
    found = imported(ada, tar_of(with_end(records)))
    assert found["state"] == "done", found
    assert counts(found)["message"][0] == 2, found
    made = ada.get("/channels?name=general-2").json()["channels"][0]
    messages = ada.get(f"/channels/{made['id']}/messages").json()["messages"]
    assert sorted(m["content"] for m in messages) == ["good", "mentions"]
    assert not any(m["mentions"] or m["previews"] for m in messages)
    assert messages[0]["actor"]["username"] == "zo-the-great"
    assert [p["place"] for p in found["problems"]] and found["problem_count"] >= 12


def test_only_the_owner_exports_and_imports(source, archive):
    server, ada = source
    admin = server.person(ada, "anadmin", role="admin")
    workspace = ada.get("/workspaces").json()["workspaces"][0]["id"]
    error(admin.get(f"/workspaces/{workspace}/export"), 403, "workspace_role_required")
    error(upload(admin, archive.data), 403, "workspace_role_required")
    error(admin.get("/imports"), 403, "workspace_role_required")
    error(ada.get(f"/imports/{uuid.uuid4()}"), 404, "import_not_found")
    error(ada.get(f"/workspaces/{uuid.uuid4()}/export"), 404, "workspace_not_found")
    entries = ada.get("/audit?action=workspace.export").json()["entries"]
    assert {(entry["actor"]["id"], entry["result"]) for entry in entries} >= {(ada.id, "succeeded"), (admin.id, "denied")}, entries


def test_a_workspace_is_not_told_of_another_ones(source, archive):
    server, ada = source
    made = ada.post("/workspaces", {"name": "Beside", "slug": "beside"}).json()
    beside = export_of(ada, made["id"])
    assert "some notes" not in beside.data.decode("utf-8", errors="replace")
    assert {a["actor"]["username"] for a in beside.of("actor")} == {"ada"}
    # People of the server who are not in the workspace are not taken for those of the archive.
    found = imported_into(ada, made["id"], archive.data)
    assert found["state"] == "done", found
    here = export_of(ada, made["id"])
    assert "bob-2" in {a["actor"]["username"] for a in here.of("actor")}
    home = archive.of("header")[0]["source_id"]
    error(ada.get(f"/imports/{found['id']}", headers={"Heim-Workspace": home}), 404, "import_not_found")


def export_of(client, workspace):
    answer = client.get(f"/workspaces/{workspace}/export", headers={"Heim-Workspace": workspace})
    assert answer.status_code == 200, answer.text
    return Archive(answer.content)


def imported_into(client, workspace, data):
    inside = Client(client.server, client.token, client.actor)
    inside.http.headers["Heim-Workspace"] = workspace
    return imported(inside, data)


def test_everybody_exports_its_own_data_and_nobody_elses(target):
    server, ada = target
    rich(server, ada)
    bob = server.person(ada, "dora", email="dora@example.com")
    plans = ada.get("/channels?name=plans").json()["channels"][0]
    bob.post(f"/channels/{plans['id']}/join").raise_for_status()
    said = bob.send(plans["id"], "my own words")
    bob.put(f"/saved/{said['id']}", {"note": "keep"})
    ada.send(plans["id"], "somebody else's words")
    answer = bob.get("/actors/me/export")
    assert answer.status_code == 200, answer.text
    own = Archive(answer.content)
    assert own.of("header")[0]["scope"] == "actor"
    assert [m["content"] for m in own.of("message")] == ["my own words"]
    assert own.of("actor")[0]["email"] == "dora@example.com"
    assert {c["channel"]["name"] for c in own.of("channel")} == {"general", "plans"}
    text = own.data.decode("utf-8", errors="replace")
    assert "somebody else's words" not in text and bob.token not in text and "between us" not in text
    assert own.of("session") and own.of("read_state")
    error(bob.get(f"/actors/{ada.id}/export"), 403, "permission_denied")
    error(bob.get(f"/actors/{uuid.uuid4()}/export"), 404, "actor_not_found")
    assert imported(ada, own.data)["error"] == "INVALID_ARCHIVE"


def test_an_archive_beyond_the_limit_is_refused():
    with Server(HEIM_MAX_IMPORT_SIZE="20000", HEIM_MAX_FILE_SIZE="1000") as server:
        ada = server.setup("ada")
        error(upload(ada, bytes(20001)), 413, "file_too_large")
        error(ada.request("POST", "/files?filename=x", data=bytes(1001)), 413, "file_too_large")
        assert imported(ada, tar_of(with_end([HEADER])))["state"] == "done"
        assert ada.get("/imports").json()["imports"][0]["state"] == "done"


def test_what_was_imported_is_found_by_search(archive, target):
    server, ada = target
    imported(ada, archive.data)
    eventually(lambda: ada.get("/search/messages?q=hello").json()["hits"], "the message in the index")


def test_the_command_line_exports_and_imports(source, target, tmp_path):
    there, owner = source
    home = owner.get("/workspaces").json()["workspaces"]
    acme = next(w["id"] for w in home if w["name"] == "Acme")
    path = tmp_path / "acme.tar"
    there.run("admin", "export", str(path), "--workspace", acme, token=owner.token)
    assert path.stat().st_mode & 0o777 == 0o600
    again = there.run("admin", "export", str(path), "--workspace", acme, token=owner.token, check=False)
    assert again.returncode == 1 and "acme.tar" in again.stderr
    assert {a["actor"]["username"] for a in Archive(path.read_bytes()).of("actor")} >= {"ada", "bob"}

    server, ada = target
    looked = json.loads(server.run("admin", "import", str(path), "--dry-run", "--json", token=ada.token).stdout)
    ended(ada, looked["id"])
    server.run("admin", "imports", looked["id"], "--start", token=ada.token)
    assert ended(ada, looked["id"])["state"] == "done"
    shown = server.run("admin", "imports", token=ada.token).stdout
    assert looked["id"] in shown and "message: " in shown
    own = tmp_path / "own.tar"
    server.run("admin", "export", str(own), "--mine", token=ada.token)
    assert Archive(own.read_bytes()).of("header")[0]["scope"] == "actor"
    refused = server.run("admin", "import", str(own), "--format", "wrong", token=ada.token, check=False)
    assert refused.returncode == 1 and "slack" in refused.stderr
