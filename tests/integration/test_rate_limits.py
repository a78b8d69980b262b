"""How often one may call: what each front says of it, that a refused call changes nothing and an accepted one is never
lost, and whose address counts behind a proxy.

The people and channels of each test are made while limits are off; then the server starts again with limits on.
"""

import concurrent.futures
import re

import grpc
import pytest
import requests
from google.rpc import error_details_pb2, status_pb2
from heim.v1 import auth_service_pb2, message_service_pb2, stream_service_pb2
from requests.adapters import HTTPAdapter

from heim_server import DEADLINE, PASSWORD, Client, Server, eventually

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def moved(client, server):
    """The same actor at another server over the same data."""
    return Client(server, client.token, client.actor)


@pytest.fixture
def world(tmp_path):
    """Makes people and channels without limits, then gives the server and them with limits."""
    servers = []

    def start(prepare, **env):
        with Server(tmp_path) as first:
            made = prepare(first)
            first.stop()
        server = Server(tmp_path, HEIM_RATE_LIMITS="on", **env)
        servers.append(server)
        server.start()
        return server, [moved(item, server) if isinstance(item, Client) else item for item in made]

    yield start
    for server in servers:
        server.close()


def owner_and_channel(server):
    ada = server.setup()
    return [ada, ada.channel("limits")]


def left(answer):
    return tuple(int(answer.headers[name]) for name in HEADERS)


