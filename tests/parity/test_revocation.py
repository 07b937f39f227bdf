"""A revoked session or key is refused on every process: at once for writes, for reads in a second.

Redis has no part in it: the same holds with Redis and without.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import asyncpg
import httpx
import pytest

from persistence.mail_tokens import Purpose
from services.access import revocations
from services.catalogue import BY_NAME
from services.errors.common import TokenRevoked
from services.operation.context import Request
from services.process import Process, new_process
from services.settings.settings import Settings
from tests.exchanges import http_client
from tests.faces import Door, GraphQL, Outcome, Rest, Service
from tests.servers import serving
from tests.shop import PASSWORD, Machine, Person, Shop, new_key
from tests.worker.work import eventually

#: The promise: no read that is sent later than this after the answer is accepted.
SECOND = 1.0
#: How many reads every door must send after that.
LATE_READS = 5
NOWHERE = "redis://127.0.0.1:1/0"
NEW = "another-password"


@dataclass(frozen=True)
class Revoking:
    """A call that revokes: whose token or key it ends, and how it is made."""

    victim: Person
    operation: str
    values: dict[str, Any]
    caller: Person | None = None
    #: What it answers; a stolen refresh token ends its session although it is refused.
    code: str = "OK"


async def log_out(shop: Shop) -> Revoking:
    victim = await shop.person()
    return Revoking(victim, "auth.logout", {"refreshToken": victim.refresh_token})


async def log_out_everywhere(shop: Shop) -> Revoking:
    victim = await shop.person()
    return Revoking(victim, "auth.logoutEverywhere", {}, await shop.signed_in_again(victim))


async def end_own_session(shop: Shop) -> Revoking:
    victim = await shop.person()
    return Revoking(victim, "sessions.revoke", {"id": victim.session_id}, victim)


async def end_other_session(shop: Shop) -> Revoking:
    victim = await shop.person()
    caller = await shop.signed_in_again(victim)
    return Revoking(victim, "sessions.revoke", {"id": victim.session_id}, caller)


async def reset_password(shop: Shop) -> Revoking:
    victim = await shop.person()
    token = await shop.mailed(victim, Purpose.RESET_PASSWORD)
    return Revoking(victim, "auth.resetPassword", {"token": token, "newPassword": NEW})


async def reset_password_of_a_key(shop: Shop) -> Revoking:
    owner = await shop.person()
    machine = await shop.machine(owner, "wallet:read:own", "deposits:write:own")
    token = await shop.mailed(owner, Purpose.RESET_PASSWORD)
    return Revoking(machine, "auth.resetPassword", {"token": token, "newPassword": NEW})


async def use_a_stolen_refresh_token(shop: Shop) -> Revoking:
    victim = await shop.person()
    spent = {"refreshToken": victim.refresh_token}
    assert (await Service(shop).call("auth.refresh", spent)).ok
    await shop.execute(
        "UPDATE refresh_tokens SET used_at = used_at - interval '11 seconds' "
        "WHERE session_id = $1 AND used_at IS NOT NULL",
        victim.session_id,
    )
    return Revoking(victim, "auth.refresh", spent, code="REFRESH_TOKEN_INVALID")


async def revoke_a_key(shop: Shop) -> Revoking:
    owner = await shop.person()
    machine = await shop.machine(owner, "wallet:read:own", "deposits:write:own")
    return Revoking(machine, "apiKeys.revoke", {"id": machine.key_id}, owner)


async def change_password(shop: Shop) -> Revoking:
    victim = await shop.person()
    values = {"currentPassword": PASSWORD, "newPassword": NEW}
    return Revoking(victim, "users.changePassword", values, await shop.signed_in_again(victim))


async def change_role(shop: Shop) -> Revoking:
    victim, admin = await shop.person("MANAGER"), await shop.person("ADMIN")
    return Revoking(victim, "users.update", {"id": victim.id, "role": "USER"}, admin)


async def close_account(shop: Shop) -> Revoking:
    victim, admin = await shop.person(), await shop.person("ADMIN")
    return Revoking(victim, "users.update", {"id": victim.id, "isActive": False}, admin)


async def close_account_of_a_key(shop: Shop) -> Revoking:
    owner, admin = await shop.person(), await shop.person("ADMIN")
    machine = await shop.machine(owner, "wallet:read:own", "deposits:write:own")
    return Revoking(machine, "users.update", {"id": owner.id, "isActive": False}, admin)


async def end_sessions_of_another(shop: Shop) -> Revoking:
    victim, admin = await shop.person(), await shop.person("ADMIN")
    return Revoking(victim, "users.revokeSessions", {"id": victim.id}, admin)


Build = Callable[[Shop], Awaitable[Revoking]]
#: Every way to revoke, and the operation it calls.
WAYS: dict[Build, str] = {
    log_out: "auth.logout",
    log_out_everywhere: "auth.logoutEverywhere",
    end_own_session: "sessions.revoke",
    end_other_session: "sessions.revoke",
    reset_password: "auth.resetPassword",
    reset_password_of_a_key: "auth.resetPassword",
    use_a_stolen_refresh_token: "auth.refresh",
    revoke_a_key: "apiKeys.revoke",
    change_password: "users.changePassword",
    change_role: "users.update",
    close_account: "users.update",
    close_account_of_a_key: "users.update",
    end_sessions_of_another: "users.revokeSessions",
}
revoking = pytest.mark.parametrize(
    "build",
    [build for build, operation in WAYS.items() if operation in BY_NAME],
    ids=lambda build: build.__name__,
)


@dataclass(frozen=True)
class Site:
    """Two server processes over one database, each with every face."""

    here: list[Door]
    there: list[Door]

    @property
    def doors(self) -> list[Door]:
        """Every face of both."""
        return [*self.here, *self.there]


@pytest.fixture(scope="module", params=["with Redis", "without Redis"])
async def site(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    logs = tmp_path_factory.mktemp("revocation")
    away = {} if request.param == "with Redis" else {"REDIS_URL": NOWHERE}
    async with AsyncExitStack() as stack:
        servers = await asyncio.gather(
            *(
                asyncio.to_thread(
                    stack.enter_context, serving(settings, logs / f"{number}.log", **away)
                )
                for number in (1, 2)
            )
        )
        sides: list[list[Door]] = []
        for server in servers:
            limits = httpx.Limits(max_connections=100)
            client = http_client(base_url=server.url, timeout=60, limits=limits)
            await stack.enter_async_context(client)
            sides.append([GraphQL(client), Rest(client, "v1"), Rest(client, "v2")])
        yield Site(*sides)


async def read(door: Door, victim: Person) -> str:
    return (await door.call("wallet.get", caller=victim)).code


async def write(door: Door, victim: Person) -> str:
    values = {"amount": "1"}
    return (await door.call("deposits.create", values, caller=victim, key=new_key())).code


async def at_once(calls: Iterable[Awaitable[str]], most: int = 50) -> Counter[str]:
    """How all of them ended, at most so many at one moment."""
    turn = asyncio.Semaphore(most)

    async def called(call: Awaitable[str]) -> str:
        async with turn:
            return await call

    return Counter(await asyncio.gather(*(called(call) for call in calls)))


async def reading(door: Door, victim: Person, answered: float) -> list[tuple[float, str]]:
    """Read again and again: how long after the answer each was sent, and how it ended."""
    found: list[tuple[float, str]] = []
    while sum(sent > SECOND for sent, _ in found) < LATE_READS:
        sent = time.monotonic() - answered
        found.append((sent, await read(door, victim)))
        await asyncio.sleep(0.05)
    return found


async def revoked(revoking: Revoking, door: Door) -> Outcome:
    outcome = await door.call(revoking.operation, revoking.values, caller=revoking.caller)
    assert outcome.code == revoking.code
    return outcome


@revoking
async def test_after_the_answer_no_write_is_accepted_and_no_read_a_second_later(
    site: Site, shop: Shop, build: Build
) -> None:
    call = await build(shop)
    victim = call.victim
    # Both processes know the victim, and are busy with calls of theirs when it happens.
    assert {await read(door, victim) for door in site.doors} == {"OK"}
    crowd = [asyncio.create_task(write(door, victim)) for door in islice(cycle(site.doors), 18)]
    await asyncio.sleep(0)
    await revoked(call, site.here[len(build.__name__) % 3])
    answered = time.monotonic()
    watched = [asyncio.create_task(reading(door, victim, answered)) for door in site.doors]
    before = await shop.digest()
    late = await at_once(write(door, victim) for door in islice(cycle(site.doors), 100))
    assert late == {"TOKEN_REVOKED": 100}
    assert await shop.digest() == before
    assert {await task for task in crowd} <= {"OK", "TOKEN_REVOKED"}
    for door, found in zip(site.doors, [await task for task in watched], strict=True):
        after = {code for sent, code in found if sent > SECOND}
        assert after == {"TOKEN_REVOKED"}, door
        if door in site.here:
            # The process that answered knows at once.
            assert {code for _, code in found} == {"TOKEN_REVOKED"}, door


WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
    "AND datname = current_database() AND application_name = 'tandem'"
)


async def until_waiting(shop: Shop, calls: int, *tasks: "asyncio.Task[Any]") -> None:
    """Wait until so many calls wait for locks, while all of them go on."""
    while await shop.value(WAITING) < calls:
        assert not any(task.done() for task in tasks)


@asynccontextmanager
async def wallet_locked(shop: Shop, victim: Person) -> AsyncIterator[None]:
    """Somebody else holds the victim's wallet, so that no deposit of theirs is finished."""
    async with shop.process.database.connection() as connection, connection.transaction():
        await connection.execute("SELECT 1 FROM accounts WHERE user_id = $1 FOR UPDATE", victim.id)
        yield


