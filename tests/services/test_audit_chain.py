"""The audit log's chain: what tampers with the log is found, whoever did it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs
from sqlalchemy import Table

from persistence.audit.chain import SEALS, audit_seals
from persistence.audit.entries import INSERT_AUDIT, AuditEntry, audit_log
from persistence.database.transactions import QueryStats
from services.audit import chain as audit_chain
from services.audit.chain import AuditVerification, ChainLost, seal, seal_new, verify
from services.audit.proofs import AuditKeys
from services.ids import new_id
from services.jobs.queue import Job
from services.process import Process, new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Person, Shop, uncrossed
from tests.worker.work import eventually

Found = tuple[str, int | None]
OTHER = "another secret that is long enough for anybody"
#: What each column of a row may become.
CHANGES = {
    "audit_log": {
        "actor_id": "gen_random_uuid()",
        "api_key_id": "gen_random_uuid()",
        "action": "'users.delete'",
        "entity": "'order'",
        "entity_id": "gen_random_uuid()",
        "changed": "'{}'",
        "outcome": "'FORBIDDEN'",
        "request_id": "'another'",
        "created_at": "created_at - interval '1 microsecond'",
        "proof": "sha256('x')",
    },
    "audit_seals": {
        "previous": "sha256('x')",
        "hash": "sha256('x')",
        "key_id": "'another'",
        "sealed_at": "sealed_at - interval '1 microsecond'",
    },
}


@asynccontextmanager
async def on(url: str, addresses: Addresses, **more: Any) -> AsyncIterator[Process]:
    """A process on a database."""
    process = new_process(settings_for(url, addresses.redis_url, **more))
    yield process
    await process.close()


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop whose log is its own."""
    async with on(fresh_database, addresses) as process:
        yield Shop(process, password_hash)


@pytest.fixture
async def person(shop: Shop) -> Person:
    """Somebody whose ten deposits are in the log, and sealed."""
    person = await shop.person()
    await deposits(shop, person, 10)
    await sealed(shop.process)
    return person


@dataclass(frozen=True)
class Sealed:
    """A log of ten entries, all sealed, that every test leaves as it was."""

    shop: Shop
    head: tuple[int, str]

    async def tampered(self, *steps: str, head: tuple[int, str] | None = None) -> list[list[Found]]:
        """What is found after each of the steps, by somebody whom no trigger holds back."""
        process, findings = self.shop.process, []
        with suppress(Undo):
            async with process.database.transaction(QueryStats()) as tx:
                await tx.run("SET LOCAL session_replication_role = replica")
                for step in steps:
                    await tx.run(step)
                    findings.append(told(await verify(tx, process.audit_keys, 1, head, 0)))
                raise Undo
        return findings


class Undo(Exception):
    """Ends a transaction as if it had never been."""


@pytest.fixture(scope="session")
async def log(addresses: Addresses, password_hash: str) -> AsyncIterator[Sealed]:
    """A sealed log, for tests that tamper with it and undo that."""
    name = f"tandem_sealed_{uuid4().hex[:12]}"
    async with on(await addresses.create(name), addresses) as process:
        shop = Shop(process, password_hash)
        await deposits(shop, await shop.person(), 10)
        await sealed(process)
        yield Sealed(shop, await exported(shop))
    await addresses.drop(name)


def told(result: AuditVerification) -> list[Found]:
    """Kinds and places of what is wrong."""
    assert result.valid == (not result.problems)
    return [(str(one.kind), one.position) for one in result.problems]


async def sealed(process: Process) -> None:
    """Every entry has its seal."""
    await seal_new(process, Job(new_id(process.clock()), "test", {}))


async def deposits(shop: Shop, person: Person, count: int) -> None:
    """So many entries."""
    for _ in range(count):
        await shop.deposit(person, "1.00")


async def tamper(shop: Shop, sql: str) -> None:
    """Run statements as somebody whom no trigger holds back."""
    async with shop.process.database.connection() as connection:
        await connection.execute(f"SET session_replication_role = replica; {sql}")
        await connection.execute("RESET session_replication_role")


async def verified(
    shop: Shop, head: tuple[int, str] | None = None, keys: AuditKeys | None = None
) -> AuditVerification:
    reader = shop.process.database.reader(QueryStats())
    return await verify(reader, keys or shop.process.audit_keys, 1, head, 0)


