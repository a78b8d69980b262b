"""Uploads and downloads: sizes to the byte, names that mean harm, forms of every kind, parts of files, uploads that are
cut, and how much memory a long one takes.
"""

import itertools
import os
import re
import unicodedata

import pytest

from file_doors import being_written, grpc_read, raw, stored, upload
from heim_server import DEADLINE, Server, demand_flat_memory, error, eventually, resident

LIMIT = 300_000
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server():
    with Server(HEIM_MAX_FILE_SIZE=str(LIMIT)) as running:
        yield running


def head_of(client, *lines, path="/api/v1/files", method="POST"):
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {client.server.address}", "Connection: close",
                        f"Authorization: Bearer {client.token}", *lines, "", "")).encode()


def form(client, body, boundary="b0", type_=None):
    """The status of a form sent by hand, and the file when there is one."""
    answer = client.request("POST", "/files", data=body, headers={
        "Content-Type": type_ or f"multipart/form-data; boundary={boundary}"})
    return answer.status_code, answer.json() if answer.status_code == 201 else answer.json()["error"]["code"]


# --- Sizes

@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_what_fits_comes_back_to_the_byte(ada, size):
    data = os.urandom(size)
    for file in (upload(ada, data), ada.request("POST", "/files", files={"file": ("a", data)}).json()):
        assert file["size_bytes"] == size
        whole = ada.get(f"/files/{file['id']}")
        assert whole.content == data and whole.headers["Content-Length"] == str(size)
        assert grpc_read(ada, file["id"]) == ("OK", data)


def test_one_byte_more_is_refused_by_every_way_in(server, ada):
    before = len(stored(server))
    data = b"x" * (LIMIT + 1)
    error(upload(ada, data, status=413), 413, "file_too_large")
    assert ada.request("POST", "/files", files={"file": ("a", data)}).status_code == 413
    chunked = ada.request("POST", "/files", data=iter([data[:1000], data[1000:]]),
                          headers={"Content-Type": "application/octet-stream"})
    assert chunked.status_code == 413
    # Said beforehand, not a byte of it is read.
    answer = raw(server, head_of(ada, "Content-Type: application/octet-stream",
                                 f"Content-Length: {LIMIT + 1}"))
    assert b" 413 " in answer.split(b"\r\n", 1)[0]
    eventually(lambda: not being_written(server), "the end of what was begun")
    assert len(stored(server)) == before


@pytest.mark.parametrize("way", ["raw", "chunked", "form"])
def test_an_upload_that_is_cut_leaves_nothing(server, ada, way):
    before = len(stored(server))
    data = b"c" * 200_000
    lines = {"raw": ["Content-Type: application/octet-stream", "Content-Length: 250000"],
             "chunked": ["Content-Type: application/octet-stream", "Transfer-Encoding: chunked"],
             "form": ["Content-Type: multipart/form-data; boundary=b", "Content-Length: 250000"]}[way]
    body = {"raw": data, "chunked": b"186a0\r\n" + data,
            "form": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + data}[way]
    raw(server, head_of(ada, *lines), body, close_after=150_000)
    # The answer to a later call says that the server went on.
    assert upload(ada, b"after")["size_bytes"] == 5
    eventually(lambda: not being_written(server) and len(stored(server)) == before + 1,
               "the end of what was begun")


# --- Names

NAMES = {
    "../../etc/passwd": "passwd", "..\\..\\boot.ini": "boot.ini", "/": "file", "..": "file", ".": "file", "": "file",
    "a/b\\c.txt": "c.txt", "two\r\nSet-Cookie: x=1": "twoSet-Cookie: x=1", 'quo"te.txt': 'quo"te.txt',
    "nul\0byte.txt": "nulbyte.txt", "naïve – 猫.txt": "naïve – 猫.txt", "harmless\u202egnp.exe": "harmlessgnp.exe",
    "zero\u200bwidth.txt": None, "semi;colon=1.txt": "semi;colon=1.txt", "per%2Fcent.txt": "per%2Fcent.txt",
    "x" * 400: "x" * 255, "猫" * 100: "猫" * 85, "back\\": "file", "tab\t.txt": None, "💥.txt": "💥.txt",
}


