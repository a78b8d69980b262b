"""gRPC on the one port: plain grpcurl without a proto file, error details, streams, and a client of generated messages."""

import json
import subprocess

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from heim.v1 import (channel_service_pb2, event_service_pb2, message_service_pb2,
                     stream_service_pb2)

from heim_server import DEADLINE, GRPCURL, PASSWORD, grpcurl


class Stub:
    """Any method by name, with a credential: what a generated stub does."""

    def __init__(self, client):
        self.channel = grpc.insecure_channel(client.server.address)
        self.metadata = (("authorization", f"Bearer {client.token}"),)

    def unary(self, name, request, response, metadata=()):
        return self.channel.unary_unary(
            name, request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=response.FromString)(
                request, metadata=self.metadata + tuple(metadata), timeout=DEADLINE)

    def server_stream(self, name, request, response):
        return self.channel.unary_stream(
            name, request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=response.FromString)(
                request, metadata=self.metadata, timeout=DEADLINE)

    def bidi(self, name, requests, response):
        return self.channel.stream_stream(
            name, request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=response.FromString)(
                requests, metadata=self.metadata, timeout=DEADLINE)


def rpc_status(error):
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    raise AssertionError("no details")


def details(error, kind):
    for item in rpc_status(error).details:
        found = kind()
        if item.Unpack(found):
            return found
    raise AssertionError(f"no {kind.__name__}")


def test_grpcurl_lists_describes_and_calls(server, ada):
    services = grpcurl(server, "list").stdout.split()
    for name in ("heim.v1.MessageService", "heim.v1.StreamService", "heim.v1.EventService",
                 "grpc.health.v1.Health"):
        assert name in services
    described = grpcurl(server, "describe", "heim.v1.MessageService").stdout
    assert "rpc SendMessage" in described
    login = json.loads(grpcurl(server, "heim.v1.AuthService/Login",
                               data={"username": "ada", "password": PASSWORD}).stdout)
    channels = json.loads(grpcurl(server, "heim.v1.ChannelService/ListChannels",
                                  token=login["token"], data={}).stdout)["channels"]
    sent = json.loads(grpcurl(server, "heim.v1.MessageService/SendMessage", token=ada.token, data={
        "channel_id": channels[0]["id"], "content": "by grpcurl"}).stdout)
    assert sent["message"]["content"] == "by grpcurl"


def test_health_is_serving(server):
    with grpc.insecure_channel(server.address) as channel:
        answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=DEADLINE)
        assert answer == b"\x08\x01"


