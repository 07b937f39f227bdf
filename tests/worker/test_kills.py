"""Kills workers again and again over their jobs: nothing is lost, and nothing is done twice.

The test finds the moment of a kill by watching what the worker talks to. A lock that the test holds
stops the worker before a COMMIT or after one. The mail server stops it before or after it takes a
mail.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from persistence.database.transactions import QueryStats
from services.books.running import run_checks
from services.process import new_process
from tests.commands import Forked, fork
from tests.conftest import Addresses, settings_for
from tests.servers import environment_of
from tests.shop import Person, Shop
from tests.worker.work import MailServer, eventually, free_port, left, listening, queue

#: Kills, by the run's depth. Five are one kill at each point at which a worker can die.
KILLS = (5, 20, 100)
JOBS_BETWEEN = 25
#: Amounts that the sandbox provider decides after three seconds: by an answer, and by two events.
LATE = ("9000.03", "9000.05")

_NEXT_STEP = re.compile(
    r"(Its pieces are held for you until it is paid or expires"
    r"|Its present status is in your account)\."
)
_WAITS = """
SELECT pid FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database() AND query ~ $1
"""
_WALLETS = "SELECT FROM accounts WHERE user_id IS NOT NULL FOR UPDATE"


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    yield Shop(process, password_hash)
    await process.close()


@pytest.fixture
def mails() -> Iterator[MailServer]:
    """A mail server."""
    with listening(MailServer(free_port())) as server:
        yield server


class Workers:
    """Starts workers and kills them."""

    def __init__(self, shop: Shop, mails: MailServer, logs: Path) -> None:
        self._environment = environment_of(
            shop.process.settings,
            TANDEM_SMTP_URL=mails.url,
            TANDEM_JOB_POLL_SECONDS="0.05",
            TANDEM_JOB_LEASE_SECONDS="1",
            TANDEM_JOB_RETRY_SECONDS="0.05",
            TANDEM_JOB_RETRY_MAX_SECONDS="0.5",
            # Each kill costs an attempt, and a charge asks until it is decided.
            TANDEM_JOB_ATTEMPTS="1000",
            TANDEM_PROVIDER_SECONDS="2",
            TANDEM_EXPIRY_SECONDS="1",
            TANDEM_AUDIT_SEAL_SECONDS="1",
        )
        self._logs = logs
        self._started = 0
        self._living: list[Forked] = []

    def start(self) -> None:
        """Two workers."""
        for _ in range(2):
            self._started += 1
            log = self._logs / f"{self._started}.log"
            self._living.append(fork(("worker",), self._environment, log))

    def kill(self) -> None:
        """SIGKILL to both."""
        for worker in self._living:
            worker.kill()
        self._living.clear()


@contextmanager
def killed_workers(shop: Shop, mails: MailServer, logs: Path) -> Iterator[Workers]:
    """Workers to start and kill; the end of the block kills those that are left."""
    workers = Workers(shop, mails, logs)
    try:
        yield workers
    finally:
        workers.kill()


class Wave:
    """The jobs that are queued between two kills: five kinds, each with an effect of its own."""

    def __init__(self, shop: Shop, people: list[Person]) -> None:
        self._shop = shop
        self._people = people
        self.deposits: list[str] = []
        self.paid: list[str] = []
        self.late: list[str] = []
        self.verifying: list[str] = []
        self.jobs = 0

    async def queue(self) -> None:
        """Twenty-five jobs, and an order for the schedule to expire.

        A payment is three of them: the mail, the invoice and its PDF.
        """
        shop = self._shop
        product = await shop.product("1.00", stock=100)
        for place in range(8):
            person = self._people[place % len(self._people)]
            self.deposits.append((await shop.deposit(person, LATE[place % 2])).id)
        for person in self._people[:2]:
            self.paid.append((await shop.order(person, [(product.id, 1)], paid=True)).id)
        self.late.append((await shop.order(self._people[0], [(product.id, 1)])).id)
        for place in range(11):
            person = self._people[place % len(self._people)]
            job = await queue(shop, "mail.verifyEmail", userId=person.id, email=person.email)
            self.verifying.append(job)
        await shop.execute(
            "UPDATE deposits SET created_at = created_at - interval '10 s' WHERE status = 'PENDING'"
        )
        await shop.execute(
            "UPDATE orders SET expires_at = now() WHERE id = ANY($1) AND status = 'PENDING'",
            self.late,
        )
        self.jobs += 8 + 2 * 3 + 11


async def waiting(shop: Shop, query: str) -> list[int]:
    """The connections that wait for a lock with such a statement, once there are some."""

    async def found() -> list[int]:
        return [row["pid"] for row in await shop.rows(_WAITS, query)]

    return await eventually(found)


@asynccontextmanager
async def before_commit(shop: Shop) -> AsyncIterator[None]:
    """Go on once a worker has begun to settle a deposit and waits for its wallet."""
    async with shop.process.database.transaction(QueryStats()) as tx:
        await tx.run(_WALLETS)
        await waiting(shop, "FROM accounts")
        yield


@asynccontextmanager
async def after_commit(shop: Shop) -> AsyncIterator[None]:
    """Go on once a worker has settled a deposit and cannot take its job out of the queue."""
    database = shop.process.database
    async with database.transaction(QueryStats()) as queue_lock:
        async with database.transaction(QueryStats()) as wallets_lock:
            await wallets_lock.run(_WALLETS)
            await waiting(shop, "FROM accounts")
            await queue_lock.run("LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE")
        asked = await waiting(shop, "DELETE FROM jobs")
        yield
        # PostgreSQL would still run the statement of a worker that is dead.
        for pid in asked:
            await shop.value("SELECT pg_terminate_backend($1, 5000)", pid)


@asynccontextmanager
async def stopped(mails: MailServer, *, taken: bool) -> AsyncIterator[None]:
    """Go on once a worker is at the mail server, before its mail is taken or after that."""
    loop, there, go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    async def wait() -> str:
        loop.call_soon_threadsafe(there.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), loop))
        return "250 OK"

    if taken:
        mails.answer = wait
    else:
        mails.before = wait
    try:
        await asyncio.wait_for(there.wait(), 90)
        yield
    finally:
        mails.answer = mails.before = None
        go.set()


@asynccontextmanager
async def somewhere() -> AsyncIterator[None]:
    """Go on at any moment."""
    await asyncio.sleep(random.uniform(0.05, 0.5))
    yield


def point(turn: int, shop: Shop, mails: MailServer) -> AbstractAsyncContextManager[None]:
    """The point at which the workers of this turn are killed."""
    match turn % 5:
        case 0:
            return before_commit(shop)
        case 1:
            return after_commit(shop)
        case 2:
            return stopped(mails, taken=False)
        case 3:
            return stopped(mails, taken=True)
        case _:
            return somewhere()


async def test_kills_lose_nothing_and_do_nothing_twice(
    shop: Shop, mails: MailServer, depth: int, tmp_path: Path
) -> None:
    people = [await shop.person(balance="1000.00") for _ in range(5)]
    wave = Wave(shop, people)
    with killed_workers(shop, mails, tmp_path) as workers:
        for turn in range(KILLS[depth]):
            await wave.queue()
            workers.start()
            async with point(turn, shop, mails):
                workers.kill()
        assert wave.jobs == KILLS[depth] * JOBS_BETWEEN
        workers.start()
        await eventually(lambda: settled(shop, wave), seconds=300)
    assert await left(shop) == []
    await inside_once(shop, wave)
    await outside_at_least_once(shop, mails, wave)
    wrong = {
        result.name: result.ids
        for result in await run_checks(shop.process.settings.database_url)
        if result.wrong
    }
    assert wrong == {}
    # Jobs were picked again, so the kills came in the middle of them.
    again = "SELECT count(*) - count(DISTINCT job_id) FROM job_log WHERE status = 'picked'"
    assert await shop.value(again) >= KILLS[depth]


async def settled(shop: Shop, wave: Wave) -> bool:
    """The schedule has come by, and nothing is queued, also not by it."""
    waiting = "SELECT count(*) FROM orders WHERE id = ANY($1) AND status = 'PENDING'"
    return not await shop.value(waiting, wave.late) and not await left(shop)


async def inside_once(shop: Shop, wave: Wave) -> None:
    """Every effect in the database is there, once."""

    async def times(sql: str, ids: list[str]) -> dict[str, int]:
        return {row["id"]: row["times"] for row in await shop.rows(sql, ids)}

    credited = await times(
        "SELECT deposit_id AS id, count(*) AS times FROM transfers "
        "WHERE deposit_id = ANY($1) GROUP BY 1",
        wave.deposits,
    )
    assert credited == dict.fromkeys(wave.deposits, 1)
    decided = await times(
        "SELECT entity_id AS id, count(*) AS times FROM audit_log WHERE entity_id = ANY($1) "
        "AND action = 'deposits.settle' AND changed = ARRAY['status'] GROUP BY 1",
        wave.deposits,
    )
    assert decided == dict.fromkeys(wave.deposits, 1)
    invoiced = await times(
        "SELECT order_id AS id, count(*) AS times FROM invoices "
        "JOIN invoice_pdfs ON invoice_id = invoices.id WHERE order_id = ANY($1) GROUP BY 1",
        wave.paid,
    )
    assert invoiced == dict.fromkeys(wave.paid, 1)
    expired = await times(
        "SELECT order_id AS id, count(*) AS times FROM order_history "
        "WHERE order_id = ANY($1) AND to_status = 'EXPIRED' GROUP BY 1",
        wave.late,
    )
    assert expired == dict.fromkeys(wave.late, 1)
    tokens = await times(
        "SELECT id, count(*) AS times FROM mail_tokens WHERE id = ANY($1) GROUP BY 1",
        wave.verifying,
    )
    assert tokens == dict.fromkeys(wave.verifying, 1)


async def outside_at_least_once(shop: Shop, mails: MailServer, wave: Wave) -> None:
    """Every mail has come; a mail that came twice has the same id and the same words."""
    said: dict[str, set[str]] = {}
    for mail in mails.mails:
        # An order may expire between two mails of its placing: this sentence alone follows it.
        text = _NEXT_STEP.sub("", mail.get_content())
        said.setdefault(mail["Message-ID"], set()).add(mail["Subject"] + text)
    assert [texts for texts in said.values() if len(texts) > 1] == []
    assert len(mails.mails) > len(said)
    assert {f"<{job}@localhost>" for job in wave.verifying} <= said.keys()
    subjects = Counter(next(iter(texts)).partition(" is paid")[0] for texts in said.values())
    numbers = await shop.rows("SELECT number FROM orders WHERE id = ANY($1)", wave.paid)
    for row in numbers:
        assert subjects[f"Your order {row['number']}"] == 1
