"""Every REST path of the specification against the real server: status, shape, and the errors callers meet."""

import uuid

import pytest
import requests

from heim_server import DEADLINE, PASSWORD, error


def test_public_paths(server):
    info = requests.get(server.url + "/api/v1/server", timeout=DEADLINE).json()
    assert info["limits"]["content_max_bytes"] == 262144
    health = requests.get(server.url + "/health", timeout=DEADLINE).json()
    assert health["status"] == "ok" and "version" in health
    for path in ("/livez", "/readyz", "/metrics"):
        assert requests.get(server.url + path, timeout=DEADLINE).status_code == 200, path
    document = requests.get(server.url + "/api/v1/openapi.json", timeout=DEADLINE).json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/channels/{channel_id}/messages" in document["paths"]


def test_setup_link_works_once(server, ada):
    again = requests.post(server.url + "/auth/register", timeout=DEADLINE, json={
        "username": "eve", "password": PASSWORD, "setup_token": "setup-token-of-the-tests"})
    assert again.status_code == 403
    assert again.json()["error"]["code"] in ("setup_token_invalid", "registration_disabled")


def test_login_by_both_paths_and_bad_password(server, ada):
    for path in ("/auth/login", "/api/v1/auth/login"):
        answer = requests.post(server.url + path, timeout=DEADLINE,
                               json={"username": "ada", "password": PASSWORD})
        assert answer.status_code == 200
        assert set(answer.json()) >= {"token", "expires_at", "actor"}
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    wrong = requests.post(server.url + "/auth/login", timeout=DEADLINE,
                          json={"username": "ada", "password": "not the password"})
    unknown = requests.post(server.url + "/auth/login", timeout=DEADLINE,
                            json={"username": "nobody", "password": "not the password"})
    one, two = error(wrong, 401, "invalid_credentials"), error(unknown, 401, "invalid_credentials")
    assert one["message"] == two["message"]


def test_actors(server, ada, bob):
    me = ada.get("/actors/me").json()
    assert me["username"] == "ada" and me["type"] == "human"
    assert ada.get(f"/actors/{bob.id}").json()["display_name"] == "Bob"
    patched = bob.patch("/actors/me", {"display_name": "Bobby", "metadata": {"team": "core"}})
    assert patched.status_code == 200, patched.text
    assert patched.json()["display_name"] == "Bobby"
    assert patched.json()["metadata"] == {"team": "core"}
    assert patched.json()["revision"] == 2
    error(bob.patch("/actors/me", {"id": str(uuid.uuid4())}), 400, "invalid_mask")
    error(bob.patch(f"/actors/{ada.id}", {"display_name": "X"}), 403, "workspace_role_required")
    error(ada.get(f"/actors/{uuid.uuid4()}"), 404, "actor_not_found")
    error(ada.get("/actors/not-an-id"), 404, "actor_not_found")
    names = [a["username"] for a in ada.get("/actors?q=bo").json()["actors"]]
    assert names == ["bob"]
    leaver = server.person(ada, "leaver")
    gone = ada.delete(f"/actors/{leaver.id}")
    assert gone.status_code == 200 and "deleted_at" in gone.json()
    error(leaver.get("/actors/me"), 401, "token_revoked")
    error(ada.delete("/actors/me"), 400, "last_owner")


def test_presence(ada, bob):
    put = bob.put(f"/actors/{bob.id}/presence", {"presence": "dnd", "status": "Writing"})
    assert put.status_code == 200, put.text
    assert ada.get(f"/actors/{bob.id}/presence").json() == {
        "actor_id": bob.id, "presence": "dnd", "status": "Writing"}
    error(bob.put(f"/actors/{ada.id}/presence", {"presence": "away"}), 403, "permission_denied")
    assert bob.post(f"/channels/{ada.default_channel()['id']}/typing").status_code == 200
    many = ada.get(f"/presence?actor_ids={bob.id}&actor_ids={ada.id}").json()["presences"]
    assert [p["actor_id"] for p in many] == [bob.id, ada.id]


