"""What the wrapper does when things go wrong under it: lost connections, locks, limits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from persistence.fast.idle_connections import IdleConnections
from services.process import Process, new_process
from services.settings.settings import (
    DEVELOPMENT_SECRET,
    DEVELOPMENT_WEBHOOK_SECRET,
    Environment,
    Settings,
)
from tests.conftest import settings_for
from tests.faces import Service
from tests.shop import Person, Shop, new_key
from tests.worker.work import eventually

WAITING = (
    "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
    "AND datname = current_database() AND application_name = 'tandem'"
)


@asynccontextmanager
async def process_with(shop: Shop, **more: Any) -> AsyncIterator[Service]:
    """The operations in a process of other settings, on the same database."""
    settings = shop.process.settings
    given = {"database_url": settings.database_url, "redis_url": settings.redis_url, **more}
    process = new_process(settings_for(**given), shop.process.clock)
    try:
        yield Service(Shop(process, shop.password_hash))
    finally:
        await process.close()


@asynccontextmanager
async def locked(shop: Shop, sql: str, *values: Any) -> AsyncIterator[Any]:
    """Somebody else's transaction that holds a lock; undone in the end."""
    async with shop.process.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetch(sql, *values)
        try:
            yield connection
        finally:
            await transaction.rollback()


async def until(found: Callable[[], Awaitable[Any]], task: "asyncio.Task[Any]") -> Any:
    """Wait for something to be so while a call goes on."""
    while True:
        if value := await found():
            return value
        assert not task.done(), task.result()


ORDER = "SELECT 1 FROM orders WHERE id = $1 FOR UPDATE"


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="100.00")


async def test_a_connection_lost_under_way_is_unavailable_and_changes_nothing(
    shop: Shop, buyer: Person
) -> None:
    order, key, door = await shop.order(buyer), new_key(), Service(shop)
    async with shop.unchanged(), locked(shop, ORDER, order.id):
        call = asyncio.create_task(door.call("orders.pay", {"id": order.id}, caller=buyer, key=key))
        victim = await until(lambda: shop.value(WAITING), call)
        await shop.value("SELECT pg_terminate_backend($1)", victim)
        outcome = await call
        assert (outcome.code, outcome.status) == ("UNAVAILABLE", 503)
    retried = await door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)
    assert retried.ok
    assert not retried.replayed


async def test_a_statement_that_takes_too_long_is_a_timeout(shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer)
    async with process_with(shop, statement_seconds=0.2) as door:
        async with shop.unchanged(), locked(shop, ORDER, order.id):
            outcome = await door.call("orders.cancel", {"id": order.id}, caller=buyer)
        assert (outcome.code, outcome.status) == ("TIMEOUT", 504)

        async def goes_on() -> bool:
            # On a slow machine another statement may take too long as well.
            return (await door.call("wallet.get", caller=buyer)).error is None

        await eventually(goes_on)
    assert (await Service(shop).call("orders.cancel", {"id": order.id}, caller=buyer)).ok


async def test_a_lock_that_is_not_free_in_time_is_unavailable(shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer)
    async with process_with(shop, lock_seconds=0.1) as door:
        async with shop.unchanged(), locked(shop, ORDER, order.id):
            outcome = await door.call("orders.cancel", {"id": order.id}, caller=buyer)
        assert (outcome.code, outcome.status) == ("UNAVAILABLE", 503)


async def test_a_pool_without_a_free_connection_is_unavailable(shop: Shop, buyer: Person) -> None:
    async with process_with(shop, pool_max=2, pool_wait_seconds=0.1) as door:
        database = door._shop.process.database
        async with database.connection(), database.connection():
            outcome = await door.call("wallet.get", caller=buyer)
        assert (outcome.code, outcome.status) == ("UNAVAILABLE", 503)
        assert (await door.call("wallet.get", caller=buyer)).ok


async def test_connections_at_hand_are_few_clean_and_never_kept_from_who_waits(shop: Shop) -> None:
    async with process_with(shop, pool_min=2, pool_max=2, fast_paths=True) as door:
        database = door._shop.process.database
        idle = await database._opened()
        assert isinstance(idle, IdleConnections)
        async with database.connection(), database.connection():
            waiter = asyncio.create_task(door._shop.value("SELECT 1"))
            await until(lambda: soon(lambda: idle._asking), waiter)
        assert await waiter == 1
        async with database.connection() as one, database.connection():
            await one.execute("BEGIN")
        async with database.connection() as one, database.connection() as other:
            assert not one.is_in_transaction()
            assert not other.is_in_transaction()
        kept = await door._shop.value("SELECT pg_backend_pid()")
        assert await door._shop.value("SELECT pg_backend_pid()") == kept
        await shop.value("SELECT pg_terminate_backend($1)", kept)
        long = asyncio.create_task(asyncio.sleep(30))
        await until(lambda: soon(lambda: idle._idle[-1]._con is None), long)
        long.cancel()
        assert await door._shop.value("SELECT pg_backend_pid()") != kept