@revoking
async def test_the_answer_waits_for_the_writes_that_began_before(shop: Shop, build: Build) -> None:
    call, door = await build(shop), Service(shop)
    async with wallet_locked(shop, call.victim):
        writing = asyncio.create_task(write(door, call.victim))
        await until_waiting(shop, 1, writing)
        ending = asyncio.create_task(revoked(call, door))
        await until_waiting(shop, 2, writing, ending)
    await ending
    # It is done by then: what was accepted is in the tables when the answer comes.
    deposited = "SELECT count(*) FROM deposits WHERE user_id = $1"
    found = await shop.value(deposited, call.victim.id)
    assert await writing == "OK"
    assert found == 1
    assert await write(door, call.victim) == "TOKEN_REVOKED"


@revoking
async def test_a_write_that_comes_while_it_is_being_revoked_is_refused(
    shop: Shop, build: Build
) -> None:
    """The revoking call holds its locks, and has not answered; the write waits and is refused."""
    call, door = await build(shop), Service(shop)
    table, id = "sessions", call.victim.session_id
    if isinstance(call.victim, Machine):
        table, id = "api_keys", call.victim.key_id
    async with shop.process.database.connection() as connection, connection.transaction():
        await connection.execute(f"UPDATE {table} SET revoked_at = now() WHERE id = $1", id)
        writing = asyncio.create_task(write(door, call.victim))
        await until_waiting(shop, 1, writing)
    assert await writing == "TOKEN_REVOKED"
    assert await shop.value("SELECT count(*) FROM deposits WHERE user_id = $1", call.victim.id) == 0


