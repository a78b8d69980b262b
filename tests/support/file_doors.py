"""Every door to a file, and what tests of files share: uploads, what lies in the store, raw requests."""

import json
import socket

import grpc

from heim_server import DEADLINE


def upload(client, data, name="a.bin", status=201, **headers):
    """Uploads a raw body; answers the file, or the answer when another status than 201 is asked for."""
    answer = client.request("POST", "/files", params={"filename": name}, data=data,
                            headers={"Content-Type": "application/octet-stream"} | headers)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 201 else answer


def share(client, channel, *files, text="see"):
    """A message with these files."""
    return client.send(channel["id"] if isinstance(channel, dict) else channel, text,
                       attachments=[{"file_id": file["id"]} for file in files])


def stored(server):
    """Bytes of all that lies in the store, by path; what is only being written is left out."""
    root = server.directory / "data" / "files"
    found = {}
    for path in root.rglob("*"):
        if path.is_file() and "tmp" not in path.relative_to(root).parts:
            found[path] = path.read_bytes()
    return found


def being_written(server):
    return [path for path in (server.directory / "data" / "files" / "tmp").rglob("*") if path.is_file()]


def holds(server, needle):
    """Whether any file of the store holds these bytes, finished or not."""
    root = server.directory / "data" / "files"
    return any(needle in path.read_bytes() for path in root.rglob("*") if path.is_file())


def grpc_read(client, file_id, method="DownloadFile"):
    """(code, bytes) by gRPC."""
    from heim.v1 import file_service_pb2 as pb
    request = getattr(pb, "DownloadFileRequest" if method == "DownloadFile" else "GetPreviewRequest")
    response = getattr(pb, "DownloadFileResponse" if method == "DownloadFile" else "GetPreviewResponse")
    with grpc.insecure_channel(client.server.address) as channel:
        call = channel.unary_stream(f"/heim.v1.FileService/{method}",
                                    request_serializer=lambda m: m.SerializeToString(),
                                    response_deserializer=response.FromString)
        metadata = [("authorization", f"Bearer {client.token}")]
        try:
            parts = list(call(request(file_id=file_id), metadata=metadata, timeout=DEADLINE))
        except grpc.RpcError as failed:
            return failed.code().name, b""
        return "OK", b"".join(part.chunk for part in parts)


def connect(client, method, body):
    """(status, JSON) by Connect."""
    answer = client.http.post(f"{client.server.url}/heim.v1.FileService/{method}", data=json.dumps(body),
                              headers={"Content-Type": "application/json"}, timeout=DEADLINE)
    return answer.status_code, answer.json()


def doors(client, file_id, channel_id):
    """What each door says of the file: name -> whether the file can be seen through it."""
    seen = {}
    rest = {"download": "", "meta": "/meta", "preview": "/preview"}
    for name, path in rest.items():
        answer = client.get(f"/files/{file_id}{path}")
        assert answer.status_code in (200, 404), answer.text
        seen[f"rest {name}"] = answer.status_code == 200
        if answer.status_code == 404:
            assert answer.json()["error"]["code"] in ("file_not_found", "preview_not_found")
    seen["rest part"] = client.get(f"/files/{file_id}", headers={"Range": "bytes=0-0"}).status_code == 206
    seen["rest head"] = client.request("HEAD", f"/files/{file_id}").status_code == 200
    for method in ("DownloadFile", "GetPreview"):
        code, _ = grpc_read(client, file_id, method)
        assert code in ("OK", "NOT_FOUND"), code
        seen[f"grpc {method}"] = code == "OK"
    status, _ = connect(client, "GetFileMeta", {"file_id": file_id})
    assert status in (200, 404)
    seen["connect meta"] = status == 200
    with client.socket() as ws:
        ws.until("caught_up")
        reply = ws.command("call", {"method": "heim.v1.FileService.GetFileMeta",
                                    "request": {"file_id": file_id}})
        seen["socket meta"] = reply["type"] != "error"
    listed = client.get("/files", params={"channel_id": channel_id, "limit": 200})
    seen["rest list"] = listed.status_code == 200 and any(
        file["id"] == file_id for file in listed.json()["files"])
    status, page = connect(client, "ListFiles", {"channel_id": channel_id, "limit": 200})
    seen["connect list"] = status == 200 and any(f["id"] == file_id for f in page.get("files", []))
    return seen


def raw(server, head, body=b"", close_after=None):
    """One request by hand; answers everything that came back. With `close_after` only so much of the body is sent, and
    the connection is cut."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as connection:
        connection.sendall(head)
        if close_after is not None:
            connection.sendall(body[:close_after])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return b""
        connection.sendall(body)
        answer = b""
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            answer += piece
        return answer
