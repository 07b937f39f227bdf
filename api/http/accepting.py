"""Accepts the connections that wait, many in a turn of the event loop.

uvloop accepts one connection a turn. A turn of a busy server takes tens of milliseconds, so new
connections would wait for seconds, and the kernel would drop those beyond its queue.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

#: Connections accepted in one turn, by each listener. The others wait for the next turn.
_AT_ONCE = 100

ProtocolFactory = Callable[[], asyncio.Protocol]


class Accepting:
    """Accepts connections beside the event loop's own server, until it is closed.

    ``listeners`` has the server's sockets, ``new_protocol`` makes what serves a connection.
    """

    def __init__(self, listeners: Iterable[int], new_protocol: ProtocolFactory) -> None:
        self._loop = asyncio.get_running_loop()
        self._new_protocol = new_protocol
        self._opening = set[asyncio.Task[object]]()
        self._listeners = [socket.socket(fileno=socket.dup(each)) for each in listeners]
        for listener in self._listeners:
            listener.setblocking(False)
            self._loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        """Accept nothing more."""
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        self._listeners = []

    def _accept(self, listener: socket.socket) -> None:
        # Another process may have been quicker, and the client may have left. With too many open
        # files the event loop's own server makes room.
        with suppress(OSError):
            for _ in range(_AT_ONCE):
                connection, _ = listener.accept()
                task = self._loop.create_task(self._serve(connection))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)

    async def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            await self._loop.connect_accepted_socket(self._new_protocol, connection)
