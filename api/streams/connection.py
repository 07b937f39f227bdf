"""A WebSocket's connection: uvicorn's, which a stream that ends may cut off."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request


class SocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's connection of a WebSocket."""

    def handle_connect(self, event: Request) -> None:
        """Take the handshake, and let the application cut the connection."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["tandem.abort"] = self.transport.abort
