"""Each house rule of scripts/tidy.py finds its offence and lets the lawful twin pass.

A small tree with one file is made for each case; tidy runs on it as its own process.
"""

import os
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
HEADER = "// Thing is a thing.\n#pragma once\n"


def findings(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    run = subprocess.run([sys.executable, os.path.join(ROOT, "scripts/tidy.py"), str(tmp_path)],
                         capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()[:-1]
    assert run.returncode == (1 if lines else 0), run.stderr
    return lines


OFFENCES = [
    ("server/base/a.cc", '#include "server/model/x.h"\n', "may not depend on model"),
    ("server/service/a.cc", '#include "server/store/sqlite/x.h"\n', "may not depend on"),
    ("server/hub/a.cc", '#include "server/rpc/invoker.h"\n', "may not depend on rpc"),
    ("gateway/http/a.cc", '#include "server/service/call.h"\n', "may not depend on service"),
    ("cli/a.cc", '#include "server/model/x.h"\n', "may not depend on model"),
    ("server/hub/a.cc", '#include "server/app/config.h"\n', "nothing includes server/app"),
    ("server/store/a.cc", "#include <sqlite3.h>\n", "only server/store/sqlite"),
    ("server/service/a.cc", "#include <grpcpp/grpcpp.h>\n", "may include grpcpp"),
    ("server/rpc/a.cc", '#include "heim/v1/x.grpc.pb.h"\n', "may include heim/v1/x.grpc.pb.h"),
    ("server/hub/a.cc", "#include <boost/asio.hpp>\n", "may include boost"),
    ("server/hub/a.cc", '#include "hub.h"\n', "from the repository root"),
    ("server/hub/a.cc", "auto t = absl::Now();\n", "Clock&"),
    ("server/hub/a.cc", "auto t = std::chrono::steady_clock::now();\n", "Clock&"),
    ("server/hub/a.cc", "std::random_device d;\n", "Entropy&"),
    ("server/hub/a_test.cc", "std::this_thread::sleep_for(x);\n", "wait for an event"),
    ("server/hub/a.cc", "// " + "TO" + "DO: later\n", "finish it"),
    ("server/hub/a.h", "#pragma once\n", "a header opens with"),
    ("server/hub/a.h", "// Thing.\n", "no #pragma once"),
    ("server/hub/a.cc", "int a;\n" * 401, "401 lines"),
    ("server/hub/a_test.cc", "int a;\n" * 801, "801 lines"),
    ("server/hub/a.cc", "void F() {\n" + "  G();\n" * 60 + "}\n", "function of 62 lines"),
    ("server/hub/a.h", HEADER + "class A {\n  void F() {\n" + "    G();\n" * 60 + "  }\n};\n",
     "function of 62 lines"),
    ("proto/heim/v1/a.proto", "message A { string a_b = 1; }\n", 'json_name = "a_b"'),
    ("proto/heim/v1/a.proto", "message A {\n  optional string a_b = 1 [(x) = {max: 1}];\n}\n",
     'json_name = "a_b"'),
    ("proto/heim/v1/a.proto", 'message A { string a_b = 1 [json_name = "aB"]; }\n',
     'json_name = "a_b"'),
    ("proto/heim/v1/a.proto", "message A { map<string, int32> a_b = 1; }\n", 'json_name = "a_b"'),
    ("docs/a.md", "see /ro" + "ot/x\n", "one machine's path"),
    ("server/hub/a.cc", "int a;", "no newline"),
]

LAWFUL = [
    ("server/base/a.cc", "auto t = absl::Now();\n#include <openssl/evp.h>\n"),
    ("server/model/a.cc", '#include "server/base/clock.h"\n#include "heim/v1/x.pb.h"\n'),
    ("server/store/sqlite/a.cc", '#include <sqlite3.h>\n#include "server/store/store.h"\n'),
    ("server/service/a_test.cc", '#include "server/store/sqlite/x.h"\n'),
    ("server/rpc/grpc/a.cc", '#include <grpcpp/grpcpp.h>\n#include "server/rpc/invoker.h"\n'),
    ("gateway/http/a.cc", '#include "server/rpc/invoker.h"\n#include "gateway/json/codec.h"\n'),
    ("server/app/a.cc", '#include "gateway/gateway.h"\n'),
    ("server/hub/a.cc", "// Unlike absl::Now(), which nobody calls here.\n"),
    ("server/hub/a.cc", 'Log("absl::Now() was called");\n'),
    ("server/hub/a.h", HEADER),
    ("server/hub/a.cc", "void F() {\n" + "  G();\n" * 58 + "}\n"),
    ("proto/heim/v1/a.proto",
     'message A {\n  string a_b = 1 [json_name = "a_b"];\n  string plain = 2;\n}\n'
     "extend google.protobuf.FieldOptions {\n  string wire_type = 50103;\n}\n"
     "enum E {\n  E_UNSPECIFIED = 0;\n}\n"),
]


@pytest.mark.parametrize("name, text, expected", OFFENCES)
def test_an_offence_is_found(tmp_path, name, text, expected):
    lines = findings(tmp_path, name, text)
    assert any(name in line and expected in line for line in lines), lines


@pytest.mark.parametrize("name, text", LAWFUL)
def test_what_is_lawful_passes(tmp_path, name, text):
    assert findings(tmp_path, name, text) == []
