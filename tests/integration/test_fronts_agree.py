"""Every unary RPC of the contract answers alike on every front: gRPC, Connect, and `call` on a socket.

Each is called with an empty request, and with ids that do not exist in every field that takes one; REST has tests of its
own for each route (test_every_route.py).
"""

import uuid

import grpc
import pytest
import requests
from google.protobuf import json_format

import contract
from contract import message_class, policy
from heim_server import DEADLINE

# They would end what the other calls stand on.
ENDS = {"AuthService.Logout", "AuthService.RevokeOtherSessions"}

METHODS = {name: method for name, method in contract.methods().items()
           if name not in ENDS and contract.streaming(method) == (False, False)}


def missing_ids(name):
    """A request with an id that nothing has wherever one is asked for."""
    return {field.name: str(uuid.UUID(int=7)) for field in METHODS[name].input_type.fields
            if field.name.endswith("_id") and field.name != "client_id" and field.label != field.LABEL_REPEATED}


def over_connect(server, token, name, request):
    answer = requests.post(f"{server.url}/heim.v1.{name.replace('.', '/')}", json=request,
                           headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE)
    return "OK" if answer.status_code == 200 else answer.json()["code"].upper()


def over_socket(socket, name, request):
    reply = socket.command("call", {"method": f"heim.v1.{name}", "request": request})
    return "OK" if reply["type"] == "result" else reply["data"]["status"]


def over_grpc(wire, token, name, request):
    message = json_format.ParseDict(request, message_class(METHODS[name].input_type)())
    try:
        wire.unary_unary(f"/heim.v1.{name.replace('.', '/')}",
                         request_serializer=lambda m: m.SerializeToString())(
            message, metadata=[("authorization", f"Bearer {token}")], timeout=DEADLINE)
    except grpc.RpcError as failed:
        return failed.code().name
    return "OK"


def spelled(code):
    """Connect spells one of the codes in its own way."""
    return {"CANCELED": "CANCELLED"}.get(code, code)


@pytest.fixture(scope="module")
def caller(server, ada):
    """A person of its own for each front, so that one's call does not change what the next one finds."""
    return [server.person(ada, f"front{n}", role="admin") for n in range(3)]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_fronts_agree(server, caller, name):
    first, second, third = caller
    requests_ = [{}, missing_ids(name)] if missing_ids(name) else [{}]
    with grpc.insecure_channel(server.address) as wire, third.socket() as socket:
        socket.until("caught_up")
        for request in requests_:
            codes = {"grpc": over_grpc(wire, first.token, name, request),
                     "connect": spelled(over_connect(server, second.token, name, request))}
            if policy(METHODS[name]).callable:
                codes["socket"] = over_socket(socket, name, request)
            assert len(set(codes.values())) == 1, (request, codes)
            assert codes["grpc"] not in ("INTERNAL", "UNIMPLEMENTED", "UNKNOWN"), codes
