"""`tandem serve --reload`: the server starts again when code changes, and shows a mistake in it.

While the code cannot be loaded, the parent answers every request with 503 and the mistake. This
module loads nothing of Tandem's, so that the server process can tell a mistake wherever it is.
"""

import json
import socket
import sys
import threading
import traceback
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from pkgutil import resolve_name

_UNKNOWN = "The server process ended. The terminal says why."
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>The code cannot be loaded</title></head>
<body><h1>The code cannot be loaded</h1><pre>{mistake}</pre>
<p>Tandem starts again when the code changes.</p></body></html>
"""


def serve_reloaded(sockets: list[socket.socket] | None, server_name: str, told: Path) -> None:
    """Serve in a process of its own; a mistake in the code goes to the terminal and to ``told``.

    ``server_name`` names the function that makes the server, such as ``module:function``.
    """
    told.unlink(missing_ok=True)
    try:
        server = resolve_name(server_name)()
    except Exception as error:
        mistake = _mistake(error)
        told.write_text(mistake, "utf-8")
        sys.stderr.write(f"The code cannot be loaded:\n\n{mistake}\n")
        sys.exit(1)
    server.run(sockets=sockets)


class MistakePage:
    """Answers every request on a socket with a mistake, until it is closed."""

    def __init__(self, listener: socket.socket, told: Path) -> None:
        mistake = told.read_text("utf-8") if told.exists() else _UNKNOWN
        self._server = _Server(listener, mistake)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the socket to somebody else."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, mistake: str) -> None:
        super().__init__(listener.getsockname()[:2], _Answer, bind_and_activate=False)
        self.mistake = mistake
        self.socket.close()
        self.socket = listener.dup()  # the listener itself outlives this server
        self.server_activate()


class _Answer(BaseHTTPRequestHandler):
    timeout = 10
    server: _Server

    def handle_one_request(self) -> None:
        """Answer any method."""
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.close_connection = True
        mistake = self.server.mistake
        if "text/html" in self.headers.get("Accept", ""):
            kind, body = "text/html; charset=utf-8", _PAGE.format(mistake=escape(mistake))
        else:
            problem = {"title": "The code cannot be loaded.", "status": 503, "detail": mistake}
            kind = "application/problem+json"
            body = json.dumps({**problem, "code": "UNAVAILABLE"})
        self.send_response_only(503)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body.encode()))),
            ("Retry-After", "1"),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())


def _mistake(error: Exception) -> str:
    """The error with the lines of code that led to it, the last ones first to be seen."""
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error))
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    lines = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return "".join(lines)
