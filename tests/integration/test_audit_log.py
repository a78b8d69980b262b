"""The audit log as it is read: filters, pages, exports, who may, that it can only grow, and that tampering is found."""

import csv
import io
import itertools
import json
import sqlite3
import subprocess
import uuid

import pytest

from audit_log import entries, head
from heim_server import Client, Server, cluster, demand_flat_memory, error, grpcurl, resident

names = (f"al{n}x{uuid.uuid4().hex[:6]}" for n in itertools.count(1))


def ok(answer):
    assert answer.status_code in (200, 201), answer.text
    return answer


@pytest.fixture(autouse=True, scope="module")
def stay_at_home(ada):
    """Who is in two workspaces is where it was last, unless it says where it wants to be."""
    ada.http.headers["heim-workspace"] = ada.get("/auth/me").json()["workspace"]["id"]


@pytest.fixture(name="own")
def make_own():
    """A server of one's own, whose database a test may touch."""
    with Server() as running:
        yield running


def database(server):
    """(run, changed): executes SQL beside the server, as somebody with the file or the password could; the second is
    what the database says when it refuses."""
    url = server.env.get("HEIM_DATABASE_URL")
    if url:
        def run(sql):
            done = subprocess.run([f"{cluster().bin}/psql", "-v", "ON_ERROR_STOP=1", "-c", sql, url],
                                  capture_output=True, text=True, timeout=30)
            return done.stderr if done.returncode else ""
        return run
    file = next((server.directory / "data").glob("**/*.db"))

    def run(sql):
        connection = sqlite3.connect(file, timeout=30, isolation_level=None)
        try:
            connection.execute(sql)
            return ""
        except sqlite3.Error as failed:
            return str(failed)
        finally:
            connection.close()
    return run


def drop_guard(run, server, trigger):
    on = " ON audit_entries" if server.env.get("HEIM_DATABASE_URL") else ""
    assert run(f"DROP TRIGGER {trigger}{on}") == ""


def verify(client, **query):
    return ok(client.get("/audit/verify", params=query)).json()


