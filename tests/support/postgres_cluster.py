"""A PostgreSQL server for tests: made in a temporary directory, gone with whoever started it.

    cluster = PostgresCluster()      starts it
    cluster.new_database()           the URL of an empty database, over the socket
    cluster.stop(); cluster.start()  as an operator would
    cluster.close()

As a program it starts a cluster and serves the programs written in C++: it answers "ready URL" and
then each line of commands ("stop fast|immediate", "start", "database") with "ok" and what was asked
for, until its input ends. PostgreSQL refuses root, so it runs as another user then.
"""

import contextlib
import ctypes
import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

DEADLINE = 60
PASSWORD = "p4ss/word"  # has to be quoted in a URL
STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class Unavailable(Exception):
    """There is no PostgreSQL to be had here."""


def programs():
    """The folder with the server's programs."""
    for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: -int(p.split("/")[4])):
        if os.access(folder + "/initdb", os.X_OK):
            return folder
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(os.path.realpath(found))
    raise Unavailable("PostgreSQL's server is not installed: run scripts/deps (postgresql-15)")


def other_user():
    """Whom the server runs as: None for the caller, who is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Unavailable("PostgreSQL refuses root, and there is no user postgres or nobody")


def end_with_parent():
    """In the child: end at once when the parent does, whatever its end."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class PostgresCluster:
    def __init__(self):
        self.bin = programs()
        self.user = other_user()
        self.process = None
        self.databases = 0
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="heim-pg-"))
        try:
            if self.user:
                os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
            self._make_data()
            self.start()
        except BaseException:
            self.close()
            raise

    def _as_user(self):
        if not self.user:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _make_data(self):
        """By initdb, or from the copy that an earlier run of it left in HEIM_POSTGRES_TEMPLATE."""
        template = os.environ.get("HEIM_POSTGRES_TEMPLATE")
        data = self.directory / "data"
        if template:
            template = f"{template}-{pathlib.Path(self.bin).parent.name}"
        if not template or not os.path.exists(template):
            self._initdb()
            if template:
                copy = f"{template}.{os.getpid()}"
                shutil.copytree(data, copy)
                # Somebody else may have been quicker.
                with contextlib.suppress(OSError):
                    os.rename(copy, template)
                shutil.rmtree(copy, ignore_errors=True)
            return
        subprocess.run(["cp", "-r", template, data], check=True, timeout=DEADLINE)
        data.chmod(0o700)
        if self.user:
            subprocess.run(["chown", "-R", f"{self.user.pw_uid}:{self.user.pw_gid}", data],
                           check=True, timeout=DEADLINE)

    def _initdb(self):
        password = self.directory / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o644)
        # Words sort as in a dictionary by default, so that a column that should sort by its bytes
        # and does not is found out.
        self._run("initdb", "-D", self.directory / "data", "-U", "postgres", "-E", "UTF8",
                  "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US",
                  "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}",
                  "--no-sync", "--no-instructions")

    def _run(self, program, *arguments):
        done = subprocess.run([f"{self.bin}/{program}", *map(str, arguments)], cwd=self.directory,
                              env=self._environment(), capture_output=True, text=True,
                              timeout=DEADLINE, **self._as_user())
        if done.returncode != 0:
            raise Unavailable(f"{program} failed: {done.stderr.strip()}")
        return done.stdout

    def _environment(self):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return kept | {"LC_ALL": "C.UTF-8", "HOME": str(self.directory)}

    def start(self):
        """Returns when it takes connections. The port stays what it was."""
        for _ in range(5):
            port = getattr(self, "port", None) or free_port()
            if self._try_start(port):
                self.port = port
                return
        raise Unavailable("PostgreSQL did not start:\n" + "".join(self.log[-20:]))

    def _try_start(self, port):
        self.log = []
        ready = threading.Event()
        self.process = subprocess.Popen(
            [f"{self.bin}/postgres", "-D", self.directory / "data", "-p", str(port),
             "-k", self.directory, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=on",
             "-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "lc_messages=C"],
            cwd=self.directory, env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=end_with_parent, **self._as_user())
        output = self.process.stderr

        def read():
            for line in output:
                self.log.append(line)
                if "database system is ready to accept connections" in line:
                    ready.set()
            output.close()
            ready.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        if not ready.wait(DEADLINE):
            self.stop("immediate")
        return self.process.poll() is None and self._reader.is_alive()

    def stop(self, mode="fast"):
        if self.process and self.process.poll() is None:
            self.process.send_signal(STOP_SIGNALS[mode])
        if self.process:
            self.process.wait(DEADLINE)
            self._reader.join(DEADLINE)

    def pause(self):
        """Its processes stand still, and connections stay open."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self._pids():
            os.kill(pid, signal.SIGCONT)

    def _pids(self):
        me = self.process.pid
        children = pathlib.Path(f"/proc/{me}/task/{me}/children").read_text().split()
        return [me, *map(int, children)]

    def psql(self, sql, database="postgres"):
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                         self.directory, "-p", self.port, "-U", "postgres", "-d", database,
                         "-c", sql).strip()

    def url(self, database="postgres"):
        return f"postgres://postgres@/{database}?host={self.directory}&port={self.port}"

    def tcp_url(self, database="postgres", user="postgres", password=PASSWORD):
        quoted = "".join(c if c.isalnum() else f"%{ord(c):02X}" for c in password)
        return f"postgresql://{user}:{quoted}@127.0.0.1:{self.port}/{database}"

    def new_database(self):
        self.databases += 1
        name = f"heim{self.databases}"
        self.psql(f"CREATE DATABASE {name}")
        return self.url(name)

    def close(self):
        self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)


def serve():
    try:
        cluster = PostgresCluster()
    except Unavailable as error:
        print("error", str(error).replace("\n", " "), flush=True)
        return 1
    try:
        print("ready", cluster.url(), flush=True)
        for line in sys.stdin:
            command, *arguments = line.split()
            if command == "database":
                print("ok", cluster.new_database(), flush=True)
            else:
                {"start": cluster.start, "stop": cluster.stop}[command](*arguments)
                print("ok", flush=True)
    finally:
        cluster.close()
    return 0


if __name__ == "__main__":
    sys.exit(serve())
