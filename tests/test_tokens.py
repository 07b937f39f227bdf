"""Signing keys in their table, and the tokens that are signed and verified with them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest

from services.core import tokens as tokens_module
from services.core.context import Process, new_database, new_process
from services.core.errors import TokenExpired, Unauthenticated, Unavailable
from services.core.ids import new_id
from services.core.settings import DEVELOPMENT_SECRET, Settings
from services.core.signing import Seal, SealedElsewhere
from tests.conftest import Addresses, serving, settings_for
from tests.shop import Clock

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


async def rows(settings: Settings) -> list[dict[str, Any]]:
    """What stands in the table."""
    connection = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        found = await connection.fetch("SELECT * FROM signing_keys ORDER BY signs_from")
        return [dict(row) for row in found]
    finally:
        await connection.close()


async def execute(settings: Settings, sql: str, *values: object) -> None:
    """Change the table behind the processes' backs."""
    connection = await asyncpg.connect(settings.database_url, timeout=10)
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
    async with process_of(alone, secret=settings_for("", "", secret=OTHER_SECRET).secret) as thief:
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
        looks = counted(process.tokens, "load")
        for _ in range(50):
            assert not await accepted(process, odd)
        assert len(looks) == 1


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
    clock = Clock()
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
