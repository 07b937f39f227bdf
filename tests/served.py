"""The functions that forked processes run; `tests/servers.py` forks them.

The process that forks loads this module once. It imports the application, and nothing of pytest.
"""

import atexit
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

gc.disable()  # as `tandem` does while it loads
import api.cli.worker  # noqa: E402, F401 - loaded for `command`
from api.app import create_app  # noqa: E402
from api.cli.__main__ import main  # noqa: E402
from api.cli.http_server import HttpServer, server_config  # noqa: E402
from services.process import new_process  # noqa: E402
from services.settings.settings import Settings  # noqa: E402

gc.enable()


def serve(
    environment: Mapping[str, str], log: str, listener: socket.socket, clock: str | None
) -> None:
    """Serve the application on a socket until SIGTERM comes or the tests' process ends.

    With a ``clock``, the server reads the time from that file.
    """
    _prepare(environment, log)

    def standing() -> Any:
        assert clock
        told = Path(clock)
        return create_app(new_process(Settings(), lambda: datetime.fromisoformat(told.read_text())))

    settings = Settings()
    config = server_config(standing if clock else create_app, settings, lifespan="on")
    HttpServer(config, settings.drain_seconds).run(sockets=[listener])


def command(words: Sequence[str], environment: Mapping[str, str], log: str, given: str) -> None:
    """Run the `tandem` command with a text on its stdin."""
    _prepare(environment, log)
    reading, writing = os.pipe()
    os.write(writing, given.encode())
    os.close(writing)
    os.dup2(reading, 0)
    sys.stdin = open(0)  # noqa: SIM115 - it lasts as long as the process
    sys.argv = ["tandem", *words]
    try:
        main()
    finally:
        atexit._run_exitfuncs()  # multiprocessing does not run them


def _prepare(environment: Mapping[str, str], log: str) -> None:
    """Take the environment, write output to the log, and end with the tests' process."""
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