@pytest.mark.parametrize("given", NAMES, ids=[f"name{n}" for n in range(len(NAMES))])
def test_a_name_means_no_harm_on_the_way_in_and_out(ada, given):
    answer = ada.request("POST", "/files", params={"filename": given}, data=b"x",
                         headers={"Content-Type": "application/octet-stream"})
    if answer.status_code == 400:
        error(answer, 400, "invalid_argument")  # no name of a file at all
        return
    file = answer.json()
    kept = file["filename"]
    if NAMES[given] is not None:
        assert kept == NAMES[given]
    assert kept and "/" not in kept and "\\" not in kept and len(kept.encode()) <= 255
    assert not any(unicodedata.category(c) == "Cc" or c in "\u202a\u202b\u202d\u202e\u2066\u2067" for c in kept)
    back = ada.get(f"/files/{file['id']}")
    shown = back.headers["Content-Disposition"]
    assert re.fullmatch(r"(inline|attachment); filename=\"[ -!#-\[\]-~]*\"; filename\*=UTF-8''[\w.~%-]*", shown)
    assert "Set-Cookie" not in back.headers
    encoded = shown.rsplit("''", 1)[1]
    from urllib.parse import unquote
    assert unquote(encoded) == kept


def test_names_come_by_disposition_too(ada):
    for disposition, kept in {
            'attachment; filename="plain.txt"': "plain.txt",
            "attachment; filename=\"old.txt\"; filename*=UTF-8''na%C3%AFve.txt": "naïve.txt",
            "attachment; filename*=UTF-8''..%2F..%2Fevil.sh": "evil.sh",
            "attachment; filename*=UTF-8''a%0D%0ASet-Cookie%3Ax": "aSet-Cookie:x",
            'attachment; filename="a\\"b.txt"': 'a"b.txt',
            "attachment; filename": "file", "nonsense": "file"}.items():
        file = ada.request("POST", "/files", data=b"x", headers={
            "Content-Type": "application/octet-stream", "Content-Disposition": disposition}).json()
        assert file["filename"] == kept, disposition


@pytest.mark.parametrize("data,filename", [
    (b"<!doctype html><script>alert(1)</script>", "a.html"), (b"<svg onload='alert(1)'/>", "a.SVG"),
    (b"<?xml version='1.0'?><x/>", "a.xml"), (b"alert(1)", "a.js"), (b"%PDF-1.7 <script>", "a.pdf"),
    (b"<html><body onload=alert(1)>", "picture.png"), (b"\x89PNG\r\n\x1a\n<script>", "a.html"),
    (b"GIF89a<script>alert(1)</script>", "a.htm "), (b"MZ\x90\0", "a.exe")])
def test_active_content_is_never_shown_in_the_page(ada, data, filename):
    file = upload(ada, data, filename)
    answer = ada.get(f"/files/{file['id']}")
    type_ = answer.headers["Content-Type"].split(";")[0]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert type_ not in ("text/html", "image/svg+xml", "text/xml", "application/xml", "text/javascript")
    if not filename.endswith(".png"):
        assert answer.headers["Content-Disposition"].startswith("attachment"), filename
    assert answer.content == data


# --- Forms

HEAD = b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


