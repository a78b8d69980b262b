"""Previews of files: made behind the upload, announced, without what a camera wrote, and never at the price of the server."""

import itertools
import struct
import zlib

import pytest

from file_doors import share, stored, upload
from heim_server import Server, error, eventually
from pictures import chunk, comment, png, webp_size

numbers = itertools.count(1)


def name(stem="v"):
    return f"{stem}{next(numbers)}"


def meta(client, file):
    return client.get(f"/files/{file['id']}/meta").json()


def preview_of(client, file):
    """The preview's bytes, once they are there."""
    eventually(lambda: "preview" in meta(client, file), "the preview")
    return client.get(f"/files/{file['id']}/preview")


def test_a_picture_gets_a_small_one(server, ada):
    file = upload(ada, png(1200, 600, extra=comment("taken at home")), "wide.png")
    assert "preview" not in file, "made behind the answer"
    answer = preview_of(ada, file)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/webp"
    assert webp_size(answer.content) == (480, 240)
    assert b"taken at home" not in answer.content
    assert meta(ada, file)["preview"] == {"width": 480, "height": 240, "mime_type": "image/webp"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")
    again = ada.get(f"/files/{file['id']}/preview", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    assert answer.headers["ETag"] != ada.get(f"/files/{file['id']}").headers["ETag"]
    part = ada.get(f"/files/{file['id']}/preview", headers={"Range": "bytes=0-3"})
    assert part.status_code == 200 and part.content == answer.content, "it is small: no parts"
    assert ada.request("HEAD", f"/files/{file['id']}/preview").headers["Content-Length"] == str(len(answer.content))


def test_a_small_picture_is_written_anew_too(server, ada):
    file = upload(ada, png(40, 30, extra=comment("51.4778 N")), "small.png")
    assert webp_size(preview_of(ada, file).content) == (40, 30)
    assert b"51.4778" not in preview_of(ada, file).content


def test_a_message_that_was_sent_before_hears_of_the_preview(server, ada):
    reader = server.person(ada, name())
    channel = ada.channel(name(), members=[reader.id])
    with reader.socket() as watching:
        watching.until("caught_up")
        # Many, so that the messages are there before the last previews are.
        sent = [share(ada, channel, upload(ada, png(900, 900), "a.png")) for _ in range(6)]
        told = {}
        while len(told) < len(sent):
            frame = watching.until(lambda f: f["type"] in ("message.new", "message.updated"))
            message = frame["data"]["message"]
            if message["channel_id"] == channel["id"] and "preview" in message["attachments"][0]:
                told[message["id"]] = message
    for message in sent:
        assert told[message["id"]]["revision"] == message["revision"] == 1
        assert "edited_at" not in told[message["id"]]
        shown = reader.get(f"/messages/{message['id']}").json()
        assert shown["attachments"][0]["preview"] == {"width": 480, "height": 480, "mime_type": "image/webp"}
        assert shown["revision"] == 1
    # What is sent afterwards has it from the start.
    file = {"id": sent[0]["attachments"][0]["file_id"]}
    assert "preview" in share(ada, channel, file)["attachments"][0]


def test_what_has_none_says_so(server, ada):
    reader = server.person(ada, name())
    text = upload(ada, b"words", "a.txt")
    error(ada.get(f"/files/{text['id']}/preview"), 404, "preview_not_found")
    error(reader.get(f"/files/{text['id']}/preview"), 404, "file_not_found")


def bomb():
    """A small file that says, and holds, very many pixels."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(b"\0" * (20_000 * 4 + 1)) for _ in range(2_000)) + rows.flush()
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


HOSTILE = {
    "told too large": png(8, 8, told=(65535, 65535)), "told greatest": png(8, 8, told=(2**31 - 1, 2**31 - 1)),
    "no width": png(8, 8, told=(0, 8)), "bomb": bomb(), "cut": png(300, 300)[:-30], "head only": png()[:40],
    "no end": png()[:33], "bad checksum": png().replace(b"IHDR", b"IHDX"), "bad data": png().replace(b"IDAT", b"IDAX"),
    "jpeg head": b"\xff\xd8\xff\xe0 no jpeg", "jpeg no end": b"\xff\xd8\xff" + b"\xff" * 5000,
    "webp head": b"RIFF\x10\0\0\0WEBPVP8 ....", "webp lies": b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff/" + b"\xff" * 64,
    "gif": b"GIF89a\xff\xff\xff\xff\0\0\0;", "gif in png": b"\x89PNG\r\n\x1a\n" + b"GIF89a" * 50,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_picture_is_a_file_without_preview(server, ada, kind):
    file = upload(ada, HOSTILE[kind], "a.png")
    # One that is good and comes later is made later: then the other was looked at.
    preview_of(ada, upload(ada, png(50, 50), "good.png"))
    error(ada.get(f"/files/{file['id']}/preview"), 404, "preview_not_found")
    assert ada.get(f"/files/{file['id']}").content == HOSTILE[kind]
    assert server.process.poll() is None


def test_previews_that_were_not_made_are_made_after_a_restart(tmp_path):
    with Server(tmp_path) as server:
        ada = server.setup()
        files = [upload(ada, png(2000, 2000, colour=(n, 0, 0, 255)), "a.png") for n in range(6)]
        server.kill()
    with Server(tmp_path) as server:
        client = type(ada)(server, ada.token)
        for file in files:
            assert webp_size(preview_of(client, file).content) == (480, 480)
        assert len(stored(server)) == 12


def test_the_bytes_of_a_preview_go_with_its_file(server, ada):
    channel = ada.channel(name())
    for shade, delete in ((10, lambda f, m: ada.delete(f"/files/{f['id']}")),
                          (20, lambda f, m: ada.delete(f"/messages/{m['id']}"))):
        file = upload(ada, png(500, 500, colour=(shade, 99, 7, 255)), "a.png")
        message = share(ada, channel, file)
        preview = preview_of(ada, file).content
        assert preview in stored(server).values()
        delete(file, message).raise_for_status()
        error(ada.get(f"/files/{file['id']}/preview"), 404, "file_not_found")
        eventually(lambda: preview not in list(stored(server).values()), "the end of the preview's bytes")
