#!/usr/bin/env python3
"""Writes tables of the contract into a document: `gen_docs.py IMAGE DOCUMENT [--check]`.

IMAGE is a serialised FileDescriptorSet with source info. A table stands between
`<!-- generated: NAME -->` and `<!-- end -->`; NAME is errors, methods, events or commands.
"""

import re
import sys

from contract import ERROR, HTTP, POLICY, WIRE_TYPE, Contract

STATUS = {1: "CANCELLED", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND",
          6: "ALREADY_EXISTS", 7: "PERMISSION_DENIED", 8: "RESOURCE_EXHAUSTED",
          9: "FAILED_PRECONDITION", 10: "ABORTED", 11: "OUT_OF_RANGE", 12: "UNIMPLEMENTED",
          13: "INTERNAL", 14: "UNAVAILABLE", 16: "UNAUTHENTICATED"}
KINDS = {(False, False): "", (False, True): "server stream", (True, False): "client stream",
         (True, True): "both stream"}


def comments(file):
    """Leading comments by path."""
    return {tuple(place.path): " ".join(place.leading_comments.split())
            for place in file.source_code_info.location}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                    for row in rows]


def errors(contract):
    rows = []
    for file in contract.own_files():
        said = comments(file)
        for e, enum in enumerate(file.enum_type):
            for v, value in enumerate(enum.value):
                rule = contract.extension(value.options, "EnumValueOptions", ERROR)
                if rule is None:
                    continue
                name = value.name.removeprefix("ERROR_REASON_").lower()
                rows.append((f"`{name}`", STATUS[rule.grpc_code], str(rule.http_status),
                             "yes" if rule.retryable else "",
                             said.get((5, e, 2, v), "")))
    rows.sort(key=lambda row: int(row[2]))
    return table(("code", "status", "HTTP", "retry", "meaning"), rows)


def bindings(rule):
    for each in (rule, *rule.additional_bindings):
        verb = each.WhichOneof("pattern")
        if verb:
            yield f"`{verb.upper()} {getattr(each, verb)}`"


def methods(contract):
    lines = []
    for file in contract.own_files():
        said = comments(file)
        for s, service in enumerate(file.service):
            rows = []
            for m, method in enumerate(service.method):
                policy = contract.extension(method.options, "MethodOptions", POLICY)
                rule = contract.extension(method.options, "MethodOptions", HTTP)
                paths = list(bindings(rule)) if rule else []
                if policy.websocket_path:
                    paths.append(f"WebSocket `{policy.websocket_path}`")
                needs = ", ".join(f"`{scope}`" for scope in policy.scopes)
                rows.append((method.name, "<br>".join(paths) or "gRPC only",
                             "nothing" if policy.public else needs or "a credential",
                             ", ".join(filter(None, (
                                 KINDS[method.client_streaming, method.server_streaming],
                                 "201" if policy.http_status == 201 else "",
                                 "key" if policy.idempotent else "",
                                 "call" if policy.callable else "")))))
            about = said.get((6, s), "").split(". ")[0].rstrip(".").removeprefix(service.name)
            lines += [f"**{service.name}**{about}.", ""]
            lines += table(("RPC", "path", "needs", ""), rows) + [""]
    return lines[:-1]


def wire_types(contract, message_name):
    rows = []
    for file in contract.own_files():
        said = comments(file)
        for m, message in enumerate(file.message_type):
            if message.name not in message_name:
                continue
            for f, field in enumerate(message.field):
                name = contract.extension(field.options, "FieldOptions", WIRE_TYPE)
                if name:
                    rows.append((f"`{name}`", f"`{field.type_name.rsplit('.', 1)[-1]}`",
                                 said.get((4, m, 2, f), "")))
    return rows


def events(contract):
    return table(("type", "`data`", "meaning"), wire_types(contract, ("Event", "Control", "Reply")))


def commands(contract):
    return table(("type", "`data`", "meaning"), wire_types(contract, ("SessionRequest",)))


TABLES = {"errors": errors, "methods": methods, "events": events, "commands": commands}


def main(image, document, check):
    with open(image, "rb") as file:
        contract = Contract(file.read())
    with open(document, encoding="utf-8") as file:
        text = file.read()

    def fill(match):
        return "\n".join([match[1], "", *TABLES[match[2]](contract), "", "<!-- end -->"])

    new = re.sub(r"(<!-- generated: (\w+) -->).*?<!-- end -->", fill, text, flags=re.DOTALL)
    if new == text:
        return 0
    if check:
        print(f"{document} is not what the contract says: run ./scripts/gen-docs", file=sys.stderr)
        return 1
    with open(document, "w", encoding="utf-8") as file:
        file.write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--check" in sys.argv[3:]))
