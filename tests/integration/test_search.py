"""Search as its users meet it, by every front. Who has just written waits for the index by `min_position`, never for a time."""

import itertools
import json
import sqlite3
import time
import uuid

import pytest
import requests

from heim_server import DEADLINE, Server, error, grpcurl

names = (f"find{n}" for n in itertools.count(1))


def word():
    """A word that nobody has said."""
    return "w" + uuid.uuid4().hex[:12]


def head(client):
    """Where the log of the client's workspace stands."""
    return int(client.get("/events/poll").json()["cursor"].split(".")[1])


def ask(client, q="", at=None, **params):
    """The answer, once the index is where the log is now (or `at`)."""
    position = head(client) if at is None else at
    params = {"q": q, "min_position": position} | params
    answer = client.get("/search/messages", params=params)
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    assert answer["indexed_position"] >= position, "the index did not come along in time"
    return answer


def found(client, q="", **params):
    return [hit["message"]["id"] for hit in ask(client, q, **params)["hits"]]


def marked(hit):
    """The snippet with its highlights in brackets."""
    text, shown, at = hit["snippet"], "", 0
    for one in hit.get("highlights", []):
        start = one.get("start", 0)
        shown += text[at:start] + "[" + text[start:start + one["length"]] + "]"
        at = start + one["length"]
    return shown + text[at:]


@pytest.fixture(name="room")
def make_room(ada, bob):
    return ada.channel(next(names), members=[bob.id])


def test_words_are_found_by_rest_and_shown_where_they_stand(ada, room):
    needle = word()
    sent = ada.send(room["id"], f"Über den Straßen liegt {needle.upper()} heute")
    answer = ask(ada, f"strassen {needle}")
    assert [hit["message"] for hit in answer["hits"]] == [sent]
    assert marked(answer["hits"][0]) == f"Über den [Straßen] liegt [{needle.upper()}] heute"
    assert answer["has_more"] is False and answer["rebuilding"] is False
    assert "next_cursor" not in answer or answer["next_cursor"] == ""
    assert found(ada, f'"liegt {needle}"') == [sent["id"]]
    assert found(ada, f'"{needle} liegt"') == []
    assert found(ada, f"{needle[:6]}*") == [sent["id"]]
    assert found(ada, f"{needle} -uber") == []


def test_every_front_gives_the_same_answer(server, ada, room):
    needle = word()
    sent = ada.send(room["id"], f"one {needle}")
    at = head(ada)
    by_rest = ask(ada, needle, at=at)["hits"]
    called = grpcurl(server, "heim.v1.SearchService/SearchMessages", token=ada.token,
                     data={"q": needle, "min_position": at}).stdout
    by_grpc = json.loads(called)["hits"]
    connect = requests.post(server.url + "/heim.v1.SearchService/SearchMessages", json={"q": needle},
                            headers={"Authorization": f"Bearer {ada.token}"}, timeout=DEADLINE)
    assert connect.status_code == 200, connect.text
    with ada.socket() as socket:
        socket.until("caught_up")
        called = socket.command("call", {"method": "heim.v1.SearchService.SearchMessages",
                                         "request": {"q": needle}})
    assert "hits" in json.dumps(called), called
    for hits in (by_rest, by_grpc, connect.json()["hits"]):
        assert [hit["message"]["id"] for hit in hits] == [sent["id"]]
    assert sent["id"] in json.dumps(called)


