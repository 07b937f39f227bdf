"""Idempotency keys and the outcomes stored under them."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel

from persistence.database.columns import Uuid, column, instant, named, table_of
from persistence.database.rows import row_plan
from persistence.database.statements import Query, forget, given, nothing, value


class KeyTable(SQLModel, table=True):
    """One idempotency key of one caller and operation."""

    __tablename__ = named("idempotency_keys")

    caller_id: str = column(Uuid, primary_key=True)
    operation: str = column(sa.Text, primary_key=True)
    key: str = column(sa.Text, primary_key=True)
    fingerprint: bytes = column(sa.LargeBinary)
    outcome: bytes | None = column(sa.LargeBinary, nullable=True)
    created_at: datetime = instant(index=True)


class Claim(Struct, frozen=True):
    """The call that claimed a key, and its outcome; None while it runs."""

    fingerprint: bytes
    outcome: bytes | None
    created_at: datetime


keys = table_of(KeyTable)

_CLAIMED = ("caller_id", "operation", "key", "fingerprint", "created_at")
_which = sa.and_(
    keys.c.caller_id == given("caller", keys.c.caller_id),
    keys.c.operation == given("name", keys.c.operation),
    keys.c.key == given("claimed", keys.c.key),
)


def _lock_timeout(milliseconds: str) -> sa.ColumnElement[str]:
    limit = sa.bindparam(milliseconds, type_=sa.Text)
    return sa.func.set_config(sa.literal_column("'lock_timeout'"), limit, sa.true())


# The insert waits for a first call in another process, so the statement sets the lock timeout
# around it: ``patience`` before the row is made, ``otherwise`` once it is in, both milliseconds as
# text. When the key is taken, ``patience`` stays set. Saves two round trips (60–100 µs each).
CLAIM_KEY = Query(
    insert(keys)
    .from_select(
        _CLAIMED,
        sa.select(*(given(name, keys.c[name]) for name in _CLAIMED)).where(
            _lock_timeout("patience").is_not(None)
        ),
    )
    .on_conflict_do_nothing()
    .returning(_lock_timeout("otherwise")),
    value,
)
_claim = row_plan(Claim, KeyTable)
READ_KEY = Query(sa.select(*_claim.selected).where(_which), _claim.row)
# When several calls find a key expired, one takes it over; the others no longer match the row.
TAKE_OVER_KEY = Query(
    sa.update(keys)
    .where(_which, keys.c.created_at < given("expired", keys.c.created_at))
    .values(
        fingerprint=given("new_fingerprint", keys.c.fingerprint),
        outcome=sa.null(),
        created_at=given("now", keys.c.created_at),
    )
    .returning(sa.literal_column("1")),
    value,
)
STORE_OUTCOME = Query(
    sa.update(keys).where(_which).values(outcome=given("stored", keys.c.outcome)), nothing
)
RELEASE_KEY = Query(sa.delete(keys).where(_which), nothing)
FORGET_KEYS = forget(keys, keys.c.created_at)
