"""Two GiB pass through the server in both directions, in memory that does not grow with them."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from test_file_transfer import stream_through  # noqa: E402


def test_two_gibibytes_pass_through_without_filling_the_memory():
    stream_through(2 << 30, spare=96 << 20)