def test_filters_work_beside_the_query_and_inside_it(ada, bob, echo, room):
    needle = word()
    other = ada.channel(next(names), members=[bob.id, echo.id])
    plain = ada.send(room["id"], f"{needle} plain")["id"]
    link = bob.send(room["id"], f"{needle} https://example.com")["id"]
    code = echo.send(other["id"], f"{needle} `x = 1`")["id"]
    reply = ada.send(room["id"], f"{needle} reply", thread_id=plain)["id"]
    assert ada.post(f"/messages/{link}/reactions", {"emoji": "👍"}).ok
    everything = [reply, code, link, plain]
    rows = [
        ("", {}, everything),
        ("from:@bob", {"from": "bob"}, [link]),
        ("from:me", {"from": "me"}, [reply, plain]),
        (f"from:{echo.id}", {"from": echo.id}, [code]),
        ("from:ada from:bob", {"from": ["@ada", "@bob"]}, [reply, link, plain]),
        ("-from:ada", {}, [code, link]),
        (f"in:#{other['name']}", {"in": other["name"]}, [code]),
        (f"in:{room['id']}", {"in": room["id"]}, [reply, link, plain]),
        (f"-in:#{room['name']}", {}, [code]),
        ("has:link", {"has": "link"}, [link]),
        ("has:code", {"has": "code"}, [code]),
        ("has:reaction", {"has": "reaction"}, [link]),
        ("has:link has:code", {"has": ["link", "code"]}, []),
        ("-has:link -has:code", {}, [reply, plain]),
        ("type:agent", {"type": "agent"}, [code]),
        ("type:human", {"type": "human"}, [reply, link, plain]),
        ("is:thread", {}, [reply, plain]),
        (f"thread:{plain}", {"thread": reply}, [reply, plain]),
        ("before:2001-01-01", {"before": "2001-01-01T00:00:00Z"}, []),
        ("after:2001-01-01", {"after": "2001-01-01T00:00:00Z"}, everything),
        ("from:nobody-has-this", {"from": "nobody-has-this"}, []),
        ("in:#nowhere", {"in": str(uuid.uuid4())}, []),
        ("thread:nothing", {"thread": str(uuid.uuid4())}, []),
    ]
    for inline, params, wanted in rows:
        assert found(ada, f"{needle} {inline}", order="newest") == wanted, inline
        if params:
            assert found(ada, needle, order="newest", **params) == wanted, params
    assert found(ada, f"in:#{room['name']}", order="newest")[:3] == [reply, link, plain]
    assert found(ada, f"{needle} from:ada", **{"from": "bob"}) == [], "both must hold"


def test_files_are_found_by_their_names(ada, bob, room):
    needle = word()
    made = ada.http.post(f"{ada.server.url}/api/v1/files?filename={needle}.txt", data=b"bytes").json()
    sent = ada.send(room["id"], "see this", attachments=[{"file_id": made["id"]}])
    assert found(ada, needle) == found(ada, f"{needle} has:file") == [sent["id"]]
    assert found(ada, f"{needle} has:image") == []
    answer = bob.get("/search", params={"q": needle}).json()
    assert [hit["file"]["filename"] for hit in answer["files"]] == [f"{needle}.txt"]
    assert answer["files"][0]["message_id"] == sent["id"]


def test_pages_hold_each_hit_once_in_either_order(ada, room):
    needle = word()
    sent = [ada.send(room["id"], " ".join([needle] * (n % 4 + 1)) + f" number {n}")["id"] for n in range(23)]
    for order in ("newest", "relevance"):
        got, cursor = [], ""
        while True:
            answer = ask(ada, needle, order=order, limit=5, cursor=cursor)
            got += [hit["message"]["id"] for hit in answer["hits"]]
            assert answer["has_more"] == bool(answer.get("next_cursor"))
            if not answer["has_more"]:
                break
            cursor = answer["next_cursor"]
        assert sorted(got) == sorted(sent), order
        if order == "newest":
            assert got == sent[::-1]
        error(ada.get("/search/messages", params={"q": "another", "cursor": cursor}), 400, "invalid_cursor")
    assert ask(ada, needle, limit=23)["has_more"] is False


@pytest.mark.parametrize("q, told", [
    ('a "b', "not closed"), ("has:cats", "one of file"), ("from:", "needs a value"), ("on:today", "needs a day"),
    ("ab*", "at least 3"), ("", "Nothing is looked for"), ("!!! 👍", "Nothing is looked for"),
])
def test_a_query_that_says_nothing_is_refused_with_the_reason(ada, q, told):
    refused = error(ada.get("/search/messages", params={"q": q}), 400, "invalid_query")
    assert told in refused["message"] and refused["fields"][0]["field"] == "q"


TYPED = (
    "NEAR(a b, 3)", "words:x OR keys:c1", "a AND (b", "{words keys}:x", "^a", "'; DROP TABLE found; --", "a\u0000b",
    "%' OR 1=1", "\\", "-" * 500, "((((((", '""""', "abc* bcd* -cde*", "🤖" * 200, "x " * 32, "會" * 900, "\u202eabc",
    "in:" + "#" * 300, "thread:' OR 1", "from:*", '-"-"', "x " * 33, "has:", "from:" + "a" * 900, "*", "#", "@",
)


