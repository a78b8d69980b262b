"""scripts/contract.py sees the changes of the contract that buf does not.

A small schema with the real options is compiled twice, once with one edit, and compared.
"""

import os
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SCHEMA = """
syntax = "proto3";
package heim.v1;
import "google/api/annotations.proto";
import "heim/v1/options.proto";
enum Sample {
  SAMPLE_UNSPECIFIED = 0;
  SAMPLE_TAKEN = 1 [(error) = {grpc_code: 6, http_status: 409}];
}
message SampleRequest {
  string channel_id = 1 [json_name = "channel_id"];
  string name = 2 [(rules) = {max_len: 80, min_len: 2}];
  string event = 3 [(wire_type) = "sample.made"];
}
message SampleResponse {}
message LookRequest {}
service SampleService {
  rpc Make(SampleRequest) returns (SampleResponse) {
    option (google.api.http) = {post: "/samples/{channel_id}" body: "*"};
    option (policy) = {scopes: ["write"], http_status: 201, idempotent: true, audit: "sample.make"};
  }
  rpc Look(LookRequest) returns (SampleResponse) {
    option (policy) = {rate_class: RATE_CLASS_READ};
  }
}
"""


def compiled(tmp_path, name, schema):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "sample.proto").write_text(schema)
    image = folder / "image.binpb"
    subprocess.run(["protoc", "--include_imports", f"--descriptor_set_out={image}", f"-I{folder}",
                    f"-I{ROOT}/proto", f"-I{ROOT}/.tools/googleapis", "sample.proto"], check=True)
    return str(image)


def compare(tmp_path, old, new):
    assert old in SCHEMA
    baseline = compiled(tmp_path, "old", SCHEMA)
    current = compiled(tmp_path, "new", SCHEMA.replace(old, new))
    run = subprocess.run([sys.executable, os.path.join(ROOT, "scripts/contract.py"), current,
                          baseline], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    return run.returncode, run.stdout


@pytest.mark.parametrize("old, new, expected", [
    ('"/samples/{channel_id}"', '"/sample/{channel_id}"', "HTTP binding"),
    ('body: "*"', 'body: "event"', "HTTP binding"),
    ('scopes: ["write"]', 'scopes: ["admin"]', "policy scopes"),
    ("http_status: 201", "http_status: 200", "policy http_status"),
    ("idempotent: true", "idempotent: false", "policy idempotent"),
    ('"sample.make"', '"sample.do"', "policy audit"),
    (', audit: "sample.make"', "", "policy audit"),
    ('"sample.made"', '"sample.new"', "wire type"),
    ('json_name = "channel_id"', 'json_name = "channelId"', "JSON name"),
    ("max_len: 80", "max_len: 79", "max_len became narrower"),
    ("min_len: 2", "min_len: 3", "min_len became narrower"),
    ("{max_len: 80, min_len: 2}", "{max_len: 80, min_len: 2, required: true}", "became required"),
    ("http_status: 409", "http_status: 400", "error rule"),
    ("SAMPLE_TAKEN", "SAMPLE_GONE", "SAMPLE_TAKEN is gone"),
    ("rpc Make(", "rpc Do(", "Make is gone"),
])
def test_a_breaking_change_is_found(tmp_path, old, new, expected):
    code, out = compare(tmp_path, old, new)
    assert code == 1 and expected in out, out


@pytest.mark.parametrize("old, new", [
    ("max_len: 80", "max_len: 100"),
    ("min_len: 2", "min_len: 1"),
    ("RATE_CLASS_READ}", 'RATE_CLASS_READ, audit: "sample.look"}'),
    ("message SampleResponse {}", "message SampleResponse { string more = 1; }"),
    ('body: "*"};', 'body: "*" additional_bindings {get: "/samples"}};'),
    ("SAMPLE_UNSPECIFIED = 0;", "SAMPLE_UNSPECIFIED = 0;\n  SAMPLE_NEW = 2;"),
])
def test_an_addition_passes(tmp_path, old, new):
    code, out = compare(tmp_path, old, new)
    assert code == 0, out
