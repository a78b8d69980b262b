"""What the measurements share: the server on core 0, the load on core 1, figures kept with the machine's state."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def on_core(core, command, **kwargs):
    return subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], text=True,
                            stdout=subprocess.PIPE, **kwargs)


def pin(server, core=0):
    subprocess.run(["taskset", "-a", "-cp", str(core), str(server.process.pid)], check=True,
                   stdout=subprocess.DEVNULL)


def start_server(build, directory, **env):
    """The program of `build`, pinned; a context manager."""
    os.environ["HEIM_BINARY"] = str(build / "heim")
    import heim_server
    return heim_server.Server(directory, HEIM_LOG_LEVEL="warn", **env)


def medians(rounds):
    return {key: round(statistics.median(r[key] for r in rounds), 3)
            if isinstance(rounds[0][key], float) else rounds[0][key] for key in rounds[0]}


def keep(kind, result):
    """Prints the figures and keeps them in bench/results/."""
    result = {"when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "machine": {"cores": os.cpu_count(), "kernel": platform.release(),
                          "load_average": os.getloadavg()}} | result
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{result['when'].replace(':', '').split('+')[0]}-{kind}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({k: v for k, v in result.items() if k != "all_rounds"}, indent=2))
    print(f"kept in {path.relative_to(ROOT)}")
