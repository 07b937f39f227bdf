"""What tests of jobs and mails share: a queue, workers, and a mail server that keeps its mails."""

import asyncio
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from api.worker import Worker
from services.jobs.handlers import SCHEDULES
from services.jobs.queue import Handler, enqueue
from services.operation.context import Context
from services.users.own_account import me
from tests.shop import Shop

#: Longest wait for what another process brings about; a busy machine takes half of it to start one.
_SECONDS = 90
#: Sockets that keep the ports that were given out; nobody is given such a port again.
_kept: list[socket.socket] = []


async def eventually(found: Callable[[], Awaitable[Any]], seconds: float = _SECONDS) -> Any:
    """Wait until something is so, which another task or process brings about; what was found."""
    limit = time.monotonic() + seconds
    while True:
        if value := await found():
            return value
        assert time.monotonic() < limit, "it never was so"
        await asyncio.sleep(0.02)


async def queue(shop: Shop, name: str, after: float = 0, **data: Any) -> str:
    """Queue a job as an operation does, to run ``after`` so many seconds; its id."""
    request, wait = shop.request(), timedelta(seconds=after)
    async with shop.process.database.transaction(request.stats) as tx:
        return await enqueue(Context(request, me, None), tx, name, data, after=wait)


async def left(shop: Shop) -> list[tuple[str, str]]:
    """The jobs in the queue, name and status; what comes by itself is left out."""
    rows = await shop.rows("SELECT entrypoint, status::text FROM jobs ORDER BY id")
    return [
        (row["entrypoint"], row["status"]) for row in rows if row["entrypoint"] not in SCHEDULES
    ]


async def done(shop: Shop) -> None:
    """Wait until the queue is empty."""

    async def empty() -> bool:
        return not await shop.rows("SELECT FROM jobs")

    await eventually(empty)


async def waiting_for_locks(shop: Shop) -> int:
    """How many statements wait for a lock in the shop's database."""
    return await shop.value(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )


@asynccontextmanager
async def working(
    shop: Shop, handlers: Mapping[str, Handler], at_once: Mapping[str, int] | None = None
) -> AsyncIterator[Worker]:
    """A worker in this process."""
    worker = Worker(shop.process, handlers, at_once or {})
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, _SECONDS)


@dataclass
class MailServer:
    """Keeps the mails it gets; ``answer`` may wait, or do something else, before it takes one."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    answer: Callable[[], Awaitable[str]] | None = None
    #: The same, before it takes anything.
    before: Callable[[], Awaitable[str]] | None = None

    @property
    def url(self) -> str:
        """Its address, as a setting."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """One mail is about to come."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self.before() if self.before else "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """One mail has come in."""
        assert isinstance(envelope.content, bytes)
        mail = BytesParser(policy=SMTP).parsebytes(envelope.content)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(envelope.rcpt_tos)
        return await self.answer() if self.answer else "250 OK"


@contextmanager
def listening(server: MailServer, **options: Any) -> Iterator[MailServer]:
    """The mail server, reachable for as long as the block."""
    controller = Controller(
        server, hostname="127.0.0.1", port=server.port, ready_timeout=_SECONDS, **options
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody listens on, for a server that is about to start.

    On Linux it stays bound, so that no other process is given it. A server may bind it
    all the same, as both allow that with SO_REUSEADDR and this socket does not listen.
    """
    found = socket.socket()
    if sys.platform == "linux":
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _kept.append(found)
    found.bind(("127.0.0.1", 0))
    port = found.getsockname()[1]
    if found not in _kept:
        found.close()
    return port


def token_in(mail: EmailMessage) -> str:
    """The token that a mail carries, on its own and in its link."""
    tokens = set(re.findall(r"td[vp]_[\w-]+", mail.get_content()))
    assert len(tokens) == 1, tokens
    return tokens.pop()
