"""What the trials stand on: folders, ports, the program itself, and a PostgreSQL of one's own. Standard library only."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from client import Client

REPOSITORY = Path(__file__).resolve().parents[2]
EMAIL = "hard@example.com"
PASSWORD = "no-word-of-it-is-lost-42"
SECRET = "a secret of the hard trials alone, long enough to sign with"


class Settings:
    """What the runner was told."""

    program = REPOSITORY / "target/debug/copydesk"
    long = False

    @classmethod
    def is_release(cls):
        return "release" in Path(cls.program).parts

    @classmethod
    def ready_within(cls):
        """Seconds after which a server that was killed has to answer again: an unoptimised program has more."""
        return 1.0 if cls.is_release() else 3.0


class Folder:
    """A folder that goes when the trial ends."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="copydesk-hard-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def has(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def wait_until(true, seconds, pause=0.01):
    """Whether it became true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(pause)
    return bool(true())


class Newsroom:
    """The program on a folder of its own. `url` is its database; without one, SQLite in the folder."""

    def __init__(self, folder, url=None, **settings):
        self.folder = Path(folder)
        self.file = self.folder / "data" / "copydesk.db"
        self.url = url or f"sqlite:{self.file}"
        self.port, self.admin_port = free_port(), free_port()
        self.settings = settings
        self.process = None
        self.token = None
        self.under = []
        self.log = self.folder / "server.log"
        (self.folder / "data").mkdir(parents=True, exist_ok=True)

    def environment(self):
        own = {name: value for name, value in os.environ.items() if not name.startswith("COPYDESK_")}
        own |= {
            "DATABASE_URL": self.url,
            "COPYDESK_DATA_DIR": str(self.folder / "data"),
            "COPYDESK_LISTEN": f"127.0.0.1:{self.port}",
            "COPYDESK_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "COPYDESK_PUBLIC_URL": "http://newsroom.example",
            "COPYDESK_DRAIN_SECONDS": "0",
            "COPYDESK_LOG": "warn",
            "COPYDESK_ACCESS_TOKEN_SECONDS": "86400",
            "COPYDESK_JWT_SECRET": SECRET,
        }
        return own | {name: str(value) for name, value in self.settings.items()}

    def command(self, *words, given=None, seconds=60, under=()):
        """Runs a command of the program to its end."""
        line = [*under, str(Settings.program), *words]
        return subprocess.run(line, cwd=self.folder, env=self.environment(), input=given, capture_output=True, text=True, timeout=seconds)

    def found(self):
        """Makes the account that the trials write with."""
        done = self.command("user", "add", EMAIL, "--role", "admin", "--password-stdin", given=PASSWORD)
        if done.returncode != 0:
            raise RuntimeError(f"no account: {done.stderr}")
        return self

    def launch(self, *under):
        """Starts it and does not wait. `under` is a program that starts it in turn and becomes it, as `strace -D` does."""
        with open(self.log, "ab") as log:
            line = [*under, *self.under, str(Settings.program)]
            self.process = subprocess.Popen(line, cwd=self.folder, env=self.environment(), stdout=log, stderr=log)
        return self

    def start(self, *under, seconds=20):
        """Starts it and waits for its first answer; the seconds that took stand in `ready_after`."""
        begun = time.monotonic()
        self.launch(*under)
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}: {self.last_words()}")
            if time.monotonic() - begun > seconds:
                raise RuntimeError(f"the server does not answer after {seconds} s: {self.last_words()}")
            time.sleep(0.002)
        self.ready_after = time.monotonic() - begun
        if self.token is None:
            self.sign_in()
        return self

    def answers(self):
        try:
            with Client(self.port, None, timeout=5) as client:
                return client.get("/v1/articles?limit=1").status == 200
        except OSError:
            return False

    def sign_in(self):
        with Client(self.port, None) as client:
            answer = client.post("/v1/auth/login", {"email": EMAIL, "password": PASSWORD})
        if answer.status != 200:
            raise RuntimeError(f"no sign-in: {answer.status} {answer.text}")
        self.token = answer.json["access_token"]

    def client(self, timeout=30):
        return Client(self.port, self.token, timeout=timeout)

    def stranger(self, timeout=30):
        return Client(self.port, None, timeout=timeout)

    def kill(self):
        """As a power switch would end it, but for what the disk keeps."""
        self.process.kill()
        self.process.wait()

    def ask_to_stop(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds=15):
        """Asks it to stop; its exit code, or None where it had to be killed."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.ask_to_stop()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def last_words(self):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return " / ".join(text.strip().splitlines()[-3:])

    def resident(self):
        """Bytes of memory that it holds."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.kill()


def founded(folder, url=None, **settings):
    """A newsroom with its account, two authors and three tags, and answering."""
    room = Newsroom(folder, url, **settings).found().start()
    with room.client() as client:
        for name in ("Ana", "Bo"):
            client.post("/v1/authors", {"name": name, "slug": name.lower()}).must(201)
        for name in ("Courts", "Transit", "Water"):
            client.post("/v1/tags", {"name": name, "slug": name.lower()}).must(201)
    return room


class Postgres:
    """A PostgreSQL server of one's own, as careful with its disk as one in a machine room."""

    def __init__(self, folder):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if not found:
            raise RuntimeError("PostgreSQL is missing: install Debian's package postgresql")
        self.programs = found[-1].parent
        self.folder = Path(folder)
        self.folder.chmod(0o755)
        self.port = free_port()
        self.process = None
        self.owner = {}
        data = self.folder / "postgres"
        data.mkdir(mode=0o700)
        if os.getuid() == 0:  # it refuses to run as root
            try:
                other = pwd.getpwnam("postgres")
            except KeyError:
                other = pwd.getpwnam("nobody")
            os.chown(data, other.pw_uid, other.pw_gid)
            self.owner = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}
        line = [self.programs / "initdb", "-D", data, "-U", "copydesk", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(line, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **self.owner)
        self.url = f"postgres://copydesk@127.0.0.1:{self.port}/postgres"

    def start(self):
        line = [self.programs / "postgres", "-D", self.folder / "postgres", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        line += ["-c", "unix_socket_directories=", "-c", "max_connections=60", "-c", "shared_buffers=32MB"]
        with open(self.folder / "postgres.log", "ab") as log:
            self.process = subprocess.Popen(line, cwd=self.folder, stdout=log, stderr=log, **self.owner)
        ready = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        if not wait_until(lambda: subprocess.run(ready).returncode == 0, 30, 0.05):
            raise RuntimeError("PostgreSQL does not start")
        return self

    def stop(self):
        """Ends every session at once and writes what there is to write (its "fast" stop)."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def kill(self):
        """The server and all that it has started, without a word."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def query(self, statement):
        """Rows, each a list of texts."""
        line = [self.programs / "psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-v", "ON_ERROR_STOP=1", self.url, "-c", statement]
        text = subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip("\n")
        return [row.strip("\n").split("\x1f") for row in text.split("\x1e")] if text else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)


def together(count, work):
    """Runs `work(number)` in as many threads; what one of them fails with comes out here."""
    failures = []

    def one(number):
        try:
            work(number)
        except Exception as failure:  # noqa: BLE001 - told by the caller's thread
            failures.append(failure)

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def say(text):
    print(text, file=sys.stderr, flush=True)
