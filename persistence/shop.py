"""What holds for the whole database: the currency of all its amounts, recorded once."""

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from persistence.database.columns import checked, currency, instant, named, table_of
from persistence.database.statements import Query, nothing, value


class ShopTable(SQLModel, table=True):
    """The shop's currency, in one row that never changes."""

    __tablename__ = named("shop")
    __table_args__ = (checked("id = 1", "single"),)

    id: int = Field(
        default=1,
        primary_key=True,
        sa_type=cast(Any, sa.SmallInteger),
        sa_column_kwargs={"autoincrement": False, "server_default": sa.text("1")},
    )
    currency: str = currency()
    created_at: datetime = instant()


shop = table_of(ShopTable)

#: The currency of the database's amounts; no row before the first start.
RECORDED_CURRENCY = Query(sa.select(shop.c.currency), value)
#: Values: ``currency``. The first start records it, unless wallets have another one already.
RECORD_CURRENCY = Query(
    sa.text(
        "INSERT INTO shop (currency) SELECT coalesce("
        "(SELECT currency FROM accounts WHERE currency IS NOT NULL LIMIT 1), :currency) "
        "ON CONFLICT DO NOTHING"
    ).bindparams(sa.bindparam("currency", type_=sa.CHAR(3))),
    nothing,
)
