"""The sales report: what was paid and refunded by period, and by category or product."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct
from pydantic import Field, model_validator

from persistence.reports.sales import SALES_BY_CATEGORY, SALES_BY_PRODUCT, Sales
from services import money
from services.access.permissions import Permission
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.operation.context import Context
from services.operation.inputs import Input, Instant, wrong
from services.operation.operation import operation
from services.reports.periods import PeriodLength, Span, TimeZone, periods

#: A year of days.
MOST_PERIODS = 366
#: Some megabytes of JSON, and a second of work.
MOST_ROWS = 10_000


class SalesGrouping(StrEnum):
    """The things that sales are summed by."""

    CATEGORY = "CATEGORY"
    PRODUCT = "PRODUCT"


class SalesQuery(Input):
    """The time of the report, and how sales are summed."""

    from_: Instant = Field(alias="from", description="From this time on.")
    to: Instant = Field(description="Before this time.")
    period: PeriodLength = Field(
        PeriodLength.DAY,
        description="Length of the periods; a week begins on Monday.",
        strict=False,
    )
    by: SalesGrouping = Field(
        SalesGrouping.CATEGORY, description="Sums by category or by product.", strict=False
    )
    time_zone: TimeZone | None = Field(
        None,
        description="Time zone of the IANA list whose days these are; that of the shop if absent.",
    )

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.to <= self.from_:
            raise wrong("CONFLICT", "Give a time later than from.", "to")
        return self


class SalesGroup(Struct, frozen=True, rename="camel"):
    """The sales of a category or product in a period."""

    group_id: Annotated[str, Meta(description="Id of the category or product.")]
    name: Annotated[str, Meta(description="Its name today.")]
    orders: Annotated[int, Meta(description="Orders with it that were paid in the period.")]
    quantity: Annotated[int, Meta(description="Pieces that were paid.")]
    gross: Annotated[Decimal, Meta(description="What was paid for them, discounts taken off.")]
    refunded_quantity: Annotated[int, Meta(description="Pieces that were refunded.")]
    refunded: Annotated[Decimal, Meta(description="What was refunded in the period.")]
    net: Annotated[Decimal, Meta(description="gross less refunded.")]


class SalesPeriod(Struct, frozen=True, rename="camel"):
    """The sales of a period; a period without sales has zeros and no groups."""

    first_day: Annotated[date, Meta(description="First day of the day, week or month.")]
    starts_at: Annotated[datetime, Meta(description="From this time on.")]
    ends_at: Annotated[datetime, Meta(description="Before this time.")]
    orders: Annotated[int, Meta(description="Orders that were paid in the period.")]
    gross: Annotated[Decimal, Meta(description="What was paid in the period.")]
    refunded: Annotated[Decimal, Meta(description="What was refunded in the period.")]
    net: Annotated[Decimal, Meta(description="gross less refunded.")]
    groups: Annotated[
        list[SalesGroup], Meta(description="Categories or products with sales, by name.")
    ]


class SalesReport(Struct, frozen=True, rename="camel"):
    """Sales by period, and by category or product."""

    time_zone: Annotated[str, Meta(description="The time zone whose days these are.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    orders: Annotated[int, Meta(description="Orders that were paid.")]
    gross: Annotated[Decimal, Meta(description="What was paid.")]
    refunded: Annotated[Decimal, Meta(description="What was refunded.")]
    net: Annotated[Decimal, Meta(description="gross less refunded.")]
    periods: Annotated[
        list[SalesPeriod], Meta(description="Every period of the time, the earliest first.")
    ]


@operation(
    "reports.sales",
    who=Permission.REPORTS_READ_ALL,
    input=SalesQuery,
    result=SalesReport,
    cost=20,
)
async def sales(ctx: Context, input: SalesQuery) -> SalesReport:
    """Sum up what was paid and refunded in a time, by day, week or month.

    A payment counts when it was made, and a refund when it was made, so a period can have more
    refunds than payments. A discount lowers the amount of each line by its share. The amounts of
    all groups sum to those of their period, and these to the postings of the ledger.
    """
    zone = input.time_zone or ctx.settings.time_zone
    spans = _spans(input, zone)
    query = SALES_BY_PRODUCT if input.by is SalesGrouping.PRODUCT else SALES_BY_CATEGORY
    rows = await ctx.reader.all(
        query,
        **{"from": input.from_, "to": input.to},
        starts=[span.starts_at for span in spans],
        limit=MOST_ROWS + 1,
    )
    if len(rows) > MOST_ROWS:
        raise _too_many(f"The report has more than {MOST_ROWS:,} rows. Give a shorter time.")
    return _report(zone, money.currency(ctx.settings.currency), spans, rows)


def _spans(input: SalesQuery, zone: str) -> list[Span]:
    """The periods of a report; raises `ValidationFailed` for too many."""
    found = periods(input.from_, input.to, input.period, ZoneInfo(zone))
    spans = list(islice(found, MOST_PERIODS + 1))
    if len(spans) > MOST_PERIODS:
        raise _too_many(f"Give a time of at most {MOST_PERIODS} periods, or longer periods.")
    return spans


def _too_many(message: str) -> ValidationFailed:
    return ValidationFailed(fields=[FieldError("to", "TOO_MANY", message)])


def _report(
    zone: str, currency: money.Currency, spans: Sequence[Span], rows: Sequence[Sales]
) -> SalesReport:
    """The report of the statement's rows."""

    def amounts(row: Sales | None) -> tuple[Decimal, Decimal, Decimal]:
        if row is None:
            return currency.zero, currency.zero, currency.zero
        # An amount of nothing comes without decimals.
        gross, refunded = currency.rounded(row.gross), currency.rounded(row.refunded)
        return gross, refunded, gross - refunded

    whole, *others = rows
    sums = {row.period: row for row in others if row.group_id is None}
    groups: dict[int | None, list[SalesGroup]] = {}
    for row in others:
        if row.group_id is not None and row.name is not None:
            gross, refunded, net = amounts(row)
            group = SalesGroup(
                group_id=row.group_id,
                name=row.name,
                orders=row.orders,
                quantity=row.quantity,
                gross=gross,
                refunded_quantity=row.refunded_quantity,
                refunded=refunded,
                net=net,
            )
            groups.setdefault(row.period, []).append(group)
    found = [
        SalesPeriod(
            *span,
            sums[place].orders if place in sums else 0,
            *amounts(sums.get(place)),
            groups.get(place, []),
        )
        for place, span in enumerate(spans, 1)
    ]
    return SalesReport(zone, currency.code, whole.orders, *amounts(whole), found)
