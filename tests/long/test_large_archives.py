"""Exports and imports of many messages and of large files take no more memory than small ones."""

import io
import json
import os
import pathlib
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from archives import HEADER, ended  # noqa: E402
from heim_server import Server  # noqa: E402

MESSAGES = int(os.environ.get("HEIM_ARCHIVE_MESSAGES", "50000"))
FILE_BYTES = int(os.environ.get("HEIM_ARCHIVE_FILE_BYTES", str(300 << 20)))
ROOM = 192 << 20


class Zeros(io.RawIOBase):
    """So many bytes that nobody has to keep."""

    def __init__(self, size):
        super().__init__()
        self.left = size

    def read(self, n=-1):
        n = self.left if n < 0 else min(n, self.left)
        self.left -= n
        return bytes(n)


def records():
    yield HEADER
    yield {"actor": {"actor": {"id": "u1", "type": "human", "username": "zoe"}, "role": "member"}}
    yield {"channel": {"channel": {"id": "c1", "name": "lots", "type": "public"}}}
    yield {"file": {"file": {"id": "f1", "filename": "large.bin", "actor_id": "u1"}, "path": "files/f1"}}
    for n in range(MESSAGES):
        message = {"id": f"m{n}", "channel_id": "c1", "actor": {"id": "u1"}, "content": f"number {n} " + "word " * 40}
        if n == 0:
            message["attachments"] = [{"file_id": "f1"}]
        yield {"message": message}


def write_archive(path):
    count, piece, number = 0, io.BytesIO(), 0
    with tarfile.open(path, mode="w") as tar:
        def flush():
            nonlocal piece, number
            number += 1
            entry = tarfile.TarInfo(f"records/{number:08}.jsonl")
            entry.size = piece.tell()
            piece.seek(0)
            tar.addfile(entry, piece)
            piece = io.BytesIO()

        for record in records():
            piece.write(json.dumps(record).encode() + b"\n")
            count += 1
            if piece.tell() > 1 << 20:
                flush()
        piece.write(json.dumps({"end": {"records": count}}).encode() + b"\n")
        flush()
        entry = tarfile.TarInfo("files/f1")
        entry.size = FILE_BYTES
        tar.addfile(entry, Zeros(FILE_BYTES))


def peak(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) << 10


def test_a_large_archive_goes_in_and_out_with_flat_memory(tmp_path):
    path = tmp_path / "large.tar"
    write_archive(path)
    with Server(HEIM_LOG_LEVEL="info") as server:
        ada = server.setup("ada")
        before = peak(server)
        with open(path, "rb") as archive:
            begun = ada.request("POST", "/imports", data=archive, timeout=600)
        assert begun.status_code == 201, begun.text
        assert peak(server) - before < ROOM
        found = ended(ada, begun.json()["id"], deadline=1800)
        assert found["state"] == "done" and found.get("problem_count", 0) == 0, found
        assert peak(server) - before < ROOM, "importing"
        workspace = ada.get("/workspaces").json()["workspaces"][0]["id"]
        size = 0
        with ada.get(f"/workspaces/{workspace}/export", stream=True, timeout=600) as answer:
            for piece in answer.iter_content(1 << 20):
                size += len(piece)
        assert size > FILE_BYTES + MESSAGES * 200
        assert peak(server) - before < ROOM, "exporting"
        print(f"peak {peak(server) >> 20} MiB, before {before >> 20} MiB, exported {size >> 20} MiB")
