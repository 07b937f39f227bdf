"""Runs a child process beside the servers: restarts it when it ends, and stops it with them."""

import subprocess
import threading
import time
from pathlib import Path
from typing import Self

import structlog

log = structlog.get_logger("tandem.supervisor")

#: The wait before a restart; it doubles while the child ends soon after its start.
_RESTART_SECONDS = 1.0
_LONGEST_RESTART_SECONDS = 30.0
#: A child that ran for so long is restarted after the shortest wait.
_STABLE_SECONDS = 60.0


class SupervisedProcess:
    """Keeps a command running in a folder for as long as the `with` block.

    The child's stdin closes when this process ends, however it ends: a child that reads its stdin
    can end as well. The child has a session of its own. Ctrl-C thus reaches only this process,
    which passes it on as SIGTERM once the servers know.

    With ``holds``, a child that ends by itself is started again by `restart` alone.
    """

    def __init__(
        self, command: list[str], folder: Path, stop_seconds: float, *, holds: bool = False
    ) -> None:
        self._command = command
        self._folder = folder
        self._stop_seconds = stop_seconds
        self._holds = holds
        self._stopping = threading.Event()
        self._restarting = threading.Event()
        self._stop_deadline = 0.0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.request_stop()
        self._thread.join(max(0.0, self._stop_deadline - time.monotonic()))
        if self._thread.is_alive() and self._process is not None:
            log.warning("child killed", pid=self._process.pid)
            self._process.kill()
            self._thread.join(1)

    def request_stop(self) -> None:
        """Send SIGTERM for good and return at once; the child is killed after ``stop_seconds``."""
        if not self._stopping.is_set():
            self._stop_deadline = time.monotonic() + self._stop_seconds
            self._stopping.set()
            self.restart()

    def give_up(self) -> None:
        """Stop for good, and do not wait for the child."""
        self.request_stop()
        self._stop_deadline = time.monotonic()

    def restart(self) -> None:
        """Send SIGTERM; another child is started at once unless a stop was requested."""
        self._restarting.set()
        with self._lock:
            if self._process is not None:
                self._process.terminate()

    def _keep_running(self) -> None:
        wait = _RESTART_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            with self._lock:
                if self._stopping.is_set():
                    return
                self._process = subprocess.Popen(
                    self._command,
                    cwd=self._folder,
                    stdin=subprocess.PIPE,
                    start_new_session=True,
                )
            code = self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()
            if self._stopping.is_set():
                return
            if self._holds:
                self._restarting.wait()
            if self._restarting.is_set():
                self._restarting.clear()
                continue
            stable = time.monotonic() - started > _STABLE_SECONDS
            wait = _RESTART_SECONDS if stable else min(wait * 2, _LONGEST_RESTART_SECONDS)
            log.error("child ended, is started again", code=code, after=wait)
            self._stopping.wait(wait)