async def found(
    shop: Shop, head: tuple[int, str] | None = None, keys: AuditKeys | None = None
) -> list[Found]:
    """Kinds and places of what is wrong."""
    return told(await verified(shop, head, keys))


async def exported(shop: Shop) -> tuple[int, str]:
    """The head as somebody keeps it elsewhere."""
    [row] = await shop.rows("SELECT * FROM audit_seals ORDER BY position DESC LIMIT 1")
    return row["position"], row["hash"].hex()


async def entry_of(shop: Shop, **more: Any) -> AuditEntry:
    """An entry that looks like the newest one."""
    now = shop.process.clock()
    row = AuditEntry(
        id=new_id(now),
        actor_id=None,
        api_key_id=None,
        action="orders.cancel",
        entity=None,
        entity_id=None,
        changed=[],
        outcome="OK",
        request_id="test",
        created_at=now,
    )
    return structs.replace(row, **more)


async def write(tx: Any, entry: AuditEntry, proof: bytes | None) -> None:
    await tx.all(INSERT_AUDIT, proof=proof, **structs.asdict(entry))


async def remake(shop: Shop, keys: AuditKeys, key_id: str | None = None) -> None:
    """Make the whole chain anew, as somebody who has these keys and owns the database."""
    reader = shop.process.database.reader(QueryStats())
    seals = await reader.all(SEALS, position=1, limit=1000)
    previous = bytes(32)
    for one in seals:
        assert one.entry
        proof = keys.prove(one.entry)
        hash = keys.seal(one.position, previous, one.sealed_at, one.entry, proof)
        await tamper(
            shop,
            f"UPDATE audit_log SET proof = '\\x{proof.hex()}' WHERE id = '{one.entry_id}';"
            f"UPDATE audit_seals SET hash = '\\x{hash.hex()}', previous = '\\x{previous.hex()}',"
            f" key_id = '{key_id or keys.key_id}' WHERE position = {one.position};"
            f"UPDATE audit_chain SET hash = '\\x{hash.hex()}'",
        )
        previous = hash


async def test_a_log_that_nobody_touched_is_valid(shop: Shop, person: Person) -> None:
    result = await verified(shop, await exported(shop))
    assert (result.valid, result.checked, result.next_position) == (True, 10, None)
    await deposits(shop, person, 3)
    assert (await verified(shop)).valid  # what waits for its seal is well
    assert await seal(shop.process) == 3
    assert (await verified(shop)).checked == 13


def test_every_column_is_tried() -> None:
    tables: list[tuple[Table, set[str]]] = [
        (audit_log, {"id"}),
        (audit_seals, {"position", "entry_id"}),
    ]
    for table, apart in tables:
        assert {column.name for column in table.columns} == set(CHANGES[table.name]) | apart


def entry_at(place: int) -> str:
    """SQL for the id of the entry that is sealed there."""
    return f"(SELECT entry_id FROM audit_seals WHERE position = {place})"


@pytest.mark.parametrize("column", CHANGES["audit_log"])
async def test_a_changed_entry_is_found(log: Sealed, column: str) -> None:
    value = CHANGES["audit_log"][column]
    change = f"UPDATE audit_log SET {column} = {value} WHERE id = {entry_at(4)}"
    assert await log.tampered(change) == [[("CHANGED", 4)]]


@pytest.mark.parametrize("column", CHANGES["audit_seals"])
async def test_a_changed_seal_is_found(log: Sealed, column: str) -> None:
    value = CHANGES["audit_seals"][column]
    change = f"UPDATE audit_seals SET {column} = {value} WHERE position = 4"
    [problems] = await log.tampered(change)
    assert problems[0] == ("UNKNOWN_KEY" if column == "key_id" else "CHANGED", 4)
    # The next one says what the hash before it was.
    assert problems[1:] == ([("CHANGED", 5)] if column == "hash" else [])


async def test_an_entry_with_another_id_is_one_removed_and_one_inserted(log: Sealed) -> None:
    change = f"UPDATE audit_log SET id = gen_random_uuid() WHERE id = {entry_at(4)}"
    assert await log.tampered(change) == [[("REMOVED", 4), ("INSERTED", None)]]