def test_nothing_that_is_typed_is_taken_for_syntax(ada):
    for path in ("/search/messages", "/search", "/search/suggestions"):
        for q in TYPED:
            answer = ada.get(path, params={"q": q})
            assert answer.status_code in (200, 400), f"{path} {q!r}: {answer.text}"


def test_an_edit_and_a_deletion_count_at_once_even_before_the_index_follows(ada, room):
    before, after = word(), word()
    sent = ada.send(room["id"], f"says {before}")["id"]
    assert found(ada, before) == [sent]
    assert ada.patch(f"/messages/{sent}", {"content": f"says {after}"}).ok
    # Without waiting: the index may still have the old words.
    assert ada.get("/search/messages", params={"q": before}).json()["hits"] == []
    assert found(ada, after) == [sent] and found(ada, before) == []
    assert ada.delete(f"/messages/{sent}").ok
    assert ada.get("/search/messages", params={"q": after}).json()["hits"] == []
    assert found(ada, after) == []


def test_who_loses_a_channel_loses_its_hits_at_once(server, ada):
    eve = server.person(ada, next(names))
    secret = ada.channel(next(names), type="private", members=[eve.id])
    needle = word()
    sent = ada.send(secret["id"], f"the {needle}")["id"]
    ada.patch(f"/channels/{secret['id']}", {"topic": f"about {needle}"})
    assert found(eve, needle) == [sent]
    assert eve.get("/search", params={"q": needle}).json()["channels"]
    assert ada.delete(f"/channels/{secret['id']}/members/{eve.id}").ok
    for _ in range(3):
        answer = eve.get("/search/messages", params={"q": needle}).json()
        assert answer["hits"] == [] and answer["has_more"] is False
        mixed = eve.get("/search", params={"q": needle}).json()
        assert not any(mixed[kind] for kind in ("messages", "channels", "files", "actors"))
        assert eve.get("/search/suggestions", params={"q": secret["name"]}).json()["suggestions"] == []
    assert found(eve, f"in:#{secret['name']} {needle}") == []
    assert found(eve, f"{needle} thread:{sent}") == []
    assert found(ada, needle) == [sent]


def test_history_that_is_kept_from_a_newcomer_is_not_found(server, ada):
    eve = server.person(ada, next(names))
    room = ada.channel(next(names), history_visibility="since_joining")
    needle = word()
    ada.send(room["id"], f"old {needle}")
    assert found(eve, needle) == []
    assert ada.post(f"/channels/{room['id']}/members", {"actor_id": eve.id}).ok
    new = ada.send(room["id"], f"new {needle}")["id"]
    assert found(eve, needle) == [new] and len(found(ada, needle)) == 2


def test_archived_channels_are_searched_and_purged_ones_are_gone(ada):
    room = ada.channel(next(names))
    needle = word()
    sent = ada.send(room["id"], needle)["id"]
    assert ada.delete(f"/channels/{room['id']}").ok
    assert found(ada, needle) == [sent]
    purge(ada, room)
    assert found(ada, needle) == []


def test_a_streamed_message_is_found_at_its_end(ada, echo, room):
    needle = word()
    assert ada.post(f"/channels/{room['id']}/members", {"actor_id": echo.id}).ok
    stream = echo.post(f"/channels/{room['id']}/streams", {}).json()
    assert echo.post(f"/streams/{stream['id']}/chunks", {"delta": f"half {needle}"}).ok
    assert found(ada, needle) == []
    done = echo.post(f"/streams/{stream['id']}/finish", {})
    assert done.ok, done.text
    assert found(ada, needle) == [stream["message_id"]]


