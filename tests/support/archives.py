"""Archives of Heim for tests: reading them with Python's own tar, comparing them but for ids and times, making hostile ones."""

import io
import json
import re
import tarfile
import threading
import time

from heim_server import DEADLINE

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
ENDED = ("checked", "done", "failed", "cancelled")


class Archive:
    """Records in order, and the bytes of files by path."""

    def __init__(self, data):
        self.data = data
        self.records, self.files = [], {}
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for entry in tar:
                assert entry.isfile(), entry.name
                content = tar.extractfile(entry).read()
                if entry.name.startswith("records/"):
                    self.records += [json.loads(line) for line in content.decode().splitlines()]
                else:
                    self.files[entry.name] = content

    def of(self, kind):
        return [record[kind] for record in self.records if kind in record]

    def normal(self):
        """The archive with each id as the number of its first appearance, and no times."""
        ids = {}

        def named(text):
            return UUID.sub(lambda found: ids.setdefault(found.group(0), f"id{len(ids)}"), text)

        def plain(value):
            if isinstance(value, dict):
                return {key: plain(value[key]) for key in sorted(value)}
            if isinstance(value, list):
                return [plain(each) for each in value]
            if isinstance(value, str):
                return "time" if TIME.match(value) else named(value)
            return value

        records = []
        for record in self.records:
            if "header" in record:
                record = {"header": record["header"] | {"position": 0, "source_id": "", "source_name": ""}}
            records.append(json.dumps(plain(record), sort_keys=True))
        return records, {named(path): content for path, content in self.files.items()}


def export(client, workspace=None):
    workspace = workspace or client.get("/workspaces").json()["workspaces"][0]["id"]
    answer = client.get(f"/workspaces/{workspace}/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-tar"
    return Archive(answer.content)


def upload(client, data, **query):
    parameters = "&".join(f"{key}={value}" for key, value in query.items())
    return client.request("POST", "/imports" + (f"?{parameters}" if parameters else ""), data=data,
                          headers={"Content-Type": "application/x-tar"})


def ended(client, import_id, deadline=DEADLINE * 4):
    """Waits for the end of the import: nothing else tells of it."""
    end = time.monotonic() + deadline
    while True:
        found = client.get(f"/imports/{import_id}").json()
        if found["state"] in ENDED:
            return found
        assert time.monotonic() < end, found
        threading.Event().wait(0.05)


def imported(client, data, **query):
    """Uploads and waits; answers the import."""
    answer = upload(client, data, **query)
    assert answer.status_code == 201, answer.text
    return ended(client, answer.json()["id"])


def counts(found):
    return {count["kind"]: (count.get("created", 0), count.get("matched", 0), count.get("skipped", 0))
            for count in found.get("counts", [])}


def tar_of(records, files=None, names=None):
    """An archive of these records (dicts, or lines as they are)."""
    out = io.BytesIO()
    lines = [record if isinstance(record, (bytes, str)) else json.dumps(record) for record in records]
    body = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines)
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {(names or "records/00000001.jsonl"): body}.items():
            add(tar, name, content)
        for name, content in (files or {}).items():
            add(tar, name, content)
    return out.getvalue()


def add(tar, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


HEADER = {"header": {"format": 1, "product": "heim", "source_id": "elsewhere", "source_name": "Elsewhere",
                     "scope": "workspace"}}


def with_end(records):
    return records + [{"end": {"records": len(records)}}]