#: What a session has besides what it began with: settings, and what it holds or waits for.
LEFT_BEHIND = """
    SELECT name FROM pg_settings WHERE source = 'session' AND setting <> reset_val
    UNION ALL SELECT 'advisory lock' FROM pg_locks
        WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    UNION ALL SELECT 'channel ' || channel FROM pg_listening_channels() AS channel
    UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE name <> ''
    UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()
"""


async def test_nothing_leaves_state_on_the_connections_that_nobody_resets(
    shop: Shop, buyer: Person
) -> None:
    product = await shop.product("5.00", stock=5)
    lines = [{"productId": product.id, "quantity": 1}]
    admin = await shop.person("ADMIN")
    async with process_with(shop, pool_min=2, pool_max=2) as door:
        database = door._shop.process.database

        async def left() -> list[str]:
            async with database.connection() as one, database.connection() as other:
                return [row[0] for each in (one, other) for row in await each.fetch(LEFT_BEHIND)]

        placed = await door.call("orders.create", {"lines": lines}, caller=buyer, key=new_key())
        for _ in range(2):
            await door.call("orders.pay", {"id": placed.ok["id"]}, caller=buyer, key=new_key())
        for name in ("products.list", "orders.list", "wallet.get", "users.me", "sessions.list"):
            assert (await door.call(name, caller=buyer)).ok is not None
        for name in ("orders.listAll", "audit.list", "jobs.list", "auth.logoutEverywhere"):
            assert (await door.call(name, caller=admin)).error is None
        assert await left() == []
        async with database.connection() as connection:
            await connection.execute("SET work_mem = '5MB'; LISTEN something")
        assert await left() == ["work_mem", "channel something"]


async def soon(found: Callable[[], Any]) -> Any:
    """What is found, after a moment."""
    await asyncio.sleep(0.001)
    return found()


async def test_a_database_that_is_not_there_is_unavailable(shop: Shop, buyer: Person) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/nothing"
    async with process_with(shop, database_url=nowhere) as door:
        outcome = await door.call("wallet.get", caller=buyer)
        assert (outcome.code, outcome.status) == ("UNAVAILABLE", 503)


async def test_a_deadlock_is_run_again_and_nobody_sees_it(shop: Shop, buyer: Person) -> None:
    product = await shop.product("5.00", stock=5)
    order = await shop.order(buyer, [(product.id, 1)])
    stock = "SELECT 1 FROM stock WHERE product_id = $1 FOR UPDATE"
    # PostgreSQL looks for a deadlock once, so long after a wait began: the other one waits by then.
    url = shop.process.settings.database_url
    patient = f"{url}{'&' if urlsplit(url).query else '?'}deadlock_timeout=5s"
    async with (
        process_with(shop, database_url=patient) as door,
        locked(shop, stock, product.id) as stranger,
    ):
        # The other one never gives in: the call is what PostgreSQL undoes.
        await stranger.execute("SET LOCAL deadlock_timeout = '60s'")
        call = asyncio.create_task(
            door.call("orders.pay", {"id": order.id}, caller=buyer, key=new_key())
        )
        await until(lambda: shop.value(WAITING), call)
        await stranger.fetch(ORDER, order.id)
        # What waited for the stock was undone, and waits for it again.
        await stranger.execute("ROLLBACK")
        outcome = await call
    assert outcome.ok["amount"] == "5.00"
    assert await shop.stock(product.id) == (4, 0)
    assert await shop.audits(buyer) == [
        ("deposits.create", "OK"),
        ("orders.create", "OK"),
        ("orders.pay", "OK"),
    ]


async def admitted(process: Process, person: Person, operation: str, key: str) -> bool:
    """Does a second call with the key wait in this process?"""
    await asyncio.sleep(0)
    lock = process.key_turns._locks.get((person.id, operation, key))
    return lock is not None and lock.users == 2


async def test_a_session_that_ends_after_admission_writes_nothing(shop: Shop, user: Person) -> None:
    key, process = new_key(), shop.process
    async with process.key_turns.acquire(user.id, "deposits.create", key):
        call = asyncio.create_task(
            Service(shop).call("deposits.create", {"amount": "5"}, caller=user, key=key)
        )
        await until(lambda: admitted(process, user, "deposits.create", key), call)
        await shop.revoke(user)
        before = await shop.digest()
    assert (await call).code == "TOKEN_REVOKED"
    assert await shop.digest() == before