def test_errors_carry_their_details(server, ada):
    stub = Stub(ada)
    missing = channel_service_pb2.GetChannelRequest(channel_id="nope")
    with pytest.raises(grpc.RpcError) as raised:
        stub.unary("/heim.v1.ChannelService/GetChannel", missing,
                   channel_service_pb2.GetChannelResponse)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND
    info = details(raised.value, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == ("CHANNEL_NOT_FOUND", "heim")
    assert "x-request-id" in dict(raised.value.trailing_metadata())

    bad = channel_service_pb2.CreateChannelRequest(name="Not A Slug")
    with pytest.raises(grpc.RpcError) as raised:
        stub.unary("/heim.v1.ChannelService/CreateChannel", bad,
                   channel_service_pb2.CreateChannelResponse)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    fields = details(raised.value, error_details_pb2.BadRequest).field_violations
    assert fields[0].field == "name"


def test_bytes_that_do_not_parse_are_invalid_argument(server, ada):
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary("/heim.v1.ChannelService/GetChannel")
        for raw in (b"\x0a\xff", b"\x0a\x02\xff\xfe"):
            with pytest.raises(grpc.RpcError) as raised:
                call(raw, metadata=(("authorization", f"Bearer {ada.token}"),), timeout=DEADLINE)
            assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_no_or_bad_credentials_are_unauthenticated(server):
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary("/heim.v1.ChannelService/ListChannels")
        for metadata in ((), (("authorization", "Bearer heim_agent_" + "x" * 32),)):
            with pytest.raises(grpc.RpcError) as raised:
                call(b"", metadata=metadata, timeout=DEADLINE)
            assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_idempotency_key_by_metadata(ada):
    stub = Stub(ada)
    channel = ada.channel("grpc-idempotency")
    request = message_service_pb2.SendMessageRequest(channel_id=channel["id"], content="once")
    ids = {stub.unary("/heim.v1.MessageService/SendMessage", request,
                      message_service_pb2.SendMessageResponse,
                      metadata=(("idempotency-key", "grpc-1"),)).message.id for _ in range(3)}
    assert len(ids) == 1


def test_subscribe_replays_then_goes_live(ada):
    stub = Stub(ada)
    channel = ada.channel("grpc-subscribe")
    cursor = ada.get(f"/channels/{channel['id']}/messages").json()["log_cursor"]
    first = ada.send(channel["id"], "missed")
    call = stub.server_stream("/heim.v1.EventService/Subscribe",
                              event_service_pb2.SubscribeRequest(cursor=cursor),
                              event_service_pb2.SubscribeResponse)
    seen, controls, sent_live = [], [], None
    for batch in call:
        seen += [e.message_new.message.id for e in batch.events if e.HasField("message_new")]
        if batch.HasField("control"):
            controls.append(batch.control.WhichOneof("control"))
        if "caught_up" in controls and sent_live is None:
            sent_live = ada.send(channel["id"], "live")["id"]
        if sent_live in seen:
            break
    call.cancel()
    assert controls[0] == "hello" and seen == [first["id"], sent_live]


def test_every_subscriber_catches_up(ada):
    """The end of the replay comes while its first frames are written: many times, as it is a matter of moments."""
    stub = Stub(ada)
    channel = ada.channel("grpc-catch-up")
    for _ in range(150):
        cursor = ada.get(f"/channels/{channel['id']}/messages").json()["log_cursor"]
        ada.send(channel["id"], "missed")
        call = stub.server_stream("/heim.v1.EventService/Subscribe",
                                  event_service_pb2.SubscribeRequest(cursor=cursor),
                                  event_service_pb2.SubscribeResponse)
        assert any(batch.control.HasField("caught_up") for batch in call)
        call.cancel()


def test_session_is_the_sockets_protocol(ada):
    channel = ada.channel("grpc-session")
    requests = iter([event_service_pb2.SessionRequest(
        id="1", message_send=message_service_pb2.SendMessageRequest(
            channel_id=channel["id"], content="from a session")),
        event_service_pb2.SessionRequest(id="2", ping=event_service_pb2.Ping())])
    replies = {}
    import threading
    done = threading.Event()

    def feed():
        yield from requests
        done.wait(DEADLINE)

    call = Stub(ada).bidi("/heim.v1.EventService/Session", feed(),
                          event_service_pb2.SessionResponse)
    for batch in call:
        for reply in batch.replies:
            replies[reply.id] = reply
        if len(replies) == 2:
            break
    done.set()
    call.cancel()
    assert replies["1"].ack.ok and replies["1"].ack.message_id
    assert replies["2"].HasField("pong")


def test_write_stream_writes_a_message(ada):
    channel = ada.channel("grpc-write-stream")

    def steps():
        yield stream_service_pb2.WriteStreamRequest(
            start=stream_service_pb2.StartStreamRequest(channel_id=channel["id"]))
        for index, word in enumerate(("one ", "two ", "three")):
            yield stream_service_pb2.WriteStreamRequest(
                append=stream_service_pb2.AppendStreamRequest(index=index, delta=word))
        yield stream_service_pb2.WriteStreamRequest(finish=stream_service_pb2.FinishStreamRequest())

    results = list(Stub(ada).bidi("/heim.v1.StreamService/WriteStream", steps(),
                                  stream_service_pb2.WriteStreamResponse))
    assert results[0].stream.channel_id == channel["id"]
    assert results[-1].message.content == "one two three"
    page = ada.get(f"/channels/{channel['id']}/messages").json()
    assert [m["content"] for m in page["messages"]] == ["one two three"]


def test_watch_stream_ends_with_the_message(ada):
    channel = ada.channel("grpc-watch-stream")
    stream = ada.post(f"/channels/{channel['id']}/streams", {}).json()
    ada.post(f"/streams/{stream['id']}/chunks", {"delta": "to be "})
    call = Stub(ada).server_stream("/heim.v1.StreamService/WatchStream",
                                   stream_service_pb2.WatchStreamRequest(stream_id=stream["id"]),
                                   stream_service_pb2.WatchStreamResponse)
    payloads = []
    for batch in call:
        for event in batch.events:
            payloads.append(event.WhichOneof("payload"))
            if payloads[-1] == "message_stream_snapshot":
                ada.post(f"/streams/{stream['id']}/chunks", {"delta": "continued"})
            if payloads[-1] == "message_stream_chunk":
                ada.post(f"/streams/{stream['id']}/finish", {})
            if payloads[-1] == "message_new":
                assert event.message_new.message.content == "to be continued"
    assert payloads[0] == "message_stream_snapshot" and payloads[-1] == "message_new"


def test_files_by_streams(ada):
    from heim.v1 import file_service_pb2 as files
    stub = Stub(ada)

    def upload():
        yield files.UploadFileRequest(header=files.FileHeader(filename="a.txt"))
        for _ in range(4):
            yield files.UploadFileRequest(chunk=b"x" * 100_000)

    made = stub.channel.stream_unary(
        "/heim.v1.FileService/UploadFile", request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=files.UploadFileResponse.FromString)(
            upload(), metadata=stub.metadata, timeout=DEADLINE).file
    assert made.size_bytes == 400_000
    parts = list(stub.server_stream("/heim.v1.FileService/DownloadFile",
                                    files.DownloadFileRequest(file_id=made.id, offset=399_990),
                                    files.DownloadFileResponse))
    assert parts[0].header.length == 10
    assert b"".join(p.chunk for p in parts[1:]) == b"x" * 10


def test_a_port_of_its_own(tmp_path):
    from heim_server import Server
    with Server(tmp_path, HEIM_GRPC_PORT="0") as server:
        server.setup()
        line = next(l for l in server.stdout if "gRPC" in l)
        port = line.rsplit(":", 1)[1].strip()
        listed = subprocess.run([GRPCURL, "-plaintext", f"127.0.0.1:{port}", "list"],
                                capture_output=True, text=True, timeout=DEADLINE)
        assert "heim.v1.MessageService" in listed.stdout