def refused(answer, limit_of="caller"):
    assert answer.status_code == 429, (answer.status_code, answer.text)
    found = answer.json()["error"]
    assert found["code"] == "rate_limited" and found["status"] == "RESOURCE_EXHAUSTED"
    assert found["details"]["limit_of"] == limit_of, found
    assert 0 < found["retry_after_ms"]
    # Whole seconds, rounded up.
    assert answer.headers["Retry-After"] == str(-(-found["retry_after_ms"] // 1000))
    return found


def send_until_refused(client, channel, at_most=200):
    path = f"/channels/{channel['id']}/messages"
    accepted = []
    for i in range(at_most):
        answer = client.post(path, {"content": f"m{i}", "client_id": f"c{i}"})
        if answer.status_code == 429:
            return accepted, answer
        assert answer.status_code == 201, answer.text
        accepted.append(answer.json())
    raise AssertionError("nothing was refused")


# --- What is left

def test_every_answer_of_a_limited_call_says_what_is_left(world):
    server, (ada, channel) = world(owner_and_channel, HEIM_CORS_ORIGINS="https://app.example.com")
    first = ada.get("/actors/me", headers={"Origin": "https://app.example.com"})
    limit, remaining, reset = left(first)
    assert limit == 200 and remaining == 199 and reset == 1
    exposed = first.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in HEADERS + ("Retry-After",)), exposed
    # Failures count and tell too: not found, invalid.
    assert left(ada.get("/channels/00000000-0000-7000-8000-000000000000"))[1] <= 198
    assert left(ada.post(f"/channels/{channel['id']}/messages", {"content": ""}))[0] == 50
    # Every shape of an answer: Connect, an upload, a download, a stream of events.
    connect = ada.http.post(server.url + "/heim.v1.ActorService/GetActor",
                            json={"actorId": "me"}, timeout=DEADLINE)
    assert connect.status_code == 200 and left(connect)[0] == 200
    upload = ada.http.post(server.url + "/api/v1/files?filename=a.txt", data=b"a",
                           headers={"Content-Type": "text/plain"}, timeout=DEADLINE)
    assert upload.status_code == 201 and left(upload)[0] == 20
    download = ada.get(f"/files/{upload.json()['id']}")
    assert download.content == b"a" and left(download)[0] == 200
    assert left(ada.get("/files/00000000-0000-7000-8000-000000000000"))[0] == 200
    with ada.get("/events", stream=True, headers={"Accept": "text/event-stream"}) as events:
        assert events.status_code == 200 and left(events)[0] == 200
    # A log-in, and what needs none, by strangers; loopback is not limited.
    assert "RateLimit-Limit" not in requests.get(server.url + "/api/v1/server",
                                                 timeout=DEADLINE).headers


def test_server_info_tells_the_tier_that_is_enforced():
    for tier, factor in (("free", 0.2), ("pro", 1), ("enterprise", 4)):
        with Server(HEIM_RATE_LIMITS="on", HEIM_RATE_TIER=tier) as server:
            ada = server.setup()
            limits = ada.get("/server").json()["limits"]
            assert limits["rate_tier"] == tier
            rates = {rate["rate_class"]: rate for rate in limits["rate_limits"]}
            assert rates["read"]["burst"] == 200 * factor
            assert rates["send"]["per_second"] == 10 * factor
            assert rates["auth"]["burst"] == 10, "guessing is no faster in a higher tier"
            assert left(ada.get("/actors/me"))[0] == rates["read"]["burst"]
    with Server() as server:
        limits = server.setup().get("/server").json()["limits"]
        assert limits["rate_limits"] == [] and limits["rate_tier"] == ""


# --- Refusals

def test_a_refused_send_changes_nothing_and_an_accepted_one_is_there(world):
    _, (ada, channel) = world(owner_and_channel)
    accepted, answer = send_until_refused(ada, channel)
    assert len(accepted) >= 50
    refused(answer)
    assert left(answer)[1] == 0
    shown = ada.get(f"/channels/{channel['id']}").json()
    page = ada.get(f"/channels/{channel['id']}/messages?limit=200").json()["messages"]
    assert [m["id"] for m in page] == [m["id"] for m in reversed(accepted)]
    assert shown["last_seq"] == accepted[-1]["seq"]
    # Other classes of calls have their own bucket.
    assert ada.get("/actors/me").status_code == 200
    assert ada.patch(f"/channels/{channel['id']}", {"topic": "still"}).status_code == 200


def test_a_socket_is_told_when_to_come_back_and_stays_open(world):
    _, (ada, channel) = world(owner_and_channel)
    with ada.socket() as socket:
        socket.until("caught_up")
        # A hundred commands in a row are nothing special.
        for i in range(100):
            socket.send({"type": "call", "id": f"q{i}", "data": {
                "method": "heim.v1.ActorService.GetActor", "request": {"actor_id": "me"}}})
        for _ in range(100):
            assert socket.until(lambda f: f.get("id", "").startswith("q"))["type"] == "result"
        error = None
        acks = 0
        while error is None and acks < 200:
            reply = socket.command("message.send", {"channel_id": channel["id"], "content": "x"})
            if reply["type"] == "ack":
                acks += 1
            else:
                error = reply["data"]
        assert error["code"] == "rate_limited" and error["retry_after_ms"] > 0, error
        assert error["details"]["limit_of"] == "caller"
        assert acks >= 50
        assert socket.command("ping")["type"] == "pong"
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == acks


def test_grpc_has_trailers_and_retry_info(world):
    server, (ada, channel) = world(owner_and_channel)
    metadata = (("authorization", f"Bearer {ada.token}"),)
    with grpc.insecure_channel(server.address) as connection:
        send = connection.unary_unary(
            "/heim.v1.MessageService/SendMessage",
            request_serializer=message_service_pb2.SendMessageRequest.SerializeToString,
            response_deserializer=message_service_pb2.SendMessageResponse.FromString)
        request = message_service_pb2.SendMessageRequest(channel_id=channel["id"], content="x")
        _, call = send.with_call(request, metadata=metadata, timeout=DEADLINE)
        trailers = dict(call.trailing_metadata())
        assert trailers["ratelimit-limit"] == "50" and trailers["ratelimit-remaining"] == "49"
        assert trailers["ratelimit-reset"] == "1"
        with pytest.raises(grpc.RpcError) as failed:
            for _ in range(200):
                send(request, metadata=metadata, timeout=DEADLINE)
    assert failed.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    trailers = dict(failed.value.trailing_metadata())
    assert trailers["ratelimit-remaining"] == "0" and int(trailers["ratelimit-reset"]) >= 1
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    retry = error_details_pb2.RetryInfo()
    assert any(item.Unpack(retry) for item in status.details)
    assert retry.retry_delay.ToMilliseconds() > 0


def test_a_written_stream_is_slowed_down_and_never_torn(world):
    """Pieces beyond the rate wait for their turn; all of them arrive."""
    server, (ada, channel) = world(owner_and_channel, HEIM_RATE_TIER="free")
    count = 230  # a burst is 200

    def steps():
        yield stream_service_pb2.WriteStreamRequest(
            start=stream_service_pb2.StartStreamRequest(channel_id=channel["id"]))
        for i in range(count):
            append = stream_service_pb2.AppendStreamRequest(delta="x")
            append.index = i
            yield stream_service_pb2.WriteStreamRequest(append=append)
        yield stream_service_pb2.WriteStreamRequest(
            finish=stream_service_pb2.FinishStreamRequest())

    with grpc.insecure_channel(server.address) as connection:
        answers = list(connection.stream_stream(
            "/heim.v1.StreamService/WriteStream",
            request_serializer=stream_service_pb2.WriteStreamRequest.SerializeToString,
            response_deserializer=stream_service_pb2.WriteStreamResponse.FromString)(
                steps(), metadata=[("authorization", f"Bearer {ada.token}")], timeout=DEADLINE))
    assert answers
    page = ada.get(f"/channels/{channel['id']}/messages").json()["messages"]
    assert [m["content"] for m in page] == ["x" * count]
    # One call for each piece is refused when it comes too fast, and the stream lives on.
    stream = ada.post(f"/channels/{channel['id']}/streams").json()
    at = f"/streams/{stream['id']}/chunks"
    index = 0
    while True:
        answer = ada.post(at, {"delta": "y", "index": index})
        if answer.status_code != 200:
            break
        index += 1
    refused(answer)
    assert ada.get(f"/streams/{stream['id']}").json()["next_index"] == index
    done = ada.post(f"/streams/{stream['id']}/finish")
    assert done.status_code == 200 and done.json()["message"]["content"] == "y" * index


def test_runaway_agents_cannot_flood_a_channel(world):
    def prepare(server):
        ada = server.setup()
        channel = ada.channel("room")
        agents = [server.agent(ada, f"agent{i}") for i in range(8)]
        for agent in agents:
            ada.post(f"/channels/{channel['id']}/members", {"actor_id": agent.id}).raise_for_status()
        return [ada, channel, *agents]

    # The smallest tier, so that a small flood will do: 40 at once into a channel, 10 from a key.
    _, (ada, channel, *agents) = world(prepare, HEIM_RATE_TIER="free")

    def flood(agent):
        codes = []
        for i in range(10):
            answer = agent.post(f"/channels/{channel['id']}/messages", {"content": f"{i}"})
            codes.append(answer.status_code)
            if answer.status_code == 429:
                found = answer.json()["error"]
                assert found["details"]["limit_of"] == "channel", found
                assert found["retry_after_ms"] > 0
        return codes

    with concurrent.futures.ThreadPoolExecutor(len(agents)) as pool:
        codes = sum(pool.map(flood, agents), [])
    sent = codes.count(201)
    assert set(codes) == {201, 429} and sent >= 40, codes
    # What was accepted is there, and people go on talking.
    assert ada.get(f"/channels/{channel['id']}").json()["last_seq"] == sent
    assert ada.post(f"/channels/{channel['id']}/messages", {"content": "calm"}).status_code == 201


# --- Whose address

class From(HTTPAdapter):
    """Connects from another address of this machine."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=(self.address, 0), **kwargs)


def session_from(address):
    session = requests.Session()
    session.mount("http://", From(address))
    return session


def addresses(server, path):
    return re.findall(rf" path={re.escape(path)} .*? address=(\S+)", server.log_text())


def test_only_a_trusted_proxy_says_where_a_client_is(tmp_path):
    with Server(tmp_path, HEIM_RATE_LIMITS="on", HEIM_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8") as server:
        server.setup()

        def ask(forwarded, source="127.0.0.1"):
            before = len(addresses(server, "/api/v1/server"))
            answer = session_from(source).get(server.url + "/api/v1/server", timeout=DEADLINE,
                                              headers={"X-Forwarded-For": forwarded})
            assert answer.status_code == 200
            # The log's line may come a moment after the answer.
            eventually(lambda: len(addresses(server, "/api/v1/server")) > before, "the call's line in the log")
            return addresses(server, "/api/v1/server")[-1], "RateLimit-Limit" in answer.headers

        assert ask("198.51.100.1") == ("198.51.100.1", True)
        # The right-most that is not trusted: what a client writes itself stands further left.
        assert ask("203.0.113.9, 198.51.100.2, 10.1.2.3") == ("198.51.100.2", True)
        assert ask("198.51.100.3:4711") == ("198.51.100.3", True)
        assert ask("[2001:db8::7]:4711") == ("2001:db8::7", True)
        assert ask("nonsense") == ("127.0.0.1", False)
        # Who is no proxy is not believed.
        assert ask("198.51.100.4", source="127.0.0.2") == ("127.0.0.2", False)


def test_limits_and_the_login_throttle_go_by_the_clients_address_on_every_front(tmp_path):
    with Server(tmp_path, HEIM_RATE_LIMITS="on", HEIM_TRUSTED_PROXIES="127.0.0.1") as server:
        server.setup()
        login = auth_service_pb2.LoginRequest(username="ada", password="wrong password")
        with grpc.insecure_channel(server.address) as connection:
            call = connection.unary_unary(
                "/heim.v1.AuthService/Login",
                request_serializer=auth_service_pb2.LoginRequest.SerializeToString,
                response_deserializer=auth_service_pb2.LoginResponse.FromString)

            def try_grpc(*forwarded):
                with pytest.raises(grpc.RpcError) as failed:
                    call(login, timeout=DEADLINE,
                         metadata=[("x-forwarded-for", value) for value in forwarded])
                return failed.value

            # Two proxies, each with an entry of its own.
            for _ in range(10):
                assert try_grpc("203.0.113.1", "192.0.2.7").code() == \
                    grpc.StatusCode.UNAUTHENTICATED
            late = try_grpc("203.0.113.2", "192.0.2.7")
            assert late.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert dict(late.trailing_metadata())["ratelimit-limit"] == "200"

        def rest(forwarded, source="127.0.0.1"):
            return session_from(source).post(
                server.url + "/auth/login", json={"username": "ada", "password": PASSWORD},
                headers={"X-Forwarded-For": forwarded}, timeout=DEADLINE)

        # The same client over REST has used its tries up, others have not.
        late = rest("192.0.2.7")
        assert late.status_code == 429 and int(late.headers["Retry-After"]) > 60
        assert rest("192.0.2.8").status_code == 200
        # It cannot get rid of the wait by naming another address from a place that is no proxy.
        assert rest("192.0.2.7", source="127.0.0.2").status_code == 200
        # A network of IPv6 is one client.
        for i in range(10):
            session_from("127.0.0.1").post(
                server.url + "/auth/login", json={"username": "ada", "password": "wrong password"},
                headers={"X-Forwarded-For": f"2001:db8::{i}"}, timeout=DEADLINE)
        assert rest("2001:db8::ffff").status_code == 429
        assert rest("2001:db8:0:1::1").status_code == 200


def test_strangers_are_limited_by_their_address(tmp_path):
    with Server(tmp_path, HEIM_RATE_LIMITS="on", HEIM_TRUSTED_PROXIES="127.0.0.1",
                HEIM_RATE_TIER="free") as server:
        server.setup()
        session = requests.Session()

        def ask(address):
            return session.get(server.url + "/api/v1/server", timeout=DEADLINE,
                               headers={"X-Forwarded-For": address})

        answers = []
        while not answers or answers[-1].status_code == 200:
            answers.append(ask("192.0.2.1"))
            assert len(answers) < 400
        assert len(answers) > 40
        refused(answers[-1], "address")
        assert ask("192.0.2.2").status_code == 200


def test_a_socket_that_opens_too_often_is_told_in_http(world):
    server, (ada, _) = world(owner_and_channel, HEIM_RATE_TIER="free")
    headers = {"Authorization": f"Bearer {ada.token}", "Connection": "Upgrade",
               "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    while ada.get("/actors/me").status_code == 200:
        pass
    answer = requests.get(server.url + "/ws", headers=headers, timeout=DEADLINE)
    if answer.status_code == 101:  # a token came back in between
        while ada.get("/actors/me").status_code == 200:
            pass
        answer = requests.get(server.url + "/ws", headers=headers, timeout=DEADLINE)
    refused(answer)
    assert left(answer)[1] == 0


@pytest.mark.parametrize("name,value", [("HEIM_TRUSTED_PROXIES", "10.0.0.0/99"),
                                        ("HEIM_RATE_TIER", "gold")])
def test_a_bad_setting_stops_the_start_and_is_named(tmp_path, name, value):
    done = Server(tmp_path, **{name: value}).run("serve", check=False)
    assert done.returncode != 0 and name in done.stderr and value in done.stderr, done.stderr