@pytest.mark.parametrize("body,expected", [
    (b"--b0\r\n" + HEAD + b"hello\r\n--b0--\r\n", b"hello"),
    (b"preamble\r\n--b0\r\n" + HEAD + b"hello\r\n--b0--\r\nepilogue", b"hello"),
    (b'--b0\r\nContent-Disposition: form-data; name="note"\r\n\r\nwords\r\n--b0\r\n' + HEAD + b"hi\r\n--b0--", b"hi"),
    (b"--b0\r\n" + HEAD + b"first\r\n--b0\r\n" + HEAD + b"second\r\n--b0--", b"first"),
    (b"--b0\r\n" + HEAD + b"\r\n--b0--\r\n", b""),
    (b"--b0  \r\n" + HEAD + b"padded\r\n--b0--", b"padded"),
    (b"--b0\r\n" + HEAD + b"\r\n--b\r\n--b1\r\n\r\n--b0--", b"\r\n--b\r\n--b1\r\n"),
    (b"--b0\r\ncontent-disposition:form-data;name=file;filename=a\r\n\r\nx\r\n--b0--", b"x"),
    (b'--b0\r\nX-Other: 1\r\nContent-Type: text/html\r\n' + HEAD + b"typed\r\n--b0--", b"typed")],
    ids=["plain", "around", "fields first", "two files", "empty", "padding", "near misses", "bare", "heads"])
def test_a_form_gives_its_first_file(ada, body, expected):
    status, file = form(ada, body)
    assert status == 201, file
    assert ada.get(f"/files/{file['id']}").content == expected


@pytest.mark.parametrize("body", [
    b"", b"no form at all", b"--b0--\r\n", b"--b0\r\n" + HEAD + b"never ends", b"--b0\r\n" + HEAD[:-4],
    b'--b0\r\nContent-Disposition: form-data; name="file"\r\n\r\nno name of a file\r\n--b0--',
    b"--b0\r\n" + b"X: " + b"y" * 20_000 + b"\r\n" + HEAD + b"x\r\n--b0--",
    b"--b0\r\nno colon\r\n\r\nx\r\n--b0--", b"--b0junk\r\n" + HEAD + b"x\r\n--b0--", b"--b1\r\n" + HEAD + b"x\r\n--b1--"],
    ids=["nothing", "no form", "no parts", "no end", "no body", "no file", "long head", "bad head", "bad boundary",
         "other boundary"])
def test_what_is_no_form_is_refused_and_leaves_nothing(server, ada, body):
    before = len(stored(server))
    status, code = form(ada, body)
    assert status == 400 and code in ("invalid_http", "invalid_argument"), (status, code)
    eventually(lambda: not being_written(server) and len(stored(server)) == before, "the end of what was begun")


@pytest.mark.parametrize("type_", ["multipart/form-data", "multipart/form-data; boundary=",
                                   "multipart/form-data; boundary=" + "b" * 71])
def test_a_form_needs_a_boundary(ada, type_):
    assert form(ada, b"--b\r\n" + HEAD + b"x\r\n--b--", type_=type_)[0] == 400


# --- Parts

DATA = bytes(range(256)) * 4  # 1024


@pytest.fixture(scope="module")
def thousand(ada):
    return upload(ada, DATA)


@pytest.mark.parametrize("value,first,last", [
    ("bytes=0-0", 0, 0), ("bytes=0-", 0, 1023), ("bytes=1000-", 1000, 1023), ("bytes=5-9", 5, 9),
    ("bytes=1023-1023", 1023, 1023), ("bytes=1000-9999999", 1000, 1023), ("bytes=-1", 1023, 1023),
    ("bytes=-1024", 0, 1023), ("bytes=-99999", 0, 1023), ("BYTES=5-9", 5, 9)])
def test_a_part_is_answered_with_its_place(ada, thousand, value, first, last):
    answer = ada.get(f"/files/{thousand['id']}", headers={"Range": value})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/1024"
    assert answer.content == DATA[first:last + 1]
    assert answer.headers["Content-Length"] == str(last - first + 1)
    head = ada.request("HEAD", f"/files/{thousand['id']}", headers={"Range": value})
    assert head.status_code == 206 and head.headers["Content-Range"] == answer.headers["Content-Range"]


@pytest.mark.parametrize("value", ["bytes=1024-", "bytes=1024-1030", "bytes=99999999-",
                                   f"bytes={2**62}-", f"bytes={2**63 - 2}-"])
