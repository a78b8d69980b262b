#!/usr/bin/env python3
"""The house rules that no compiler checks. Runs as a ctest test and in ./scripts/check.

Rules are data (the tables below); every exception stands there with its reason. Only the Python
standard library is used. `tidy.py [ROOT]` prints one line for each finding and exits 1 on any.
"""

import os
import re
import subprocess
import sys

# Folder -> folders of ours that it may include. `proto` is the generated messages, `stubs` the
# generated gRPC code. A folder may always include itself.
INNER = ("base", "model", "proto")
SERVICE = INNER + ("hub", "store", "blob", "bus", "auth", "image", "transfer")
ALLOWED = {
    "server/base": (),
    "server/image": ("base",),
    "server/transfer": ("base", "model", "proto"),
    "server/transfer/chats": ("base", "model", "proto", "transfer", "archive"),
    "server/model": ("base", "proto"),
    "server/store": INNER,
    "server/store/sqlite": INNER + ("store",),
    "server/store/postgres": INNER + ("store",),
    "server/net": INNER,
    "server/blob": INNER,
    "server/blob/s3": ("base", "blob", "net"),
    "server/archive": ("base",),
    "server/bus": INNER,
    "server/hub": INNER + ("bus", "store"),
    "server/auth": INNER + ("store", "bus"),
    "server/service": SERVICE,
    "server/jobs": SERVICE + ("service", "net"),
    "server/rpc": INNER + ("bus", "auth", "hub", "service"),
    "server/rpc/grpc": INNER + ("bus", "auth", "hub", "rpc"),
    "gateway": INNER + ("rpc", "hub"),
    "cli": ("base", "proto", "stubs"),
    "server/app": ("*",),
    "tests": ("*",),
    "bench": ("*",),
}

# File -> (what it may include besides, why).
INCLUDE_EXCEPTIONS = {
    "gateway/json/malformed_test.cc": (
        "nlohmann/json.hpp", "an independent parser judges the strictness of ours"),
}

# Third-party header -> the only folders that may include it: one door for each library.
# Tests beside the code of a folder go through the same door.
DOORS = {
    r"sqlite3\.h": ("server/store/sqlite",),
    r"(grpcpp|grpc|grpc\+\+)/.*|.*\.grpc\.pb\.h": ("server/rpc/grpc", "cli", "tests", "bench"),
    r"boost/.*": ("gateway", "server/net", "tests", "bench"),
    r"ares\.h": ("server/net",),
    r"simdjson\.h": ("gateway", "server/archive"),
    r"minizip/.*": ("server/archive",),
    r"(spdlog|fmt)/.*": ("server/base",),
    r"(sodium|argon2)\.h|sodium/.*": ("server/base",),
    r"utf8proc\.h": ("server/base",),
    r"png\.h|jpeglib\.h|jerror\.h|webp/.*": ("server/image",),
    r"openssl/.*": ("server/base", "server/net", "gateway"),
    r"CLI/.*": ("cli",),
    r"nlohmann/.*": ("cli", "gateway/openapi", "tests", "bench"),
    r"pqxx/.*|(postgresql/)?libpq-fe\.h": ("server/store/postgres", "server/bus/postgres"),
    r"hiredis/.*": ("server/bus/redis",),
    r"google/protobuf/.*": ("server/model", "server/transfer", "server/store", "server/hub", "server/auth",
                            "server/service", "server/jobs", "server/rpc", "server/blob", "server/bus",
                            "server/app", "server/archive", "gateway", "cli", "tests", "bench"),
}

# Word -> (folders where it may stand, what to use instead).
CLOCK = "take a Clock& (server/base/clock.h)"
RANDOM = "take an Entropy& (server/base/entropy.h)"
WAIT = "wait for an event with a deadline, or take Timers& (server/base/timers.h)"
BANNED = {
    r"absl::Now\(|_clock::now\(|gettimeofday|clock_gettime|\btime\((nullptr|NULL|0)\)":
        (("server/base", "tests", "bench"), CLOCK),
    r"random_device|mt19937|\brand\(\)|absl::BitGen|absl::InsecureBitGen|getentropy|getrandom":
        (("server/base", "tests", "bench"), RANDOM),
    r"sleep_for|sleep_until|\busleep\(|\bnanosleep\(|absl::SleepFor|\bsleep\(":
        (("server/base", "bench"), WAIT),
    r"\bstd::(format|expected)\b|#include <(format|expected|ranges)>":
        ((), "gcc 12 and clang-tidy 14 do not take it"),
    r"\bNOLINT\b(?!.*\w{4,}.*:)": (("tests",), "say which check, and why"),
    r"\b(TODO|FIXME|HACK)\b": ((), "finish it, or leave it out"),
}
# File -> (pattern of BANNED that it may use, why).
BANNED_EXCEPTIONS = {}

