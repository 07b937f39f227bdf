"""Connections that wait are accepted together, however long a turn of the event loop takes."""

import asyncio
import socket

import uvloop

from api.http.accepting import Accepting

_CLIENTS = 50


class Counted(asyncio.Protocol):
    """A connection that says when it is made."""

    def __init__(self, made: list[asyncio.BaseTransport]) -> None:
        self._made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._made.append(transport)


async def turns_until_accepted(clients: int) -> int:
    """The turns of the event loop in which a server accepts so many clients that wait."""
    made: list[asyncio.BaseTransport] = []

    def new_protocol() -> asyncio.Protocol:
        return Counted(made)

    with socket.create_server(("127.0.0.1", 0), backlog=clients) as listener:
        address = listener.getsockname()
        server = await asyncio.get_running_loop().create_server(new_protocol, sock=listener)
        accepting = Accepting([listener.fileno()], new_protocol)
        waiting = [socket.create_connection(address) for _ in range(clients)]
        turns = 0
        while len(made) < clients:
            await asyncio.sleep(0)
            turns += 1
        accepting.close()
        server.close()
        for client in waiting:
            client.close()
        for transport in made:
            transport.close()
        return turns


def test_connections_that_wait_are_accepted_in_few_turns() -> None:
    assert uvloop.run(turns_until_accepted(_CLIENTS)) < _CLIENTS / 5
