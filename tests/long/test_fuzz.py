"""Every target of tests/fuzz runs under clang's libFuzzer with the sanitizers: a crash, a hang or a broken promise fails.

HEIM_FUZZ_SECONDS is the time of each target (60).
"""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_no_input_breaks_a_parser():
    done = subprocess.run([ROOT / "scripts" / "fuzz", os.environ.get("HEIM_FUZZ_SECONDS", "60")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    targets = {path.name.removesuffix("_fuzz.cc") for path in (ROOT / "tests" / "fuzz").glob("*_fuzz.cc")}
    ran = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("fuzz: ")}
    assert ran == targets and done.stdout.count("number_of_executed_units") == len(targets), done.stdout[-4000:]
