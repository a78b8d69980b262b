"""Workspaces are islands: which one a call is in, and that ids of another one do not exist there.

The routes, their path variables and the fields that hold ids come from the OpenAPI document, so that a new route is
covered without a word here.
"""

import datetime
import itertools
import re
import time
import uuid

import grpc
import pytest
import requests

from heim_server import DEADLINE, PASSWORD, Client, error
from pictures import png

names = (f"w{n}" for n in itertools.count(1))

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def inside(client, workspace):
    """The same person, every call in that workspace."""
    moved = Client(client.server, client.token, client.actor)
    moved.http.headers["heim-workspace"] = workspace["id"]
    return moved


class World:
    """One of everything in a workspace, all of it of `owner`."""

    def __init__(self, server, owner, workspace):
        self.owner, self.workspace = owner, workspace
        self.member = server.person(owner, next(names))
        self.channel = owner.channel("things")
        self.private = owner.channel("secrets", type="private")
        self.dm = owner.post("/dms", {"actor_ids": [self.member.id]}).json()
        self.message = owner.send(self.channel["id"], "in the open")
        self.reply = owner.send(self.channel["id"], "below", thread_id=self.message["id"])
        self.hidden = owner.send(self.private["id"], "behind the door")
        self.stream = owner.post(f"/channels/{self.channel['id']}/streams",
                                 {"idle_timeout": "3600s"}).json()
        owner.post(f"/streams/{self.stream['id']}/chunks", {"delta": "half"}).raise_for_status()
        up = owner.http.post(server.url + "/api/v1/files?filename=a.txt", data=b"bytes")
        assert up.status_code == 201, up.text
        self.file = up.json()
        emoji = owner.http.post(server.url + "/api/v1/emoji?name=mine", data=png())
        assert emoji.status_code == 201, emoji.text
        self.emoji = emoji.json()
        self.agent = server.agent(owner, next(names))
        self.group = owner.post("/groups", {"handle": f"{workspace['slug']}-team"}).json()
        self.bookmark = owner.post(f"/channels/{self.channel['id']}/bookmarks",
                                   {"title": "Docs", "url": "https://example.com/"}).json()
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        self.scheduled = owner.post(f"/channels/{self.channel['id']}/scheduled_messages",
                                    {"content": "later", "send_at": later.isoformat()}).json()
        self.token = owner.post("/auth/tokens", {"label": "t"}).json()["key"]
        self.session = self.member.get("/auth/sessions").json()["sessions"][0]
        self.invite = owner.post(f"/workspaces/{workspace['id']}/invites").json()["invite"]
        self.erasure = self._erase(server, owner)
        looked = owner.request("POST", "/imports?dry_run=true", data=b"no archive")
        self.import_id = looked.json()["id"]
        self.ids = {
            "channel_id": [self.channel["id"], self.private["id"], self.dm["id"]],
            "message_id": [self.message["id"], self.hidden["id"]],
            "stream_id": [self.stream["id"]],
            "file_id": [self.file["id"]],
            "agent_id": [self.agent.id],
            "actor_id": [self.member.id, self.agent.id],
            "key_id": [self.agent.key["id"]],
            "workspace_id": [workspace["id"]],
            "session_id": [self.session["id"]],
            "invite_id": [self.invite["id"]],
            "emoji": ["👍"],
            "group_id": [self.group["id"]],
            "bookmark_id": [self.bookmark["id"]],
            "scheduled_message_id": [self.scheduled["id"]],
            "emoji_id": [self.emoji["id"]],
            "erasure_id": [self.erasure["id"]],
            "import_id": [self.import_id],
        }
        for other, same in {"thread_id": "message_id", "before": "message_id",
                            "after": "message_id", "around": "message_id",
                            "quote_message_id": "message_id", "message_ids": "message_id",
                            "owner_id": "actor_id", "reports_to_id": "actor_id",
                            "channel_ids": "channel_id", "actor_ids": "actor_id",
                            "members": "actor_id", "attachments": "file_id"}.items():
            self.ids[other] = self.ids[same]

    @staticmethod
    def _erase(server, owner):
        """The erasure of somebody, which is over."""
        person = server.person(owner, next(names))
        began = owner.post(f"/actors/{person.id}/erase", {"confirm": person.actor["username"]})
        assert began.status_code == 201, began.text
        end = time.monotonic() + DEADLINE
        while True:
            erasure = owner.get(f"/erasures/{began.json()['id']}").json()
            if erasure["state"] == "done":
                return erasure
            assert time.monotonic() < end, erasure

    def head(self):
        """Moves with every change of the workspace."""
        answer = self.owner.get("/events/poll")
        assert answer.status_code == 200, answer.text
        return answer.json()["cursor"]


