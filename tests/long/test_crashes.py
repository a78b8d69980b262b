"""Twenty kills under load: every acknowledged message is there, once."""

import os
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from test_shutdown import crash_cycles  # noqa: E402


def test_twenty_crashes_lose_and_double_nothing(tmp_path):
    crash_cycles(tmp_path, cycles=int(os.environ.get("HEIM_CRASH_CYCLES", "20")), goal=100)
