"""The `tandem` command in tests, run to its end or beside a test.

`tests/servers.py` forks a command from a process that has loaded it, which saves two seconds of
CPU. `serve` runs in a new Python, as from a shell: it sets how metrics are counted before it loads
them.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from services.settings.settings import Settings
from tests.servers import CHECKOUT, environment_of, forking

_SECONDS = 60


class Forked:
    """A forked process, with the methods of `subprocess.Popen`."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        process.start()
        assert process.pid
        self.pid = process.pid

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait for the end; its exit status."""
        self._process.join(timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired("tandem", timeout)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()


Child = Forked | subprocess.Popen[bytes]


def fork(
    words: tuple[str, ...], environment: Mapping[str, str], log: Path, given: str = ""
) -> Forked:
    """Start a command with a text on its stdin; its output goes to the log."""
    from tests.served import command

    log.touch()  # the child opens it a moment later than its test may read it
    return Forked(forking.Process(target=command, args=(words, environment, str(log), given)))


def _executed(words: tuple[str, ...], environment: Mapping[str, str], log: Path) -> Child:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", *words],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


async def tandem(
    settings: Settings | None, *words: str, given: str = "", **more: str
) -> tuple[int, str]:
    """Run a command to its end, with a text on its stdin; its exit status and what it said.

    Without settings it runs on the embedded servers.
    """
    environment = environment_of(settings, **more)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        executed = words[0] == "serve"
        child = (
            _executed(words, environment, log) if executed else fork(words, environment, log, given)
        )
        try:
            status = await asyncio.to_thread(child.wait, _SECONDS)
        finally:
            child.kill()
        return status, log.read_text()


@contextmanager
def running(log: Path, settings: Settings | None, *words: str, **more: str) -> Iterator[Child]:
    """A command that runs until the block ends, without settings on the embedded servers."""
    environment = environment_of(settings, **{"TANDEM_JOB_POLL_SECONDS": "0.1", **more})
    if "--data" not in words:  # mails go below that folder, which is the checkout's own
        environment.setdefault("TANDEM_MAIL_FOLDER", str(log.parent / "mails"))
    start = _executed if words[0] == "serve" else fork
    child = start(words, environment, log)
    try:
        yield child
    finally:
        child.kill()
        child.wait(60)
