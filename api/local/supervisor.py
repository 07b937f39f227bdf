"""Keeps a child process running beside the servers: started again when it ends, ended with us."""

import subprocess
import threading
import time
from pathlib import Path
from typing import Self

import structlog

log = structlog.get_logger("tandem.supervisor")

#: Wait before a child that ended is started again; doubles while it ends soon after its start.
_AGAIN_SECONDS = 1.0
_AGAIN_MAX_SECONDS = 30.0
#: A child that lived for so long was sound.
_SOUND_SECONDS = 60.0


class Child:
    """A command that runs in a folder for as long as the block; it is told to end by SIGTERM.

    Its stdin ends when this process does, however that happens: a child that reads it can follow.
    It has a session of its own, so Ctrl-C reaches it through us, after the servers know.
    """

    def __init__(self, command: list[str], folder: Path, stop_seconds: float) -> None:
        self._command = command
        self._folder = folder
        self._stop_seconds = stop_seconds
        self._over = threading.Event()
        self._until = 0.0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._thread.join(max(0.0, self._until - time.monotonic()))
        if self._thread.is_alive() and self._process is not None:
            log.warning("child killed", pid=self._process.pid)
            self._process.kill()
            self._thread.join(1)

    def end(self) -> None:
        """Tell the child to end, for good; does not wait. It has ``stop_seconds`` from now on."""
        if not self._over.is_set():
            self._until = time.monotonic() + self._stop_seconds
            self._over.set()
            self.restart()

    def restart(self) -> None:
        """Tell the child to end; another one is started unless this is the end."""
        with self._lock:
            if self._process is not None:
                self._process.terminate()

    def _keep(self) -> None:
        wait = _AGAIN_SECONDS
        while not self._over.is_set():
            started = time.monotonic()
            with self._lock:
                if self._over.is_set():
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
            if not self._over.is_set():
                lived = time.monotonic() - started
                wait = (
                    _AGAIN_SECONDS if lived > _SOUND_SECONDS else min(wait * 2, _AGAIN_MAX_SECONDS)
                )
                log.error("child ended, is started again", code=code, after=wait)
                self._over.wait(wait)
