"""The contract as the server has it, for tests that go through all of its RPCs."""

import os

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.api import annotations_pb2
from heim.v1 import options_pb2


def methods():
    """{"Service.Method": descriptor} of all that is declared."""
    files = descriptor_pb2.FileDescriptorSet()
    with open(os.environ["HEIM_DESCRIPTORS"], "rb") as packed:
        files.ParseFromString(packed.read())
    found = {}
    for file in files.file:
        for service in file.service if file.package == "heim.v1" else []:
            __import__(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
            declared = descriptor_pool.Default().FindServiceByName(f"heim.v1.{service.name}")
            found |= {f"{service.name}.{method.name}": method for method in declared.methods}
    return found


def policy(method):
    return method.GetOptions().Extensions[options_pb2.policy]


def http(method):
    """The google.api.http rule; None for what REST does not have."""
    options = method.GetOptions()
    return options.Extensions[annotations_pb2.http] if options.HasExtension(annotations_pb2.http) else None


def streaming(method):
    """(whether the client streams, whether the server does)."""
    proto = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(proto)
    return proto.client_streaming, proto.server_streaming


def message_class(descriptor):
    make = getattr(message_factory, "GetMessageClass", None)
    return make(descriptor) if make else message_factory.MessageFactory().GetPrototype(descriptor)