async def test_a_seal_over_another_entry_is_found(log: Sealed) -> None:
    change = f"UPDATE audit_seals SET entry_id = {entry_at(5)} WHERE position = 4"
    free = "ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_entry_id_key"
    assert await log.tampered(free, change) == [[], [("CHANGED", 4), ("INSERTED", None)]]


@pytest.mark.parametrize("place", [1, 4, 10])
async def test_a_removed_entry_is_found(log: Sealed, place: int) -> None:
    change = f"DELETE FROM audit_log WHERE id = {entry_at(place)}"
    assert await log.tampered(change) == [[("REMOVED", place)]]


@pytest.mark.parametrize("place", [1, 4])
async def test_an_entry_removed_with_its_seal_is_found(log: Sealed, place: int) -> None:
    remove = f"""
        DELETE FROM audit_log WHERE id = {entry_at(place)};
        DELETE FROM audit_seals WHERE position = {place}
    """
    # Closing the gap takes the secret.
    close = f"""
        ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_position_check;
        UPDATE audit_seals SET position = -position WHERE position > {place};
        UPDATE audit_seals SET position = -position - 1 WHERE position < 0;
        UPDATE audit_chain SET position = 9
    """
    removed, closed = await log.tampered(remove, close)
    assert removed == [("REMOVED", place)]
    assert closed == [("CHANGED", one) for one in range(place, 10)]


async def test_two_seals_that_change_places_are_found(log: Sealed) -> None:
    change = """
        UPDATE audit_seals SET position = 100 WHERE position = 4;
        UPDATE audit_seals SET position = 4 WHERE position = 5;
        UPDATE audit_seals SET position = 5 WHERE position = 100
    """
    assert await log.tampered(change) == [[("CHANGED", 4), ("CHANGED", 5), ("CHANGED", 6)]]


async def test_a_log_that_was_emptied_is_found(log: Sealed) -> None:
    everything = "DELETE FROM audit_log; DELETE FROM audit_seals"
    begin = "UPDATE audit_chain SET position = 0, hash = decode(repeat('00', 32), 'hex')"
    assert await log.tampered(everything, begin) == [[("CUT_OFF", 10)], []]
    assert await log.tampered(everything, begin, head=log.head) == [
        [("CUT_OFF", 10), ("CUT_OFF", 10)],
        [("CUT_OFF", 10)],
    ]


async def test_an_entry_removed_before_its_seal_is_found(shop: Shop, person: Person) -> None:
    await deposits(shop, person, 1)
    await tamper(shop, "DELETE FROM audit_log WHERE id IN (SELECT entry_id FROM audit_unsealed)")
    assert await found(shop) == [("REMOVED", None)]
    await deposits(shop, person, 2)
    assert await seal(shop.process) == 2  # it is in nobody's way
    assert await found(shop) == [("REMOVED", None)]


@pytest.mark.parametrize("proof", ["none", "made up", "of another secret", "of another entry"])
async def test_an_inserted_entry_is_found_before_and_after_it_is_sealed(
    shop: Shop, person: Person, proof: str
) -> None:
    entry = await entry_of(shop)
    proofs = {
        "none": None,
        "made up": bytes(32),
        "of another secret": AuditKeys(OTHER).prove(entry),
        "of another entry": await shop.value("SELECT proof FROM audit_log LIMIT 1"),
    }
    async with shop.process.database.transaction(QueryStats()) as tx:
        await write(tx, entry, proofs[proof])
    [problem] = (await verified(shop)).problems
    assert (problem.kind, problem.position, problem.entry_id) == ("INSERTED", None, entry.id)
    await sealed(shop.process)
    assert await found(shop) == [("INSERTED", 11)]


async def test_an_entry_that_is_kept_from_its_seal_is_found(shop: Shop, person: Person) -> None:
    await deposits(shop, person, 1)
    await tamper(shop, "DELETE FROM audit_unsealed")
    await sealed(shop.process)
    assert await found(shop) == [("INSERTED", None)]


async def test_an_entry_changed_before_its_seal_is_found(shop: Shop, person: Person) -> None:
    await deposits(shop, person, 1)
    await tamper(
        shop,
        "UPDATE audit_log SET actor_id = gen_random_uuid()"
        " WHERE id IN (SELECT entry_id FROM audit_unsealed)",
    )
    assert await found(shop) == [("INSERTED", None)]
    await sealed(shop.process)
    assert await found(shop) == [("INSERTED", 11)]