def test_channels(ada, bob):
    made = ada.post("/channels", {"name": "rest-channels", "topic": "t", "purpose": "p"})
    assert made.status_code == 201, made.text
    channel = made.json()
    assert channel["type"] == "public" and channel["me"]["role"] == "owner"
    assert channel["member_count"] == 1 and channel["last_seq"] == 0
    path = f"/channels/{channel['id']}"
    error(ada.post("/channels", {"name": "rest-channels"}), 409, "channel_name_taken")
    listed = ada.get("/channels?limit=200").json()
    assert channel["id"] in [c["id"] for c in listed["channels"]]
    assert ada.get(path).json()["name"] == "rest-channels"
    changed = ada.patch(path, {"topic": "new"}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200 and changed.json()["topic"] == "new", changed.text
    error(ada.patch(path, {"topic": "newer"}, headers={"If-Match": '"1"'}), 409, "revision_conflict")
    error(bob.patch(path, {"topic": "mine"}), 403, "channel_role_required")
    assert ada.patch(path, {}).json()["revision"] == changed.json()["revision"]

    added = ada.post(path + "/members", {"actor_id": bob.id, "role": "viewer"})
    assert added.status_code == 200 and added.json()["role"] == "viewer", added.text
    error(ada.post(path + "/members", {"actor_id": bob.id}), 409, "already_member")
    members = ada.get(path + "/members").json()["members"]
    assert [m["actor"]["username"] for m in members] == ["ada", "bob"]
    error(bob.post(path + "/messages", {"content": "no"}), 403, "channel_role_required")
    raised = ada.patch(f"{path}/members/{bob.id}", {"role": "member"})
    assert raised.status_code == 200 and raised.json()["role"] == "member", raised.text
    assert bob.post(path + "/messages", {"content": "yes"}).status_code == 201
    assert ada.delete(f"{path}/members/{bob.id}").status_code == 200

    archived = ada.delete(path)
    assert archived.status_code == 200 and archived.json()["archived"] is True
    assert ada.delete(path).status_code == 200
    error(ada.post(path + "/messages", {"content": "late"}), 400, "channel_archived")
    assert ada.post(path + "/unarchive").json()["archived"] is False


def test_private_channels_do_not_exist_for_others(ada, bob):
    channel = ada.channel("secret-plans", type="private")
    path = f"/channels/{channel['id']}"
    message = ada.send(channel["id"], "hidden")
    missing = error(bob.get(f"/channels/{uuid.uuid4()}"), 404, "channel_not_found")
    for answer in (bob.get(path), bob.get(path + "/messages"), bob.post(path + "/join"),
                   bob.patch(path, {"topic": "x"}), bob.delete(path),
                   bob.post(path + "/messages", {"content": "x"})):
        assert error(answer, 404, "channel_not_found")["message"] == missing["message"]
    for answer in (bob.get(f"/messages/{message['id']}"), bob.delete(f"/messages/{message['id']}"),
                   bob.post(f"/messages/{message['id']}/reactions", {"emoji": "tada"}),
                   bob.get(f"/messages/{message['id']}/thread")):
        error(answer, 404, "message_not_found")


def test_join_leave_and_direct_messages(ada, bob):
    channel = ada.channel("open-house")
    path = f"/channels/{channel['id']}"
    joined = bob.post(path + "/join")
    assert joined.status_code == 200 and joined.json()["me"]["role"] == "member", joined.text
    assert bob.post(path + "/join").status_code == 200
    assert ada.post(path + "/leave").status_code == 200
    assert bob.get(path).json()["me"]["role"] == "owner"  # the last owner's role passes on

    first = ada.post("/dms", {"actor_ids": [bob.id]})
    assert first.status_code == 201 and first.json()["type"] == "dm", first.text
    second = bob.post("/dms", {"actor_ids": [ada.id]})
    assert second.status_code == 200 and second.json()["id"] == first.json()["id"]
    third = ada.post("/channels", {"type": "dm", "members": [bob.id]})
    assert third.status_code == 200 and third.json()["id"] == first.json()["id"], third.text


def test_messages(ada, bob):
    channel = ada.channel("rest-messages")
    bob.post(f"/channels/{channel['id']}/join")
    path = f"/channels/{channel['id']}/messages"
    sent = ada.post(path, {"content": "Hello @bob", "content_type": "markdown",
                           "metadata": {"confidence": 0.95}})
    assert sent.status_code == 201, sent.text
    message = sent.json()
    assert message["seq"] == 1 and message["state"] == "final"
    assert message["actor"]["username"] == "ada"
    assert message["mentions"][0]["actor_id"] == bob.id
    assert message["metadata"] == {"confidence": 0.95}
    one = f"/messages/{message['id']}"
    assert bob.get(one).json()["content"] == "Hello @bob"

    edited = ada.patch(one, {"content": "Hello all"})
    assert edited.status_code == 200 and edited.json()["revision"] == 2, edited.text
    assert "edited_at" in edited.json() and edited.json()["mentions"] == []
    error(bob.patch(one, {"content": "mine now"}), 403, "permission_denied")
    error(ada.post(path, {"content": ""}), 400, "content_empty")
    error(ada.post(path, {"content": "x" * 262145}), 400, "content_too_long")
    error(ada.post(path, {"contnet": "typo"}), 400, "unknown_field")

    reply = bob.post(path, {"content": "A reply", "thread_id": message["id"]}).json()
    assert reply["thread_id"] == message["id"] and reply["seq"] == 2
    thread = ada.get(one + "/thread").json()
    assert thread["root"]["thread"]["reply_count"] == 1
    assert [m["id"] for m in thread["messages"]] == [reply["id"]]
    assert [m["id"] for m in ada.get(path).json()["messages"]] == [message["id"]]

    reacted = bob.post(one + "/reactions", {"emoji": "+1"})
    assert reacted.status_code == 200, reacted.text
    assert reacted.json()["reactions"] == [{"emoji": "+1", "count": 1, "actor_ids": [bob.id]}]
    assert bob.post(one + "/reactions", {"emoji": "🎉"}).status_code == 200
    assert bob.delete(one + "/reactions/+1").json()["reactions"][0]["emoji"] == "🎉"
    assert bob.delete(one + "/reactions/%F0%9F%8E%89").json()["reactions"] == []

    gone = ada.delete(one)
    assert gone.status_code == 200 and gone.json()["content"] == "" and "deleted_at" in gone.json()
    assert ada.delete(one).status_code == 200
    assert bob.get(one).json()["content"] == ""


def test_pages_go_back_in_time(ada):
    channel = ada.channel("pages")
    path = f"/channels/{channel['id']}/messages"
    ids = [ada.send(channel["id"], f"m{n}")["id"] for n in range(7)]
    first = ada.get(path + "?limit=3").json()
    assert [m["content"] for m in first["messages"]] == ["m6", "m5", "m4"]
    assert first["has_more"] and first["log_cursor"]
    second = ada.get(path, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [m["content"] for m in second["messages"]] == ["m3", "m2", "m1"]
    third = ada.get(path, params={"limit": 3, "cursor": second["next_cursor"]}).json()
    assert [m["content"] for m in third["messages"]] == ["m0"] and not third["has_more"]
    after = ada.get(path, params={"after": ids[4]}).json()["messages"]
    assert [m["content"] for m in after] == ["m5", "m6"]
    before = ada.get(path, params={"before": ids[2]}).json()["messages"]
    assert [m["content"] for m in before] == ["m1", "m0"]
    around = ada.get(path, params={"around": ids[3], "limit": 3}).json()["messages"]
    assert [m["content"] for m in around] == ["m2", "m3", "m4"]
    error(ada.get(path, params={"before": ids[1], "after": ids[2]}), 400, "invalid_argument")
    error(ada.get(path, params={"cursor": first["next_cursor"], "include_replies": "true"}), 400,
          "invalid_cursor")
    error(ada.get(path + "?limit=-1"), 400, "invalid_argument")
    error(ada.get(path + "?nonsense=1"), 400, "unknown_field")


def test_repeats_are_answered_with_the_first(ada):
    channel = ada.channel("repeats")
    path = f"/channels/{channel['id']}/messages"
    first = ada.post(path, {"content": "once", "client_id": "k1"}).json()
    assert ada.post(path, {"content": "once", "client_id": "k1"}).json()["id"] == first["id"]
    error(ada.post(path, {"content": "other", "client_id": "k1"}), 409, "idempotency_conflict")
    key = {"Idempotency-Key": "idem-1"}
    second = ada.post(path, {"content": "twice"}, headers=key)
    again = ada.post(path, {"content": "twice"}, headers=key)
    assert again.status_code == second.status_code == 201
    assert again.json()["id"] == second.json()["id"]
    error(ada.post(path, {"content": "changed"}, headers=key), 409, "idempotency_conflict")
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == 2


def test_read_states(ada, bob):
    channel = ada.channel("reading")
    bob.post(f"/channels/{channel['id']}/join")
    ada.send(channel["id"], "one")
    last = ada.send(channel["id"], "two @bob")

    def state():
        states = bob.get("/read_states?limit=200").json()["read_states"]
        return next(s for s in states if s["channel_id"] == channel["id"])

    assert (state()["unread_count"], state()["mention_count"]) == (2, 1)
    marked = bob.post(f"/channels/{channel['id']}/read", {"message_id": last["id"]})
    assert marked.status_code == 200, marked.text
    assert marked.json()["last_read_seq"] == 2 and marked.json()["unread_count"] == 0
    assert bob.post(f"/channels/{channel['id']}/read", {"seq": 1}).json()["last_read_seq"] == 2
    assert (state()["unread_count"], state()["mention_count"]) == (0, 0)


def test_files(ada, bob):
    content = bytes(range(256)) * 1000
    up = ada.request("POST", "/files?filename=data.bin", data=content,
                     headers={"Content-Type": "application/octet-stream"})
    assert up.status_code == 201, up.text
    file = up.json()
    assert file["size_bytes"] == len(content) and file["filename"] == "data.bin"
    form = ada.request("POST", "/files", files={"file": ("note.txt", b"hello", "text/plain")})
    assert form.status_code == 201 and form.json()["size_bytes"] == 5, form.text
    path = f"/files/{file['id']}"
    assert ada.get(path + "/meta").json()["sha256"] == file["sha256"]
    down = ada.get(path)
    assert down.content == content
    assert down.headers["Content-Disposition"].startswith("attachment")
    assert down.headers["X-Content-Type-Options"] == "nosniff"
    part = ada.get(path, headers={"Range": "bytes=256-511"})
    assert part.status_code == 206 and part.content == bytes(range(256))
    error(ada.get(path, headers={"Range": "bytes=99999999-"}), 416, "range_not_satisfiable")
    assert ada.get(path, headers={"If-None-Match": down.headers["ETag"]}).status_code == 304

    error(bob.get(path + "/meta"), 404, "file_not_found")
    channel = ada.channel("with-files")
    bob.post(f"/channels/{channel['id']}/join")
    sent = ada.send(channel["id"], "see here", attachments=[{"file_id": file["id"]}])
    assert sent["attachments"][0]["filename"] == "data.bin"
    assert bob.get(path + "/meta").status_code == 200  # access follows the message
    error(bob.post(f"/channels/{channel['id']}/messages",
                   {"content": "x", "attachments": [{"file_id": str(uuid.uuid4())}]}),
          404, "file_not_found")


def test_agents_and_keys(server, ada, bob, echo):
    assert echo.token.startswith("heim_agent_") and len(echo.token) == len("heim_agent_") + 32
    assert echo.get("/actors/me").json()["agent"]["owner_id"] == ada.id
    agents = ada.get("/agents?capability=echo").json()["agents"]
    assert [a["username"] for a in agents] == ["echo"]
    assert ada.get(f"/agents/{echo.id}").json()["agent"]["description"] == "Says it again"
    key = ada.post(f"/agents/{echo.id}/keys", {"label": "reader", "scopes": ["messages:read"]})
    assert key.status_code == 201, key.text
    made = key.json()
    reader = requests.get(server.url + "/api/v1/actors", timeout=DEADLINE,
                          headers={"Authorization": "Bearer " + made["api_key"]})
    assert error(reader, 403, "missing_scope")["details"]["scope"] == "actors:read"
    error(bob.post(f"/agents/{echo.id}/keys", {"label": "stolen"}), 403, "workspace_role_required")
    revoked = ada.delete(f"/agents/{echo.id}/keys/{made['key']['id']}")
    assert revoked.status_code == 200 and "revoked_at" in revoked.json()
    after = requests.get(server.url + "/api/v1/channels", timeout=DEADLINE,
                         headers={"Authorization": "Bearer " + made["api_key"]})
    error(after, 401, "token_revoked")
    listed = ada.get(f"/agents/{echo.id}/keys").json()["keys"]
    assert made["api_key"] not in str(listed) and len(listed) == 2


def test_personal_tokens(server, bob):
    made = bob.post("/auth/tokens", {"label": "script", "scopes": ["channels:read"]}).json()
    assert made["api_key"].startswith("heim_pat_")
    assert [k["id"] for k in bob.get("/auth/tokens").json()["keys"]] == [made["key"]["id"]]
    headers = {"Authorization": "Bearer " + made["api_key"]}
    assert requests.get(server.url + "/api/v1/channels", headers=headers,
                        timeout=DEADLINE).status_code == 200
    assert bob.delete(f"/auth/tokens/{made['key']['id']}").status_code == 200
    error(requests.get(server.url + "/api/v1/channels", headers=headers, timeout=DEADLINE), 401,
          "token_revoked")


def test_sessions_end(server, ada):
    person = server.person(ada, "fleeting")
    assert person.get("/auth/me").json()["actor"]["username"] == "fleeting"
    fresh = person.post("/auth/refresh").json()["token"]
    assert fresh
    ticket = person.post("/auth/tickets")
    assert ticket.status_code == 201 and ticket.json()["ticket"], ticket.text
    assert person.post("/auth/logout").status_code == 200
    error(person.get("/auth/me"), 401, "token_revoked")


def test_workspaces(ada, bob):
    spaces = ada.get("/workspaces").json()["workspaces"]
    assert [w["name"] for w in spaces] == ["Acme"]
    space = f"/workspaces/{spaces[0]['id']}"
    assert ada.get(space).json()["slug"]
    members = {m["actor"]["username"]: m["role"] for m in ada.get(space + "/members").json()["members"]}
    assert members["ada"] == "owner" and members["bob"] == "member"
    error(bob.patch(space, {"name": "Mine"}), 403, "missing_scope")
    renamed = ada.patch(space, {"name": "Acme Labs"})
    assert renamed.status_code == 200 and renamed.json()["revision"] == 2, renamed.text
    assert ada.patch(space, {"name": "Acme"}).status_code == 200
    other = ada.post("/workspaces", {"name": "Other"})
    assert other.status_code == 201 and other.json()["owner_id"] == ada.id, other.text
    here = {"Heim-Workspace": spaces[0]["slug"]}
    error(ada.patch(f"{space}/members/{ada.id}", {"role": "member"}), 400, "last_owner")
    error(ada.get(f"/workspaces/{uuid.uuid4()}"), 404, "workspace_not_found")
    made = ada.post("/actors", {"type": "human", "username": "passing", "password": PASSWORD},
                    headers=here)
    member = f"{space}/members/{made.json()['id']}"
    raised = ada.patch(member, {"role": "admin"}, headers=here)
    assert raised.status_code == 200 and raised.json()["role"] == "admin", raised.text
    assert ada.delete(member, headers=here).status_code == 200
    error(ada.delete(member, headers=here), 404, "member_not_found")


@pytest.mark.parametrize("body,code", [
    ("{", "invalid_json"), ("[]", "invalid_json"), ('{"content":"a","content":"b"}', "invalid_json"),
    ("{'content':1}", "invalid_json"), ('{"content":1}', "invalid_argument"),
    ('{"content":"a","content_type":"nope"}', "invalid_argument"),
    ('{"content":"a","thread_id":"nope"}', "invalid_argument"),
    ('{"content":"a\\u0000b"}', "invalid_argument"), ('{"content":"\\ud800"}', "invalid_json"),
    ('{"content":"a","metadata":{"a":' + "[" * 100 + "]" * 100 + "}}", "invalid_json"),
])
def test_bad_bodies_name_what_is_wrong(ada, body, code):
    channel = ada.default_channel()
    before = channel["last_seq"]
    answer = ada.request("POST", f"/channels/{channel['id']}/messages", data=body.encode(),
                         headers={"Content-Type": "application/json"})
    found = error(answer, 400, code)
    if code == "invalid_argument":
        assert found["fields"], found
    assert ada.default_channel()["last_seq"] == before


def test_routes_and_media_types(server, ada):
    error(ada.get("/nothing/here"), 404, "route_not_found")
    answer = ada.request("PUT", "/channels", data=b"{}")
    error(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"] and "POST" in answer.headers["Allow"]
    error(ada.request("POST", "/channels", data=b"{}", headers={"Content-Type": "text/plain"}), 415,
          "unsupported_media_type")
    error(ada.request("POST", "/channels", data=b"x" * (2 << 20),
                      headers={"Content-Type": "application/json"}), 413, "payload_too_large")
    error(requests.get(server.url + "/api/v1/channels", timeout=DEADLINE), 401, "unauthenticated")
    in_url = requests.get(server.url + "/api/v1/channels?token=" + ada.token, timeout=DEADLINE)
    assert in_url.status_code in (400, 401) and ada.token not in in_url.text


def test_cookie_needs_same_origin_and_header(server, ada):
    session = requests.Session()
    session.post(server.url + "/auth/login", json={"username": "ada", "password": PASSWORD},
                 timeout=DEADLINE)
    assert session.get(server.url + "/api/v1/channels", timeout=DEADLINE).status_code == 200
    create = {"url": server.url + "/api/v1/channels", "json": {"name": "by-cookie"},
              "timeout": DEADLINE}
    error(session.post(**create), 403, "csrf_failed")
    error(session.post(**create, headers={"Origin": "https://evil.example", "X-Heim-CSRF": "1"}),
          403, "csrf_failed")
    good = session.post(**create, headers={"Origin": server.url, "X-Heim-CSRF": "1"})
    assert good.status_code == 201, good.text


def test_poll_and_sse(ada):
    channel = ada.channel("poll-and-sse")
    cursor = ada.get(f"/channels/{channel['id']}/messages").json()["log_cursor"]
    message = ada.send(channel["id"], "seen twice")
    page = ada.get("/events/poll", params={"cursor": cursor}).json()
    assert page["events"][0]["type"] == "message.new"
    assert page["events"][0]["data"]["message"]["id"] == message["id"]
    assert ada.get("/events/poll", params={"cursor": "garbage"}).json()["reset"]["reason"] == \
        "invalid_cursor"

    stream = ada.get("/events", params={"cursor": cursor}, stream=True,
                     headers={"Accept": "text/event-stream"})
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    lines = stream.iter_lines(decode_unicode=True)
    for line in lines:
        if line == "event: message.new":
            break
    assert message["id"] in next(lines)
    stream.close()


def test_a_stream_is_watched_to_its_end(ada):
    channel = ada.channel("watched")
    stream = ada.post(f"/channels/{channel['id']}/streams").json()
    watching = ada.get(f"/streams/{stream['id']}/events", stream=True)
    assert watching.status_code == 200, watching.text
    lines = watching.iter_lines(decode_unicode=True)
    for line in lines:
        if line == "event: message.stream_snapshot":
            break
    ada.post(f"/streams/{stream['id']}/chunks", {"delta": "word by word"}).raise_for_status()
    ada.post(f"/streams/{stream['id']}/finish").raise_for_status()
    rest = "\n".join(lines)  # it ends by itself
    assert "word by word" in rest and "message.stream_end" in rest


def test_connect_unary(server, ada):
    answer = requests.post(server.url + "/heim.v1.ChannelService/ListChannels", json={},
                           headers={"Authorization": f"Bearer {ada.token}"}, timeout=DEADLINE)
    assert answer.status_code == 200, answer.text
    assert answer.json()["channels"][0]["type"].startswith("CHANNEL_TYPE_")
    missing = requests.post(server.url + "/heim.v1.ChannelService/GetChannel",
                            json={"channel_id": str(uuid.uuid4())},
                            headers={"Authorization": f"Bearer {ada.token}"}, timeout=DEADLINE)
    assert missing.status_code == 404 and missing.json()["code"] == "not_found"
