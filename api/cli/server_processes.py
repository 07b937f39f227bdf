"""Runs the server processes and the worker beside them, from their start to a signal."""

import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import structlog
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import ChangeReload, Multiprocess
from uvicorn.supervisors.multiprocess import Process

from api.cli.http_server import CLOSE_SECONDS, HttpServer, server_config
from api.cli.loading import CHECKOUT, loading
from api.cli.reloading import MistakePage, serve_reloaded
from api.local.supervisor import SupervisedProcess
from services.settings.settings import Settings

log = structlog.get_logger("tandem.supervisor")

LAYERS = ("api", "schema", "services", "persistence")
#: The wait before a server process that ended is started again. It doubles while the process ends
#: within the time after which it counts as stable.
_RESTART_SECONDS = 0.1
_LONGEST_RESTART_SECONDS = 30.0
_STABLE_SECONDS = 60.0
#: A process that starts need not answer for so long, and is not replaced when it is younger.
_START_SECONDS = 60.0
_YOUNG_SECONDS = 5.0
_LOOK_SECONDS = 0.1


def run(
    listener: socket.socket,
    workers: int,
    reload: bool,
    child: SupervisedProcess | None,
    settings: Settings,
    on_signal: Callable[[], None],
) -> bool:
    """Serve until a signal: in one process, with workers, or restarting when code changes.

    ``child`` is told to end together with the servers; ``on_signal`` is called when they begin to
    end. Returns False when a server process could not start.
    """
    allow_many_connections()
    if reload:
        folders = [str(CHECKOUT / layer) for layer in LAYERS]
        config = server_config(_WORKER_APP, settings, reload=True, reload_dirs=folders)
        with tempfile.TemporaryDirectory(prefix="tandem-reload-") as folder:
            Reloading(config, listener, child, on_signal, Path(folder) / "mistake").run()
        return True
    if workers == 1:
        config = server_config("api.app:create_app", settings)
        with loading():
            config.load()
        server = HttpServer(config, settings.drain_seconds, child and child.request_stop, on_signal)
        server.run(sockets=[listener])
        if server.force_exit and child:
            child.give_up()
        return True
    group = ServerGroup(
        server_config(_WORKER_APP, settings, workers=workers), listener, child, settings, on_signal
    )
    group.run()
    return all(process.exitcode != STARTUP_FAILURE for process in group.processes)


_WORKER_APP = "api.cli.server_processes:worker_app"
_RELOADED_SERVER = "api.cli.server_processes:reloaded_server"


