"""Idempotency keys: claimed first, replayed later."""

import re
from datetime import timedelta
from typing import Any

import msgspec

from persistence.database.failures import LockTimeout
from persistence.database.transactions import Transaction
from persistence.idempotency import CLAIM_KEY, READ_KEY, RELEASE_KEY, STORE_OUTCOME, TAKE_OVER_KEY
from services.errors.base import FieldError, StoredError, TandemError, restored, stored
from services.errors.common import (
    Forbidden,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    Unauthenticated,
    ValidationFailed,
)
from services.etags import fingerprint, normalized_tags
from services.operation.context import Context
from services.operation.inputs import Input

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def key_error(key: str | None) -> list[FieldError]:
    """What is wrong with a key; nothing when it is fine or absent."""
    if key is None or _KEY.fullmatch(key):
        return []
    message = "Give 1 to 255 visible ASCII characters."
    return [FieldError("idempotencyKey", "INVALID_FORMAT", message)]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the first call with a key ended: a result or a declared error, never an HTTP body."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: StoredError | None = None


async def claim(ctx: Context, tx: Transaction, key: str, input: Input) -> Outcome | None:
    """Claim the key in this transaction; the stored outcome when an earlier call had it.

    Raises `IdempotencyKeyReused` for other input, `IdempotencyKeyInUse` when the first call still
    runs after the wait.
    """
    which = {"caller": ctx.user_id, "name": ctx.operation.name, "claimed": key}
    asked = fingerprint({"input": input.plain(), "ifMatch": normalized_tags(ctx.if_match)})
    otherwise = str(int(ctx.settings.lock_seconds * 1000))
    try:
        claimed = await tx.one(
            CLAIM_KEY,
            caller_id=ctx.user_id,
            operation=ctx.operation.name,
            key=key,
            fingerprint=asked,
            created_at=ctx.now,
            patience=str(int(ctx.process.key_locks.wait_seconds * 1000)),
            otherwise=otherwise,
        )
    except LockTimeout:
        raise IdempotencyKeyInUse from None
    if claimed:
        return None
    await tx.run(f"SET LOCAL lock_timeout = {otherwise}")
    expired = ctx.now - timedelta(hours=ctx.settings.key_hours)
    taken_over = await tx.one(
        TAKE_OVER_KEY, **which, expired=expired, new_fingerprint=asked, now=ctx.now
    )
    if taken_over:
        return None
    kept = await tx.one(READ_KEY, **which)
    if kept is None or kept.outcome is None:
        raise IdempotencyKeyInUse
    if kept.fingerprint != asked:
        raise IdempotencyKeyReused
    return msgspec.json.decode(kept.outcome, type=Outcome)


async def store(ctx: Context, tx: Transaction, key: str, outcome: Any) -> None:
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
