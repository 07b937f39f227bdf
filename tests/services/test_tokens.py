"""Signing keys in their table, and the tokens that are signed and verified with them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest

from services.access import tokens as tokens_module
from services.access.signing import (
    Rotation,
    RotationUnderWay,
    Seal,
    SealedElsewhere,
    replace_at_once,
    rotate,
)
from services.errors.common import TokenExpired, Unauthenticated, Unavailable
from services.ids import new_id
from services.process import Process, new_database, new_process
from services.settings.production import DEVELOPMENT_SECRET
from services.settings.settings import Settings
from tests.commands import tandem
from tests.conftest import Addresses, settings_for
from tests.servers import serving
from tests.shop import Clock
from tests.worker.work import eventually

OTHER_SECRET = "another-secret-of-at-least-32-characters"
NOWHERE_DATABASE = "postgresql://postgres@127.0.0.1:1/tandem"
#: Longer than a process goes without looking at the table again.
A_LOOK = 1.1


@pytest.fixture
def alone(fresh_database: str, addresses: Addresses) -> Settings:
    """Settings of processes that share a database with no other test."""
    return settings_for(fresh_database, addresses.redis_url)


@asynccontextmanager
async def process_of(
    settings: Settings, clock: Callable[[], datetime] | None = None, **changes: Any
) -> AsyncIterator[Process]:
    """A process that has not been opened: nothing runs beside the test."""
    process = new_process(settings.model_copy(update=changes), clock)
    try:
        yield process
    finally:
        await process.close()


class Stopped(Clock):
    """A clock that moves only when it is told to, however long the test takes."""

    def __init__(self) -> None:
        super().__init__()
        self._began = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time now."""
        return self._began + self.ahead


async def rows(settings: Settings) -> list[dict[str, Any]]:
    """What stands in the table."""
    connection = await asyncpg.connect(settings.database_url, timeout=60)
    try:
        found = await connection.fetch("SELECT * FROM signing_keys ORDER BY signs_from")
        return [dict(row) for row in found]
    finally:
        await connection.close()


async def execute(settings: Settings, sql: str, *values: object) -> None:
    """Change the table behind the processes' backs."""
    connection = await asyncpg.connect(settings.database_url, timeout=60)
    try:
        await connection.execute(sql, *values)
    finally:
        await connection.close()


def issued(process: Process, now: datetime | None = None) -> str:
    """A token for somebody."""
    now = now or process.clock()
    return process.tokens.issue(new_id(now), new_id(now), "USER", now)


async def accepted(process: Process, token: str) -> bool:
    """Does the process take the token?"""
    try:
        await process.tokens.verify(token, process.clock())
    except Unauthenticated:
        return False
    return True


def kid_of(token: str) -> str:
    """The key that a token names."""
    return jwt.get_unverified_header(token)["kid"]


# The table


async def test_ten_processes_that_start_at_once_make_one_key(alone: Settings) -> None:
    processes = [new_process(alone) for _ in range(10)]
    try:
        await asyncio.gather(*(process.open() for process in processes))
        assert len(await rows(alone)) == 1
        tokens = [issued(process) for process in processes]
        assert len({kid_of(token) for token in tokens}) == 1
        for process in processes:
            assert all([await accepted(process, token) for token in tokens])
    finally:
        for process in processes:
            await process.close()


