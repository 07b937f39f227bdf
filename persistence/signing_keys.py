"""The keys that access tokens are signed with, and when each of them is in use."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import SQLModel

from persistence.database.columns import column, instant, named, table_of
from persistence.database.rows import row_plan
from persistence.database.statements import Query, given, insert, nothing

#: Makes rotations wait for each other; reads do not wait.
LOCK_SIGNING_KEYS = "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"


class SigningKeyTable(SQLModel, table=True):
    """A key that signs access tokens. It verifies tokens until it is retired."""

    __tablename__ = named("signing_keys")
    __table_args__ = (
        # At most one key has no end, so that only one of many processes makes the first key.
        sa.Index(
            "signing_keys_current_key",
            sa.text("(retires_at IS NULL)"),
            unique=True,
            postgresql_where=sa.text("retires_at IS NULL"),
        ),
    )

    kid: str = column(sa.Text, primary_key=True)
    public_key: bytes = column(sa.LargeBinary)
    sealed: bytes = column(sa.LargeBinary)
    created_at: datetime = instant()
    signs_from: datetime = instant(None)
    retires_at: datetime | None = instant(None, nullable=True)


class SigningKeyRow(Struct, frozen=True):
    """A signing key as it is stored."""

    kid: str
    public_key: bytes
    sealed: bytes
    created_at: datetime
    signs_from: datetime
    retires_at: datetime | None


_keys = table_of(SigningKeyTable)
_key = row_plan(SigningKeyRow, SigningKeyTable)
_NEW = ("kid", "public_key", "sealed", "created_at", "signs_from")
_which = _keys.c.kid == given("which", _keys.c.kid)

#: Oldest first: each key signs until the next one does.
SIGNING_KEYS = Query(
    sa.select(*_key.selected).order_by(_keys.c.signs_from, _keys.c.created_at), _key.row
)
INSERT_SIGNING_KEY = insert(_keys, *_NEW)
INSERT_FIRST_SIGNING_KEY = Query(insert_or(_keys).on_conflict_do_nothing(), nothing, _NEW)
RETIRE_SIGNING_KEY = Query(
    sa.update(_keys).where(_which).values(retires_at=given("ends", _keys.c.retires_at)), nothing
)
RESEAL_SIGNING_KEY = Query(
    sa.update(_keys).where(_which).values(sealed=given("resealed", _keys.c.sealed)), nothing
)
DELETE_SIGNING_KEYS = Query(
    sa.delete(_keys).where(_keys.c.kid == sa.any_(sa.bindparam("kids", type_=ARRAY(sa.Text())))),
    nothing,
)