def test_names_are_searched_and_suggested_as_far_as_they_may_be_known(server, ada, bob):
    tag = word()
    guest = server.person(ada, next(names), role="guest")
    other = server.person(ada, f"{tag}x", display_name=f"Zoë {tag}")
    public = ada.channel(f"{tag}-public")
    private = ada.channel(f"{tag}-private", type="private")
    shown = bob.get("/search", params={"q": tag}).json()
    assert [one["name"] for one in shown["channels"]] == [public["name"]]
    assert [one["id"] for one in shown["actors"]] == [other.id]

    def suggested(client, q):
        answer = client.get("/search/suggestions", params={"q": q})
        assert answer.status_code == 200, answer.text
        return [one["text"] for one in answer.json()["suggestions"]]

    assert suggested(bob, tag[:8]) == [f"in:#{public['name']}", f"from:@{tag}x"]
    assert suggested(ada, f"#{tag}") == [f"in:#{private['name']}", f"in:#{public['name']}"]
    assert suggested(bob, f"@{tag}") == suggested(bob, "@zoe") == [f"from:@{tag}x"]
    assert suggested(guest, tag) == suggested(guest, f"#{tag}") == suggested(guest, f"@{tag}") == []
    key = bob.post("/auth/tokens", {"label": "k", "scopes": ["messages:read"]}).json()["api_key"]
    narrow = requests.get(server.url + "/api/v1/search/suggestions", params={"q": tag},
                          headers={"Authorization": f"Bearer {key}"}, timeout=DEADLINE)
    assert narrow.status_code == 200 and narrow.json()["suggestions"] == []


def test_a_position_that_never_comes_is_waited_for_two_seconds(ada):
    begin = time.monotonic()
    at = head(ada)
    answer = ada.get("/search/messages", params={"q": "word", "min_position": at + 1000})
    assert answer.status_code == 200 and answer.json()["indexed_position"] <= at + 1
    assert 1.5 < time.monotonic() - begin < 15


@pytest.fixture(name="own")
def make_own():
    """A server of one's own, which a test may stop."""
    with Server() as running:
        yield running


def index_file(server):
    return server.directory / "data" / "search.sqlite"


def in_index(server, text):
    return any(text.encode() in path.read_bytes()
               for path in server.directory.glob("data/search.sqlite*") if path.exists())


def test_what_is_deleted_is_in_no_byte_of_the_index(own):
    ada = own.setup()
    room = ada.channel("room")
    needle, edited, purged = word(), word(), word()
    gone = ada.send(room["id"], f"the {needle}")["id"]
    changed = ada.send(room["id"], f"the {edited}")["id"]
    other = ada.channel("other")
    ada.send(other["id"], purged)
    for n in range(50):
        ada.send(room["id"], f"filler {n} {word()}")
    assert found(ada, needle) == [gone]
    assert all(in_index(own, text) for text in (needle, edited, purged))
    assert ada.delete(f"/messages/{gone}").ok
    assert ada.patch(f"/messages/{changed}", {"content": "said differently"}).ok
    assert ada.delete(f"/channels/{other['id']}").ok
    purge(ada, other)
    assert found(ada, needle) == []
    deadline = time.monotonic() + DEADLINE
    while any(in_index(own, text) for text in (needle, edited, purged)):
        assert time.monotonic() < deadline, "erased words are still in the files"
    assert found(ada, "said differently") == [changed]


def purge(client, channel):
    answer = client.post(f"/channels/{channel['id']}/purge", {"confirm": channel["name"]})
    assert answer.ok, answer.text


def test_a_crash_costs_nothing_and_a_lost_or_damaged_index_is_built_again(own):
    ada = own.setup()
    room = ada.channel("room")
    needle = word()
    sent = []
    for n in range(40):
        sent.append(ada.send(room["id"], f"{needle} {n}")["id"])
        if n % 20 == 19:  # right behind an acknowledgement
            own.kill()
            own.start()
    assert found(ada, needle, order="newest", limit=50) == sent[::-1]
    gone = sent.pop(3)
    own.stop()
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * 10_000),
                   lambda path: path.write_bytes(b""), other_version):
        for path in own.directory.glob("data/search.sqlite-*"):
            path.unlink()
        damage(index_file(own))
        own.start()
        if gone:
            assert ada.delete(f"/messages/{gone}").ok
            gone = None
        late = ada.send(room["id"], f"{needle} late")["id"]
        sent.append(late)
        deadline = time.monotonic() + DEADLINE
        while ask(ada, needle)["rebuilding"]:
            assert time.monotonic() < deadline
        assert found(ada, needle, order="newest", limit=50) == sent[::-1]
        own.stop()


def other_version(path):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '0' WHERE key = 'version'")
    connection.commit()
    connection.close()
