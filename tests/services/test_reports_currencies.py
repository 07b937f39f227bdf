"""Sales in shops without decimals and with three: exact to the smallest unit."""

import re
from collections.abc import AsyncIterator

import pytest

from services.reports.periods import PeriodLength
from tests.conftest import Addresses
from tests.sales import Place, booked, expected, groups_of, sums_of, trading

ZONES = ("UTC", "America/St_Johns")
FORMS = {"JPY": r"-?\d+", "KWD": r"-?\d+\.\d{3}"}


@pytest.fixture(scope="module", params=FORMS)
async def place(
    request: pytest.FixtureRequest, addresses: Addresses, password_hash: str
) -> AsyncIterator[Place]:
    async with trading(addresses, password_hash, request.param) as place:
        yield place


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("by", ["CATEGORY", "PRODUCT"])
async def test_each_group_of_each_day_has_its_share_of_payments_and_refunds(
    place: Place, by: str, zone: str
) -> None:
    assert groups_of(await place.sales(by=by, timeZone=zone)) == expected(place, by, zone)


async def test_every_sum_is_that_of_the_ledger_and_has_the_decimals_of_the_currency(
    place: Place,
) -> None:
    whole = await booked(place)
    assert whole[1] > 0
    form = re.compile(FORMS[place.currency.code])
    for zone in ZONES:
        for period in PeriodLength:
            for by in ("CATEGORY", "PRODUCT"):
                report = await place.sales(by=by, period=period, timeZone=zone)
                assert report["currency"] == place.currency.code
                assert sums_of([report]) == sums_of(report["periods"]) == whole
                for one in report["periods"]:
                    assert sums_of(one["groups"]) == sums_of([one])
                    for part in (report, one, *one["groups"]):
                        amounts = [part[name] for name in ("gross", "refunded", "net")]
                        assert all(map(form.fullmatch, amounts)), amounts


async def test_every_door_has_the_same_report_in_every_currency(place: Place) -> None:
    reports = [await place.sales(name, by="PRODUCT") for name in ("direct", "graphql", "v1", "v2")]
    assert all(one == reports[0] for one in reports)
    nothing = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    zero = str(place.currency.zero)
    empty = await place.sales(**nothing)
    for one in (empty, *empty["periods"]):
        assert (one["gross"], one["refunded"], one["net"]) == (zero, zero, zero)