def test_a_part_behind_the_end_is_refused_with_the_size(ada, thousand, value):
    answer = ada.get(f"/files/{thousand['id']}", headers={"Range": value})
    error(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize("value", [
    "bytes=0-1,5-9", "bytes=", "bytes=-", "bytes=--1", "bytes=5-4", "bytes=a-b", "bytes=0x1-5", "bytes=1 -2",
    "bytes", "", "items=0-5", "bytes=-0", f"bytes={2**64}-", f"bytes=0-{2**70}", "bytes=1.5-3", "bytes=+1-5"])
def test_several_parts_and_nonsense_get_the_whole_file(ada, thousand, value):
    answer = ada.get(f"/files/{thousand['id']}", headers={"Range": value})
    assert answer.status_code == 200 and answer.content == DATA
    assert "Content-Range" not in answer.headers


def test_parts_of_an_empty_file(ada):
    empty = upload(ada, b"")
    for value in ("bytes=0-0", "bytes=-1", "bytes=1-"):
        answer = ada.get(f"/files/{empty['id']}", headers={"Range": value})
        assert answer.status_code == 416 and answer.headers["Content-Range"] == "bytes */0"
    from_the_start = ada.get(f"/files/{empty['id']}", headers={"Range": "bytes=0-"})
    assert from_the_start.status_code == 200 and "Content-Range" not in from_the_start.headers
    assert ada.get(f"/files/{empty['id']}").content == b""


def test_a_tag_tells_versions_apart(ada, thousand):
    path = f"/files/{thousand['id']}"
    tag = ada.get(path).headers["ETag"]
    assert tag == f'"{thousand["sha256"]}"'
    for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        same = ada.get(path, headers={"If-None-Match": value})
        assert same.status_code == 304 and not same.content and same.headers["ETag"] == tag
    assert ada.get(path, headers={"If-None-Match": '"other"'}).content == DATA
    part = {"Range": "bytes=0-4"}
    assert ada.get(path, headers=part | {"If-Range": tag}).content == DATA[:5]
    for other in ('"other"', f"W/{tag}", "Wed, 21 Oct 2015 07:28:00 GMT", "nonsense"):
        answer = ada.get(path, headers=part | {"If-Range": other})
        assert answer.status_code == 200 and answer.content == DATA
        beyond = ada.get(path, headers={"Range": "bytes=5000-", "If-Range": other})
        assert beyond.status_code == 200 and beyond.content == DATA
    assert ada.get(path, headers={"Range": "bytes=5000-", "If-Range": tag}).status_code == 416


# --- Memory

def zeros(size, watch):
    piece = bytes(1 << 20)
    for n in range(size >> 20):
        if n % 16 == 0:
            watch()
        yield piece


def stream_through(size, spare):
    """Uploads and downloads so much; the server's memory grows by at most `spare` bytes meanwhile."""
    with Server(HEIM_MAX_FILE_SIZE=str(size), HEIM_LOG_LEVEL="info") as server:
        ada = server.setup()
        upload(ada, b"warm")
        before, most = resident(server), [0]

        def watch():
            most[0] = max(most[0], resident(server))

        answer = ada.request("POST", "/files", data=zeros(size, watch), timeout=600,
                             headers={"Content-Type": "application/octet-stream"})
        assert answer.status_code == 201, answer.text
        assert answer.json()["size_bytes"] == size
        total = 0
        with ada.get(f"/files/{answer.json()['id']}", stream=True, timeout=600) as down:
            for n, piece in enumerate(down.iter_content(1 << 20)):
                total += len(piece)
                if n % 16 == 0:
                    watch()
        assert total == size
        demand_flat_memory(before, most[0], spare)
        ada.delete(f"/files/{answer.json()['id']}").raise_for_status()
        store = server.directory / "data" / "files"
        eventually(lambda: sum(p.stat().st_size for p in store.rglob("*") if p.is_file()) < size,
                   "the end of the bytes")


def test_a_file_passes_through_without_filling_the_memory():
    stream_through(192 << 20, spare=64 << 20)
