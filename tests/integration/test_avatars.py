"""Pictures of actors: who gives one to whom, what is taken and kept, who sees it, and that bytes go with their picture."""

import itertools
import pathlib
import threading
import uuid

import grpc
import pytest
import requests
from heim.v1 import actor_service_pb2 as pb

from heim_server import DEADLINE, Client, error, eventually
from pictures import comment, png, webp_size

numbers = itertools.count(1)


def name(stem="v"):
    return f"{stem}{next(numbers)}"


def upload(client, data, actor="me", query="", **kwargs):
    return client.request("POST", f"/actors/{actor}/avatar{query}", data=data,
                          **({"headers": {"Content-Type": "image/png"}} | kwargs))


def fetch(client, url, **kwargs):
    return client.http.get(client.server.url + url, timeout=DEADLINE, **kwargs)


def blobs(server):
    """How many files lie in the store."""
    root = server.directory / "data"
    files = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    return sum(1 for path in files if len(path.parts) > 1 and "tmp" not in path.parts)


def test_a_picture_is_cut_square_in_two_sizes_and_announced(server, ada):
    person = server.person(ada, name())
    with ada.socket() as watching:
        watching.until("caught_up")
        given = upload(person, png(900, 600))
        assert given.status_code == 201, given.text
        actor = given.json()
        announced = watching.until("actor.updated")["data"]["actor"]
    assert announced["avatar_url"] == actor["avatar_url"]
    assert actor["avatar_url"].startswith(f"/api/v1/actors/{person.id}/avatar?v=")
    assert actor["revision"] == person.actor["revision"] + 1
    large = fetch(ada, actor["avatar_url"])
    assert large.status_code == 200 and large.headers["Content-Type"] == "image/webp"
    assert webp_size(large.content) == (512, 512)
    assert large.headers["Cache-Control"].startswith("private")
    assert large.headers["X-Content-Type-Options"] == "nosniff"
    sizes = {0: 512, 1: 96, 96: 96, 97: 512, 512: 512, 4000: 512}
    for asked, got in sizes.items():
        small = ada.get(f"/actors/{person.id}/avatar?size={asked}")
        assert webp_size(small.content) == (got, got), asked
    again = fetch(ada, actor["avatar_url"], headers={"If-None-Match": large.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    part = fetch(ada, actor["avatar_url"], headers={"Range": "bytes=0-3"})
    assert part.content in (b"RIFF", large.content)
    # Messages and members show it.
    message = person.send(ada.default_channel()["id"], "see me")
    assert message["actor"]["avatar_url"] == actor["avatar_url"]
    assert person.get("/actors/me").json()["avatar_url"] == actor["avatar_url"]


def test_nothing_but_pixels_is_kept(server, ada):
    person = server.person(ada, name())
    file = png(64, 64, extra=comment("taken at home, 51.4778 N"))
    assert b"at home" in file
    upload(person, file).raise_for_status()
    for size in (512, 96):
        kept = person.get(f"/actors/me/avatar?size={size}").content
        assert b"at home" not in kept and b"Comment" not in kept
    # Small pictures are not blown up.
    assert webp_size(person.get("/actors/me/avatar").content) == (64, 64)


def test_by_form_as_a_browser_sends_it(server, ada):
    person = server.person(ada, name())
    answer = person.http.post(server.url + "/api/v1/actors/me/avatar", timeout=DEADLINE,
                              files={"file": ("me.png", png(), "image/png")})
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == person.id


@pytest.mark.parametrize("file,why", [
    (b"", "no png"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no png"), (b"GIF89a....", "no png"),
    (png()[:-20], "damaged"), (png()[:40], "damaged"), (png().replace(b"IDAT", b"IDAX"), "damaged"),
    (png(8, 8, told=(65535, 65535)), "pixels"), (png(8, 8, told=(0, 8)), "damaged"),
    (b"\xff\xd8\xff\xe0 no jpeg", "damaged"), (b"RIFF\x10\0\0\0WEBPVP8 ....", "damaged"),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * (10 << 20), "KiB")],
    ids=["empty", "svg", "gif", "cut", "cut short", "no pixels", "bomb", "no width", "jpeg", "webp", "large"])
def test_what_is_no_picture_is_refused_with_the_reason(server, ada, file, why):
    person = server.person(ada, name())
    answer = upload(person, file)
    error(answer, 400, "invalid_image")
    assert why in answer.json()["error"]["message"]
    assert "avatar_url" not in person.get("/actors/me").json()


def test_the_name_of_a_file_says_nothing(server, ada):
    person = server.person(ada, name())
    assert upload(person, png(), query="?filename=a.exe",
                  headers={"Content-Type": "text/html"}).status_code == 201
    error(upload(person, b"MZ....", query="?filename=a.png"), 400, "invalid_image")
    error(upload(person, png(), query="?size=3"), 400, "unknown_field")


def test_who_chooses_whose_picture(server, ada):
    admin = server.person(ada, name(), role="admin")
    member, other = server.person(ada, name()), server.person(ada, name())
    guest = server.person(ada, name(), role="guest")
    agent = server.agent(member, name())
    boss = server.person(ada, name(), role="owner")
    for who, whom in ((member, member), (guest, guest), (agent, agent), (member, agent), (admin, agent)):
        answer = upload(who, png(), whom.id)
        assert answer.status_code == 201, answer.text
    error(upload(other, png(), agent.id), 403, "workspace_role_required")
    error(upload(other, png(), member.id), 403, "workspace_role_required")
    error(upload(admin, png(), member.id), 403, "permission_denied")
    error(upload(admin, png(), boss.id), 403, "workspace_role_required")
    error(upload(guest, png(), member.id), 404, "actor_not_found")
    error(upload(ada, png(), str(uuid.uuid4())), 404, "actor_not_found")
    narrow = member.post("/auth/tokens", {"scopes": ["actors:read"]}).json()["api_key"]
    error(upload(Client(server, narrow), png()), 403, "missing_scope")
    # What somebody should not show is taken away by an admin, not replaced.
    assert admin.delete(f"/actors/{member.id}/avatar").status_code == 200
    error(other.delete(f"/actors/{agent.id}/avatar"), 403, "workspace_role_required")
    ada.delete(f"/actors/{other.id}").raise_for_status()
    error(upload(admin, png(), other.id), 404, "actor_not_found")


def test_who_sees_a_picture_knows_the_actor(server, ada):
    person = server.person(ada, name())
    guest = server.person(ada, name(), role="guest")
    url = upload(person, png()).json()["avatar_url"]
    error(fetch(guest, url), 404, "actor_not_found")
    error(fetch(guest, f"/api/v1/actors/{uuid.uuid4()}/avatar"), 404, "actor_not_found")
    ada.channel(f"c-{name()}", type="private", members=[guest.id, person.id])
    assert fetch(guest, url).status_code == 200
    error(requests.get(server.url + url, timeout=DEADLINE), 401, "unauthenticated")
    error(ada.get("/actors/me/avatar"), 404, "file_not_found")
    narrow = ada.post("/auth/tokens", {"scopes": ["messages:read"]}).json()["api_key"]
    error(fetch(Client(server, narrow), url), 403, "missing_scope")


def test_bytes_go_with_their_picture(server, ada):
    person = server.person(ada, name())
    before = blobs(server)
    first = upload(person, png(colour=(200, 10, 10, 255))).json()
    assert blobs(server) == before + 2
    second = upload(person, png(colour=(10, 10, 200, 255))).json()
    assert first["avatar_url"] != second["avatar_url"]
    eventually(lambda: blobs(server) == before + 2)
    error(upload(person, png()[:-9]), 400, "invalid_image")
    assert blobs(server) == before + 2
    gone = person.delete("/actors/me/avatar")
    assert gone.status_code == 200 and "avatar_url" not in gone.json()
    assert gone.json()["revision"] == second["revision"] + 1
    eventually(lambda: blobs(server) == before)
    error(person.get("/actors/me/avatar"), 404, "file_not_found")
    again = person.delete("/actors/me/avatar")
    assert again.json()["revision"] == gone.json()["revision"]


def test_the_same_picture_again_changes_nothing(server, ada):
    person = server.person(ada, name())
    first, again = (upload(person, png()).json() for _ in range(2))
    assert first["revision"] == again["revision"] and first["avatar_url"] == again["avatar_url"]
    assert fetch(person, again["avatar_url"]).status_code == 200


def test_many_pictures_at_once_leave_one(server, ada):
    person = server.person(ada, name())
    before = blobs(server)
    answers = []
    threads = [threading.Thread(target=lambda i=i: answers.append(upload(
        Client(server, person.token), png(colour=(30 * i, 0, 250 - 30 * i, 255))))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert {answer.status_code for answer in answers} == {201}
    eventually(lambda: blobs(server) == before + 2)
    shown = person.get("/actors/me").json()["avatar_url"]
    assert fetch(person, shown).status_code == 200
    assert shown in {answer.json()["avatar_url"] for answer in answers}


def test_by_grpc_in_pieces(server, ada):
    agent = server.agent(ada, name())
    file = png(300, 300)

    def pieces():
        yield pb.UploadAvatarRequest(actor_id=agent.id, header={"filename": "x"})
        for i in range(0, len(file), 100):
            yield pb.UploadAvatarRequest(chunk=file[i:i + 100])

    credential = [("authorization", f"Bearer {ada.token}")]
    with grpc.insecure_channel(server.address) as wire:
        send = wire.stream_unary("/heim.v1.ActorService/UploadAvatar",
                                 request_serializer=pb.UploadAvatarRequest.SerializeToString,
                                 response_deserializer=pb.UploadAvatarResponse.FromString)
        answer = send(pieces(), metadata=credential, timeout=DEADLINE)
        assert answer.actor.avatar_url
        load = wire.unary_stream("/heim.v1.ActorService/GetAvatar",
                                 request_serializer=pb.GetAvatarRequest.SerializeToString,
                                 response_deserializer=pb.GetAvatarResponse.FromString)
        frames = list(load(pb.GetAvatarRequest(actor_id=agent.id), metadata=credential,
                           timeout=DEADLINE))
        assert frames[0].header.file.mime_type == "image/webp"
        data = b"".join(frame.chunk for frame in frames[1:])
        assert len(data) == frames[0].header.length and webp_size(data) == (300, 300)
        # Bytes before the header, two headers, none.
        for wrong in ([pb.UploadAvatarRequest(chunk=b"x")],
                      [pb.UploadAvatarRequest(header={}), pb.UploadAvatarRequest(header={})],
                      [pb.UploadAvatarRequest(actor_id=agent.id)], []):
            with pytest.raises(grpc.RpcError) as failed:
                send(iter(wrong), metadata=credential, timeout=DEADLINE)
            assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT, wrong


def test_pictures_live_through_a_restart(tmp_path):
    from heim_server import Server
    with Server(directory=tmp_path) as server:
        ada = server.setup()
        url = upload(ada, png()).json()["avatar_url"]
        first = fetch(ada, url).content
        token = ada.token
    with Server(directory=tmp_path) as server:
        assert fetch(Client(server, token), url).content == first
    assert pathlib.Path(tmp_path).exists()