CODE_LINES = 400
TEST_LINES = 800
FUNCTION_LINES = 60
# File -> (lines allowed, why).
LENGTH_EXCEPTIONS = {
    "proto/heim/v1/channel_service.proto": (530, "messages cannot move to another file: generated code would move"),
    "proto/heim/v1/error.proto": (700, "one enum, the only list of reasons"),
    "server/model/emoji_names.cc": (500, "one table of names"),
}
PROTO_LINES = 500

CODE_ROOTS = ("server", "gateway", "cli", "tests", "bench")
SKIPPED = {"build", ".tools", ".git", "node_modules", "gen", "data", "__pycache__"}

# What binds the project to one machine: somebody's home, by its full path.
PLACES = re.compile(r"/root/|/home/\w+/")


def walk(root):
    """All files of the project, as paths below root: what git knows or would add."""
    try:
        out = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True).stdout.decode()
        names = [n for n in out.split("\0") if n and os.path.isfile(os.path.join(root, n))]
        if names:
            return sorted(n for n in names if not SKIPPED & set(n.split("/")))
    except (OSError, subprocess.CalledProcessError):
        pass  # an unpacked archive: no git
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED]
        names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return sorted(names)


def within(name, folders):
    return any(name == f or name.startswith(f + "/") for f in folders)


def folder_of(name):
    """The longest folder of the table that holds the file."""
    best = ""
    for folder in ALLOWED:
        if name.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best


def short(folder):
    return folder[len("server/"):] if folder.startswith("server/") else folder


def included_folder(header):
    """The folder name of the table for one of our headers, or None for somebody else's."""
    if re.match(r"(heim/v1|google/(api|rpc))/.*\.pb\.h$", header):
        return "stubs" if header.endswith(".grpc.pb.h") else "proto"
    if header == "heim/v1/descriptors.h":
        return "proto"
    folder = folder_of(header)
    return short(folder) if folder else None


def strip_comments(text):
    """Code with comments and literals blanked, line structure kept."""
    def blank(match):
        part = match.group(0)
        if part.startswith("/"):
            return re.sub(r"[^\n]", " ", part)
        return part[0] + re.sub(r"[^\n]", " ", part[1:-1]) + part[-1]
    return re.sub(r'R"(\w*)\((?:.|\n)*?\)\1"|//[^\n]*|/\*(?:.|\n)*?\*/|"(?:\\.|[^"\\\n])*"'
                  r"|'(?:\\.|[^'\\\n])'", blank, text)


def check_includes(name, text):
    home = folder_of(name)
    test = name.endswith("_test.cc")
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not match:
            continue
        header = match.group(2)
        where = f"{name}:{number}"
        if INCLUDE_EXCEPTIONS.get(name, ("",))[0] == header:
            continue
        for door, folders in DOORS.items():
            if re.fullmatch(door, header) and not within(name, folders):
                yield f"{where}: only {', '.join(folders)} may include {header}"
        target = included_folder(header)
        if match.group(1) == '"' and "/" not in header:
            yield f"{where}: include from the repository root: {header}"
        if target is None or home == "" or test:
            continue
        if target == "app" and home not in ("server/app", "tests", "bench"):
            yield f"{where}: nothing includes server/app"
        elif target != short(home) and "*" not in ALLOWED[home] and target not in ALLOWED[home]:
            yield f"{where}: {home} may not depend on {target} ({header})"


def check_banned(name, text):
    # Prose may name what is banned; unfinished work hides in comments too.
    code = strip_comments(text)
    for pattern, (folders, instead) in BANNED.items():
        if within(name, folders) or BANNED_EXCEPTIONS.get(name, ("",))[0] == pattern:
            continue
        searched = text if "TODO" in pattern or "NOLINT" in pattern else code
        for match in re.finditer(pattern, searched):
            number = searched.count("\n", 0, match.start()) + 1
            yield f"{name}:{number}: '{match.group(0)}' is banned here: {instead}"


def check_length(name, text):
    lines = text.count("\n")
    stem = name.rsplit("/", 1)[-1]
    if name.endswith(".proto"):
        limit = PROTO_LINES
    elif "_test." in stem or stem.startswith("test_"):
        limit = TEST_LINES
    else:
        limit = CODE_LINES
    limit = LENGTH_EXCEPTIONS.get(name, (limit,))[0]
    if lines > limit:
        yield f"{name}: {lines} lines, at most {limit}: split it by concept"


