"""The HTTP server of one process: uvicorn, which drains before it stops.

After SIGTERM the process goes on answering for ``TANDEM_DRAIN_SECONDS``: readiness says 503, and
each answer closes its connection, so that balancers send new requests elsewhere. Event streams end
at once, with an error that tells when to come back. Then the listener
closes, and requests in flight finish. After Ctrl-C it does not wait for balancers. A second signal
ends it at once.
"""

import asyncio
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn

from api.http.accepting import Accepting
from api.http.edge import Edge
from services.settings.settings import Settings

#: After the drain, requests in flight finish, then the application closes.
FINISH_SECONDS = 18
CLOSE_SECONDS = 22
#: The largest message of a WebSocket; a larger one closes it with 1009.
MESSAGE_BYTES = 65_536
#: How often a WebSocket's client is asked whether it is still there, and how long it may take.
PING_SECONDS = 20
#: Signals within this time are one.
_SAME_SIGNAL_SECONDS = 0.5


class HttpServer(uvicorn.Server):
    """uvicorn's server with a drain.

    ``on_signal`` is called at the first signal, ``on_stop`` when the listener is about to close.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        drain_seconds: float,
        on_stop: Callable[[], None] | None = None,
        on_signal: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._drained_at: float | None = None
        self._signalled_at = 0.0
        self._on_stop = on_stop
        self._on_signal = on_signal
        self._accepting: Accepting | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen."""
        await super().startup(sockets)
        listeners = [each.fileno() for server in self.servers for each in server.sockets]
        self._accepting = Accepting(listeners, self._new_connection)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the drain at the first signal; end at once at the second."""
        now = time.monotonic()
        if self._drained_at is not None:
            # A terminal sends Ctrl-C to every process, and the supervisor passes it on.
            if now - self._signalled_at > _SAME_SIGNAL_SECONDS:
                self.should_exit = self.force_exit = True
                logging.disable()  # what is cut off would be told as a failure
            return
        self._signalled_at = now
        if self._on_signal:
            self._on_signal()
        self._captured_signals.append(sig)
        waits = self.started and sig == signal.SIGTERM
        self._drained_at = now + (self._drain_seconds if waits else 0)
        if isinstance(edge := self.config.loaded_app, Edge):
            edge.drain()
        if not waits:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Measure the load, and stop once the drain is over; uvicorn calls this every 0.1 s."""
        state, edge = self.server_state, self.config.loaded_app
        if isinstance(edge, Edge):
            edge.admission.measure(len(state.tasks), state.total_requests)
            if counter % 10 == 0:
                edge.admission.report()
        if self._drained_at is not None and isinstance(edge, Edge):
            # Here and not at the signal, which may come in the middle of anything.
            edge.end_streams()
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener, and let requests in flight finish."""
        if self._on_stop:
            self._on_stop()
        if self._accepting:
            self._accepting.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(super().shutdown(sockets), CLOSE_SECONDS)

    def _new_connection(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        state = self.lifespan.state
        return make(config=self.config, server_state=self.server_state, app_state=state)


def socket_connection(**given: Any) -> asyncio.Protocol:
    """The connection of a WebSocket; the first one loads its library."""
    from api.streams.connection import SocketConnection

    return SocketConnection(**given)


def server_config(app: str | Callable[[], Any], settings: Settings, **more: Any) -> uvicorn.Config:
    """uvicorn's configuration for a factory of the application."""
    return uvicorn.Config(
        app,
        factory=True,
        loop="auto" if sys.platform == "win32" else "uvloop",
        # Names, as a reloading process must be able to tell a mistake in these modules.
        http="api.http.connection:Connection",
        ws="api.cli.http_server:socket_connection",
        ws_max_size=MESSAGE_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        # A compressor keeps up to 300 KB for each socket.
        ws_per_message_deflate=False,
        # A balancer must close idle connections first, or its next request meets a closed one.
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=FINISH_SECONDS,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        **more,
    )
