"""Previews of links, as users and attackers meet them. Pages and names are the test's own (foreign_web.py); what listens
inside must hear nothing. To know that links were tried without waiting for a time, a message ends with the link of a
page that has a preview: the links of a message are looked at in their order."""

import gzip
import itertools
import threading

import pytest

from foreign_web import Web
from heim_server import Client, Server, error, eventually
from pictures import png, webp_size

numbers = itertools.count(1)


@pytest.fixture(name="web", scope="module")
def make_web():
    web = Web()
    yield web
    web.close()


@pytest.fixture(scope="module")
def server(web):
    with Server(**web.settings()) as running:
        yield running


@pytest.fixture(name="channel", scope="module")
def make_channel(ada, bob):
    channel = ada.channel("links")
    assert ada.post(f"/channels/{channel['id']}/members", {"actor_id": bob.id}).status_code == 200
    return channel


def fresh(web, **meta):
    """The address of a new page, and its title."""
    number = next(numbers)
    return web.page(f"/page-{number}", f"Page {number}", **meta), f"Page {number}"


def message_of(client, message):
    answer = client.get(f"/messages/{message['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def titles(client, message):
    return [preview["title"] for preview in message_of(client, message).get("previews", [])]


def sent_with_preview(client, channel, text, title):
    """Sends the text and waits for the preview of that title; answers the message then."""
    message = client.send(channel["id"], text)
    assert message["previews"] == []
    eventually(lambda: title in titles(client, message), f"the preview {title}")
    return message_of(client, message)


def try_links(client, channel, web, links):
    """Has the links looked at; answers the titles of what came of them."""
    got = []
    for i in range(0, len(links), 4):
        sentinel, title = fresh(web)
        text = " ".join([*links[i:i + 4], sentinel])
        shown = sent_with_preview(client, channel, text, title)
        got += [preview["title"] for preview in shown["previews"] if preview["title"] != title]
    return got


def test_a_link_of_a_person_gets_a_preview_with_its_picture(ada, bob, web, channel):
    web.pages["/cat.png"] = ("image/png", png(800, 400))
    link, _ = fresh(web, title="A &amp; B", description="What it\n is about", site_name="Site", image="/cat.png")
    with bob.socket() as socket:
        socket.until("caught_up")
        sent = ada.send(channel["id"], f"look: {link}.")
        event = socket.until("message.updated")["data"]["message"]
    assert event["id"] == sent["id"] and event["revision"] == sent["revision"]
    assert "edited_at" not in event and event["content"] == sent["content"]
    assert message_of(ada, sent)["previews"] == event["previews"]
    [preview] = event["previews"]
    file_id = preview.pop("image_file_id")
    assert preview == {"url": link, "title": "A & B", "description": "What it is about", "site_name": "Site",
                       "image_width": 400, "image_height": 200}
    assert not event.get("attachments")
    picture = bob.get(f"/files/{file_id}")
    assert picture.status_code == 200 and webp_size(picture.content) == (400, 200)
    assert bob.get("/files").json().get("files", []) == []
    assert ada.get("/files").json().get("files", []) == []
    for header in web.headers:
        assert not {"Cookie", "Referer", "Authorization"} & set(header), header


def test_the_picture_is_read_by_whoever_reads_the_message_alone(server, ada, bob, web):
    web.pages["/dog.png"] = ("image/png", png(20, 20))
    link, title = fresh(web, image="/dog.png")
    private = ada.channel("backroom", type="private")
    shown = sent_with_preview(ada, private, link, title)
    file_id = shown["previews"][0]["image_file_id"]
    assert ada.get(f"/files/{file_id}").status_code == 200
    error(bob.get(f"/files/{file_id}"), 404, "file_not_found")
    error(bob.get(f"/files/{file_id}/meta"), 404, "file_not_found")


def inside_urls(port):
    """Addresses of the inside, on the port at which something listens there."""
    hosts = [
        "127.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
        "2130706433", "127.0.0.1.", "127.00.0.1", "127.0.0.01", "localhost", "LOCALHOST", "localhost.", "a.localhost",
        "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "①②⑦.⓪.⓪.①", "127。0。0。1", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "[2001:0:7f00:1::]", "[fe80::1%25lo]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[1.2.3.4]",
        "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "168.63.129.16", "router.local",
        "metadata.google.internal", "u@127.0.0.1", "site.test@127.0.0.1", "inner.test", "mixed.test", "mapped.test",
        "metadata.test", "six.test", "nowhere.test",
    ]
    return [f"http://{host}:{port}/secret" for host in hosts] + [
        "http://site.test:22/", "http://site.test:6379/", "ftp://site.test/", "file:///etc/passwd",
        f"gopher://127.0.0.1:{port}/_x", f"http://site.test\\@127.0.0.1:{port}/", f"https://127.0.0.1:{port}/",
    ]


def test_no_address_of_the_inside_is_reached_whatever_its_form(ada, web, channel):
    web.names.tell("inner.test", ["127.0.0.1"])
    web.names.tell("mixed.test", ["127.0.0.2", "127.0.0.1"])
    web.names.tell("mapped.test", ["::ffff:127.0.0.1"])
    web.names.tell("metadata.test", ["169.254.169.254"])
    web.names.tell("six.test", ["::1"])
    links = inside_urls(web.port)
    assert len(links) >= 60
    assert try_links(ada, channel, web, links) == []
    assert web.inside == []
    assert "/secret" not in web.heard
    assert "mixed.test" in web.names.asked


def test_a_name_that_is_rebound_leads_only_where_it_was_checked(ada, web, channel):
    web.pages["/pixel.png"] = ("image/png", png(8, 8))
    web.page("/bound", "Bound", image="/pixel.png")
    web.names.tell("rebound.test", ["127.0.0.2"], ["127.0.0.1"])
    shown = sent_with_preview(ada, channel, web.url("/bound", "rebound.test"), "Bound")
    # The picture's address was looked at anew, and the name is of the inside by then.
    assert "image_file_id" not in shown["previews"][0]
    assert web.names.asked.count("rebound.test") >= 2
    assert web.inside == []


def test_redirects_are_followed_outside_and_never_inside(ada, web, channel):
    _, title = fresh(web)
    page = f"/{title.lower().replace(' ', '-')}"
    shown = sent_with_preview(ada, channel, web.redirect("/moved", page), title)
    assert shown["previews"][0]["url"] == web.url("/moved")
    web.names.tell("turned.test", ["127.0.0.2"], ["127.0.0.1"])
    links = [web.redirect(f"/away-{i}", to) for i, to in enumerate([
        web.url("/", "127.0.0.1"), web.url("/", "inner.test"), web.url("/", "[::1]"), web.url("/", "2130706433"),
        f"//127.0.0.1:{web.port}/", "http://169.254.169.254/latest/", "file:///etc/passwd", "/away-7"])]
    links.append(web.url("/turn", "turned.test"))
    web.redirect("/turn", "/bound")
    assert try_links(ada, channel, web, links) == []
    assert web.inside == []


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    try:
        handler.wfile.write(b"<title>Endless</title>")
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        handler.close_connection = True


def bomb(handler):
    body = gzip.compress(b"<title>Bomb</title>" + b"\0" * 10_000_000)
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_pages_that_are_none_have_no_preview_and_harm_nobody(ada, web, channel):
    web.pages["/endless"] = endless
    web.pages["/bomb"] = bomb
    web.pages["/data"] = ("application/json", b"{}")
    web.pages["/empty"] = ("text/html", b"")
    web.pages["/big.png"] = ("image/png", png(4, 4, told=(60000, 60000)))
    web.page("/deep", "<b>" * 1000)
    web.pages["/nested"] = ("text/html", b"<div>" * 100_000 + b"<title>Nested</title>")
    web.page("/broken-picture", "No picture", image="/big.png")
    got = try_links(ada, channel, web, [web.url(path) for path in (
        "/endless", "/bomb", "/data", "/empty", "/missing", "/nested", "/broken-picture")])
    assert got == ["Endless", "Nested", "No picture"]


def test_texts_of_pages_are_short_and_hide_nothing(ada, web, channel):
    web.pages["/tricks"] = ("text/html; charset=windows-1252",
                            b"<title>Caf\xe9 &#x202e;gnp.exe&#8203;" + b"x" * 1000 + b"</title>")
    message = ada.send(channel["id"], web.url("/tricks"))
    eventually(lambda: titles(ada, message), "the preview")
    [title] = titles(ada, message)
    assert title.startswith("Café gnp.exexxx") and len(title) == 201 and title.endswith("…")


def test_links_of_agents_are_not_fetched_unless_the_workspace_wants_it_and_then_without_query(ada, echo, web, channel):
    joined = ada.post(f"/channels/{channel['id']}/members", {"actor_id": echo.id})
    assert joined.status_code == 200, joined.text
    link, title = fresh(web)
    path = link[link.index("/page"):]
    echo.send(channel["id"], f"{link}?stolen=secret")
    assert try_links(ada, channel, web, [web.url("/missing")]) == []
    assert not [heard for heard in web.heard if heard.startswith(path)]
    workspace = ada.get("/workspaces").json()["workspaces"][0]
    at = f"/workspaces/{workspace['id']}"
    settings = workspace.get("settings", {})

    def put(previews):
        return ada.patch(at, {"settings": settings | {"link_previews": previews}})

    try:
        assert put({"agents": True}).status_code == 200
        shown = sent_with_preview(echo, channel, f"{link}?stolen=secret#x", title)
        assert shown["previews"][0]["url"] == f"{link}?stolen=secret#x"
        assert [heard for heard in web.heard if heard.startswith(path)] == [path]
        assert put({"people": False, "agents": True, "allow": ["site.test"], "deny": ["no.site.test"]}).status_code == 200
        denied = web.url(path, "no.site.test")
        allowed, other = fresh(web)
        web.names.tell("elsewhere.test", ["127.0.0.2"])
        message = echo.send(channel["id"], f"{denied} {web.url(path, 'elsewhere.test')} {allowed}")
        eventually(lambda: other in titles(ada, message))
        assert titles(ada, message) == [other]
        assert "no.site.test" not in web.names.asked and "elsewhere.test" not in web.names.asked
        for bad in ({"people": "yes"}, {"allow": "site.test"}, {"deny": ["http://x"]}, {"persons": True}, []):
            assert put(bad).status_code == 400, bad
    finally:
        assert put({}).status_code == 200


def test_a_page_is_asked_once_for_a_workspace_and_again_for_another(server, ada, web, channel):
    link, title = fresh(web)
    path = link[link.index("/page"):]
    first = sent_with_preview(ada, channel, link, title)
    second = sent_with_preview(ada, channel, f"again {link}", title)
    assert web.heard.count(path) == 1
    # A session moves with the header; this one stays.
    ada.http.headers["heim-workspace"] = ada.get("/workspaces").json()["workspaces"][0]["id"]
    made = ada.post("/workspaces", {"name": "Far", "slug": "far"})
    assert made.status_code == 201, made.text
    away = Client(server, ada.token, ada.actor)
    away.http.headers["heim-workspace"] = made.json()["id"]
    message = away.send(away.channel("there")["id"], link)
    eventually(lambda: titles(away, message) == [title])
    assert web.heard.count(path) == 2
    # What is kept goes with the last message of the workspace that has the link.
    for gone in (first, second):
        assert ada.delete(f"/messages/{gone['id']}").status_code == 200
    sent_with_preview(ada, channel, link, title)
    assert web.heard.count(path) == 3


def test_a_deleted_message_takes_previews_and_pictures_along(ada, web, channel):
    web.pages["/bird.png"] = ("image/png", png(30, 30))
    link, title = fresh(web, image="/bird.png")
    cursor = ada.get("/events/poll").json()["cursor"]
    shown = sent_with_preview(ada, channel, link, title)
    file_id = shown["previews"][0]["image_file_id"]
    gone = ada.delete(f"/messages/{shown['id']}")
    assert gone.status_code == 200 and gone.json()["previews"] == []
    assert message_of(ada, shown)["previews"] == []
    error(ada.get(f"/files/{file_id}"), 404, "file_not_found")
    with ada.socket(f"cursor={cursor}") as socket:
        socket.until("caught_up")
        told = [frame for frame in socket.seen if shown["id"] in str(frame)]
    assert told and title not in str(socket.seen)


def test_an_edit_that_drops_the_link_drops_its_preview_at_once(ada, web, channel):
    web.pages["/fish.png"] = ("image/png", png(30, 30))
    link, title = fresh(web, image="/fish.png")
    other, second = fresh(web)
    shown = sent_with_preview(ada, channel, link, title)
    edited = ada.patch(f"/messages/{shown['id']}", {"content": f"rather {other}"})
    assert edited.status_code == 200 and edited.json()["previews"] == []
    error(ada.get(f"/files/{shown['previews'][0]['image_file_id']}"), 404, "file_not_found")
    eventually(lambda: titles(ada, shown) == [second])
    kept = message_of(ada, shown)
    more = ada.patch(f"/messages/{shown['id']}", {"content": f"still {other}"})
    assert more.json()["previews"] == kept["previews"]


def test_the_author_removes_a_preview_and_it_stays_away(ada, bob, web, channel):
    one, first = fresh(web)
    two, second = fresh(web)
    shown = sent_with_preview(bob, channel, f"{one} {two}", second)
    at = f"/messages/{shown['id']}/previews"
    carol = ada.server.person(ada, f"carol{next(numbers)}")
    error(carol.delete(at, params={"url": one}), 403, "channel_role_required")
    error(bob.delete(at, params={"url": "http://site.test/other"}), 404, "preview_not_found")
    with ada.socket() as socket:
        socket.until("caught_up")
        gone = bob.delete(at, params={"url": one})
        assert gone.status_code == 200, gone.text
        assert [preview["title"] for preview in gone.json()["previews"]] == [second]
        event = socket.until("message.updated")["data"]["message"]
        assert event["previews"] == gone.json()["previews"] and event["revision"] == shown["revision"]
    assert bob.delete(at, params={"url": one}).json() == gone.json()
    three, third = fresh(web)
    bob.patch(f"/messages/{shown['id']}", {"content": f"{one} {two} {three}"})
    eventually(lambda: third in titles(bob, shown))
    assert titles(bob, shown) == [second, third]
    # Whoever may delete the message may do this, too; without a url all go.
    assert ada.delete(at).json()["previews"] == []
    assert first not in titles(bob, shown) and titles(bob, shown) == []


def test_a_preview_can_be_refused_before_it_is_made(ada, web, channel):
    asked, go_on = threading.Event(), threading.Event()

    def hold(handler):
        asked.set()
        go_on.wait(30)
        body = b"<title>Late</title>"
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    web.pages["/late"] = hold
    sentinel, title = fresh(web)
    message = ada.send(channel["id"], f"{web.url('/late')} {sentinel}")
    assert asked.wait(30)
    gone = ada.delete(f"/messages/{message['id']}/previews", params={"url": web.url("/late")})
    assert gone.status_code == 200, gone.text
    go_on.set()
    eventually(lambda: title in titles(ada, message))
    assert titles(ada, message) == [title]


def test_what_was_under_way_when_the_server_died_is_looked_at_afterwards(web):
    asked, go_on = threading.Event(), threading.Event()

    def hold(handler):
        asked.set()
        go_on.wait(30)
        handler.close_connection = True

    web.pages["/crash"] = hold
    with Server(**web.settings()) as running:
        ada = running.setup("ada")
        channel = ada.default_channel()
        message = ada.send(channel["id"], web.url("/crash"))
        assert asked.wait(30)
        running.kill()
        web.page("/crash", "After all")
        go_on.set()
        running.start()
        eventually(lambda: titles(ada, message) == ["After all"])


def test_with_previews_off_nothing_is_fetched(web):
    link, _ = fresh(web)
    path = link[link.index("/page"):]
    with Server(**(web.settings() | {"HEIM_LINK_PREVIEWS": "off"})) as running:
        ada = running.setup("ada")
        channel = ada.default_channel()
        message = ada.send(channel["id"], link)
    # It has ended: nothing is under way any more.
    assert message["id"] and path not in web.heard
    assert web.inside == []