@pytest.fixture(scope="module")
def acme(server, ada):
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    return World(server, inside(ada, workspace), workspace)


@pytest.fixture(scope="module")
def other(server, ada, acme):
    """The second workspace, with an owner of its own."""
    made = ada.post("/workspaces", {"name": "Other", "slug": "other"})
    assert made.status_code == 201, made.text
    workspace = made.json()
    carol = server.person(inside(ada, workspace), "carol", role="owner")
    return World(server, carol, workspace)


@pytest.fixture(scope="module")
def routes(ada):
    """(method, path, operation) of all that takes an id."""
    found = []
    for path, operations in ada.get("/openapi.json").json()["paths"].items():
        if not path.startswith("/api/v1"):
            continue
        for method, operation in operations.items():
            found.append((method.upper(), path.removeprefix("/api/v1"), operation))
    assert len(found) > 50
    return found


# Bodies without which a route would say no before it looks for anything.
BODIES = {
    "ChannelService_AddMember": {"actor_id": "own actor_id"},
    "ChannelService_UpdateMember": {"role": "member"},
    "MessageService_SendMessage": {"content": "hello"},
    "MessageService_UpdateMessage": {"content": "changed"},
    "MessageService_AddReaction": {"emoji": "👍"},
    "ReadStateService_MarkRead": {"seq": 1},
    "ReadStateService_MarkUnread": {"seq": 1},
    "StreamService_AppendStream": {"delta": "more"},
    "WorkspaceService_UpdateWorkspace": {"name": "Renamed"},
    "WorkspaceService_UpdateWorkspaceMember": {"role": "guest"},
    "ActorService_UpdateActor": {"display_name": "Renamed"},
    "ChannelService_UpdateChannel": {"topic": "renamed"},
    "ChannelService_CreateChannel": {"name": "made-by-mistake"},
    "AgentService_CreateAgentKey": {"label": "stolen"},
    "PresenceService_UpdatePresence": {"presence": "away"},
    "BookmarkService_CreateBookmark": {"title": "Mine", "url": "https://example.com/"},
    "BookmarkService_UpdateBookmark": {"title": "Mine"},
    "DraftService_SaveDraft": {"content": "not yet"},
    "NotificationService_SetChannelNotification": {"level": "all"},
    "ScheduledMessageService_ScheduleMessage": {
        "content": "later", "send_at": (datetime.datetime.now(datetime.timezone.utc) +
                                        datetime.timedelta(days=1)).isoformat()},
    "ScheduledMessageService_UpdateScheduledMessage": {"content": "changed"},
    "ChannelService_BatchAddMembers": {"actor_ids": ["own actor_id"]},
    "MessageService_ForwardMessage": {"channel_id": "own channel_id"},
    "GroupService_UpdateGroup": {"name": "Renamed"},
    "AgentService_UpdateAgent": {"display_name": "Renamed"},
}
# Answered for foreign and missing ids alike, but not by 404.
OTHER_STATUS = {
    ("PresenceService_UpdatePresence", "actor_id"): 403,   # only oneself
    ("StreamService_AppendStream", "channel_id"): 400,  # only repeats what the stream says
    ("StreamService_AppendStream", "actor_id"): 400,
    ("PresenceService_BatchGetPresence", "actor_ids"): 200,  # left out of the answer
    ("ChannelService_BatchAddMembers", "actor_ids"): 200,  # each has a result of its own
    ("SavedService_UnsaveMessage", "message_id"): 200,  # what is not saved stays so
}
OTHER_STATUS |= {("SearchService_SearchMessages", name): 400 for name in ("before", "after")}  # times
LISTS = {"channel_ids", "actor_ids", "members", "message_ids"}


