#!/usr/bin/env python3
"""Compares the contract with proto/baseline.binpb where buf is blind: the options.

`contract.py CURRENT [BASELINE]` takes two serialised FileDescriptorSets. Found are: HTTP bindings
that changed or went, scopes, rate class, status and idempotency of a method, wire names, codes of
error reasons, methods and reasons that went, JSON names, limits that became narrower. Prints one
line each, exits 1 on any. Without a baseline there is nothing to break and it says so.
"""

import os
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HTTP = "google.api.http"
POLICY = "heim.v1.policy"
RULES = "heim.v1.rules"
WIRE_TYPE = "heim.v1.wire_type"
ERROR = "heim.v1.error"
# Of a rule: +1 where a greater value is the wider one.
LIMITS = {"min_len": -1, "max_len": 1, "max_bytes": 1, "max_items": 1, "gte": -1, "lte": 1}


class Contract:
    """One descriptor set with its own pool, so that its options are read by its own schema."""

    def __init__(self, data):
        self.files = descriptor_pb2.FileDescriptorSet.FromString(data)
        pool = descriptor_pool.DescriptorPool()
        for file in self.files.file:
            pool.Add(file)
        self.pool = pool
        self.options = {}
        for kind in ("MethodOptions", "FieldOptions", "EnumValueOptions"):
            name = "google.protobuf." + kind
            try:
                descriptor = pool.FindMessageTypeByName(name)
            except KeyError:
                continue
            self.options[kind] = message_factory.GetMessageClass(descriptor)
            for extension in pool.FindAllExtensions(descriptor):
                if extension.message_type:
                    message_factory.GetMessageClass(extension.message_type)

    def extension(self, options, kind, name):
        """The value of an option, or None."""
        if kind not in self.options:
            return None
        try:
            descriptor = self.pool.FindExtensionByName(name)
        except KeyError:
            return None
        parsed = self.options[kind].FromString(options.SerializeToString())
        if descriptor.label != descriptor.LABEL_REPEATED and not parsed.HasExtension(descriptor):
            return None
        return parsed.Extensions[descriptor]

    def own_files(self):
        return [f for f in self.files.file if f.package.startswith("heim.")]

    def methods(self):
        found = {}
        for file in self.own_files():
            for service in file.service:
                for method in service.method:
                    name = f"{file.package}.{service.name}.{method.name}"
                    found[name] = {
                        "HTTP binding": bindings(
                            self.extension(method.options, "MethodOptions", HTTP)),
                        "policy": fields_of(
                            self.extension(method.options, "MethodOptions", POLICY)),
                    }
        return found

    def fields(self):
        found = {}

        def visit(prefix, message):
            for field in message.field:
                rules = self.extension(field.options, "FieldOptions", RULES)
                found[f"{prefix}.{field.name}"] = {
                    "JSON name": field.json_name,
                    "wire type": self.extension(field.options, "FieldOptions", WIRE_TYPE) or "",
                    "limits": {k: v for k, v in fields_of(rules).items() if k in LIMITS},
                    "format": fields_of(rules).get("format", ""),
                    "required": bool(fields_of(rules).get("required", False)),
                }
            for nested in message.nested_type:
                visit(f"{prefix}.{nested.name}", nested)

        for file in self.own_files():
            for message in file.message_type:
                visit(f"{file.package}.{message.name}", message)
        return found

    def enum_values(self):
        found = {}

        def visit(prefix, enum):
            for value in enum.value:
                found[f"{prefix}.{enum.name}.{value.name}"] = {
                    "number": value.number,
                    "error rule": fields_of(
                        self.extension(value.options, "EnumValueOptions", ERROR)),
                }

        def visit_message(prefix, message):
            for enum in message.enum_type:
                visit(f"{prefix}.{message.name}", enum)
            for nested in message.nested_type:
                visit_message(f"{prefix}.{message.name}", nested)

        for file in self.own_files():
            for enum in file.enum_type:
                visit(file.package, enum)
            for message in file.message_type:
                visit_message(file.package, message)
        return found


def fields_of(message):
    if message is None:
        return {}
    found = {}
    for field, value in message.ListFields():
        if field.label == field.LABEL_REPEATED:
            value = [str(v) for v in value]
        elif field.message_type:
            value = " ".join(str(value).split())
        found[field.name] = value
    return found


def bindings(rule):
    if rule is None:
        return []
    found = []
    for one in [rule, *rule.additional_bindings]:
        verb = one.WhichOneof("pattern")
        path = getattr(one, verb) if verb else ""
        if verb == "custom":
            verb, path = path.kind, path.path
        found.append(f"{(verb or '').upper()} {path} body={one.body!r} "
                     f"response_body={one.response_body!r}")
    return found


def compare(current, baseline):
    yield from compare_methods(current.methods(), baseline.methods())
    yield from compare_fields(current.fields(), baseline.fields())
    values = current.enum_values()
    for name, old in baseline.enum_values().items():
        if name not in values:
            yield f"{name} is gone"
            continue
        for what, value in old.items():
            if values[name][what] != value:
                yield f"{name}: {what} was {value}, is {values[name][what]}"


def compare_methods(methods, baseline):
    for name, old in baseline.items():
        if name not in methods:
            yield f"{name} is gone"
            continue
        new = methods[name]
        for binding in old["HTTP binding"]:
            if binding not in new["HTTP binding"]:
                yield f"{name}: HTTP binding {binding} changed or is gone"
        for key in sorted(set(old["policy"]) | set(new["policy"])):
            before, after = old["policy"].get(key), new["policy"].get(key)
            # That calls begin to be kept in the audit log breaks nobody; another name does.
            if before != after and not (key == "audit" and before is None):
                yield f"{name}: policy {key} was {before}, is {after}"


def compare_fields(fields, baseline):
    for name, old in baseline.items():
        if name not in fields:
            continue  # buf judges removed fields, with their reservations
        new = fields[name]
        for what in ("JSON name", "wire type", "format"):
            if old[what] != new[what]:
                yield f"{name}: {what} was '{old[what]}', is '{new[what]}'"
        if new["required"] and not old["required"]:
            yield f"{name} became required"
        for limit, wider in LIMITS.items():
            before, after = old["limits"].get(limit), new["limits"].get(limit)
            if before == after or after is None:
                continue
            if before is None or (after - before) * wider < 0:
                yield f"{name}: {limit} became narrower: was {before}, is {after}"


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    baseline = sys.argv[2] if len(sys.argv) == 3 else os.path.join(root, "proto/baseline.binpb")
    with open(sys.argv[1], "rb") as file:
        current = Contract(file.read())
    if not os.path.exists(baseline):
        print("contract: no baseline yet, nothing to compare with")
        return 0
    with open(baseline, "rb") as file:
        old = Contract(file.read())
    findings = list(compare(current, old))
    for finding in findings:
        print(finding)
    print(f"contract: {len(old.methods())} methods, {len(old.fields())} fields and "
          f"{len(old.enum_values())} enum values compared, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
