"""Runs the server processes and the worker beside them, from their start to a signal."""

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from api.cli.terminal import CHECKOUT, loading
from api.local.supervisor import SupervisedProcess
from services.settings import Settings

LAYERS = ("api", "schema", "services", "persistence")
# After a signal, requests finish, then the application closes, then the embedded servers stop.
# All of it takes less than the 30 s after which supervisors usually kill a process.
DRAIN_SECONDS = 20
CLOSE_SECONDS = 24


def run(
    listener: socket.socket,
    workers: int,
    reload: bool,
    child: SupervisedProcess | None,
    settings: Settings,
) -> bool:
    """Serve until a signal: in one process, with workers, or restarting when code changes.

    ``child`` is told to end together with the servers. Returns False when a server process could
    not start.
    """
    import uvicorn
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import ChangeReload, Multiprocess

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if child:
                child.request_stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(super().shutdown(sockets), CLOSE_SECONDS)

    class Workers(Multiprocess):
        def terminate_all(self) -> None:
            if child:
                child.request_stop()
            super().terminate_all()

        def join_all(self) -> None:
            limit = time.monotonic() + CLOSE_SECONDS
            for worker in self.processes:
                worker.process.join(max(0.0, limit - time.monotonic()))
                worker.process.kill()

    class Reloading(ChangeReload):
        def restart(self) -> None:
            if child:
                child.restart()
            super().restart()

        def shutdown(self) -> None:
            if child:
                child.request_stop()
            super().shutdown()

    single = workers == 1 and not reload
    config = uvicorn.Config(
        "api.app:create_app" if single else "api.cli.server_processes:worker_app",
        factory=True,
        workers=workers,
        reload=reload,
        reload_dirs=[str(CHECKOUT / layer) for layer in LAYERS] if reload else None,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http="httptools",
        # A balancer must close idle connections first, or its next request meets a closed one.
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    if single:
        with loading():
            config.load()
        Server(config).run(sockets=[listener])
    elif reload:
        Reloading(config, target=uvicorn.Server(config).run, sockets=[listener]).run()
    else:
        supervisor = Workers(config, sockets=[listener])
        supervisor.run()
        return all(worker.exitcode != STARTUP_FAILURE for worker in supervisor.processes)
    return True


def worker_beside() -> SupervisedProcess:
    """A worker as a child process; it reads the servers' addresses from the environment."""
    command = [sys.executable, "-m", "api.cli", "worker", "--follow"]
    return SupervisedProcess(command, CHECKOUT, CLOSE_SECONDS)


def worker_app() -> Any:
    """The application in a worker process, which ends when its parent does.

    A worker that outlives a killed parent would hold the port for ever.
    """
    with loading():
        from api.app import create_app

    def follow() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()
    return create_app()
