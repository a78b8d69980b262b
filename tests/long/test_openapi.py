"""Schemathesis calls every route of the OpenAPI document with what fits the schemas and what does not: nothing is answered
by a fault of the server."""

import os
import pathlib
import re
import subprocess

from heim_server import Server

SCHEMATHESIS = pathlib.Path(__file__).resolve().parents[2] / ".tools" / "schemathesis" / "bin" / "st"
EXAMPLES = int(os.environ.get("HEIM_OPENAPI_EXAMPLES", "50"))
# They answer for as long as somebody listens.
ENDLESS = r"/events$|/events/poll$"
# After these every further call would only be unauthenticated.
ENDS_THE_LOGIN = r"/auth/logout$|/auth/sessions/\{session_id\}$"


def test_no_call_is_a_fault_of_the_server(tmp_path):
    with Server() as server:
        ada = server.setup()
        channel = ada.channel("things")
        ada.send(channel["id"], "hello")
        schema = tmp_path / "openapi.json"
        schema.write_bytes(ada.get("/openapi.json").content)
        done = subprocess.run(
            [SCHEMATHESIS, "run", schema, "--url", server.url, "--header", f"Authorization: Bearer {ada.token}",
             "--checks", "not_a_server_error", "--max-examples", str(EXAMPLES), "--seed", "1", "--workers", "2",
             "--phases", "examples,coverage,fuzzing", "--request-timeout", "20", "--exclude-path-regex", ENDLESS,
             "--exclude-path-regex", ENDS_THE_LOGIN],
            capture_output=True, text=True, timeout=3000, cwd=tmp_path)
        faults = [line for line in server.log_text().splitlines() if re.search(r" status=5\d\d", line)]
        assert not faults, "\n".join(faults[:20])
        assert "Test cases" in done.stdout or "passed" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
        assert done.returncode == 0, done.stdout[-6000:]
        # It is still there.
        assert ada.get("/actors/me").status_code == 200