def fields_of(operation):
    """Where ids go: (place, name)."""
    for parameter in operation.get("parameters", []):
        name = parameter.get("name", "")
        if parameter.get("in") == "path" and name not in ("emoji", "code"):
            yield "path", name
        elif name in ("before", "after", "around", "channel_ids", "actor_ids", "workspace_id"):
            yield "query", name
    content = operation.get("requestBody", {}).get("content", {})
    properties = content.get("application/json", {}).get("schema", {}).get("properties", {})
    for name in properties:
        if name in ("members", "actor_ids", "attachments") or name.endswith("_id"):
            if name not in ("client_id", "sender_id"):
                yield "body", name


def own(world, value):
    """An id of the caller's own workspace where the table of bodies asks for one."""
    if isinstance(value, list):
        return [own(world, one) for one in value]
    is_id = isinstance(value, str) and value.startswith("own ")
    return world.ids[value.removeprefix("own ")][0] if is_id else value


def fill(world, method, path, operation, place, name, value):
    """A request with ids of `world`, except that `value` stands at (place, name)."""
    for variable in re.findall(r"{(\w+)}", path):
        given = place == "path" and name == variable
        path = path.replace("{%s}" % variable, value if given else world.ids[variable][0])
    body = None
    if method in ("POST", "PUT", "PATCH"):
        body = dict(BODIES.get(operation["operationId"], {}))
        body = {k: own(world, v) for k, v in body.items()}
    if place == "body":
        if name == "attachments":
            body["attachments"] = [{"file_id": value}]
        else:
            body[name] = [value] if name in LISTS else value
        if operation["operationId"].startswith("ReadStateService_Mark") and name == "message_id":
            del body["seq"]
    query = {name: value} if place == "query" else {}
    return path, body, query


def ask(client, method, path, body, query):
    """(status, answer without what is new each time and without ids)."""
    kwargs = {} if body is None else {"json": body}
    with client.http.request(method, client.server.url + "/api/v1" + path, params=query,
                             stream=True, timeout=20, **kwargs) as answer:
        if answer.status_code == 200 and "event-stream" in answer.headers["Content-Type"]:
            return 200, "a stream"
        text = re.sub(r'"request_id":"[^"]*"', "", answer.text)
        return answer.status_code, UUID.sub("id", text)


def check_all(client, own, foreign, routes, skip=()):
    tried = 0
    before, own_before = foreign.head(), own.head()
    for method, path, operation in routes:
        name_of = operation["operationId"]
        for place, name in fields_of(operation):
            if (name_of, name) in skip or name in skip:
                continue
            if name_of == "ChannelService_UpdateMember" and place == "body":
                continue
            if name_of.endswith("PersonalToken"):
                values = [foreign.token["id"]]
            else:
                assert name in foreign.ids, f"{name_of}: what is {name}?"
                values = foreign.ids[name]
            for value in values:
                request = fill(own, method, path, operation, place, name, value)
                status, text = ask(client, method, *request)
                where = f"{method} {path} {place} {name}: {status} {text}"
                assert status == OTHER_STATUS.get((name_of, name), 404), where
                missing = fill(own, method, path, operation, place, name, str(uuid.uuid4()))
                assert (status, text) == ask(client, method, *missing), where
                tried += 1
    assert foreign.head() == before, "something has changed"
    assert own.head() == own_before, "something has changed at home"
    return tried