async def test_a_role_that_is_taken_away_after_admission_writes_nothing(
    shop: Shop, manager: Person
) -> None:
    key, process = new_key(), shop.process
    values = {"name": "A lamp", "price": "5", "categoryId": await shop.shelf()}
    async with process.key_turns.acquire(manager.id, "products.create", key):
        call = asyncio.create_task(
            Service(shop).call("products.create", values, caller=manager, key=key)
        )
        await until(lambda: admitted(process, manager, "products.create", key), call)
        await shop.execute("UPDATE users SET role = 'USER' WHERE id = $1", manager.id)
        before = await shop.digest()
    assert (await call).code == "TOKEN_REVOKED"
    assert await shop.digest() == before


async def test_a_retry_in_the_same_process_waits_so_long_and_no_longer(
    shop: Shop, user: Person
) -> None:
    async with process_with(shop, key_wait_seconds=0.1) as door:
        key = new_key()
        async with door._shop.process.key_turns.acquire(user.id, "deposits.create", key):
            outcome = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
        assert (outcome.code, outcome.status) == ("IDEMPOTENCY_KEY_IN_USE", 409)
        assert (await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)).ok


async def test_keyed_calls_leave_connections_to_others(shop: Shop, user: Person) -> None:
    async with process_with(shop, pool_max=2, key_wait_seconds=0.1) as door:
        key_turns = door._shop.process.key_turns
        async with key_turns.acquire(user.id, "orders.pay", "another"):
            outcome = await door.call(
                "deposits.create", {"amount": "5"}, caller=user, key=new_key()
            )
            assert (outcome.code, outcome.status) == ("UNAVAILABLE", 503)
            assert (await door.call("wallet.get", caller=user)).ok


@dataclass
class Wire:
    """A wire to PostgreSQL that can be cut right after a COMMIT was sent and done."""

    source: str
    cut_at_commit: bool = False
    dead: bool = False
    commits: int = 0
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        if self.dead:
            writer.close()
            return
        address = urlsplit(self.source)
        given = parse_qs(address.query)
        if "host" in given:
            path = f"{given['host'][0]}/.s.PGSQL.{given.get('port', ['5432'])[0]}"
            there, back = await asyncio.open_unix_connection(path)
        else:
            there, back = await asyncio.open_connection(address.hostname, address.port or 5432)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await asyncio.gather(self._forth(reader, back), self._back(there, writer))
        back.close()
        writer.close()

    async def _forth(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if b"COMMIT\x00" in data and self.cut_at_commit:
                self.commits += 1
            back.write(data)
            await back.drain()
        back.close()

    async def _back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await there.read(65536):
            if self.commits and b"COMMIT\x00" in data:
                # PostgreSQL has committed and says so; nobody hears it.
                self.commits, self.cut_at_commit = 0, False
                writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def wired(shop: Shop) -> AsyncIterator[tuple[Wire, Service]]:
    """A process whose way to PostgreSQL leads over a wire that can be cut."""
    source = shop.process.settings.database_url
    wire = Wire(source)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = urlsplit(source)
    url = f"postgresql://{address.username or 'postgres'}@127.0.0.1:{port}{address.path}"
    try:
        async with process_with(shop, database_url=url, pool_min=1) as door:
            yield wire, door
    finally:
        server.close()


async def test_a_commit_whose_answer_is_lost_is_found_out(shop: Shop, buyer: Person) -> None:
    order, key = await shop.order(buyer), new_key()
    async with wired(shop) as (wire, door):
        assert (await door.call("wallet.get", caller=buyer)).ok
        wire.cut_at_commit = True
        paid = await door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)
        assert paid.ok["orderId"] == order.id
        assert not wire.cut_at_commit  # it was cut
        again = await door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)
    assert again.replayed
    assert again.ok == paid.ok
    assert await shop.balance(buyer) == 100 - order.total


async def test_a_commit_that_cannot_be_found_out_is_told_and_the_key_resolves_it(
    shop: Shop, buyer: Person
) -> None:
    order, key = await shop.order(buyer), new_key()
    async with wired(shop) as (wire, door):
        assert (await door.call("wallet.get", caller=buyer)).ok
        wire.cut_at_commit = wire.dead = True
        lost = await door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)
        assert (lost.code, lost.status) == ("UNAVAILABLE", 503)
        assert lost.failure.details == {"retryAfterSeconds": 1, "outcome": "UNKNOWN"}
        wire.dead = False
        resolved = await door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)
    assert resolved.replayed
    assert resolved.ok["orderId"] == order.id
    assert await shop.balance(buyer) == 100 - order.total


