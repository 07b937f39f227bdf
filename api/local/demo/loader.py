"""The loader's tools: a clock that it moves, and requests to call operations with."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from services import wallet
from services.deposits import depositing as deposits
from services.ids import new_id
from services.money import currency
from services.operation.context import Request
from services.process import Process

PASSWORD = "tandem-demo-1"  # noqa: S105  (development only; production refuses to load it)


class Clock:
    """A clock that stands still until it is moved, so that operations happen in the past."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.now


@dataclass
class Loader:
    """Calls operations of a process at the times that its clock shows.

    ``ends_at`` is the time of the load itself: nothing in the shop is later.
    """

    process: Process
    clock: Clock
    ends_at: datetime

    def request(self, token: str | None = None) -> Request:
        """A new request for one call, by the owner of the access token."""
        return Request(
            self.process, id=f"seed-{self.new_key()}", face="seed", bearer=token, prepaid=True
        )

    def amount(self, of_files: Decimal) -> Decimal:
        """An amount of the data files in the shop's currency.

        The files are written in EUR. A currency without decimals gets a hundred times as much, so
        that 19.99 is 1999; others get the same number.
        """
        shop = currency(self.process.settings.currency)
        return shop.rounded(of_files if shop.decimals else of_files * 100)

    def new_key(self) -> str:
        """An idempotency key for one call."""
        return new_id(self.clock.now)

    async def top_up(self, token: str, needed: Decimal) -> None:
        """Deposit a round sum where the caller can order for less than what is needed."""
        found = await wallet.get(self.request(token))
        missing = needed - (found.balance - found.held)
        if missing > 0:
            amount = 50 * math.ceil(missing / 50)
            await deposits.create(self.request(token), {"amount": str(amount)}, key=self.new_key())
            # Two wallet entries of one millisecond would be listed in any order.
            self.clock.now += timedelta(milliseconds=1)


def spread(loader: Loader, first_day: int, last_day: int, count: int) -> list[datetime]:
    """Times at even distances, from ``first_day`` to ``last_day`` days before the load."""
    start, end = timedelta(days=first_day), timedelta(days=last_day)
    return [loader.ends_at - start + (start - end) * number / count for number in range(count)]
