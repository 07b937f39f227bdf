"""Idempotency keys: claimed first, replayed later, one at a time."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from persistence.database.failures import LockTimeout
from persistence.database.transactions import Transaction
from persistence.idempotency import CLAIM_KEY, READ_KEY, RELEASE_KEY, STORE_OUTCOME, TAKE_OVER_KEY
from services.errors.common import (
    FieldError,
    Forbidden,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    StoredError,
    TandemError,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
    restored,
    stored,
)

if TYPE_CHECKING:
    from services.operation.context import Context

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def key_error(key: str | None) -> list[FieldError]:
    """What is wrong with a key; nothing when it is fine or absent."""
    if key is None or _KEY.fullmatch(key):
        return []
    message = "Give 1 to 255 visible ASCII characters."
    return [FieldError("idempotencyKey", "INVALID_FORMAT", message)]


class KeyGate:
    """Lets calls with the same key near the database one at a time in this process.

    A waiter in the database holds a connection. So waiters wait here, without one; and the keyed
    calls that do hold one are capped below the pool's size, so that others still get through.
    """

    def __init__(self, wait_seconds: float, pool_size: int) -> None:
        self.wait_seconds = wait_seconds
        self._room = asyncio.Semaphore(max(1, pool_size * 3 // 4))
        self._busy: dict[tuple[str, str, str], _Turn] = {}

    @asynccontextmanager
    async def turn(self, caller: str, operation: str, key: str) -> AsyncIterator[None]:
        """Wait for the calls before this one; raises `IdempotencyKeyInUse` after the wait."""
        which = (caller, operation, key)
        turn = self._busy.setdefault(which, _Turn())
        turn.users += 1
        try:
            try:
                await asyncio.wait_for(turn.lock.acquire(), self.wait_seconds)
            except TimeoutError:
                raise IdempotencyKeyInUse from None
            try:
                async with self._place():
                    yield
            finally:
                turn.lock.release()
        finally:
            turn.users -= 1
            if turn.users == 0:
                del self._busy[which]

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._room.acquire(), self.wait_seconds)
        except TimeoutError:
            raise Unavailable from None
        try:
            yield
        finally:
            self._room.release()


@dataclass
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the first call with a key ended: a result or a declared error, never an HTTP body."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: StoredError | None = None


async def claim(ctx: "Context", tx: Transaction, key: str, fingerprint: bytes) -> Outcome | None:
    """Claim the key in this transaction; the stored outcome when an earlier call had it.

    Raises `IdempotencyKeyReused` for other input, `IdempotencyKeyInUse` when the first call still
    runs after the wait.
    """
    which = {"caller": ctx.user_id, "name": ctx.operation.name, "claimed": key}
    otherwise = str(int(ctx.settings.lock_seconds * 1000))
    try:
        claimed = await tx.one(
            CLAIM_KEY,
            caller_id=ctx.user_id,
            operation=ctx.operation.name,
            key=key,
            fingerprint=fingerprint,
            created_at=ctx.now,
            patience=str(int(ctx.process.gate.wait_seconds * 1000)),
            otherwise=otherwise,
        )
    except LockTimeout:
        raise IdempotencyKeyInUse from None
    if claimed:
        return None
    await tx.run(f"SET LOCAL lock_timeout = {otherwise}")
    expired = ctx.now - timedelta(hours=ctx.settings.key_hours)
    taken_over = await tx.one(
        TAKE_OVER_KEY, **which, expired=expired, new_fingerprint=fingerprint, now=ctx.now
    )
    if taken_over:
        return None
    kept = await tx.one(READ_KEY, **which)
    if kept is None or kept.outcome is None:
        raise IdempotencyKeyInUse
    if kept.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return msgspec.json.decode(kept.outcome, type=Outcome)


async def store(ctx: "Context", tx: Transaction, key: str, outcome: Any) -> None:
    """Keep the outcome under the claimed key, in the same transaction.

    What the caller can put right (bad input, not being allowed) is not kept: the key is free again.
    """
    if isinstance(outcome, ValidationFailed | Unauthenticated | Forbidden):
        which = {"caller": ctx.user_id, "name": ctx.operation.name, "claimed": key}
        await tx.write(RELEASE_KEY, **which)
        return
    if isinstance(outcome, TandemError):
        kept = Outcome(error=stored(outcome))
    else:
        kept = Outcome(result=msgspec.Raw(msgspec.json.encode(outcome)))
    await tx.write(
        STORE_OUTCOME,
        caller=ctx.user_id,
        name=ctx.operation.name,
        claimed=key,
        stored=msgspec.json.encode(kept),
    )


def replay(outcome: Outcome, result_type: Any) -> Any:
    """The first call's result again, or its error raised again."""
    if outcome.error is not None:
        raise restored(outcome.error)
    return msgspec.json.decode(outcome.result, type=result_type)
