"""Commands and their outputs as a document prints them, in blocks marked by an HTML comment.

    <!-- tour -->                      commands for the one shell that lives through the tour
    <!-- tour: terminal N -->          commands of a terminal of its own, left running
    <!-- tour: output -->              what the last commands printed
    <!-- tour: output of terminal N -->  what that terminal has printed since it was last looked at
"""

import dataclasses
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading

MARK = re.compile(r"^<!-- tour(?:: (?P<what>.+?))? -->$")


@dataclasses.dataclass
class Block:
    line: int
    kind: str  # "run", "terminal" or "output"
    terminal: int
    text: str


def blocks(path):
    """The marked blocks of a document, in order."""
    lines = pathlib.Path(path).read_text().splitlines()
    found = []
    for number, line in enumerate(lines):
        mark = MARK.match(line)
        if not mark:
            continue
        assert lines[number + 1].startswith("```"), f"line {number + 1}: no block follows the mark"
        end = lines.index("```", number + 2)
        text = "\n".join(lines[number + 2:end])
        what = mark["what"] or ""
        terminal = int(re.search(r"\d+", what)[0]) if "terminal" in what else 1
        kind = "output" if what.startswith("output") else "terminal" if what else "run"
        found.append(Block(number + 2, kind, terminal, text))
    return found


def pattern(expected):
    """Lines as printed; `…` is any text within a line, and any lines when it stands alone."""
    regex = "^"
    for line in expected.splitlines():
        if line.strip() == "…":
            regex += r"(?:.*\n)*?"
        else:
            regex += ".*".join(re.escape(piece) for piece in line.split("…")) + "\n"
    return re.compile(regex, re.MULTILINE)


class Terminal:
    """A shell whose output is kept, standard error included."""

    def __init__(self, env, cwd, script=None):
        command = ["bash", "-e"] if script is None else ["bash", "-ec", script]
        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, text=True, bufsize=1, start_new_session=True,
            stdin=subprocess.PIPE if script is None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = queue.Queue()
        self.text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def run(self, script, deadline):
        """Runs commands in the shell that lives on; their output is what is looked at next."""
        self.text = ""
        done = f"done-{os.urandom(8).hex()}"
        self.process.stdin.write("{\n" + script + "\n} </dev/null\necho " + done + "\n")
        self.process.stdin.flush()
        while not self.text.endswith(done + "\n"):
            self._more(deadline, f"the commands did not end:\n{script}")
        self.text = self.text[:-len(done) - 1]
        if self.text and not self.text.endswith("\n"):
            self.text += "\n"  # curl ends where the body ends

    def expect(self, expected, deadline):
        """Waits for the output; what stands before its end is not looked at again."""
        wanted = pattern(expected)
        while not (found := wanted.search(self.text)):
            self._more(deadline, f"missing:\n{expected}")
        self.text = self.text[found.end():]

    def _more(self, deadline, why):
        try:
            line = self.lines.get(timeout=deadline)
        except queue.Empty:
            line = None
        assert line is not None, f"{why}\n--- the terminal shows:\n{self.text}"
        self.text += line

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
