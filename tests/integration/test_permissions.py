"""The table of permissions, called: every RPC of the contract × role in the workspace × role in the channel × scopes.

Which RPCs there are and which scopes they ask for comes from the contract; what they ask of roles from the rows in
tests/support/permission_rows_*.py. An RPC without a row fails.
"""

import grpc
import pytest
from google.protobuf import json_format

import contract
from contract import message_class, policy
from heim_server import DEADLINE
from permission_cells import CHANNEL_ROLES, WORKSPACE_ROLES, Cell, World, expected
from permission_rows import ROWS

METHODS = contract.methods()
ALL_SCOPES = {scope for method in METHODS.values() for scope in policy(method).scopes}


class Caller:
    """Any RPC of the contract over gRPC; answers (code, reason)."""

    def __init__(self, address):
        self.wire = grpc.insecure_channel(address)

    def call(self, method, request, token):
        message = json_format.ParseDict(request, message_class(method.input_type)())
        metadata = [("authorization", f"Bearer {token}")] if token else []
        path = f"/{method.containing_service.full_name}/{method.name}"
        kinds = {(False, False): self.wire.unary_unary, (False, True): self.wire.unary_stream,
                 (True, False): self.wire.stream_unary, (True, True): self.wire.stream_stream}
        client_streams, server_streams = contract.streaming(method)
        invoke = kinds[(client_streams, server_streams)](
            path, request_serializer=type(message).SerializeToString,
            response_deserializer=message_class(method.output_type).FromString)
        given = iter([message]) if client_streams else message
        try:
            answer = invoke(given, metadata=metadata, timeout=DEADLINE)
            if server_streams:
                next(iter(answer), None)
                answer.cancel()
        except grpc.RpcError as failed:
            return failed.code().name, failed.details()
        return "OK", ""


@pytest.fixture(scope="module")
def world(server, ada):
    return World(server, ada)


@pytest.fixture(scope="module")
def caller(server):
    wire = Caller(server.address)
    yield wire
    wire.wire.close()


def cells(world, row):
    if row.channel is None:
        for workspace in WORKSPACE_ROLES:
            yield lambda w=workspace: Cell(world, w)
        return
    for workspace in WORKSPACE_ROLES:
        for role in CHANNEL_ROLES:
            yield lambda w=workspace, r=role: Cell(world, w, r)
        yield lambda w=workspace: Cell(world, w, None, private=True)


def credentials(world, person, needed):
    """(name, token, the scope that it lacks)."""
    yield "session", person.token, None
    exact = world.token(person, needed or {"presence:write"})
    if exact is not None:
        yield "token with just the scopes", exact, None
    for scope in sorted(needed):
        for given in (ALL_SCOPES - {scope}, ALL_SCOPES - {scope, "admin:*"}):
            token = world.token(person, given)
            if token is not None:
                yield f"token without {scope}", token, scope
                break


def test_every_rpc_has_a_row():
    assert sorted(ROWS) == sorted(METHODS)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_nobody_without_a_login(server, world, caller, name):
    method = METHODS[name]
    if policy(method).public:
        return
    for token in (None, "heim_pat_" + "0" * 43, "nonsense"):
        code, text = caller.call(method, {}, token)
        assert code == "UNAUTHENTICATED", f"{name}: {code} {text}"


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row is not None))
def test_who_may_call(world, caller, name):
    method, row = METHODS[name], ROWS[name]
    needed = set(policy(method).scopes) | set(row.also)
    wrong = []
    for make in cells(world, row):
        cell = make()
        for credential, token, lacks in credentials(world, cell.caller, needed):
            want = expected(row, cell)
            # A scope that the method names is missed before anything is looked for; of others either
            # answer tells nothing.
            if lacks is not None:
                want = {"PERMISSION_DENIED"} | ({want} & {"NOT_FOUND"} if lacks in row.also else set())
            else:
                want = {want}
            code, text = caller.call(method, row.make(cell), token)
            if code not in want:
                wrong.append(f"workspace {cell.workspace}, channel {cell.role}"
                             f"{' (private)' if cell.private else ''}, {credential}: "
                             f"{code} instead of {' or '.join(sorted(want))}: {text}")
            if code == "OK" and not row.reads:
                cell = make()
    assert not wrong, "\n".join(wrong)