@asynccontextmanager
async def another_process(shop: Shop) -> AsyncIterator[Service]:
    """A process over the same database that looks for revocations only when it is told to."""
    process = new_process(shop.process.settings, shop.process.clock)
    try:
        yield Service(Shop(process, shop.password_hash))
    finally:
        await process.close()


async def statements(door: Service, person: Person) -> int:
    """How many statements a read of somebody's takes."""
    request = door._shop.request(person)
    assert await BY_NAME["wallet.get"](request)
    return request.stats.statements


async def end(shop: Shop, person: Person) -> None:
    """End a session, and tell no process."""
    ended = "UPDATE sessions SET revoked_at = now() WHERE id = $1"
    await shop.execute(ended, person.session_id)


@pytest.fixture
def trusted_for_long() -> Iterator[pytest.MonkeyPatch]:
    """A look is trusted for longer than a machine stands still, until it is undone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revocations, "_TRUSTED_SECONDS", 60)
        yield patch


async def test_a_process_that_has_not_looked_for_a_while_asks_the_database(
    shop: Shop, user: Person, other_user: Person, trusted_for_long: pytest.MonkeyPatch
) -> None:
    async with another_process(shop) as door:
        revocations = door._shop.process.revocations
        assert await statements(door, user) == 2  # it has never looked
        await revocations.poll()
        assert revocations.fresh
        assert await statements(door, user) == 1
        await end(shop, user)
        trusted_for_long.undo()
        # Nothing is known for certain of how long this took; a fresh look may not have it yet.
        await asyncio.sleep(0.8)
        assert not revocations.fresh
        assert await read(door, user) == "TOKEN_REVOKED"
        assert await statements(door, other_user) == 2


async def test_a_process_that_never_looked_refuses_at_once(shop: Shop) -> None:
    async with another_process(shop) as door:
        for build in (log_out, revoke_a_key, reset_password):
            call = await build(shop)
            assert await read(door, call.victim) == "OK"
            await revoked(call, Service(shop))
            assert await read(door, call.victim) == "TOKEN_REVOKED"


async def test_a_revocation_that_commits_late_is_not_missed(
    shop: Shop, user: Person, other_user: Person, database_url: str
) -> None:
    """Its transaction began first, and its number is lower than those that were seen before it."""
    ended = "UPDATE sessions SET revoked_at = now() WHERE id = $1"
    slow = await asyncpg.connect(database_url, timeout=10)
    try:
        async with another_process(shop) as door:
            revocations = door._shop.process.revocations
            await revocations.poll()
            transaction = slow.transaction()
            await transaction.start()
            await slow.execute(ended, user.session_id)
            await shop.execute(ended, other_user.session_id)
            await revocations.poll()
            assert revocations.ended(other_user.session_id)
            assert not revocations.ended(user.session_id)
            await transaction.commit()
            await revocations.poll()
            assert revocations.ended(user.session_id)
    finally:
        await slow.close(timeout=10)


async def test_what_was_seen_is_not_read_again_for_ever(
    shop: Shop, user: Person, other_user: Person
) -> None:
    async with another_process(shop) as door:
        revocations, told = door._shop.process.revocations, list[frozenset[str]]()
        await revocations.poll()
        revocations.on_change(told.append)
        await end(shop, user)
        await revocations.poll()
        assert user.session_id in told[-1]

        async def left_behind() -> bool:
            await revocations.poll()
            return user.session_id not in told[-1]

        # Whatever else the server does holds the horizon back until it is done.
        await eventually(left_behind)
        await end(shop, other_user)
        await revocations.poll()
        assert other_user.session_id in told[-1]
        assert revocations.ended(user.session_id)


class SlowRequest(Request):
    """A request whose answers from the database come late."""

    def __init__(self, process: Process, bearer: str) -> None:
        super().__init__(process, id="slow", face="test", bearer=bearer)
        self.has_read, self.go_on = asyncio.Event(), asyncio.Event()

    @property
    def reader(self) -> Any:
        return self

    async def one(self, *query: Any, **values: Any) -> Any:
        found = await super().reader.one(*query, **values)
        self.has_read.set()
        await self.go_on.wait()
        return found


@pytest.mark.usefixtures("trusted_for_long")
async def test_a_slow_reader_of_a_key_does_not_bring_back_what_it_was(shop: Shop) -> None:
    """It read the key before the end, and would keep it after the look that told of the end."""
    call = await revoke_a_key(shop)
    async with another_process(shop) as door:
        process = door._shop.process
        await process.revocations.poll()
        slow = SlowRequest(process, call.victim.token)
        looking = asyncio.create_task(
            process.api_keys.identify(call.victim.token, slow.reader, process.clock())
        )
        await slow.has_read.wait()
        await revoked(call, Service(shop))
        await process.revocations.poll()
        slow.go_on.set()
        assert (await looking).key_id
        assert process.revocations.fresh
        reader = door._shop.request(call.victim).reader
        with pytest.raises(TokenRevoked):
            await process.api_keys.identify(call.victim.token, reader, process.clock())


async def test_twenty_uses_of_a_refresh_token_over_two_processes_have_one_winner(
    site: Site, shop: Shop
) -> None:
    person = await shop.person()
    values = {"refreshToken": person.refresh_token}
    outcomes = await asyncio.gather(
        *(door.call("auth.refresh", values) for door in islice(cycle(site.doors), 20))
    )
    codes = Counter(outcome.code for outcome in outcomes)
    assert codes == {"OK": 1, "REFRESH_TOKEN_USED": 19}
    [won] = [outcome.ok for outcome in outcomes if outcome.code == "OK"]
    for door in site.doors:
        assert (await door.call("wallet.get", caller=won["accessToken"])).ok
    again = await site.there[0].call("auth.refresh", {"refreshToken": won["refreshToken"]})
    assert again.ok
