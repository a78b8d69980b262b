"""Archives of other chats, made small and whole: what Slack and Mattermost export, with a little of everything."""

import io
import json
import zipfile

from pictures import png

PNG = png(64, 64)
REPORT = b"quarter,sum\n1,20\n" * 300


def packed(files, compression=zipfile.ZIP_DEFLATED):
    """A ZIP archive of {name: bytes, text or what becomes JSON}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            if not isinstance(content, (bytes, str)):
                content = json.dumps(content, ensure_ascii=False)
            archive.writestr(name, content)
    return out.getvalue()


def slack_user(id_, name, real, **more):
    profile = {"real_name": real, "display_name": more.pop("display_name", ""),
               "email": more.pop("email", f"{name}@slack.example"), **more.pop("profile", {})}
    return {"id": id_, "team_id": "T0HEIM", "name": name, "deleted": False, "is_bot": False,
            "profile": profile, **more}


def say(user, ts, text, **more):
    return {"type": "message", "user": user, "ts": ts, "text": text, **more}


# Monday 2024-02-05, 09:00 UTC, and the day after.
DAY = 1707123600
NEXT = DAY + 86400


def slack_files(prefix=""):
    """The files of a small workspace of Slack; names of people begin with `prefix`."""
    def name(text):
        return f"{prefix}{text}"

    users = [
        slack_user("U1", name("ada"), "Ada L.", is_admin=True, is_owner=True,
                   profile={"title": "Engine", "status_text": "counting"}),
        slack_user("U2", name("bob"), "Bob", display_name="Bobby"),
        slack_user("U3", name("gone"), "Gone G.", deleted=True, updated=DAY),
        slack_user("U4", name("helper"), "Helper", is_bot=True, profile={"bot_id": "B4"}),
        slack_user("U5", name("guest"), "Guest", is_restricted=True),
    ]
    plans = [
        say("U1", f"{DAY}.000100", "Plan for <!channel>: *ship* it, <@U2> &amp; <@U3>!",
            thread_ts=f"{DAY}.000100", reply_count=2,
            reactions=[{"name": "+1::skin-tone-3", "users": ["U2"], "count": 1},
                       {"name": "tada", "users": ["U1", "U2"], "count": 3},
                       {"name": "party_parrot", "users": ["U5"], "count": 1}],
            edited={"user": "U1", "ts": f"{DAY + 60}.000000"}),
        say("U2", f"{DAY + 10}.000200", "has joined", subtype="channel_join"),
        say("U2", f"{DAY + 20}.000300", "see <https://a.example/x?a=1&amp;b=2|the page> in <#C2|plans>",
            files=[{"id": "F1", "name": "report.csv", "mode": "hosted", "user": "U2",
                    "url_private": "https://files.slack.com/files-pri/T0HEIM-F1/report.csv",
                    "permalink": "https://heim.slack.example/files/F1"},
                   {"id": "F2", "name": "lost.pdf", "mode": "hosted",
                    "permalink": "https://heim.slack.example/files/F2"},
                   {"id": "F3", "mode": "tombstone"}]),
        say("U3", f"{DAY + 30}.000400", "```x &lt; y```"),
    ]
    later = [
        say("U2", f"{NEXT}.000100", "on it", thread_ts=f"{DAY}.000100", parent_user_id="U1"),
        say("U1", f"{NEXT + 5}.000100", "and to all", thread_ts=f"{DAY}.000100",
            subtype="thread_broadcast", parent_user_id="U1"),
        {"type": "message", "subtype": "bot_message", "bot_id": "B9", "username": "Deploys",
         "ts": f"{NEXT + 10}.000100", "text": "",
         "attachments": [{"title": "Build 7", "title_link": "https://ci.example/7", "text": "*green*"}]},
        say("U4", f"{NEXT + 20}.000100", "done", bot_id="B4"),
        say("U9", f"{NEXT + 30}.000100", "from elsewhere",
            user_profile={"name": name("stranger"), "real_name": "Stranger"}),
        say("U2", f"{NEXT + 40}.000100", "answer to what is gone", thread_ts=f"{DAY - 999}.000000"),
        say("U1", f"{NEXT + 41}.000100", "and one more", thread_ts=f"{DAY - 999}.000000"),
    ]
    return {
        "users.json": users,
        "channels.json": [
            {"id": "C1", "name": name("general-talk"), "created": DAY - 1000, "creator": "U1",
             "is_archived": False, "members": ["U1", "U2", "U3", "U5"],
             "topic": {"value": "All &amp; sundry"}, "purpose": {"value": "talk"},
             "pins": [{"id": f"{DAY}.000100", "type": "C", "created": DAY + 90, "user": "U2"}]},
            {"id": "C3", "name": name("old"), "created": DAY - 5000, "creator": "U2",
             "is_archived": True, "members": []},
        ],
        "groups.json": [{"id": "C2", "name": name("plans"), "created": DAY - 900, "creator": "U1",
                         "members": ["U1", "U2"], "topic": {"value": ""}, "purpose": {"value": ""}}],
        "dms.json": [{"id": "D1", "created": DAY, "members": ["U1", "U2"]}],
        "mpims.json": [{"id": "G1", "name": f"mpdm-{prefix}ada--bob--guest-1", "created": DAY,
                        "creator": "U1", "members": ["U1", "U2", "U5"]}],
        "integration_logs.json": [],
        f"{name('general-talk')}/2024-02-05.json": plans,
        f"{name('general-talk')}/2024-02-06.json": later,
        f"{name('old')}/2024-02-05.json": [say("U2", f"{DAY + 1}.000000", "long ago")],
        f"{name('plans')}/2024-02-05.json": [say("U1", f"{DAY + 2}.000000", "secret plan")],
        "D1/2024-02-05.json": [say("U2", f"{DAY + 3}.000000", "psst <@U1>")],
        f"mpdm-{prefix}ada--bob--guest-1/2024-02-06.json": [
            say("U5", f"{NEXT + 3}.000000", "we three")],
        "__uploads/F1/report.csv": REPORT,
        "emojis/party_parrot.png": PNG,
    }


def post(user, at, message, **more):
    return {"team": "heim", "channel": "town-square", "user": user, "message": message,
            "create_at": at * 1000, **more}


def mattermost_lines(prefix=""):
    """The lines of a small team of Mattermost, and another team beside it."""
    def name(text):
        return f"{prefix}{text}"

    def member(username, roles="team_user", channels=("town-square",), **more):
        return {"type": "user", "user": {
            "username": name(username), "email": f"{name(username)}@mm.example", "roles": "system_user",
            "nickname": "", "first_name": username.title(), "last_name": "M.", "delete_at": 0,
            "teams": [{"name": "heim", "roles": roles, "channels": [
                {"name": c, "roles": "channel_admin channel_user" if c == "plans" else "channel_user"}
                for c in channels]}], **more}}

    ada, bob = name("ada"), name("bob")
    direct = [ada, bob]
    return [
        {"type": "version", "version": 1, "info": {"generator": "mattermost-server", "version": "9.5"}},
        {"type": "emoji", "emoji": {"name": "mm_parrot", "image": "emoji/parrot.png"}},
        {"type": "role", "role": {"name": "team_user"}},
        {"type": "team", "team": {"name": "heim", "display_name": "Heim Team", "type": "O"}},
        {"type": "team", "team": {"name": "other", "display_name": "Other", "type": "O"}},
        {"type": "channel", "channel": {"team": "heim", "name": "town-square", "type": "O",
                                        "display_name": "Town Square", "header": "all", "purpose": "talk"}},
        {"type": "channel", "channel": {"team": "heim", "name": "plans", "type": "P",
                                        "display_name": "Plans", "header": "", "purpose": ""}},
        {"type": "channel", "channel": {"team": "other", "name": "elsewhere", "type": "O"}},
        member("ada", "team_user team_admin", ("town-square", "plans")),
        member("bob"),
        member("gone", delete_at=DAY * 1000),
        {"type": "user", "user": {"username": name("far"), "email": f"{name('far')}@mm.example",
                                  "teams": [{"name": "other", "roles": "team_user"}]}},
        {"type": "bot", "bot": {"username": name("botty"), "owner": ada, "display_name": "Botty"}},
        # Not in the order of time, as exports are.
        {"type": "post", "post": post(bob, DAY + 50, "later, see @all and " + f"@{ada}",
                                      attachments=[{"path": "20240205/teams/report.csv"},
                                                   {"path": "20240205/teams/lost.pdf"}])},
        {"type": "post", "post": post(
            ada, DAY, f"**Plan** for @{bob}", edit_at=(DAY + 9) * 1000, is_pinned=True,
            reactions=[{"user": bob, "create_at": (DAY + 5) * 1000, "emoji_name": "+1_medium_skin_tone"},
                       {"user": ada, "create_at": (DAY + 6) * 1000, "emoji_name": "mm_parrot"}],
            replies=[{"user": bob, "create_at": (DAY + 60) * 1000, "message": "on it"},
                     {"user": name("gone"), "create_at": (DAY + 20) * 1000, "message": "first"}])},
        {"type": "post", "post": post(bob, DAY + 1, "bob joined", type="system_join_channel")},
        {"type": "post", "post": post(
            name("botty"), DAY + 70, "", props={"override_username": "CI", "attachments": [
                {"title": "Build 7", "title_link": "https://ci.example/7", "text": "**green**"}]})},
        {"type": "post", "post": post(name("far"), DAY + 71, "from another team")},
        {"type": "post", "post": {**post(ada, DAY + 2, "secret plan"), "channel": "plans"}},
        {"type": "post", "post": {**post(ada, DAY + 2, "elsewhere"), "team": "other", "channel": "elsewhere"}},
        {"type": "direct_channel", "direct_channel": {"members": direct, "header": ""}},
        {"type": "direct_post", "direct_post": {"channel_members": direct, "user": bob,
                                                "message": f"psst @{ada}", "create_at": (DAY + 3) * 1000}},
        {"type": "direct_post", "direct_post": {
            "channel_members": [ada, bob, name("botty")], "user": ada, "message": "we three",
            "create_at": (DAY + 4) * 1000}},
    ]


def as_lines(lines):
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def mattermost_files(prefix=""):
    return {"import.jsonl": as_lines(mattermost_lines(prefix)),
            "data/20240205/teams/report.csv": REPORT,
            "data/emoji/parrot.png": PNG}
