"""The internet, as tests have it: web servers on addresses of the loopback net, and a name server that says what it is
told. 127.0.0.2 is where pages are; what listens on 127.0.0.1 and ::1 is the inside and only counts who comes."""

import contextlib
import http.server
import socket
import struct
import threading

OUTSIDE = "127.0.0.2"
INSIDE = "127.0.0.1"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.web.answer(self)

    def log_message(self, *_):
        pass


class _Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, web):
        self.web = web
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)


class Web:
    """Pages by path: bytes, or a function of the handler. `heard` is every path that was asked for, in order."""

    def __init__(self):
        self.pages = {}
        self.heard = []
        self.headers = []
        self.inside = []
        self.names = NameServer()
        site = _Site((OUTSIDE, 0), self)
        self.port = site.server_address[1]
        self._sites = [site]
        self._inner = []
        for address in (INSIDE, "::1"):
            with contextlib.suppress(OSError):  # a machine without version 6
                self._listen(address)
        assert self._inner, "nothing listens inside"
        for site in self._sites:
            threading.Thread(target=site.serve_forever, args=(0.02,), daemon=True).start()

    def _listen(self, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, self.port))
        except OSError:
            listener.close()
            raise
        listener.listen()
        self._inner.append(listener)

        def count():
            with contextlib.suppress(OSError):
                while True:
                    connection, peer = listener.accept()
                    self.inside.append((address, peer))
                    connection.close()

        threading.Thread(target=count, daemon=True).start()

    def settings(self):
        """What a server needs to take this for the internet."""
        return {"HEIM_LINK_PREVIEWS": "on", "HEIM_EGRESS_ALLOW": OUTSIDE,
                "HEIM_EGRESS_PORTS": f"80,443,{self.port}", "HEIM_EGRESS_RESOLVER": self.names.address}

    def url(self, path, host="site.test"):
        return f"http://{host}:{self.port}{path}"

    def page(self, path, title, /, **meta):
        """A page with a title and og: properties."""
        tags = "".join(f'<meta property="og:{name}" content="{value}">' for name, value in meta.items())
        self.pages[path] = ("text/html; charset=utf-8",
                            f"<!doctype html><html><head><title>{title}</title>{tags}</head>"
                            "<body>text</body></html>".encode())
        return self.url(path)

    def redirect(self, path, to):
        def send(handler):
            handler.send_response(302)
            handler.send_header("Location", to)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        self.pages[path] = send
        return self.url(path)

    def answer(self, handler):
        self.heard.append(handler.path)
        self.headers.append(dict(handler.headers.items()))
        page = self.pages.get(handler.path.split("?")[0])
        if callable(page):
            page(handler)
            return
        type_, body = page or ("text/html", b"<title>lost</title>")
        handler.send_response(200 if page else 404)
        handler.send_header("Content-Type", type_)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        for site in self._sites:
            site.shutdown()
            site.server_close()
        for listener in self._inner:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.names.close()


class NameServer:
    """Answers A and AAAA by UDP. Each name has a list of answers, taken in turn; the last one stays. An answer is a
    list of addresses. `site.test` and everything below it is outside."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((INSIDE, 0))
        self.address = f"{INSIDE}:{self._socket.getsockname()[1]}"
        self.told = {}
        self.asked = []
        threading.Thread(target=self._serve, daemon=True).start()

    def tell(self, name, *answers):
        self.told[name] = list(answers)

    def _addresses(self, name, family):
        answers = self.told.get(name)
        if answers is None:
            if name == "site.test" or name.endswith(".site.test"):
                return [OUTSIDE] if family == 1 else []
            return None
        # Only questions for version 4 count, so that each look-up takes one answer.
        now = answers.pop(0) if family == 1 and len(answers) > 1 else answers[0]
        return [a for a in now if (":" in a) == (family == 28)]

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                packet, peer = self._socket.recvfrom(4096)
                self._socket.sendto(self._answer(packet), peer)

    def _answer(self, packet):
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        name = ".".join(labels).lower()
        family = struct.unpack(">H", packet[at + 1:at + 3])[0]
        self.asked.append(name)
        found = self._addresses(name, family)
        records = b""
        for address in found or []:
            raw = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
            records += struct.pack(">HHHIH", 0xC00C, family, 1, 0, len(raw)) + raw
        flags = 0x8180 | (3 if found is None else 0)
        header = packet[:2] + struct.pack(">HHHHH", flags, 1, len(found or []), 0, 0)
        return header + packet[12:at + 5] + records

    def close(self):
        self._socket.close()