class ServerProcess(Process):
    """One server process of several."""

    @cached_property
    def server(self) -> HttpServer:
        """The server that runs in this process."""
        return HttpServer(self.config, Settings().drain_seconds)

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        with suppress(ProcessLookupError):
            if self.exitcode is None and self.pid is not None:
                os.kill(self.pid, number)

    @property
    def memory(self) -> int:
        """The bytes of memory that the process uses; 0 where the system does not tell."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class _Slot:
    """When the process of a slot was started, and when it is to be started again."""

    started_at: float = field(default_factory=time.monotonic)
    wait: float = _RESTART_SECONDS / 2
    due_at: float | None = None


class ServerGroup(Multiprocess):
    """Several server processes on one socket: started again when they end, replaced when large."""

    processes: list[ServerProcess]

    def __init__(
        self,
        config: Config,
        listener: socket.socket,
        child: SupervisedProcess | None,
        settings: Settings,
        on_signal: Callable[[], None],
    ) -> None:
        super().__init__(config, [listener])
        self._child = child
        self._on_signal = on_signal
        self._most_memory = settings.worker_mib << 20
        self._slots: list[_Slot] = []
        self._replaced: list[ServerProcess] = []
        self._stop_signal = signal.SIGTERM

    def run(self) -> None:
        """Keep the processes running until a signal, then end them."""
        self.init_processes()
        while not self.should_exit.wait(_LOOK_SECONDS):
            self.handle_signals()
            self.keep_subprocess_alive()
        self._on_signal()
        self.terminate_all()
        self.join_all()

    def init_processes(self) -> None:
        """Start all processes."""
        for _ in range(self.processes_num):
            self.processes.append(self._start())
            self._slots.append(_Slot())

    def keep_subprocess_alive(self) -> None:
        """Start what ended, and replace what uses too much memory."""
        self._replaced = [one for one in self._replaced if one.exitcode is None]
        for number, process in enumerate(self.processes):
            if self._lives(number, process):
                if self._too_large(number, process):
                    self._replace(number, process)
            elif process.exitcode == STARTUP_FAILURE:
                self.should_exit.set()
                return
            else:
                self._restart(number, process)

    def handle_int(self) -> None:
        """End without a drain: somebody at a terminal waits."""
        self._stop_signal = signal.SIGINT
        self.should_exit.set()

    def terminate_all(self) -> None:
        """Tell all processes to end, and close the socket here: only they take connections."""
        for process in (*self.processes, *self._replaced):
            process.signal(self._stop_signal)
        for listener in self.sockets:
            listener.close()
        if self._child:
            self._child.request_stop()

    def join_all(self) -> None:
        """Wait until all have ended; kill them at a second signal, or when they take too long."""
        drain = Settings().drain_seconds if self._stop_signal == signal.SIGTERM else 0
        limit = time.monotonic() + drain + CLOSE_SECONDS
        ending = [*self.processes, *self._replaced]
        while any(process.exitcode is None for process in ending):
            if self.signal_queue or time.monotonic() > limit:
                if self._child:
                    self._child.give_up()
                for process in ending:
                    process.kill()
                    process.join()
                return
            time.sleep(_LOOK_SECONDS)

    def _start(self) -> ServerProcess:
        process = ServerProcess(self.config, self.sockets)
        process.start()
        return process

    def _lives(self, number: int, process: ServerProcess) -> bool:
        """Does the process run, and answer? One that starts is too busy to answer."""
        if time.monotonic() - self._slots[number].started_at < _START_SECONDS:
            return process.process.is_alive()
        return process.is_alive(timeout=self.config.timeout_worker_healthcheck)

    def _too_large(self, number: int, process: ServerProcess) -> bool:
        """Does the process use too much memory? A young one is left to work, whatever the limit."""
        age = time.monotonic() - self._slots[number].started_at
        return 0 < self._most_memory < process.memory and age > _YOUNG_SECONDS

    def _restart(self, number: int, process: ServerProcess) -> None:
        """Start a process that ended again, once its wait is over."""
        slot, now = self._slots[number], time.monotonic()
        if slot.due_at is None:
            process.kill()  # it may be stuck
            process.join()
            stable = now - slot.started_at > _STABLE_SECONDS
            doubled = min(slot.wait * 2, _LONGEST_RESTART_SECONDS)
            slot.wait = _RESTART_SECONDS if stable else doubled
            slot.due_at = now + slot.wait
            log.error(
                "server process ended, is started again",
                pid=process.pid,
                code=process.exitcode,
                after=slot.wait,
            )
        if now >= slot.due_at:
            self.processes[number] = self._start()
            slot.started_at, slot.due_at = now, None

    def _replace(self, number: int, process: ServerProcess) -> None:
        """Start another process; once it serves, the large one finishes its requests and ends."""
        log.warning("server process is replaced", pid=process.pid, bytes=process.memory)
        successor = self._start()
        if not successor.wait_until_ready(CLOSE_SECONDS, self.should_exit):
            successor.kill()
            successor.join()
            return
        self.processes[number] = successor
        self._slots[number] = _Slot()
        process.signal(signal.SIGINT)  # no drain: the others take its connections
        self._replaced.append(process)


class Reloading(ChangeReload):
    """One server process that is started again when code changes, and the worker with it."""

    def __init__(
        self,
        config: Config,
        listener: socket.socket,
        child: SupervisedProcess | None,
        on_signal: Callable[[], None],
        told: Path,
    ) -> None:
        target = partial(serve_reloaded, server_name=_RELOADED_SERVER, told=told)
        super().__init__(config, target, sockets=[listener])
        self._child = child
        self._on_signal = on_signal
        self._told = told
        self._page: MistakePage | None = None

    def run(self) -> None:
        """Serve until a signal."""
        self.startup()
        for changes in self:
            if changes:
                log.info("code changed", files=[path.name for path in changes])
                self.restart()
            elif self._page is None and not self.process.is_alive():
                self._page = MistakePage(self.sockets[0], self._told)
        self.shutdown()

    def restart(self) -> None:
        """Start both again."""
        self._close_page()
        if self._child:
            self._child.restart()
        super().restart()

    def shutdown(self) -> None:
        """End both."""
        self._on_signal()
        self._close_page()
        if self._child:
            self._child.request_stop()
        super().shutdown()

    def _close_page(self) -> None:
        if self._page is not None:
            self._page.close()
            self._page = None


def reloaded_server() -> HttpServer:
    """The server of the process that `Reloading` starts, with its application loaded."""
    app, settings = worker_app(), Settings()
    config = server_config(lambda: app, settings)
    config.load()
    return HttpServer(config, 0)


def worker_beside(*, reload: bool = False) -> SupervisedProcess:
    """A worker as a child process; it reads the servers' addresses from the environment."""
    command = [sys.executable, "-m", "api.cli", "worker", "--follow"]
    # Code that cannot be loaded fails again until it changes.
    return SupervisedProcess(command, CHECKOUT, CLOSE_SECONDS, holds=reload)


def worker_app() -> Any:
    """The application in a server process of several, which ends when its parent does.

    A process that outlives a killed parent would hold the port for ever.
    """

    def follow() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()
    with loading():
        from api.app import create_app

        return create_app()


def allow_many_connections() -> None:
    """Raise the limit of open files as far as it goes: each connection is one."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