async def test_a_commit_that_failed_is_unavailable(
    shop: Shop, buyer: Person, fresh_database: str
) -> None:
    async with process_with(shop, database_url=fresh_database) as door:
        there = door._shop
        somebody = await there.person(balance="10.00")
        await there.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        await there.execute(
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON deposits "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()"
        )
        values, key = {"amount": "5"}, new_key()
        lost = await door.call("deposits.create", values, caller=somebody, key=key)
        assert (lost.code, lost.status) == ("UNAVAILABLE", 503)
        assert lost.failure.details == {"retryAfterSeconds": 1}
        await there.execute("DROP TRIGGER die ON deposits")
        done = await door.call("deposits.create", values, caller=somebody, key=key)
        assert done.ok
        assert not done.replayed
        assert await there.balance(somebody) == 15


GOOD: dict[str, Any] = {
    "environment": Environment.PRODUCTION,
    "secret": "s" * 32,
    "smtp_url": "smtp://user:word@mail.example:587",
    "mail_from": "Shop <shop@example.com>",
    "public_url": "https://api.shop.example",
    "seller_name": "Shop Ltd",
    "seller_address": "12 Square, London",
    "provider": "sandbox",
    "provider_webhook_secret": "whsec_" + "c2VjcmV0" * 4,
}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"secret": DEVELOPMENT_SECRET}, "TANDEM_SECRET"),
        ({"previous_secret": DEVELOPMENT_SECRET}, "TANDEM_SECRET"),
        ({"older_secrets": DEVELOPMENT_SECRET}, "TANDEM_SECRET"),
        ({"previous_secret": "short"}, "previous_secret"),
        ({"cors_origins": "https://a.example, *"}, "TANDEM_CORS_ORIGINS"),
        ({"debug": True}, "TANDEM_DEBUG"),
        ({"pool_min": 30}, "TANDEM_POOL_MIN"),
        ({"hsts_preload": True, "hsts_seconds": 86_400}, "TANDEM_HSTS_PRELOAD"),
        ({"hsts_preload": True, "hsts_subdomains": False}, "TANDEM_HSTS_PRELOAD"),
        (
            {"provider_webhook_secret": DEVELOPMENT_WEBHOOK_SECRET},
            "TANDEM_PROVIDER_WEBHOOK_SECRET",
        ),
        ({"provider_webhook_secret": "c2VjcmV0" * 4}, "whsec_"),
        ({"provider_webhook_secret": "whsec_c2VjcmV0"}, "24 to 64 bytes"),
        ({"provider_webhook_secret": "whsec_" + "?" * 40}, "24 to 64 bytes"),
        ({"smtp_url": None}, "TANDEM_SMTP_URL"),
        ({"smtp_url": "http://mail.example"}, "smtp"),
        ({"smtp_url": "smtp://"}, "smtp"),
        ({"mail_from": "a@example.com, b@example.com"}, "mail_from"),
        ({"mail_from": "nobody"}, "mail_from"),
        ({"time_zone": "Nowhere/Town"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
    ],
)
def test_production_refuses_unsafe_settings(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings(_env_file=None, **{**GOOD, **given})  # type: ignore[call-arg]


@pytest.mark.parametrize("setting", ["mail_from", "public_url", "seller_name", "seller_address"])
def test_production_makes_up_no_address_and_no_seller(setting: str) -> None:
    made: Any = {"_env_file": None, **GOOD}
    del made[setting]
    with pytest.raises(ValidationError, match=f"TANDEM_{setting.upper()}"):
        Settings(**made)


def test_production_takes_money_from_nobody_unless_it_was_told_to() -> None:
    made: Any = {"_env_file": None, **GOOD}
    assert Settings(**made).provider == "sandbox"
    del made["provider"]
    with pytest.raises(ValidationError, match="TANDEM_PROVIDER must say"):
        Settings(**made)


def test_production_may_write_its_mails_into_a_folder_when_told_to() -> None:
    made: Any = {"_env_file": None, **GOOD, "smtp_url": None, "mail_folder": "/srv/mail"}
    assert Settings(**made).mail_folder.name == "mail"


def test_production_hides_what_is_for_exploring() -> None:
    made: Any = {"_env_file": None, **GOOD}
    assert not Settings(**made).explorable
    assert not Settings(**made).development
    assert Settings(**made, graphiql=True).explorable
    made["cors_origins"] = "https://a.example, https://b.example"
    origins = Settings(**made)
    assert origins.cors_origins == ("https://a.example", "https://b.example")
