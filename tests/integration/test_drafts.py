"""Drafts: private, the same on all devices, on every front, and gone without a trace."""

import threading
import uuid

import grpc
import pytest
from heim.v1 import draft_service_pb2

from heim_server import DEADLINE, Client, Server


@pytest.fixture(scope="module")
def channel(ada, bob):
    made = ada.channel("drafts")
    bob.post(f"/channels/{made['id']}/join").raise_for_status()
    return made


def draft_at(channel):
    return f"/channels/{channel['id']}/draft"


def code(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["code"]


def of_drafts(frame):
    return frame["type"].startswith("draft.")


def test_a_draft_follows_its_author_to_every_device_and_nobody_else(server, ada, bob, channel):
    with ada.socket() as desk, ada.socket() as phone, bob.socket() as other:
        for socket in (desk, phone, other):
            socket.until("caught_up")
        saved = ada.put(draft_at(channel), {"content": "Dear all"})
        assert saved.status_code == 200, saved.text
        draft = saved.json()
        assert draft["content"] == "Dear all" and draft["content_type"] == "markdown"
        assert draft["channel_id"] == channel["id"] and draft["revision"] == 1
        for socket in (desk, phone):
            event = socket.until(of_drafts)
            assert event["type"] == "draft.updated" and event["data"]["draft"] == draft
        assert ada.get(draft_at(channel)).json() == draft
        assert ada.get("/drafts").json() == {"drafts": [draft], "next_cursor": "", "has_more": False}
        # Others are told nothing and find nothing.
        assert code(bob.get(draft_at(channel)), 404) == "draft_not_found"
        assert bob.get("/drafts").json()["drafts"] == []
        gone = ada.delete(draft_at(channel))
        assert gone.status_code == 200 and gone.json()["content"] == "", gone.text
        assert phone.until(of_drafts)["data"] == {"channel_id": channel["id"]}
        assert ada.delete(draft_at(channel)).status_code == 200
        assert code(ada.get(draft_at(channel)), 404) == "draft_not_found"
        bob.put(draft_at(channel), {"content": "Bob's own"}).raise_for_status()
        event = other.until(of_drafts)
        assert event["data"]["draft"]["content"] == "Bob's own"
        bob.delete(draft_at(channel)).raise_for_status()


def test_threads_have_drafts_of_their_own(ada, channel):
    root = ada.send(channel["id"], "root")
    reply = ada.send(channel["id"], "reply", thread_id=root["id"])
    assert ada.put(draft_at(channel), {"content": "top"}).status_code == 200
    inside = ada.put(draft_at(channel), {"content": "inside", "thread_id": reply["id"]}).json()
    assert inside["thread_id"] == root["id"]
    assert ada.get(draft_at(channel) + f"?thread_id={root['id']}").json()["content"] == "inside"
    assert [d["content"] for d in ada.get("/drafts").json()["drafts"]] == ["inside", "top"]
    first = ada.get("/drafts?limit=1").json()
    assert first["has_more"]
    second = ada.get("/drafts", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [d["content"] for d in first["drafts"] + second["drafts"]] == ["inside", "top"]
    assert not second["has_more"]
    assert code(ada.get("/drafts?cursor=garbage"), 400) == "invalid_cursor"
    # Nothing but blanks is no draft.
    assert ada.put(draft_at(channel), {"content": " ", "thread_id": root["id"]}).json()["content"] == ""
    assert ada.delete(draft_at(channel) + f"?thread_id={root['id']}").status_code == 200
    assert ada.delete(draft_at(channel)).status_code == 200
    assert ada.get("/drafts").json()["drafts"] == []


def test_sending_can_throw_the_draft_away_in_the_same_commit(ada, channel):
    ada.put(draft_at(channel), {"content": "Dear all"}).raise_for_status()
    with ada.socket() as socket:
        socket.until("caught_up")
        ada.send(channel["id"], "Dear all", clear_draft=True)
        assert socket.until("message.new") and socket.next()["type"] == "draft.deleted"
    assert code(ada.get(draft_at(channel)), 404) == "draft_not_found"


def test_two_devices_do_not_overwrite_each_other_unseen(ada, channel):
    first = ada.put(draft_at(channel), {"content": "one", "expected_revision": 0}).json()
    assert code(ada.put(draft_at(channel), {"content": "two", "expected_revision": 0}), 409) == \
        "revision_conflict"
    late = ada.put(draft_at(channel), {"content": "two"}, headers={"If-Match": '"1"'})
    assert late.status_code == 200 and late.json()["revision"] == first["revision"] + 1
    outcomes = []

    def save(i):
        outcomes.append(ada.put(draft_at(channel), {"content": f"race {i}", "expected_revision": 2})
                        .status_code)

    threads = [threading.Thread(target=save, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(outcomes) == [200] + [409] * 7
    ada.delete(draft_at(channel)).raise_for_status()


def test_a_repeat_with_a_key_changes_nothing(ada, channel):
    key = {"Idempotency-Key": f"draft-{uuid.uuid4()}"}
    first = ada.put(draft_at(channel), {"content": "once"}, headers=key)
    assert first.status_code == 200
    ada.put(draft_at(channel), {"content": "and on"}).raise_for_status()
    assert ada.put(draft_at(channel), {"content": "once"}, headers=key).status_code == 200
    assert ada.get(draft_at(channel)).json()["content"] == "and on"
    assert code(ada.put(draft_at(channel), {"content": "else"}, headers=key), 409) == \
        "idempotency_conflict"
    ada.delete(draft_at(channel)).raise_for_status()


def test_rights_are_those_of_writing(server, ada, channel):
    guest = server.person(ada, "draft-guest", role="guest")
    assert code(guest.put(draft_at(channel), {"content": "x"}), 404) == "channel_not_found"
    made = ada.post("/auth/tokens", {"label": "reads", "scopes": ["messages:read"]})
    assert made.status_code == 201, made.text
    reader = Client(server, made.json()["api_key"])
    assert code(reader.put(draft_at(channel), {"content": "x"}), 403) == "missing_scope"
    assert code(reader.get("/drafts"), 403) == "missing_scope"
    # An agent is a member like any other.
    agent = server.agent(ada, "draft-agent")
    ada.post(f"/channels/{channel['id']}/members", {"actor_id": agent.id}).raise_for_status()
    assert agent.put(draft_at(channel), {"content": "thinking"}).status_code == 200


def test_a_guest_hears_of_its_own_drafts(server, ada, channel):
    guest = server.person(ada, "draft-invited", role="guest")
    ada.post(f"/channels/{channel['id']}/members",
             {"actor_id": guest.id, "role": "guest"}).raise_for_status()
    with guest.socket() as socket:
        socket.until("caught_up")
        guest.put(draft_at(channel), {"content": "hm"}).raise_for_status()
        assert socket.until(of_drafts)["data"]["draft"]["content"] == "hm"
    assert [d["content"] for d in guest.get("/drafts").json()["drafts"]] == ["hm"]


def test_every_front_keeps_drafts(server, ada, channel):
    with ada.socket() as socket:
        socket.until("caught_up")
        reply = socket.command("call", {"method": "heim.v1.DraftService.SaveDraft", "request": {
            "channel_id": channel["id"], "content": "by socket"}})
        assert reply["data"]["response"]["draft"]["content"] == "by socket", reply
    connect = ada.http.post(server.url + "/heim.v1.DraftService/ListDrafts", json={},
                            timeout=DEADLINE)
    assert [d["content"] for d in connect.json()["drafts"]] == ["by socket"]
    with grpc.insecure_channel(server.address) as connection:
        answer = connection.unary_unary(
            "/heim.v1.DraftService/DeleteDraft",
            request_serializer=draft_service_pb2.DeleteDraftRequest.SerializeToString,
            response_deserializer=draft_service_pb2.DeleteDraftResponse.FromString)(
                draft_service_pb2.DeleteDraftRequest(channel_id=channel["id"]),
                metadata=[("authorization", f"Bearer {ada.token}")], timeout=DEADLINE)
    assert answer.draft.channel_id == channel["id"]
    assert ada.get("/drafts").json()["drafts"] == []


def test_texts_of_drafts_stay_in_no_log_and_not_in_the_database(tmp_path):
    """Neither in log lines nor, once they are gone, in the events that are replayed."""
    with Server(tmp_path) as server:
        ada = server.setup()
        channel = ada.channel("private-thoughts")
        start = ada.get("/events/poll").json()["cursor"]
        for i in range(3):
            ada.put(draft_at(channel), {"content": f"unsaid-{i}-7f3a"}).raise_for_status()

        def replayed():
            events = ada.get("/events/poll", params={"cursor": start}).json()["events"]
            return [e["data"].get("draft", {}).get("content") for e in events if of_drafts(e)]

        assert ada.get(draft_at(channel)).json()["content"] == "unsaid-2-7f3a"
        ada.delete(draft_at(channel)).raise_for_status()
        server.stop()
        assert "7f3a" not in server.log_text()
        with Server(tmp_path) as again:
            ada = Client(again, ada.token, ada.actor)
            assert replayed() == ["", "", "", None]


def test_a_deactivated_actor_leaves_no_draft(server, ada, channel):
    gone = server.person(ada, "draft-gone")
    gone.post(f"/channels/{channel['id']}/join").raise_for_status()
    gone.put(draft_at(channel), {"content": "left behind"}).raise_for_status()
    assert ada.delete(f"/actors/{gone.id}").status_code == 200
    assert gone.get("/drafts").status_code == 401
    events = ada.get("/events/poll?limit=200").json()["events"]
    assert "left behind" not in str(events)