_CUT = (
    "DELETE FROM audit_log WHERE id IN (SELECT entry_id FROM audit_seals WHERE position > 6);"
    "DELETE FROM audit_seals WHERE position > 6;"
)
_TIDY = (
    "UPDATE audit_chain SET (position, hash) ="
    " (SELECT position, hash FROM audit_seals WHERE position = 6)"
)


async def test_a_tail_that_was_cut_off_is_found(shop: Shop, person: Person) -> None:
    head = await exported(shop)
    await tamper(shop, _CUT)
    assert await found(shop) == [("CUT_OFF", 10)]
    # Whoever tidies up after that is told by the exported head alone.
    await tamper(shop, _TIDY)
    assert await found(shop) == []
    assert await found(shop, head) == [("CUT_OFF", 10)]
    # The log goes on, and grows over the place.
    await deposits(shop, person, 6)
    await sealed(shop.process)
    assert await found(shop) == []
    assert await found(shop, head) == [("REHASHED", 10)]


async def test_a_log_that_the_worker_was_made_to_seal_anew_is_found_by_an_exported_head(
    shop: Shop, person: Person
) -> None:
    head = await exported(shop)
    # The seventh entry is gone; those after it wait for their seals as if they never had any.
    await tamper(
        shop,
        f"DELETE FROM audit_log WHERE id = {entry_at(7)};"
        "INSERT INTO audit_unsealed SELECT entry_id FROM audit_seals WHERE position > 7;"
        f"DELETE FROM audit_seals WHERE position > 6; {_TIDY}",
    )
    await sealed(shop.process)
    assert await found(shop) == []
    assert await found(shop, head) == [("CUT_OFF", 10)]
    await deposits(shop, person, 1)
    await sealed(shop.process)
    assert await found(shop, head) == [("REHASHED", 10)]


async def test_a_chain_whose_end_is_not_its_last_seal_is_found(shop: Shop, person: Person) -> None:
    await tamper(shop, _TIDY)
    assert await found(shop) == [("CHANGED", 10)]
    await tamper(shop, "DELETE FROM audit_chain")
    assert await found(shop) == [("CUT_OFF", 11)]
    with pytest.raises(ChainLost):
        await seal(shop.process)


async def test_a_chain_made_anew_without_the_secret_is_always_found(
    shop: Shop, person: Person
) -> None:
    await tamper(shop, "UPDATE audit_log SET outcome = 'FORBIDDEN'")
    await remake(shop, AuditKeys(OTHER))
    assert await found(shop) == [("UNKNOWN_KEY", place) for place in range(1, 11)]
    await remake(shop, AuditKeys(OTHER), shop.process.audit_keys.key_id)
    assert await found(shop) == [("CHANGED", place) for place in range(1, 11)]


async def test_a_chain_made_anew_with_the_stolen_secret_is_found_by_an_exported_head(
    shop: Shop, person: Person
) -> None:
    head = await exported(shop)
    # One old entry: every hash after it changes, up to the head.
    change = f"UPDATE audit_log SET outcome = 'FORBIDDEN' WHERE id = {entry_at(4)}"
    await tamper(shop, change)
    await remake(shop, shop.process.audit_keys)
    assert await found(shop) == []
    assert await found(shop, head) == [("REHASHED", 10)]


