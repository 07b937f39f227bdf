"""The currency of a database's amounts, which the first start records and no later one changes."""

from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.shop import RECORD_CURRENCY, RECORDED_CURRENCY


class OtherCurrency(Exception):
    """The database keeps another currency; the message is one sentence for a person."""


async def keep_currency(database: Database, code: str) -> None:
    """Record the currency where none is recorded; raises `OtherCurrency` where another one is.

    Amounts are added without a look at their currency, so all of a database have the same.
    """
    if await database.reader(QueryStats()).one(RECORDED_CURRENCY) is None:
        await database.reader(QueryStats()).all(RECORD_CURRENCY, currency=code)
    await refuse_other_currency(database, code)


async def refuse_other_currency(database: Database, code: str) -> None:
    """Raise `OtherCurrency` where another currency is recorded; changes nothing."""
    recorded = await database.reader(QueryStats()).one(RECORDED_CURRENCY)
    if recorded not in (None, code):
        raise OtherCurrency(
            f"The amounts of this database are in {recorded}: TANDEM_CURRENCY cannot be {code}."
        )
