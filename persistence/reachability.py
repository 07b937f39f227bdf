"""Whether a server answers: told once in the log when it is lost, and once when it is back."""

import os
import re
import socket
import ssl
import time
from urllib.parse import parse_qs, urlsplit

import structlog

from persistence.database_url import as_url

log = structlog.get_logger("tandem.reachability")

#: A loss so soon after the last line is told only if it lasts: a server that half works would fill
#: the log.
_QUIET_SECONDS = 5


class Reachability:
    """One server, as far as one process can reach it.

    ``then`` says what a loss means for callers. The log is written unless ``tells`` is false, as it
    is for a command that says it in its own way.
    """

    def __init__(self, server: str, url: str, then: str) -> None:
        self.tells = True
        #: True from the line that tells the loss to the one that tells the return.
        self.lost = False
        self._server = server
        self._place = place_of(url)
        self._then = then
        self._quiet_until = 0.0

    def failed(self, error: BaseException) -> None:
        """Note that the server did not answer."""
        if self.tells and not self.lost and time.monotonic() >= self._quiet_until:
            self.lost = True
            log.warning(
                f"{self._server} cannot be reached",
                place=self._place,
                reason=reason(error),
                then=self._then,
            )

    def answered(self) -> None:
        """Note that the server answered."""
        if self.lost:
            self.lost = False
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            log.info(f"{self._server} is back", place=self._place)


def reason(error: BaseException) -> str:
    """Why a server could not be reached, in words; never an address or a value."""
    while type(error).__module__.startswith(("persistence.", "redis.")) and error.__cause__:
        error = error.__cause__
    if isinstance(error, socket.gaierror):
        return "the host's name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and (number := error.errno or _number_in(str(error))):
        return os.strerror(number).lower()
    return str(error).partition("\n")[0].strip(" .:") or type(error).__name__


def _number_in(text: str) -> int:
    """The system's error number in the text of an error that joins several ones, else 0."""
    found = re.search(r"\[Errno (\d+)\]", text)
    return int(found[1]) if found else 0


def place_of(url: str) -> str:
    """An address without its user and password."""
    parts = urlsplit(as_url(url))
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    server = parts.netloc.rpartition("@")[2] or options.get("host", "")
    name = parts.path or (f"/{options['dbname']}" if "dbname" in options else "")
    return f"{server}{name}"