async def test_workers_that_seal_at_once_make_one_chain_that_misses_nothing(
    shop: Shop, fresh_database: str, addresses: Addresses
) -> None:
    begun, late = 0, []
    done = asyncio.Event()

    async def writer(number: int) -> None:
        """Entries that are committed in another order than they were begun in."""
        nonlocal begun
        for turn in range(15):
            entry = await entry_of(shop)
            begun += 1
            async with shop.process.database.transaction(QueryStats()) as tx:
                await write(tx, entry, shop.process.audit_keys.prove(entry))
                await asyncio.sleep(0.001 * ((number * 7 + turn * 5) % 11))

    async def many_are_sealed() -> bool:
        return await shop.value("SELECT count(*) FROM audit_seals") >= 40

    async def straggler() -> None:
        """Begun before all others, committed when many of them are sealed."""
        nonlocal begun
        entry = await entry_of(shop)
        begun += 1
        async with shop.process.database.transaction(QueryStats()) as tx:
            await write(tx, entry, shop.process.audit_keys.prove(entry))
            await eventually(many_are_sealed)
        late.append(entry.id)

    async def sealer(process: Process) -> None:
        while not done.is_set():
            await seal(process)

    async with on(fresh_database, addresses) as second:
        workers = [asyncio.create_task(sealer(one)) for one in (shop.process, second)]
        await asyncio.gather(straggler(), *(writer(number) for number in range(8)))
        done.set()
        await asyncio.gather(*workers)
        await sealed(second)
    positions = await shop.rows("SELECT position, entry_id FROM audit_seals ORDER BY position")
    assert [row["position"] for row in positions] == list(range(1, begun + 1))
    assert len({row["entry_id"] for row in positions}) == begun
    oldest = await shop.value("SELECT id FROM audit_log ORDER BY created_at LIMIT 1")
    assert oldest == late[0]
    assert next(row["position"] for row in positions if row["entry_id"] == late[0]) > 40
    result = await verified(shop)
    assert (result.valid, result.checked) == (True, begun)


async def test_no_operation_waits_for_sealing(shop: Shop, person: Person) -> None:
    await deposits(shop, person, 1)
    with uncrossed():
        async with shop.process.database.transaction(QueryStats()) as tx:
            await tx.run("SELECT FROM audit_chain FOR UPDATE")
            await tx.run("DELETE FROM audit_unsealed")
            await tx.run("SET LOCAL lock_timeout = '1s'")
            await shop.deposit(person, "1.00")
            await tx.run("ROLLBACK")
            await tx.run("BEGIN")
    assert await seal(shop.process) == 2


async def test_what_another_secret_sealed_verifies_with_that_one(
    shop: Shop, person: Person, fresh_database: str, addresses: Addresses
) -> None:
    first = shop.process.settings.secret.get_secret_value()
    secrets = {"secret": OTHER, "previous_secret": first}
    async with on(fresh_database, addresses, **secrets) as process:
        await deposits(Shop(process, shop.password_hash), person, 1)
        await sealed(process)
        both = process.audit_keys
    assert await found(shop, keys=both) == []
    third = "a third secret that is long enough for anybody"
    settings = settings_for(
        fresh_database, addresses.redis_url, secret=third, previous_secret=OTHER
    )
    assert await found(shop, keys=AuditKeys(*settings.every_secret)) == [
        ("UNKNOWN_KEY", place) for place in range(1, 11)
    ]
    kept = settings_for(
        fresh_database,
        addresses.redis_url,
        secret=third,
        previous_secret=OTHER,
        older_secrets=f"{'x' * 32}, {first}",
    )
    assert await found(shop, keys=AuditKeys(*kept.every_secret)) == []


async def test_a_long_log_is_verified_in_parts(
    shop: Shop, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_chain, "_BATCH", 2)
    monkeypatch.setattr(audit_chain, "VERIFIED_AT_ONCE", 4)
    reader, keys = shop.process.database.reader(QueryStats()), shop.process.audit_keys
    first = await verify(reader, keys, 1, None, 0)
    assert (first.valid, first.checked, first.next_position) == (True, 4, 5)
    # The hash before the part is known to the part.
    await remake(shop, keys)
    await tamper(shop, "UPDATE audit_seals SET hash = sha256('x') WHERE position = 4")
    second = await verify(reader, keys, 5, None, 0)
    assert [(one.kind, one.position) for one in second.problems] == [("CHANGED", 5)]
    assert (second.checked, second.next_position) == (4, 9)
    third = await verify(reader, keys, 9, None, 0)
    assert (third.valid, third.checked, third.next_position) == (True, 2, None)


async def test_where_much_is_wrong_the_first_hundred_are_named_and_the_rest_later(
    shop: Shop, person: Person
) -> None:
    await deposits(shop, person, 110)
    await sealed(shop.process)
    await tamper(shop, "UPDATE audit_log SET outcome = 'FORBIDDEN'")
    first = await verified(shop)
    assert len(first.problems) == 100
    assert first.next_position == 101
    reader = shop.process.database.reader(QueryStats())
    rest = await verify(reader, shop.process.audit_keys, 101, None, 0)
    assert [one.position for one in rest.problems] == list(range(101, 121))
    assert rest.next_position is None
