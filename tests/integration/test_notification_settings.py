"""Settings of what reaches whom: levels, muting, keywords, quiet hours, snooze; each by what then is in the inbox."""

import datetime

import pytest

from test_inbox import after_all_before, caught_up, ids_of, inbox, item_for, room  # noqa: F401

DEFAULTS = {"level": "mentions", "keywords": [], "revision": 1}


@pytest.fixture
def carl(server, ada, room):
    """Somebody with settings of a newcomer, in the room."""
    carl.n = getattr(carl, "n", 0) + 1
    client = server.person(ada, f"carl{carl.n}")
    client.name = f"@carl{carl.n}"
    ada.post(f"/channels/{room['id']}/members", {"actor_id": client.id})
    return client


def prefer(client, **fields):
    answer = client.patch("/preferences/notifications", fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def level(client, room, value, thread=None):
    body = ({"level": value} if value else {}) | ({"thread_id": thread} if thread else {})
    answer = client.put(f"/channels/{room['id']}/notifications", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def reasons(client):
    """{message: reason} of the inbox."""
    return {item["message_id"]: item["reason"] for item in inbox(client, "?limit=200")["items"]}


def test_settings_begin_with_mentions_and_change_by_compare_and_set(ada, carl):
    first = carl.get("/preferences/notifications").json()
    assert first == DEFAULTS | first and first["level"] == "mentions" and first["revision"] == 1
    with caught_up(carl) as socket:
        changed = prefer(carl, level="all", keywords=[" Deploy ", "deploy", "on  call"])
        assert changed["keywords"] == ["Deploy", "on call"] and changed["revision"] == 2
        told = socket.until("preferences.updated")["data"]
        assert told == {"preferences": changed}
    assert carl.get("/preferences/notifications").json() == changed
    assert prefer(carl, level="all") == changed
    stale = carl.patch("/preferences/notifications?expected_revision=1", {"level": "none"})
    assert stale.json()["error"]["code"] == "revision_conflict"
    cleared = carl.patch("/preferences/notifications?update_mask=keywords", {})
    assert cleared.json().get("keywords", []) == [] and cleared.json()["revision"] == 3
    assert ada.get("/preferences/notifications").json()["level"] == "mentions"


@pytest.mark.parametrize("fields, field", [
    ({"keywords": ["x" * 65]}, "keywords"),
    ({"keywords": [" "]}, "keywords"),
    ({"keywords": [f"w{n}" for n in range(51)]}, "keywords"),
    ({"level": "loud"}, "level"),
    ({"quiet_hours": {"enabled": True, "start": "22:00", "end": "24:00", "time_zone": "UTC"}},
     "quiet_hours.end"),
    ({"quiet_hours": {"enabled": True, "start": "22:00", "end": "07:00"}}, "quiet_hours.time_zone"),
    ({"quiet_hours": {"enabled": True}}, "quiet_hours.start"),
    ({"quiet_hours": {"enabled": True, "start": "22:00", "end": "07:00",
                      "time_zone": "Europe/Atlantis"}}, "quiet_hours.time_zone"),
    ({"quiet_hours": {"enabled": True, "start": "22:00", "end": "07:00",
                      "time_zone": "../../../etc/passwd"}}, "quiet_hours.time_zone"),
])
def test_bad_settings_name_the_field(carl, fields, field):
    answer = carl.patch("/preferences/notifications", fields)
    assert answer.status_code == 400, answer.text
    assert field in str(answer.json()["error"]), answer.text


def test_a_channel_set_to_all_brings_every_message(ada, carl, room):
    with caught_up(carl) as socket:
        level(carl, room, "all")
        message = ada.send(room["id"], "just talk")
        assert item_for(socket, message)["reason"] == "channel_message"
        reply = ada.send(room["id"], "in the thread", thread_id=message["id"])
        item_for(socket, reply)
        level(carl, room, None)
        ada.send(room["id"], "no more")
        last = after_all_before(ada, socket, room, carl.name)
    found = reasons(carl)
    assert set(found) == {message["id"], reply["id"], last["id"]}


def test_none_lets_nothing_through_and_the_narrower_setting_counts(ada, carl, room):
    with caught_up(carl) as socket:
        prefer(carl, level="none")
        lost = ada.send(room["id"], f"{carl.name} never")
        level(carl, room, "mentions")
        kept = ada.send(room["id"], f"{carl.name} now")
        item_for(socket, kept)
        root = ada.send(room["id"], "a thread")
        level(carl, room, "none", root["id"])
        ada.send(room["id"], f"{carl.name} not here", thread_id=root["id"])
        level(carl, room, "all", root["id"])
        reply = ada.send(room["id"], "but this", thread_id=root["id"])
        assert item_for(socket, reply)["reason"] == "thread_reply"
    assert set(reasons(carl)) == {kept["id"], reply["id"]} and lost["id"]


def test_a_muted_channel_shows_mentions_by_name_quietly(ada, carl, room):
    with caught_up(carl) as socket:
        muted = carl.patch(f"/channels/{room['id']}/members/me", {"muted": True})
        assert muted.status_code == 200, muted.text
        level(carl, room, "all")
        ada.send(room["id"], "talk")
        ada.send(room["id"], "@channel lunch")
        named = ada.send(room["id"], f"{carl.name} you though")
        item = item_for(socket, named)
        assert item["reason"] == "mention" and item["quiet"] is True
    assert set(reasons(carl)) == {named["id"]}


def test_keywords_are_whole_words_outside_code_whatever_their_case(ada, carl, room):
    prefer(carl, keywords=["deploy", "Straße", "on call"])
    with caught_up(carl) as socket:
        hits = [ada.send(room["id"], text) for text in
                ("DEPLOY it", "now (deploy)", "in der STRAßE", "who is on\ncall?")]
        misses = [ada.send(room["id"], text) for text in
                  ("deployment", "`deploy`", "redeploy", "oncall")]
        for message in hits:
            assert item_for(socket, message)["reason"] == "keyword"
        last = after_all_before(ada, socket, room, carl.name)
    assert set(reasons(carl)) == {message["id"] for message in hits + [last]} and misses


def test_snooze_quiet_hours_and_do_not_disturb_make_items_quiet(ada, carl, room):
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = lambda hours: (now + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    clock = lambda hours: (now + datetime.timedelta(hours=hours)).strftime("%H:%M")
    hours = {"enabled": True, "start": clock(-2), "end": clock(2), "time_zone": "UTC"}
    day = (now - datetime.timedelta(hours=2)).strftime("%A").lower()
    other = (now + datetime.timedelta(days=2)).strftime("%A").lower()

    def quiet(socket):
        return item_for(socket, ada.send(room["id"], f"{carl.name} ping"))["quiet"]

    def forget(field):
        carl.patch(f"/preferences/notifications?update_mask={field}", {})

    with caught_up(carl) as socket:
        assert quiet(socket) is False
        prefer(carl, snoozed_until=stamp(1))
        assert quiet(socket) is True
        prefer(carl, snoozed_until=stamp(-1))
        assert quiet(socket) is False
        forget("snoozed_until")
        assert "snoozed_until" not in carl.get("/preferences/notifications").json()
        prefer(carl, quiet_hours=hours)
        assert quiet(socket) is True
        prefer(carl, quiet_hours=hours | {"days": [day]})
        assert quiet(socket) is True
        prefer(carl, quiet_hours=hours | {"days": [other]})
        assert quiet(socket) is False
        off = prefer(carl, quiet_hours={"enabled": False})["quiet_hours"]
        assert off["start"] == hours["start"] and off["time_zone"] == "UTC", "the rest stays"
        assert quiet(socket) is False
        carl.put("/actors/me/presence", {"presence": "dnd"})
        assert quiet(socket) is True
        carl.put("/actors/me/presence", {"presence": "online"})
        assert quiet(socket) is False


def test_channel_settings_are_listed_and_end_with_the_membership(ada, carl, room):
    other = ada.channel(f"other-{carl.name[1:]}")
    carl.post(f"/channels/{other['id']}/join")
    root = ada.send(room["id"], "root")
    with caught_up(carl) as socket:
        set_ = level(carl, room, "all")
        assert set_ == {"channel_id": room["id"], "level": "all"}
        assert socket.until("preferences.updated")["data"] == {"channel": set_}
    level(carl, room, "none", root["id"])
    level(carl, other, "none")
    listed, cursor = [], ""
    while True:
        page = carl.get(f"/preferences/notifications/channels?limit=1&cursor={cursor}").json()
        listed += page["notifications"]
        cursor = page.get("next_cursor", "")
        if not page["has_more"]:
            break
    assert sorted((n["channel_id"], n.get("thread_id", ""), n["level"]) for n in listed) == sorted(
        [(room["id"], "", "all"), (room["id"], root["id"], "none"), (other["id"], "", "none")])
    carl.post(f"/channels/{room['id']}/leave")
    carl.post(f"/channels/{room['id']}/join")
    left = carl.get("/preferences/notifications/channels").json()["notifications"]
    assert [n["channel_id"] for n in left] == [other["id"]]


def test_settings_of_what_one_is_not_in(server, ada, carl, room):
    private = ada.channel("hidden-settings", type="private")
    public = ada.channel("not-joined-settings")
    assert carl.put(f"/channels/{private['id']}/notifications",
                    {"level": "all"}).json()["error"]["code"] == "channel_not_found"
    assert carl.put(f"/channels/{public['id']}/notifications",
                    {"level": "all"}).json()["error"]["code"] == "channel_role_required"
    elsewhere = ada.send(public["id"], "root elsewhere")
    answer = carl.put(f"/channels/{room['id']}/notifications",
                      {"level": "all", "thread_id": elsewhere["id"]})
    assert answer.json()["error"]["code"] == "message_not_found"