def test_ids_of_another_workspace_do_not_exist(acme, other, routes):
    """For somebody who has nothing to do with it."""
    assert check_all(other.owner, other, acme, routes) > 80
    # What needs admin:* a member's session is not even asked for.
    owners = {"erasure_id", "import_id", ("ExportService_ExportWorkspace", "workspace_id")}
    assert check_all(acme.member, acme, other, [r for r in routes if r[0] == "GET"], skip=owners) > 20


def test_ids_of_another_workspace_do_not_exist_for_who_is_in_both(server, ada, acme, other, routes):
    """The workspace of the call counts, not all that the caller could see."""
    there = inside(ada, other.workspace)
    home = World.__new__(World)
    home.__dict__.update(other.__dict__)
    home.owner = there
    for channel in (home.channel, home.private):
        other.owner.post(f"/channels/{channel['id']}/members",
                         {"actor_id": ada.id}).raise_for_status()
    stream = there.post(f"/channels/{home.channel['id']}/streams").json()
    home.ids = other.ids | {"stream_id": [stream["id"]]}
    skip = {"workspace_id", ("AuthService_RevokePersonalToken", "key_id"),
            ("AuthService_RotatePersonalToken", "key_id")}
    assert check_all(there, home, acme, routes, skip) > 80


def test_settings_and_profiles_take_no_foreign_ids(acme, other):
    at = f"/workspaces/{other.workspace['id']}"
    bad = other.owner.patch(at, {"settings": {"default_channel_id": acme.channel["id"]}})
    error(bad, 400, "invalid_argument")
    bad = other.owner.patch(f"/actors/{other.agent.id}",
                            {"agent": {"reports_to_id": acme.member.id}})
    error(bad, 400, "invalid_argument")


# --- Which workspace a call is in

def test_header_and_query_select_the_workspace(server, ada, acme, other):
    for selector in (other.workspace["id"], "other"):
        chosen = Client(server, ada.token)
        chosen.http.headers["heim-workspace"] = selector
        assert chosen.get("/auth/me").json()["workspace"]["id"] == other.workspace["id"]
        assert chosen.get(f"/channels/{other.channel['id']}").status_code == 200
        error(chosen.get(f"/channels/{acme.channel['id']}"), 404, "channel_not_found")
    assert acme.owner.get("/auth/me").json()["workspace"]["id"] == acme.workspace["id"]
    # A person who names one is there from then on, wherever it logs in next.

    def login():
        answer = requests.post(server.url + "/auth/login", timeout=DEADLINE,
                               json={"username": "ada", "password": PASSWORD})
        return Client(server, answer.json()["token"])

    for world in (other, acme):
        inside(login(), world.workspace).get("/auth/me").raise_for_status()
        assert login().get("/auth/me").json()["workspace"]["id"] == world.workspace["id"]


def test_a_stream_of_events_is_of_one_workspace(server, ada, acme, other):
    by_query = f"workspace_id={other.workspace['id']}"
    first = inside(ada, acme.workspace)
    with first.socket(by_query) as there, first.socket(
            f"workspace_id={acme.workspace['id']}") as here:
        there.until("caught_up")
        here.until("caught_up")
        marker = str(uuid.uuid4())
        # Commands go where the socket is, without a word.
        made = there.command("call", {"method": "heim.v1.ChannelService.CreateChannel",
                                      "request": {"name": f"c-{marker[:8]}"}})
        assert made["type"] == "result", made
        in_other = made["data"]["response"]["channel"]
        assert in_other["workspace_id"] == other.workspace["id"]
        reply = there.command("message.send", {"channel_id": acme.channel["id"], "content": "x"})
        assert reply["data"]["code"] == "channel_not_found"
        reply = here.command("subscribe", {"workspace_id": other.workspace["id"]})
        assert reply["data"]["code"] == "invalid_argument"
        inside(ada, other.workspace).send(in_other["id"], "there " + marker)
        first.send(acme.channel["id"], "here " + marker)

        def content(frame):
            return frame["type"] == "message.new" and frame["data"]["message"]["content"]

        assert content(there.until("message.new")) == "there " + marker
        assert content(here.until("message.new")) == "here " + marker
        assert not [f for f in here.seen if other.workspace["id"] in str(f)]
    with first.get(f"/events?{by_query}", stream=True) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines(decode_unicode=True):
            if line.startswith("data:") and "hello" in line:
                break
    # A cursor belongs to the log that it came from.
    theirs = other.head()
    polled = first.get(f"/events/poll?cursor={theirs}").json()
    assert polled["reset"]["reason"] == "epoch_changed"