def test_filters_ask_for_who_what_whom_when_and_how_it_ended(server, ada, bob):
    group = ok(ada.post("/groups", {"handle": next(names)})).json()
    made = ok(bob.post("/channels", {"name": next(names)})).json()
    ok(bob.patch(f"/channels/{made['id']}", {"topic": "one"}))
    ok(bob.patch(f"/channels/{made['id']}", {"topic": "two"}))
    everything = entries(ada)
    numbers = [e["sequence"] for e in everything]
    assert numbers == list(range(len(everything), 0, -1)), "dense, newest first"
    times = [e["created_at"] for e in reversed(everything)]
    assert times == sorted(times)

    def check(keep, **wanted):
        assert entries(ada, **wanted) == [e for e in everything if keep(e)], wanted
        assert any(keep(e) for e in everything), wanted

    check(lambda e: e["actor"]["id"] == bob.id, actor_id=bob.id)
    check(lambda e: e["actor"]["id"] == ada.id, actor_id="me")
    check(lambda e: e["action"] == "channel.update", action="channel.update")
    check(lambda e: e["action"].startswith("channel."), action="channel.")
    check(lambda e: e["subject_kind"] == "group", subject_kind="group")
    check(lambda e: e["subject_id"] == group["id"], subject_id=group["id"])
    check(lambda e: e["subject_id"] == made["id"] and e["actor"]["id"] == bob.id,
          subject_id=made["id"], actor_id=bob.id)
    check(lambda e: e["result"] == "succeeded", result="succeeded")
    key = everything[0]["credential_id"]
    check(lambda e: e["credential_id"] == key, credential_id=key)
    middle = times[len(times) // 2]
    check(lambda e: e["created_at"] >= middle, since=middle)
    check(lambda e: e["created_at"] < middle, until=middle)
    check(lambda e: e["created_at"] >= middle and e["action"].startswith("channel."),
          since=middle, action="channel.")
    for nothing in ({"action": "chan"}, {"action": "channel"}, {"action": "channel.'; --"}, {"action": "."},
                    {"subject_id": str(uuid.uuid4())}, {"since": "2999-01-01T00:00:00Z"},
                    {"until": "1999-01-01T00:00:00Z"}, {"actor_id": "%"}):
        assert entries(ada, **nothing) == [], nothing
    error(ada.get("/audit?result=perhaps"), 400, "invalid_argument")
    error(ada.get("/audit?since=yesterday"), 400, "invalid_argument")
    error(ada.get("/audit?who=me"), 400, "unknown_field")


def test_pages_do_not_shift_when_new_entries_come(ada):
    for _ in range(4):
        ok(ada.post("/groups", {"handle": next(names)}))
    whole = [e["sequence"] for e in entries(ada, subject_kind="group")]
    page = ada.get("/audit?subject_kind=group&limit=2").json()
    ok(ada.post("/groups", {"handle": next(names)}))
    seen = [e["sequence"] for e in page["entries"]]
    while page["has_more"]:
        page = ok(ada.get(f"/audit?subject_kind=group&limit=2&cursor={page['next_cursor']}")).json()
        seen += [e["sequence"] for e in page["entries"]]
    assert seen == whole
    cursor = ada.get("/audit?limit=1").json()["next_cursor"]
    error(ada.get(f"/audit?limit=1&action=group.&cursor={cursor}"), 400, "invalid_cursor")
    assert len(ok(ada.get("/audit?limit=100000")).json()["entries"]) <= 200


def test_only_owners_and_admins_of_the_workspace_read_it(server, ada, bob, echo):
    workspace = ada.get("/auth/me").json()["workspace"]["id"]
    admin = server.person(ada, next(names), role="admin")
    guest = server.person(ada, next(names), role="guest")
    small = Client(server, ok(ada.post("/auth/tokens", {"label": "l", "scopes": ["actors:read"]})).json()["api_key"])
    for path in ("/audit", "/audit/verify", "/audit/export"):
        error(bob.get(path), 403, "missing_scope")
        error(guest.get(path), 403, "missing_scope")
        error(echo.get(path), 403, "missing_scope")
        error(small.get(path), 403, "missing_scope")
        ok(admin.get(path))
    ok(ada.patch(f"/workspaces/{workspace}/members/{admin.id}", {"role": "member"}))
    error(admin.get("/audit"), 403, "missing_scope")


def test_another_workspace_is_not_in_it(server, ada):
    second = ok(ada.post("/workspaces", {"name": "Other " + next(names)})).json()
    there = Client(server, ada.token, ada.actor)
    there.http.headers["heim-workspace"] = second["id"]
    number = head(ada)
    hidden = ok(there.post("/channels", {"name": next(names)})).json()
    assert head(ada) == number
    assert entries(ada, subject_id=hidden["id"]) == []
    assert [e["sequence"] for e in entries(there)] == [2, 1]
    for form in ("json", "csv"):
        assert hidden["id"] not in ok(ada.get(f"/audit/export?format={form}")).text
        assert hidden["id"] in ok(there.get(f"/audit/export?format={form}")).text


def test_exports_tell_the_same_as_the_list_and_are_entered_themselves(ada):
    ok(ada.post("/groups", {"handle": next(names), "name": 'with "quotes", commas\nand lines'}))
    answer = ok(ada.get("/audit/export"))
    assert answer.headers["Content-Type"].startswith("application/jsonl")
    assert 'attachment; filename="audit-acme.jsonl"' in answer.headers["Content-Disposition"]
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == list(reversed(entries(ada)))
    assert lines[-1]["action"] == "audit.export" and lines[-1]["after"] == {}

    answer = ok(ada.get("/audit/export?format=csv&subject_kind=group"))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    listed = list(reversed(entries(ada, subject_kind="group")))
    assert [int(row["sequence"]) for row in rows] == [e["sequence"] for e in listed]
    for row, entry in zip(rows, listed):
        assert row["action"] == entry["action"] and row["result"] == entry["result"]
        assert row["actor_id"] == entry["actor"]["id"] and row["actor"] == entry["actor"]["username"]
        assert json.loads(row["after"] or "null") == entry.get("after")
        assert (row["hash"], row["created_at"]) == (entry["hash"], entry["created_at"])
    told = entries(ada)[0]
    assert told["action"] == "audit.export" and told["after"] == {"format": "csv", "subject_kind": "group"}
    done = grpcurl(ada.server, "heim.v1.AuditService/ExportAudit", token=ada.token, data={"action": "audit."})
    assert '"filename": "audit-' in done.stdout and '"chunk"' in done.stdout


def test_a_long_log_is_exported_whole(ada):
    for _ in range(450):
        ok(ada.patch("/actors/me", {"display_name": "x" * 80}))
        ok(ada.patch("/actors/me", {"display_name": "y" * 80}))
    lines = ok(ada.get("/audit/export")).text.splitlines()
    numbers = [json.loads(line)["sequence"] for line in lines]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 800
    found = verify(ada, limit=100)
    assert (found["verified_count"], found["last_sequence"], found["complete"]) == (100, 100, False)
    found = verify(ada, after_sequence=100)
    assert found["complete"] and found["verified_count"] == found["head_sequence"] - 100
    error(ada.get("/audit/verify?limit=20001"), 400, "invalid_argument")
    error(ada.get("/audit/verify?after_sequence=99999999"), 400, "invalid_argument")


def test_of_a_purged_channel_only_its_id_is_left(ada):
    made = ada.channel(next(names), topic="the cave of the dragon")
    ok(ada.patch(f"/channels/{made['id']}", {"purpose": "dragons of all kinds"}))
    ok(ada.post(f"/channels/{made['id']}/purge", {"confirm": made["name"]}))
    told = entries(ada, subject_id=made["id"])
    assert [e["action"] for e in told] == ["channel.purge", "channel.update", "channel.create"]
    assert "dragon" not in json.dumps(told) and made["name"] not in json.dumps(told)
    assert [e["redacted"] for e in told] == [False, True, True]
    assert verify(ada)["complete"]


def test_what_a_client_says_of_itself_cannot_forge_lines_or_run_in_a_spreadsheet(ada):
    evil = "=HYPERLINK(1)\u202egnp"
    ok(ada.post("/groups", {"handle": next(names), "name": "+cmd|' /C calc'!A0"}, headers={
        "User-Agent": evil.encode(), "heim-client": "@SUM(1)\u2066x".encode()}))
    entry = entries(ada)[0]
    assert entry["user_agent"] == "=HYPERLINK(1)gnp" and entry["client"] == "@SUM(1)x"
    text = ok(ada.get("/audit/export?format=csv")).text
    assert "\u202e" not in text and "\u2066" not in text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    row = next(row for row in rows if row["sequence"] == str(entry["sequence"]))
    assert row["user_agent"] == "'=HYPERLINK(1)gnp" and row["client"] == "'@SUM(1)x"
    for row in rows:
        for name, value in row.items():
            assert not value or value[0] not in "=+-@\t\r", (name, value)


def test_no_secret_is_anywhere_in_it(server, ada):
    agent = ok(ada.post("/agents", {"username": next(names), "webhook_url": "https://hook.example/T0KEN",
                                    "config": {"api_key": "sk-c0nfig"}})).json()
    more = ok(ada.post(f"/agents/{agent['agent']['id']}/keys", {"label": "k"})).json()
    token = ok(ada.post("/auth/tokens", {"label": "t"})).json()
    made = ok(ada.post(f"/actors/{server.person(ada, next(names)).id}/password_reset")).json()
    told = ok(ada.get("/audit/export")).text + ok(ada.get("/audit/export?format=csv")).text
    for secret in (agent["api_key"], more["api_key"], token["api_key"], made["reset_token"], ada.token,
                   "T0KEN", "sk-c0nfig", "correct horse"):
        assert secret not in told


def test_entries_can_only_be_added_also_by_who_holds_the_database(own):
    ada = own.setup()
    for _ in range(3):
        ok(ada.post("/groups", {"handle": next(names)}))
    before = entries(ada)
    run = database(own)
    for sql in ("DELETE FROM audit_entries", "DELETE FROM audit_entries WHERE sequence = 1",
                "UPDATE audit_entries SET action = 'group.delete' WHERE sequence = 2",
                "UPDATE audit_entries SET actor_id = ''", "UPDATE audit_entries SET at_ms = 0",
                "UPDATE audit_entries SET sequence = sequence + 100",
                "UPDATE audit_entries SET changes = origin", "UPDATE audit_entries SET hash = origin_digest"):
        assert "append-only" in run(sql), sql
    assert entries(ada) == before
    assert run("UPDATE audit_entries SET origin = NULL WHERE sequence = 2") == "", "erasure may"
    found = verify(ada)
    assert found["complete"] and found["first_broken_sequence"] == 0, found
    redacted = next(e for e in entries(ada) if e["sequence"] == 2)
    assert redacted["redacted"] and not redacted.get("address")


@pytest.mark.parametrize("trigger,sql,broken", [
    ("audit_entries_unchanged", "UPDATE audit_entries SET action = 'group.delete' WHERE sequence = 3", 3),
    ("audit_entries_unchanged", "UPDATE audit_entries SET at_ms = at_ms - 1 WHERE sequence = 2", 2),
    ("audit_entries_unchanged", "UPDATE audit_entries SET changes = origin WHERE sequence = 4", 4),
    ("audit_entries_kept", "DELETE FROM audit_entries WHERE sequence = 2", 2),
    ("audit_entries_kept", "DELETE FROM audit_entries WHERE sequence > 3", 4),
])
def test_tampering_is_found_with_its_place(own, trigger, sql, broken):
    ada = own.setup()
    for _ in range(4):
        ok(ada.post("/groups", {"handle": next(names)}))
    found = verify(ada)
    assert found["complete"] and not found["first_broken_sequence"]
    assert found["last_hash"] == entries(ada)[0]["hash"]
    run = database(own)
    drop_guard(run, own, trigger)
    assert run(sql) == ""
    found = verify(ada)
    assert not found["complete"] and found["first_broken_sequence"] == broken, found
    assert found["verified_count"] == broken - 1
    ok(ada.get("/audit"))
    ok(ada.get("/audit/export"))
    assert verify(ada)["first_broken_sequence"] == broken, "and stays found"


def test_the_log_goes_on_after_a_crash_without_a_gap(own):
    ada = own.setup()
    for _ in range(3):
        ok(ada.post("/groups", {"handle": next(names)}))
    number = head(ada)
    own.kill()
    own.start()
    ok(ada.post("/groups", {"handle": next(names)}))
    assert head(ada) == number + 1
    assert verify(ada)["complete"]


MANY = 120_000
# Rows as the last one, more of them than anybody would call for; their hashes do not matter to an export.
MULTIPLY = f"""INSERT INTO audit_entries
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
SELECT workspace_id, sequence + i, at_ms, action, result, actor_id, on_behalf_of, credential_type, credential_id,
  subject_kind, subject_id, method, request_id, reason, origin_digest, changes_digest, hash, origin, changes
FROM audit_entries, n WHERE sequence = (SELECT MAX(sequence) FROM audit_heads)"""


def test_a_log_of_any_length_is_exported_in_the_same_memory(own):
    ada = own.setup()
    ok(ada.post("/groups", {"handle": next(names), "description": "x" * 200}))
    run = database(own)
    assert run(MULTIPLY) == ""
    assert run(f"UPDATE audit_heads SET sequence = sequence + {MANY}") == ""
    ok(ada.get("/audit/export?until=2000-01-01T00:00:00Z"))
    before, most, lines, size = resident(own), 0, 0, 0
    with ada.get("/audit/export", stream=True) as answer:
        assert answer.status_code == 200 and "Content-Length" not in answer.headers
        for n, piece in enumerate(answer.iter_content(1 << 20)):
            lines += piece.count(b"\n")
            size += len(piece)
            if n % 4 == 0:
                most = max(most, resident(own))
    assert lines == MANY + 4, "the account, the group, two exports and all between"
    assert size > 64 << 20
    demand_flat_memory(before, most, 48 << 20)