async def test_the_key_is_the_same_after_a_restart(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
        token = issued(process)
    async with process_of(alone) as process:
        await process.tokens.load()
        assert await accepted(process, token)
        assert kid_of(issued(process)) == kid_of(token)


async def test_the_private_part_is_sealed(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
        private = process.tokens.signing(process.clock()).private.private_bytes_raw()
    [row] = await rows(alone)
    kept = b" ".join(str(value).encode() for value in row.values() if not isinstance(value, bytes))
    kept += row["sealed"] + row["public_key"]
    for form in (private, private.hex().encode(), private[:8], private[-8:]):
        assert form not in kept


async def test_a_sealed_key_opens_under_its_own_name_alone(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
    await execute(alone, "UPDATE signing_keys SET kid = 'stolen'")
    async with process_of(alone) as process:
        with pytest.raises(SealedElsewhere):
            await process.tokens.load()


async def test_a_key_that_somebody_put_into_the_table_is_not_trusted(alone: Settings) -> None:
    """Who can write to the database, and has no secret, cannot sign."""
    async with process_of(
        alone,
        secret=settings_for(
            "postgresql://localhost/none", "redis://localhost", secret=OTHER_SECRET
        ).secret,
    ) as thief:
        await thief.tokens.load()
        forged = issued(thief)
    [row] = await rows(alone)
    await execute(alone, "DELETE FROM signing_keys")
    async with process_of(alone) as process:
        await process.tokens.load()
        await execute(
            alone,
            "INSERT INTO signing_keys VALUES ($1, $2, $3, now(), now(), now() + interval '1 day')",
            row["kid"],
            row["public_key"],
            row["sealed"],
        )
        with pytest.raises(SealedElsewhere):
            await process.tokens.load()
        assert not await accepted(process, forged)
        assert await accepted(process, issued(process))  # the own key goes on
        assert row["kid"] not in {key["kid"] for key in process.tokens.jwks()["keys"]}


async def test_a_public_key_that_was_exchanged_is_not_trusted(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
    await execute(alone, "UPDATE signing_keys SET public_key = $1", bytes(32))
    async with process_of(alone) as process:
        with pytest.raises(SealedElsewhere):
            await process.tokens.load()
        assert shown(process) == []


async def test_another_secret_is_refused_at_start_in_clear_words(
    alone: Settings, tmp_path: Path
) -> None:
    async with process_of(alone) as process:
        await process.open()
    log = tmp_path / "server.log"
    with (
        pytest.raises(Exception),  # noqa: B017, PT011 - however a server that is not there shows
        serving(alone, log, TANDEM_SECRET=OTHER_SECRET),
    ):
        pass
    assert "The signing keys were sealed with another TANDEM_SECRET" in log.read_text()


async def test_the_previous_secret_still_opens(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
        token = issued(process)
    changed = settings_for(
        alone.database_url,
        alone.redis_url,
        secret=OTHER_SECRET,
        previous_secret=DEVELOPMENT_SECRET,
    )
    async with process_of(changed) as process:
        await process.open()
        assert await accepted(process, token)
        assert kid_of(issued(process)) == kid_of(token)


def test_two_seals_of_one_key_differ() -> None:
    seal = Seal(DEVELOPMENT_SECRET, None)
    assert seal.close("kid", b"private") != seal.close("kid", b"private")


# Without the database


async def test_without_the_database_known_keys_go_on_and_unknown_ones_are_unavailable(
    alone: Settings,
) -> None:
    async with process_of(alone) as process, process_of(alone) as other:
        await process.tokens.load()
        token = issued(process)
        for each in (process, other):
            each.tokens._database = new_database(
                alone.model_copy(update={"database_url": NOWHERE_DATABASE})
            )
        await asyncio.sleep(A_LOOK)
        assert await accepted(process, token)
        await process.tokens.ready()
        assert await accepted(process, issued(process))
        with pytest.raises(Unavailable):
            await other.tokens.verify(token, other.clock())
        with pytest.raises(Unavailable):
            await other.tokens.ready()
        with pytest.raises(Unavailable):
            issued(other)


async def test_a_key_that_cannot_be_read_is_unavailable_and_a_bad_token_stays_bad(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "_RELOAD_SECONDS", 30)  # a slow machine reads for longer
    async with process_of(alone) as process, process_of(alone) as other:
        for each in (process, other):
            await each.tokens.load()
        known = issued(process)
        await replace_at_once(other.database, Seal(*alone.secrets), other.clock())
        await other.tokens.load()
        token = issued(other)
        there = process.tokens._database
        process.tokens._database = new_database(
            alone.model_copy(update={"database_url": NOWHERE_DATABASE})
        )
        with pytest.raises(Unavailable):
            await process.tokens.verify(token, process.clock())
        assert not await accepted(process, known[:-4] + "AAAA")
        process.tokens._database = there
        process.tokens._reloaded_at = float("-inf")  # the next look is due
        assert await accepted(process, token)
        assert not await accepted(process, token[:-4] + "AAAA")


async def test_an_unknown_key_is_looked_up_at_most_once_a_second(alone: Settings) -> None:
    async with process_of(alone) as process, process_of(alone) as stranger:
        await process.tokens.load()
        await stranger.tokens.load()
        kid = kid_of(issued(process))
        odd = jwt.encode(
            {},
            stranger.tokens.signing(stranger.clock()).private,
            algorithm="EdDSA",
            headers={"kid": f"{kid}x", "typ": "at+jwt"},
        )
        looks, began = counted(process.tokens, "load"), time.monotonic()
        for _ in range(50):
            assert not await accepted(process, odd)
        assert 1 <= len(looks) <= 1 + (time.monotonic() - began)


# The cache of verified tokens


def counted(target: object, name: str) -> list[object]:
    """Counts the calls of a method that goes on doing what it does."""
    calls: list[object] = []
    method = getattr(target, name)

    def call(*given: Any, **named: Any) -> Any:
        calls.append(given)
        return method(*given, **named)

    setattr(target, name, call)
    return calls


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The signatures that were verified."""
    jws = jwt.PyJWS(algorithms=["EdDSA"])
    calls = counted(jws, "decode")
    monkeypatch.setattr(tokens_module, "_JWS", jws)
    return calls


async def test_a_token_is_verified_once(alone: Settings, verifications: list[object]) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
        token = issued(process)
        identities = [await process.tokens.verify(token, process.clock()) for _ in range(20)]
    assert len(verifications) == 1
    assert len(set(identities)) == 1
    claims = jwt.decode(token, options={"verify_signature": False})
    [identity] = set(identities)
    assert (identity.user_id, identity.session_id) == (claims["sub"], claims["sid"])
    assert identity.role == claims["role"]
    assert identity.expires_at == datetime.fromtimestamp(claims["exp"], UTC)


async def test_the_cache_can_be_switched_off(alone: Settings, verifications: list[object]) -> None:
    async with process_of(alone, token_cache=0) as process:
        await process.tokens.load()
        token = issued(process)
        for _ in range(5):
            assert await accepted(process, token)
        assert len(verifications) == 5
        assert len(process.tokens._cache) == 0


async def test_the_cache_is_bounded_and_forgets_the_longest_unused(
    alone: Settings, verifications: list[object]
) -> None:
    async with process_of(alone, token_cache=3) as process:
        await process.tokens.load()
        used, *others = [issued(process) for _ in range(4)]
        assert await accepted(process, used)
        for token in others:
            assert await accepted(process, token)
            assert await accepted(process, used)
        assert len(process.tokens._cache) == 3
        assert len(verifications) == 4  # the one in use was never forgotten
        assert await accepted(process, others[0])
        assert len(verifications) == 5


async def test_what_was_refused_is_not_remembered(
    alone: Settings, verifications: list[object]
) -> None:
    clock = Clock()
    async with process_of(alone, clock) as process:
        await process.tokens.load()
        token = issued(process)
        early = issued(process, process.clock() + timedelta(minutes=1))
        late = issued(process, process.clock() - timedelta(minutes=16))
        for refused in (token[:-4] + "AAAA", early, late):
            with pytest.raises(Unauthenticated):
                await process.tokens.verify(refused, process.clock())
        assert len(process.tokens._cache) == 0


async def test_a_remembered_token_ends_in_time(alone: Settings) -> None:
    clock = Stopped()
    async with process_of(alone, clock) as process:
        await process.tokens.load()
        token = issued(process)
        assert await accepted(process, token)
        clock.forward(minutes=14, seconds=58)
        assert await accepted(process, token)
        clock.forward(seconds=2)
        with pytest.raises(TokenExpired):
            await process.tokens.verify(token, process.clock())
        clock.forward(minutes=-30)  # a clock that is put back
        assert not await accepted(process, token)


async def test_a_remembered_token_ends_with_its_key(alone: Settings) -> None:
    clock = Clock()
    async with process_of(alone, clock) as process:
        await process.tokens.load()
        token = issued(process)
        assert await accepted(process, token)
        soon = process.clock() + timedelta(minutes=1)
        await execute(alone, "UPDATE signing_keys SET retires_at = $1", soon)
        await process.tokens.load()
        assert await accepted(process, token)
        clock.forward(minutes=2)
        assert not await accepted(process, token)
        clock.forward(minutes=-2)
        assert await accepted(process, token)
        await execute(alone, "DELETE FROM signing_keys WHERE kid = $1", kid_of(token))
        await process.tokens.load()
        assert not await accepted(process, token)


# The JWKS


async def test_the_jwks_is_kept_as_long_as_the_setting_says(alone: Settings) -> None:
    from api.app import create_app
    from tests.conftest import client_of, running

    process = new_process(alone.model_copy(update={"jwks_seconds": 77}))
    async with running(create_app(process)) as app, client_of(app) as client:
        answer = await client.get("/.well-known/jwks.json")
        token = issued(process)
    assert answer.headers["cache-control"] == "public, max-age=77"
    [shown] = jwt.PyJWKSet.from_dict(answer.json()).keys
    claims = jwt.decode(token, shown, ["EdDSA"], audience=alone.audience, issuer=alone.issuer)
    assert claims["role"] == "USER"
    assert answer.json()["keys"][0].keys() == {"kty", "crv", "use", "alg", "kid", "x"}


# Rotation


SOON = timedelta(seconds=300)
LIFE = timedelta(seconds=900)


async def rotated(process: Process, settings: Settings) -> Rotation:
    """Rotate as the command does, at the time of the process, which then reads the table."""
    done = await rotate(
        process.database, Seal(*settings.secrets), process.clock(), publish=SOON, life=LIFE
    )
    await process.tokens.load()
    return done


def shown(process: Process) -> list[str]:
    """The keys of the JWKS."""
    return [key["kid"] for key in process.tokens.jwks()["keys"]]


async def test_a_rotation_follows_its_plan_and_refuses_no_token(alone: Settings) -> None:
    clock = Stopped()
    async with process_of(alone, clock) as process:
        await process.tokens.load()
        first = issued(process)
        done = await rotated(process, alone)
        old, new = kid_of(first), done.key.kid
        assert done.retiring == old
        assert shown(process) == [old, new]  # others learn of it before it signs
        clock.forward(seconds=300)
        last = issued(process)
        assert kid_of(last) == old
        clock.forward(seconds=6)
        assert kid_of(issued(process)) == new
        assert await accepted(process, last)
        assert await accepted(process, first)
        clock.forward(seconds=893)
        assert await accepted(process, last)  # to the end of its life
        assert shown(process) == [old, new]
        clock.forward(seconds=20)
        assert shown(process) == [new]
        renewed = issued(process)
        assert await accepted(process, renewed)
        forged = _at_another_time(process, old)
        assert not await accepted(process, forged)


def _at_another_time(process: Process, kid: str) -> str:
    """A token that a retired key signs now."""
    key = process.tokens._keys[kid]
    claims = jwt.decode(issued(process), options={"verify_signature": False})
    headers = {"kid": kid, "typ": "at+jwt"}
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)


async def test_a_second_rotation_waits_for_the_end_of_the_first(alone: Settings) -> None:
    clock = Clock()
    async with process_of(alone, clock) as process:
        await process.tokens.load()
        await rotated(process, alone)
        before = await rows(alone)
        with pytest.raises(RotationUnderWay):
            await rotated(process, alone)
        assert await rows(alone) == before
        clock.forward(seconds=300 + 900 + 20)
        await rotated(process, alone)
        assert len(await rows(alone)) == 2  # the retired one is gone


async def test_of_two_rotations_at_once_one_is_made(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
        outcomes = await asyncio.gather(
            *(rotated(process, alone) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(outcome, Rotation) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, RotationUnderWay) for outcome in outcomes) == 4
        assert len(await rows(alone)) == 2


async def test_a_rotation_seals_the_old_key_with_the_newest_secret(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
        token = issued(process)
    given = {"database_url": alone.database_url, "redis_url": alone.redis_url}
    changing = settings_for(**given, secret=OTHER_SECRET, previous_secret=DEVELOPMENT_SECRET)
    async with process_of(changing) as process:
        await rotated(process, changing)
    changed = settings_for(**given, secret=OTHER_SECRET)
    async with process_of(changed) as process:
        await process.open()
        assert await accepted(process, token)


async def test_who_has_no_right_secret_cannot_rotate(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
        before = await rows(alone)
        other = settings_for(alone.database_url, alone.redis_url, secret=OTHER_SECRET)
        with pytest.raises(SealedElsewhere):
            await rotated(process, other)
    assert await rows(alone) == before


async def test_a_token_of_a_new_key_is_known_at_once_elsewhere(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the table has not been read since: the unknown key makes a process read it."""
    monkeypatch.setattr(tokens_module, "_RELOAD_SECONDS", 30)  # a slow machine reads for longer
    async with process_of(alone) as one, process_of(alone) as other:
        await one.tokens.load()
        await other.tokens.load()
        await replace_at_once(one.database, Seal(*alone.secrets), one.clock())
        await one.tokens.load()
        assert await accepted(other, issued(one))


async def test_an_open_process_learns_of_a_new_key_by_itself(alone: Settings) -> None:
    async with process_of(alone) as process, process_of(alone) as other:
        await process.open()
        await other.tokens.load()
        done = await replace_at_once(other.database, Seal(*alone.secrets), other.clock())

        async def learned() -> bool:
            return shown(process) == [done.key.kid]

        await eventually(learned)


# The command


async def test_the_command_says_what_happens_when(alone: Settings) -> None:
    status, said = await tandem(alone, "keys", "list")
    assert (status, said) == (0, "There is no key yet: the first process makes it.\n")
    status, said = await tandem(alone, "keys", "rotate")
    assert status == 0
    assert re.fullmatch(r"There was no key to replace: \w{16} signs now\.\n", said)
    [first] = await rows(alone)
    status, said = await tandem(alone, "keys", "rotate")
    assert status == 0
    old, new = await rows(alone)
    assert f"{new['kid']} is published now and signs from {new['signs_from']:%F %T} UTC." in said
    assert f"its tokens count until {old['retires_at']:%F %T} UTC." in said
    assert new["signs_from"] - new["created_at"] == timedelta(seconds=300 + 5)
    assert old["retires_at"] - new["signs_from"] == timedelta(seconds=900 + 5)
    status, said = await tandem(alone, "keys", "rotate")
    assert status == 1
    assert f"A rotation is under way until {old['retires_at']:%F %T} UTC." in said
    status, said = await tandem(alone, "keys", "list")
    assert status == 0
    assert re.search(rf"{old['kid']} .*{old['retires_at']:%F %T} +signs *\n", said)
    assert re.search(rf"{new['kid']}  {new['signs_from']:%F %T} .* signs later *\n", said)
    status, said = await tandem(alone, "keys", "rotate", TANDEM_SECRET=OTHER_SECRET)
    assert status == 1
    status, said = await tandem(
        alone, "keys", "rotate", "--compromised", TANDEM_SECRET=OTHER_SECRET
    )
    assert status == 0
    assert f"Ended: {old['kid']}, {new['kid']}." in said
    [only] = await rows(alone)
    assert only["kid"] not in (first["kid"], new["kid"])


async def test_serving_with_another_secret_is_refused_in_one_sentence(alone: Settings) -> None:
    async with process_of(alone) as process:
        await process.tokens.load()
    status, said = await tandem(
        alone, "serve", "--no-demo", "--port", "1", TANDEM_SECRET=OTHER_SECRET
    )
    assert status == 1
    assert said.startswith("tandem: ")