def check_functions(name, text):
    """Functions at namespace scope or one level inside a class, by their closing brace."""
    code = strip_comments(text).split("\n")
    start = None
    for number, line in enumerate(code, 1):
        if start is None:
            match = re.match(r"(  )?(\S.*)?\{$", line)
            if match and re.search(r"[)\w>]\s*\{$", line) and not re.match(
                    r"\s*(namespace|class|struct|enum|extern|union|template .*(class|struct)|\})",
                    line) and "=" not in line:
                start, indent = number, match.group(1) or ""
        elif line.rstrip() in (indent + "}", indent + "};"):
            # Tests are tables and tales: a long TEST body is judged by its file's limit.
            if number - start + 1 > FUNCTION_LINES and "_test.cc" not in name:
                yield (f"{name}:{start}: function of {number - start + 1} lines, "
                       f"at most {FUNCTION_LINES}")
            start = None


def check_header(name, text):
    if "#pragma once" not in text:
        yield f"{name}: no #pragma once"
    if not text.startswith("//"):
        yield f"{name}:1: a header opens with what it is, who owns it, threads, blocking"


def check_proto(name, text):
    """json_name is the field's own name wherever the default (camelCase) would differ."""
    text = re.sub(r"//[^\n]*|/\*(?:.|\n)*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    # An extension's JSON name cannot be set.
    text = re.sub(r"\bextend\s+[\w.]+\s*\{[^{}]*\}",
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    field = re.compile(r"(?:^|[;{}])\s*(?:(?:optional|repeated)\s+)?"
                       r"(map\s*<[^>]*>|[\w.]+)\s+(\w+)\s*=\s*\d+\s*"
                       r"(\[(?:\"(?:\\.|[^\"\\])*\"|[^\]\"])*\])?\s*(?=;)")
    for match in field.finditer(text):
        kind, field_name, options = match.groups()
        if kind in ("option", "reserved", "syntax", "package", "import"):
            continue
        camel = re.sub(r"_+([a-zA-Z0-9])", lambda m: m.group(1).upper(), field_name)
        found = re.search(r'\bjson_name\s*=\s*"([^"]*)"', options or "")
        number = text.count("\n", 0, match.start(2)) + 1
        if (found is None and camel != field_name) or (found and found.group(1) != field_name):
            yield f'{name}:{number}: {field_name} needs json_name = "{field_name}"'


def check_file(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        text = file.read()
    if text and not text.endswith("\n"):
        yield f"{name}: no newline at the end"
    for number, line in enumerate(text.split("\n"), 1):
        if PLACES.search(line) and name != "scripts/tidy.py":
            yield f"{name}:{number}: names one machine's path"
    if name.endswith((".cc", ".h")) and within(name, CODE_ROOTS):
        yield from check_includes(name, text)
        yield from check_banned(name, text)
        yield from check_length(name, text)
        yield from check_functions(name, text)
        if name.endswith(".h"):
            yield from check_header(name, text)
    elif name.endswith(".proto"):
        yield from check_length(name, text)
        yield from check_proto(name, text)
    elif name.endswith(".py"):
        yield from check_length(name, text)


TEXT = (".cc", ".h", ".proto", ".py", ".md", ".cmake", ".txt", ".sh", ".yaml", ".yml", ".json",
        "Dockerfile", "scripts/build", "scripts/run", "scripts/test", "scripts/deps",
        "scripts/check", "scripts/gen", ".ci/run")


def check(root):
    findings = []
    for name in walk(root):
        if name.endswith(TEXT):
            findings += check_file(root, name)
    return findings


def check_exceptions(root):
    """The exceptions are of this tree: each has its file and its reason."""
    findings = []
    for table in (INCLUDE_EXCEPTIONS, BANNED_EXCEPTIONS, LENGTH_EXCEPTIONS):
        for name, exception in table.items():
            if not os.path.isfile(os.path.join(root, name)):
                findings.append(f"scripts/tidy.py: the exception for {name} has outlived its file")
            if len(exception) != 2 or len(str(exception[1])) < 10:
                findings.append(f"scripts/tidy.py: the exception for {name} gives no reason")
    return findings


def main():
    own = os.path.join(os.path.dirname(__file__), "..")
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else own)
    findings = check(root)
    if os.path.samefile(root, own):
        findings += check_exceptions(root)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
