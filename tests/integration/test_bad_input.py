"""Malformed HTTP, frames and floods: the documented answer, the connection or request fails, the server does not."""

import base64
import socket

import pytest
import requests

from heim_server import DEADLINE, PASSWORD


def raw(server, request, read_all=True):
    """Sends bytes as they are; returns all that comes back until the server closes or is quiet."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            data = connection.recv(65536)
            if not data:
                return answer
            answer += data


def healthy(server):
    return requests.get(server.url + "/health", timeout=DEADLINE).json()["status"] == "ok"


HOST = b"Host: x\r\n"
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("request_bytes", [
    b"GARBAGE\r\n\r\n",
    b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    b"GET /health HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a/b c\r\n\r\n",
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n" + SMUGGLED,
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + SMUGGLED,
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + SMUGGLED,
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: identity\r\n\r\n" + SMUGGLED,
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\r\n\r\n" + SMUGGLED,
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + HOST + b"A: b\r\n folded\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + HOST + b"Bad Name: x\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /api/v1/channels/%ff HTTP/1.1\r\n" + HOST + b"\r\n",
])
def test_ambiguous_or_broken_requests_are_refused(server, request_bytes):
    answer = raw(server, request_bytes)
    assert answer.split(b" ")[1] in (b"400", b"505"), answer[:200]
    assert answer.count(b"HTTP/1.1 200") == 0, "a smuggled request was served"
    assert healthy(server)


def test_limits_of_the_head_and_body(server):
    long_header = raw(server, b"GET /health HTTP/1.1\r\n" + HOST + b"A: " + b"x" * 40_000 + b"\r\n\r\n")
    assert long_header.split(b" ")[1] == b"431", long_header[:100]
    announced = raw(server, b"POST /auth/login HTTP/1.1\r\n" + HOST +
                    b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
                    b"Content-Length: 10737418240\r\n\r\n")
    assert announced.split(b" ")[1] == b"413", announced[:100]
    assert healthy(server)


def test_pipelined_requests_are_answered_in_order(server):
    answer = raw(server, b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n" +
                 b"GET /nope HTTP/1.1\r\n" + HOST + b"\r\n" +
                 b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    codes = [part.split(b" ")[0] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert codes == [b"200", b"404", b"200"]


def test_tls_on_the_plain_port_is_told_so(server):
    answer = raw(server, bytes.fromhex("160301003f010000"))
    assert answer[:2] == b"\x15\x03"
    assert healthy(server)


def test_too_large_frames_close_the_socket_only(server, ada):
    with ada.socket() as socket_:
        socket_.until("caught_up")
        socket_.send_raw("x" * (1 << 20 | 1))
        while socket_.next() is not None:
            pass
        assert socket_.ws.protocol.close_rcvd.code == 1009
    assert healthy(server)


def test_half_open_connections_do_not_hold_others_up(server):
    stuck = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for connection in stuck:
        connection.sendall(b"P")
    assert healthy(server)
    for connection in stuck:
        connection.close()


@pytest.mark.parametrize("odd", [b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_are_never_the_servers_fault(server, ada, odd):
    login = requests.post(server.url + "/api/v1/auth/login", timeout=DEADLINE,
                          headers={"User-Agent": odd}, json={"username": "ada", "password": PASSWORD})
    assert login.status_code < 500, login.text
    channel = ada.default_channel()
    sent = ada.request("POST", f"/channels/{channel['id']}/messages", {"content": "x"},
                       headers={"Idempotency-Key": odd})
    assert sent.status_code < 500, sent.text
    ada.channel("odd-" + odd.hex())
    for path in ("/channels", "/workspaces", "/actors", f"/channels/{channel['id']}/members"):
        given = ada.get(path, params={"limit": 1}).json().get("next_cursor") or "AAAAAAAAAAAA"
        # What stands in front says of which list it is.
        head = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))[:9]
        for key in (odd, b"\x00", b"general\x00" + odd, b"general\n" + odd):
            cursor = base64.urlsafe_b64encode(head + key).decode().rstrip("=")
            answer = ada.get(path, params={"cursor": cursor})
            assert answer.status_code < 500, (path, key, answer.text)
