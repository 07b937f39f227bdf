"""Idempotency keys: a write claims its key first, and stores its outcome under it for replays."""

import re
from datetime import timedelta
from typing import Any

import msgspec

from persistence.database.failures import LockTimeout
from persistence.database.transactions import Transaction
from persistence.idempotency import CLAIM_KEY, READ_KEY, RELEASE_KEY, STORE_OUTCOME, TAKE_OVER_KEY
from services.errors.base import FieldError, StoredError, TandemError, restored_error, stored_error
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
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_ESCAPED = re.compile(r'\\(["\\])')
_BLANKS = " \t"


def plain_key(key: str | None) -> str | None:
    """The key without the blanks and quotes around it; None without a key.

    A header may hold the key as a structured field's string (RFC 9651): ``"k"`` is the key ``k``.
    """
    if key is None:
        return None
    key = key.strip(_BLANKS)
    if quoted := _QUOTED.fullmatch(key):
        key = _ESCAPED.sub(r"\1", quoted[1]).strip(_BLANKS)
    return key


def key_error(key: str | None) -> list[FieldError]:
    """The bad field of a malformed key; none when the key is well-formed or absent."""
    if key is None or _KEY.fullmatch(key):
        return []
    message = "Give 1 to 255 visible ASCII characters."
    return [FieldError("idempotencyKey", "INVALID_FORMAT", message)]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result or the declared error of the first call with a key; never an HTTP body."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: StoredError | None = None


async def claim(ctx: Context, tx: Transaction, key: str, input: Input) -> Outcome | None:
    """Claim the key in this transaction; the stored outcome when an earlier call claimed it.

    Raises `IdempotencyKeyReused` for another input, and `IdempotencyKeyInUse` when the first call
    still runs after the wait.
    """
    which = {"caller": ctx.user_id, "name": ctx.operation.name, "claimed": key}
    asked = fingerprint(_asked(ctx, input))
    lock_timeout = str(int(ctx.settings.lock_seconds * 1000))
    try:
        claimed = await tx.one(
            CLAIM_KEY,
            caller_id=ctx.user_id,
            operation=ctx.operation.name,
            key=key,
            fingerprint=asked,
            created_at=ctx.now,
            patience=str(int(ctx.process.key_turns.wait_seconds * 1000)),
            otherwise=lock_timeout,
        )
    except LockTimeout:
        raise IdempotencyKeyInUse from None
    if claimed:
        return None
    await tx.run(f"SET LOCAL lock_timeout = {lock_timeout}")
    expired = ctx.now - timedelta(hours=ctx.settings.key_hours)
    taken_over = await tx.one(
        TAKE_OVER_KEY, **which, expired=expired, new_fingerprint=asked, now=ctx.now
    )
    if taken_over:
        return None
    earlier = await tx.one(READ_KEY, **which)
    if earlier is None or earlier.outcome is None:
        raise IdempotencyKeyInUse
    if earlier.fingerprint != asked:
        raise IdempotencyKeyReused
    return msgspec.json.decode(earlier.outcome, type=Outcome)


def _asked(ctx: Context, input: Input) -> dict[str, Any]:
    """The parts of a call that a retry under its key must repeat."""
    asked = {"input": input.plain(), "ifMatch": normalized_tags(ctx.if_match)}
    if ctx.operation.conditional and ctx.request.if_none_match is not None:
        asked["ifNoneMatch"] = normalized_tags(ctx.request.if_none_match)
    return asked


async def store(ctx: Context, tx: Transaction, key: str, outcome: Any) -> None:
    """Store the outcome under the claimed key, in the same transaction.

    An error that the caller can put right (bad input, no permission) frees the key instead.
    """
    if isinstance(outcome, ValidationFailed | Unauthenticated | Forbidden):
        which = {"caller": ctx.user_id, "name": ctx.operation.name, "claimed": key}
        await tx.write(RELEASE_KEY, **which)
        return
    if isinstance(outcome, TandemError):
        stored = Outcome(error=stored_error(outcome))
    else:
        stored = Outcome(result=msgspec.Raw(msgspec.json.encode(outcome)))
    await tx.write(
        STORE_OUTCOME,
        caller=ctx.user_id,
        name=ctx.operation.name,
        claimed=key,
        stored=msgspec.json.encode(stored),
    )


def replay(outcome: Outcome, result_type: Any) -> Any:
    """Answer the first call's result again, or raise its error again."""
    if outcome.error is not None:
        raise restored_error(outcome.error)
    return msgspec.json.decode(outcome.result, type=result_type)
