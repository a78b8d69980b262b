"""Files in an S3 bucket: the program with HEIM_STORAGE_TYPE=s3 on a real S3 server.

The fixture starts moto's server on a free port and turns its check of signatures on, so that each
request of Heim is signed as an independent implementation expects.
"""

import hashlib
import os
import random
import subprocess

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from heim_server import BINARY, DEADLINE, Server

SUITE = os.path.abspath(os.environ.get("HEIM_S3_SUITE") or "build/release/heim_s3_suite")
BUCKET = "heim-files"


class Bucket:
    """The server, one account that may use it, and plain looks into the bucket."""

    def __init__(self):
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        root = {"endpoint_url": self.url, "region_name": "us-east-1",
                "aws_access_key_id": "root", "aws_secret_access_key": "root"}
        iam = boto3.client("iam", **root)
        iam.create_user(UserName="heim")
        key = iam.create_access_key(UserName="heim")["AccessKey"]
        iam.put_user_policy(
            UserName="heim", PolicyName="files", PolicyDocument=
            '{"Version": "2012-10-17", "Statement":'
            ' [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}')
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]
        self.s3 = boto3.client("s3", **(root | {"aws_access_key_id": self.access_key,
                                                "aws_secret_access_key": self.secret_key}))
        self.s3.create_bucket(Bucket=BUCKET)
        # From now on signatures and rights are checked.
        answer = requests.post(self.url + "/moto-api/reset-auth", data="0", timeout=DEADLINE)
        assert answer.status_code == 200, answer.text

    def settings(self, **changes):
        return {"HEIM_STORAGE_TYPE": "s3", "HEIM_S3_ENDPOINT": self.url, "HEIM_S3_BUCKET": BUCKET,
                "HEIM_S3_ACCESS_KEY": self.access_key, "HEIM_S3_SECRET_KEY": self.secret_key,
                } | changes

    def objects(self):
        listed = self.s3.list_objects_v2(Bucket=BUCKET)
        return {entry["Key"]: entry["Size"] for entry in listed.get("Contents", [])}

    def unfinished(self):
        return self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


@pytest.fixture(scope="module")
def bucket():
    running = Bucket()
    yield running
    running.server.stop()


def upload(client, content):
    answer = client.request("POST", "/files?filename=data.bin", data=content,
                            headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_files_live_in_the_bucket_and_outlive_the_server(bucket, tmp_path):
    long = random.Random(5).randbytes(12 << 20)
    with Server(tmp_path, **bucket.settings()) as server:
        ada = server.setup()
        small_file, long_file, empty_file = (upload(ada, c) for c in (b"hello", long, b""))
        assert bucket.objects() == {small_file["id"]: 5, long_file["id"]: len(long),
                                    empty_file["id"]: 0}
        assert bucket.unfinished() == []
        assert long_file["sha256"] == hashlib.sha256(long).hexdigest()

        assert ada.get(f"/files/{small_file['id']}").content == b"hello"
        assert ada.get(f"/files/{empty_file['id']}").content == b""
        part = ada.get(f"/files/{long_file['id']}",
                       headers={"Range": "bytes=6000000-8500000"})
        assert part.status_code == 206
        assert part.content == long[6000000:8500001]

        server.stop()
        server.start()
        whole = ada.get(f"/files/{long_file['id']}")
        assert whole.status_code == 200 and whole.content == long

        log = server.log_text()
        assert bucket.secret_key not in log and "Signature=" not in log
    assert not (tmp_path / "data" / "files").exists()


def test_a_bucket_that_is_not_there_stops_the_start(bucket, tmp_path):
    for changes, named in (({"HEIM_S3_BUCKET": "no-such-bucket"}, "no-such-bucket"),
                           ({"HEIM_S3_SECRET_KEY": ""}, "HEIM_S3_SECRET_KEY")):
        server = Server(tmp_path, **bucket.settings(**changes))
        done = subprocess.run([BINARY, "serve"], env=server.env, cwd=tmp_path, text=True,
                              capture_output=True, timeout=DEADLINE)
        assert done.returncode != 0
        assert named in done.stderr, done.stderr
        assert bucket.secret_key not in done.stderr


def test_an_upload_fails_when_the_bucket_cannot_be_reached(bucket, tmp_path):
    # Port 1 of the loopback refuses at once.
    with Server(tmp_path, **bucket.settings(HEIM_S3_ENDPOINT="http://127.0.0.1:1")) as server:
        ada = server.setup()
        answer = ada.request("POST", "/files?filename=a.txt", data=b"hello",
                             headers={"Content-Type": "text/plain"})
        assert answer.status_code == 503, answer.text
        assert "127.0.0.1" not in answer.text
        assert bucket.secret_key not in server.log_text()


def test_a_wrong_secret_is_refused_by_the_bucket(bucket, tmp_path):
    with Server(tmp_path, **bucket.settings(HEIM_S3_SECRET_KEY="wrong-secret")) as server:
        ada = server.setup()
        before = bucket.objects()
        answer = ada.request("POST", "/files?filename=a.txt", data=b"hello",
                             headers={"Content-Type": "text/plain"})
        assert answer.status_code == 503, answer.text
        assert bucket.objects() == before
        assert "wrong-secret" not in server.log_text()


def test_the_suite_of_all_stores_passes(bucket):
    env = os.environ | {"S3_TEST_ENDPOINT": bucket.url, "S3_TEST_BUCKET": BUCKET,
                        "S3_TEST_ACCESS_KEY": bucket.access_key,
                        "S3_TEST_SECRET_KEY": bucket.secret_key}
    done = subprocess.run([SUITE], env=env, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert not [name for name in bucket.objects() if name.startswith("tmp/")]
    assert bucket.unfinished() == []