@pytest.mark.parametrize("selector", ["no-such", "other", "by id", "-", "x" * 200])
def test_who_is_not_a_member_finds_no_workspace(server, acme, other, selector):
    """A person, a personal token and an agent's key; a stranger's workspace and a missing one alike."""
    selector = other.workspace["id"] if selector == "by id" else selector
    token = acme.member.post("/auth/tokens", {"label": "t"}).json()["api_key"]
    texts = set()
    for secret in (acme.member.token, token, acme.agent.token):
        who = Client(server, secret)
        answers = [who.get("/channels", headers={"heim-workspace": selector}),
                   who.get("/events", params={"workspace_id": selector}, stream=True),
                   who.get("/presence/events", params={"workspace_id": selector}, stream=True)]
        for answer in answers:
            if len(selector) > 128 and answer.status_code == 400:
                continue  # longer than any selector
            error(answer, 404, "workspace_not_found")
            texts.add(answer.json()["error"]["message"])
        with grpc.insecure_channel(server.address) as wire:
            call = wire.unary_unary("/heim.v1.ChannelService/ListChannels")
            with pytest.raises(grpc.RpcError) as failed:
                call(b"", timeout=DEADLINE, metadata=[("authorization", f"Bearer {secret}"),
                                                      ("heim-workspace", selector)])
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND, failed.value
        texts.add(failed.value.details())
    assert len(texts) == 1, texts


def test_an_agents_key_stays_in_its_workspace(server, ada, acme, other):
    """Its owner is in both; it is not."""
    agent = server.agent(acme.owner, next(names))
    assert agent.get("/auth/me").json()["workspace"]["id"] == acme.workspace["id"]
    error(agent.get("/channels", headers={"heim-workspace": "other"}), 404, "workspace_not_found")
    own = agent.get("/channels", headers={"heim-workspace": acme.workspace["slug"]})
    assert own.status_code == 200
    assert [w["id"] for w in agent.get("/workspaces").json()["workspaces"]] == [
        acme.workspace["id"]]


def test_repeats_do_not_cross_workspaces(ada, acme, other):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    there = inside(ada, other.workspace)
    first = acme.owner.post("/channels", {"name": "once"}, headers=key)
    assert first.status_code == 201
    error(there.post("/channels", {"name": "once"}, headers=key), 409, "idempotency_conflict")
    # Nor channels: a client_id stands for one message.
    own = there.channel("of-ada")
    for path, body in (("messages", {"content": "x"}), ("streams", {})):
        body = body | {"client_id": str(uuid.uuid4())}
        made = acme.owner.post(f"/channels/{acme.channel['id']}/{path}", body)
        assert made.ok, made.text
        error(there.post(f"/channels/{own['id']}/{path}", body), 409, "idempotency_conflict")


def test_who_manages_one_workspace_does_not_manage_accounts_of_another(server, ada, acme, other):
    """ada owns both; for the owner of one alone her account is out of reach."""
    at = f"/actors/{ada.id}"
    carol = other.owner
    assert carol.get(at).status_code == 200
    error(carol.patch(at, {"display_name": "Not Ada"}), 403, "workspace_role_required")
    error(carol.delete(at), 403, "workspace_role_required")
    assert ada.get("/actors/me").json()["display_name"] == "Ada"
    # Her place in the workspace is carol's to take.
    member = server.person(acme.owner, next(names))
    error(carol.delete(f"/actors/{member.id}"), 404, "actor_not_found")
    assert acme.owner.delete(f"/actors/{member.id}").status_code == 200
